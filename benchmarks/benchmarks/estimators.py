"""What every estimator is measured by. A benchmark class adds `make_data`, `make_estimator` and `score`.

asv leaves abstract classes alone, so these run only through their subclasses.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np


class Estimator(ABC):
    """Time and peak memory of `fit`, beside the scores that it reached."""

    X_train: Any
    y_train: np.ndarray
    X_test: Any
    y_test: np.ndarray

    @abstractmethod
    def make_data(self, *params: Any) -> tuple[Any, np.ndarray, Any, np.ndarray]:
        """Training and test part, seeded."""

    @abstractmethod
    def make_estimator(self, *params: Any) -> Any:
        """A new estimator."""

    @abstractmethod
    def score(self, X: Any, y: np.ndarray) -> float:
        """More is better."""

    def setup(self, *params: Any) -> None:
        self.X_train, self.y_train, self.X_test, self.y_test = self.make_data(*params)
        self.estimator = self.make_estimator(*params)
        self.fitted = self.make_estimator(*params).fit(self.X_train, self.y_train)

    def time_fit(self, *params: Any) -> None:
        self.estimator.fit(self.X_train, self.y_train)

    def peakmem_fit(self, *params: Any) -> None:
        self.estimator.fit(self.X_train, self.y_train)

    def track_train_score(self, *params: Any) -> float:
        return self.score(self.X_train, self.y_train)

    def track_test_score(self, *params: Any) -> float:
        return self.score(self.X_test, self.y_test)


class Predictor(Estimator):
    """And of prediction with the fitted estimator."""

    def time_predict(self, *params: Any) -> None:
        self.fitted.predict(self.X_test)

    def peakmem_predict(self, *params: Any) -> None:
        self.fitted.predict(self.X_test)
