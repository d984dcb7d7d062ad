"""Shapley values, importances and the pictures of trees, as scikit-learn, shap and LightGBM users use them."""

from __future__ import annotations

import itertools
import sys

import matplotlib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError, MissingExtraError
from arsenal.models import (
    GradientBoostingClassifier,
    GradientBoostingRanker,
    GradientBoostingRegressor,
    export_text,
    plot_tree,
)
from scipy import sparse
from shapley import shapley, walk
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.inspection import PartialDependenceDisplay, partial_dependence, permutation_importance
from sklearn.linear_model import LinearRegression

matplotlib.use("agg")

FAST = {"n_estimators": 10, "random_state": 0, "n_jobs": 1}


def table(n=400, seed=0):
    """Text, whole-number categories, numbers with missing values, and a target that needs all of them."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "carrier": random.choice(["AA", "DL", "UA", "WN", "B6", "nan"], n),
            "gate": random.integers(0, 6, n).astype(np.float64),
            "distance": random.normal(size=n),
            "delay": random.normal(size=n),
        }
    )
    y = (
        2.0 * frame.carrier.isin(["DL", "WN"]) * frame.distance
        + frame.gate.isin([1, 4]) * 1.5
        + np.abs(frame.delay)
        + random.normal(size=n) / 10
    )
    frame.loc[::7, "delay"] = np.nan
    frame.loc[::11, "carrier"] = None
    return frame, y.to_numpy()


def fitted(**more):
    frame, y = table()
    settings = FAST | {"categorical_features": ["gate"], "min_category_group": 10, "min_samples_leaf": 5} | more
    return GradientBoostingRegressor(**settings).fit(frame, y, sample_weight=np.linspace(0.5, 2, len(y))), frame


def test_values_are_those_of_the_definition_on_text_categories_missing_and_weights():
    model, frame = fitted(n_estimators=4)
    rows = pd.concat([frame.head(5), frame.tail(2).assign(carrier="new", gate=99.0, delay=np.inf)])
    values = model.shap_values(rows)
    for place, (_, row) in enumerate(rows.iterrows()):
        wanted, base = shapley(model, row)
        np.testing.assert_allclose(values[place], wanted, atol=1e-12, rtol=0)
    assert model.expected_value_ == pytest.approx(base, abs=1e-12)
    background = frame.iloc[50:54]
    values = model.shap_values(rows.head(2), background=background)
    for place, (_, row) in enumerate(rows.head(2).iterrows()):
        wanted, base = shapley(model, row, background)
        np.testing.assert_allclose(values[place], wanted, atol=1e-12, rtol=0)
    assert model.shap_expected_value(background) == pytest.approx(base, abs=1e-12)
    assert base == pytest.approx(model.predict(background).mean(), abs=1e-12)


def test_values_add_up_to_the_raw_score():
    model, frame = fitted()
    score = model.predict(frame)
    background = frame.iloc[::5]
    for values, base in [
        (model.shap_values(frame), model.expected_value_),
        (model.shap_values(frame, background=background), model.shap_expected_value(background)),
        (model.shap_interaction_values(frame).sum(axis=2), model.expected_value_),
        (model.shap_interaction_values(frame, background=background).sum(axis=1), score[::5].mean()),
    ]:
        assert values.shape == (len(frame), 4)
        assert values.dtype == np.float64
        np.testing.assert_allclose(values.sum(axis=1) + base, score, atol=1e-9, rtol=0)

    _, y = table()
    model = GradientBoostingClassifier(**FAST).fit(frame, y > 1)
    probability = model.predict_proba(frame)[:, 1]
    score = np.log(probability / (1 - probability))
    np.testing.assert_allclose(model.shap_values(frame).sum(axis=1) + model.expected_value_, score, atol=1e-9, rtol=0)


def test_several_classes_have_an_axis_of_their_own():
    X, y = load_iris(return_X_y=True)
    model = GradientBoostingClassifier(**FAST).fit(X, np.array(["a", "b", "c"])[y])
    values = model.shap_values(X)
    assert values.shape == (150, 4, 3)
    assert model.expected_value_.shape == (3,)
    pairs = model.shap_interaction_values(X)
    assert pairs.shape == (150, 4, 4, 3)
    np.testing.assert_allclose(pairs.sum(axis=2), values, atol=1e-9, rtol=0)
    np.testing.assert_allclose(pairs, pairs.transpose(0, 2, 1, 3), atol=0, rtol=0)
    scores = values.sum(axis=1) + model.expected_value_
    softmax = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(softmax, model.predict_proba(X), atol=1e-9, rtol=0)


def test_other_losses_explain_their_raw_score():
    X, y = load_diabetes(return_X_y=True)
    model = GradientBoostingRegressor(**FAST, loss="quantile", quantile=[0.1, 0.5, 0.9]).fit(X, y)
    values = model.shap_values(X)
    assert values.shape == (442, 10, 3)
    np.testing.assert_allclose(values.sum(axis=1) + model.expected_value_, model.predict(X), rtol=1e-12)
    model = GradientBoostingRegressor(**FAST, loss="poisson").fit(X, y)
    scores = model.shap_values(X).sum(axis=1) + model.expected_value_
    np.testing.assert_allclose(scores, np.log(model.predict(X)), rtol=1e-12)
    model = GradientBoostingRanker(**FAST).fit(X, y // 100, qid=np.arange(442) // 20)
    scores = model.shap_values(X).sum(axis=1) + model.expected_value_
    np.testing.assert_allclose(scores, model.predict(X), atol=1e-12)


def test_every_kind_of_table_and_any_number_of_threads_give_the_same_numbers():
    model, frame = fitted()
    wanted = model.shap_values(frame)
    for other in (pl.from_pandas(frame), pa.Table.from_pandas(frame), frame.astype({"carrier": "category"})):
        np.testing.assert_array_equal(model.shap_values(other), wanted)
        np.testing.assert_array_equal(
            model.shap_values(other, background=other[:20]), model.shap_values(frame, background=frame[:20])
        )
    model.n_jobs = 3
    np.testing.assert_array_equal(model.shap_values(frame), wanted)
    np.testing.assert_array_equal(model.shap_values(frame.iloc[[17]]), wanted[[17]])
    np.testing.assert_array_equal(model.shap_interaction_values(frame)[3], model.shap_interaction_values(frame[3:4])[0])

    random = np.random.default_rng(1)
    X = random.normal(size=(500, 8)) * (random.random((500, 8)) < 0.3)
    for dtype in (np.float64, np.float32):
        dense = X.astype(dtype)
        model = GradientBoostingRegressor(**FAST).fit(dense, dense[:, 0] + dense[:, 1] * dense[:, 2])
        wanted = model.shap_values(dense)
        np.testing.assert_array_equal(model.shap_values(sparse.csr_array(dense)), wanted)
        np.testing.assert_array_equal(model.shap_values(np.asfortranarray(dense)), wanted)
        np.testing.assert_array_equal(
            model.shap_values(dense, background=sparse.csr_array(dense[:9])),
            model.shap_values(dense, background=dense[:9]),
        )


def test_float64_rows_of_a_float32_model_are_compared_as_they_are():
    X = np.arange(200, dtype=np.float32).reshape(100, 2) / 8
    model = GradientBoostingRegressor(**FAST, min_samples_leaf=1).fit(X, X[:, 0])
    just_above = np.nextafter(X.astype(np.float64), np.inf)
    values = model.shap_values(just_above).sum(axis=1) + model.expected_value_
    np.testing.assert_allclose(values, model.predict(just_above), rtol=1e-6)


def test_what_cannot_be_explained_is_refused():
    model, frame = fitted()
    with pytest.raises(NotFittedError):
        clone(model).shap_values(frame)
    with pytest.raises(NotFittedError):
        _ = clone(model).expected_value_
    with pytest.raises(ValueError, match="feature names"):
        model.shap_values(frame.rename(columns={"gate": "door"}))
    with pytest.raises(ArsenalValueError, match="background has 0 rows"):
        model.shap_values(frame, background=frame.iloc[:0])
    with pytest.raises(ValueError, match="feature names"):
        model.shap_values(frame, background=frame[["gate", "delay"]])
    with (
        pytest.warns(UserWarning, match="valid feature names"),
        pytest.raises(ArsenalValueError, match="holds numbers, the model was fitted with text"),
    ):
        model.shap_values(np.zeros((2, 4)))


def test_a_model_without_splits_explains_nothing():
    X = np.zeros((30, 2))
    model = GradientBoostingRegressor(**FAST).fit(X, np.arange(30.0))
    np.testing.assert_array_equal(model.shap_values(X), np.zeros((30, 2)))
    np.testing.assert_array_equal(model.shap_interaction_values(X, background=X), np.zeros((30, 2, 2)))
    assert model.expected_value_ == pytest.approx(14.5)
    np.testing.assert_array_equal(model.feature_importances_, np.zeros(2))
    assert export_text(model) == "|--- value: 14.5000 (weight 30)\n"
    assert len(plot_tree(model).texts) == 1


def test_importances_by_gain_and_by_split():
    model, _ = fitted()
    nodes = model.trees_to_dataframe().dropna(subset="split_feature").groupby("split_feature").split_gain
    by_column = nodes.agg(["sum", "count"]).reindex(model.feature_names_in_, fill_value=0)
    np.testing.assert_allclose(model.feature_importance(), by_column["sum"])
    np.testing.assert_array_equal(model.feature_importance("split"), by_column["count"])
    np.testing.assert_allclose(model.feature_importances_, by_column["sum"] / by_column["sum"].sum())
    with pytest.raises(ArsenalValueError, match=r"'cover'|\"cover\""):
        model.feature_importance("cover")


def test_the_data_frame_of_trees_predicts_as_the_model_does():
    model, frame = fitted()
    nodes = model.trees_to_dataframe()
    assert list(nodes.columns[:3]) == ["tree_index", "node_depth", "node_index"]
    assert nodes.tree_index.nunique() == 10
    columns = list(model.feature_names_in_)
    trees = [tree for _, tree in nodes.groupby("tree_index")]
    by_frame = [sum(walk(tree, row, columns) for tree in trees) for _, row in frame.head(40).iterrows()]
    np.testing.assert_allclose(by_frame, model.predict(frame.head(40)), rtol=1e-12)
    roots = nodes[nodes.parent_index.isna()]
    assert (roots.node_depth == 1).all()
    assert roots.value.sum() == pytest.approx(model.expected_value_)


def test_text_of_a_tree_names_conditions_missing_values_and_sets():
    model, _ = fitted(n_estimators=2, max_leaf_nodes=12)
    nodes = model.trees_to_dataframe()
    for tree in range(2):
        text = export_text(model, tree)
        assert text.count("value:") == (nodes[nodes.tree_index == tree].split_feature.isna()).sum()
        assert " in {" in text
        assert " not in {" in text
        assert "or missing" in text
    assert export_text(model, -1) == export_text(model, 1)
    short = export_text(model, 0, max_depth=1, decimals=2)
    assert short.count("leaves, mean value") == 2
    with pytest.raises(ArsenalValueError, match="tree_index is 2, the model has 2 trees"):
        export_text(model, 2)
    with pytest.raises(ArsenalTypeError, match="LinearRegression"):
        export_text(LinearRegression())


def test_long_sets_of_categories_are_shortened():
    random = np.random.default_rng(0)
    names = np.array([f"airport {code}" for code in range(40)])
    codes = random.integers(0, 40, 4000)
    frame = pd.DataFrame({"origin": names[codes]})
    model = GradientBoostingRegressor(**FAST, max_leaf_nodes=2).fit(frame, codes % 2 + codes / 100)
    assert "more}" in export_text(model)
    categories = model.trees_to_dataframe().threshold.iloc[0]
    assert len(categories) > 5
    assert set(categories) < set(names)


def test_a_picture_shows_every_node():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    model = GradientBoostingRegressor(n_estimators=3, min_samples_leaf=2, random_state=0).fit(X, y)
    ax = plot_tree(model, 2)
    nodes = model.trees_to_dataframe().query("tree_index == 2")
    assert len(nodes) == 61
    texts = [text.get_text() for text in ax.texts]
    assert len(texts) == 61
    assert sum("<=" in text for text in texts) == 30
    # No two labels overlap: the picture can be read.
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    pairs = itertools.combinations(zip(texts, boxes, strict=True), 2)
    overlapping = [(a, b) for (a, first), (b, second) in pairs if first.overlaps(second)]
    assert not overlapping
    widths = [line.get_linewidth() for line in ax.lines if line.get_marker() == "None"]
    assert max(widths) > 4 * min(widths)
    own = matplotlib.figure.Figure().subplots()
    assert plot_tree(model, ax=own) is own


def test_extras_are_named(monkeypatch):
    model, _ = fitted(n_estimators=1)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"plot_tree needs matplotlib: pip install 'arsenal-ml\[plots\]'"):
        plot_tree(model)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"trees_to_dataframe needs pandas"):
        model.trees_to_dataframe()


def test_permutation_importance_of_scikit_learn_works_on_frames_and_arrays():
    model, frame = fitted()
    _, y = table()
    result = permutation_importance(model, frame, y, n_repeats=2, random_state=0)
    assert result.importances_mean.shape == (4,)
    assert result.importances_mean.min() > 0
    X, y = load_iris(return_X_y=True)
    model = GradientBoostingClassifier(**FAST).fit(X, y)
    result = permutation_importance(model, X, y, n_repeats=2, random_state=0)
    assert result.importances_mean.argmax() in (2, 3)


def test_partial_dependence_of_scikit_learn_works_on_frames_and_arrays():
    model, frame = fitted()
    curve = partial_dependence(model, frame, ["distance"], kind="both", grid_resolution=10)
    assert curve["average"].shape == (1, 10)
    np.testing.assert_allclose(curve["individual"][0].mean(axis=0), curve["average"][0])
    grid = curve["grid_values"][0]
    by_hand = [model.predict(frame.assign(distance=value)).mean() for value in grid]
    np.testing.assert_allclose(curve["average"][0], by_hand)
    named = partial_dependence(model, frame.dropna(), ["carrier"], categorical_features=["carrier"])
    assert "DL" in named["grid_values"][0]
    X, y = load_iris(return_X_y=True)
    model = GradientBoostingClassifier(**FAST).fit(X, y)
    display = PartialDependenceDisplay.from_estimator(model, X, [0, (2, 3)], target=1, grid_resolution=5)
    assert display.axes_.size == 2
