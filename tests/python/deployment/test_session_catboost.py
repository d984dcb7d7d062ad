"""CatBoost's models through its own export: its leaves, and its scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from converted_trees import around, check_leaves, check_sums, real_tables, rounding, scores

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

TABLES = real_tables()
SMALL: dict[str, Any] = {
    "iterations": 15, "depth": 4, "random_seed": 0, "thread_count": 1, "verbose": False, "allow_writing_files": False,
}  # fmt: skip
REGRESSORS: dict[str, tuple[str, dict[str, Any]]] = {
    "squared error": ("diabetes", {}),
    "quantile": ("diabetes", {"loss_function": "Quantile:alpha=0.8"}),
    "missing values": ("holes", {}),
    "missing values are large": ("holes", {"nan_mode": "Max"}),
}
CLASSIFIERS: dict[str, tuple[str, dict[str, Any]]] = {
    "2 classes": ("cancer", {}),
    "2 classes, missing values": ("holes", {}),
    "3 classes": ("iris", {}),
    "3 classes of wine": ("wine", {"depth": 2}),
}


def exported(estimator: Any, path: Path) -> onnx.ModelProto:
    estimator.save_model(str(path), format="onnx")
    return onnx.load(path)


@pytest.mark.parametrize("name", REGRESSORS)
def test_regressors(tmp_path: Path, name: str) -> None:
    import catboost

    table, parameters = REGRESSORS[name]
    estimator = catboost.CatBoostRegressor(**SMALL | parameters).fit(*TABLES[table])
    x = around(TABLES[table][0])
    model = exported(estimator, tmp_path / "model.onnx")
    check_leaves(model, x, estimator.calc_leaf_indexes(x))
    raw = estimator.predict(x, prediction_type="RawFormulaVal")
    check_sums(model, x, raw)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers(tmp_path: Path, name: str) -> None:
    import catboost

    table, parameters = CLASSIFIERS[name]
    estimator = catboost.CatBoostClassifier(**SMALL | parameters).fit(*TABLES[table])
    x = around(TABLES[table][0])
    model = exported(estimator, tmp_path / "model.onnx")
    check_leaves(model, x, estimator.calc_leaf_indexes(x))
    labels, maps = scores(model, x)
    probabilities = np.array([list(one.values()) for one in maps])
    np.testing.assert_array_equal(labels, estimator.predict(x).ravel())
    np.testing.assert_allclose(probabilities, estimator.predict_proba(x), rtol=0, atol=rounding(model))
