"""Rows that sit on the edges of a model's splits, and how far apart two answers are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import numpy_helper

#: What numbers can be that no threshold is near to. LightGBM takes up to the float32 next to 1e-35 for zero.
SPECIAL = (np.nan, 0.0, -0.0, np.inf, -np.inf, 1e-36, float(np.float32(1e-35)), -float(np.float32(1e-35)), 2e-35, 1e300)
FINITE = (0.0, -0.0, 1e-36, -1e-36, 1e30, -1e30)


def edge_rows(
    content: bytes, n_columns: int, *, n: int = 400, special: Sequence[float] = SPECIAL, dtype: Any = np.float64
) -> npt.NDArray[Any]:
    """Rows of thresholds of an ONNX model, of their neighbours in `dtype`, of special and of random numbers."""
    rng = np.random.default_rng(0)
    thresholds: list[list[float]] = [[] for _ in range(n_columns)]
    for node in onnx.load_from_string(content).graph.node:
        if node.op_type == "TreeEnsemble":
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            splits = numpy_helper.to_array(attributes["nodes_splits"])
            for column, threshold in zip(attributes["nodes_featureids"], splits, strict=True):
                if np.isfinite(threshold):
                    thresholds[column].append(float(threshold))
    X = rng.normal(size=(n, n_columns)).astype(dtype)
    with np.errstate(over="ignore"):
        for column, known in enumerate(thresholds):
            if known:
                chosen = rng.choice(np.array(known), n).astype(dtype)
                towards = rng.choice(np.array([-np.inf, np.inf], dtype=dtype), n)
                near = np.where(rng.random(n) < 0.5, chosen, np.nextafter(chosen, towards))
                X[:, column] = np.where(rng.random(n) < 0.6, near, X[:, column])
            given = np.asarray(special, dtype=dtype)
            X[:, column] = np.where(rng.random(n) < 0.25, rng.choice(given, n), X[:, column])
    return X


def ulps(ours: Any, theirs: Any) -> float:
    """The largest distance between two arrays, in units of the last place of `theirs`."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    if same.all():
        return 0.0
    wide = np.longdouble
    gap = np.abs(ours.astype(wide) - theirs.astype(wide)) / np.spacing(np.abs(theirs)).astype(wide)
    return float(np.where(same, 0, gap).max())


def is_near(ours: Any, theirs: Any) -> bool:
    """Whether two arrays are as far apart as sums of the same numbers in different orders may be."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape
    room = 64 * np.finfo(ours.dtype).eps * max(1.0, float(np.abs(theirs).max()))
    return bool((np.abs(ours.astype(np.float64) - theirs) <= room).all())


def probability_ulps(ours: Any, theirs: Any) -> float:
    """The same for probabilities: of two classes the second counts; the first is 1 less it and loses digits near 0."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    if theirs.shape[1] == 2:
        np.testing.assert_allclose(ours[:, 0], theirs[:, 0], rtol=0, atol=8 * np.finfo(ours.dtype).eps)
        return ulps(ours[:, 1], theirs[:, 1])
    return ulps(ours, theirs)


def onnxruntime_scores(content: bytes, X: Any) -> npt.NDArray[Any]:
    """What onnxruntime gives: probabilities, or the variable. One thread adds the trees one by one, in their order."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    feed = {}
    for value in session.get_inputs():
        part = X if value.name == "X" and not isinstance(X, dict) else np.asarray(X[value.name]).reshape(-1, 1)
        kind = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(string)": object}[value.type]
        feed[value.name] = part.astype(kind)
    return np.asarray(session.run([session.get_outputs()[-1].name], feed)[0])
