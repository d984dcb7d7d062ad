"""Estimators with the scikit-learn API, learned in Rust and applied by the deployed runtime."""

from __future__ import annotations

from arsenal.models._boosting import GradientBoostingClassifier, GradientBoostingRegressor
from arsenal.models._ranking import GradientBoostingRanker

__all__ = ["GradientBoostingClassifier", "GradientBoostingRanker", "GradientBoostingRegressor"]
