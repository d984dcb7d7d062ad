"""Rows of weight 0: the model is that of the other rows."""

from __future__ import annotations

import numpy as np
import pytest
from arsenal.models import GradientBoostingClassifier, GradientBoostingRanker, GradientBoostingRegressor
from sklearn.base import clone

WEIGHTED = [
    GradientBoostingRegressor(),
    GradientBoostingRegressor(loss="absolute_error"),
    GradientBoostingRegressor(loss="huber"),
    GradientBoostingRegressor(loss="quantile", quantile=[0.2, 0.7]),
    GradientBoostingRegressor(loss="poisson"),
    GradientBoostingRegressor(loss="squared_error", subsample=0.5),
    GradientBoostingRegressor(loss="absolute_error", sampling="goss", learning_rate=0.3),
    GradientBoostingRegressor(boosting="dart", skip_drop=0.0, grow_policy="oblivious"),
    GradientBoostingRegressor(loss=lambda y, score: (score - y, np.ones_like(y))),
    GradientBoostingClassifier(),
    GradientBoostingClassifier(sampling="goss", learning_rate=0.3),
]


@pytest.mark.parametrize("estimator", WEIGHTED, ids=str)
@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_rows_of_weight_0_might_as_well_not_be_there(estimator, weight):
    """To the byte: in the bins, the constant, the rounding of derivatives, the rows drawn and the leaves."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40_000, 3))
    y = np.floor(np.exp(X[:, 0]) + rng.exponential(size=len(X)))
    is_kept = rng.random(len(X)) < 0.6
    y[~is_kept] += 50
    if isinstance(estimator, GradientBoostingClassifier):
        y = np.minimum(y, 3) % (3 if estimator.sampling == "goss" else 2)
    estimator = clone(estimator).set_params(n_estimators=5, random_state=0)
    with_them = estimator.fit(X, y, weight * is_kept)._onnx_bytes()
    assert with_them == estimator.fit(X[is_kept], y[is_kept], np.full(is_kept.sum(), weight))._onnx_bytes()


def test_documents_of_weight_0_might_as_well_not_be_there():
    rng = np.random.default_rng(0)
    X, queries = rng.normal(size=(3000, 3)), np.repeat(np.arange(150), 20)
    y = rng.integers(0, 4, 3000)
    is_kept = rng.random(3000) < 0.6
    ranker = GradientBoostingRanker(n_estimators=5, random_state=0)
    with_them = ranker.fit(X, y, qid=queries, sample_weight=is_kept.astype(float))._onnx_bytes()
    kept = ranker.fit(X[is_kept], y[is_kept], qid=queries[is_kept], sample_weight=np.ones(is_kept.sum()))
    assert with_them == kept._onnx_bytes()
