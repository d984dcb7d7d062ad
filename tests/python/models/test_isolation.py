"""Isolation forests as scikit-learn users use them."""

from __future__ import annotations

import pickle

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from arsenal.exceptions import ArsenalValueError
from arsenal.models import IsolationForest
from scipy import sparse
from sklearn import ensemble
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import parametrize_with_checks

#: What scikit-learn lists itself for its class of that name (PER_ESTIMATOR_XFAIL_CHECKS of 1.9).
_DRAWN = "rows that are drawn twice as likely are not rows that are there twice"
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": _DRAWN,
    "check_sample_weight_equivalence_on_sparse_data": _DRAWN,
}


@parametrize_with_checks([IsolationForest(n_estimators=8)], expected_failed_checks=lambda _: EXPECTED_FAILURES)
def test_scikit_learns_own_checks_pass(estimator, check):
    check(estimator)


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 4))
    X[:40] = rng.uniform(-8, 8, size=(40, 4))
    return X, np.arange(2000) < 40


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-12)])
def test_scores_match_onnxruntime_and_rank_as_scikit_learns(dtype, tolerance):
    X, is_outlier = data()
    X = X.astype(dtype)
    model = IsolationForest(random_state=0).fit(X)
    names = ["label", "decision_function", "score_samples"]
    labels, decisions, scores = onnxruntime.InferenceSession(model._onnx_bytes()).run(names, {"X": X})
    ours = model.score_samples(X)
    assert ours.dtype == dtype
    np.testing.assert_allclose(ours, scores[:, 0], atol=tolerance, rtol=0)
    np.testing.assert_allclose(model.decision_function(X), decisions[:, 0], atol=tolerance, rtol=0)
    clear = np.abs(decisions[:, 0]) > 1e-5
    np.testing.assert_array_equal(model.predict(X)[clear], labels[clear])
    theirs = ensemble.IsolationForest(random_state=0).fit(X)
    assert np.corrcoef(ours, theirs.score_samples(X))[0, 1] > 0.97
    assert ours.mean() == pytest.approx(theirs.score_samples(X).mean(), abs=0.01)
    assert roc_auc_score(is_outlier, -ours) > roc_auc_score(is_outlier, -theirs.score_samples(X)) - 0.005


def test_scores_follow_the_formula_of_the_paper():
    # Trees of two rows have one split of depth 1, whatever it is: mean path 1, c(2) = 1, score -2^-1.
    X = np.arange(50.0)[:, None]
    np.testing.assert_allclose(IsolationForest(max_samples=2, random_state=0).fit(X).score_samples(X), -0.5)
    np.testing.assert_allclose(IsolationForest(max_samples=1, random_state=0).fit(X).score_samples(X), -0.5)
    # Constant columns cannot be cut: every path has the expected length of a leaf with all rows.
    np.testing.assert_allclose(IsolationForest(random_state=0).fit(X * 0).score_samples(X * 0), -0.5)


def test_contamination_sets_the_share_of_outliers():
    X, _ = data()
    model = IsolationForest(contamination=0.1, random_state=0)
    labels = model.fit_predict(X)
    assert (labels == -1).mean() == pytest.approx(0.1, abs=0.002)
    in_file = onnxruntime.InferenceSession(model._onnx_bytes()).run(["label"], {"X": X})[0]
    assert (in_file != labels).sum() <= 1
    np.testing.assert_allclose(model.decision_function(X), model.score_samples(X) - model.offset_)
    with pytest.raises(ArsenalValueError, match=r"contamination is 0\.7, wanted 'auto' or a share"):
        IsolationForest(contamination=0.7).fit(X)


def test_warm_start_threads_and_pickles_do_not_change_a_forest():
    X, _ = data()
    whole = IsolationForest(n_estimators=20, random_state=1, n_jobs=1).fit(X)
    model = IsolationForest(n_estimators=5, random_state=1, n_jobs=2, warm_start=True).fit(X)
    model.set_params(n_estimators=20).fit(X)
    assert model._onnx_bytes() == whole._onnx_bytes()
    assert pickle.loads(pickle.dumps(model))._onnx_bytes() == whole._onnx_bytes()


def test_sparse_rows_data_frames_and_missing_values():
    X, is_outlier = data()
    X[np.abs(X) < 0.5] = 0
    model = IsolationForest(random_state=0).fit(sparse.csr_array(X))
    assert model._onnx_bytes() == IsolationForest(random_state=0).fit(X)._onnx_bytes()
    np.testing.assert_array_equal(model.score_samples(sparse.csr_array(X)), model.score_samples(X))
    frame = pd.DataFrame(X, columns=list("abcd"))
    np.testing.assert_array_equal(
        IsolationForest(random_state=0).fit(frame).score_samples(frame), model.score_samples(X)
    )
    X[::3, 0] = np.nan
    scores = IsolationForest(random_state=0).fit(X).score_samples(X)
    assert roc_auc_score(is_outlier, -scores) > 0.9
    with pytest.raises(ArsenalValueError, match='column "a" holds text, an isolation forest cuts numbers alone'):
        IsolationForest().fit(frame.astype({"a": str}))


def test_rows_of_weight_zero_are_not_drawn_and_wrong_parameters_are_named():
    X, is_outlier = data()
    weights = np.where(is_outlier, 0.0, 1.0)
    weighted = IsolationForest(random_state=0, max_samples=1900).fit(X, sample_weight=weights)
    assert roc_auc_score(is_outlier, -weighted.score_samples(X)) > 0.95
    with pytest.raises(ArsenalValueError, match="max_samples is 'all'"):
        IsolationForest(max_samples="all").fit(X)
    with pytest.warns(UserWarning, match="is greater than the total number of samples"):
        assert IsolationForest(max_samples=5000, n_estimators=2).fit(X).max_samples_ == 2000
    with pytest.raises(ArsenalValueError, match="n_estimators is 0, wanted at least 1"):
        IsolationForest(n_estimators=0).fit(X)


@pytest.mark.parametrize("max_features", [9, 0, "sqrt", None, 1.5])
def test_max_features_is_within_the_columns(max_features):
    X, _ = data()
    with pytest.raises(ArsenalValueError, match=f"max_features is {max_features!r}, wanted 1 to n_features=4 columns"):
        IsolationForest(n_estimators=2, max_features=max_features).fit(X)


def test_rows_drawn_twice_count_once_as_in_scikit_learn():
    X, _ = data()
    parameters = {"bootstrap": True, "max_samples": 64, "random_state": 0}
    ours = IsolationForest(**parameters).fit(X).score_samples(X)
    theirs = ensemble.IsolationForest(**parameters).fit(X).score_samples(X)
    assert ours.mean() == pytest.approx(theirs.mean(), abs=0.005)
