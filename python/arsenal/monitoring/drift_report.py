"""Has a table changed? One decision per column, corrected for how many there are."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from numbers import Integral
from pathlib import Path
from typing import Any

from arsenal import _native
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.monitoring.columns import DriftColumn, table_columns
from arsenal.monitoring.drift_html import drift_fragment, drift_page, what_was_tested
from arsenal.monitoring.stability import check_binning, fill, psi_bin
from arsenal.monitoring.wording import number_label, p_value_label, share_label, shortened

KINDS = ("number", "category", "time")
MAX_LINES = 25


class DriftReport:
    """Compare a current table with a reference, column by column.

    Parameters
    ----------
    reference, current : table
        pandas, polars or pyarrow tables, or any object with ``__arrow_c_stream__``; dicts of columns; 2-D arrays, whose
        columns are called ``x0``, ``x1``, ... Columns meet by name; the two tables may be of different libraries.
    columns : sequence of str, optional
        Columns to compare; all by default.
    alpha : float
        Level of the decision. With Holm's correction it is the probability of calling any column drifted if nothing
        has changed.
    correction : {'holm', 'bh'} or None
        Holm's for the family-wise error rate, Benjamini and Hochberg's for the false discovery rate, or none.
    bins, max_categories : int
        Bins of the stability index, as in :func:`psi`.
    n_jobs : int, optional
        Threads, one column at a time each; by default all cores. The report does not depend on it.

    Attributes
    ----------
    drifted : list of str
        Names of the columns that drifted.
    drift : bool
        Whether any did.

    Raises
    ------
    ArsenalValueError
        The reference has no rows, a named column is in neither table, a name occurs twice, columns differ in length, or
        a parameter is out of range.
    ArsenalTypeError
        A table is of none of the types above.

    Notes
    -----
    *Numbers* are compared by the two-sample Kolmogorov-Smirnov test: exact up to 10,000 rows a side, given the ties if
    there are any; asymptotic beyond. Columns with at most 20 distinct values, *text*, *booleans* and *categories* are
    compared by the chi-squared test of both samples' counts, as in :func:`chi2_2samp`; missing is a category too.
    Numbers that are missing more or less often than before are found by the same test of two counts. Where it was made,
    the column's p-value is twice the smaller of the two (Bonferroni), so a column that becomes empty has drifted.
    *Times* are summarised and not tested, except for how many are missing: windows follow one another in time, so such
    a test would always alarm.

    float64 beside float32 is compared in float32; whole numbers, floats and durations are all numbers. A column that
    the current table lacks, or that changed its kind, has drifted without a test; one that only the current table has
    is listed and has not. A column without any value takes the other's kind. What is neither number, time nor category
    (lists, structures) is listed and not compared, and neither are whole numbers beyond 2**53 in size, which floats
    cannot tell apart: as text they are categories. A current table without rows gives a report without tests.

    Time O(n log n) per column; memory, two sorted columns per thread.

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
        if correction not in ("holm", "bh", None):
            raise ArsenalValueError(f"correction is {correction!r}, wanted 'holm', 'bh' or None")
        if n_jobs is not None and not isinstance(n_jobs, Integral):
            raise ArsenalTypeError(f"n_jobs is {n_jobs!r}, wanted a whole number or None")
        names = _wanted(columns)
        wanted = None if names is None else frozenset(names)
        n_reference, before = table_columns(reference, "reference", wanted)
        n_current, after = table_columns(current, "current", wanted)
        if n_reference == 0:
            raise ArsenalValueError("reference has no rows, wanted at least one")
        if names is None:
            names = [*before, *(name for name in after if name not in before)]
        unknown = [name for name in names if name not in before and name not in after]
        if unknown:
            raise ArsenalValueError(f"neither table has a column {unknown[0]!r}")
        pairs = {name: (before[name], after[name]) for name in names if name in before and name in after}
        comparable = {name: _filled(*pair) for name, pair in pairs.items() if _obstacle(*pair) is None}
        compared = _native._rust.compare_columns(list(comparable.values()), bins, max_categories, alpha, n_jobs)
        found = dict(zip(comparable, compared, strict=True))
        self._found: dict[str, Any] = {
            "arsenal": _native.__version__,
            "alpha": float(alpha),
            "correction": correction,
            "n_rows": {"reference": n_reference, "current": n_current},
        }
        self._columns = {name: _column(before.get(name), after.get(name), found.get(name)) for name in names}
        self._decide()

    def _decide(self) -> None:
        alpha, correction = self._found["alpha"], self._found["correction"]
        tested = [column for column in self._columns.values() if column["p_value"] is not None]
        adjusted = [column["p_value"] for column in tested]
        if correction is not None:
            adjusted = _native._rust.adjust_p_values(adjusted, correction)
        for column, p_adjusted in zip(tested, adjusted, strict=True):
            column["p_adjusted"] = p_adjusted
            column["drift"] = p_adjusted <= alpha
        of_reference = [c for c in self._columns.values() if c["status"] != "only in current"]
        n_drifted = len(self.drifted)
        self._found |= {
            "n_columns": len(of_reference),
            "n_tested": len(tested),
            "n_drifted": n_drifted,
            "share_drifted": n_drifted / len(of_reference) if of_reference else 0.0,
            "drift": n_drifted > 0,
        }

    @property
    def drifted(self) -> list[str]:
        """Names of the columns that drifted, in the order of the tables."""
        return [name for name, column in self._columns.items() if column["drift"]]

    @property
    def drift(self) -> bool:
        """Whether any column drifted."""
        return bool(self._found["drift"])

    def to_dict(self) -> dict[str, Any]:
        """Everything that the report found, in plain Python types.

        Returns
        -------
        dict
            ``alpha``, ``correction``, ``n_rows``, ``n_columns`` (of the reference), ``n_tested``, ``n_drifted``,
            ``share_drifted``, ``drift``, ``drifted`` and ``columns``. Each of the columns has

            - ``kind``: 'number', 'category', 'time', or another type's name in brackets;
            - ``status``: 'tested', 'not tested', 'only in reference', 'only in current', 'kind changed' or
              'unsupported', and a ``note`` where there is more to say;
            - ``test``: 'ks_2samp', 'chi2_contingency' or None, with ``method``, ``statistic`` and ``dof``;
            - ``p_value``: before correction; of the values and, where that was tested, of how many are missing, whose
              own are ``value_p_value`` and ``missing_p_value``;
            - ``p_adjusted``, ``drift``;
            - ``psi`` with ``psi_threshold``, ``psi_p_value``, ``psi_alert`` and ``psi_bins``;
            - ``n_rows``, ``n_missing``, ``missing_rate`` and, by kind, ``summary`` and ``histogram`` or ``categories``,
              each with a part for reference and current.
        """
        return {**self._found, "drifted": self.drifted, "columns": _copied(self._columns)}

    def to_json(self, indent: int | None = None) -> str:
        """:meth:`to_dict` as JSON. Infinities, for which it has no number, are the texts "Infinity", "-Infinity".

        Parameters
        ----------
        indent : int, optional
            Spaces per level; one line by default.
        """
        found = _copied(self.to_dict(), _json_number)
        text = json.dumps(found, indent=indent, ensure_ascii=False, allow_nan=False)
        # A name may hold half of a surrogate pair, which no file can; JSON has an escape for it.
        return text if _is_encodable(text) else json.dumps(found, indent=indent, allow_nan=False)

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """The report as one page: nothing is fetched, everything from the data is escaped, 1 MB at most.

        The page follows the reader's light or dark setting, works with the keyboard alone and without scripts, and
        prints. Of tables with very many columns it shows as many as fit, those that changed most first.

        Parameters
        ----------
        path : str or path-like, optional
            Where to write it as well.

        Returns
        -------
        str
            The page.
        """
        page = drift_page(self.to_dict())
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
        return page

    def _repr_html_(self) -> str:
        return drift_fragment(self.to_dict())

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        found, rows = self._found, self._found["n_rows"]
        verdict = f"{found['n_drifted']} of {found['n_columns']} columns drifted" if self.drift else "no drift"
        corrected = {"holm": "Holm", "bh": "Benjamini-Hochberg", None: "no"}[found["correction"]]
        yield (
            f"DriftReport: {verdict} ({rows['reference']:,} reference and {rows['current']:,} current rows, "
            f"alpha {found['alpha']:g}, {corrected} correction)"
        )
        by_drift = sorted(self._columns.items(), key=lambda item: (not item[1]["drift"], -(item[1]["psi"] or 0.0)))
        width = max((len(shortened(name, 32)) for name, _ in by_drift[:MAX_LINES]), default=0)
        if by_drift:
            yield f"       {'column':<{width}}  {'test':<16}  {'p adjusted':>10}  {'PSI':>8}  missing"
        for name, column in by_drift[:MAX_LINES]:
            missing = " → ".join(share_label(column["missing_rate"][side]) for side in ("reference", "current"))
            test = column["test"] or what_was_tested(column)
            psi = number_label(None if column["psi"] is None else round(column["psi"], 4))
            yield (
                f"{'drift' if column['drift'] else '':<5}  {shortened(name, 32):<{width}}  {test:<16}  "
                f"{p_value_label(column['p_adjusted']):>10}  {psi:>8}  {missing}"
            )
        if len(by_drift) > MAX_LINES:
            yield f"       … and {len(by_drift) - MAX_LINES} more columns; to_dict() has them all"


def _wanted(columns: Sequence[str] | None) -> list[str] | None:
    if columns is None:
        return None
    is_list = isinstance(columns, Iterable) and not isinstance(columns, (str, bytes, Set))  # sets have no order
    names = list(columns) if is_list else None
    if names is None or not all(isinstance(name, str) for name in names):
        raise ArsenalTypeError(f"columns is {columns!r}, wanted a list of names")
    names = [str(name) for name in names]  # NumPy's texts print their type
    repeated = next((name for name, count in Counter(names).items() if count > 1), None)
    if repeated is not None:
        raise ArsenalValueError(f"columns names {repeated!r} more than once")
    return names


def _kind(first: DriftColumn, second: DriftColumn) -> str:
    """The kind of two columns; one without values has that of the other."""
    return second.kind if first.kind == "nothing" else first.kind


def _obstacle(first: DriftColumn, second: DriftColumn) -> tuple[str, str] | None:
    """Why two columns of one name cannot be compared: the status and a sentence."""
    kinds = {first.kind, second.kind} - {"nothing"}
    if len(kinds) > 1:
        return (
            "kind changed",
            f"{_in_words(first.kind)} in the reference, {_in_words(second.kind)} in the current table",
        )
    unsupported = kinds - set(KINDS)
    if unsupported:
        words = _in_words(unsupported.pop())
        is_beyond = words.startswith("whole numbers beyond")
        why = "floats cannot tell them apart" if is_beyond else "neither numbers, times nor categories"
        return "unsupported", f"{words}: {why}"
    return None


def _in_words(kind: str) -> str:
    return {"number": "numbers", "category": "categories", "time": "times"}.get(kind, kind.strip("[]"))


def _filled(first: DriftColumn, second: DriftColumn) -> tuple[DriftColumn, DriftColumn]:
    kind = _kind(first, second)
    kind = "number" if kind == "nothing" else kind
    return fill(first, kind), fill(second, kind)


def _column(before: DriftColumn | None, after: DriftColumn | None, found: dict[str, Any] | None) -> dict[str, Any]:
    """Everything about one column but the correction and the decision that follows from it."""
    column: dict[str, Any] = {
        "kind": None, "status": "tested", "note": None,
        "test": None, "method": None, "statistic": None, "dof": None,
        "value_p_value": None, "missing_p_value": None, "p_value": None, "p_adjusted": None, "drift": False,
        "psi": None, "psi_threshold": None, "psi_p_value": None, "psi_alert": False, "psi_bins": [],
        "n_rows": _sides((None, None)), "n_missing": _sides((None, None)), "missing_rate": _sides((None, None)),
    }  # fmt: skip
    if before is None or after is None:
        side = after if before is None else before
        status = "only in current" if before is None else "only in reference"
        return column | {
            "kind": side.kind if side is not None else None,
            "status": status,
            "note": "not in the reference" if before is None else "gone from the current table",
            "drift": before is not None,
        }
    column["kind"] = _kind(before, after)
    obstacle = _obstacle(before, after)
    if obstacle is not None:
        status, note = obstacle
        return column | {"status": status, "note": note, "drift": status == "kind changed"}
    assert found is not None  # whatever has no obstacle was compared
    # Like the test, an index of times would only say that time has passed.
    psi = None if column["kind"] == "time" else found["psi"]
    return column | _tested(column["kind"], found) | _stability(psi) | _look(column["kind"], found)


def _tested(kind: str, found: dict[str, Any]) -> dict[str, Any]:
    test = None if kind == "time" else found["test"]
    name, method, statistic, value_p, dof = test or (None, None, None, None, None)
    tested = [p for p in (value_p, found["missing_p_value"]) if p is not None]
    p_value = min(1.0, len(tested) * min(tested)) if tested else None
    rows, missing = found["n_rows"], found["n_missing"]
    note = None
    if 0 in rows:
        note = "the current table has no rows"
    elif rows[0] == missing[0] or rows[1] == missing[1]:
        sides = [side for side, n, gone in zip(("reference", "current table"), rows, missing, strict=True) if n == gone]
        note = f"no value in the {' and '.join(sides)}"
    elif kind == "time":
        note = "values of times are not tested: windows follow one another"
    return {
        "status": "not tested" if p_value is None else "tested",
        "note": note,
        "test": name,
        "method": method,
        "statistic": statistic,
        "dof": dof,
        "value_p_value": value_p,
        "missing_p_value": found["missing_p_value"],
        "p_value": p_value,
        "n_rows": _sides(rows),
        "n_missing": _sides(missing),
        "missing_rate": _sides([gone / n if n else None for gone, n in zip(missing, rows, strict=True)]),
    }


def _stability(psi: dict[str, Any] | None) -> dict[str, Any]:
    if psi is None:
        return {}
    names = ("label", "reference", "current", "reference_share", "current_share", "contribution")
    bins = [psi_bin(found) for found in psi["bins"]]
    return {
        "psi": psi["value"],
        "psi_threshold": psi["threshold"],
        "psi_p_value": psi["p_value"],
        "psi_alert": psi["threshold"] is not None and psi["value"] > psi["threshold"],
        "psi_bins": [{name: getattr(psi_bin, name) for name in names} for psi_bin in bins],
    }


def _look(kind: str, found: dict[str, Any]) -> dict[str, Any]:
    if kind == "category":
        shown = found["categories"]
        return {
            "categories": {
                "listed": [{"name": name, **_sides(counts)} for name, counts in shown["listed"]],
                "n_other": shown["n_other"],
                "other": _sides(shown["other"]),
                "n_categories": _sides(shown["n_categories"]),
                "n_unseen": shown["n_unseen"],
                "n_gone": shown["n_gone"],
            }
        }
    histogram = found["histogram"]
    if histogram is not None:
        counts = list(zip(*histogram["counts"], strict=True))
        histogram |= {"reference": list(counts[0]), "current": list(counts[1])}
        del histogram["counts"]
        histogram |= {side: _sides(histogram[side]) for side in ("below", "above") if side in histogram}
    return {"summary": _sides(found["summaries"]), "histogram": histogram}


def _sides(pair: Sequence[Any]) -> dict[str, Any]:
    reference, current = pair
    return {"reference": reference, "current": current}


def _copied(value: Any, number: Any = lambda value: value) -> Any:
    if isinstance(value, dict):
        return {name: _copied(part, number) for name, part in value.items()}
    if isinstance(value, list):
        return [_copied(part, number) for part in value]
    return number(value) if isinstance(value, float) else value


def _is_encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _json_number(value: float) -> float | str:
    return value if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")
