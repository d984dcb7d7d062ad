"""`arsenal.models`. Imports happen in methods, so that the suite can be discovered at any commit."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.estimators import Predictor
from benchmarks.sizes import by_size
from benchmarks.tables import normals, split, with_categories

ROWS = by_size([2_000], [10_000, 100_000], [1_000_000])
TREES = by_size([5], [100], [100])


class GradientBoostingClassifier(Predictor):
    """Binary target, 28 float32 columns."""

    params = (ROWS, TREES)
    param_names = ("n_rows", "n_estimators")
    timeout = 600

    def make_data(self, n_rows: int, n_estimators: int) -> tuple[Any, np.ndarray, Any, np.ndarray]:
        return split(*normals(n_rows))

    def make_estimator(self, n_rows: int, n_estimators: int) -> Any:
        from arsenal.models import GradientBoostingClassifier

        return GradientBoostingClassifier(n_estimators=n_estimators, random_state=0)

    def score(self, X: Any, y: np.ndarray) -> float:
        from sklearn.metrics import roc_auc_score

        return float(roc_auc_score(y, self.fitted.predict_proba(X)[:, 1]))


class GradientBoostingClassifierOnStrings(GradientBoostingClassifier):
    """The same with two string columns among the numeric ones, in an Arrow table."""

    def make_data(self, n_rows: int, n_estimators: int) -> tuple[Any, np.ndarray, Any, np.ndarray]:
        X, y = normals(n_rows)
        table, cut = with_categories(X), int(n_rows * 0.8)
        return table.slice(0, cut), y[:cut], table.slice(cut), y[cut:]


class GradientBoostingRegressor(Predictor):
    """The product of the first two columns, noisy; 28 float32 columns."""

    params = (ROWS, TREES)
    param_names = ("n_rows", "n_estimators")
    timeout = 600

    def make_data(self, n_rows: int, n_estimators: int) -> tuple[Any, np.ndarray, Any, np.ndarray]:
        X, _ = normals(n_rows)
        noise = np.random.default_rng(1).standard_normal(n_rows)
        return split(X, X[:, 0] * X[:, 1] + np.sin(3 * X[:, 2]) + 0.3 * noise)

    def make_estimator(self, n_rows: int, n_estimators: int) -> Any:
        from arsenal.models import GradientBoostingRegressor

        return GradientBoostingRegressor(n_estimators=n_estimators, random_state=0)

    def score(self, X: Any, y: np.ndarray) -> float:
        return float(self.fitted.score(X, y))
