"""Quantiles of regression forests: against what the trees drew and the rows that share a leaf, and everywhere alike."""

from __future__ import annotations

import pickle

import numpy as np
import onnxruntime
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from arsenal.deployment import InferenceSession, export_onnx
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.models import (
    DecisionTreeRegressor,
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

LEVELS = [0.0, 0.1, 1 / 3, 0.5, 0.9, 1.0]
KINDS = pytest.mark.parametrize("kind", [RandomForestRegressor, ExtraTreesRegressor])


def fan(n_rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A target whose spread grows with the first column."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(size=(n_rows, 3))
    return X, 2 * X[:, 1] + X[:, 0] * rng.normal(size=n_rows)


def draws_of_rows(model, X) -> np.ndarray:
    """What each tree's leaf keeps for each row, of shape (n_samples, n_trees, n_outputs)."""
    state, leaves = model._learned.state, model.apply(X)
    kept = []
    for tree, (own, draws) in enumerate(zip(leaves.T, state.draws, strict=True)):
        of_leaf = np.reshape(draws, (state.n_leaves[tree], -1))
        # Leaves are numbered among all nodes, left before right: so their order is that of the numbers.
        every = np.unique(model.estimators_[tree].apply(model._trained_on))
        assert len(every) == len(of_leaf)
        kept.append(of_leaf[np.searchsorted(every, own)])
    return np.stack(kept, axis=1)


def fitted(kind, X, y, **parameters):
    model = kind(**{"n_estimators": 15, "random_state": 0, "min_samples_leaf": 3} | parameters).fit(X, y)
    model._trained_on = X
    return model


@KINDS
@pytest.mark.parametrize("parameters", [{}, {"max_leaf_nodes": 20}, {"ccp_alpha": 0.01}, {"n_estimators": 1}])
def test_quantiles_are_those_of_what_the_leaves_drew(kind, parameters):
    X, y = fan(400)
    model = fitted(kind, X, y, **parameters)
    new = fan(100, seed=1)[0]
    wanted = np.quantile(draws_of_rows(model, new)[..., 0], LEVELS, axis=1).T
    np.testing.assert_allclose(model.predict(new, quantiles=LEVELS), wanted, rtol=1e-14, atol=1e-15)
    np.testing.assert_array_equal(model.predict(new, quantiles=0.9), model.predict(new, quantiles=LEVELS)[:, 4])


def test_a_leaf_draws_one_of_its_own_rows_by_weight():
    X = np.zeros((6, 1))
    y = np.arange(6.0)
    weights = np.array([0.0, 1.0, 3.0, 0.0, 4.0, 0.0])
    model = RandomForestRegressor(n_estimators=4000, bootstrap=False, random_state=0).fit(X, y, weights)
    drawn = np.array(model._learned.state.draws)[:, 0]
    shares = np.bincount(drawn.astype(int), minlength=6) / len(drawn)
    assert set(drawn) == {1.0, 2.0, 4.0}
    np.testing.assert_allclose(shares, weights / weights.sum(), atol=4 * np.sqrt(0.25 / len(drawn)))


def test_every_draw_is_a_training_row_of_its_leaf():
    X, y = fan(300)
    model = fitted(RandomForestRegressor, X, y, bootstrap=False, max_features=1)
    kept, leaves = draws_of_rows(model, X)[..., 0], model.apply(X)
    for tree in range(15):
        for leaf in np.unique(leaves[:, tree]):
            inside = leaves[:, tree] == leaf
            assert len(set(kept[inside, tree])) == 1
            assert kept[inside, tree][0] in y[inside]


@KINDS
def test_bands_cover_what_they_promise_and_follow_the_spread(kind):
    X, y = fan(3000)
    new, truth = fan(3000, seed=1)
    model = kind(n_estimators=100, min_samples_leaf=10, random_state=0).fit(X, y)
    low, high = model.predict(new, quantiles=[0.1, 0.9]).T
    assert np.mean((low <= truth) & (truth <= high)) == pytest.approx(0.8, abs=0.04)
    narrow, wide = new[:, 0] < 0.2, new[:, 0] > 0.8
    assert np.mean((high - low)[wide]) > 2 * np.mean((high - low)[narrow])
    # Meinshausen's forest weighs all rows of a leaf instead of drawing one: its loss is a little lower.
    full, ours = all_rows_quantile(model, X, y, new[:300], 0.9), high[:300]
    loss = [np.mean(np.maximum(0.9 * (truth[:300] - q), 0.1 * (q - truth[:300]))) for q in (ours, full)]
    assert loss[0] < 1.1 * loss[1]


def all_rows_quantile(model, X, y, new, level) -> np.ndarray:
    """The quantile by the mean over trees of the weights of all training rows in a row's leaf (without a bootstrap)."""
    own, others = model.apply(new), model.apply(X)
    order = np.argsort(y)
    result = []
    for leaves in own:
        same = others == leaves
        weights = (same / same.sum(axis=0)).mean(axis=1)[order]
        result.append(y[order][np.searchsorted(np.cumsum(weights), level)])
    return np.array(result)


@KINDS
def test_threads_and_pickles_and_clones_change_nothing(kind):
    X, y = fan(500)
    model = kind(n_estimators=8, random_state=3, n_jobs=1).fit(X, y)
    content = export_onnx(model, quantiles=True)
    for n_jobs in (2, 4):
        assert export_onnx(clone(model).set_params(n_jobs=n_jobs).fit(X, y), quantiles=True) == content
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X, quantiles=LEVELS), model.predict(X, quantiles=LEVELS))
    assert again._learned.state.draws == model._learned.state.draws


def test_a_warm_start_keeps_the_old_draws():
    X, y = fan(200)
    model = RandomForestRegressor(n_estimators=4, warm_start=True, random_state=0).fit(X, y)
    first = model._learned.state.draws
    draws = model.set_params(n_estimators=9).fit(X, y)._learned.state.draws
    assert draws[:4] == first
    assert len(draws) == 9
    assert draws == RandomForestRegressor(n_estimators=9, random_state=0).fit(X, y)._learned.state.draws


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_the_file_gives_the_same_in_onnxruntime(dtype, n_outputs, tmp_path):
    X, y = fan(300)
    X = X.astype(dtype)
    labels = y if n_outputs == 1 else np.column_stack([y, -y, y**2])
    model = fitted(RandomForestRegressor, X, labels)
    path = tmp_path / "quantiles.onnx"
    content = export_onnx(model, path, quantiles=True, metadata={"owner": "weather"})
    assert path.read_bytes() == content
    ours, theirs = InferenceSession(content), onnxruntime.InferenceSession(content)
    assert [(value.name, value.shape) for value in ours.get_inputs()] == [("X", ["N", 3]), ("quantiles", [1, "Q"])]
    feed = {"X": X, "quantiles": np.array([LEVELS])}
    (scores,), (expected,) = ours.run(None, feed), theirs.run(None, feed)
    np.testing.assert_array_equal(scores, expected)
    np.testing.assert_array_equal(scores, model.predict(X, quantiles=LEVELS))
    assert scores.shape == (300, 6) if n_outputs == 1 else (300, 6, 3)
    wanted = np.quantile(draws_of_rows(model, X), LEVELS, axis=1)
    wanted = np.moveaxis(wanted, 0, 1)[..., 0] if n_outputs == 1 else np.moveaxis(wanted, 0, 1)
    np.testing.assert_allclose(scores, wanted, rtol=1e-6 if scores.dtype == np.float32 else 1e-14, atol=1e-6)
    assert model.predict(X, quantiles=0.5).shape == ((300,) if n_outputs == 1 else (300, 3))


def test_every_kind_of_table_gives_the_same():
    X, y = fan(200)
    X[:, 2] = np.round(X[:, 2] * 4)
    X[::7, 1] = np.nan
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model = RandomForestRegressor(n_estimators=7, random_state=0).fit(frame, y)
    wanted = model.predict(frame, quantiles=LEVELS)
    nullable = frame.astype({"b": "Float64", "c": "Int64"})
    for table in (nullable, pl.from_pandas(frame), pa.table(frame)):
        np.testing.assert_array_equal(model.predict(table, quantiles=LEVELS), wanted)
    plain = RandomForestRegressor(n_estimators=7, random_state=0).fit(X, y)
    np.testing.assert_array_equal(plain.predict(X, quantiles=LEVELS), wanted)
    np.testing.assert_array_equal(plain.predict(sparse.csr_array(X), quantiles=LEVELS), wanted)
    np.testing.assert_array_equal(plain.predict(np.asfortranarray(X), quantiles=LEVELS), wanted)


def test_tables_with_text_have_quantiles():
    X, y = fan(300)
    frame = pd.DataFrame({"level": np.where(X[:, 1] > 0.5, "high", "low"), "spread": X[:, 0]})
    model = RandomForestRegressor(n_estimators=20, min_samples_leaf=5, random_state=0).fit(frame, y)
    wanted = model.predict(frame, quantiles=[0.2, 0.8])
    for table in (pl.from_pandas(frame), pa.table(frame)):
        np.testing.assert_array_equal(model.predict(table, quantiles=[0.2, 0.8]), wanted)
    high = frame.level == "high"
    assert np.median(wanted[high, 0]) > np.median(wanted[~high, 0]) + 0.5
    # With names in the one and none in the other scikit-learn warns first.
    with (
        pytest.raises(ArsenalValueError, match="X is an array, the model was fitted"),
        pytest.warns(UserWarning, match="does not have valid feature names"),
    ):
        model.predict(np.zeros((2, 2)), quantiles=0.5)
    alone = RandomForestRegressor(n_estimators=3, random_state=0).fit(
        frame[["level"]].rename(columns={"level": "X"}), y
    )
    assert alone.predict(frame[["level"]].rename(columns={"level": "X"}), quantiles=[0.5]).shape == (300, 1)


@pytest.mark.parametrize(
    ("error", "quantiles", "message"),
    [
        (ArsenalValueError, 1.5, "quantiles has 1.5, wanted numbers within 0 and 1"),
        (ArsenalValueError, [0.5, -0.1], "quantiles has -0.1"),
        (ArsenalValueError, np.nan, "quantiles has nan"),
        (ArsenalValueError, [], r"quantiles has shape \(0,\), wanted one number"),
        (ArsenalValueError, [[0.5]], r"quantiles has shape \(1, 1\)"),
        (ArsenalTypeError, "median", "quantiles is 'median', wanted a number or numbers"),
        (ArsenalTypeError, [True], r"quantiles is \[True\], wanted a number or numbers"),
    ],
)
def test_wrong_quantiles_are_named(error, quantiles, message):
    X, y = fan(50)
    model = RandomForestRegressor(n_estimators=2, random_state=0).fit(X, y)
    with pytest.raises(error, match=message):
        model.predict(X, quantiles=quantiles)


def test_who_has_no_quantiles_says_so():
    X, y = fan(50)
    for model in (
        RandomForestClassifier(n_estimators=2).fit(X, y > 0),
        DecisionTreeRegressor().fit(X, y),
        GradientBoostingRegressor(n_estimators=2).fit(X, y),
    ):
        with pytest.raises(ArsenalTypeError, match=r"only forests of numbers have quantiles to give"):
            export_onnx(model, quantiles=True)
    with pytest.raises(NotFittedError):
        RandomForestRegressor().predict(X, quantiles=0.5)
    named = pd.DataFrame({"quantiles": np.where(X[:, 0] > 0.5, "a", "b"), "other": X[:, 1]})
    model = RandomForestRegressor(n_estimators=2).fit(named, y)
    with pytest.raises(ArsenalValueError, match='a column is named "quantiles" like an input or output of the model'):
        model.predict(named, quantiles=0.5)
