"""The rows of a fit: those to learn from, those to measure on, and how early stopping sets the latter aside."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import train_test_split

from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.models._sources import is_source

Queries = npt.NDArray[np.uint32]


class Labelled(NamedTuple):
    """Some rows as the core takes them."""

    table: Any
    targets: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64] | None
    #: The number of each row's query, where rows are ranked.
    queries: Queries | None

    def take(self, rows: npt.NDArray[np.intp]) -> Labelled:
        """Some of the rows, in rising order, their queries numbered anew."""
        queries = self.queries
        return Labelled(
            _take(self.table, rows),
            self.targets[rows],
            None if self.weights is None else self.weights[rows],
            None if queries is None else np.unique(queries[rows], return_inverse=True)[1].astype(np.uint32),
        )


def evaluation_parts(eval_set: Any) -> list[tuple[Any, ...]]:
    """``eval_set`` as a list of (X, y) or (X, y, sample_weight)."""
    if eval_set is None:
        return []
    parts = list(eval_set) if isinstance(eval_set, list) else [eval_set]
    for part in parts:
        if not isinstance(part, tuple):
            got = f"a {type(part).__name__}"
        elif len(part) not in (2, 3):
            got = f"a tuple of {len(part)}"
        elif isinstance(part[0], tuple) and part[0] and _is_table(part[0][0]):
            got = "a tuple of tuples"
        else:
            continue
        raise ArsenalValueError(
            f"eval_set is not understood, wanted (X, y), (X, y, sample_weight) or a list of these, got {got}"
        )
    return parts


@contextmanager
def named(number: int, n_sets: int) -> Iterator[None]:
    """What is wrong with an evaluation set is said of it."""
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = ArsenalValueError if isinstance(error, ValueError) else ArsenalTypeError
        raise kind(f"eval_set{f' {number}' if n_sets > 1 else ''}: {error}") from error


def check_fraction(fraction: float) -> None:
    """Raise unless ``validation_fraction`` is a share or a number of rows."""
    if not (fraction >= 1 if isinstance(fraction, Integral) else 0 < fraction < 1):
        raise ArsenalValueError(
            f"validation_fraction is {fraction}, wanted a share above 0 and below 1, or a whole number of rows"
        )


def set_aside(
    training: Labelled, fraction: float, seed: int, class_names: npt.NDArray[Any] | None
) -> tuple[Labelled, Labelled]:
    """The rows to learn from, and those to measure on: whole queries, or a share of each class."""
    queries = training.queries
    units = np.arange(len(training.targets)) if queries is None else np.unique(queries)
    n_aside = int(fraction) if isinstance(fraction, Integral) else math.ceil(fraction * len(units))
    kind = "rows" if queries is None else "queries"
    if n_aside >= len(units):
        raise ArsenalValueError(
            f"early_stopping would set {n_aside} of {len(units)} {kind} aside (validation_fraction is {fraction}) and "
            "leave none to learn from: wanted a smaller validation_fraction, or an eval_set"
        )
    if class_names is not None:
        _check_classes(training.targets, class_names, n_aside, fraction)
    stratify = None if class_names is None else training.targets
    parts = train_test_split(units, test_size=fraction, random_state=seed, stratify=stratify)
    if queries is not None:
        parts = [np.flatnonzero(np.isin(queries, numbers)) for numbers in parts]
    kept, aside = (training.take(np.sort(rows)) for rows in parts)
    return kept, aside


def _check_classes(
    targets: npt.NDArray[np.float64], class_names: npt.NDArray[Any], n_aside: int, fraction: float
) -> None:
    counts = np.bincount(targets.astype(np.intp), minlength=len(class_names))
    rarest = int(counts.argmin())
    if counts[rarest] < 2:
        raise ArsenalValueError(
            f"early_stopping sets rows of each class aside, the class {class_names.tolist()[rarest]!r} has "
            f"{counts[rarest]}: wanted at least 2, or an eval_set"
        )
    if min(n_aside, len(targets) - n_aside) < len(class_names):
        raise ArsenalValueError(
            f"early_stopping would set {n_aside} of {len(targets)} rows aside (validation_fraction is {fraction}), "
            f"wanted one of each of the {len(class_names)} classes on both sides, or an eval_set"
        )


def _is_table(value: Any) -> bool:
    return (
        is_source(value)
        or len(getattr(value, "shape", ())) == 2
        or (isinstance(value, list) and all(_is_row(row) for row in value[:1]))
    )


def _is_row(value: Any) -> bool:
    return isinstance(value, (list, tuple, np.ndarray))


def _take(table: Any, rows: npt.NDArray[np.intp]) -> Any:
    """Some rows of a core table."""
    if isinstance(table, tuple):
        from scipy import sparse

        indptr, indices, values, width = table
        part = sparse.csr_array((values, indices, indptr), shape=(len(indptr) - 1, width))[rows]
        return part.indptr.astype(np.int64), part.indices.astype(np.int64), part.data, width
    if isinstance(table, np.ndarray):
        return table[rows]
    if hasattr(table, "iloc"):
        return table.iloc[rows].reset_index(drop=True)
    return table.take(rows) if hasattr(table, "take") else table[rows]
