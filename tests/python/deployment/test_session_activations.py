"""Activations, rounding and remainders, beside onnxruntime and their formulas in more digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from arsenal.deployment import InferenceSession
from operator_checks import NUMBERS, REALS, Array, cases, check, numbers, one_node, run, specials, versions
from scipy.special import erf, log_ndtr

Formula = Callable[..., Array]

# By version of their first form. + − × ÷ alone: the same numbers as onnxruntime's.
EXACT = {"Relu": 6, "LeakyRelu": 6, "ThresholdedRelu": 10, "HardSigmoid": 6, "HardSwish": 14, "Round": 11}
ATTRIBUTES: dict[str, list[dict[str, float]]] = {
    "LeakyRelu": [{}, {"alpha": 0.3}],
    "ThresholdedRelu": [{}, {"alpha": -1.5}],
    "HardSigmoid": [{}, {"alpha": 0.7, "beta": 0.1}],
    "Elu": [{}, {"alpha": 1.7}],
    "Celu": [{}, {"alpha": 2.5}],
    "Selu": [{}, {"alpha": 0.9, "gamma": 3.0}],
    "Swish": [{}, {"alpha": 1.5}],
}


def softplus(x: Array) -> Array:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def logistic(x: Array) -> Array:
    return np.exp(-softplus(-x))


def elu(x: Array, alpha: float = 1) -> Array:
    return np.where(x < 0, np.float32(alpha) * np.expm1(np.minimum(x, 0)), x)


def celu(x: Array, alpha: float = 1) -> Array:
    return np.where(x < 0, np.float32(alpha) * np.expm1(np.minimum(x, 0) / np.float32(alpha)), x)


def selu(x: Array, alpha: float = 1.67326319217681884765625, gamma: float = 1.05070102214813232421875) -> Array:
    return np.float32(gamma) * np.where(x < 0, np.float32(alpha) * np.expm1(np.minimum(x, 0)), x)


def gelu_by_tanh(x: Array) -> Array:
    eight = np.asarray(8, x.dtype)
    return x * logistic(np.sqrt(eight / np.pi) * (x + 0.044715 * x * x * x))


# With the version of the first form, and how many units of the last place of a double they may be off.
FORMULAS: dict[str, tuple[int, Formula, float]] = {
    "Elu": (6, elu, 4),
    "Celu": (12, celu, 4),
    "Selu": (6, selu, 4),
    "Softplus": (1, softplus, 4),
    "Softsign": (1, lambda x: x / (1 + np.abs(x)), 2),
    "Mish": (18, lambda x: x * np.tanh(softplus(x)), 8),
    "Tanh": (6, np.tanh, 4),
    "Sigmoid": (6, logistic, 64),
    "Swish": (24, lambda x, alpha=1: x * logistic(np.float32(alpha) * x), 64),
}  # fmt: skip


def wide(rng: np.random.Generator, dtype: Any) -> Array:
    """Numbers of all sizes that matter, both signs, and none beyond what exp bears."""
    x = rng.normal(0, 1, 2000) * 10.0 ** rng.integers(-12, 2, 2000)
    return np.clip(x, -80, 80).astype(dtype)


@pytest.mark.parametrize(("op", "opset"), cases(EXACT))
@pytest.mark.parametrize("dtype", NUMBERS)
def test_exact_ones(rival: Any, op: str, opset: int, dtype: Any) -> None:
    if np.dtype(dtype).kind == "i" and (op, opset) != ("Relu", 14):
        pytest.skip("reals alone")
    rng = np.random.default_rng(1)
    for attributes in ATTRIBUTES.get(op, [{}]):
        check(rival, op, opset, [specials(rng, dtype, (9, 7))], **attributes)
        check(rival, op, opset, [np.zeros((0, 3), dtype)], **attributes)
        if np.dtype(dtype).kind == "f":
            check(rival, op, opset, [wide(rng, dtype)], **attributes)


@pytest.mark.parametrize(("op", "opset"), cases({op: since for op, (since, _, _) in FORMULAS.items()}))
@pytest.mark.parametrize("dtype", REALS)
def test_formulas(rival: Any, op: str, opset: int, dtype: Any) -> None:
    if op == "Celu" and dtype is np.float64:
        pytest.skip("from opset 28 on")
    _, formula, ulps = FORMULAS[op]
    rng = np.random.default_rng(2)
    x = wide(rng, dtype)
    with np.errstate(all="ignore"):
        for attributes in ATTRIBUTES.get(op, [{}]):
            right = formula(x.astype(np.longdouble if dtype is np.float64 else np.float64), **attributes)
            tolerance = (1 if dtype is np.float32 else ulps) * np.finfo(dtype).eps
            np.testing.assert_allclose(run(op, opset, x, **attributes), right.astype(dtype), rtol=tolerance, atol=0)


@pytest.mark.parametrize(("op", "opset"), cases({op: since for op, (since, _, _) in FORMULAS.items()}))
def test_edges_are_onnxruntimes(rival: Any, op: str, opset: int) -> None:
    edges = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, -1e-40, 3e38, -3e38, 1, -1, 30, -30], np.float32)
    for attributes in ATTRIBUTES.get(op, [{}]):
        if op == "Mish":
            edges = edges[np.isfinite(edges)]
        check(rival, op, opset, [edges], ulps=8, atol=1e-6, **attributes)
        check(rival, op, opset, [edges[:0]], **attributes)


@pytest.mark.parametrize("opset", versions("Erf", 9))
@pytest.mark.parametrize("dtype", REALS)
def test_erf(rival: Any, opset: int, dtype: Any) -> None:
    x = wide(np.random.default_rng(3), dtype)
    np.testing.assert_allclose(run("Erf", opset, x), erf(x.astype(np.float64)), rtol=4 * np.finfo(dtype).eps, atol=0)
    check(rival, "Erf", opset, [np.array([np.nan, np.inf, -np.inf, 0, -0.0], dtype)])


def test_erf_of_integers() -> None:
    x = np.array([-7, -1, 0, 5, 7], np.int64)
    assert run("Erf", 9, x).tolist() == [-1, 0, 0, 0, 1]


@pytest.mark.parametrize("dtype", REALS)
def test_gelu(rival: Any, dtype: Any) -> None:
    x = np.concatenate([np.linspace(-12, 12, 2001), wide(np.random.default_rng(4), np.float64)]).astype(dtype)
    exact = x.astype(np.float64)
    # ln Φ keeps its digits in the tail, where 1 + erf(x) has none left.
    right = exact * np.exp(log_ndtr(exact))
    np.testing.assert_allclose(run("Gelu", 20, x), right.astype(dtype), rtol=max(np.finfo(dtype).eps, 2e-13), atol=0)
    digits = gelu_by_tanh(x.astype(np.longdouble))
    got = run("Gelu", 20, x, approximate="tanh")
    np.testing.assert_allclose(got, digits.astype(dtype), rtol=max(np.finfo(dtype).eps, 2e-13), atol=1e-300)
    if dtype is np.float32:
        edges = np.array([np.nan, np.inf, 0.0, -0.0, 1e-40, 3e38, -30], dtype)
        for form in ("none", "tanh"):
            check(rival, "Gelu", 20, [np.concatenate([x, edges])], ulps=8, atol=1e-6, approximate=form)


@pytest.mark.parametrize("opset", versions("Round", 11))
@pytest.mark.parametrize("dtype", REALS)
def test_round_to_even(rival: Any, opset: int, dtype: Any) -> None:
    halves = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.4999998, 2.0**52 + 1, np.nan, np.inf, -np.inf], dtype)
    check(rival, "Round", opset, [halves])
    assert np.signbit(run("Round", opset, np.array([-0.3, -0.0], dtype))).all()


@pytest.mark.parametrize("opset", versions("Mod", 10))
@pytest.mark.parametrize("dtype", [*NUMBERS, np.int8])
def test_mod(rival: Any, opset: int, dtype: Any) -> None:
    rng = np.random.default_rng(5)
    a, b = numbers(rng, dtype, (40, 1)), numbers(rng, dtype, (1, 30))
    if np.dtype(dtype).kind == "f":
        a, b = specials(rng, dtype, (40, 1)), specials(rng, dtype, (1, 30))
    else:
        b = np.where(b == 0, np.full_like(b, 5), b)
        check(rival, "Mod", opset, [a, b])
    check(rival, "Mod", opset, [a, b], fmod=1)


def test_mod_of_the_least_integer_by_minus_one() -> None:
    least = np.array([np.iinfo(np.int64).min, -7])
    for fmod in (0, 1):
        model = one_node("Mod", 13, [least, least], {}, 1, fmod=fmod)
        (got,) = InferenceSession(model).run(None, {"x0": least, "x1": np.array([-1, -1])})
        assert got.tolist() == [0, 0]
        with pytest.raises(ValueError, match="integer division by zero"):
            InferenceSession(model).run(None, {"x0": least, "x1": np.array([1, 0])})


def test_mod_of_reals_takes_the_divisors_sign_from_version_28_on() -> None:
    x, y = np.array([-7.5, 7.5, -0.0, 3.0]), np.array([2.0, -2.0, 3.0, -np.inf])
    (got,) = InferenceSession(one_node("Mod", 28, [x, y], {}, 1)).run(None, {"x0": x, "x1": y})
    assert got.tolist() == [0.5, -0.5, 0.0, -np.inf]
    assert not np.signbit(got[2])
    with pytest.raises(ValueError, match="input 0 has dtype double, supported: int32, int64, int8"):
        InferenceSession(one_node("Mod", 13, [x, y], {}, 1))
