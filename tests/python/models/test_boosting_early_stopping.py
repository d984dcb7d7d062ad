"""When a fit stops early."""

from __future__ import annotations

import numpy as np
import pytest
from arsenal.models import GradientBoostingRegressor

rng = np.random.default_rng(0)
X = rng.normal(size=(800, 3))
Y = np.exp(X[:, 0] + 0.5 * rng.normal(size=800))
FAST = {"n_estimators": 400, "learning_rate": 0.3, "min_child_weight": 0.0, "early_stopping": True, "random_state": 0}


@pytest.mark.parametrize(
    "loss", ["squared_error", "absolute_error", "quantile", "huber", "poisson", "gamma", "tweedie"]
)
def test_the_unit_of_the_target_does_not_matter(loss):
    """Powers of two leave all digits as they are, so that the trees are the same."""
    model = GradientBoostingRegressor(**FAST, loss=loss, quantile=[0.3, 0.8], tol=1e-4)
    n_iterations = [model.fit(X, unit * Y).n_iter_ for unit in (1.0, 2.0**-20, 2.0**20)]
    assert 3 < n_iterations[0] < 400
    assert n_iterations == [n_iterations[0]] * 3


def test_the_unit_of_a_metric_does_not_matter():
    def error(y, predicted, sample_weight):
        return np.sqrt(np.average((y - predicted) ** 2, weights=sample_weight))

    model = GradientBoostingRegressor(**FAST, tol=1e-4)
    n_iterations = [model.fit(X, unit * Y, eval_metric=error).n_iter_ for unit in (1.0, 2.0**-20, 2.0**20)]
    assert 3 < n_iterations[0] < 400
    assert n_iterations == [n_iterations[0]] * 3


def test_a_larger_tol_stops_sooner():
    model = GradientBoostingRegressor(**FAST | {"learning_rate": 0.02})
    patient, hasty = (model.set_params(tol=tol).fit(X, Y).n_iter_ for tol in (0.0, 0.02))
    assert hasty < patient < 400
    # A step that counts is a fiftieth of the loss before the first.
    losses = model.evaluation_losses_[0]
    assert losses[hasty] < np.delete(losses, hasty).max() - 0.02 * losses[0]
