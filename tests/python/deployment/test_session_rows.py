"""Operators that keep rows apart run in blocks of rows: many at once score as each alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from arsenal.deployment import InferenceSession
from numpy.typing import NDArray
from onnx import helper

# By operator: the operands after the first one, and attributes. Rows are [N, 4].
KEEP_ROWS: list[tuple[str, list[Any], dict[str, Any]]] = [
    *[(op, [], {}) for op in (
        "Round", "Erf", "Tanh", "Relu", "LeakyRelu", "ThresholdedRelu", "Elu", "Celu", "Selu", "Softplus", "Softsign",
        "HardSigmoid", "HardSwish", "Mish", "Gelu", "Dropout", "LogSoftmax",
    )],
    ("Mod", [np.array([2, 3, -2, 5], np.float32)], {"fmod": 1}),
    ("ReduceLogSum", [np.array([1])], {}),
    ("ReduceLogSumExp", [np.array([-1])], {"keepdims": 0}),
    ("CumSum", [np.array(1)], {}),
    ("Tile", [np.array([1, 3])], {}),
    ("Pad", [np.array([0, 1, 0, 2])], {"mode": "reflect"}),
    ("Pad", [np.array([1, -2]), np.array(7, np.float32), np.array([-1])], {}),
    ("OneHot", [np.array(3, np.float32), np.array([0, 1], np.float32)], {}),
    ("OneHot", [np.array(3, np.float32), np.array([0, 1], np.float32)], {"axis": 1}),
    ("Compress", [np.array([True, False, False, True])], {"axis": 1}),
    ("CastLike", [np.array(0)], {}),
]  # fmt: skip
# Forms of the same that do not.
MIX_ROWS: list[tuple[str, list[Any], dict[str, Any]]] = [
    ("LogSoftmax", [], {"axis": 0}),
    ("ReduceLogSumExp", [np.array([0])], {}),
    ("CumSum", [np.array(0)], {}),
    ("CumSum", [np.array(-2)], {"reverse": 1}),
    ("Tile", [np.array([2, 1])], {}),
    ("Pad", [np.array([1, 0, 0, 0])], {}),
    ("OneHot", [np.array(3, np.float32), np.array([0, 1], np.float32)], {"axis": 0}),
    ("Compress", [np.array([True, False, True])], {"axis": -2}),
    ("Compress", [np.array([True, False, True])], {}),
]  # fmt: skip


def model_of(op: str, operands: list[Any], attributes: dict[str, Any]) -> bytes:
    names = [f"c{i}" for i in range(len(operands))]
    graph = helper.make_graph(
        [helper.make_node(op, ["X", *names], ["Y"], **attributes)],
        "graph",
        [helper.make_tensor_value_info("X", 1, ["N", 4])],
        [helper.make_empty_tensor_value_info("Y")],
        [onnx.numpy_helper.from_array(value, name) for name, value in zip(names, operands, strict=True)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    return model.SerializeToString()


def rows(n: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(1)
    return (rng.integers(-6, 7, (n, 4)) / 2 + 0.25).astype(np.float32)


def ids(case: Any) -> str | None:
    return case if isinstance(case, str) else None


@pytest.mark.parametrize(("op", "operands", "attributes"), KEEP_ROWS, ids=ids)
def test_blocks_of_rows_score_as_each_row_alone(op: str, operands: list[Any], attributes: dict[str, Any]) -> None:
    x = rows(1000)
    model = model_of(op, operands, attributes)
    (many,) = InferenceSession(model, n_threads=2).run(None, {"X": x})
    alone = InferenceSession(model)
    assert len(many) == len(x)
    np.testing.assert_array_equal(many, np.concatenate([alone.run(None, {"X": row[None]})[0] for row in x]))
    assert alone.run(None, {"X": x[:0]})[0].shape == (0, *many.shape[1:])


@pytest.mark.parametrize(("op", "operands", "attributes"), MIX_ROWS, ids=ids)
def test_operators_across_rows_see_all_of_them(
    rival: Any, op: str, operands: list[Any], attributes: dict[str, Any]
) -> None:
    x = rows(1000)
    model = model_of(op, operands, attributes)
    (ours,) = InferenceSession(model, n_threads=2).run(None, {"X": x})
    (theirs,) = rival(model).run(None, {"X": x})
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
