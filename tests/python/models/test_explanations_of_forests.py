"""What forests and single trees say about their predictions, beside the definition and scikit-learn."""

from __future__ import annotations

import pickle

import matplotlib
import numpy as np
import pandas as pd
import pytest
from arsenal.exceptions import ArsenalTypeError
from arsenal.models import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    export_text,
    plot_tree,
)
from scipy import sparse
from shapley import shapley
from sklearn.base import is_classifier
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.inspection import partial_dependence, permutation_importance

matplotlib.use("agg")

FEW = {"n_estimators": 4, "max_depth": 4, "random_state": 0, "n_jobs": 1}
ONE = {"max_depth": 4, "random_state": 0, "n_jobs": 1}
FORESTS = [
    RandomForestClassifier(**FEW),
    RandomForestRegressor(**FEW),
    ExtraTreesClassifier(**FEW),
    ExtraTreesRegressor(**FEW),
    DecisionTreeClassifier(**ONE),
    DecisionTreeRegressor(**ONE),
]
each_forest = pytest.mark.parametrize("model", FORESTS, ids=lambda model: type(model).__name__)


def table() -> tuple[pd.DataFrame, np.ndarray]:
    """Text, numbers with missing values, and classes that need all of them."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"city": rng.choice(["Oslo", "Rome", "Lima"], 200)})
    frame["size"], frame["age"] = rng.normal(size=200), rng.normal(size=200)
    score = (frame["city"] == "Rome") + frame["size"] * (frame["age"] > 0)
    frame.loc[::6, "age"] = np.nan
    return frame, np.digitize(score, [0.0, 0.8])


def raw(model, X):
    return model.predict_proba(X) if is_classifier(model) else model.predict(X)


@each_forest
@pytest.mark.parametrize("with_background", [False, True])
def test_values_are_those_of_the_definition(model, with_background):
    frame, y = table()
    model.fit(frame, y, sample_weight=np.linspace(0.5, 2, 200))
    background = frame.iloc[40:43] if with_background else None
    values = model.shap_values(frame.head(3), background=background)
    for place, (_, row) in enumerate(frame.head(3).iterrows()):
        wanted, base = shapley(model, row, background, of_trees=np.mean)
        np.testing.assert_allclose(values[place], wanted, atol=1e-12, rtol=0)
    np.testing.assert_allclose(model.shap_expected_value(background), base, atol=1e-12)
    if with_background:
        np.testing.assert_allclose(base, raw(model, background).mean(axis=0), atol=1e-12)


@each_forest
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_add_up_to_what_is_predicted(model, dtype):
    X, y = load_iris(return_X_y=True)
    model.fit(X.astype(dtype), y)
    # Rounding leaves no row on another side of a cut than in prediction.
    for rows in (X, X.astype(np.float32), np.nextafter(X, np.inf), sparse.csr_array(X)):
        values = model.shap_values(rows)
        assert values.shape == ((150, 4, 3) if is_classifier(model) else (150, 4))
        score = values.sum(axis=1) + model.expected_value_
        np.testing.assert_allclose(score, raw(model, rows), atol=1e-6 if dtype == np.float32 else 1e-12)
        pairs = model.shap_interaction_values(rows)
        np.testing.assert_allclose(pairs.sum(axis=2), values, atol=1e-12)


@pytest.mark.parametrize("model", [RandomForestRegressor(**FEW), DecisionTreeRegressor(**ONE)])
def test_several_numbers_have_an_axis_of_their_own(model):
    X, y = load_iris(return_X_y=True)
    model.fit(X[:, :3], np.column_stack([X[:, 3], -2 * X[:, 3], y]))
    values = model.shap_values(X[:, :3])
    assert values.shape == (150, 3, 3)
    assert model.expected_value_.shape == (3,)
    np.testing.assert_allclose(values.sum(axis=1) + model.expected_value_, model.predict(X[:, :3]), atol=1e-12)
    np.testing.assert_allclose(values[..., 1], -2 * values[..., 0], atol=1e-12)
    assert export_text(model, 0, max_depth=0).count("[") == 1


@pytest.mark.parametrize("model", [ExtraTreesClassifier(**FEW), DecisionTreeClassifier(**ONE)])
def test_classes_of_several_outputs_are_a_list(model):
    X, y = load_iris(return_X_y=True)
    model.fit(X, np.column_stack([y > 0, y]))
    (two, three), (of_two, of_three) = model.shap_values(X), model.expected_value_
    assert (two.shape, three.shape) == ((150, 4), (150, 4, 3))
    assert isinstance(of_two, float)
    first, second = model.predict_proba(X)
    np.testing.assert_allclose(two.sum(axis=1) + of_two, first[:, 1], atol=1e-12)
    np.testing.assert_allclose(three.sum(axis=1) + of_three, second, atol=1e-12)
    pairs = model.shap_interaction_values(X[:5])
    assert [pair.shape for pair in pairs] == [(5, 4, 4), (5, 4, 4, 3)]


@each_forest
def test_importances_nodes_and_pictures(model):
    frame, y = table()
    model.fit(frame, y)
    nodes = model.trees_to_dataframe()
    assert nodes.tree_index.nunique() == len(getattr(model, "estimators_", [model]))
    splits = nodes.dropna(subset="split_feature").groupby("split_feature").split_gain
    by_column = splits.agg(["sum", "count"]).reindex(model.feature_names_in_, fill_value=0)
    np.testing.assert_allclose(model.feature_importance("gain"), by_column["sum"])
    np.testing.assert_array_equal(model.feature_importance("split"), by_column["count"])
    # Each tree counts alike in a forest, as in scikit-learn.
    of_trees = nodes.pivot_table(index="tree_index", columns="split_feature", values="split_gain", aggfunc="sum")
    shares = of_trees.div(of_trees.sum(axis=1), axis=0).fillna(0).mean().reindex(model.feature_names_in_, fill_value=0)
    np.testing.assert_allclose(model.feature_importances_, shares)
    n_leaves = int((nodes[nodes.tree_index == 0].split_feature.isna()).sum())
    assert export_text(model).count("value:") == n_leaves
    assert len(plot_tree(model).texts) == 2 * n_leaves - 1


@each_forest
def test_scikit_learn_inspects_them(model):
    frame, y = table()
    model.fit(frame, y)
    result = permutation_importance(model, frame, y, n_repeats=2, random_state=0)
    assert result.importances_mean[1] > 0
    target = {"response_method": "predict_proba"} if is_classifier(model) else {}
    curve = partial_dependence(model, frame, ["size"], grid_resolution=5, **target)
    by_hand = [raw(model, frame.assign(size=value)).mean(axis=0) for value in curve["grid_values"][0]]
    np.testing.assert_allclose(curve["average"], np.reshape(by_hand, (5, -1)).T, rtol=1e-12)


def test_a_pickle_explains_as_before_and_what_is_not_fitted_does_not():
    X, y = load_iris(return_X_y=True)
    model = RandomForestClassifier(**FEW)
    for ask in (lambda: model.shap_values(X), lambda: model.expected_value_, model.trees_to_dataframe):
        with pytest.raises(NotFittedError):
            ask()
    model.fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.shap_values(X), model.shap_values(X))
    with pytest.raises(ArsenalTypeError, match="IsolationForest"):
        export_text(IsolationForest(random_state=0).fit(X))
