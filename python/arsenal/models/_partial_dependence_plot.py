"""Partial dependence as pictures, which scikit-learn draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from arsenal._native import _rust
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError, MissingExtraError
from arsenal.models._partial_dependence import Columns, columns_of, is_one

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from sklearn.inspection import PartialDependenceDisplay


def plot_partial_dependence(
    model: Any,
    X: Any,
    features: Any,
    *,
    target: Any = None,
    kind: str = "average",
    method: str = "brute",
    sample_weight: Any = None,
    grid_resolution: int = 100,
    percentiles: Sequence[float] = (0.05, 0.95),
    custom_values: Mapping[Any, Any] | None = None,
    subsample: float | None = 1000,
    random_state: Any = None,
    centered: bool = False,
    ax: Axes | None = None,
    n_cols: int = 3,
) -> PartialDependenceDisplay:
    """Draw how a model's raw score follows columns, with scikit-learn's display and matplotlib.

    A column of numbers is a line, with the deciles of X below; one of categories bars; a pair of columns is a contour,
    of categories a heat map.

    Parameters
    ----------
    model : fitted tree model of ``arsenal.models``
    X : table of shape (n_samples, n_features)
        As for ``predict``.
    features : int, str or sequence of int, str and pairs of them
        What each picture shows.
    target : class label or int, optional
        Which of several scores: a class by its label, a quantile or output by its number.
    kind : "average", "individual" or "both", default="average"
        The mean, a line per row (of numbers alone), or both.
    method, sample_weight, grid_resolution, percentiles
        As in the method ``partial_dependence`` of the model.
    custom_values : dict, optional
        Values of columns, as in ``partial_dependence``; of any that are drawn.
    subsample : int, float or None, default=1000
        How many lines of rows are drawn, as a number or a share.
    random_state : int, RandomState instance or None, default=None
        Seed of their draw.
    centered : bool, default=False
        Whether lines begin at 0.
    ax : matplotlib Axes, optional
        Where to draw; without it a new figure is made.
    n_cols : int, default=3
        Most pictures side by side.

    Returns
    -------
    sklearn.inspection.PartialDependenceDisplay
        ``display.figure_.savefig("curves.svg")`` writes it to a file.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn.datasets import load_diabetes
    >>> from arsenal.models import RandomForestRegressor, plot_partial_dependence
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> model = RandomForestRegressor(n_estimators=10, max_depth=4, random_state=0).fit(X, y)
    >>> display = plot_partial_dependence(model, X, ["bmi", ("bmi", "s5")], grid_resolution=20)
    >>> display.axes_.shape
    (1, 2)
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise MissingExtraError("matplotlib", "plots", "plot_partial_dependence") from None
    from scipy.stats.mstats import mquantiles
    from sklearn.inspection import PartialDependenceDisplay

    if not hasattr(type(model), "partial_dependence"):
        raise ArsenalTypeError(f"model is a {type(model).__name__}, wanted a tree model of arsenal.models")
    columns = columns_of(model)
    pictures = [tuple(columns.places(entry)) for entry in ([features] if is_one(features) else features)]
    if not pictures:
        raise ArsenalValueError("features is empty, wanted at least one column")
    for picture in pictures:
        _check_picture(columns, picture, kind)
    custom = {columns.place(feature, "custom_values"): given for feature, given in (custom_values or {}).items()}
    for place in custom:
        if not any(place in picture for picture in pictures):
            raise ArsenalValueError(f"custom_values has {columns.names[place]!r}, which is not among the features")
    results = [
        model.partial_dependence(
            X,
            picture,
            kind=kind,
            method=method,
            sample_weight=sample_weight,
            grid_resolution=grid_resolution,
            percentiles=percentiles,
            custom_values={place: given for place, given in custom.items() if place in picture},
        )
        for picture in pictures
    ]
    rows, deciles = model._rows(X), {}
    for place in {place for picture in pictures for place in picture if columns.levels[place] is None}:
        numbers = _rust.column_values(rows, place)
        deciles[place] = mquantiles(numbers[~np.isnan(numbers)], prob=np.arange(0.1, 1.0, 0.1))
    display = PartialDependenceDisplay(
        results,
        features=pictures,
        feature_names=columns.names,
        target_idx=_target(model, target, len(results[0]["average" if kind == "average" else "individual"])),
        deciles=deciles,
        kind=kind,
        subsample=subsample,
        random_state=random_state,
        is_categorical=[tuple(columns.levels[place] is not None for place in picture) for picture in pictures],
    )
    return display.plot(ax=ax, n_cols=n_cols, centered=centered)


def _check_picture(columns: Columns, picture: tuple[int, ...], kind: str) -> None:
    names = [columns.names[place] for place in picture]
    kinds = {columns.levels[place] is not None for place in picture}
    if len(picture) > 2:
        raise ArsenalValueError(f"features has {names} in one picture, wanted at most 2 columns")
    if len(kinds) > 1:
        raise ArsenalValueError(f"features has numbers with categories, {names}: draw them one by one")
    if kind != "average" and (len(picture) > 1 or kinds == {True}):
        raise ArsenalValueError(f"kind is {kind!r}: lines of rows are drawn of one column of numbers, got {names}")


def _target(model: Any, target: Any, n_targets: int) -> int:
    """Which of a model's scores is drawn."""
    if n_targets == 1:
        if target is not None:
            raise ArsenalValueError(f"target is {target!r}, the model has one score alone: wanted None")
        return 0
    choices = list(getattr(model, "classes_", []))
    if len(choices) != n_targets:
        choices = list(range(n_targets))
    if target is None or target not in choices:
        raise ArsenalValueError(f"target is {target!r}, wanted one of {choices}")
    return choices.index(target)
