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


class GradientBoostingRanker(Predictor):
    """Queries of 40 documents with relevances 0 to 4, 28 float32 columns; the score is NDCG@10."""

    params = (ROWS, TREES)
    param_names = ("n_rows", "n_estimators")
    timeout = 600
    documents = 40

    def make_data(self, n_rows: int, n_estimators: int) -> tuple[Any, np.ndarray, Any, np.ndarray]:
        X, _ = normals(n_rows)
        taste = X[:, 0] + X[:, 1] * X[:, 2] + 0.8 * np.random.default_rng(1).standard_normal(n_rows)
        return split(X, np.digitize(taste, [0.8, 1.6, 2.4, 3.2]).astype(np.float64))

    def make_estimator(self, n_rows: int, n_estimators: int) -> Any:
        from arsenal.models import GradientBoostingRanker

        documents = self.documents

        class Grouped(GradientBoostingRanker):
            """Rows in queries of equal size, which `fit(X, y)` alone cannot say."""

            def fit(self, X: Any, y: Any) -> Any:
                return super().fit(X, y, qid=np.arange(len(y)) // documents)

        return Grouped(n_estimators=n_estimators, random_state=0)

    def score(self, X: Any, y: np.ndarray) -> float:
        from sklearn.metrics import ndcg_score

        whole = len(y) // self.documents * self.documents
        shape = (-1, self.documents)
        scores = np.asarray(self.fitted.predict(X))[:whole]
        return float(ndcg_score((2 ** y[:whole] - 1).reshape(shape), scores.reshape(shape), k=10))


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


class Explanations:
    """Shapley values of a booster's predictions: 28 float32 columns, 100 trees of 31 leaves."""

    params = by_size([100], [1, 10_000], [100_000])
    param_names = ("n_rows",)

    def setup(self, n_rows: int) -> None:
        from arsenal.models import GradientBoostingClassifier

        n_train = by_size([2_000], [20_000], [100_000])[0]
        X, y = normals(n_train + n_rows)
        self.rows = X[n_train:]
        self.background = X[:100]
        self.model = GradientBoostingClassifier(random_state=0).fit(X[:n_train], y[:n_train])

    def time_shap_values(self, n_rows: int) -> None:
        self.model.shap_values(self.rows)

    def peakmem_shap_values(self, n_rows: int) -> None:
        self.model.shap_values(self.rows)

    def time_shap_values_against_a_background(self, n_rows: int) -> None:
        self.model.shap_values(self.rows, background=self.background)

    def time_shap_interaction_values(self, n_rows: int) -> None:
        self.model.shap_interaction_values(self.rows[:1_000])


class RandomForestClassifier(GradientBoostingClassifier):
    """The same target, full-grown trees."""

    params = (by_size([2_000], [10_000, 100_000], [1_000_000]), TREES)

    def make_estimator(self, n_rows: int, n_estimators: int) -> Any:
        from arsenal.models import RandomForestClassifier

        return RandomForestClassifier(n_estimators=n_estimators, random_state=0)


class ExtraTreesRegressor(GradientBoostingRegressor):
    """The same target, random cuts."""

    params = (by_size([2_000], [10_000], [100_000]), TREES)

    def make_estimator(self, n_rows: int, n_estimators: int) -> Any:
        from arsenal.models import ExtraTreesRegressor

        return ExtraTreesRegressor(n_estimators=n_estimators, random_state=0)


class IsolationForest(Predictor):
    """28 float32 columns, every hundredth row far out; the score is the AUC of finding these."""

    params = (ROWS, TREES)
    param_names = ("n_rows", "n_estimators")

    def make_data(self, n_rows: int, n_estimators: int) -> tuple[Any, np.ndarray, Any, np.ndarray]:
        X, _ = normals(n_rows)
        is_outlier = np.arange(n_rows) % 100 == 0
        X[is_outlier] *= 3
        return split(X, is_outlier)

    def make_estimator(self, n_rows: int, n_estimators: int) -> Any:
        from arsenal.models import IsolationForest

        return IsolationForest(n_estimators=n_estimators, random_state=0)

    def score(self, X: Any, y: np.ndarray) -> float:
        from sklearn.metrics import roc_auc_score

        return float(roc_auc_score(y, -self.fitted.score_samples(X)))
