"""Model-local functions, beside onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from arsenal.deployment import InferenceSession
from arsenal.exceptions import ArsenalError
from onnx import FunctionProto, NodeProto, TensorProto, helper

OPSETS = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3), helper.make_opsetid("own", 1)]


def reference(name: str, attribute: str, kind: int) -> onnx.AttributeProto:
    return onnx.AttributeProto(name=name, ref_attr_name=attribute, type=kind)


def inner(
    op: str, inputs: list[str], outputs: list[str], *references: onnx.AttributeProto, **attributes: Any
) -> NodeProto:
    node = helper.make_node(op, inputs, outputs, **attributes)
    node.attribute.extend(references)
    return node


def impute() -> FunctionProto:
    """`x` with `fill` where it is missing, clipped where bounds are given, times the attribute `scale`."""
    nodes = [
        inner("IsNaN", ["x"], ["missing"]),
        inner("Where", ["missing", "fill", "x"], ["known"]),
        inner("Clip", ["known", "low", "high"], ["within"]),
        inner("Constant", [], ["factor"], reference("value_float", "scale", onnx.AttributeProto.FLOAT)),
        inner("Mul", ["within", "factor"], ["y"]),
    ]
    return helper.make_function("own", "Impute", ["x", "fill", "low", "high"], ["y"], nodes, OPSETS, ["scale"])


def pairs() -> FunctionProto:
    """Imputes in two ways and sets the results side by side; calls :func:`impute`."""
    nodes = [
        helper.make_node("Impute", ["x", "fill"], ["one"], domain="own", scale=1.0),
        helper.make_node("Constant", [], ["top"], value_float=15.0),
        inner("Impute", ["x", "fill", "", "top"], ["two"], reference("scale", "second", onnx.AttributeProto.FLOAT)),
        helper.make_node("Concat", ["one", "two"], ["y"], axis=1),
    ]
    nodes[2].domain = "own"
    return helper.make_function("own", "Pairs", ["x", "fill"], ["y"], nodes, OPSETS, ["second"])


def model(nodes: Sequence[NodeProto], functions: Sequence[FunctionProto]) -> bytes:
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["N", 3])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, ["N", None])],
        [helper.make_tensor("fill", TensorProto.FLOAT, [3], [10.0, 20.0, 30.0])],
    )
    made = helper.make_model(graph, functions=functions, opset_imports=OPSETS, ir_version=9)
    onnx.checker.check_model(made)
    return made.SerializeToString()


def test_nested_functions(rival: Any) -> None:
    file = model([helper.make_node("Pairs", ["X", "fill"], ["Y"], domain="own", second=-2.0)], [impute(), pairs()])
    x = np.random.default_rng(0).normal(0, 20, (700, 3)).astype(np.float32)
    x[::3] = np.nan
    ours = InferenceSession(file).run(None, {"X": x})
    np.testing.assert_array_equal(ours[0], rival(file).run(None, {"X": x})[0])
    assert ours[0].shape == (700, 6)
    assert not np.isnan(ours[0]).any()


def test_trees_in_a_function(rival: Any) -> None:
    """A body with an ai.onnx.ml operator, of which the graph has two calls."""
    tree = helper.make_node(
        "TreeEnsembleRegressor",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_treeids=[0] * 3,
        nodes_nodeids=[0, 1, 2],
        nodes_featureids=[1, 0, 0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"],
        nodes_values=[0.5, 0.0, 0.0],
        nodes_truenodeids=[1, 0, 0],
        nodes_falsenodeids=[2, 0, 0],
        target_treeids=[0, 0],
        target_nodeids=[1, 2],
        target_ids=[0, 0],
        target_weights=[1.0, 2.0],
    )
    scored = helper.make_function("own", "Score", ["x"], ["y"], [tree], OPSETS)
    nodes = [
        helper.make_node("Score", ["X"], ["a"], domain="own"),
        helper.make_node("Neg", ["X"], ["n"]),
        helper.make_node("Score", ["n"], ["b"], domain="own"),
        helper.make_node("Concat", ["a", "b"], ["Y"], axis=1),
    ]
    file = model(nodes, [scored])
    x = np.random.default_rng(1).normal(size=(50, 3)).astype(np.float32)
    session = InferenceSession(file)
    np.testing.assert_array_equal(session.run(None, {"X": x})[0], rival(file).run(None, {"X": x})[0])
    assert session.describe()["trees"] == 2


def test_recursion_is_refused() -> None:
    own = helper.make_function(
        "own", "Loop", ["x"], ["y"], [helper.make_node("Loop", ["x"], ["y"], domain="own")], OPSETS
    )
    graph = helper.make_graph(
        [helper.make_node("Loop", ["X"], ["Y"], domain="own")],
        "graph",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["N", 3])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, ["N", 3])],
    )
    file = helper.make_model(graph, functions=[own], opset_imports=OPSETS, ir_version=9).SerializeToString()
    with pytest.raises(ArsenalError, match="function 'Loop' calls itself"):
        InferenceSession(file)
