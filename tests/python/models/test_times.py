"""Dates, times and durations are no numbers, whatever holds them: no estimator counts them in silence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from arsenal.exceptions import ArsenalTypeError
from arsenal.models import (
    DecisionTreeRegressor,
    GradientBoostingClassifier,
    GradientBoostingRanker,
    GradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.base import clone

NUMBERS = np.arange(40.0)[:, None]
Y = np.arange(40) % 2
DATES = NUMBERS.astype("M8[s]")
ESTIMATORS = [
    GradientBoostingClassifier(n_estimators=2),
    GradientBoostingRegressor(n_estimators=2),
    RandomForestClassifier(n_estimators=2),
    DecisionTreeRegressor(),
    IsolationForest(n_estimators=2),
]


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(
    ("X", "kind"),
    [
        (DATES, r"the type datetime64\[s\]"),
        (np.where(NUMBERS > 3, DATES, np.datetime64("NaT")), r"the type datetime64\[s\]"),
        (NUMBERS.astype("m8[D]"), r"the type timedelta64\[D\]"),
        (np.array([[0.5], [np.timedelta64(3, "s")]] * 20, dtype=object), r"the type timedelta64\[s\]"),
        (DATES.astype(object), "values that are not numbers"),
        (pd.DataFrame({"x0": DATES[:, 0]}), r"type Timestamp|is datetime64\[s\]"),
        (pl.DataFrame({"x0": DATES[:, 0].astype("M8[ms]")}), r"type (Timestamp|'tsm:')"),
    ],
)
def test_times_are_no_numbers(estimator, X, kind):
    model = clone(estimator).fit(NUMBERS if isinstance(X, np.ndarray) else pd.DataFrame({"x0": NUMBERS[:, 0]}), Y)
    for use in (lambda: clone(estimator).fit(X, Y), lambda: model.predict(X)):
        with pytest.raises(ArsenalTypeError, match=kind):
            use()


@pytest.mark.parametrize(
    ("estimator", "options"),
    [(GradientBoostingRegressor(), {}), (GradientBoostingRanker(), {"group": [40]}), (DecisionTreeRegressor(), {})],
)
@pytest.mark.parametrize("unit", ["M8[s]", "m8[s]"])
def test_times_are_no_targets(estimator, options, unit):
    with pytest.raises(ArsenalTypeError, match=r"y has the type (datetime|timedelta)64\[s\], wanted numbers"):
        estimator.fit(NUMBERS, Y.astype(unit), **options)


def test_dates_turned_into_numbers_are_learned_from():
    numbers = DATES.astype(np.int64)
    model = GradientBoostingRegressor(n_estimators=2, min_samples_leaf=2).fit(numbers, numbers[:, 0])
    assert model.score(numbers, NUMBERS[:, 0]) > 0
