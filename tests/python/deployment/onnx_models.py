"""Small ONNX models, built with the onnx package alone, for the tests of the session.

Leaf weights are multiples of 1/64, so that sums over trees are exact in any order and scores can be compared bit for
bit with onnxruntime's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

FLOAT, DOUBLE, STRING, INT64, BOOL = (
    TensorProto.FLOAT,
    TensorProto.DOUBLE,
    TensorProto.STRING,
    TensorProto.INT64,
    TensorProto.BOOL,
)


def model_bytes(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    *,
    initializers: Sequence[onnx.TensorProto] = (),
    ml_version: int = 3,
    metadata: dict[str, str] | None = None,
) -> bytes:
    graph = helper.make_graph(nodes, "graph", inputs, outputs, initializer=initializers)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", ml_version)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9, producer_name="tests", producer_version="1.2")
    model.model_version = 7
    model.domain = "org.example"
    model.doc_string = "A model for tests."
    if metadata:
        helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def matrix(name: str, dtype: int = FLOAT, width: int | str | None = 4) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, ["N", width])


def column(name: str, dtype: int = FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, ["N", 1])


def vector(name: str, dtype: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, ["N"])


def identity(dtype: int = FLOAT, width: int | str | None = 4, metadata: dict[str, str] | None = None) -> bytes:
    """X goes out as it came in: what the door did to it can be seen."""
    node = helper.make_node("Identity", ["X"], ["Y"])
    return model_bytes([node], [matrix("X", dtype, width)], [matrix("Y", dtype, width)], metadata=metadata)


def named_identity(names: Sequence[str], dtype: int = FLOAT) -> bytes:
    return identity(dtype, len(names), {"arsenal.feature_names": json.dumps(list(names))})


def columns_identity(**dtypes: int) -> bytes:
    """One input [N, 1] for each name, and each goes out as `<name>_out`."""
    nodes = [helper.make_node("Identity", [name], [f"{name}_out"]) for name in dtypes]
    inputs = [column(name, dtype) for name, dtype in dtypes.items()]
    outputs = [column(f"{name}_out", dtype) for name, dtype in dtypes.items()]
    return model_bytes(nodes, inputs, outputs)


def quantiles() -> bytes:
    """Columns, and a parameter with rows of its own: `[N, 1]` times `[Q]` is `[N, Q]`."""
    node = helper.make_node("Mul", ["a", "levels"], ["Y"])
    levels = helper.make_tensor_value_info("levels", FLOAT, ["Q"])
    return model_bytes([node], [column("a"), levels], [helper.make_tensor_value_info("Y", FLOAT, ["N", "Q"])])


# --- trees ---


class Trees:
    """Random trees of one depth: inner nodes in breadth-first order, and the leaves below them."""

    def __init__(
        self,
        rng: np.random.Generator,
        n_trees: int,
        depth: int,
        n_features: int,
        n_targets: int,
        grid: NDArray[Any],
        vectors: bool = False,
    ) -> None:
        self.n_inner = 2**depth - 1
        self.n_leaves = 2**depth
        self.n_trees = n_trees
        self.n_targets = n_targets
        size = (n_trees, self.n_inner)
        self.feature = rng.integers(0, n_features, size)
        # Thresholds from the grid that rows are drawn from: x == threshold happens all the time.
        self.threshold = rng.choice(grid, size)
        self.missing_true = rng.integers(0, 2, size)
        self.target = rng.integers(0, n_targets, (n_trees, self.n_leaves))
        self.weight = rng.integers(-128, 129, (n_trees, self.n_leaves)) / 64
        # With `vectors` each leaf has a weight for each target, as a forest's leaves have probabilities.
        self.vector = rng.integers(0, 65, (n_trees, self.n_leaves, n_targets)) / 64 if vectors else None

    def weights(self, tree: int, leaf: int) -> list[tuple[int, float]]:
        """Target and weight of each weight of a leaf."""
        if self.vector is not None:
            return list(enumerate(self.vector[tree, leaf].tolist()))
        return [(int(self.target[tree, leaf]), float(self.weight[tree, leaf]))]


def rows(rng: np.random.Generator, n: int, n_features: int, grid: NDArray[Any]) -> NDArray[Any]:
    """Rows on and beside the thresholds, with NaN, infinities and signed zeros."""
    x = rng.choice(grid, (n, n_features))
    kind = rng.integers(0, 8, x.shape)
    x = np.where(kind == 0, np.nextafter(x, np.inf), x)
    x = np.where(kind == 1, np.nextafter(x, -np.inf), x)
    special = np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324], x.dtype)
    return np.where(kind == 2, rng.choice(special, x.shape), x).astype(grid.dtype)


def _classic(trees: Trees, mode: str, prefix: str, double: bool) -> dict[str, Any]:
    """Attributes of TreeEnsembleClassifier (prefix "class") and TreeEnsembleRegressor (prefix "target")."""
    names = ("treeids", "nodeids", "featureids", "modes", "truenodeids", "falsenodeids", "values")
    nodes: dict[str, list[Any]] = {name: [] for name in names}
    nodes["missing"] = []
    leaves: dict[str, list[Any]] = {"treeids": [], "nodeids": [], "ids": [], "weights": []}
    for tree in range(trees.n_trees):
        for node in range(trees.n_inner + trees.n_leaves):
            inner = node < trees.n_inner
            row = (
                tree,
                node,
                int(trees.feature[tree, node]) if inner else 0,
                mode if inner else "LEAF",
                2 * node + 1 if inner else 0,
                2 * node + 2 if inner else 0,
                float(trees.threshold[tree, node]) if inner else 0.0,
            )
            for name, value in zip(names, row, strict=True):
                nodes[name].append(value)
            nodes["missing"].append(int(trees.missing_true[tree, node]) if inner else 0)
            if not inner:
                for target, weight in trees.weights(tree, node - trees.n_inner):
                    leaves["treeids"].append(tree)
                    leaves["nodeids"].append(node)
                    leaves["ids"].append(target)
                    leaves["weights"].append(weight)
    attributes: dict[str, Any] = {f"nodes_{name}": nodes[name] for name in names}
    attributes["nodes_missing_value_tracks_true"] = nodes["missing"]
    attributes |= {f"{prefix}_{name}": values for name, values in leaves.items()}
    if double:
        for name in ("nodes_values", f"{prefix}_weights"):
            values = attributes.pop(name)
            attributes[f"{name}_as_tensor"] = helper.make_tensor(name, DOUBLE, [len(values)], values)
    return attributes


def classifier(
    trees: Trees,
    n_features: int,
    labels: Sequence[str] | Sequence[int],
    *,
    mode: str = "BRANCH_LEQ",
    post_transform: str = "SOFTMAX",
    ml_version: int = 3,
    double: bool = False,
) -> bytes:
    strings = isinstance(labels[0], str)
    node = helper.make_node(
        "TreeEnsembleClassifier",
        ["X"],
        ["label", "probabilities"],
        domain="ai.onnx.ml",
        post_transform=post_transform,
        **{"classlabels_strings" if strings else "classlabels_int64s": list(labels)},
        **_classic(trees, mode, "class", double),
    )
    outputs = [vector("label", STRING if strings else INT64), matrix("probabilities", FLOAT, len(labels))]
    inputs = [matrix("X", DOUBLE if double else FLOAT, n_features)]
    return model_bytes([node], inputs, outputs, ml_version=ml_version)


def regressor(
    trees: Trees,
    n_features: int,
    *,
    mode: str = "BRANCH_LEQ",
    aggregate: str = "SUM",
    base: Sequence[float] = (),
    ml_version: int = 3,
    double: bool = False,
) -> bytes:
    attributes = _classic(trees, mode, "target", double)
    if base:
        attributes["base_values"] = list(base)
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["X"],
        ["variable"],
        domain="ai.onnx.ml",
        n_targets=trees.n_targets,
        aggregate_function=aggregate,
        **attributes,
    )
    inputs = [matrix("X", DOUBLE if double else FLOAT, n_features)]
    return model_bytes([node], inputs, [matrix("variable", FLOAT, trees.n_targets)], ml_version=ml_version)


def ensemble(
    trees: Trees, n_features: int, *, dtype: int = FLOAT, mode: int = 0, members: Sequence[Sequence[float]] = ()
) -> bytes:
    """TreeEnsemble v5; with `members` every second inner node asks whether its feature is in one of these sets."""
    modes, splits, values = [], [], []
    roots = [tree * trees.n_inner for tree in range(trees.n_trees)]
    true_ids: list[int] = []
    false_ids: list[int] = []
    true_leaf: list[int] = []
    false_leaf: list[int] = []
    for tree in range(trees.n_trees):
        for node in range(trees.n_inner):
            member = bool(members) and node % 2 == 1
            modes.append(6 if member else mode)
            splits.append(0.0 if member else float(trees.threshold[tree, node]))
            if member:
                values += [*members[(tree + node) % len(members)], float("nan")]
            below = 2 * node + 1
            is_leaf = below >= trees.n_inner
            base = tree * trees.n_leaves - trees.n_inner if is_leaf else tree * trees.n_inner
            true_ids.append(base + below)
            false_ids.append(base + below + 1)
            true_leaf.append(int(is_leaf))
            false_leaf.append(int(is_leaf))
    attributes: dict[str, Any] = {
        "aggregate_function": 1,
        "leaf_targetids": trees.target.ravel().tolist(),
        "leaf_weights": helper.make_tensor("weights", dtype, [trees.weight.size], trees.weight.ravel().tolist()),
        "n_targets": trees.n_targets,
        "nodes_falseleafs": false_leaf,
        "nodes_falsenodeids": false_ids,
        "nodes_featureids": trees.feature.ravel().tolist(),
        "nodes_missing_value_tracks_true": trees.missing_true.ravel().tolist(),
        "nodes_modes": helper.make_tensor("modes", TensorProto.UINT8, [len(modes)], modes),
        "nodes_splits": helper.make_tensor("splits", dtype, [len(splits)], splits),
        "nodes_trueleafs": true_leaf,
        "nodes_truenodeids": true_ids,
        "post_transform": 0,
        "tree_roots": roots,
    }
    if members:
        attributes["membership_values"] = helper.make_tensor("members", dtype, [len(values)], values)
    node = helper.make_node("TreeEnsemble", ["X"], ["Y"], domain="ai.onnx.ml", **attributes)
    inputs, outputs = [matrix("X", dtype, n_features)], [matrix("Y", dtype, trees.n_targets)]
    return model_bytes([node], inputs, outputs, ml_version=5)


# --- pipelines ---


def binary_head(trees: Trees, n_features: int) -> bytes:
    """A regressor's sum through Sigmoid into two probabilities, and the label that ArgMax and Gather pick."""
    attributes = _classic(trees, "BRANCH_LEQ", "target", double=False)
    nodes = [
        helper.make_node("TreeEnsembleRegressor", ["X"], ["raw"], domain="ai.onnx.ml", n_targets=1, **attributes),
        helper.make_node("Sigmoid", ["raw"], ["p1"]),
        helper.make_node("Sub", ["one", "p1"], ["p0"]),
        helper.make_node("Concat", ["p0", "p1"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["probabilities"], ["best"], axis=1, keepdims=0),
        helper.make_node("Gather", ["classes", "best"], ["label"], axis=0),
    ]
    initializers = [
        helper.make_tensor("one", FLOAT, [1], [1.0]),
        helper.make_tensor("classes", STRING, [2], [b"on time", "spät".encode()]),
    ]
    outputs = [vector("label", STRING), matrix("probabilities", FLOAT, 2)]
    return model_bytes(nodes, [matrix("X", FLOAT, n_features)], outputs, initializers=initializers)


def multiclass_head(trees: Trees, n_features: int) -> bytes:
    attributes = _classic(trees, "BRANCH_LEQ", "target", double=False)
    n = trees.n_targets
    nodes = [
        helper.make_node("TreeEnsembleRegressor", ["X"], ["raw"], domain="ai.onnx.ml", n_targets=n, **attributes),
        helper.make_node("Softmax", ["raw"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["probabilities"], ["best"], axis=1, keepdims=0),
        helper.make_node("Gather", ["classes", "best"], ["label"], axis=0),
    ]
    initializers = [helper.make_tensor("classes", INT64, [n], [10 * k for k in range(n)])]
    outputs = [vector("label", INT64), matrix("probabilities", FLOAT, n)]
    return model_bytes(nodes, [matrix("X", FLOAT, n_features)], outputs, initializers=initializers)


CARRIERS = ["UA", "AA", "", "nan", "None", "日本航空", "a carrier with a long name"]


def flights(trees: Trees) -> bytes:
    """Per-column inputs: `distance` and `delay` are floats, `carrier` and `origin` strings through LabelEncoder.

    A string's number is its place among the keys; unknown ones are NaN. Missing is "".
    """
    origins = ["EWR", "JFK", "LGA", ""]
    nodes = []
    for name, keys in {"carrier": CARRIERS, "origin": origins}.items():
        nodes.append(
            helper.make_node(
                "LabelEncoder",
                [name],
                [f"{name}_code"],
                domain="ai.onnx.ml",
                keys_strings=keys,
                values_floats=[float(code) for code in range(len(keys))],
                default_float=float("nan"),
            )
        )
    nodes.append(helper.make_node("Concat", ["distance", "carrier_code", "delay", "origin_code"], ["X"], axis=1))
    attributes = _classic(trees, "BRANCH_LEQ", "target", double=False)
    nodes.append(
        helper.make_node(
            "TreeEnsembleRegressor", ["X"], ["raw"], domain="ai.onnx.ml", n_targets=trees.n_targets, **attributes
        )
    )
    nodes.append(helper.make_node("Identity", ["carrier_code"], ["seen"]))
    inputs = [column("distance"), column("carrier", STRING), column("delay"), column("origin", STRING)]
    return model_bytes(nodes, inputs, [matrix("seen", FLOAT, 1), matrix("raw", FLOAT, trees.n_targets)])
