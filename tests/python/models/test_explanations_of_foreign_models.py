"""What models of other libraries say about their predictions, beside these libraries' own Shapley values."""

from __future__ import annotations

import json
import pickle
from typing import Any

import lightgbm
import matplotlib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.models import (
    ForeignClassifier,
    ForeignRegressor,
    export_text,
    from_catboost,
    from_lightgbm,
    from_sklearn,
    plot_tree,
)
from scipy import sparse
from shapley import shapley
from sklearn import ensemble, tree
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import partial_dependence, permutation_importance
from test_from_golden_files import FOLDER, expected, model_file, read
from test_from_lightgbm import KINDS, data

matplotlib.use("agg")

CONTRIBUTIONS = sorted(
    path.name.removesuffix(".expected_contributions.json") for path in FOLDER.glob("*.expected_contributions.json")
)


def by_target(numbers: Any) -> np.ndarray:
    """Values with the expected score behind them, of shape (rows, targets, columns + 1)."""
    values, base = numbers
    values = values.reshape(len(values), values.shape[1], -1)
    bases = np.broadcast_to(np.reshape(base, (1, 1, -1)), (len(values), 1, values.shape[2]))
    return np.concatenate([values, bases], axis=1).transpose(0, 2, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_lightgbms(kind):
    booster = KINDS[kind][0]()
    X, _ = data()
    model = from_lightgbm(booster)
    ours = by_target((model.shap_values(X), model.expected_value_))
    theirs = np.asarray(booster.predict(X, pred_contrib=True)).reshape(600, -1, 5)
    # Ours are of the log-odds, theirs of what the objective multiplies to get there.
    scale = {"binary with sigmoid": 0.7, "multiclassova": 2.0}.get(kind, 1.0)
    if "forest" in kind:  # theirs add up to the sum of the 15 trees, ours to their mean, which is predicted
        scale = 1 / 15
    np.testing.assert_allclose(ours, theirs * scale, atol=1e-9, rtol=1e-9)
    np.testing.assert_array_equal(model.feature_importance("split"), booster.feature_importance("split"))
    np.testing.assert_allclose(model.feature_importance("gain"), booster.feature_importance("gain"), rtol=1e-5)


@pytest.mark.parametrize("name", CONTRIBUTIONS)
def test_values_are_those_of_xgboost_and_catboost(name):
    rows, _, _ = expected(name)
    theirs = np.array(json.loads((FOLDER / f"{name}.expected_contributions.json").read_text()))
    model = read(name)
    ours = by_target((model.shap_values(rows[: len(theirs)]), model.expected_value_))
    np.testing.assert_allclose(ours, theirs, atol=2e-6 * np.abs(theirs).max(), rtol=1e-5)


def test_there_are_values_of_both():
    assert sum(name.startswith("xgboost") for name in CONTRIBUTIONS) >= 15
    assert sum(name.startswith("catboost") for name in CONTRIBUTIONS) >= 8


def originals() -> dict[str, Any]:
    few = {"n_estimators": 4, "max_depth": 3, "random_state": 0}
    return {
        "tree": tree.DecisionTreeRegressor(max_depth=4),
        "tree of classes": tree.DecisionTreeClassifier(max_depth=4),
        "forest": ensemble.RandomForestRegressor(**few),
        "forest of classes": ensemble.RandomForestClassifier(**few),
        "extra trees": ensemble.ExtraTreesClassifier(**few),
        "boosting": ensemble.GradientBoostingRegressor(**few),
        "boosting of classes": ensemble.GradientBoostingClassifier(**few),
        "histograms": ensemble.HistGradientBoostingRegressor(max_iter=4),
        "histograms of classes": ensemble.HistGradientBoostingClassifier(max_iter=4),
    }


@pytest.mark.parametrize("kind", originals())
def test_values_of_scikit_learns_models_add_up_and_are_those_of_the_definition(kind):
    X, y = load_iris(return_X_y=True, as_frame=True)
    original = originals()[kind].fit(X, y)
    model = from_sklearn(original)
    values = model.shap_values(X)
    scores = original.predict
    if isinstance(model, ForeignClassifier):
        scores = getattr(original, "decision_function", original.predict_proba)
    np.testing.assert_allclose(values.sum(axis=1) + model.expected_value_, scores(X), atol=1e-12)
    background = X.iloc[::20]
    values = model.shap_values(X, background=background)
    base = model.shap_expected_value(background)
    np.testing.assert_allclose(base, scores(background).mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(values.sum(axis=1) + base, scores(X), atol=1e-12)
    if values.ndim == 2:
        row = X.iloc[70]
        of_trees = np.mean if "forest" in kind else np.sum
        np.testing.assert_allclose(model.shap_values(X)[70], shapley(model, row, of_trees=of_trees)[0], atol=1e-6)


def test_every_kind_of_table_gives_the_same_numbers():
    X, y = data()
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    model = from_lightgbm(lightgbm.train({"verbose": -1, "num_threads": 1}, lightgbm.Dataset(frame, y), 5))
    wanted = model.shap_values(X)
    other_order = frame[["d", "c", "b", "a"]].assign(e="text")
    for rows in (
        frame,
        frame.rename(columns=str.upper),
        other_order,
        pl.from_pandas(other_order),
        pa.Table.from_pandas(other_order),
    ):
        np.testing.assert_array_equal(model.shap_values(rows), wanted)
        np.testing.assert_array_equal(
            model.shap_values(X[:9], background=rows[:5]), model.shap_values(X[:9], background=X[:5])
        )
    zeros = np.nan_to_num(X)
    np.testing.assert_array_equal(model.shap_values(sparse.csr_array(zeros)), model.shap_values(zeros))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).shap_values(X), wanted)
    pairs = model.shap_interaction_values(X)
    np.testing.assert_allclose(pairs.sum(axis=2), wanted, atol=1e-12)
    with pytest.raises(ArsenalValueError, match="X has no column 'b'"):
        model.shap_values(frame.drop(columns="b"))
    with pytest.raises(ValueError, match="3 features"):
        model.shap_values(X[:, :3])


@pytest.mark.parametrize("columns", [["city", "level", "size"], ["level", "size"]])
def test_named_categories_are_explained_as_they_are(columns):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"city": pd.Categorical(rng.choice(["Oslo", "Rome", "Lima"], 300))})
    frame["level"], frame["size"] = pd.Categorical(rng.choice([1, 5, 9], 300)), rng.normal(size=300)
    y = (frame["city"] == "Rome") + (frame["level"] == 5) * frame["size"]
    frame.loc[::9, "city"] = None
    frame = frame[columns]
    few = {"n_estimators": 5, "min_data_per_group": 5, "cat_smooth": 1, "verbose": -1, "n_jobs": 1}
    original = lightgbm.LGBMRegressor(**few).fit(frame, y)
    model, theirs = from_lightgbm(original), original.predict(frame, pred_contrib=True)
    for rows in (frame, pl.from_pandas(frame), pa.Table.from_pandas(frame)):
        np.testing.assert_allclose(
            by_target((model.shap_values(rows), model.expected_value_))[:, 0], theirs, atol=1e-12
        )
    original = ensemble.HistGradientBoostingRegressor(max_iter=5, categorical_features="from_dtype").fit(frame, y)
    model = from_sklearn(original)
    score = model.shap_values(frame).sum(axis=1) + model.expected_value_
    np.testing.assert_allclose(score, original.predict(frame), atol=1e-12)


def test_what_a_file_does_not_say_is_refused():
    X, y = load_iris(return_X_y=True)
    model = from_sklearn(tree.DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, y))
    with pytest.raises(ArsenalValueError, match=r'does not say by how much.* wanted importance "split"'):
        _ = model.feature_importances_
    assert model.feature_importance("split").sum() > 0
    content = json.loads(model_file("catboost_rmse").read_text())
    for of_tree in content["oblivious_trees"]:
        del of_tree["leaf_weights"]
    model = from_catboost(json.dumps(content).encode())
    rows = np.random.default_rng(0).normal(size=(5, 4))
    for ask in (lambda: model.shap_values(rows), lambda: model.expected_value_):
        with pytest.raises(ArsenalValueError, match=r"does not say how many training rows .* give a background"):
            ask()
    values = model.shap_values(rows, background=rows)
    score = values.sum(axis=1) + model.shap_expected_value(rows)
    np.testing.assert_allclose(score, model.predict(rows), atol=1e-9)


@pytest.mark.parametrize("kind", ["regression", "binary"])
def test_scikit_learn_inspects_what_others_learned_and_cannot_fit_it(kind):
    booster = KINDS[kind][0]()
    X, y = data()
    X, y = np.nan_to_num(X), (y > 0.5) if kind == "binary" else y
    model = from_lightgbm(booster)
    result = permutation_importance(model, X, y, n_repeats=2, random_state=0)
    assert result.importances_mean[:3].min() > 0
    curve = partial_dependence(model, X, [0], grid_resolution=5, response_method="auto")
    by_hand = []
    for value in curve["grid_values"][0]:
        rows = X.copy()
        rows[:, 0] = value
        by_hand.append(booster.predict(rows).mean())
    np.testing.assert_allclose(curve["average"][0], by_hand, rtol=1e-12)
    assert clone(FrozenEstimator(model)).fit(X, y).predict(X).shape == (600,)
    with pytest.raises(ArsenalTypeError, match="stays as lightgbm learned it, and cannot be fitted"):
        model.fit(X, y)


def test_trees_are_shown_as_those_of_our_own():
    booster = KINDS["categories"][0]()
    model = from_lightgbm(booster)
    nodes, theirs = model.trees_to_dataframe(), booster.trees_to_dataframe()
    leaves, original = nodes[nodes.split_feature.isna()], theirs[theirs.split_feature.isna()]
    np.testing.assert_allclose(np.sort(leaves.value), np.sort(original.value))
    np.testing.assert_array_equal(np.sort(leaves.weight), np.sort(original["count"]))
    assert " in {" in "".join(export_text(model, number) for number in range(15))
    assert len(plot_tree(model).texts) == (nodes.tree_index == 0).sum()


def test_what_holds_no_model_or_has_no_raw_score_explains_nothing():
    with pytest.raises(NotFittedError):
        ForeignRegressor().shap_values(np.zeros((1, 1)))
    X, _ = load_iris(return_X_y=True)
    detector = from_sklearn(ensemble.IsolationForest(n_estimators=3, random_state=0).fit(X))
    assert not hasattr(detector, "shap_values")
    with pytest.raises(ArsenalTypeError, match="ForeignOutlierDetector"):
        export_text(detector)
