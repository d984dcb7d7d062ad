"""Operators that repeat, pad, choose, make and tell of elements, beside onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from arsenal.deployment import InferenceSession
from onnx import helper
from operator_checks import NUMBERS, REALS, check, fails, one_node, run, specials, versions

WORDS = np.array([["a", ""], ["ccc", "dd"], ["a", "ü"]], object)


@pytest.mark.parametrize("opset", versions("Tile", 6))
@pytest.mark.parametrize("dtype", [*NUMBERS, np.bool_, np.int8])
def test_tile(rival: Any, opset: int, dtype: Any) -> None:
    x = np.arange(6).reshape(1, 3, 2).astype(dtype)
    for repeats in ([1, 1, 1], [2, 1, 1], [1, 2, 3], [3, 2, 2], [1, 0, 2]):
        check(rival, "Tile", opset, [x], {1: np.array(repeats)})
    check(rival, "Tile", opset, [x[:0]], {1: np.array([2, 1, 3])})
    check(rival, "Tile", opset, [x[0, 0]], {1: np.array([4])})
    check(rival, "Tile", opset, [x[0, 0, 0]], {1: np.array([], np.int64)})
    fails("Tile", opset, [x], {1: np.array([1, 2])}, "repeats has 2 entries")
    fails("Tile", opset, [x], {1: np.array([1, 2, -1])}, "negative entry")


@pytest.mark.parametrize("opset", versions("Pad", 2))
@pytest.mark.parametrize("dtype", [*NUMBERS, np.bool_, np.int8])
@pytest.mark.parametrize("mode", ["constant", "reflect", "edge", "wrap"])
def test_pad(rival: Any, opset: int, dtype: Any, mode: str) -> None:
    if (mode == "wrap" and opset < 19) or (np.dtype(dtype).kind != "f" and opset < (13 if dtype is np.bool_ else 11)):
        pytest.skip("not in this version")
    x = np.arange(24).reshape(2, 3, 4).astype(dtype)
    for pads in ([0, 0, 0, 0, 0, 0], [1, 0, 2, 0, 1, 3], [0, 2, 0, 0, 1, 0], [0, -1, 1, 0, 0, -2], [0, 0, -1, 0, 0, 2]):
        if opset < 11:
            check(rival, "Pad", opset, [x], pads=pads, mode=mode, value=1.5)
            continue
        check(rival, "Pad", opset, [x], {1: np.array(pads)}, mode=mode)
        check(rival, "Pad", opset, [x], {1: np.array(pads), 2: np.array(1, dtype)}, mode=mode)
        if opset >= 18:
            some = {1: np.array([1, 2, 0, 1]), 2: None, 3: np.array([-1, 1], np.int32)}
            check(rival, "Pad", opset, [x], some, mode=mode)
    if opset >= 11:
        check(rival, "Pad", opset, [x[:0]], {1: np.array([0, 1, 1, 0, 0, 2])}, mode=mode)


def test_pads_may_be_longer_than_what_they_repeat() -> None:
    x = np.arange(3, dtype=np.float32)
    for mode in ("reflect", "wrap", "edge"):
        got = run("Pad", 19, x, {1: np.array([7, 8])}, mode=mode)
        assert got.tolist() == np.pad(x, (7, 8), mode=mode).tolist()  # type: ignore[call-overload]
        one = x[:1]
        (got,) = InferenceSession(one_node("Pad", 19, [one], {1: np.array([2, 1])}, 1, mode=mode)).run(
            None, {"x0": one}
        )
        assert got.tolist() == [0, 0, 0, 0]


def test_pad_of_words_and_with_a_value_known_at_run_time_alone() -> None:
    got = run("Pad", 13, WORDS, {1: np.array([0, 1, 1, 0])})
    assert got.tolist() == [["", "a", ""], ["", "ccc", "dd"], ["", "a", "ü"], ["", "", ""]]
    x = np.ones((2, 1), np.float32)
    node = helper.make_node("Pad", ["x", "pads", "value"], ["y"])
    graph = helper.make_graph(
        [node],
        "graph",
        [helper.make_tensor_value_info("x", 1, ["N", 1]), helper.make_tensor_value_info("value", 1, [])],
        [helper.make_tensor_value_info("y", 1, ["N", 2])],
        [onnx.numpy_helper.from_array(np.array([0, 0, 0, 1]), "pads")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    session = InferenceSession(model.SerializeToString())
    (got,) = session.run(None, {"x": x, "value": np.array(7, np.float32)})
    assert got.tolist() == [[1, 7], [1, 7]]


def test_pads_that_cannot_be() -> None:
    x = np.ones((2, 3), np.float32)
    fails("Pad", 21, [x], {1: np.array([0, 0, 0])}, "pads has 3 entries, wanted two for each of 1 axes")
    fails("Pad", 21, [x], {1: np.array([0, 1])}, r"pads is for 1 axes, the input has shape \[\?, \?\]")
    fails("Pad", 21, [x], {1: np.array([0, -2, 0, -2])}, r"axis 1 of shape \[2, 3\] cannot be padded by -2 and -2")
    fails("Pad", 21, [x[:, :0]], {1: np.array([0, 1, 0, 0])}, r"axis 1 of shape \[2, 0\] cannot be padded", mode="edge")
    fails("Pad", 18, [x], {1: np.array([0, 1, 0, 0])}, "attribute 'mode' is 'wrap'", mode="wrap")
    twice = {1: np.array([0, 1, 0, 0]), 2: None, 3: np.array([1, -1])}
    fails("Pad", 21, [x], twice, r"axis -1 of shape \[\?, \?\] does not exist or is named twice")
    fails("Pad", 21, [x], {1: np.array([0, 2**62, 0, 0])}, "pads has the entry 4611686018427387904")


@pytest.mark.parametrize("opset", versions("ConstantOfShape", 9))
@pytest.mark.parametrize("dtype", [*NUMBERS, np.bool_, np.int8])
def test_constant_of_shape(rival: Any, opset: int, dtype: Any) -> None:
    value = onnx.numpy_helper.from_array(np.array([1], dtype))
    for shape in ([2, 3], [0, 2], []):
        check(rival, "ConstantOfShape", opset, [], {0: np.array(shape, np.int64)}, value=value)
        check(rival, "ConstantOfShape", opset, [], {0: np.array(shape, np.int64)})
    fails("ConstantOfShape", opset, [], {0: np.array([2, -1])}, "its shape operand has the entry -1")
    fails("ConstantOfShape", opset, [], {0: np.array([2**40])}, "its constant result .* is too large")


@pytest.mark.parametrize("opset", versions("Range", 11))
@pytest.mark.parametrize("dtype", NUMBERS)
def test_range(rival: Any, opset: int, dtype: Any) -> None:
    ranges = [(0, 5, 1), (3, 9, 3), (10, 4, -2), (5, 5, 1), (5, 0, 1), (-3, 8, 4)]
    if np.dtype(dtype).kind == "f":
        ranges += [(0, 1, 0.1), (1.5, -1, -0.3), (0, 0.95, 0.25)]  # type: ignore[list-item]
    for start, limit, delta in ranges:
        operands = {i: np.array(v, dtype) for i, v in enumerate((start, limit, delta))}
        # onnxruntime adds the steps up, the specification multiplies.
        rounding = {"ulps": 16, "atol": 1e-15} if np.dtype(dtype).kind == "f" else {}
        check(rival, "Range", opset, [], operands, **rounding)
    fails("Range", opset, [], {i: np.array(v, dtype) for i, v in enumerate((0, 5, 0))}, "delta is 0")


def test_ranges_at_the_ends_of_the_integers() -> None:
    least, most = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    operands = {0: np.array(least), 1: np.array(most), 2: np.array(2**62)}
    (got,) = InferenceSession(one_node("Range", 11, [], operands, 1)).run(None, {})
    assert got.tolist() == [least, least + 2**62, 0, 2**62]
    fails(
        "Range", 11, [], {0: np.array(least), 1: np.array(most), 2: np.array(1)}, "its constant result .* is too large"
    )
    fails("Range", 11, [], {0: np.array(np.nan), 1: np.array(1.0), 2: np.array(1.0)}, "one of them is NaN")


@pytest.mark.parametrize("opset", versions("OneHot", 9))
@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.int64])
def test_one_hot(rival: Any, opset: int, dtype: Any) -> None:
    indices = np.array([[0, 3, -1], [4, -4, -5]], dtype)
    values = np.array([2, 5], np.float32)
    for axis in (0, 1, 2, -1, -3):
        check(rival, "OneHot", opset, [indices], {1: np.array(4, dtype), 2: values}, axis=axis)
    check(rival, "OneHot", opset, [indices[:0]], {1: np.array([4], dtype), 2: values})
    words = np.array(["off", "on"], object)
    check(rival, "OneHot", opset, [indices.astype(np.int64)], {1: np.array([4], np.int64), 2: words})
    for wrong in (0, -3):
        fails("OneHot", opset, [indices], {1: np.array(wrong), 2: values}, "depth.* is not one number of at least 1")
    fails("OneHot", opset, [indices], {1: np.array(3), 2: values[:1]}, r"values has shape \[1\], wanted \[2\]")
    fails("OneHot", opset, [indices], {1: np.array(3), 2: values}, "axis 3 cannot be added", axis=3)


def test_one_hot_of_reals_that_are_no_index() -> None:
    indices = np.array([np.nan, np.inf, 1.9, -0.5, 1e30])
    model = one_node("OneHot", 11, [indices], {1: np.array(2.7, np.float32), 2: np.array([0, 1], np.int8)}, 1)
    (got,) = InferenceSession(model).run(None, {"x0": indices})
    assert got.tolist() == [[0, 0], [0, 0], [0, 1], [1, 0], [0, 0]]


@pytest.mark.parametrize("opset", versions("Compress", 9))
@pytest.mark.parametrize("dtype", [*NUMBERS, np.bool_, np.int8])
def test_compress(rival: Any, opset: int, dtype: Any) -> None:
    x = np.arange(12).reshape(3, 4).astype(dtype)
    for axis, condition in ((0, [0, 1, 1]), (1, [1, 0, 0, 1]), (1, [0, 1]), (0, [0, 0, 0]), (None, [1, 0, 0, 0, 1, 1])):
        attributes = {} if axis is None else {"axis": axis}
        check(rival, "Compress", opset, [x], {1: np.array(condition, bool)}, **attributes)
    if opset >= 11:
        check(rival, "Compress", opset, [x], {1: np.array([1, 0, 0, 1], bool)}, axis=-1)
    check(rival, "Compress", opset, [x[:0]], {1: np.array([1, 0, 0, 1], bool)}, axis=1)
    check(rival, "Compress", opset, [WORDS], {1: np.array([0, 1], bool)}, axis=1)
    fails("Compress", opset, [x], {1: np.array([0, 0, 0, 0, 1], bool)}, "the condition selects place 4 of 4", axis=1)


def test_a_condition_known_at_run_time_alone_is_refused() -> None:
    x = np.ones((3, 2), np.float32)
    fails(
        "Compress", 11, [x, np.array([True, False, True])], {}, r"input 1 \(condition\) must be an initializer", axis=0
    )


@pytest.mark.parametrize("opset", versions("Dropout", 7))
@pytest.mark.parametrize("dtype", REALS)
def test_dropout_drops_nothing(rival: Any, opset: int, dtype: Any) -> None:
    x = specials(np.random.default_rng(4), dtype, (5, 3))
    if opset < 12:
        check(rival, "Dropout", opset, [x], ratio=0.3)
    else:
        check(rival, "Dropout", opset, [x])
        check(rival, "Dropout", opset, [x], {1: np.array(0.3, dtype), 2: np.array(False)}, n_outputs=2)
        check(rival, "Dropout", opset, [x], {1: np.array(0, dtype), 2: np.array(True)}, n_outputs=2)
        fails("Dropout", opset, [x], {1: np.array(0.3, dtype), 2: np.array(True)}, "would drop elements at random")
    if opset >= 10:
        check(rival, "Dropout", opset, [x], n_outputs=2)
        check(rival, "Dropout", opset, [x[:0]], n_outputs=2)


@pytest.mark.parametrize("opset", versions("CastLike", 15))
@pytest.mark.parametrize("source", [*NUMBERS, np.bool_])
@pytest.mark.parametrize("target", [*NUMBERS, np.bool_, np.int8])
def test_cast_like(rival: Any, opset: int, source: Any, target: Any) -> None:
    x = np.array([[0, 1], [2, 100]]).astype(source)
    check(rival, "CastLike", opset, [x, np.zeros((7,), target)])


@pytest.mark.parametrize("opset", versions("Size", 1))
def test_size(rival: Any, opset: int) -> None:
    for shape in ((3, 4), (0, 5), ()):
        check(rival, "Size", opset, [np.zeros(shape, np.float32)])
