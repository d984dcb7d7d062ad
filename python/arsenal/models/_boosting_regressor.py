"""Gradient boosting for numbers, with the scikit-learn API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin

from arsenal.models import _losses
from arsenal.models._boosting_base import Boosting, Labels
from arsenal.models._estimator import given_numbers
from arsenal.models._parameters import set_parameters
from arsenal.models._source_tables import reads_sources


class GradientBoostingRegressor(RegressorMixin, Boosting):
    r"""Gradient boosted trees on binned columns, for numbers: means, medians, quantiles, counts and amounts.

    All parameters but the following, the attributes and the guarantees are those of
    :class:`GradientBoostingClassifier`, without classes. With the target :math:`y`, the raw score :math:`s` (the sum of
    the leaves) and :math:`e = y - s`:

    ================ ======================================================== ================ ====================
    ``loss``         formula                                                  prediction       leaf value
    ================ ======================================================== ================ ====================
    squared_error    :math:`e^2 / 2`                                          :math:`s`        Newton's step
    absolute_error   :math:`|e|`                                              :math:`s`        median
    quantile         :math:`\max(q e, (q - 1) e)`                             :math:`s`        quantile
    huber            :math:`e^2 / 2` up to :math:`\delta`, linear beyond      :math:`s`        step from the median
    poisson          :math:`\exp(s) - y s`                                    :math:`\exp(s)`  bounded Newton
    gamma            :math:`s + y \exp(-s)`                                   :math:`\exp(s)`  bounded Newton
    tweedie          :math:`\exp((2-p)s) / (2-p) + y \exp((1-p)s) / (p-1)`    :math:`\exp(s)`  bounded Newton
    callable         gradient and hessian are the caller's                    :math:`s`        Newton's step
    ================ ======================================================== ================ ====================

    Medians and quantiles of a leaf's residuals are exact and weighted: the smallest residual whose weights, added up
    from below, reach the share ``q`` of the total, or the middle between it and the next where they do so exactly. They
    leave ``l1_regularization`` and ``l2_regularization`` to the choice of splits. A bounded Newton step stops at the
    value that minimises the loss of the leaf.

    Parameters
    ----------
    loss : str or callable, default="squared_error"
        A name of the table, or ``loss(y_true, raw_score[, sample_weight])`` that returns a pair ``(gradient, hessian)``
        of arrays of shape (n_samples,), hessians at least 0. One with three parameters weighs its results itself, those
        of one with two are multiplied by the weights. Scores start at 0; the model gives raw scores.
    quantile : float or array-like of shape (n_quantiles,), default=None
        The quantiles for ``loss="quantile"``, between 0 and 1. With an array ``predict`` gives one column each; they
        are learned side by side from one table, and nothing keeps them from crossing.
    alpha : float, default=0.9
        For ``loss="huber"``: :math:`\delta` is the ``alpha``-quantile of :math:`|e|` before each iteration, as in
        scikit-learn's ``GradientBoostingRegressor``; the reported losses keep the first :math:`\delta`.
    tweedie_power : float, default=1.5
        For ``loss="tweedie"``: the variance grows as this power of the mean, between 1 and 2.

    References
    ----------
    Friedman (2001), algorithms 1 to 4. Koenker and Bassett, "Regression quantiles", Econometrica 46 (1978). Huber,
    "Robust estimation of a location parameter", Annals of Mathematical Statistics 35 (1964). Jørgensen, "Exponential
    dispersion models", Journal of the Royal Statistical Society B 49 (1987).

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from arsenal.models import GradientBoostingRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = GradientBoostingRegressor(n_estimators=50, random_state=0).fit(X, y)
    >>> model.predict(X[:3]).shape
    (3,)
    >>> model = GradientBoostingRegressor(loss="quantile", quantile=[0.1, 0.5, 0.9], random_state=0).fit(X, y)
    >>> model.predict(X[:3]).shape
    (3, 3)
    """

    loss: Any
    quantile: Any
    alpha: float
    tweedie_power: float

    def __init__(
        self,
        *,
        loss: Any = "squared_error",
        quantile: Any = None,
        alpha: float = 0.9,
        tweedie_power: float = 1.5,
        n_estimators: int = 100,
        learning_rate: float = 0.1,
        boosting: str = "gbdt",
        drop_rate: float = 0.1,
        skip_drop: float = 0.5,
        max_drop: int | None = 50,
        grow_policy: str = "leafwise",
        max_leaf_nodes: int | None = 31,
        max_depth: int | None = None,
        min_samples_leaf: int = 20,
        min_child_weight: float = 1e-3,
        l1_regularization: float = 0.0,
        l2_regularization: float = 0.0,
        min_split_gain: float = 0.0,
        max_bins: int = 255,
        sampling: str = "uniform",
        subsample: float = 1.0,
        top_rate: float = 0.2,
        other_rate: float = 0.1,
        colsample_bytree: float = 1.0,
        colsample_bylevel: float = 1.0,
        max_features: float = 1.0,
        monotonic_cst: Any = None,
        interaction_cst: Any = None,
        categorical_features: Any = "from_dtype",
        category_smoothing: float = 10.0,
        category_l2: float = 10.0,
        max_category_set: int = 32,
        min_category_group: int = 100,
        warm_start: bool = False,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-7,
        verbose: int = 0,
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> None:
        set_parameters(self, locals())

    @reads_sources
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        eval_set: Any = None,
        *,
        eval_metric: Any = None,
        callbacks: Any = None,
    ) -> Self:
        """Learn from a table; parameters as in :meth:`GradientBoostingClassifier.fit`, with numbers as ``y``.

        ``eval_metric`` is given what :meth:`predict` would return.
        """
        self._fit(X, y, sample_weight, eval_set, eval_metric=eval_metric, callbacks=callbacks)
        self._gives_columns = self.loss == "quantile" and np.ndim(self.quantile) > 0
        return self

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Predicted numbers in the type the model computes in.

        Of shape (n_samples,), or (n_samples, n_quantiles) if ``quantile`` is an array.
        """
        scores = self._scores(X)
        return scores if self._gives_columns else scores[:, 0]

    def staged_predict(self, X: Any) -> Iterator[npt.NDArray[Any]]:
        """:meth:`predict` after 1, 2, … iterations; cost as in :meth:`GradientBoostingClassifier.staged_predict`."""
        for scores in self._staged_scores(X):
            yield scores if self._gives_columns else scores[:, 0]

    def _loss(self) -> _losses.Loss:
        return _losses.regression_loss(self.loss, self.quantile, self.alpha, self.tweedie_power)

    def _encode(self, y: Any, *, reset: bool) -> tuple[Labels, Labels | None]:
        return given_numbers(y, self), None
