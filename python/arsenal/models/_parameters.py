"""Types of the estimators' parameters, checked before anything is learned; what numbers may be is the core's to say."""

from __future__ import annotations

from collections.abc import Container, Mapping
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np

from arsenal.exceptions import ArsenalTypeError, ArsenalValueError


class _Wanted(NamedTuple):
    """A whole number from ``least``, or any real number where that is None."""

    least: int | None = None
    or_none: bool = False

    def __str__(self) -> str:
        return f"a {'' if self.least is None else 'whole '}number{' or None' if self.or_none else ''}"


_NUMBER = _Wanted()
_COUNT = _Wanted(1)

#: What each parameter is to be, in whatever estimator it occurs.
_PARAMETERS: dict[str, _Wanted | type[str] | type[bool]] = {
    "n_estimators": _COUNT,
    "learning_rate": _NUMBER,
    "boosting": str,
    "drop_rate": _NUMBER,
    "skip_drop": _NUMBER,
    "max_drop": _Wanted(1, or_none=True),
    "grow_policy": str,
    "max_leaf_nodes": _Wanted(2, or_none=True),
    "max_depth": _Wanted(1, or_none=True),
    "min_samples_leaf": _COUNT,
    "min_child_weight": _NUMBER,
    "l1_regularization": _NUMBER,
    "l2_regularization": _NUMBER,
    "min_split_gain": _NUMBER,
    "max_bins": _Wanted(2),
    "sampling": str,
    "subsample": _NUMBER,
    "top_rate": _NUMBER,
    "other_rate": _NUMBER,
    "colsample_bytree": _NUMBER,
    "colsample_bylevel": _NUMBER,
    "max_features": _NUMBER,
    "category_smoothing": _NUMBER,
    "category_l2": _NUMBER,
    "max_category_set": _COUNT,
    "min_category_group": _Wanted(0),
    "warm_start": bool,
    "bootstrap": bool,
    "early_stopping": bool,
    "validation_fraction": _NUMBER,
    "n_iter_no_change": _COUNT,
    "tol": _NUMBER,
    "verbose": _Wanted(0),
    "n_jobs": _Wanted(-(2**63), or_none=True),
    "splitter": str,
    "min_weight_fraction_leaf": _NUMBER,
    "min_impurity_decrease": _NUMBER,
    "ccp_alpha": _NUMBER,
    "alpha": _NUMBER,
    "tweedie_power": _NUMBER,
    "truncation_level": _COUNT,
    "normalize": bool,
    "eval_at": _COUNT,
}


def set_parameters(estimator: Any, given: Mapping[str, Any]) -> None:
    """Keep what a constructor was given, its ``locals()``, as attributes of the same names, as scikit-learn has it."""
    for name, value in given.items():
        if name != "self":
            setattr(estimator, name, value)


def check_parameters(estimator: Any, but: Container[str] = ()) -> None:
    """Raise unless each parameter of an estimator is a name or number of its kind, and whole ones are not too small.

    ``but`` names parameters that this estimator reads in a way of its own.
    """
    for name, value in estimator.get_params(deep=False).items():
        wanted = None if name in but else _PARAMETERS.get(name)
        if isinstance(wanted, type):
            if not isinstance(value, (bool, np.bool_) if wanted is bool else str):
                raise ArsenalTypeError(f"{name} is {value!r}, wanted {'True or False' if wanted is bool else 'a name'}")
            continue
        if wanted is None or (value is None and wanted.or_none):
            continue
        is_truth = isinstance(value, bool) and name != "verbose"
        if is_truth or not isinstance(value, Real if wanted.least is None else Integral):
            raise ArsenalTypeError(f"{name} is {value!r}, wanted {wanted}")
        number: Any = value  # Real has no order that mypy knows
        if wanted.least is not None and not wanted.least <= number < 2**63:
            limit = f"at least {wanted.least}" if number < wanted.least else "less than 2**63"
            raise ArsenalValueError(f"{name} is {value}, wanted {limit}")
