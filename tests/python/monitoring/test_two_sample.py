"""ks_2samp against SciPy over random and edge cases; the tails behind it against SciPy and closed forms."""

from __future__ import annotations

import math
import pickle
import warnings
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.special
import scipy.stats
from arsenal import _native
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.monitoring import KstestResult, ks_2samp
from hypothesis import given, settings
from hypothesis import strategies as st

rust = _native._rust
ALTERNATIVES = ("two-sided", "less", "greater")


def rel(got: float, wanted: float) -> float:
    return abs(got - wanted) / abs(wanted) if wanted else abs(got)


def scipy_ks(a: Any, b: Any, **kwargs: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return scipy.stats.ks_2samp(a, b, **kwargs)


def scipy_gave_up(a: Any, b: Any, **kwargs: Any) -> bool:
    """Whether SciPy's exact p-value came out above 1 or overflowed and gave way to the asymptotic one."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scipy.stats.ks_2samp(a, b, **kwargs)
    return any("Exact calculation unsuccessful" in str(warning.message) for warning in caught)


def extreme_is_unique(a: np.ndarray, b: np.ndarray, location: float) -> bool:
    """Whether exact arithmetic leaves one place alone with the largest distance, so that rounding cannot choose."""
    pooled = np.unique(np.concatenate([a, b]))
    cdf = lambda x: [Fraction(int(k), len(x)) for k in np.searchsorted(np.sort(x), pooled, side="right")]  # noqa: E731
    distance = [abs(u - v) for u, v in zip(cdf(a), cdf(b), strict=True)]
    return distance.count(max(distance)) == 1 and location == pooled[distance.index(max(distance))]


finite = st.floats(allow_nan=False, width=32) | st.sampled_from([0.0, -0.0, math.inf, -math.inf])
samples = st.lists(finite, min_size=1, max_size=60) | st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=60)


@settings(max_examples=300, deadline=None)
@given(samples, samples, st.sampled_from(ALTERNATIVES), st.sampled_from(["auto", "exact", "asymp"]))
def test_as_scipy_on_any_samples(a: list[float], b: list[float], alternative: Any, method: Any) -> None:
    got = ks_2samp(a, b, alternative, method)
    wanted = scipy_ks(a, b, alternative=alternative, method=method)
    assert got.statistic == pytest.approx(wanted.statistic, abs=1e-15)
    if method == "asymp" and len(a) == len(b) == 1 and alternative == "two-sided":
        assert math.isnan(wanted.pvalue)
        assert 0 <= got.pvalue <= 1
    elif scipy_gave_up(a, b, alternative=alternative, method=method):
        assert got.pvalue == pytest.approx(1.0, abs=1e-12)
    else:
        assert rel(got.pvalue, wanted.pvalue) < 1e-9
    if alternative == "two-sided" and extreme_is_unique(np.array(a), np.array(b), got.statistic_location):
        assert got.statistic_location == wanted.statistic_location
        assert got.statistic_sign == wanted.statistic_sign


@pytest.mark.parametrize("alternative", ALTERNATIVES)
@pytest.mark.parametrize(
    ("n1", "n2", "shift"),
    [(500, 500, 0.1), (900, 1000, 0.6), (1000, 3000, 0.05), (7, 5000, 1.0), (2000, 2000, 4.0), (12_000, 9_000, 0.02),
     (30_000, 11_000, 0.3), (50_000, 50_000, 0.001), (10_001, 3, 0.4), (20_000, 60, 0.0)],
)  # fmt: skip
def test_as_scipy_on_larger_samples(n1: int, n2: int, shift: float, alternative: Any) -> None:
    rng = np.random.default_rng(n1 + n2)
    a, b = rng.normal(size=n1), rng.normal(shift, size=n2)
    got, wanted = ks_2samp(a, b, alternative), scipy_ks(a, b, alternative=alternative)
    assert got.statistic == pytest.approx(wanted.statistic, abs=1e-15)
    if alternative == "two-sided" or n1 == n2 or max(n1, n2) > 10_000:
        assert rel(got.pvalue, wanted.pvalue) < 1e-9
    else:
        # SciPy's count of one-sided paths overflows for such sizes and becomes asymptotic; ours stays exact.
        assert got.pvalue == pytest.approx(wanted.pvalue, rel=0.3)
    assert got.statistic_location == wanted.statistic_location
    assert got.statistic_sign == wanted.statistic_sign


def test_tiny_p_values_keep_their_digits() -> None:
    a, b = np.arange(400.0), np.arange(400.0) + 380
    both, greater = ks_2samp(a, b), ks_2samp(a, b, "greater")
    assert greater.pvalue == pytest.approx(math.comb(800, 20) / math.comb(800, 400), rel=1e-12)
    assert both.pvalue == pytest.approx(2 * greater.pvalue, rel=1e-12)
    assert both.pvalue < 1e-190
    apart = ks_2samp(np.arange(300), np.arange(300, 500), "greater")
    assert apart.pvalue == pytest.approx(1 / math.comb(500, 300), rel=1e-12)


def test_exact_one_sided_where_scipy_overflows() -> None:
    """Counts in whole numbers the paths that stay below the line, column by column."""
    n1, n2, lead = 600, 590, 51
    height = lead * n2 // 10
    reach = [1] + [0] * n2
    for x in range(n1 + 1):
        for y in range(n2 + 1):
            if x or y:
                reach[y] = (reach[y] if x else 0) + (reach[y - 1] if y else 0)
            if x * n2 // 10 - y * n1 // 10 >= height:
                reach[y] = 0
    wanted = 1 - Fraction(reach[n2], math.comb(n1 + n2, n1))
    # The first sample has the `lead` smallest values, then all of the second come.
    place = np.arange(float(n1 + n2))
    got = ks_2samp(np.delete(place, np.s_[lead : lead + n2]), place[lead : lead + n2], "greater", "exact")
    assert got.statistic == pytest.approx(lead / n1, abs=1e-15)
    assert rel(got.pvalue, float(wanted)) < 1e-11


def test_result_is_scipys() -> None:
    result = ks_2samp([1, 2], [3, 4])
    statistic, pvalue = result
    assert (statistic, result[1], len(result)) == (1.0, pvalue, 2)
    assert repr(result).startswith("KstestResult(statistic=np.float64(1.0), pvalue=np.float64(0.33333")
    wanted = scipy.stats.ks_2samp([1, 2], [3, 4])
    for name in ("statistic", "pvalue", "statistic_location", "statistic_sign"):
        assert getattr(result, name) == pytest.approx(getattr(wanted, name))
        assert type(getattr(result, name)) is type(getattr(wanted, name))
    again = pickle.loads(pickle.dumps(result))
    assert again == result
    assert isinstance(again, KstestResult)
    assert again.statistic_location == result.statistic_location


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "i4", "i8", "u2", "u8", "?"])
def test_dtypes(dtype: str) -> None:
    a = np.array([0, 1, 1, 0, 1, 1]).astype(dtype)
    b = np.array([1, 0, 0, 0]).astype(dtype)
    got, wanted = ks_2samp(a, b), scipy_ks(a, b)
    assert tuple(got) == pytest.approx(tuple(wanted))
    assert got.statistic_location == wanted.statistic_location
    assert type(got.statistic_location) is type(wanted.statistic_location)


def test_whole_numbers_beyond_floats() -> None:
    a, b = np.array([2**53, 2**53 + 2, 2**60]), np.array([2**53 + 1, 2**53 + 3, 2**60 + 1])
    assert ks_2samp(a, b).statistic == pytest.approx(1 / 3)
    assert ks_2samp(a.astype(float), b.astype(float)).statistic < ks_2samp(a, b).statistic + 1
    assert ks_2samp(np.array([2**64 - 1], "u8"), np.array([2**64 - 2], "u8")).statistic_location == 2**64 - 2


def test_strided_views_and_containers() -> None:
    base = np.arange(20.0)
    a, b = base[::-2], base[3:15]
    wanted = ks_2samp(a.copy(), b.copy())
    assert tuple(wanted) == pytest.approx(tuple(scipy_ks(a, b)), rel=1e-12)
    assert ks_2samp(a, b) == wanted
    for wrap in (list, tuple, pd.Series, pl.Series, pa.array, lambda x: pa.chunked_array([x[:4], x[4:]])):
        assert ks_2samp(wrap(a.tolist()), wrap(b.tolist())) == wanted
    assert ks_2samp(3.0, [1.0, 2.0]).statistic == 1.0
    masked = np.ma.array(base, mask=base > 8)
    assert ks_2samp(masked, b) == ks_2samp(base[:9], b)


@pytest.mark.parametrize(
    "with_null",
    [
        [1.0, None, 3.0],
        pd.Series([1, None, 3], dtype="Int64"),
        pd.Series([1.0, None, 3.0]),
        pl.Series([1, None, 3]),
        pa.array([1, None, 3]),
        np.array([1.0, np.nan, 3.0], "f4"),
    ],
)
def test_nan_policies(with_null: Any) -> None:
    propagated = ks_2samp(with_null, [1, 2, 3])
    assert all(math.isnan(x) for x in (*propagated, propagated.statistic_location, propagated.statistic_sign))
    assert ks_2samp(with_null, [1, 2, 3], nan_policy="omit") == ks_2samp([1, 3], [1, 2, 3])
    with pytest.raises(ArsenalValueError, match="1 NaN"):
        ks_2samp(with_null, [1, 2, 3], nan_policy="raise")


def test_pandas_whole_numbers_stay_whole() -> None:
    assert ks_2samp(pd.Series([2**53 + 1], dtype="Int64"), [2**53]).statistic == 1.0


@pytest.mark.parametrize("policy", ["propagate", "omit", "raise"])
def test_empty_samples_give_nan_and_a_warning_as_in_scipy(policy: Any) -> None:
    with pytest.warns(RuntimeWarning, match="0 and 1 values"):
        result = ks_2samp([], [1.0], nan_policy=policy)
    assert all(math.isnan(x) for x in result)
    with pytest.warns(RuntimeWarning, match="0 and 1 values after leaving out NaN"):
        assert math.isnan(ks_2samp([np.nan], [1.0], nan_policy="omit").statistic)


def test_exact_falls_back_aloud_as_in_scipy() -> None:
    a, b = np.arange(50_000.0), np.arange(50_001.0)
    with pytest.warns(RuntimeWarning, match="used 'asymp'"):
        result = ks_2samp(a, b, method="exact")
    assert result == ks_2samp(a, b, method="asymp")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([1.0], [1.0], "both"), ArsenalValueError, "alternative is \"both\", wanted 'two-sided', 'less' or 'greater'"),
        (([1.0], [1.0], "less", "fast"), ArsenalValueError, "method is \"fast\", wanted 'auto', 'exact' or 'asymp'"),
        (([[1.0, 2.0]], [1.0]), ArsenalValueError, r"data1 has shape \(1, 2\), wanted one dimension"),
        ((["a"], [1.0]), ArsenalTypeError, "data1 has dtype"),
        (([1.0], [1j]), ArsenalTypeError, "data2 has dtype complex128, wanted real numbers"),
        (([1.0], np.array(["2020-01-01"], "M8[D]")), ArsenalTypeError, "data2 has dtype datetime64"),
        (([1.0], np.array(["1", 2], object)), ArsenalTypeError, "data2 holds text"),
        (([1.0], np.array([{}, 2], object)), ArsenalTypeError, "data2 holds objects"),
    ],
)
def test_bad_arguments(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ks_2samp(*arguments)
    with pytest.raises(ArsenalValueError, match="nan_policy is 'drop'"):
        ks_2samp([1.0], [1.0], nan_policy="drop")  # type: ignore[arg-type]


def test_the_core_refuses_what_it_cannot_sort() -> None:
    with pytest.raises(ArsenalTypeError, match="wanted two 1-D arrays of one dtype"):
        rust.ks_2samp(np.array([1.0]), np.array([1], "i4"), "less", "auto", False)


def test_the_same_for_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=60_000), rng.normal(size=50_000)
    found = []
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("ARSENAL_NUM_THREADS", threads)
        found.append(ks_2samp(a, b))
    assert found[0] == found[1] == found[2]


def test_p_values_are_uniform_without_drift() -> None:
    """Exact p-values are at most uniform: P(p <= x) <= x, and close to it. Binomial bounds at 4 standard errors."""
    rng = np.random.default_rng(11)
    replicates = 2000
    p = np.array([ks_2samp(rng.normal(size=80), rng.normal(size=120)).pvalue for _ in range(replicates)])
    for level in (0.05, 0.2, 0.5):
        error = 4 * math.sqrt(level * (1 - level) / replicates)
        assert level * 0.7 - error <= np.mean(p <= level) <= level + error


# --- special functions -----------------------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 300) | st.integers(1, 200_000), st.floats(0.0, 8.0) | st.floats(0.0, 370.0))
def test_kolmogorov_tails(n: int, scaled: float) -> None:
    d = math.sqrt(scaled / n)
    wanted = float(scipy.stats.kstwo.sf(d, n))
    if d > 1 or 0 < wanted < 1e-300:
        return
    # SciPy and we find 1 - CDF below n = 141, which leaves an absolute error of a few ulp of 1.
    assert abs(rust.kolmogorov_sf(n, d) - wanted) <= 2e-12 * wanted + (4e-14 if n <= 140 else 0)


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 20_000), st.floats(0.0, 1.0))
def test_smirnov_tails(n: int, d: float) -> None:
    wanted = float(scipy.special.smirnov(n, d))
    if wanted > 1e-300:
        assert rel(rust.smirnov_sf(n, d), wanted) < 1e-12


@settings(max_examples=400, deadline=None)
@given(st.floats(0.0, 2000.0), st.integers(1, 3000))
def test_chi2_tails(x: float, dof: int) -> None:
    wanted = float(scipy.stats.chi2.sf(x, dof))
    if wanted > 1e-300:
        # Against 30 digits of mpmath ours is off by up to 1e-13 and SciPy's by 3e-12.
        assert rel(rust.chi2_sf(x, dof), wanted) < 1e-11


@settings(max_examples=200, deadline=None)
@given(st.floats(1e-12, 0.9), st.integers(1, 3000))
def test_chi2_points(p: float, dof: int) -> None:
    wanted = float(scipy.stats.chi2.isf(p, dof))
    if wanted > 1e-6:
        assert rel(rust.chi2_isf(p, dof), wanted) < 1e-10
