"""Forests and single trees as scikit-learn users use them."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pyarrow as pa
import pytest
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.models import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from scipy import sparse
from sklearn import ensemble, tree
from sklearn.base import is_classifier
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, make_multilabel_classification
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.utils.estimator_checks import parametrize_with_checks

CLASSIFIERS = [RandomForestClassifier, ExtraTreesClassifier, DecisionTreeClassifier]
REGRESSORS = [RandomForestRegressor, ExtraTreesRegressor, DecisionTreeRegressor]
FORESTS = [RandomForestClassifier, ExtraTreesClassifier, RandomForestRegressor, ExtraTreesRegressor]

#: What scikit-learn lists itself for its class of that name (PER_ESTIMATOR_XFAIL_CHECKS of 1.9).
_BOOTSTRAP = "drawing rows twice as likely is not the same as drawing them twice"
EXPECTED_FAILURES = {
    RandomForestClassifier: {
        "check_sample_weight_equivalence_on_dense_data": _BOOTSTRAP,
        "check_sample_weight_equivalence_on_sparse_data": _BOOTSTRAP,
    },
    RandomForestRegressor: {
        "check_sample_weight_equivalence_on_dense_data": _BOOTSTRAP,
        "check_sample_weight_equivalence_on_sparse_data": _BOOTSTRAP,
    },
}


def small(kind: Any, **parameters: Any) -> Any:
    if "n_estimators" in kind().get_params():
        parameters = {"n_estimators": 8} | parameters
    return kind(**{"random_state": 0, "n_jobs": 1} | parameters)


@parametrize_with_checks(
    [small(kind) for kind in CLASSIFIERS + REGRESSORS],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES.get(type(estimator), {}),
)
def test_scikit_learns_own_checks_pass(estimator, check):
    check(estimator)


def data(kind: Any) -> tuple[np.ndarray, np.ndarray]:
    return load_breast_cancer(return_X_y=True) if is_classifier(kind()) else load_diabetes(return_X_y=True)


@pytest.mark.parametrize("kind", FORESTS)
def test_forests_are_as_good_as_scikit_learns(kind):
    X, y = data(kind)
    theirs = getattr(ensemble, kind.__name__)(n_estimators=100, random_state=0, n_jobs=1)
    ours = cross_val_score(kind(n_estimators=100, random_state=0), X, y, cv=3).mean()
    assert ours > cross_val_score(theirs, X, y, cv=3).mean() - 0.012


@pytest.mark.parametrize("kind", [DecisionTreeClassifier, DecisionTreeRegressor])
@pytest.mark.parametrize(
    "limits", [{"max_depth": 4}, {"max_leaf_nodes": 12}, {"min_samples_leaf": 9}, {"ccp_alpha": 0.01}]
)
def test_trees_on_few_values_are_scikit_learns(kind, limits):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 30, size=(400, 4)).astype(np.float64)
    y = (X[:, 0] * 0.3 + np.where(X[:, 1] > 12, 4, 0) + rng.normal(size=400)).round(6)
    if is_classifier(kind()):
        y = np.digitize(y, [4, 8])
    theirs = getattr(tree, kind.__name__)(random_state=0, **limits).fit(X, y)
    ours = kind(**limits).fit(X, y)
    assert ours.get_n_leaves() == theirs.get_n_leaves()
    assert ours.get_depth() == theirs.get_depth()
    expected = theirs.predict_proba(X) if is_classifier(kind()) else theirs.predict(X)
    got = ours.predict_proba(X) if is_classifier(kind()) else ours.predict(X)
    # Columns whose best cuts are equally good may be taken in another order; few rows are then in other leaves.
    assert np.mean(~np.isclose(got, expected, atol=1e-9)) < 0.02
    np.testing.assert_allclose(ours.feature_importances_, theirs.feature_importances_, atol=0.02)


@pytest.mark.parametrize("kind", CLASSIFIERS + REGRESSORS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-12)])
def test_predictions_come_from_the_exported_file_and_match_onnxruntime(kind, dtype, tolerance):
    problems = [data(kind)] + ([load_iris(return_X_y=True)] if is_classifier(kind()) else [])
    for X, y in problems:
        X = X.astype(dtype)
        model = small(kind).fit(X, y)
        outputs = onnxruntime.InferenceSession(model._onnx_bytes()).run(None, {"X": X})
        if is_classifier(kind()):
            ours = model.predict_proba(X)
            np.testing.assert_array_equal(model.predict(X), outputs[0])
            np.testing.assert_allclose(ours, outputs[1], atol=tolerance, rtol=0)
            np.testing.assert_allclose(ours.sum(axis=1), 1, atol=tolerance)
            assert ours.min() >= 0
            assert ours.max() <= 1
        else:
            ours = model.predict(X)
            np.testing.assert_allclose(ours, outputs[0][:, 0], rtol=tolerance)
        assert ours.dtype == dtype


def test_means_of_float32_probabilities_never_exceed_one():
    X, y = load_breast_cancer(return_X_y=True)
    for n_estimators in (7, 100):
        model = RandomForestClassifier(n_estimators=n_estimators, max_depth=2, random_state=0).fit(
            X.astype(np.float32), y
        )
        assert model.predict_proba(X.astype(np.float32)).max() <= 1


@pytest.mark.parametrize("as_text", [False, True])
def test_several_outputs_of_classes(as_text):
    X, y = make_multilabel_classification(n_samples=300, n_features=8, n_classes=2, random_state=0)
    third = np.digitize(X[:, 0], [2, 5, 8])
    y = np.column_stack([y, third])
    if as_text:
        y = y.astype(str)
    for dtype in (np.float32, np.float64):
        model = small(RandomForestClassifier, n_estimators=20).fit(X.astype(dtype), y)
        assert model.n_classes_ == [2, 2, 4]
        assert model.n_outputs_ == 3
        probabilities = model.predict_proba(X.astype(dtype))
        assert [own.shape for own in probabilities] == [(300, 2), (300, 2), (300, 4)]
        session = onnxruntime.InferenceSession(model._onnx_bytes())
        for output in range(3):
            names = [f"label_{output}", f"probabilities_{output}"]
            labels, theirs = session.run(names, {"X": X.astype(dtype)})
            np.testing.assert_array_equal(labels, model.predict(X.astype(dtype))[:, output])
            np.testing.assert_allclose(theirs, probabilities[output], atol=1e-6)
        assert (model.predict(X.astype(dtype)) == y).mean() > 0.97


def test_several_outputs_of_numbers():
    X, y = load_diabetes(return_X_y=True)
    both = np.column_stack([y, -2 * y])
    model = small(RandomForestRegressor).fit(X, both)
    predicted = model.predict(X)
    np.testing.assert_allclose(predicted[:, 1], -2 * predicted[:, 0])
    np.testing.assert_allclose(
        onnxruntime.InferenceSession(model._onnx_bytes()).run(None, {"X": X})[0], predicted, rtol=1e-12
    )
    theirs = ensemble.RandomForestRegressor(n_estimators=8, random_state=0).fit(X, both)
    assert model.score(X, both) > theirs.score(X, both) - 0.02


def test_out_of_bag_scores_are_honest():
    X, y = load_breast_cancer(return_X_y=True)
    model = RandomForestClassifier(n_estimators=60, oob_score=True, random_state=0).fit(X, y)
    theirs = ensemble.RandomForestClassifier(n_estimators=60, oob_score=True, random_state=0).fit(X, y)
    assert model.oob_score_ == pytest.approx(theirs.oob_score_, abs=0.015)
    assert model.oob_decision_function_.shape == (len(y), 2)
    assert roc_auc_score(y, model.oob_decision_function_[:, 1]) > 0.98
    by_f1 = RandomForestClassifier(n_estimators=60, oob_score=f1_score, random_state=0).fit(X, y)
    assert by_f1.oob_score_ == f1_score(y, by_f1.oob_decision_function_.argmax(axis=1))
    noise = np.random.default_rng(0).integers(0, 2, len(y))
    assert RandomForestClassifier(n_estimators=60, oob_score=True, random_state=0).fit(X, noise).oob_score_ < 0.6
    X, y = load_diabetes(return_X_y=True)
    model = RandomForestRegressor(n_estimators=60, oob_score=True, max_features=0.4, random_state=0).fit(X, y)
    assert 0.3 < model.oob_score_ < 0.55
    assert model.oob_prediction_.shape == y.shape
    with pytest.warns(UserWarning, match="Some inputs do not have OOB scores"):
        RandomForestClassifier(n_estimators=1, oob_score=True, random_state=0).fit(X, y > 100)


def test_out_of_bag_scores_are_those_of_the_last_fit():
    X, y = load_diabetes(return_X_y=True)
    whole = RandomForestRegressor(n_estimators=30, oob_score=True, random_state=0).fit(X, y)
    model = RandomForestRegressor(n_estimators=30, random_state=0, warm_start=True).fit(X, y)
    assert not hasattr(model, "oob_score_")
    with pytest.warns(UserWarning, match="does not fit new trees"):
        model.set_params(oob_score=True).fit(X, y)
    assert model.oob_score_ == whole.oob_score_
    np.testing.assert_array_equal(model.oob_prediction_, whole.oob_prediction_)
    model.set_params(oob_score=False, warm_start=False).fit(X, y)
    assert not hasattr(model, "oob_score_")
    assert not hasattr(model, "oob_prediction_")


def test_out_of_bag_scores_of_several_outputs():
    X, y = load_iris(return_X_y=True)
    pairs = np.column_stack([y > 0, y > 1])
    model = RandomForestClassifier(n_estimators=30, oob_score=True, random_state=0).fit(X, pairs)
    theirs = ensemble.RandomForestClassifier(n_estimators=30, oob_score=True, random_state=0).fit(X, pairs)
    assert model.oob_score_ == pytest.approx(theirs.oob_score_, abs=0.05)
    assert model.oob_decision_function_.shape == theirs.oob_decision_function_.shape
    named = RandomForestClassifier(n_estimators=30, oob_score=True, random_state=0).fit(X, np.where(pairs, "y", "n"))
    assert named.oob_score_ == model.oob_score_
    alone = RandomForestClassifier(n_estimators=30, oob_score=True, random_state=0)
    with pytest.warns(DataConversionWarning):
        assert alone.fit(X, y[:, None]).oob_score_ == alone.fit(X, y).oob_score_
    for others in (np.column_stack([y, y > 0]), np.column_stack([y, y])):
        with pytest.raises(ArsenalValueError, match=r"two classes in each, y has \[3, [23]\] classes"):
            RandomForestClassifier(n_estimators=10**6, oob_score=True).fit(X, others)


@pytest.mark.parametrize("oob_score", ["no", 1, None])
def test_oob_score_is_a_switch_or_a_callable(oob_score):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ArsenalTypeError, match=f"oob_score is {oob_score!r}, wanted True, False or a callable"):
        RandomForestClassifier(n_estimators=2, oob_score=oob_score).fit(X, y)


@pytest.mark.parametrize("parameters", [{"max_samples": 900}, {"max_samples": 1.7}, {"max_samples": 0.337}])
def test_max_samples_counts_as_in_scikit_learn(parameters):
    X, y = load_diabetes(return_X_y=True)
    ours = RandomForestRegressor(n_estimators=2, **parameters).fit(X, y).estimators_[0]
    theirs = ensemble.RandomForestRegressor(n_estimators=2, **parameters).fit(X, y).estimators_[0]
    assert ours.trees_to_dataframe().weight.iloc[0] == theirs.tree_.weighted_n_node_samples[0]


def test_warm_start_goes_on_with_the_same_classes_and_columns():
    X, y = load_iris(return_X_y=True)
    names = np.array(["u", "v", "w"])[y]
    model = RandomForestClassifier(n_estimators=3, warm_start=True, random_state=0).fit(X, y)
    content = model._onnx_bytes()
    for more in (3, 4):
        model.set_params(n_estimators=more)
        with pytest.raises(
            ArsenalValueError, match=r"y has the classes \['u', 'v', 'w'\], the forest to go on with knows"
        ):
            model.fit(X, names)
        with pytest.raises(ArsenalValueError, match="y has 2 outputs, the forest to go on with has 1"):
            model.fit(X, np.column_stack([y, y]))
        with pytest.raises(ArsenalValueError, match=r"X has the columns \['x0', 'x1'\], the forest to go on with has"):
            model.fit(X[:, :2], y)
    assert model._onnx_bytes() == content
    assert model.classes_.tolist() == [0, 1, 2]
    both = RandomForestClassifier(n_estimators=2, warm_start=True).fit(X, np.column_stack([y, y]))
    with pytest.raises(ArsenalValueError, match=r"output 1 of y has the classes \[1, 2, 3\], the forest to go on"):
        both.set_params(n_estimators=3).fit(X, np.column_stack([y, y + 1]))
    outliers = IsolationForest(n_estimators=2, warm_start=True).fit(X)
    with pytest.raises(ArsenalValueError, match=r"X has the columns \['x0', 'x1'\], the forest to go on with has"):
        outliers.set_params(n_estimators=3).fit(X[:, :2])


def test_warm_start_adds_the_trees_that_one_fit_would_have():
    X, y = load_iris(return_X_y=True)
    whole = RandomForestClassifier(n_estimators=12, oob_score=True, random_state=3).fit(X, y)
    model = RandomForestClassifier(n_estimators=5, oob_score=True, random_state=3, warm_start=True)
    with pytest.warns(UserWarning, match="Some inputs"):
        model.fit(X, y)
    model.set_params(n_estimators=12).fit(X, y)
    assert model._onnx_bytes() == whole._onnx_bytes()
    np.testing.assert_array_equal(model.oob_decision_function_, whole.oob_decision_function_)
    with pytest.warns(UserWarning, match="does not fit new trees"):
        model.fit(X, y)
    with pytest.raises(ValueError, match="n_estimators=3 must be larger or equal to len"):
        model.set_params(n_estimators=3).fit(X, y)


def test_weights_of_rows_and_classes():
    X, y = load_breast_cancer(return_X_y=True)
    weights = np.where(y == 1, 3.0, 1.0)
    by_row = small(RandomForestClassifier).fit(X, y, sample_weight=weights)
    assert small(RandomForestClassifier, class_weight={0: 1, 1: 3}).fit(X, y)._onnx_bytes() == by_row._onnx_bytes()
    few = np.r_[np.flatnonzero(y == 0)[:30], np.flatnonzero(y == 1)]
    recall = {}
    for balance in (None, "balanced", "balanced_subsample"):
        model = small(RandomForestClassifier, class_weight=balance, max_depth=2, n_estimators=40).fit(X[few], y[few])
        recall[balance] = np.mean(model.predict(X[y == 0]) == 0)
    assert recall["balanced"] > recall[None]
    assert recall["balanced_subsample"] > recall[None]


def test_leaves_and_paths_are_numbered_as_in_scikit_learn():
    X, y = load_iris(return_X_y=True)
    ours, theirs = (
        DecisionTreeClassifier(max_depth=3).fit(X, y),
        tree.DecisionTreeClassifier(max_depth=3, random_state=0),
    )
    leaves = ours.apply(X)
    assert leaves.shape == (150,)
    assert len(np.unique(leaves)) == ours.get_n_leaves()
    assert ours.decision_path(X).shape == (150, 2 * ours.get_n_leaves() - 1)
    assert theirs.fit(X, y).decision_path(X).shape[1] >= ours.decision_path(X).shape[1] - 4
    forest = small(RandomForestClassifier).fit(X, y)
    indicator, firsts = forest.decision_path(X)
    assert indicator.shape == (150, firsts[-1])
    for number, member in enumerate(forest.estimators_):
        np.testing.assert_array_equal(member.apply(X), forest.apply(X)[:, number])
        own = indicator[:, firsts[number] : firsts[number + 1]]
        assert (own != member.decision_path(X)).nnz == 0
        # The root is 0, and the leaf is the last node of a path.
        assert own[:, [0]].toarray().all()
        np.testing.assert_array_equal([row.indices.max() for row in own], member.apply(X))
    mean = np.mean([member.predict_proba(X) for member in forest.estimators_], axis=0)
    np.testing.assert_allclose(forest.predict_proba(X), mean, atol=1e-12)


def test_missing_values_go_where_scikit_learn_sends_them():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 20, size=(300, 3)).astype(np.float64)
    y = (X[:, 0] > 9).astype(int)
    X[rng.random(300) < 0.3, 0] = np.nan
    y[np.isnan(X[:, 0])] = 1
    ours, theirs = DecisionTreeClassifier().fit(X, y), tree.DecisionTreeClassifier(random_state=0).fit(X, y)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert ours.get_n_leaves() == theirs.get_n_leaves() == 2
    # Nobody missed the value in training: the larger side takes it.
    full, labels = X[~np.isnan(X[:, 0])][:, :1], y[~np.isnan(X[:, 0])]
    ours, theirs = DecisionTreeClassifier().fit(full, labels), tree.DecisionTreeClassifier().fit(full, labels)
    np.testing.assert_array_equal(ours.predict([[np.nan]]), theirs.predict([[np.nan]]))


def test_text_and_categories_are_split_as_they_are():
    rng = np.random.default_rng(1)
    carrier = rng.choice(["AA", "DL", "UA", "WN", "B6"], 600)
    frame = pd.DataFrame({"carrier": carrier, "distance": rng.integers(100, 3000, 600)})
    y = np.isin(carrier, ["DL", "B6"]) ^ (frame["distance"] > 2500)
    for kind in CLASSIFIERS:
        model = small(kind).fit(frame, y)
        assert model.score(frame, y) > 0.97
        session = onnxruntime.InferenceSession(model._onnx_bytes())
        feed = {"carrier": carrier[:, None].astype(object), "distance": frame[["distance"]].to_numpy(np.float32)}
        np.testing.assert_allclose(session.run(None, feed)[1], model.predict_proba(frame), atol=1e-6)
    regressor = DecisionTreeRegressor(max_leaf_nodes=2).fit(frame, np.isin(carrier, ["DL", "B6"]).astype(float))
    assert regressor.score(frame, np.isin(carrier, ["DL", "B6"])) == 1


@pytest.mark.parametrize("model", [ExtraTreesClassifier, ExtraTreesRegressor])
def test_no_split_by_categories_leaves_a_side_without_rows(model):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"city": rng.choice(["Oslo", "Rome", "Lima"], 200), "size": rng.normal(size=200)})
    y = np.digitize((frame["city"] == "Rome") + frame["size"], [0.0, 0.8])
    # Sums of such weights do not cancel out to 0.
    fitted = model(n_estimators=20, random_state=0).fit(frame, y, sample_weight=np.linspace(0.5, 2, 200))
    unseen = frame.assign(city=None)
    scores = fitted.predict_proba(unseen) if is_classifier(fitted) else fitted.predict(unseen)
    assert np.isfinite(scores).all()


def test_sparse_rows_are_learned_as_dense_ones():
    rng = np.random.default_rng(2)
    X = sparse.random_array((800, 12), density=0.3, rng=rng, format="csr")
    y = (X[:, [0]].toarray().ravel() > 0.2).astype(int)
    model = small(RandomForestClassifier).fit(X, y)
    assert model._onnx_bytes() == small(RandomForestClassifier).fit(X.toarray(), y)._onnx_bytes()
    np.testing.assert_array_equal(model.predict_proba(X), model.predict_proba(X.toarray()))
    np.testing.assert_array_equal(model.apply(X), model.apply(X.toarray()))


def test_monotonic_constraints_hold():
    rng = np.random.default_rng(3)
    X = rng.uniform(size=(500, 2))
    y = X[:, 0] - X[:, 1] + rng.normal(scale=0.5, size=500)
    rising = np.column_stack([np.linspace(0, 1, 100), np.full(100, 0.5)])
    model = small(RandomForestRegressor, monotonic_cst=[1, -1]).fit(X, y)
    assert np.all(np.diff(model.predict(rising)) >= 0)
    assert np.all(np.diff(model.predict(rising[:, ::-1])) <= 0)
    assert not np.all(np.diff(small(RandomForestRegressor).fit(X, y).predict(rising)) >= 0)
    named = small(RandomForestRegressor, monotonic_cst={"rises": 1, "falls": -1})
    frame = pd.DataFrame(X, columns=["rises", "falls"])
    np.testing.assert_array_equal(named.fit(frame, y).predict(frame), model.predict(X))
    with pytest.raises(ValueError, match="not supported with multiclass"):
        small(RandomForestClassifier, monotonic_cst=[1, 0]).fit(X, np.digitize(y, [0, 1]))


def test_any_number_of_threads_gives_the_same_bytes_and_pickles_keep_them():
    X, y = load_breast_cancer(return_X_y=True)
    for kind in FORESTS:
        model = small(kind, n_jobs=1).fit(X, y)
        assert model._onnx_bytes() == small(kind, n_jobs=2).fit(X, y)._onnx_bytes()
        assert model._onnx_bytes() == small(kind, n_jobs=4).fit(X, y)._onnx_bytes()
        copy = pickle.loads(pickle.dumps(model))
        assert copy._onnx_bytes() == model._onnx_bytes()
        np.testing.assert_array_equal(copy.apply(X), model.apply(X))


def digests() -> str:
    """One digest for each kind of forest, learned and exported with the kernels of this process."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 6)).astype(np.float32)
    X[::9, 3] = np.nan
    y = (X[:, 0] * X[:, 1] + rng.normal(size=3000) > 0).astype(int)
    models = [small(kind).fit(X, y) for kind in FORESTS] + [IsolationForest(n_estimators=8, random_state=0).fit(X)]
    return " ".join(hashlib.sha256(model._onnx_bytes()).hexdigest()[:16] for model in models)


def test_every_instruction_set_gives_the_same_bytes():
    script = "import sys; sys.path.insert(0, sys.argv[1])\nfrom test_forests import digests\nprint(digests())"
    wanted, seen = digests(), []
    for isa in ("scalar", "avx2", "avx512"):
        done = subprocess.run(
            [sys.executable, "-c", script, os.path.dirname(__file__)],
            env={**os.environ, "ARSENAL_FORCE_ISA": isa}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode and "at most" in done.stderr:
            continue  # this CPU lacks the set, and the import says so
        assert done.stdout.strip() == wanted, done.stderr
        seen.append(isa)
    assert "scalar" in seen


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"max_features": "half"}, "max_features is 'half'"),
        ({"max_features": 0}, "max_features is 0"),
        (
            {"max_samples": 0},
            r"max_samples is 0, wanted a number of at least 1 row \(n_samples=442\) or a share above 0",
        ),
        ({"max_samples": -0.5}, "max_samples is -0.5, wanted a number of at least 1 row"),
        ({"max_samples": 2**40}, "max_samples is 1099511627776, wanted a number of at least 1 row"),
        ({"max_samples": 0.5, "bootstrap": False}, "cannot be set if `bootstrap=False`"),
        ({"oob_score": True, "bootstrap": False}, "only available if bootstrap=True"),
        ({"criterion": "gini"}, "criterion is 'gini', wanted one of 'squared_error'"),
        ({"criterion": "mae"}, "criterion is 'mae', wanted one of 'squared_error', 'absolute_error'"),
        ({"criterion": "absolute_error", "monotonic_cst": [1] + [0] * 9}, "wanted one whose leaves are means"),
        ({"min_samples_leaf": 0}, "min_samples_leaf is 0, wanted at least 1"),
        ({"min_samples_split": 1.5}, "min_samples_split is 1.5, wanted at least 2"),
        ({"monotonic_cst": [1]}, r"monotonic_cst has shape \(1,\), wanted one entry per column: 10"),
        ({"monotonic_cst": [2] * 10}, "monotonic_cst is 2 for column 'x0', wanted -1, 0 or 1"),
        ({"monotonic_cst": {"age": 1}}, "monotonic_cst names 'age', the columns are"),
        ({"max_depth": 0}, "max_depth is 0, wanted at least 1"),
        ({"ccp_alpha": -1.0}, "ccp_alpha is -1"),
    ],
)
def test_wrong_parameters_are_named(parameters, message):
    X, y = load_diabetes(return_X_y=True)
    with pytest.raises(ArsenalValueError, match=message):
        small(RandomForestRegressor, **parameters).fit(X, y)


def test_wrong_input_is_named():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(NotFittedError):
        RandomForestClassifier().predict(X)
    with pytest.raises(NotFittedError):
        RandomForestClassifier().apply(X)
    with pytest.raises(ArsenalTypeError, match="min_samples_leaf is 'many'"):
        small(RandomForestClassifier, min_samples_leaf="many").fit(X, y)
    with pytest.raises(ArsenalValueError, match="class_weight is 'even'"):
        small(RandomForestClassifier, class_weight="even").fit(X, y)
    model = small(RandomForestClassifier).fit(X, y)
    with pytest.raises(ValueError, match="X has 3 features, but RandomForestClassifier is expecting 4"):
        model.apply(X[:, :3])


def test_poisson_and_friedman_learn():
    rng = np.random.default_rng(4)
    X = rng.uniform(size=(600, 3))
    y = rng.poisson(np.exp(2 * X[:, 0]))
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    for criterion in ("poisson", "friedman_mse", "squared_error"):
        model = small(RandomForestRegressor, n_estimators=40, min_samples_leaf=10, criterion=criterion).fit(
            X_train, y_train
        )
        assert model.score(X_test, y_test) > 0.25
    with pytest.raises(ArsenalValueError, match="poisson"):
        small(RandomForestRegressor, criterion="poisson").fit(X, -y - 1.0)


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize(("is_weighted", "max_depth"), [(True, 5), (False, 1)])
def test_absolute_error_grows_the_trees_of_scikit_learn(n_outputs, is_weighted, max_depth):
    # Without weights cuts tie, as of rows outside both medians a pair may change sides: there one cut, and its error.
    for seed in range(4):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(240, 4))
        Y = rng.standard_cauchy(size=(240, n_outputs)) + 4 * np.sign(X[:, :n_outputs]) + X[:, 2:3]
        weights = rng.uniform(0.5, 2.0, 240) if is_weighted else None
        limits = {"criterion": "absolute_error", "min_samples_leaf": 8, "max_depth": max_depth, "random_state": 0}
        ours, theirs = (
            estimator(**limits).fit(X, np.squeeze(Y), sample_weight=weights).predict(X).reshape(Y.shape)
            for estimator in (DecisionTreeRegressor, tree.DecisionTreeRegressor)
        )
        if is_weighted:
            np.testing.assert_allclose(ours, theirs, rtol=1e-12)
        else:
            np.testing.assert_allclose(np.abs(ours - Y).sum(), np.abs(theirs - Y).sum(), rtol=1e-12)
            assert len(np.unique(ours, axis=0)) == 2


def test_forests_of_absolute_error_are_not_led_by_outliers():
    rng = np.random.default_rng(5)
    X = rng.uniform(-1, 1, size=(1500, 4))
    X[rng.random(X.shape) < 0.1] = np.nan
    colour = rng.integers(0, 6, 1500)
    truth = np.nan_to_num(X[:, 0]) * 4 + np.array([0.0, 3, -2, 5, 1, -4])[colour]
    y = truth + rng.standard_t(1.2, size=1500)
    table = pa.table({**{f"x{k}": X[:, k] for k in range(4)}, "colour": pa.array([f"c{k}" for k in colour])})
    errors = {}
    for estimator in (RandomForestRegressor, ExtraTreesRegressor):
        for criterion in ("absolute_error", "squared_error"):
            parameters = {"criterion": criterion, "min_samples_leaf": 5, "random_state": 0, "n_estimators": 20}
            model = estimator(**parameters, n_jobs=2).fit(table, y)
            errors[criterion] = np.abs(model.predict(table) - truth).mean()
            alone = estimator(**parameters, n_jobs=1).fit(table, y)
            assert np.array_equal(alone.predict(table), model.predict(table))
        assert errors["absolute_error"] < 0.9 * errors["squared_error"]


def test_progress_is_shown(capfd):
    X, y = load_iris(return_X_y=True)
    RandomForestClassifier(n_estimators=15, verbose=1, random_state=0).fit(X, y)
    shown = capfd.readouterr()
    assert "RandomForestClassifier" in shown.out + shown.err
