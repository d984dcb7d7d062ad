"""Parameters of forests as scikit-learn writes them, in the numbers that the core takes."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np

from arsenal.exceptions import ArsenalTypeError, ArsenalValueError


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_real(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, Integral)


def _is_share(value: Any) -> bool:
    return _is_real(value) and 0 < float(value) <= 1


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


def columns_per_tree(max_features: Any, n_features: int) -> int:
    """``max_features`` of an isolation forest as a number of columns."""
    if _is_whole(max_features) and 1 <= max_features <= n_features:
        return int(max_features)
    if _is_share(max_features):
        return max(1, int(max_features * n_features))
    raise ArsenalValueError(
        f"max_features is {max_features!r}, wanted 1 to n_features={n_features} columns or a share of at most 1"
    )


def scores_out_of_bag(oob_score: Any) -> bool:
    """Whether ``oob_score`` asks for a score, which a callable of its own may give."""
    if not isinstance(oob_score, bool | np.bool_) and not callable(oob_score):
        raise ArsenalTypeError(f"oob_score is {oob_score!r}, wanted True, False or a callable")
    return bool(oob_score)


def drawn_rows(max_samples: Any, n_samples: int, *, most: float = math.inf) -> int:
    """``max_samples`` as a number of rows, which may be more than there are; ``most`` is the greatest share of them."""
    if max_samples is None:
        return n_samples
    if _is_whole(max_samples) and 1 <= max_samples < 2**31:
        return int(max_samples)
    if _is_real(max_samples) and 0 < max_samples <= most and max_samples * n_samples < 2**31:
        return max(1, int(max_samples * n_samples))
    limit = "above 0" if most == math.inf else f"of at most {most:g}"
    raise ArsenalValueError(
        f"max_samples is {max_samples!r}, wanted a number of at least 1 row (n_samples={n_samples}) or a share {limit}"
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
