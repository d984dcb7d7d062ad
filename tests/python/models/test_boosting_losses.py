"""Losses of gradient boosting: beside scikit-learn's and LightGBM's, by naive formulas, and as exported files."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import lightgbm
import numpy as np
import onnxruntime
import pytest
from arsenal.deployment import InferenceSession
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.models import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import (
    log_loss,
    mean_absolute_error,
    mean_gamma_deviance,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_error,
    mean_tweedie_deviance,
)
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.stats import _weighted_percentile

FAST = {"n_estimators": 15, "max_leaf_nodes": 8, "random_state": 0, "n_jobs": 1}
SAME = {"max_iter": 100, "max_leaf_nodes": 15, "min_samples_leaf": 20, "early_stopping": False}
LOSSES = ["absolute_error", "quantile", "huber", "poisson", "gamma", "tweedie"]


def amounts(n=6000, seed=0):
    """Columns with a positive target whose spread grows with its mean."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    mean = np.exp(0.6 * X[:, 0] + 0.4 * X[:, 1] * (X[:, 2] > 0))
    return X, rng.gamma(2.0, mean / 2.0), rng.poisson(mean).astype(float)


def model(loss, **others):
    quantile = {"quantile": 0.8} if loss == "quantile" else {}
    return GradientBoostingRegressor(loss=loss, **FAST | quantile | others)


@parametrize_with_checks([model(loss) for loss in ("absolute_error", "huber")])
def test_scikit_learns_own_checks_pass_without_exception(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    ("loss", "options", "deviance"),
    [
        ("absolute_error", {}, mean_absolute_error),
        ("quantile", {"quantile": 0.8}, lambda y, p: mean_pinball_loss(y, p, alpha=0.8)),
        ("poisson", {}, mean_poisson_deviance),
        ("gamma", {}, mean_gamma_deviance),
    ],
)
def test_deviances_are_those_of_scikit_learn(loss, options, deviance):
    X, y, counts = amounts()
    y = counts if loss == "poisson" else y
    X_test, y_test, counts_test = amounts(seed=1)
    y_test = counts_test if loss == "poisson" else y_test
    ours = GradientBoostingRegressor(
        loss=loss, n_estimators=100, max_leaf_nodes=15, random_state=0, min_child_weight=0.0, **options
    ).fit(X, y)
    theirs = HistGradientBoostingRegressor(loss=loss, random_state=0, **SAME, **options).fit(X, y)
    ours, theirs = deviance(y_test, ours.predict(X_test)), deviance(y_test, theirs.predict(X_test))
    assert ours < 1.02 * theirs


@pytest.mark.parametrize(
    ("loss", "options", "objective", "deviance"),
    [
        ("tweedie", {"tweedie_power": 1.3}, {"objective": "tweedie", "tweedie_variance_power": 1.3}, 1.3),
        ("huber", {"alpha": 0.9}, {"objective": "huber", "alpha": 1.0}, None),
    ],
)
def test_deviances_are_those_of_lightgbm(loss, options, objective, deviance):
    X, y, counts = amounts()
    y = counts if loss == "tweedie" else y
    X_test, y_test, counts_test = amounts(seed=1)
    y_test = counts_test if loss == "tweedie" else y_test
    ours = GradientBoostingRegressor(
        loss=loss, n_estimators=100, max_leaf_nodes=15, random_state=0, n_jobs=1, **options
    ).fit(X, y)
    theirs = lightgbm.LGBMRegressor(n_estimators=100, num_leaves=15, verbose=-1, n_jobs=1, **objective).fit(X, y)

    def measure(predicted):
        if deviance is None:
            return mean_absolute_error(y_test, predicted)
        return mean_tweedie_deviance(y_test, predicted, power=deviance)

    assert measure(ours.predict(X_test)) < 1.03 * measure(theirs.predict(X_test))


def lone_leaf(loss, y, weights, **options):
    """The prediction of one tree without a split, at learning rate 1."""
    fitted = GradientBoostingRegressor(loss=loss, n_estimators=1, learning_rate=1.0, random_state=0, **options)
    return fitted.fit(np.zeros((len(y), 1)), y, sample_weight=weights).predict([[0.0]])[0]


def test_lone_leaves_are_naive_quantiles():
    rng = np.random.default_rng(2)
    for n in (1, 2, 7, 40):
        y = rng.normal(size=n)
        weights = rng.integers(1, 4, n)
        for level in (0.25, 0.5, 0.9):
            for given, repeated in ((None, y), (weights.astype(float), np.repeat(y, weights))):
                wanted = np.quantile(repeated, level, method="averaged_inverted_cdf")
                assert lone_leaf("quantile", y, given, quantile=level) == pytest.approx(wanted, abs=1e-12)
                if level == 0.5:
                    assert lone_leaf("absolute_error", y, given) == pytest.approx(wanted, abs=1e-12)


def test_leaves_of_a_tree_are_medians_of_their_residuals():
    X, y, _ = amounts(800)
    weights = np.random.default_rng(3).integers(0, 4, 800).astype(float)
    fitted = GradientBoostingRegressor(
        loss="absolute_error",
        n_estimators=1,
        learning_rate=1.0,
        max_leaf_nodes=6,
        l2_regularization=5.0,
        random_state=0,
    ).fit(X, y, sample_weight=weights)
    predicted = fitted.predict(X)
    assert len(np.unique(predicted)) == 6
    for value in np.unique(predicted):
        rows = predicted == value
        repeated = np.repeat(y[rows], weights[rows].astype(int))
        assert value == pytest.approx(np.quantile(repeated, 0.5, method="averaged_inverted_cdf"), abs=1e-12)


def test_several_quantiles_at_once_cover_their_shares():
    X, y, _ = amounts(4000)
    levels = [0.1, 0.5, 0.9]
    fitted = GradientBoostingRegressor(loss="quantile", quantile=levels, n_estimators=60, random_state=0).fit(X, y)
    predicted = fitted.predict(X)
    assert predicted.shape == (4000, 3)
    np.testing.assert_allclose((y[:, None] <= predicted).mean(axis=0), levels, atol=0.03)
    assert fitted.n_iter_ == 60
    one = clone(fitted).set_params(quantile=[0.5], n_estimators=5).fit(X, y)
    assert one.predict(X).shape == (4000, 1)
    np.testing.assert_array_equal(one.predict(X)[:, 0], clone(one).set_params(quantile=0.5).fit(X, y).predict(X))
    for table in (X, X.astype(np.float32)):
        fitted = clone(fitted).set_params(n_estimators=5).fit(table, y)
        (their,) = onnxruntime.InferenceSession(fitted._onnx_bytes()).run(None, {"X": table})
        np.testing.assert_allclose(fitted.predict(table), their, rtol=1e-6 if table.dtype == np.float32 else 1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", ["squared_error", *LOSSES])
def test_files_of_every_link_match_onnxruntime(loss, dtype):
    X, y, _ = amounts(1500)
    X = X.astype(dtype)
    fitted = model(loss).fit(X, y)
    (theirs,) = onnxruntime.InferenceSession(fitted._onnx_bytes()).run(None, {"X": X})
    ours = fitted.predict(X)
    assert ours.dtype == dtype
    assert theirs.shape == (1500, 1)
    # 8 ulp for Exp, and what the sums of the trees may differ by.
    np.testing.assert_allclose(ours, theirs[:, 0], rtol=16 * np.finfo(dtype).eps, atol=16 * np.finfo(dtype).eps)
    assert InferenceSession(fitted._onnx_bytes()).get_outputs()[0].name == "variable"
    if loss in ("poisson", "gamma", "tweedie"):
        assert (ours > 0).all()


def test_exp_alone_is_within_eight_ulp_of_onnxruntime():
    for dtype in (np.float32, np.float64):
        # Every row is a leaf of its own, so the sum is one number and only Exp may differ.
        X = np.linspace(-20, 20, 400).astype(dtype).reshape(-1, 1)
        fitted = GradientBoostingRegressor(
            loss="gamma", n_estimators=1, learning_rate=1.0, min_samples_leaf=1, max_leaf_nodes=300,
            min_child_weight=0.0, random_state=0,
        ).fit(X, np.exp(X[:, 0].astype(np.float64) / 2))  # fmt: skip
        (theirs,) = onnxruntime.InferenceSession(fitted._onnx_bytes()).run(None, {"X": X})
        assert len(np.unique(theirs)) > 100
        np.testing.assert_array_max_ulp(fitted.predict(X), theirs[:, 0], maxulp=8)


@pytest.mark.parametrize("loss", LOSSES)
def test_weights_are_repeated_rows(loss):
    X, y, _ = amounts(500)
    weights = np.random.default_rng(4).integers(0, 3, 500)
    options = {"min_samples_leaf": 1, "min_child_weight": 0.0, "max_bins": 20, "n_estimators": 1, "max_leaf_nodes": 2}
    # Columns of few values, so that both tables have the same bins.
    X = np.round(X)
    weighted = model(loss, **options).fit(X, y, sample_weight=weights.astype(float)).predict(X)
    repeated = model(loss, **options).fit(np.repeat(X, weights, axis=0), np.repeat(y, weights)).predict(X)
    np.testing.assert_allclose(weighted, repeated, rtol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_threads_do_not_change_the_file(loss):
    X, y, _ = amounts(20_000)
    weights = np.random.default_rng(5).random(len(y))
    files = [
        model(loss, n_jobs=n_jobs, subsample=0.7, n_estimators=4).fit(X, y, sample_weight=weights)._onnx_bytes()
        for n_jobs in (1, 2, 4)
    ]
    assert files[0] == files[1] == files[2]


PRINT_HASHES = """
import hashlib, numpy as np
from arsenal.models import GradientBoostingRanker, GradientBoostingRegressor
rng = np.random.default_rng(0)
X = rng.normal(size=(3000, 4)); y = np.exp(X[:, 0] + 0.1 * rng.normal(size=3000))
for loss in ["absolute_error", "quantile", "huber", "poisson", "gamma", "tweedie"]:
    model = GradientBoostingRegressor(loss=loss, quantile=[0.3, 0.8], n_estimators=5, random_state=0).fit(X, y)
    print(hashlib.sha256(model._onnx_bytes()).hexdigest())
model = GradientBoostingRanker(n_estimators=5, random_state=0).fit(X, np.minimum(y // 1, 4), group=[30] * 100)
print(hashlib.sha256(model._onnx_bytes()).hexdigest())
"""


def test_instruction_sets_do_not_change_the_file():
    from arsenal._native import _rust

    printed = []
    for isa in ["scalar", "avx2", "avx512"][: ["scalar", "avx2", "avx512"].index(_rust.active_isa()) + 1]:
        done = subprocess.run(
            [sys.executable, "-c", PRINT_HASHES],
            env=os.environ | {"ARSENAL_FORCE_ISA": isa},
            capture_output=True,
            text=True,
            check=True,
        )
        printed.append(done.stdout.split())
    assert len(printed[0]) == 7
    assert all(hashes == printed[0] for hashes in printed)


def test_a_step_never_goes_beyond_the_best_of_its_leaf():
    # Newton's step from a mean of about 10 to a leaf's mean of 10,000 would be e**999 in one go.
    X = (np.arange(2000) >= 1998).astype(float).reshape(-1, 1)
    y = np.where(X[:, 0] > 0, 10_000.0, 0.01)
    for loss in ("poisson", "gamma", "tweedie"):
        fitted = model(loss, learning_rate=1.0, min_samples_leaf=1, min_child_weight=0.0, n_estimators=40).fit(X, y)
        np.testing.assert_allclose(fitted.predict([[0.0], [1.0]]), [0.01, 10_000.0], rtol=0.01)


def test_targets_and_parameters_that_a_loss_cannot_have_are_named():
    X, y, _ = amounts(50)
    cases = [
        ({"loss": "poisson"}, -y, "wanted a finite number of at least 0"),
        ({"loss": "poisson"}, 0 * y, "targets add up to 0"),
        ({"loss": "gamma"}, 0 * y, "target 0 is 0, wanted a finite number above 0"),
        ({"loss": "tweedie"}, -y, "wanted a finite number of at least 0"),
        ({"loss": "tweedie", "tweedie_power": 2.5}, y, "tweedie_power is 2.5, wanted a number between 1 and 2"),
        ({"loss": "quantile"}, y, "quantile is None"),
        ({"loss": "quantile", "quantile": [0.5, 1.0]}, y, "quantile is 1, wanted a number between 0 and 1"),
        ({"loss": "quantile", "quantile": []}, y, "quantile is empty"),
        ({"loss": "huber", "alpha": 0.0}, y, "alpha is 0, wanted a number between 0 and 1"),
        ({"loss": "hinge"}, y, "loss is 'hinge', wanted one of 'squared_error'"),
    ]
    for options, targets, message in cases:
        with pytest.raises(ArsenalValueError, match=message):
            GradientBoostingRegressor(**options).fit(X, targets)


def half_squared_error(y_true, raw_score):
    return raw_score - y_true, np.ones_like(y_true)


def weighted_half_squared_error(y_true, raw_score, sample_weight):
    return sample_weight * (raw_score - y_true), sample_weight


def test_an_objective_of_ones_own_is_the_built_in_one_from_zero():
    X, y, _ = amounts(1000)
    y = y - y.mean()
    weights = np.random.default_rng(6).random(1000)
    own = model(half_squared_error).fit(X, y)
    np.testing.assert_allclose(own.predict(X), model("squared_error").fit(X, y).predict(X), rtol=1e-4, atol=1e-4)
    by_two = model(half_squared_error).fit(X, y, sample_weight=weights)
    by_three = model(weighted_half_squared_error).fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(by_two.predict(X), by_three.predict(X))
    assert own.train_losses_.size == 0
    (theirs,) = onnxruntime.InferenceSession(own._onnx_bytes()).run(None, {"X": X})
    np.testing.assert_allclose(own.predict(X), theirs[:, 0], rtol=1e-13)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(own)).predict(X), own.predict(X))
    # A table that says nothing still reaches the mean, step by step.
    constant = model(half_squared_error, n_estimators=200).fit(np.zeros((50, 1)), np.full(50, 7.0))
    assert constant.predict([[0.0]])[0] == pytest.approx(7.0, abs=1e-6)


class Broken(Exception):
    pass


def raises(y_true, raw_score):
    raise Broken("as it does")


@pytest.mark.parametrize(
    ("objective", "error", "message"),
    [
        (raises, Broken, "as it does"),
        (lambda y, s: None, ArsenalTypeError, r"loss returned NoneType, wanted a pair \(gradient, hessian\)"),
        (lambda y, s: (s, s, s), ArsenalTypeError, "loss returned 3 values"),
        (lambda y, s: (s[1:], s), ArsenalValueError, r"gradient of loss has the shape \(99,\), wanted \(100,\)"),
        (lambda y, s: (s, 1.0), ArsenalValueError, r"hessian of loss has the shape \(\), wanted \(100,\)"),
        (lambda y, s: (s * np.nan, s), ArsenalValueError, "gradient 0 of loss is nan"),
        (
            lambda y, s: (s + 1e300, s),
            ArsenalValueError,
            r"gradient 0 of loss is 1e\+300, wanted a number that float32",
        ),
        (lambda y, s: (s, s - 1), ArsenalValueError, "hessian 0 of loss is -1.0, wanted a number of at least 0"),
        (lambda y, s: y.__setitem__(0, 1.0), ValueError, "read-only"),
    ],
)
def test_an_objective_that_fails_says_how(objective, error, message):
    with pytest.raises(error, match=message):
        model(objective).fit(np.arange(100.0).reshape(-1, 1), np.ones(100))


INTERRUPTED = """
import os, signal, threading, time
import numpy as np
from arsenal.models import GradientBoostingRegressor
def slow(y_true, raw_score):
    time.sleep(0.01)
    return raw_score - y_true, np.ones_like(y_true)
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
start = time.monotonic()
try:
    GradientBoostingRegressor(loss=slow, n_estimators=100_000).fit(np.random.rand(200, 2), np.random.rand(200))
except KeyboardInterrupt:
    assert time.monotonic() - start < 5
    print("interrupted")
"""


def test_ctrl_c_ends_a_fit_with_an_objective_of_ones_own():
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "interrupted", done.stderr


def test_an_eval_metric_decides_when_to_stop():
    X, y, _ = amounts(2000)
    seen = []

    def worst_error(y_true, y_pred):
        seen.append((y_true, y_pred))
        return np.abs(y_true - y_pred).max()

    fitted = model("poisson", n_estimators=300, early_stopping=True, n_iter_no_change=3, learning_rate=0.3)
    fitted.fit(X[:1500], y[:1500], eval_set=(X[1500:], y[1500:]), eval_metric=worst_error)
    losses = fitted.evaluation_losses_[0]
    assert fitted.n_iter_ == max(1, int(np.argmin(losses)))
    assert len(losses) < 301
    np.testing.assert_array_equal(seen[-1][0], y[1500:])
    assert (seen[-1][1] > 0).all()
    kept = np.abs(y[1500:] - fitted.predict(X[1500:])).max()
    assert kept == pytest.approx(losses[fitted.n_iter_], rel=1e-9)
    own = model(half_squared_error, n_estimators=50, early_stopping=True)
    own.fit(X, y, eval_metric=lambda y_true, y_pred, weight: np.average((y_true - y_pred) ** 2, weights=weight))
    assert own.evaluation_losses_[0][-1] < own.evaluation_losses_[0][0]
    with pytest.raises(ArsenalValueError, match="early_stopping needs an eval_metric"):
        own.fit(X, y)
    for metric, error, message in [
        (lambda y_true, y_pred: "good", ArsenalTypeError, "eval_metric returned 'good', wanted a number"),
        (lambda y_true, y_pred: np.nan, ArsenalValueError, "eval_metric returned nan"),
        ("auc", ArsenalTypeError, "eval_metric is of type str, wanted a callable"),
    ]:
        with pytest.raises(error, match=message):
            model("gamma").fit(X, y, eval_set=(X, y), eval_metric=metric)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_an_eval_metric_of_a_classifier_sees_labels_and_probabilities(n_classes):
    X, y, _ = amounts(900)
    names = np.array(["low", "middle", "high"])[np.digitize(y, np.quantile(y, [0.5, 0.8][: n_classes - 1]))]

    def score(y_true, y_pred):
        assert set(y_true) == set(names)
        return log_loss(y_true, y_pred)

    fitted = GradientBoostingClassifier(**FAST)
    fitted.fit(X, names, eval_set=(X, names), eval_metric=score)
    by_metric = fitted.evaluation_losses_[0]
    fitted.fit(X, names, eval_set=(X, names))
    # scikit-learn takes the second of the sorted labels as positive, as the core does.
    np.testing.assert_allclose(by_metric, fitted.evaluation_losses_[0], rtol=1e-6)


def test_several_quantiles_reach_the_metric_as_columns():
    X, y, _ = amounts(400)
    shapes = set()

    def metric(y_true, y_pred):
        shapes.add(y_pred.shape)
        return mean_pinball_loss(y_true, y_pred[:, 1], alpha=0.7)

    fitted = model("quantile", quantile=[0.2, 0.7]).fit(X, y, eval_set=(X, y), eval_metric=metric)
    assert shapes == {(400, 2)}
    assert fitted.evaluation_losses_[0][-1] == pytest.approx(mean_pinball_loss(y, fitted.predict(X)[:, 1], alpha=0.7))


def test_callbacks_hear_of_each_iteration_and_may_stop():
    X, y, _ = amounts(600)
    heard = []

    def listen(iteration, losses):
        heard.append((iteration, losses))

    fitted = model("squared_error").fit(X, y, eval_set=(X, y), callbacks=[lambda i, losses: i == 7, listen])
    assert [iteration for iteration, _ in heard] == list(range(1, 8))
    assert fitted.n_iter_ == 7
    assert [losses["evaluation"][0] for _, losses in heard] == fitted.evaluation_losses_[0][1:].tolist()
    assert [losses["training"] for _, losses in heard] == fitted.train_losses_[1:].tolist()
    assert fitted.train_losses_[7] == pytest.approx(mean_squared_error(y, fitted.predict(X)) / 2)
    with pytest.raises(Broken):
        model("gamma").fit(X, y, callbacks=[raises])
    with pytest.raises(ArsenalTypeError, match="callbacks holds a value of type int"):
        model("gamma").fit(X, y, callbacks=[3])


@pytest.mark.parametrize("n_classes", [2, 4])
def test_weights_of_classifiers_are_repeated_rows(n_classes):
    X, y, _ = amounts(500)
    X, labels = np.round(X), np.digitize(y, np.quantile(y, np.linspace(0, 1, n_classes + 1)[1:-1]))
    weights = np.random.default_rng(7).integers(0, 3, 500)
    options = FAST | {"min_samples_leaf": 1, "min_child_weight": 0.0, "n_estimators": 1, "max_leaf_nodes": 2}
    weighted = GradientBoostingClassifier(**options).fit(X, labels, sample_weight=weights.astype(float))
    repeated = GradientBoostingClassifier(**options).fit(np.repeat(X, weights, axis=0), np.repeat(labels, weights))
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-6)
    with pytest.raises(ValueError, match=r"sample_weight.shape == \(499,\)"):
        weighted.fit(X, labels, sample_weight=weights[1:])


@pytest.mark.parametrize("scale", [None, 1.0, 0.1, 0.3, 7.0])
@pytest.mark.parametrize("level", [0.07, 0.29, 0.5, 0.57, 0.9])
def test_constant_quantiles_are_those_of_numpy_and_scikit_learn(scale, level):
    """A rounded level or weight reaches its share all the same, and then the value is the middle between two rows."""
    y = np.random.default_rng(0).permutation(2000 if scale is None else 700).astype(float)
    counts = None if scale is None else np.random.default_rng(1).integers(1, 5, len(y))
    weights = None if scale is None else counts * scale
    model = GradientBoostingRegressor(loss="quantile", quantile=level, n_estimators=1)
    predicted = model.fit(np.ones((len(y), 1)), y, weights).predict(np.ones((1, 1)))[0]
    repeated = y if counts is None else np.repeat(y, counts)
    assert predicted == np.quantile(repeated, level, method="averaged_inverted_cdf")
    by_weights = np.ones_like(y) if counts is None else counts.astype(float)
    assert predicted == _weighted_percentile(y, by_weights, 100 * level, average=True)
