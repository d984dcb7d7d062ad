"""Partial dependence beside scikit-learn's: over rows, row by row, and over the training's shares."""

from __future__ import annotations

import json
import sys

import lightgbm
import matplotlib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError, MissingExtraError
from arsenal.models import (
    DecisionTreeRegressor,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    from_catboost,
    from_lightgbm,
    from_sklearn,
    plot_partial_dependence,
)
from scipy import sparse
from sklearn import ensemble, tree
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.inspection import partial_dependence
from test_from_golden_files import expected, model_file, read

matplotlib.use("agg")

FEW = {"n_estimators": 8, "random_state": 0, "n_jobs": 2}
X, Y = load_diabetes(return_X_y=True, as_frame=True)
GRID = {"grid_resolution": 15}


def table() -> tuple[pd.DataFrame, np.ndarray]:
    """Text, numbers with missing values, and numbers that need both."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"city": rng.choice(["Rome", "Oslo", "Lima"], 300)})
    frame["size"], frame["age"] = rng.normal(size=300), rng.normal(size=300)
    y = (frame["city"] == "Rome") * 2.0 + frame["size"] * (frame["age"] > 0)
    frame.loc[::6, "age"] = np.nan
    return frame, y.to_numpy()


@pytest.mark.parametrize("features", [[2], [1], [8, 2]])
@pytest.mark.parametrize("model", [GradientBoostingRegressor(**FEW), RandomForestRegressor(**FEW)])
@pytest.mark.parametrize(("dtype", "atol"), [(np.float64, 1e-9), (np.float32, 3e-4)])
def test_rows_give_what_predictions_give(features, model, dtype, atol):
    rows = X.to_numpy()
    model.fit(rows.astype(dtype), Y)  # of numbers up to 350
    weights = np.linspace(0, 3, len(X))
    for options in ({}, {"sample_weight": weights}):
        found = model.partial_dependence(rows, features, kind="both", **GRID, **options)
        wanted = partial_dependence(model, rows, features, kind="both", method="brute", **GRID, **options)
        for axis, theirs in zip(found.grid_values, wanted.grid_values, strict=True):
            np.testing.assert_allclose(axis, theirs, rtol=1e-15)
        assert found.average.shape == wanted.average.shape
        assert found.individual.shape == wanted.individual.shape
        np.testing.assert_allclose(found.average, wanted.average, atol=atol, rtol=0)
        np.testing.assert_allclose(found.individual, wanted.individual, atol=atol, rtol=0)


@pytest.mark.parametrize(
    "original",
    [
        ensemble.RandomForestRegressor(n_estimators=8, random_state=0),
        ensemble.GradientBoostingRegressor(n_estimators=8, random_state=0),
        ensemble.HistGradientBoostingRegressor(max_iter=8),
        tree.DecisionTreeRegressor(random_state=0),
    ],
)
@pytest.mark.parametrize("features", [[2], [1, 8]])
def test_shares_give_what_scikit_learns_recursion_gives(original, features):
    rows = X.to_numpy()
    model = from_sklearn(original.fit(rows, Y))
    found = model.partial_dependence(rows, features, method="recursion", **GRID)
    wanted = partial_dependence(original, rows, features, method="recursion", kind="average", **GRID)
    # scikit-learn leaves out what boosting starts from.
    start = Y.mean() if "Boosting" in type(original).__name__ else 0.0
    np.testing.assert_allclose(found.average, wanted.average + start, rtol=1e-9)
    found = model.partial_dependence(rows, features, **GRID)
    wanted = partial_dependence(original, rows, features, method="brute", kind="average", **GRID)
    np.testing.assert_allclose(found.average, wanted.average, rtol=1e-9)


@pytest.mark.parametrize("kind", [RandomForestClassifier, ExtraTreesClassifier])
def test_forests_of_classes_give_probabilities(kind):
    rows, labels = load_iris(return_X_y=True)
    for y in (labels, labels == 1):
        model = kind(**FEW, max_depth=3).fit(rows, y)
        found = model.partial_dependence(rows, [2, 3], kind="both", **GRID)
        wanted = partial_dependence(model, rows, [2, 3], kind="both", response_method="predict_proba", **GRID)
        np.testing.assert_allclose(found.average, wanted.average, atol=1e-9)
        np.testing.assert_allclose(found.individual, wanted.individual, atol=1e-9)
    several = kind(**FEW).fit(rows, np.column_stack([labels == 1, labels]))
    assert several.partial_dependence(rows, 0, **GRID).average.shape == (4, 15)


def test_boosted_classes_give_scores_from_which_probabilities_follow():
    rows, labels = load_iris(return_X_y=True)
    model = GradientBoostingClassifier(**FEW).fit(rows, labels)
    scores = model.partial_dependence(rows, 3, kind="both", **GRID)
    assert scores.average.shape == (3, 15)
    np.testing.assert_allclose(scores.individual.mean(axis=1), scores.average, atol=1e-12)
    odds = np.exp(scores.individual)
    probabilities = (odds / odds.sum(axis=0)).mean(axis=1)
    wanted = partial_dependence(model, rows, [3], response_method="predict_proba", **GRID)
    np.testing.assert_allclose(probabilities, wanted.average, atol=1e-9)
    two = GradientBoostingClassifier(**FEW).fit(rows, labels == 1)
    scores = two.partial_dependence(rows, 3, kind="individual", **GRID)
    assert "average" not in scores
    probabilities = (1 / (1 + np.exp(-scores.individual))).mean(axis=1)
    wanted = partial_dependence(two, rows, [3], response_method="predict_proba", **GRID)
    np.testing.assert_allclose(probabilities, wanted.average, atol=1e-9)


@pytest.mark.parametrize(
    "model", [GradientBoostingRegressor(**FEW, max_leaf_nodes=200, min_samples_leaf=1), DecisionTreeRegressor()]
)
def test_categories_and_missing_values_are_values_like_others(model):
    frame, y = table()
    model.fit(frame, y)
    curve = model.partial_dependence(frame, ["city", "age"], **GRID)
    assert curve.grid_values[0].tolist() == ["Lima", "Oslo", "Rome"]
    assert not np.isnan(curve.grid_values[1]).any()
    by_hand = [
        [model.predict(frame.assign(city=city, age=age)).mean() for age in curve.grid_values[1]]
        for city in curve.grid_values[0]
    ]
    np.testing.assert_allclose(curve.average[0], by_hand, atol=1e-9)
    custom = {"city": ["Rome", None, "Bonn"], 2: [0.5, np.nan, None]}
    curve = model.partial_dependence(frame, ["age", "city"], custom_values=custom)
    assert curve.average.shape == (1, 3, 3)
    missing = model.predict(frame.assign(city=pd.Series([None] * 300, dtype="str"), age=np.nan)).mean()
    np.testing.assert_allclose(curve.average[0, 1:, 1], missing, atol=1e-9)
    unseen = model.predict(frame.assign(city="Bonn", age=0.5)).mean()
    np.testing.assert_allclose(curve.average[0, 0, 2], unseen, atol=1e-9)


def test_any_number_of_threads_and_any_table_give_the_same_numbers():
    model = GradientBoostingRegressor(**FEW).fit(X, Y)

    def ask(rows, n_jobs=1):
        given = {"kind": "both", "sample_weight": np.linspace(0.1, 1, len(X)), **GRID}
        bunch = model.set_params(n_jobs=n_jobs).partial_dependence(rows, ["bmi", "age"], **given)
        return bunch.average, bunch.individual

    one = ask(X)
    named = [ask(X, 3), ask(pl.from_pandas(X), 2), ask(pa.Table.from_pandas(X))]
    for average, individual in named:
        np.testing.assert_array_equal(average, one[0])
        np.testing.assert_array_equal(individual, one[1])
    model = GradientBoostingRegressor(**FEW).fit(X.to_numpy(), Y)
    arrays = (sparse.csr_array(X.to_numpy()), X.to_numpy(), np.asfortranarray(X.to_numpy()))
    for rows in arrays:
        found = model.partial_dependence(rows, ["x2", 0], **GRID).average
        np.testing.assert_array_equal(found, model.partial_dependence(X.to_numpy(), [2, "x0"], **GRID).average)


@pytest.mark.parametrize("name", ["xgboost_squarederror", "xgboost_targets", "catboost_rmse", "catboost_targets"])
def test_models_of_other_libraries_give_what_they_predict(name):
    rows, model = expected(name)[0], read(name)
    column = int(model.feature_importance("split").argmax())
    given = {column: [-3.0, -1.2, -0.3, 0.0, np.nan, 0.1, 1.2, 3.0]}
    curve = model.partial_dependence(rows, column, custom_values=given)
    by_hand = []
    for value in given[column]:
        replaced = rows.copy()
        replaced[:, column] = value
        by_hand.append(model.predict(replaced).mean(axis=0))
    np.testing.assert_allclose(curve.average, np.reshape(by_hand, (-1, len(curve.average))).T, rtol=1e-5, atol=1e-6)
    assert model.partial_dependence(rows, column, method="recursion", custom_values=given).average.std() > 0


def test_columns_of_other_models_are_found_by_name():
    original = lightgbm.LGBMRegressor(n_estimators=10, verbose=-1, n_jobs=1).fit(X, Y)
    curve = from_lightgbm(original).partial_dependence(X[X.columns[::-1]], "bmi", **GRID)
    by_hand = [original.predict(X.assign(bmi=value)).mean() for value in curve.grid_values[0]]
    np.testing.assert_allclose(curve.average[0], by_hand, rtol=1e-12)


def test_models_without_shares_say_so():
    content = json.loads(model_file("catboost_rmse").read_text())
    for of_tree in content["oblivious_trees"]:
        del of_tree["leaf_weights"]
    model, rows = from_catboost(json.dumps(content).encode()), expected("catboost_rmse")[0]
    with pytest.raises(ArsenalValueError, match=r"does not say how many training rows .* wanted method=.brute"):
        model.partial_dependence(rows, 0, method="recursion")
    assert model.partial_dependence(rows, 0, custom_values={0: [-1, 1]}).average.std() > 0


@pytest.mark.parametrize(
    ("error", "features", "options", "message"),
    [
        (ArsenalValueError, "weight", {}, "features names 'weight', the columns are"),
        (ArsenalValueError, [10], {}, "features has column 10, the model has 10 columns"),
        (ArsenalValueError, -1, {}, "features has column -1"),
        (ArsenalTypeError, [True], {}, "features has True, wanted the number or name of a column"),
        (ArsenalTypeError, None, {}, "features has None"),
        (ArsenalValueError, [], {}, "features is empty"),
        (ArsenalValueError, ["bmi", 2], {}, "column 2 is in the grid twice"),
        (ArsenalValueError, 0, {"kind": "all"}, "kind is 'all'"),
        (ArsenalValueError, 0, {"method": "auto"}, "method is 'auto'"),
        (ArsenalValueError, 0, {"method": "recursion", "kind": "both"}, "averages over the training rows"),
        (ArsenalValueError, 0, {"method": "recursion", "sample_weight": np.ones(442)}, "no sample_weight"),
        (ArsenalValueError, 0, {"kind": "individual", "sample_weight": np.ones(442)}, "weighs an average"),
        (ValueError, 0, {"sample_weight": np.ones(4)}, "sample_weight.shape"),
        (ValueError, 0, {"sample_weight": -np.ones(442)}, "[Nn]egative"),
        (ValueError, 0, {"sample_weight": np.zeros(442)}, "non-zero|of sum 0"),
        (ArsenalTypeError, 0, {"grid_resolution": 2.5}, "grid_resolution is 2.5, wanted a whole number"),
        (ArsenalValueError, 0, {"grid_resolution": 1}, "grid_resolution is 1, wanted at least 2"),
        (ArsenalValueError, 0, {"percentiles": (0.9, 0.1)}, "two rising numbers from 0 to 1"),
        (ArsenalValueError, "s5", {"percentiles": (0.5, 0.50000001)}, "makes no grid: give custom_values"),
        (ArsenalValueError, 0, {"custom_values": {"age": []}}, "custom_values of 'age' has the shape"),
        (ArsenalTypeError, 0, {"custom_values": {0: ["old"]}}, "custom_values of 'age' has text"),
        (ArsenalValueError, 0, {"custom_values": {"bmi": [1.0]}}, "custom_values has 'bmi', which is not among"),
        (ArsenalValueError, 0, {"custom_values": {"mass": [1.0]}}, "custom_values names 'mass'"),
    ],
)
def test_what_cannot_be_asked_is_named(error, features, options, message):
    model = GradientBoostingRegressor(n_estimators=2, random_state=0).fit(X, Y)
    with pytest.raises(error, match=message):
        model.partial_dependence(X, features, **options)


def test_other_tables_and_other_models_are_refused():
    model = GradientBoostingRegressor(n_estimators=2, random_state=0)
    with pytest.raises(NotFittedError):
        model.partial_dependence(X, 0)
    model.fit(X, Y)
    with pytest.raises(ValueError, match="feature names"):
        model.partial_dependence(X.rename(columns={"age": "years"}), 0)
    with pytest.raises(ArsenalValueError, match="column 'age' of X has no values"):
        model.partial_dependence(X.assign(age=np.nan), "age")
    frame, y = table()
    model.fit(frame, y)
    with pytest.raises(ArsenalTypeError, match="custom_values of 'city' has 3, the model was fitted with text"):
        model.partial_dependence(frame, "city", custom_values={"city": ["Rome", 3]})
    with pytest.raises(ArsenalTypeError, match="model is a IsolationForest, wanted a tree model"):
        plot_partial_dependence(IsolationForest(n_estimators=2).fit(X), X, 0)


def test_pictures_are_lines_bars_and_contours():
    frame, y = table()
    model = GradientBoostingRegressor(**FEW).fit(frame, y)
    display = plot_partial_dependence(model, frame, ["size", "city", ("size", "age")], **GRID)
    curve = model.partial_dependence(frame, "size", **GRID)
    np.testing.assert_array_equal(
        display.lines_[0, 0].get_xydata(), np.column_stack([curve.grid_values[0], curve.average[0]])
    )
    assert [bar.get_height() > 0 for bar in display.axes_[0, 1].patches][:3].count(True) >= 1
    assert display.contours_[0, 2] is not None
    display = plot_partial_dependence(model, frame, "age", kind="both", subsample=20, centered=True, **GRID)
    assert len(display.axes_[0, 0].lines) == 21
    ax = matplotlib.figure.Figure().subplots()
    assert plot_partial_dependence(model, frame, "size", ax=ax, **GRID).bounding_ax_ is ax
    rows, labels = load_iris(return_X_y=True)
    classes = GradientBoostingClassifier(**FEW).fit(rows, np.array(["a", "b", "c"])[labels])
    assert plot_partial_dependence(classes, rows, [0], target="c", **GRID).target_idx == 2
    with pytest.raises(ArsenalValueError, match="target is None, wanted one of"):
        plot_partial_dependence(classes, rows, [0], **GRID)


@pytest.mark.parametrize(
    ("features", "options", "message"),
    [
        ([("size", "age", "city")], {}, "in one picture, wanted at most 2 columns"),
        ([("size", "city")], {}, "numbers with categories"),
        (["city"], {"kind": "both"}, "lines of rows are drawn of one column of numbers"),
        ([("size", "age")], {"kind": "individual"}, "lines of rows are drawn of one column of numbers"),
        ([], {}, "features is empty"),
        (["size"], {"target": 1}, "target is 1, the model has one score alone"),
        (["size"], {"custom_values": {"age": [1.0]}}, "custom_values has 'age', which is not among"),
    ],
)
def test_pictures_that_cannot_be_drawn_are_named(features, options, message):
    frame, y = table()
    model = GradientBoostingRegressor(n_estimators=2, random_state=0).fit(frame, y)
    with pytest.raises(ArsenalValueError, match=message):
        plot_partial_dependence(model, frame, features, **options)


def test_pictures_need_matplotlib(monkeypatch):
    model = GradientBoostingRegressor(n_estimators=1).fit(X, Y)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    message = r"plot_partial_dependence needs matplotlib: pip install 'arsenal-ml\[plots\]'"
    with pytest.raises(MissingExtraError, match=message):
        plot_partial_dependence(model, X, 0)
