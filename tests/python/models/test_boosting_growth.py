"""How trees grow and what is drawn, as users ask for it: policies, constraints, sampling, DART, warm start, stages."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.models import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.utils.estimator_checks import parametrize_with_checks

FAST = {"n_estimators": 12, "random_state": 0, "n_jobs": 1}

#: One of everything, as keyword arguments.
WAYS = [
    {"grow_policy": "depthwise", "max_depth": 4},
    {"grow_policy": "oblivious", "max_leaf_nodes": 64},
    {"sampling": "goss", "learning_rate": 0.3},
    {"boosting": "dart", "drop_rate": 0.3, "skip_drop": 0.1, "learning_rate": 0.3},
    {"colsample_bytree": 0.5, "colsample_bylevel": 0.5, "max_features": 0.5},
    {"interaction_cst": "pairwise"},
]


# GOSS draws rows, so a row of weight 2 is not two rows; a warm start keeps to the float type that it began with, and
# the checks change it between fits: neither is among these.
@parametrize_with_checks(
    [
        GradientBoostingClassifier(n_estimators=10, grow_policy="oblivious", learning_rate=0.5),
        GradientBoostingRegressor(n_estimators=20, grow_policy="depthwise", boosting="dart", learning_rate=0.3),
        GradientBoostingRegressor(n_estimators=20, interaction_cst="no_interactions"),
    ]
)
def test_scikit_learns_own_checks_pass_whatever_grows(estimator, check):
    check(estimator)


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_every_way_ranks_about_as_well_and_exports_what_it_predicts(way):
    X, y = load_breast_cancer(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    model = GradientBoostingClassifier(n_estimators=60, random_state=0, **{"learning_rate": 0.1, **way})
    model.fit(X_train, y_train)
    assert roc_auc_score(y_test, model.predict_proba(X_test)[:, 1]) > 0.98
    exported = onnxruntime.InferenceSession(model._onnx_bytes()).run(None, {"X": X_test})[1]
    np.testing.assert_allclose(model.predict_proba(X_test), exported, atol=1e-12)


@pytest.mark.parametrize("way", [{}, *WAYS], ids=str)
def test_stages_are_the_models_on_the_way(way):
    X, y = load_iris(return_X_y=True)
    model = GradientBoostingClassifier(**{**FAST, **way}).fit(X, y)
    stages = list(model.staged_predict_proba(X))
    assert len(stages) == model.n_iter_ == 12
    np.testing.assert_array_equal(stages[-1], model.predict_proba(X))
    classes = list(model.staged_predict(X))
    np.testing.assert_array_equal(classes[-1], model.predict(X))
    np.testing.assert_array_equal(classes[4], model.classes_[stages[4].argmax(axis=1)])
    if way.get("boosting") != "dart":
        shorter = clone(model).set_params(n_estimators=5).fit(X, y)
        np.testing.assert_array_equal(stages[4], shorter.predict_proba(X))


def test_stages_of_a_table_and_of_numbers():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"text": rng.choice(list("abcdef"), 400), "number": rng.normal(size=400)})
    y = (table["text"] == "c") + table["number"]
    model = GradientBoostingRegressor(**FAST).fit(table, y)
    stages = list(pickle.loads(pickle.dumps(model)).staged_predict(table))
    np.testing.assert_array_equal(stages[-1], model.predict(table))
    errors = [r2_score(y, stage) for stage in stages]
    assert errors == sorted(errors)
    exported = onnxruntime.InferenceSession(model._onnx_bytes())
    feed = {"text": table[["text"]].to_numpy(dtype=object), "number": table[["number"]].to_numpy()}
    np.testing.assert_allclose(exported.run(None, feed)[0][:, 0], stages[-1], atol=1e-12)


@pytest.mark.parametrize("grow_policy", ["leafwise", "depthwise", "oblivious"])
def test_a_monotone_column_never_turns(grow_policy):
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    signs = {"bmi": 1, "s3": -1}
    settings = {"n_estimators": 60, "min_samples_leaf": 5, "random_state": 0, "grow_policy": grow_policy}
    free = GradientBoostingRegressor(**settings).fit(X, y)
    bound = GradientBoostingRegressor(monotonic_cst=signs, **settings).fit(X, y)

    def steps(model, name):
        grid = np.linspace(X[name].min(), X[name].max(), 40)
        rows = X.iloc[::12]
        curves = np.column_stack([model.predict(rows.assign(**{name: value})) for value in grid])
        return np.diff(curves, axis=1) * signs[name]

    for name in signs:
        assert steps(free, name).min() < -1
        assert steps(bound, name).min() > -1e-9
        assert steps(bound, name).max() > 1
    as_array = [signs.get(name, 0) for name in X.columns]
    by_array = GradientBoostingRegressor(monotonic_cst=np.array(as_array), **settings).fit(X, y)
    assert by_array._onnx_bytes() == bound._onnx_bytes()


def test_constraints_cost_no_more_than_scikit_learns_do():
    X, y = load_diabetes(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=1)
    signs = [0, 0, 1, 1, 0, 0, -1, 0, 1, 0]
    settings = {"min_samples_leaf": 20, "max_leaf_nodes": 15, "learning_rate": 0.05, "random_state": 0}
    ours = GradientBoostingRegressor(n_estimators=100, monotonic_cst=signs, **settings).fit(X_train, y_train)
    theirs = HistGradientBoostingRegressor(max_iter=100, monotonic_cst=signs, early_stopping=False, **settings)
    theirs.fit(X_train, y_train)
    assert ours.score(X_test, y_test) > theirs.score(X_test, y_test) - 0.02


def test_columns_kept_apart_have_effects_that_add_up():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(2000, 4))
    y = X[:, 0] * X[:, 1] + X[:, 2] * X[:, 3]

    def mixed_difference(model, a, b):
        """How far f(a, b) is from a sum of a function of a and one of b, over some corners."""
        base = np.tile(X[:50], (4, 1))
        for corner in range(4):
            base[corner * 50 : (corner + 1) * 50, a] = 0.7 if corner & 1 else -0.7
            base[corner * 50 : (corner + 1) * 50, b] = 0.7 if corner & 2 else -0.7
        f = model.predict(base).reshape(4, 50)
        return np.abs(f[0] - f[1] - f[2] + f[3]).max()

    free = GradientBoostingRegressor(n_estimators=60, random_state=0).fit(X, y)
    names = pd.DataFrame(X, columns=list("abcd"))
    grouped = GradientBoostingRegressor(n_estimators=60, interaction_cst=[(0, 1)], random_state=0).fit(X, y)
    by_name = GradientBoostingRegressor(n_estimators=60, interaction_cst=[["a", "b"], {"c", "d"}], random_state=0)
    by_name.fit(names, y)
    alone = GradientBoostingRegressor(n_estimators=60, interaction_cst="no_interactions", random_state=0).fit(X, y)
    np.testing.assert_array_equal(by_name.predict(names), grouped.predict(X))
    assert mixed_difference(free, 0, 2) > 0.01
    assert mixed_difference(grouped, 0, 2) < 1e-12 < 0.5 < mixed_difference(grouped, 0, 1)
    assert mixed_difference(alone, 0, 1) < 1e-12


def test_dart_with_early_stopping_keeps_the_model_that_was_best():
    X, y = load_diabetes(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    model = GradientBoostingRegressor(
        n_estimators=300, boosting="dart", skip_drop=0.0, learning_rate=0.4, early_stopping=True, random_state=0
    ).fit(X_train, y_train, eval_set=(X_test, y_test))
    assert model.n_iter_ < 300
    loss = 0.5 * np.mean((model.predict(X_test) - y_test) ** 2)
    assert loss == pytest.approx(model.evaluation_losses_[0].min(), rel=1e-9)


@pytest.mark.parametrize("order", ["as they come", "by target"])
@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_rows_drawn_by_gradient_stand_for_others_in_quantiles_too(level, order):
    """Coverage of other rows, and no bias towards the rows that the table has first."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 3))
    y = X[:, 0] + rng.normal(size=len(X))
    train, test = np.arange(10_000), np.arange(10_000, 20_000)
    if order == "by target":
        train = train[np.argsort(y[train])]
    model = GradientBoostingRegressor(loss="quantile", quantile=level, sampling="goss", random_state=0)
    model.fit(X[train], y[train])
    assert np.mean(y[test] <= model.predict(X[test])) == pytest.approx(level, abs=0.025)


@pytest.mark.parametrize("loss", ["absolute_error", "huber"])
def test_rows_drawn_by_gradient_learn_middles_as_well_as_all_rows(loss):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(10_000, 3))
    y = X[:, 0] + rng.normal(size=len(X))
    order = np.argsort(y[:5000])
    errors = [
        np.mean(np.abs(y[5000:] - model.fit(X[order], y[order]).predict(X[5000:])))
        for model in (
            GradientBoostingRegressor(loss=loss, sampling=sampling, random_state=0) for sampling in ("uniform", "goss")
        )
    ]
    assert errors[1] < 1.05 * errors[0]


@pytest.mark.parametrize(
    ("parameter", "value", "message"),
    [
        ("early_stopping", "no", "early_stopping is 'no', wanted True or False"),
        ("warm_start", 1, "warm_start is 1, wanted True or False"),
        ("validation_fraction", None, "validation_fraction is None, wanted a number"),
    ],
)
def test_switches_are_true_or_false(parameter, value, message):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ArsenalTypeError, match=message):
        GradientBoostingClassifier(**{parameter: value}).fit(X, y)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"grow_policy": "lossguide"}, 'grow_policy is "lossguide", wanted "leafwise"'),
        ({"sampling": "mvs"}, 'sampling is "mvs", wanted "uniform" or "goss"'),
        ({"boosting": "rf"}, 'boosting is "rf", wanted "gbdt" or "dart"'),
        ({"boosting": "dart", "drop_rate": 2.0}, "drop_rate is 2, wanted a chance"),
        ({"sampling": "goss", "top_rate": 0.6, "other_rate": 0.6}, "sum to 1.2, wanted at most 1"),
        ({"colsample_bylevel": 0}, "colsample_bylevel is 0, wanted a share"),
        ({"monotonic_cst": [1, 0]}, r"monotonic_cst has shape \(2,\), wanted one entry per column: 4"),
        ({"monotonic_cst": 1}, r"monotonic_cst has shape \(\), wanted one entry per column: 4"),
        ({"monotonic_cst": [1, 0, 3, 0]}, "monotonic_cst is 3 for column 'x2', wanted -1, 0 or 1"),
        ({"monotonic_cst": {"height": 1}}, "monotonic_cst names 'height'"),
        ({"monotonic_cst": [1, 0, 0, 0]}, "monotonic_cst with 3 sums per row"),
        ({"interaction_cst": "triples"}, "interaction_cst is 'triples', wanted None, 'pairwise'"),
        ({"interaction_cst": [0, 1]}, "interaction_cst is not understood"),
        ({"interaction_cst": [(0, 4)]}, "interaction_cst has column 4, X has 4 columns"),
        ({"interaction_cst": [("x0", "height")]}, "interaction_cst names 'height'"),
    ],
)
def test_wrong_settings_are_named(settings, message):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ArsenalValueError, match=message):
        GradientBoostingClassifier(**settings).fit(X, y)


def test_medians_have_no_direction():
    X, y = load_diabetes(return_X_y=True)
    with pytest.raises(ArsenalValueError, match="monotonic_cst with a loss whose leaves are medians or quantiles"):
        GradientBoostingRegressor(loss="absolute_error", monotonic_cst=[1] * 10).fit(X, y)


@pytest.mark.parametrize("loss", ["absolute_error", "quantile", "poisson"])
def test_symmetric_trees_and_stages_serve_every_loss(loss):
    X, y = load_diabetes(return_X_y=True)
    settings = {"quantile": [0.2, 0.8]} if loss == "quantile" else {}
    model = GradientBoostingRegressor(
        loss=loss, grow_policy="oblivious", max_leaf_nodes=32, n_estimators=15, verbose=1, random_state=0, **settings
    ).fit(X, y)
    assert model.train_losses_[-1] < 0.9 * model.train_losses_[0]
    stages = list(model.staged_predict(X))
    np.testing.assert_array_equal(stages[-1], model.predict(X))
    if loss == "absolute_error":
        assert np.abs(stages[-1] - y).mean() == pytest.approx(model.train_losses_[-1], rel=1e-9)


def test_categories_have_no_direction():
    table = pd.DataFrame({"text": ["a", "b"] * 30, "number": np.arange(60.0)})
    with pytest.raises(ArsenalValueError, match="monotonic_cst is not 0 for column 0, whose categories have no order"):
        GradientBoostingRegressor(monotonic_cst={"text": 1}).fit(table, table["number"])


def digests() -> list[str]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20_000, 8)).astype(np.float32)
    X[::9, 3] = np.nan
    y = (X[:, 0] * X[:, 1] + np.sin(X[:, 2]) + rng.standard_normal(len(X)) > 0).astype(int)
    found = []
    for way in [*WAYS, {"monotonic_cst": [1, 0, 0, -1, 0, 0, 0, 0]}]:
        for n_jobs in (1, 3):
            model = GradientBoostingClassifier(**{**FAST, **way, "n_estimators": 5, "n_jobs": n_jobs}).fit(X, y)
            found.append(hashlib.sha256(model._onnx_bytes()).hexdigest())
    return found


def test_threads_and_instruction_sets_decide_nothing():
    wanted = digests()
    assert wanted[::2] == wanted[1::2]
    assert len(set(wanted)) == len(wanted) // 2
    script = "import sys; sys.path.insert(0, sys.argv[1])\nimport test_boosting_growth as t\nprint(*t.digests())"
    done = subprocess.run(
        [sys.executable, "-c", script, os.path.dirname(__file__)],
        env={**os.environ, "ARSENAL_FORCE_ISA": "scalar"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == wanted
