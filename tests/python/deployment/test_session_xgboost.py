"""XGBoost's models through onnxmltools: its leaves, and its scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from converted_trees import around, check_leaves, check_sums, real_tables, rounding, scores

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

TABLES = real_tables()
SMALL: dict[str, Any] = {"n_estimators": 15, "max_depth": 4, "random_state": 0, "n_jobs": 1}
REGRESSORS: dict[str, tuple[str, dict[str, Any]]] = {
    "squared error": ("diabetes", {}),
    "exact": ("diabetes", {"tree_method": "exact"}),
    "pseudo-Huber": ("diabetes", {"objective": "reg:pseudohubererror"}),
    "lossguide": ("diabetes", {"grow_policy": "lossguide", "max_leaves": 20, "max_depth": 0}),
    "missing values": ("holes", {}),
}
CLASSIFIERS: dict[str, tuple[str, dict[str, Any]]] = {
    "2 classes": ("cancer", {}),
    "2 classes, missing values": ("holes", {}),
    "3 classes": ("iris", {}),
    "3 classes of wine": ("wine", {"max_depth": 2}),
}


def converted(estimator: Any, x: Any) -> Any:
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    return convert_xgboost(estimator, initial_types=[("X", FloatTensorType([None, x.shape[1]]))], target_opset=15)


@pytest.mark.parametrize("name", REGRESSORS)
def test_regressors(name: str) -> None:
    import xgboost

    table, parameters = REGRESSORS[name]
    estimator = xgboost.XGBRegressor(**SMALL | parameters).fit(*TABLES[table])
    x = around(TABLES[table][0])
    model = converted(estimator, x)
    check_leaves(model, x, estimator.apply(x).astype(np.int64))
    raw = estimator.predict(x, output_margin=True)
    check_sums(model, x, raw)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers(name: str) -> None:
    import xgboost

    table, parameters = CLASSIFIERS[name]
    estimator = xgboost.XGBClassifier(**SMALL | parameters).fit(*TABLES[table])
    x = around(TABLES[table][0])
    model = converted(estimator, x)
    check_leaves(model, x, estimator.apply(x).astype(np.int64).reshape(len(x), -1))
    labels, probabilities = scores(model, x)
    np.testing.assert_array_equal(labels, estimator.predict(x))
    np.testing.assert_allclose(probabilities, estimator.predict_proba(x), rtol=0, atol=rounding(model))
