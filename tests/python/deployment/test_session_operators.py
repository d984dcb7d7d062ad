"""Each ai.onnx operator in each version and dtype, beside onnxruntime or, where it has no kernel, the reference."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from operator_checks import NUMBERS, REALS, cases, check, numbers, specials, versions


@pytest.mark.parametrize(("op", "opset"), cases({"Add": 7, "Sub": 7, "Mul": 7, "Div": 7}))
@pytest.mark.parametrize("dtype", NUMBERS)
def test_arithmetic(rival: Any, op: str, opset: int, dtype: Any) -> None:
    rng = np.random.default_rng(1)
    a, b = specials(rng, dtype, (4, 1, 3)), specials(rng, dtype, (5, 1))
    check(rival, op, opset, [a, np.where(b == 0, np.ones_like(b), b) if op == "Div" else b])


@pytest.mark.parametrize(
    ("op", "opset"), cases({"Equal": 7, "Less": 7, "Greater": 7, "LessOrEqual": 12, "GreaterOrEqual": 12})
)
@pytest.mark.parametrize("dtype", NUMBERS)
def test_comparisons(rival: Any, op: str, opset: int, dtype: Any) -> None:
    if opset < 9 and (np.dtype(dtype).kind == "f") == (op == "Equal"):
        pytest.skip("not in this version")
    rng = np.random.default_rng(2)
    check(rival, op, opset, [specials(rng, dtype, (30, 4)), specials(rng, dtype, (1, 4))])


@pytest.mark.parametrize(("op", "opset"), cases({"And": 7, "Or": 7, "Xor": 7}))
def test_connectives(rival: Any, op: str, opset: int) -> None:
    rng = np.random.default_rng(3)
    check(rival, op, opset, [rng.random((5, 4)) < 0.5, rng.random((5, 1)) < 0.5])


@pytest.mark.parametrize(
    ("op", "opset", "ulps"),
    [
        pytest.param(op, opset, ulps, id=f"{op}-{opset}")
        for op, (since, ulps) in {
            "Abs": (6, 0), "Neg": (6, 0), "Sign": (9, 0), "Sqrt": (6, 0), "Reciprocal": (6, 0), "Floor": (6, 0),
            "Ceil": (6, 0), "Exp": (6, 8), "Log": (6, 8),
        }.items()
        for opset in versions(op, since)
    ],
)  # fmt: skip
@pytest.mark.parametrize("dtype", NUMBERS)
def test_functions_of_one_element(rival: Any, op: str, opset: int, ulps: int, dtype: Any) -> None:
    if np.dtype(dtype).kind == "i" and op not in ("Abs", "Neg", "Sign"):
        pytest.skip("reals alone")
    x = specials(np.random.default_rng(4), dtype, (7, 9))
    if op == "Sign":
        x = np.where(np.isnan(x), np.ones_like(x), x)  # the specification is silent on the sign of NaN
    check(rival, op, opset, [x], ulps=ulps)


@pytest.mark.parametrize(("op", "opset"), cases({"IsNaN": 9, "IsInf": 10}))
@pytest.mark.parametrize("dtype", REALS)
def test_nan_and_infinity(rival: Any, op: str, opset: int, dtype: Any) -> None:
    x = specials(np.random.default_rng(5), dtype, (50,))
    check(rival, op, opset, [x])
    if op == "IsInf":
        check(rival, op, opset, [x], detect_negative=0)
        check(rival, op, opset, [x], detect_positive=0)


def test_not(rival: Any) -> None:
    check(rival, "Not", 13, [np.array([[True], [False]])])


@pytest.mark.parametrize("opset", versions("Pow", 7))
@pytest.mark.parametrize("dtype", REALS)
def test_pow(rival: Any, opset: int, dtype: Any) -> None:
    rng = np.random.default_rng(6)
    check(rival, "Pow", opset, [specials(rng, dtype, (60, 3)), specials(rng, dtype, (60, 1))], ulps=8)
    positive = rng.lognormal(0, 3, (200,)).astype(dtype)
    check(rival, "Pow", opset, [positive, rng.normal(0, 5, (200,)).astype(dtype)], ulps=8)
    check(rival, "Pow", opset, [np.array([2], dtype), -positive], ulps=8)
    for exponent in (2, 0.5, 1, -1, 3):
        check(rival, "Pow", opset, [positive, np.array(exponent, dtype)], ulps=8)


@pytest.mark.parametrize("opset", versions("Pow", 12))
@pytest.mark.parametrize("base", NUMBERS)
@pytest.mark.parametrize("exponent", NUMBERS)
def test_pow_of_two_dtypes(rival: Any, opset: int, base: Any, exponent: Any) -> None:
    rng = np.random.default_rng(7)
    check(
        rival, "Pow", opset, [rng.integers(1, 6, (8, 4)).astype(base), rng.integers(0, 7, (4,)).astype(exponent)],
        ulps=8 if np.dtype(base).kind == "f" else 0,
    )  # fmt: skip


@pytest.mark.parametrize(("op", "opset"), cases({"Max": 8, "Min": 8, "Sum": 8, "Mean": 8}))
@pytest.mark.parametrize("dtype", NUMBERS)
def test_any_number_of_operands(rival: Any, op: str, opset: int, dtype: Any) -> None:
    if np.dtype(dtype).kind == "i" and (op in ("Sum", "Mean") or opset < 12):
        pytest.skip("reals alone in this version")
    rng = np.random.default_rng(8)
    operands = [specials(rng, dtype, (3, 4)), specials(rng, dtype, (4,)), specials(rng, dtype, (3, 1))]
    check(rival, op, opset, operands)
    check(rival, op, opset, operands[:2])
    check(rival, op, opset, operands[:1])


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("opset", versions("Clip", 6))
def test_clip(rival: Any, opset: int, dtype: Any) -> None:
    x = specials(np.random.default_rng(9), dtype, (40,))
    low, high = np.array(-2, dtype), np.array(3, dtype)
    if opset < 11:
        if dtype is np.float32:
            check(rival, "Clip", opset, [x], min=-2.0, max=3.0)
            check(rival, "Clip", opset, [x], min=-2.0)
        return
    if opset < 12 and dtype is not np.float32:
        return
    check(rival, "Clip", opset, [x, low, high])
    check(rival, "Clip", opset, [x, low])
    check(rival, "Clip", opset, [x], {1: None, 2: high})
    check(rival, "Clip", opset, [x])


REDUCTIONS = (
    "ReduceSum",
    "ReduceMean",
    "ReduceMax",
    "ReduceMin",
    "ReduceProd",
    "ReduceL1",
    "ReduceL2",
    "ReduceSumSquare",
)


@pytest.mark.parametrize(("op", "opset"), cases(dict.fromkeys(REDUCTIONS, 1)))
@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("keepdims", [0, 1])
def test_reductions(rival: Any, op: str, opset: int, dtype: Any, keepdims: int) -> None:
    x = numbers(np.random.default_rng(10), dtype, (3, 4, 5))
    as_input = opset >= (13 if op == "ReduceSum" else 18)
    for axes in ([1], [0, 2], [-1], [0, 1, 2], None):
        given = {} if axes is None else {1: np.array(axes, np.int64)} if as_input else {"axes": axes}
        constants = given if as_input else {}
        attributes = {} if as_input else given
        check(
            rival,
            op,
            opset,
            [x],
            constants,
            ulps=8 if np.dtype(dtype).kind == "f" else 0,
            keepdims=keepdims,
            **attributes,
        )  # type: ignore[arg-type]
    if as_input:
        check(
            rival,
            op,
            opset,
            [x],
            {1: np.array([], np.int64)},
            keepdims=keepdims,
            ulps=8 if np.dtype(dtype).kind == "f" else 0,
        )


@pytest.mark.parametrize(("op", "opset"), cases({"ArgMax": 1, "ArgMin": 1}))
@pytest.mark.parametrize("dtype", NUMBERS)
def test_arg_max(rival: Any, op: str, opset: int, dtype: Any) -> None:
    x = numbers(np.random.default_rng(11), dtype, (6, 7))
    check(rival, op, opset, [x], axis=1)
    check(rival, op, opset, [x], axis=0, keepdims=0)
    if opset >= 12:
        check(rival, op, opset, [x], axis=-1, select_last_index=1)


@pytest.mark.parametrize("opset", versions("GatherElements", 11))
@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("dtype", [*NUMBERS, np.bool_])
def test_gather_elements(rival: Any, opset: int, index: Any, dtype: Any) -> None:
    rng = np.random.default_rng(12)
    x = numbers(rng, np.int64, (6, 5)).astype(dtype)
    check(rival, "GatherElements", opset, [x, rng.integers(-5, 5, (6, 3)).astype(index)], axis=1)
    check(rival, "GatherElements", opset, [x, rng.integers(-6, 6, (4, 5)).astype(index)], axis=0)


@pytest.mark.parametrize("opset", versions("TopK", 10))
@pytest.mark.parametrize("dtype", NUMBERS)
def test_top_k(rival: Any, opset: int, dtype: Any) -> None:
    x = numbers(np.random.default_rng(14), dtype, (6, 7))
    orders = [{}] if opset < 11 else [{}, {"largest": 0}, {"largest": 1, "sorted": 1}]
    for order in orders:
        for axis, most in ((0, 6), (1, 7), (-1, 7)):
            for k in (0, 1, 3, most):
                check(rival, "TopK", opset, [x], {1: np.array([k], np.int64)}, n_outputs=2, axis=axis, **order)


@pytest.mark.parametrize("opset", versions("Slice", 1))
def test_slice(rival: Any, opset: int) -> None:
    x = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
    rng = np.random.default_rng(13)
    for _ in range(20):
        starts, ends = rng.integers(-7, 8, (2, 2))
        axes = rng.choice(3, 2, replace=False)
        if opset < 10:
            check(rival, "Slice", opset, [x], starts=starts.tolist(), ends=ends.tolist(), axes=axes.tolist())
        else:
            steps = rng.choice([-3, -2, -1, 1, 2, 9], 2)
            check(rival, "Slice", opset, [x], {1: starts, 2: ends, 3: axes, 4: steps})
            check(rival, "Slice", opset, [x], {1: starts.astype(np.int32), 2: ends.astype(np.int32)})


@pytest.mark.parametrize("opset", versions("Split", 2))
def test_split(rival: Any, opset: int) -> None:
    x = np.arange(42, dtype=np.float64).reshape(6, 7)
    sizes = np.array([1, 4, 2])
    if opset < 13:
        check(rival, "Split", opset, [x], n_outputs=3, axis=1, split=sizes.tolist())
    else:
        check(rival, "Split", opset, [x], {1: sizes}, n_outputs=3, axis=-1)
    check(rival, "Split", opset, [x], n_outputs=3, axis=0, **({"num_outputs": 3} if opset >= 18 else {}))
    if opset >= 18:
        check(rival, "Split", opset, [x], n_outputs=4, axis=1, num_outputs=4)


@pytest.mark.parametrize("opset", versions("Expand", 8))
@pytest.mark.parametrize("dtype", [*NUMBERS, np.bool_])
def test_expand(rival: Any, opset: int, dtype: Any) -> None:
    x = np.arange(3).reshape(3, 1).astype(dtype)
    for shape in ([3, 4], [2, 3, 2], [1, 1], [1]):
        check(rival, "Expand", opset, [x], {1: np.array(shape)})


@pytest.mark.parametrize("opset", versions("Transpose", 1))
def test_transpose(rival: Any, opset: int) -> None:
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    check(rival, "Transpose", opset, [x])
    check(rival, "Transpose", opset, [x], perm=[0, 2, 1])
    check(rival, "Transpose", opset, [x], perm=[1, 2, 0])


@pytest.mark.parametrize("opset", versions("Shape", 1))
def test_shape(rival: Any, opset: int) -> None:
    x = np.zeros((3, 0, 5), np.float32)
    check(rival, "Shape", opset, [x])
    if opset >= 15:
        for start, end in ((1, 3), (-2, -1), (2, 1), (-9, 9)):
            check(rival, "Shape", opset, [x], start=start, end=end)


def mixture() -> bytes:
    """Transcendentals, sums and choices in one graph, so that their bits can be compared."""
    nodes = [
        helper.make_node("Abs", ["X"], ["a"]),
        helper.make_node("Log", ["a"], ["log"]),
        helper.make_node("Pow", ["a", "log"], ["p"]),
        helper.make_node("Sigmoid", ["log"], ["s"]),
        helper.make_node("Softmax", ["log"], ["m"]),
        helper.make_node("Tanh", ["log"], ["t"]),
        helper.make_node("Erf", ["log"], ["e"]),
        helper.make_node("Softplus", ["log"], ["plus"]),
        helper.make_node("LogSoftmax", ["log"], ["shares"]),
        helper.make_node("Sum", ["p", "s", "m", "t", "e", "plus", "shares"], ["sum"]),
        helper.make_node("IsNaN", ["sum"], ["nan"]),
        helper.make_node("Where", ["nan", "X", "sum"], ["w"]),
        helper.make_node("ReduceMean", ["w"], ["mean"], axes=[1]),
        helper.make_node("ReduceSum", ["w"], ["total"]),
        helper.make_node("Concat", ["w", "mean"], ["Y"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["N", 6])],
        [
            helper.make_tensor_value_info("Y", TensorProto.FLOAT, ["N", 7]),
            helper.make_tensor_value_info("total", TensorProto.FLOAT, [1, 1]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def test_instruction_sets_change_no_bit_of_any_operator(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(mixture())
    np.save(tmp_path / "x.npy", np.random.default_rng(14).lognormal(0, 2, (301, 6)).astype(np.float32))
    code = "import arsenal, numpy as np; s = arsenal.load('model.onnx'); x = np.load('x.npy'); "
    code += "print(*(y.tobytes().hex() for y in s.run(None, {'X': x})))"
    environments = [{}, {"ARSENAL_FORCE_ISA": "scalar"}, {"ARSENAL_NUM_THREADS": "2"}]
    results = [
        subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, **one}, check=True, capture_output=True
        ).stdout
        for one in environments
    ]
    assert results[0] == results[1] == results[2]
