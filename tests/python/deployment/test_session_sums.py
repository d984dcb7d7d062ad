"""Sums along axes and their logarithms, beside onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from operator_checks import NUMBERS, REALS, cases, check, numbers, run, versions


@pytest.mark.parametrize("opset", versions("LogSoftmax", 1))
@pytest.mark.parametrize("dtype", REALS)
def test_log_softmax(rival: Any, opset: int, dtype: Any) -> None:
    x = np.random.default_rng(1).normal(0, 5, (3, 4, 5)).astype(dtype)
    eps = float(np.finfo(dtype).eps)
    for axis in (0, 1, 2, -1):
        check(rival, "LogSoftmax", opset, [x], axis=axis, ulps=8, atol=2 * eps)
    check(rival, "LogSoftmax", opset, [x], ulps=8, atol=2 * eps)
    check(rival, "LogSoftmax", opset, [x[:0]], axis=1)
    edges = np.array([[1000, 1001, -1000], [-np.inf, 0, 1], [-np.inf, -np.inf, -np.inf]], dtype)
    check(rival, "LogSoftmax", opset, [edges], axis=1, ulps=8)
    got = run("LogSoftmax", opset, np.array([[np.nan, 1, 2], [1, np.nan, 2], [np.inf, 0, 1]], dtype), axis=1)
    assert np.isnan(got).all()
    # Shares near 1 keep their digits, which onnxruntime loses.
    sure = np.array([[40, 0, 1], [0, 3, -5]], dtype)
    below = sure.astype(np.longdouble) - sure.max(1, keepdims=True)
    exact = below - np.log1p(np.exp(np.sort(below)[:, :-1]).sum(1, keepdims=True))
    np.testing.assert_allclose(run("LogSoftmax", opset, sure, axis=1), exact.astype(dtype), rtol=8 * eps, atol=0)


@pytest.mark.parametrize(("op", "opset"), cases({"ReduceLogSum": 1, "ReduceLogSumExp": 1}))
@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize("keepdims", [0, 1])
def test_logarithms_of_sums(rival: Any, op: str, opset: int, dtype: Any, keepdims: int) -> None:
    x = np.random.default_rng(2).lognormal(1, 1, (3, 4, 5)).astype(dtype)
    for axes in ([1], [0, 2], [-1], [0, 1, 2], None):
        given = None if axes is None else np.array(axes, np.int64)
        constants = {1: given} if opset >= 18 and given is not None else {}
        attributes = {"axes": axes} if opset < 18 and axes is not None else {}
        check(rival, op, opset, [x], constants, ulps=8, keepdims=keepdims, **attributes)


@pytest.mark.parametrize("dtype", REALS)
def test_log_sum_exp_at_the_edges(rival: Any, dtype: Any) -> None:
    x = np.array(
        [[1000, 1001], [-1000, -1002], [-np.inf, 3], [-np.inf, -np.inf], [np.inf, 1], [1, np.inf],
         [np.nan, 1], [1, np.nan]],
        dtype,
    )  # fmt: skip
    check(rival, "ReduceLogSumExp", 13, [x], axes=[1], ulps=8)
    check(rival, "ReduceLogSumExp", 13, [x[:0]], axes=[1], ulps=8)


# Up to version 27 integers have these, too: the logarithm's integral part.
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_logarithms_of_sums_of_integers(dtype: Any) -> None:
    x = np.array([[3, 5], [1, 0]], dtype)
    for op, wanted in (("ReduceLogSum", [2, 0]), ("ReduceLogSumExp", [5, 1])):
        got = run(op, 13, x, axes=[1], keepdims=0)
        assert got.tolist() == wanted
        assert got.dtype == dtype


@pytest.mark.parametrize("opset", versions("CumSum", 11))
@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_cum_sum(rival: Any, opset: int, dtype: Any, index: Any) -> None:
    x = numbers(np.random.default_rng(3), dtype, (3, 4, 2))
    for axis in (0, 1, -1):
        for exclusive in (0, 1):
            for reverse in (0, 1):
                where = {1: np.array(axis, index)}
                check(rival, "CumSum", opset, [x], where, exclusive=exclusive, reverse=reverse)
                check(rival, "CumSum", opset, [x[:0]], where, exclusive=exclusive, reverse=reverse)
    if np.dtype(dtype).kind == "f":
        edges = np.array([1, np.inf, 2, -np.inf, 3, np.nan], dtype)
        check(rival, "CumSum", opset, [edges], {1: np.array(0, index)})


def test_sums_of_floats_are_rounded_once() -> None:
    x = np.full(1001, 1, np.float32)
    x[0] = 2**24
    assert run("CumSum", 14, x, {1: np.array(0)})[-1] == 2**24 + 1000
