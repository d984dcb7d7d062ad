"""LambdaMART beside LightGBM's, and what a ranker asks of its queries."""

from __future__ import annotations

import lightgbm
import numpy as np
import onnxruntime
import pandas as pd
import pytest
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.models import GradientBoostingRanker
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import _num_samples

FAST = {"n_estimators": 10, "max_leaf_nodes": 8, "random_state": 0, "n_jobs": 1}


def queries(n_queries, seed=0, longest=60):
    """Queries of different lengths with relevances 0 to 4, mostly 0."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(5, longest, n_queries)
    n = int(sizes.sum())
    X = rng.normal(size=(n, 10)).astype(np.float32)
    taste = X[:, 0] + 0.7 * X[:, 1] * X[:, 2] + np.sin(2 * X[:, 3]) + 0.8 * rng.normal(size=n)
    return X, np.digitize(taste, [0.8, 1.6, 2.4, 3.2]).astype(float), sizes


def ndcg(y, scores, sizes, k=10):
    """Mean NDCG@k with gains 2**r - 1; queries without a relevant row count as 1."""
    values = []
    for rows in np.split(np.arange(len(y)), np.cumsum(sizes)[:-1]):
        gains = 2 ** y[rows] - 1
        discounts = 1 / np.log2(np.arange(min(k, len(rows))) + 2)
        best = np.sort(gains)[::-1][:k] @ discounts
        got = gains[np.argsort(-scores[rows], kind="stable")][:k] @ discounts
        values.append(got / best if best > 0 else 1.0)
    return float(np.mean(values))


class OneQuery(GradientBoostingRanker):
    """All rows are one query, since scikit-learn's checks know of none."""

    def fit(self, X, y, sample_weight=None):
        return super().fit(X, y, sample_weight, qid=None if y is None else np.zeros(_num_samples(y), dtype=int))


NOT_REPEATED = "a row given twice is two rows of its query, which also pair with the other rows twice"


@parametrize_with_checks(
    [OneQuery(n_estimators=20)],
    expected_failed_checks=lambda _: {
        "check_sample_weight_equivalence_on_dense_data": NOT_REPEATED,
        "check_sample_weight_equivalence_on_sparse_data": NOT_REPEATED,
    },
)
def test_scikit_learns_own_checks_pass_but_for_repeated_rows(estimator, check):
    check(estimator)


def test_ndcg_is_that_of_lightgbm():
    X, y, sizes = queries(300)
    X_test, y_test, sizes_test = queries(300, seed=1)
    ours = GradientBoostingRanker(n_estimators=100, random_state=0, n_jobs=1).fit(X, y, group=sizes)
    theirs = lightgbm.LGBMRanker(n_estimators=100, n_jobs=1, verbose=-1).fit(X, y, group=sizes)
    ours = ndcg(y_test, ours.predict(X_test), sizes_test)
    theirs = ndcg(y_test, theirs.predict(X_test), sizes_test)
    assert ours > theirs - 0.005


def test_first_pulls_are_those_of_the_formula():
    """One tree at learning rate 1: a leaf is minus its rows' gradients over their hessians."""
    y = np.array([0.0, 2.0, 1.0, 0.0, 3.0])
    X = np.arange(5.0).reshape(-1, 1)
    fitted = GradientBoostingRanker(
        n_estimators=1, learning_rate=1.0, min_samples_leaf=1, min_child_weight=0.0, truncation_level=3, random_state=0
    ).fit(X, y, group=[5])
    discount = 1 / np.log2(np.arange(5) + 2)
    gain = 2**y - 1
    best = np.sort(gain)[::-1][:3] @ discount[:3]
    gradient, hessian = np.zeros(5), np.zeros(5)
    for i in range(3):  # all scores are 0, so rows keep their order and nothing is divided by a distance
        for j in range(i + 1, 5):
            delta = abs(gain[i] - gain[j]) * abs(discount[i] - discount[j]) / best
            sign = np.sign(gain[i] - gain[j])
            gradient[i] -= sign * delta / 2
            gradient[j] += sign * delta / 2
            hessian[[i, j]] += delta / 4
    # Pulls and curvatures shrink alike, so the leaves do not see the normalisation.
    predicted = fitted.predict(X)
    assert len(np.unique(predicted)) >= 3
    for leaf in np.unique(predicted):
        rows = predicted == leaf
        assert leaf == pytest.approx(-gradient[rows].sum() / hessian[rows].sum(), rel=1e-5)


def test_losses_are_ndcg_and_stop_early():
    X, y, sizes = queries(200)
    X_test, y_test, sizes_test = queries(100, seed=1)
    X, X_test = X.astype(np.float64), X_test.astype(np.float64)
    model = GradientBoostingRanker(n_estimators=400, early_stopping=True, learning_rate=0.3, eval_at=5, random_state=0)
    fitted = clone(model).fit(X, y, group=sizes, eval_set=(X_test, y_test), eval_group=sizes_test)
    losses = fitted.evaluation_losses_[0]
    assert fitted.n_iter_ < 400
    assert fitted.n_iter_ == np.argmin(losses[1:]) + 1
    assert losses[fitted.n_iter_] == pytest.approx(1 - ndcg(y_test, fitted.predict(X_test), sizes_test, k=5), abs=1e-6)
    by_list = clone(model).fit(
        X, y, group=sizes, eval_set=[(X_test, y_test), (X, y)],
        eval_qid=[np.repeat(np.arange(100), sizes_test), np.repeat(np.arange(200), sizes)],
    )  # fmt: skip
    np.testing.assert_array_equal(by_list.evaluation_losses_[0], losses)
    aside = clone(model).fit(X, y, group=sizes)
    assert aside.n_iter_ < 400
    assert len(aside.evaluation_losses_) == 1


def test_group_and_qid_say_the_same_in_any_order():
    X, y, sizes = queries(120)
    qid = np.repeat(np.arange(120), sizes)
    by_group = GradientBoostingRanker(**FAST).fit(X, y, group=sizes)
    by_text = GradientBoostingRanker(**FAST).fit(X, y, qid=[f"q{number:03}" for number in qid])
    assert by_group._onnx_bytes() == by_text._onnx_bytes()
    heard = []
    GradientBoostingRanker(**FAST).fit(X, y, qid=qid, callbacks=[lambda i, losses: heard.append(losses["training"])])
    shuffled = np.random.default_rng(0).permutation(len(y))
    mixed = []
    GradientBoostingRanker(**FAST).fit(
        X[shuffled], y[shuffled], qid=qid[shuffled], callbacks=[lambda i, losses: mixed.append(losses["training"])]
    )
    # Which gradients are rounded up depends on the rows' places, and so do ties.
    np.testing.assert_allclose(heard[-1], mixed[-1], atol=0.03)
    named = pd.DataFrame(X, columns=[f"c{i}" for i in range(10)])
    assert GradientBoostingRanker(**FAST).fit(named, y, group=sizes).predict(named).shape == (len(y),)


def test_files_match_onnxruntime_and_do_not_depend_on_threads():
    X, y, sizes = queries(400)
    for dtype in (np.float32, np.float64):
        table = X.astype(dtype)
        fitted = GradientBoostingRanker(**FAST).fit(table, y, group=sizes)
        (theirs,) = onnxruntime.InferenceSession(fitted._onnx_bytes()).run(None, {"X": table})
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(fitted.predict(table), theirs[:, 0], rtol=16 * eps, atol=16 * eps)
        files = {
            GradientBoostingRanker(**FAST | {"n_jobs": n_jobs}).fit(table, y, group=sizes)._onnx_bytes()
            for n_jobs in (1, 2, 4)
        }
        assert files == {fitted._onnx_bytes()}


def test_rows_of_weight_zero_are_left_out_of_their_queries():
    X, y, sizes = queries(80)
    qid = np.repeat(np.arange(80), sizes)
    kept = np.random.default_rng(1).random(len(y)) < 0.7
    model = GradientBoostingRanker(**FAST | {"n_estimators": 1, "max_leaf_nodes": 2})
    weighted = clone(model).fit(X, y, kept.astype(float), qid=qid).predict(X)
    without = clone(model).fit(X[kept], y[kept], qid=qid[kept]).predict(X)
    np.testing.assert_allclose(weighted, without, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("options", "arguments", "message"),
    [
        ({}, {}, "got neither of group and qid"),
        ({}, {"group": [4], "qid": [0] * 4}, "got both of group and qid"),
        ({}, {"group": [3]}, "group adds up to 3 rows, y has 4"),
        ({}, {"group": [4, 0]}, "wanted one whole number of at least 1 per query"),
        ({}, {"qid": [0, 0, 1]}, r"qid has the shape \(3,\), wanted \(4,\)"),
        ({}, {"qid": [0, 0, np.nan, 1]}, "qid is nan in row 2, wanted the query of every row"),
        ({}, {"qid": np.array(["a", None, "b", "b"], object)}, "qid is None in row 1, wanted the query of every row"),
        ({"truncation_level": 0}, {"group": [4]}, "truncation_level is 0, wanted at least 1"),
        ({"eval_at": 0}, {"group": [4]}, "eval_at is 0"),
        ({"loss": "ndcg"}, {"group": [4]}, "loss is 'ndcg', wanted 'lambdarank'"),
    ],
)
def test_wrong_queries_are_named(options, arguments, message):
    X, y = np.arange(8.0).reshape(4, 2), np.array([0, 1, 0, 2])
    with pytest.raises(ArsenalValueError, match=message):
        GradientBoostingRanker(**options).fit(X, y, **arguments)
    for relevance in (-1, 32):
        with pytest.raises(ArsenalValueError, match=f"is {relevance}, wanted a relevance of 0 to 31"):
            GradientBoostingRanker().fit(X, y * 0 + relevance, group=[4])
    with pytest.raises(ArsenalValueError, match="got neither of eval_group and eval_qid"):
        GradientBoostingRanker().fit(X, y, group=[4], eval_set=(X, y))
    with pytest.raises(ArsenalTypeError, match="callbacks holds"):
        GradientBoostingRanker().fit(X, y, group=[4], callbacks=["stop"])
