"""Trees that other libraries learned and converters wrote: the runtime takes their leaves and gives their numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from arsenal.deployment import InferenceSession
from leaf_numbers import attributes, leaf_number_model, tree_node
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine

Array = NDArray[Any]


def real_tables() -> dict[str, tuple[Array, Array]]:
    """Small real tables in float32; `holes` lacks every fifth value, `codes` has categories in its first columns."""
    tables = {
        name: (data.data.astype(np.float32), data.target)
        for name, data in {
            "cancer": load_breast_cancer(),
            "diabetes": load_diabetes(),
            "iris": load_iris(),
            "wine": load_wine(),
        }.items()
    }
    x, y = tables["cancer"]
    missing = np.random.default_rng(0).random(x.shape) < 0.2
    tables["holes"] = (np.where(missing, np.float32(np.nan), x), y)
    x, y = tables["diabetes"]
    codes = np.floor(12 * x[:, :2].argsort(axis=0).argsort(axis=0) / len(x)).astype(np.float32)
    tables["codes"] = (np.hstack([codes, x[:, 2:]]), y)
    return tables


def around(x: Array) -> Array:
    """The rows, and the float32 numbers next to theirs on either side, where thresholds lie close."""
    return np.concatenate([x, np.nextafter(x, np.float32(np.inf)), np.nextafter(x, np.float32(-np.inf))])


def check_leaves(model: onnx.ModelProto, x: Array, leaves: Array) -> None:
    """A leaf of the file belongs to one leaf of the library's. (A file may split one leaf in several.)"""
    name = model.graph.input[0].name
    ours = InferenceSession(leaf_number_model(model).SerializeToString()).run(None, {name: x})[0]
    assert ours.shape == leaves.shape
    for tree in range(leaves.shape[1]):
        pairs = np.unique(np.stack([ours[:, tree].astype(np.int64), leaves[:, tree]], axis=1), axis=0)
        assert len(np.unique(pairs[:, 0])) == len(pairs), f"tree {tree}"
        assert len(pairs) > 1 or len(np.unique(leaves[:, tree])) == 1


def check_sums(model: onnx.ModelProto, x: Array, raw: Array) -> None:
    """For one target. The runtime adds up to 16 trees in four rounds, each of which rounds by half an ulp: its sum is
    that of the file's float32 leaves within two. The library's differs by the rounding of leaves and of its own sum."""
    ours = scores(model, x)[0].ravel()
    terms = leaf_weights(model, x)
    np.testing.assert_array_less(np.abs(ours - terms.sum(axis=1)), 2 * ulp(np.abs(terms).sum(axis=1)))
    np.testing.assert_allclose(ours, raw, rtol=0, atol=rounding(model))


def leaf_weights(model: onnx.ModelProto, x: Array) -> Array:
    """What each tree of the file gives a row, and its base value: [rows, trees + 1] in double."""
    copy = leaf_number_model(model)
    numbers = scores(copy, x)[0].astype(np.int64)
    values, numbered = attributes(tree_node(model)), attributes(tree_node(copy))
    weight_of = dict(
        zip(zip(values["target_treeids"], values["target_nodeids"], strict=True), values["target_weights"], strict=True)
    )
    terms = np.empty((len(x), numbers.shape[1] + 1))
    terms[:, -1] = np.float32(values.get("base_values", [0]))[0]
    for (tree, node), target, number in zip(
        zip(numbered["target_treeids"], numbered["target_nodeids"], strict=True),
        numbered["target_ids"],
        numbered["target_weights"],
        strict=True,
    ):
        terms[numbers[:, target] == number, target] = np.float32(weight_of[tree, node])
    return terms


def ulp(values: Array) -> Array:
    return np.spacing(values.astype(np.float32)).astype(np.float64)


def rounding(model: onnx.ModelProto) -> float:
    """What it comes to at most to round every leaf to float32, and the sum after each of them."""
    values = attributes(tree_node(model))
    prefix = "class" if "class_weights" in values else "target"
    trees, weights = np.array(values[f"{prefix}_treeids"]), np.abs(np.float32(values[f"{prefix}_weights"]))
    base = np.abs(np.float32(values.get("base_values", [0])))
    largest = np.array([*(weights[trees == tree].max() for tree in np.unique(trees)), base.max()])
    return float(ulp(largest).sum() / 2 + (len(largest) + 1) / 2 * ulp(np.array([largest.sum()]))[0])


def scores(model: onnx.ModelProto, x: Array) -> list[Array]:
    return [
        np.asarray(one) for one in InferenceSession(model.SerializeToString()).run(None, {model.graph.input[0].name: x})
    ]
