"""Going on from an earlier fit: the bytes of the whole, and what may not change in between."""

from __future__ import annotations

import pickle

import numpy as np
import pyarrow as pa
import pytest
from arsenal.exceptions import ArsenalValueError
from arsenal.models import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

FAST = {"n_estimators": 12, "random_state": 0, "n_jobs": 1}


def test_a_warm_start_goes_on_where_the_last_fit_ended():
    X, y = load_breast_cancer(return_X_y=True)
    for way in ({}, {"subsample": 0.7, "colsample_bytree": 0.5}, {"grow_policy": "oblivious"}):
        whole = GradientBoostingClassifier(n_estimators=20, random_state=3, verbose=0, **way)
        whole.fit(X, y, eval_set=(X, y))
        parts = GradientBoostingClassifier(n_estimators=8, random_state=3, warm_start=True, **way)
        parts.fit(X, y, eval_set=(X, y))
        parts = pickle.loads(pickle.dumps(parts)).set_params(n_estimators=20).fit(X, y, eval_set=(X, y))
        assert parts._onnx_bytes() == whole._onnx_bytes()
        assert parts.n_iter_ == 20
        np.testing.assert_array_equal(parts.evaluation_losses_[0], whole.evaluation_losses_[0])
    # The seed is the first fit's, also where none was given.
    unseeded = GradientBoostingClassifier(n_estimators=5, warm_start=True, subsample=0.5).fit(X, y)
    first = unseeded.predict_proba(X)
    assert not np.array_equal(unseeded.set_params(n_estimators=9).fit(X, y).predict_proba(X), first)
    np.testing.assert_array_equal(list(unseeded.staged_predict_proba(X))[4], first)
    forgetful = GradientBoostingClassifier(n_estimators=5, boosting="dart", skip_drop=0, warm_start=True).fit(X, y)
    forgetful.set_params(n_estimators=30).fit(X, y)
    assert forgetful.n_iter_ == 30
    assert forgetful.score(X, y) > 0.95


def test_a_warm_start_refuses_what_does_not_go_on():
    X, y = load_iris(return_X_y=True, as_frame=True)
    model = GradientBoostingClassifier(warm_start=True, **FAST).fit(X, y)
    with pytest.raises(ArsenalValueError, match="n_estimators is 3, wanted at least 12"):
        clone(model).fit(X, y).set_params(n_estimators=3).fit(X, y)
    with pytest.raises(ArsenalValueError, match=r"y has the classes \[0, 1\], the model to continue knows \[0, 1, 2\]"):
        clone(model).fit(X, y).fit(X[y < 2], y[y < 2])
    with pytest.raises(ArsenalValueError, match="X has the columns"):
        model.fit(X.iloc[:, :3], y)


@pytest.mark.parametrize(
    ("first", "changed", "message"),
    [
        ({}, {"loss": "poisson"}, "loss is 'poisson', the model to continue was fitted with 'squared_error'"),
        (
            {},
            {"loss": lambda y, s: (s - y, y)},
            "loss is a callable, the model to continue was fitted with 'squared_error'",
        ),
        (
            {"loss": "quantile", "quantile": 0.5},
            {"quantile": [0.9]},
            r"loss is 'quantile' with \[0.9\], the model to continue was fitted with 'quantile' with \[0.5\]",
        ),
        (
            {"loss": "tweedie"},
            {"tweedie_power": 1.2},
            r"loss is 'tweedie' with \[1.2\], the model to continue was fitted",
        ),
        ({}, {"max_bins": 64}, "max_bins is 64, the model to continue was fitted with 255"),
    ],
)
def test_a_warm_start_keeps_its_loss_and_its_bins(first, changed, message):
    X, y = load_diabetes(return_X_y=True)
    model = GradientBoostingRegressor(**FAST, warm_start=True, **first).fit(X, y)
    content = model._onnx_bytes()
    with pytest.raises(ArsenalValueError, match=message):
        model.set_params(n_estimators=15, **changed).fit(X, y)
    assert model._onnx_bytes() == content


def test_a_warm_start_may_change_how_trees_grow():
    X, y = load_diabetes(return_X_y=True)
    model = GradientBoostingRegressor(**FAST, warm_start=True).fit(X, y)
    before = list(model.staged_predict(X))
    model.set_params(n_estimators=15, learning_rate=0.5, max_leaf_nodes=4, alpha=0.5).fit(X, y)
    np.testing.assert_array_equal(list(model.staged_predict(X))[:12], before)


@pytest.mark.parametrize("is_source", [False, True])
@pytest.mark.parametrize(
    ("first", "then", "message"),
    [
        (None, ["size"], 'column "size" is a category by .*, in the model to continue it is numbers'),
        (["size"], None, 'column "size" is numbers by .*, in the model to continue it is a category'),
        ("from_dtype", None, 'column "shade" is numbers by .*, in the model to continue it is a category'),
        (None, "from_dtype", 'column "shade" is a category by .*, in the model to continue it is numbers'),
    ],
)
def test_a_warm_start_keeps_its_categories(first, then, message, is_source):
    rng = np.random.default_rng(0)
    size, shade = rng.integers(0, 5, 200), pa.array(rng.integers(0, 4, 200)).dictionary_encode()
    table = pa.table({"size": size, "shade": shade, "text": rng.choice(["a", "b"], 200)})
    X = (lambda: table) if is_source else table
    y = rng.normal(size=200) + size % 2
    model = GradientBoostingRegressor(**FAST, warm_start=True, categorical_features=first).fit(X, y)
    with pytest.raises(ArsenalValueError, match=message):
        model.set_params(n_estimators=15, categorical_features=then).fit(X, y)
    whole = clone(model).set_params(categorical_features=first).fit(X, y)
    assert model.set_params(categorical_features=first).fit(X, y)._onnx_bytes() == whole._onnx_bytes()


def test_a_warm_start_takes_the_same_categories_in_other_words():
    table = pa.table({"size": np.arange(200.0) % 7, "text": ["a", "b", "c", "b"] * 50})
    y = np.arange(200) % 3
    model = GradientBoostingRegressor(**FAST, warm_start=True).fit(table, y)
    model.set_params(n_estimators=15, categorical_features=["text"]).fit(table, y)
    whole = GradientBoostingRegressor(**FAST | {"n_estimators": 15}).fit(table, y)
    assert model._onnx_bytes() == whole._onnx_bytes()


@pytest.mark.parametrize("parameters", [{}, {"loss": "absolute_error"}, {"loss": "quantile", "quantile": [0.2, 0.9]}])
def test_a_warm_start_adds_nothing_where_no_split_is_left(parameters):
    X, y = np.repeat([[0.0], [1.0]], 30, axis=0), np.r_[np.arange(30.0), np.arange(30.0) ** 2]
    options = FAST | {"n_estimators": 40, "learning_rate": 1.0, "min_split_gain": 1.0, "verbose": 1} | parameters
    whole = GradientBoostingRegressor(**options).fit(X, y, eval_set=(X, y))
    parts = GradientBoostingRegressor(**options, warm_start=True).set_params(n_estimators=20)
    for n_estimators in (20, 30, 40):
        parts.set_params(n_estimators=n_estimators).fit(X, y, eval_set=(X, y))
    assert parts.n_iter_ == whole.n_iter_ < 20
    assert parts._onnx_bytes() == whole._onnx_bytes()
    np.testing.assert_array_equal(parts.train_losses_, whole.train_losses_)
    np.testing.assert_array_equal(parts.evaluation_losses_, whole.evaluation_losses_)


def test_a_warm_start_goes_on_where_splits_are_left_again():
    X, y = np.arange(40.0)[:, None], np.arange(40.0)
    model = GradientBoostingRegressor(**FAST, warm_start=True, min_samples_leaf=30).fit(X, y)
    assert model.n_iter_ == 1
    model.set_params(min_samples_leaf=5).fit(X, y)
    assert model.n_iter_ == 12
    assert model.score(X, y) > 0.5
