"""Estimators with the scikit-learn API, learned in Rust and applied by the deployed runtime."""

from __future__ import annotations

from arsenal.models._boosting_classifier import GradientBoostingClassifier
from arsenal.models._boosting_ranker import GradientBoostingRanker
from arsenal.models._boosting_regressor import GradientBoostingRegressor
from arsenal.models._decision_tree import DecisionTreeClassifier, DecisionTreeRegressor
from arsenal.models._foreign import (
    ForeignClassifier,
    ForeignOutlierDetector,
    ForeignRegressor,
    from_catboost,
    from_lightgbm,
    from_sklearn,
    from_xgboost,
)
from arsenal.models._forest import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from arsenal.models._isolation import IsolationForest
from arsenal.models._partial_dependence_plot import plot_partial_dependence
from arsenal.models._tree_plot import plot_tree
from arsenal.models._tree_text import export_text

__all__ = [
    "DecisionTreeClassifier",
    "DecisionTreeRegressor",
    "ExtraTreesClassifier",
    "ExtraTreesRegressor",
    "ForeignClassifier",
    "ForeignOutlierDetector",
    "ForeignRegressor",
    "GradientBoostingClassifier",
    "GradientBoostingRanker",
    "GradientBoostingRegressor",
    "IsolationForest",
    "RandomForestClassifier",
    "RandomForestRegressor",
    "export_text",
    "from_catboost",
    "from_lightgbm",
    "from_sklearn",
    "from_xgboost",
    "plot_partial_dependence",
    "plot_tree",
]
