"""The population stability index, with the threshold that the sample sizes ask for."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from arsenal import _native
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.monitoring.columns import DriftColumn, column_of, without_values
from arsenal.monitoring.wording import number_label


@dataclass(frozen=True, slots=True)
class PsiBin:
    """One bin of a stability index.

    Attributes
    ----------
    label : str
        Which values it holds: an interval, a category, ``(other)``, ``(unseen)`` or ``(missing)``.
    reference, current : int
        How many values of each sample.
    reference_share, current_share : float
        Their smoothed shares.
    contribution : float
        What the bin adds to the index.
    """

    label: str
    reference: int
    current: int
    reference_share: float
    current_share: float
    contribution: float


@dataclass(frozen=True, slots=True)
class PsiResult:
    """A population stability index with what it would be without drift.

    Attributes
    ----------
    statistic : float
        The index: the sum over bins of ``(p - q) * log(p / q)``.
    threshold : float or None
        What the index exceeds with probability `alpha` if nothing has changed; None if no index could be called too
        large (a permutation threshold with an `alpha` below 1/1000).
    pvalue : float
        Probability of an index this large if nothing has changed.
    method : {'chi2', 'permutation'}
        Where threshold and p-value come from.
    bins : tuple of PsiBin
        Every bin that holds a value of either sample.
    """

    statistic: float
    threshold: float | None
    pvalue: float
    method: str
    bins: tuple[PsiBin, ...]

    @property
    def alert(self) -> bool:
        """Whether the index is above its threshold."""
        return self.threshold is not None and self.statistic > self.threshold

    def __float__(self) -> float:
        return self.statistic


def psi(reference: Any, current: Any, bins: int = 10, *, max_categories: int = 50, alpha: float = 0.05) -> PsiResult:
    """Population stability index of two samples of numbers or categories.

    Bins depend on the reference alone, so nothing in `current` can move them. Numbers: between quantiles of the
    reference, open at both ends; where its smallest or largest value is frequent, values beyond it have their own bin.
    Categories: the `max_categories` most frequent ones of the reference, then its others together, then those it does
    not have. Missing values always have a bin of their own. Every bin's count is smoothed by adding 1/2.

    Parameters
    ----------
    reference, current : array_like, one-dimensional
        Numbers, or text, booleans and categories. NaN, None and the empty text are missing.
    bins : int
        Bins of numbers, between 2 and 10,000.
    max_categories : int
        Categories with bins of their own.
    alpha : float
        Probability with which the index exceeds its threshold if nothing has changed.

    Returns
    -------
    PsiResult
        With ``statistic``, ``threshold``, ``pvalue``, ``bins`` and ``alert``.

    Raises
    ------
    ArsenalValueError
        A sample is empty or a parameter out of range.
    ArsenalTypeError
        A sample holds neither numbers nor categories, or each of them another, or whole numbers beyond 2**53 in size.

    Notes
    -----
    Fixed rules (0.1, 0.25) ignore that the index of two equal populations is not 0: it is about
    ``(k - 1) * (1/n + 1/m)`` for k bins, and ``index / (1/n + 1/m)`` has about the chi-squared distribution with k - 1
    degrees of freedom. The threshold is that distribution's point. Where categories are rare or more than
    `max_categories`, which of them have bins is chance too; then threshold and p-value come from 999 random deals of
    the pooled values (fewer for very many categories, at least 99), seeded, so that a call repeats.

    Examples
    --------
    >>> import numpy as np
    >>> from arsenal.monitoring import psi
    >>> rng = np.random.default_rng(0)
    >>> same = psi(rng.normal(size=2000), rng.normal(size=1000))
    >>> same.alert, same.statistic < same.threshold < 0.1
    (False, True)
    >>> psi(["a"] * 90 + ["b"] * 10, ["a"] * 50 + ["b"] * 40 + ["c"] * 10).bins[2].label
    '(unseen)'
    """
    check_binning(bins, max_categories, alpha)
    sides = {"reference": column_of(reference), "current": column_of(current)}
    for name, column in sides.items():
        if column.kind not in ("number", "category", "nothing"):
            raise ArsenalTypeError(f"{name} holds {column.kind.strip('[]')}, wanted numbers or categories")
        if len(column) == 0:
            raise ArsenalValueError(f"{name} is empty, wanted at least one value")
    kinds = {column.kind for column in sides.values()} - {"nothing"}
    if len(kinds) > 1:
        raise ArsenalTypeError(
            f"reference holds {sides['reference'].kind} values and current {sides['current'].kind} values, "
            "wanted the same kind"
        )
    kind = next(iter(kinds), "number")
    first, second = (fill(column, kind) for column in sides.values())
    found = _native._rust.column_psi(first, second, bins, max_categories, alpha)
    assert found is not None  # neither sample is empty
    return PsiResult(
        statistic=found["value"],
        threshold=found["threshold"],
        pvalue=found["p_value"],
        method="permutation" if found["is_simulated"] else "chi2",
        bins=tuple(psi_bin(found_bin) for found_bin in found["bins"]),
    )


def check_binning(bins: int, max_categories: int, alpha: float) -> None:
    """Refuse parameters out of range."""
    for name, value in (("bins", bins), ("max_categories", max_categories)):
        if isinstance(value, bool) or not isinstance(value, Integral):
            raise ArsenalTypeError(f"{name} is {value!r}, wanted a whole number")
    if not isinstance(alpha, Real):
        raise ArsenalTypeError(f"alpha is {alpha!r}, wanted a number between 0 and 1")
    if not 2 <= bins <= 10_000:
        raise ArsenalValueError(f"bins is {bins}, wanted 2 to 10,000")
    if not 1 <= max_categories < 2**32:
        raise ArsenalValueError(f"max_categories is {max_categories}, wanted at least 1 and less than 2**32")
    if not 0 < alpha < 1:
        raise ArsenalValueError(f"alpha is {alpha}, wanted a number between 0 and 1")


def fill(column: DriftColumn, kind: str) -> DriftColumn:
    """A column that holds nothing takes the kind of the other one."""
    return without_values(len(column), kind) if column.kind == "nothing" else column


def psi_bin(found: dict[str, Any]) -> PsiBin:
    """A bin as the core describes it, with a label for people."""
    match found["kind"]:
        case "interval":
            label = interval_label(found["low"], found["high"])
        case "category":
            label = found["name"]
        case kind:
            label = f"({kind})"
    (n_reference, n_current), (p, q) = found["counts"], found["shares"]
    return PsiBin(label, n_reference, n_current, p, q, found["contribution"])


def interval_label(low: tuple[float, bool] | None, high: tuple[float, bool] | None) -> str:
    """An interval in words: ``low`` and ``high`` say where it ends and whether that number lies below the boundary."""
    if low is None and high is None:
        return "all numbers"
    if low is None and high is not None:
        return f"{'≤' if high[1] else '<'} {number_label(high[0])}"
    if high is None and low is not None:
        return f"{'>' if low[1] else '≥'} {number_label(low[0])}"
    assert low is not None
    assert high is not None
    if low[0] == high[0]:
        return f"= {number_label(low[0])}"
    return f"{'(' if low[1] else '['}{number_label(low[0])}, {number_label(high[0])}{']' if high[1] else ')'}"
