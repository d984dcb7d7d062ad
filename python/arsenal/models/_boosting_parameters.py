"""The parameters of boosting: checked before anything is learned, and as the core takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from arsenal.models import _constraints
from arsenal.models._evaluation_sets import check_fraction
from arsenal.models._parameters import check_parameters

#: Parameters that the core takes as they are.
_CORE = (
    "n_estimators",
    "learning_rate",
    "boosting",
    "drop_rate",
    "skip_drop",
    "max_drop",
    "grow_policy",
    "max_leaf_nodes",
    "max_depth",
    "min_samples_leaf",
    "min_child_weight",
    "l1_regularization",
    "l2_regularization",
    "min_split_gain",
    "max_bins",
    "sampling",
    "subsample",
    "top_rate",
    "other_rate",
    "colsample_bytree",
    "colsample_bylevel",
    "max_features",
    "category_smoothing",
    "category_l2",
    "max_category_set",
    "min_category_group",
    "tol",
    "n_jobs",
)


def check(estimator: Any) -> None:
    """Raise if a parameter is of a wrong kind."""
    check_parameters(estimator)
    check_fraction(estimator.validation_fraction)


def for_core(estimator: Any, seed: int, names: Sequence[str]) -> dict[str, Any]:
    """What the core takes, for a table with columns of these names."""
    params = {name: getattr(estimator, name) for name in _CORE}
    return params | {
        "monotonic_cst": _constraints.monotonic_signs(estimator.monotonic_cst, names, len(names)),
        "interaction_cst": _constraints.interactions(estimator.interaction_cst, names, len(names)),
        "seed": seed,
        "n_iter_no_change": estimator.n_iter_no_change if estimator.early_stopping else None,
    }
