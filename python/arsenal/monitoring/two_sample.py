"""Tests of whether two samples come from the same distribution, with SciPy's names, arguments and results."""

from __future__ import annotations

import warnings
from typing import Any, Literal, NamedTuple

import numpy as np

from arsenal import _native
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.monitoring.columns import column_of, without_values
from arsenal.monitoring.samples import numeric_sample, same_dtype


class _Pair(NamedTuple):
    statistic: Any
    pvalue: Any


class KstestResult(_Pair):
    """What a Kolmogorov-Smirnov test found. Unpacks as ``statistic, pvalue``.

    Attributes
    ----------
    statistic : float
        The largest distance of the two empirical distribution functions in the asked direction.
    pvalue : float
        Probability of such a distance if both samples come from one continuous distribution.
    statistic_location : number
        The value at which the functions are that far apart, in the samples' own dtype.
    statistic_sign : int
        1 if the first sample's function lies above the second's there, -1 if below.
    """

    statistic_location: Any
    statistic_sign: Any

    def __new__(cls, statistic: Any, pvalue: Any, *, statistic_location: Any, statistic_sign: Any) -> KstestResult:
        result = super().__new__(cls, statistic, pvalue)
        result.statistic_location = statistic_location
        result.statistic_sign = statistic_sign
        return result

    def __getnewargs_ex__(self) -> tuple[tuple[Any, Any], dict[str, Any]]:
        return tuple(self), vars(self)

    def __repr__(self) -> str:
        fields = {**self._asdict(), **vars(self)}
        return f"KstestResult({', '.join(f'{name}={value!r}' for name, value in fields.items())})"


def ks_2samp(
    data1: Any,
    data2: Any,
    alternative: Literal["two-sided", "less", "greater"] = "two-sided",
    method: Literal["auto", "exact", "asymp"] = "auto",
    *,
    nan_policy: Literal["propagate", "omit", "raise"] = "propagate",
) -> KstestResult:
    """Two-sample Kolmogorov-Smirnov test, as ``scipy.stats.ks_2samp``.

    Both samples are sorted once, on two threads if they are large, and merged once. The interpreter's lock is released
    and Ctrl-C stops a long exact computation.

    Parameters
    ----------
    data1, data2 : array_like, one-dimensional
        NumPy arrays, lists, pandas or polars series, Arrow arrays of real numbers. Infinities are ordinary values.
    alternative : {'two-sided', 'less', 'greater'}
        The distribution functions differ; the first lies below the second somewhere; the first lies above.
    method : {'auto', 'exact', 'asymp'}
        'exact' counts lattice paths; 'asymp' uses the distribution of the one-sample statistic (two-sided) or Hodges'
        formula (one-sided); 'auto' is exact if neither sample has more than 10,000 values.
    nan_policy : {'propagate', 'omit', 'raise'}
        What a NaN or null does: makes the result NaN, is left out, raises.

    Returns
    -------
    KstestResult
        With ``statistic``, ``pvalue``, ``statistic_location`` and ``statistic_sign``. All NaN, with a RuntimeWarning,
        if a sample is empty.

    Raises
    ------
    ArsenalValueError
        An argument is not one of those above, the samples have more than one dimension, or 'raise' met a NaN.
    ArsenalTypeError
        A sample holds something else than real numbers.

    Notes
    -----
    O(n log n) time and one integer per value; the exact p-value of samples of unequal size takes up to
    ``n1 * n2 * statistic`` steps more. Differences from SciPy: the distance is found in whole numbers, so of places
    that are equally far apart the smallest value of ``data1`` is reported and never one chosen by rounding; exact
    p-values do not give way to asymptotic ones because of overflow or rounding; samples of one value under 'asymp' have
    a p-value.

    With ties the p-values are upper bounds.

    Examples
    --------
    >>> from arsenal.monitoring import ks_2samp
    >>> statistic, pvalue = ks_2samp([1, 2, 3, 4, 5], [4, 5, 6, 7, 8, 9], alternative="greater")
    >>> print(f"{statistic:.3f} {pvalue:.3f}")
    0.667 0.054
    """
    if nan_policy not in ("propagate", "omit", "raise"):
        raise ArsenalValueError(f"nan_policy is {nan_policy!r}, wanted 'propagate', 'omit' or 'raise'")
    first, second, dtype = same_dtype(numeric_sample(data1, "data1"), numeric_sample(data2, "data2"))
    n1, n2, n_nan, found = _native._rust.ks_2samp(first, second, alternative, method, nan_policy == "omit")
    if n_nan and nan_policy == "raise":
        raise ArsenalValueError(f"the samples hold {n_nan} NaN, and nan_policy is 'raise'")
    if found is None:
        if min(first.size, second.size) == 0 or not n_nan or nan_policy == "omit":
            after = " after leaving out NaN" if n_nan else ""
            warnings.warn(f"ks_2samp: samples have {n1} and {n2} values{after}, the result is NaN", RuntimeWarning, 2)
        nan = np.float64(np.nan)
        return KstestResult(nan, nan, statistic_location=nan, statistic_sign=nan)
    statistic, pvalue, location, sign, is_exact = found
    if method == "exact" and not is_exact:
        warnings.warn(
            f"ks_2samp: the least common multiple of {n1} and {n2} is too large for an exact p-value; used 'asymp'",
            RuntimeWarning,
            2,
        )
    return KstestResult(
        np.float64(statistic),
        np.float64(pvalue),
        statistic_location=dtype.type(location),
        statistic_sign=np.int8(sign),
    )


class Chi2Result(_Pair):
    """What a chi-squared test of two samples found. Unpacks as ``statistic, pvalue``.

    Attributes
    ----------
    statistic : float
        Pearson's chi-squared of the table of samples and categories, without correction.
    pvalue : float
        Probability of such a statistic if both samples come from one distribution.
    dof : int
        Number of categories that occur less one.
    method : {'asymptotic', 'exact', 'permutation', 'moments'}
        How the p-value was found.
    """

    dof: int
    method: str

    def __new__(cls, statistic: Any, pvalue: Any, *, dof: int, method: str) -> Chi2Result:
        result = super().__new__(cls, statistic, pvalue)
        result.dof = dof
        result.method = method
        return result

    def __getnewargs_ex__(self) -> tuple[tuple[Any, Any], dict[str, Any]]:
        return tuple(self), vars(self)

    def __repr__(self) -> str:
        fields = {**self._asdict(), **vars(self)}
        return f"Chi2Result({', '.join(f'{name}={value!r}' for name, value in fields.items())})"


def chi2_2samp(data1: Any, data2: Any) -> Chi2Result:
    """Chi-squared test of whether two samples have the same shares of categories.

    The statistic is that of ``scipy.stats.chi2_contingency(table, correction=False)`` on the table of both
    samples: none of the two is taken for the truth, so a category that one of them lacks is no catastrophe.

    Parameters
    ----------
    data1, data2 : array_like, one-dimensional
        Text, booleans, categories, or numbers, of which every distinct value is a category. Missing values are a
        category too.

    Returns
    -------
    Chi2Result
        With ``statistic``, ``pvalue``, ``dof`` and ``method``.

    Raises
    ------
    ArsenalValueError
        A sample is empty.
    ArsenalTypeError
        The samples do not hold categories or numbers of one kind, or hold whole numbers beyond 2**53 in size.

    Notes
    -----
    How the p-value is found depends on the pooled counts alone. 'asymptotic': every expected count is at least 5, or at
    least 1 with five categories or more. 'exact', for two categories: all tables with the same margins. 'permutation':
    9,999 random deals of the pooled values, or until 100 of them are as extreme, seeded; p is (k + 1) / (N + 1),
    never 0. 'moments', where a deal would take long: a chi-squared distribution scaled to the mean and variance over
    all deals.

    Examples
    --------
    >>> from arsenal.monitoring import chi2_2samp
    >>> result = chi2_2samp(["a"] * 60 + ["b"] * 40, ["a"] * 45 + ["b"] * 54 + ["c"])
    >>> result.method, result.dof, round(float(result.statistic), 3)
    ('permutation', 2, 5.228)
    """
    columns = {"data1": column_of(data1), "data2": column_of(data2)}
    for name, column in columns.items():
        if column.kind not in ("number", "category", "nothing"):
            raise ArsenalTypeError(f"{name} holds {column.kind.strip('[]')}, wanted categories or numbers")
    kinds = {column.kind for column in columns.values()} - {"nothing"}
    if len(kinds) > 1:
        raise ArsenalTypeError("one sample holds numbers and the other categories, wanted the same kind")
    kind = next(iter(kinds), "category")
    first, second = (without_values(len(c), kind) if c.kind == "nothing" else c for c in columns.values())
    statistic, pvalue, dof, method = _native._rust.column_chi2(first, second)
    return Chi2Result(np.float64(statistic), np.float64(pvalue), dof=dof, method=method)
