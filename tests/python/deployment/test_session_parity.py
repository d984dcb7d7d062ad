"""The session and onnxruntime give the same for the same file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx_models
import pytest
from arsenal.deployment import InferenceSession
from numpy.typing import NDArray
from onnx_models import DOUBLE, FLOAT, Trees

N_FEATURES = 4
GRID = np.linspace(-2, 2, 33)
DTYPES = {FLOAT: np.float32, DOUBLE: np.float64}


def grid(dtype: int) -> NDArray[Any]:
    # Thirds are rounded differently in float32 and float64: a runtime that narrows thresholds takes wrong branches.
    return (GRID / 3).astype(DTYPES[dtype])


def same(ours: list[NDArray[Any]], theirs: list[NDArray[Any]], ulps: int = 0, atol: float = 1e-9) -> None:
    assert len(ours) == len(theirs)
    for our, their in zip(ours, theirs, strict=True):
        assert our.shape == their.shape
        assert our.dtype == their.dtype
        if our.dtype.kind == "f" and ulps:
            # `maxulp` beside zero would ask for more than float32 holds: a softmax's small terms get the same absolute
            # bound that its large ones have.
            np.testing.assert_allclose(our, their, rtol=ulps * np.finfo(our.dtype).eps, atol=atol)
        else:
            np.testing.assert_array_equal(our, their)


@pytest.mark.parametrize("n_rows", [0, 1, 2, 7, 64, 65, 1000])
@pytest.mark.parametrize("mode", ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT"])
def test_regressor(rival: Any, mode: str, n_rows: int) -> None:
    rng = np.random.default_rng(n_rows)
    trees = Trees(rng, n_trees=9, depth=4, n_features=N_FEATURES, n_targets=1, grid=grid(FLOAT))
    model = onnx_models.regressor(trees, N_FEATURES, mode=mode, base=[0.5], ml_version=1)
    x = onnx_models.rows(rng, n_rows, N_FEATURES, grid(FLOAT))
    session = InferenceSession(model)
    same(session.run(None, {"X": x}), rival(model).run(None, {"X": x}))
    np.testing.assert_array_equal(session(x), session.run(None, {"X": x})[0])


@pytest.mark.parametrize("aggregate", ["SUM", "AVERAGE", "MIN", "MAX"])
@pytest.mark.parametrize("n_targets", [1, 3])
def test_aggregates(rival: Any, aggregate: str, n_targets: int) -> None:
    rng = np.random.default_rng(n_targets)
    # A power of two, so that AVERAGE is exact as well.
    trees = Trees(rng, 8, 3, N_FEATURES, n_targets, grid(FLOAT))
    if n_targets > 1:
        # MIN and MAX of a target that no leaf of a tree names are not what runtimes agree on.
        trees.target[:] = np.arange(trees.n_leaves) % 1
        if aggregate != "SUM":
            trees.n_targets = 1
    model = onnx_models.regressor(trees, N_FEATURES, aggregate=aggregate)
    x = onnx_models.rows(rng, 200, N_FEATURES, grid(FLOAT))
    same(InferenceSession(model).run(None, {"X": x}), rival(model).run(None, {"X": x}))


@pytest.mark.parametrize("labels", [["setosa", "virginica", "versicolor"], [3, 1, 2]], ids=["strings", "integers"])
@pytest.mark.parametrize("post_transform", ["NONE", "SOFTMAX"])
def test_classifier_of_three(rival: Any, labels: Any, post_transform: str) -> None:
    rng = np.random.default_rng(3)
    trees = Trees(rng, 12, 4, N_FEATURES, 3, grid(FLOAT))
    model = onnx_models.classifier(trees, N_FEATURES, labels, post_transform=post_transform, ml_version=1)
    x = onnx_models.rows(rng, 500, N_FEATURES, grid(FLOAT))
    session = InferenceSession(model)
    same(session.run(None, {"X": x}), rival(model).run(None, {"X": x}), ulps=0 if post_transform == "NONE" else 16)
    np.testing.assert_array_equal(session(x), session.run(["probabilities"], {"X": x})[0])


def test_classifier_of_two_with_one_weight(rival: Any) -> None:
    """What LightGBM's and XGBoost's converters write: weights for class 1 alone, LOGISTIC."""
    rng = np.random.default_rng(4)
    trees = Trees(rng, 20, 3, N_FEATURES, 1, grid(FLOAT))
    model = onnx_models.classifier(trees, N_FEATURES, [0, 1], post_transform="LOGISTIC")
    x = onnx_models.rows(rng, 300, N_FEATURES, grid(FLOAT))
    same(InferenceSession(model).run(None, {"X": x}), rival(model).run(None, {"X": x}), ulps=16)


# Trees of 32 leaves go to the ranked engine, those of 512 to the deep one.
ENGINES = pytest.mark.parametrize(("depth", "engine"), [(5, "ranked"), (9, "deep")])


@ENGINES
@pytest.mark.parametrize("double", [False, True], ids=["float", "double"])
@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_forest_of_probabilities(rival: Any, n_classes: int, double: bool, depth: int, engine: str) -> None:
    """What converters write for a forest: probabilities of all classes at each leaf."""
    rng = np.random.default_rng(13)
    dtype = DOUBLE if double else FLOAT
    trees = Trees(rng, 16, depth, N_FEATURES, n_classes, grid(dtype), vectors=True)
    model = onnx_models.classifier(
        trees, N_FEATURES, list(range(n_classes)), post_transform="NONE", ml_version=3 if double else 1, double=double
    )
    x = onnx_models.rows(rng, 700, N_FEATURES, grid(dtype))
    session = InferenceSession(model)
    assert session.describe()["engine"] == engine
    same(session.run(None, {"X": x}), rival(model).run(None, {"X": x}))
    np.testing.assert_array_equal(session(x[:1]), session(x)[:1])


@ENGINES
@pytest.mark.parametrize("double", [False, True], ids=["float", "double"])
@pytest.mark.parametrize("aggregate", ["SUM", "AVERAGE"])
@pytest.mark.parametrize("n_targets", [1, 4])
def test_forest_of_several_targets(
    rival: Any, n_targets: int, aggregate: str, double: bool, depth: int, engine: str
) -> None:
    rng = np.random.default_rng(14)
    dtype = DOUBLE if double else FLOAT
    trees = Trees(rng, 16, depth, N_FEATURES, n_targets, grid(dtype), vectors=True)
    model = onnx_models.regressor(trees, N_FEATURES, aggregate=aggregate, double=double)
    x = onnx_models.rows(rng, 700, N_FEATURES, grid(dtype))
    session = InferenceSession(model)
    assert session.describe()["engine"] == engine
    same(session.run(None, {"X": x}), rival(model).run(None, {"X": x}))


@ENGINES
@pytest.mark.parametrize("dtype", [FLOAT, DOUBLE], ids=["float", "double"])
def test_deep_tree_ensemble(rival: Any, dtype: int, depth: int, engine: str) -> None:
    rng = np.random.default_rng(15)
    trees = Trees(rng, 9, depth, N_FEATURES, 3, grid(dtype))
    model = onnx_models.ensemble(trees, N_FEATURES, dtype=dtype)
    x = onnx_models.rows(rng, 700, N_FEATURES, grid(dtype))
    session = InferenceSession(model)
    assert session.describe()["engine"] == engine
    same(session.run(None, {"X": x}), rival(model).run(None, {"X": x}))


def test_double_thresholds(rival: Any) -> None:
    rng = np.random.default_rng(5)
    trees = Trees(rng, 10, 4, N_FEATURES, 1, grid(DOUBLE))
    model = onnx_models.regressor(trees, N_FEATURES, double=True)
    x = onnx_models.rows(rng, 500, N_FEATURES, grid(DOUBLE))
    same(InferenceSession(model).run(None, {"X": x}), rival(model).run(None, {"X": x}))


@pytest.mark.parametrize("dtype", [FLOAT, DOUBLE], ids=["float", "double"])
@pytest.mark.parametrize("mode", [0, 1, 2, 3], ids=["leq", "lt", "gte", "gt"])
@pytest.mark.parametrize("n_targets", [1, 3])
def test_tree_ensemble(rival: Any, dtype: int, mode: int, n_targets: int) -> None:
    rng = np.random.default_rng(6)
    trees = Trees(rng, 9, 4, N_FEATURES, n_targets, grid(dtype))
    model = onnx_models.ensemble(trees, N_FEATURES, dtype=dtype, mode=mode)
    x = onnx_models.rows(rng, 500, N_FEATURES, grid(dtype))
    same(InferenceSession(model).run(None, {"X": x}), rival(model).run(None, {"X": x}))


@pytest.mark.parametrize("dtype", [FLOAT, DOUBLE], ids=["float", "double"])
def test_tree_ensemble_with_members(rival: Any, dtype: int) -> None:
    rng = np.random.default_rng(7)
    trees = Trees(rng, 6, 3, N_FEATURES, 1, np.arange(5.0))
    trees.missing_true[:] = 0  # a missing value is in no set
    members = [[0.0, 2.0], [1.0], [3.0, 4.0, 0.0], [31.0, 32.0, 63.0, 64.0, 1.0]]
    model = onnx_models.ensemble(trees, N_FEATURES, dtype=dtype, members=members)
    x = rng.choice([0, 1, 2, 3, 4, 31, 32, 63, 64, 65, 0.5, -1, np.nan], (600, N_FEATURES)).astype(DTYPES[dtype])
    same(InferenceSession(model).run(None, {"X": x}), rival(model).run(None, {"X": x}))


def test_binary_head_with_string_labels(rival: Any) -> None:
    rng = np.random.default_rng(8)
    trees = Trees(rng, 10, 4, N_FEATURES, 1, grid(FLOAT))
    model = onnx_models.binary_head(trees, N_FEATURES)
    x = onnx_models.rows(rng, 300, N_FEATURES, grid(FLOAT))
    ours, theirs = InferenceSession(model).run(None, {"X": x}), rival(model).run(None, {"X": x})
    # onnxruntime's sigmoid is a rational function, good to an ulp of 1 and not of a small probability.
    same(ours, theirs, ulps=16, atol=2e-7)
    assert {type(label) for label in ours[0]} == {str}
    raw = InferenceSession(onnx_models.regressor(trees, N_FEATURES))(x)[:, 0].astype(np.float64)
    np.testing.assert_allclose(ours[1][:, 1], 1 / (1 + np.exp(-raw)), rtol=4 * np.finfo(np.float32).eps)
    np.testing.assert_array_equal(ours[1][:, 0], np.float32(1) - ours[1][:, 1])


def test_multiclass_head_with_integer_labels(rival: Any) -> None:
    rng = np.random.default_rng(9)
    trees = Trees(rng, 12, 4, N_FEATURES, 4, grid(FLOAT))
    model = onnx_models.multiclass_head(trees, N_FEATURES)
    x = onnx_models.rows(rng, 300, N_FEATURES, grid(FLOAT))
    same(InferenceSession(model).run(None, {"X": x}), rival(model).run(None, {"X": x}), ulps=16)


def test_string_columns(rival: Any) -> None:
    rng = np.random.default_rng(10)
    trees = Trees(rng, 10, 4, N_FEATURES, 2, np.arange(7.0))
    model = onnx_models.flights(trees)
    n = 400
    feed = {
        "distance": rng.choice(np.arange(8.0), (n, 1)).astype(np.float32),
        "carrier": rng.choice(np.array([*onnx_models.CARRIERS, "unknown"], object), (n, 1)),
        "delay": rng.choice([np.nan, 1, 2, 3], (n, 1)).astype(np.float32),
        "origin": rng.choice(np.array(["EWR", "JFK", "LGA", "", "jfk"], object), (n, 1)),
    }
    same(InferenceSession(model).run(None, feed), rival(model).run(None, feed))


def test_instruction_sets_change_no_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(12)
    trees = Trees(rng, 40, 5, N_FEATURES, 3, grid(FLOAT))
    trees.weight = rng.normal(size=trees.weight.shape)
    (tmp_path / "model.onnx").write_bytes(onnx_models.classifier(trees, N_FEATURES, [0, 1, 2]))
    np.save(tmp_path / "x.npy", onnx_models.rows(rng, 1001, N_FEATURES, grid(FLOAT)))
    code = "import arsenal, numpy as np; s = arsenal.load('model.onnx'); x = np.load('x.npy'); "
    code += "print(s.describe()['isa'], s(x).tobytes().hex(), s(x[5:6]).tobytes().hex())"

    def scores(**environment: str) -> list[str]:
        return subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={**os.environ, **environment},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()

    best, *expected = scores()
    known = ["scalar", "avx2", "avx512"]
    for isa in known[: known.index(best) + 1]:
        assert scores(ARSENAL_FORCE_ISA=isa) == [isa, *expected]


@pytest.mark.parametrize("n_threads", [2, -1])
def test_threads_change_no_bit(n_threads: int) -> None:
    rng = np.random.default_rng(11)
    trees = Trees(rng, 60, 5, N_FEATURES, 3, grid(FLOAT))
    trees.weight = rng.normal(size=trees.weight.shape)  # sums that do depend on their order
    model = onnx_models.classifier(trees, N_FEATURES, [0, 1, 2])
    x = onnx_models.rows(rng, 5000, N_FEATURES, grid(FLOAT))
    one = InferenceSession(model)(x)
    np.testing.assert_array_equal(InferenceSession(model, n_threads=n_threads)(x), one)
    # A row's bits do not depend on the rows around it either.
    np.testing.assert_array_equal(InferenceSession(model)(x[1234:1235]), one[1234:1235])
