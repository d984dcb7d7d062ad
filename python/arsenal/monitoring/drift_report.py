"""Has a table changed? One test per column, corrected for how many there are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from arsenal import _native
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.monitoring.columns import DriftColumn, table_columns
from arsenal.monitoring.drift_html import drift_html
from arsenal.monitoring.stability import check_binning, fill
from arsenal.monitoring.wording import p_value_label


class DriftReport:
    """Compare a current table with a reference, column by column.

    Continuous numbers are compared by the Kolmogorov-Smirnov test, categories by the chi-squared test of the
    contingency
    table, and the share of missing values of either by itself; the smaller of a column's two p-values counts, times
    two.
    P-values are corrected for the number of columns. The population stability index stands beside each test, with the
    threshold that the sample sizes ask for.

    Parameters
    ----------
    reference, current : pandas, polars or pyarrow table, dict of columns or 2-D array
        Columns are matched by name.
    columns : sequence of str, optional
        Columns to compare; those of the reference where not given.
    alpha : float
        Probability of calling any column drifted where nothing has changed ("holm").
    correction : {"holm", "bh"} or None
        Holm's family-wise error rate, Benjamini and Hochberg's false discovery rate, or none.
    bins, max_categories : int
        As in :func:`psi`.
    n_jobs : int, optional
        Threads; the report does not depend on it.

    Raises
    ------
    ArsenalValueError
        A table has no rows, a column is absent from one of them, or a parameter is out of range.
    ArsenalTypeError
        A column holds numbers in one table and categories in the other, or neither.

    Examples
    --------
    >>> import numpy as np
    >>> from arsenal.monitoring import DriftReport
    >>> rng = np.random.default_rng(0)
    >>> before = {"temp": rng.normal(0, 1, 500), "carrier": rng.choice(["AA", "DL"], 500)}
    >>> after = {"temp": rng.normal(1, 1, 500), "carrier": rng.choice(["AA", "DL"], 500)}
    >>> report = DriftReport(before, after)
    >>> report.drifted
    ['temp']
    >>> report.to_dict()["columns"]["temp"]["test"]
    'ks_2samp'
    """

    def __init__(
        self,
        reference: Any,
        current: Any,
        *,
        columns: Sequence[str] | None = None,
        alpha: float = 0.05,
        correction: str | None = "holm",
        bins: int = 10,
        max_categories: int = 50,
        n_jobs: int | None = None,
    ) -> None:
        check_binning(bins, max_categories, alpha)
        wanted = None if columns is None else frozenset(columns)
        n_reference, before = table_columns(reference, "reference", wanted)
        n_current, after = table_columns(current, "current", wanted)
        for side, n_rows in (("reference", n_reference), ("current", n_current)):
            if n_rows == 0:
                raise ArsenalValueError(f"{side} has no rows, wanted at least one")
        names = list(before) if columns is None else list(columns)
        for side, found in (("reference", before), ("current", after)):
            absent = [name for name in names if name not in found]
            if absent:
                raise ArsenalValueError(f"{side} lacks the columns {absent}, it has {list(found)}")
        pairs = [_pair(name, before[name], after[name]) for name in names]
        compared = _native._rust.compare_columns(pairs, bins, max_categories, alpha, n_jobs)
        p_values = [_p_value(found) for found in compared]
        tested = [p for p in p_values if p is not None]
        adjusted = iter(tested if correction is None else _native._rust.adjust_p_values(tested, correction))
        self.alpha = alpha
        self.correction = correction
        self.n_rows = (n_reference, n_current)
        self._columns: dict[str, dict[str, Any]] = {}
        for name, (first, _), found, p_value in zip(names, pairs, compared, p_values, strict=True):
            p_adjusted = None if p_value is None else next(adjusted)
            self._columns[name] = _column(first.kind, found, p_value, p_adjusted, alpha)

    @property
    def drifted(self) -> list[str]:
        """Names of the columns whose adjusted p-value is at most alpha."""
        return [name for name, column in self._columns.items() if column["drift"]]

    def to_dict(self) -> dict[str, Any]:
        """Everything that the report found, in plain Python types: ``["columns"][name]`` and the table as a whole."""
        n_columns = len(self._columns)
        return {
            "alpha": self.alpha,
            "correction": self.correction,
            "n_rows": {"reference": self.n_rows[0], "current": self.n_rows[1]},
            "n_columns": n_columns,
            "n_drifted": len(self.drifted),
            "share_drifted": len(self.drifted) / n_columns if n_columns else 0.0,
            "columns": {name: dict(column) for name, column in self._columns.items()},
        }

    def to_json(self, indent: int | None = None) -> str:
        """:meth:`to_dict` as JSON; what JSON has no number for (infinite bounds) is written as text."""
        return json.dumps(_plain(self.to_dict()), indent=indent, ensure_ascii=False, allow_nan=False)

    def to_html(self, path: str | PathLike[str] | None = None) -> str:
        """The report as one self-contained page: no request leaves it, and everything from the data is escaped.

        Parameters
        ----------
        path : str or path-like, optional
            Where to write it as well.
        """
        page = drift_html(self.to_dict())
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
        return page

    def _repr_html_(self) -> str:
        return self.to_html()

    def __repr__(self) -> str:
        lines = [f"DriftReport: {len(self.drifted)} of {len(self._columns)} columns drifted (alpha {self.alpha:g})"]
        for name, column in sorted(
            self._columns.items(), key=lambda item: (item[1]["p_adjusted"] is None, item[1]["p_adjusted"])
        ):
            mark = "drift" if column["drift"] else "     "
            lines.append(
                f"  {mark}  {name}: {column['test'] or 'nothing to test'}, p {p_value_label(column['p_adjusted'])}"
            )
        return "\n".join(lines)


def _pair(name: str, before: DriftColumn, after: DriftColumn) -> tuple[DriftColumn, DriftColumn]:
    """Two columns of one kind; a column without values takes the other's."""
    kinds = {before.kind, after.kind} - {"nothing"}
    if len(kinds) > 1:
        raise ArsenalTypeError(
            f"column {name!r} holds {before.kind} values in reference and {after.kind} values in current"
        )
    kind = next(iter(kinds), "number")
    if kind not in ("number", "category", "time"):
        raise ArsenalTypeError(f"column {name!r} holds {kind.strip('[]')}, wanted numbers, times or categories")
    return fill(before, kind), fill(after, kind)


def _p_value(found: dict[str, Any]) -> float | None:
    """Bonferroni's bound over what was tested of a column: its values, and how many are missing."""
    tested = [p for p in (found["test"] and found["test"][3], found["missing_p_value"]) if p is not None]
    return min(1.0, len(tested) * min(tested)) if tested else None


def _column(
    kind: str, found: dict[str, Any], p_value: float | None, p_adjusted: float | None, alpha: float
) -> dict[str, Any]:
    test, method, statistic, value_p, dof = found["test"] or (None, None, None, None, None)
    index = found["psi"] or {}
    column = {
        "kind": kind,
        "test": test,
        "method": method,
        "statistic": statistic,
        "dof": dof,
        "value_p_value": value_p,
        "missing_p_value": found["missing_p_value"],
        "p_value": p_value,
        "p_adjusted": p_adjusted,
        "drift": p_adjusted is not None and p_adjusted <= alpha,
        "psi": index.get("value"),
        "psi_threshold": index.get("threshold"),
        "n_rows": list(found["n_rows"]),
        "n_missing": list(found["n_missing"]),
    }
    look = ("summaries", "histogram") if "summaries" in found else ("categories",)
    return column | {name: found[name] for name in look}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return str(value)
    return value
