"""Parameters of forests as scikit-learn writes them, in the numbers that the core takes."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np

from arsenal.exceptions import ArsenalTypeError, ArsenalValueError


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_share(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, Integral) and 0 < float(value) <= 1


def columns_per_split(max_features: Any, n_features: int) -> int:
    """``max_features`` as a number of columns."""
    if max_features is None:
        return n_features
    if isinstance(max_features, str) and max_features in ("sqrt", "log2"):
        root = math.isqrt(n_features) if max_features == "sqrt" else int(math.log2(n_features))
        return max(1, root)
    if _is_whole(max_features) and max_features >= 1:
        return int(max_features)
    if _is_share(max_features):
        return max(1, int(max_features * n_features))
    raise ArsenalValueError(
        f"max_features is {max_features!r}, wanted 'sqrt', 'log2', None, a number of at least 1 or a share of at most 1"
    )


def drawn_rows(max_samples: Any, n_samples: int) -> int:
    """``max_samples`` as a number of rows."""
    if max_samples is None:
        return n_samples
    if _is_whole(max_samples) and 1 <= max_samples <= n_samples:
        return int(max_samples)
    if _is_share(max_samples):
        return max(1, round(float(max_samples) * n_samples))
    raise ArsenalValueError(
        f"max_samples is {max_samples!r}, wanted None, 1 to n_samples={n_samples} rows or a share of at most 1"
    )


def fewest_rows(name: str, value: Any, n_samples: int, least: int) -> int:
    """``min_samples_split`` or ``min_samples_leaf`` as a number of rows."""
    if not isinstance(value, Real) or isinstance(value, bool | np.bool_):
        raise ArsenalTypeError(f"{name} is {value!r}, wanted a number of rows or a share of them")
    if _is_whole(value):
        rows = int(value)  # type: ignore[call-overload]
        if rows < least:
            raise ArsenalValueError(f"{name} is {value}, wanted at least {least} rows or a share of them")
        return int(rows)
    if not _is_share(value):
        raise ArsenalValueError(f"{name} is {value}, wanted at least {least} rows or a share above 0 and at most 1")
    return max(least, math.ceil(float(value) * n_samples))


def criterion(value: Any, allowed: tuple[str, ...]) -> str:
    """``criterion``, if the estimator has it."""
    if value in allowed:
        return str(value)
    raise ArsenalValueError(f"criterion is {value!r}, wanted one of {', '.join(map(repr, allowed))}")
