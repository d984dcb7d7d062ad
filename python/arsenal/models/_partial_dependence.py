"""Partial dependence of tree models: scikit-learn's grids, answered by the learning core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.utils import Bunch
from sklearn.utils.validation import _check_sample_weight

from arsenal._native import _rust
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError


class Columns(NamedTuple):
    """The columns that a model was fitted on: names, and the categories of each or None for ordered numbers."""

    names: list[str]
    levels: list[Any]

    def place(self, feature: Any, what: str = "features") -> int:
        """Number of a column that is given by number or name."""
        if isinstance(feature, str):
            if feature in self.names:
                return self.names.index(feature)
            raise ArsenalValueError(f"{what} names {feature!r}, the columns are {self.names}")
        if isinstance(feature, bool | np.bool_) or not isinstance(feature, Integral):
            raise ArsenalTypeError(f"{what} has {feature!r}, wanted the number or name of a column")
        if 0 <= (number := int(feature)) < len(self.names):
            return number
        raise ArsenalValueError(f"{what} has column {feature}, the model has {len(self.names)} columns")

    def places(self, features: Any) -> list[int]:
        """Numbers of one column or of several."""
        chosen = list(features) if isinstance(features, Sequence | np.ndarray) and not is_one(features) else [features]
        if not chosen:
            raise ArsenalValueError("features is empty, wanted at least one column")
        return [self.place(feature) for feature in chosen]


def is_one(features: Any) -> bool:
    """Whether that is one column rather than several."""
    return isinstance(features, str | Integral)


def columns_of(model: Any) -> Columns:
    """The columns of a fitted model."""
    return Columns(*_rust.tree_features(model._ensemble()))


def partial_dependence(
    model: Any,
    X: Any,
    features: Any,
    *,
    kind: str,
    method: str,
    sample_weight: Any,
    grid_resolution: int,
    percentiles: Sequence[float],
    custom_values: Mapping[Any, Any] | None,
) -> Bunch:
    """What :meth:`TreeExplanations.partial_dependence` gives."""
    _check(kind, method, sample_weight, grid_resolution, percentiles)
    columns, rows = columns_of(model), model._rows(X)
    places = columns.places(features)
    custom = {columns.place(feature, "custom_values"): given for feature, given in (custom_values or {}).items()}
    for place in custom:
        if place not in places:
            raise ArsenalValueError(f"custom_values has {columns.names[place]!r}, which is not among the features")
    axes: list[npt.NDArray[Any]] = []
    for place in places:
        name, levels = columns.names[place], columns.levels[place]
        if place in custom:
            axes.append(_given(name, custom[place], is_text=bool(levels) and isinstance(levels[0], str)))
        elif levels is not None:
            axes.append(np.unique(np.array(levels, dtype=object if isinstance(levels[0], str) else np.float64)))
        else:
            axes.append(_spaced(name, _rust.column_values(rows, place), grid_resolution, percentiles))
    if sample_weight is not None:
        sample_weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    average, individual = _rust.partial_dependence(
        model._ensemble(),
        [(place, _for_core(model, axis)) for place, axis in zip(places, axes, strict=True)],
        rows if method == "brute" else None,
        sample_weight,
        kind != "individual",
        kind != "average",
        model.n_jobs,
    )
    shape = tuple(map(len, axes))
    result = Bunch(grid_values=axes)
    if average is not None:
        result["average"] = average.reshape(average.shape[1], *shape)
    if individual is not None:
        result["individual"] = np.moveaxis(individual.reshape(*individual.shape[:2], *shape), 0, 1)
    return result


def _check(kind: Any, method: Any, sample_weight: Any, grid_resolution: Any, percentiles: Any) -> None:
    if kind not in ("average", "individual", "both"):
        raise ArsenalValueError(f"kind is {kind!r}, wanted 'average', 'individual' or 'both'")
    if method not in ("brute", "recursion"):
        raise ArsenalValueError(f"method is {method!r}, wanted 'brute' or 'recursion'")
    if method == "recursion" and (kind != "average" or sample_weight is not None):
        raise ArsenalValueError(
            "method='recursion' averages over the training rows: wanted kind='average' and no sample_weight"
        )
    if kind == "individual" and sample_weight is not None:
        raise ArsenalValueError("sample_weight weighs an average: wanted kind='average' or 'both'")
    if isinstance(grid_resolution, bool) or not isinstance(grid_resolution, Integral):
        raise ArsenalTypeError(f"grid_resolution is {grid_resolution!r}, wanted a whole number")
    if int(grid_resolution) < 2:
        raise ArsenalValueError(f"grid_resolution is {grid_resolution}, wanted at least 2")
    ends = np.asarray(percentiles, dtype=np.float64)
    if ends.shape != (2,) or not 0 <= ends[0] < ends[1] <= 1:
        raise ArsenalValueError(f"percentiles is {percentiles!r}, wanted two rising numbers from 0 to 1")


def _given(name: str, values: Any, *, is_text: bool) -> npt.NDArray[Any]:
    """Values of the caller's; None and NaN are missing."""
    given = np.asarray(values, dtype=object)
    if given.ndim != 1 or given.size == 0:
        raise ArsenalValueError(f"custom_values of {name!r} has the shape {given.shape}, wanted a list of values")
    if is_text:
        wrong = [value for value in given if not (isinstance(value, str) or value is None or value != value)]
        if wrong:
            raise ArsenalTypeError(f"custom_values of {name!r} has {wrong[0]!r}, the model was fitted with text there")
        return given
    if any(isinstance(value, str) for value in given):
        raise ArsenalTypeError(f"custom_values of {name!r} has text, the model was fitted with numbers there")
    return given.astype(np.float64)


def _spaced(
    name: str, values: npt.NDArray[np.float64], grid_resolution: int, percentiles: Sequence[float]
) -> npt.NDArray[np.float64]:
    """Numbers from one percentile of a column to the other, or all that there are if they are few; none is missing."""
    from scipy.stats.mstats import mquantiles

    values = values[~np.isnan(values)]
    distinct = np.unique(values)
    if distinct.size == 0:
        raise ArsenalValueError(f"column {name!r} of X has no values: give custom_values")
    if distinct.size < grid_resolution:
        return distinct
    first, last = mquantiles(values, prob=percentiles)
    if not np.isfinite([first, last]).all() or np.allclose(first, last):
        raise ArsenalValueError(
            f"column {name!r} of X goes from {first} to {last} between percentiles, which makes no grid: give "
            "custom_values, or percentiles that are further apart"
        )
    return np.linspace(first, last, grid_resolution)


def _for_core(model: Any, axis: npt.NDArray[Any]) -> Any:
    if axis.dtype == object:
        return [value if isinstance(value, str) else None for value in axis]
    return model._rounded(axis)
