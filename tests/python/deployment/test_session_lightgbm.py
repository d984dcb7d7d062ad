"""LightGBM's models through onnxmltools: its leaves, and its scores."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import onnx
import pytest
from arsenal.deployment import InferenceSession, export_onnx
from arsenal.models import from_lightgbm
from converted_trees import around, check_leaves, check_sums, real_tables, rounding, scores
from leaf_numbers import leaf_number_model
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

TABLES = real_tables()
SMALL: dict[str, Any] = {"n_estimators": 15, "num_leaves": 15, "random_state": 0, "n_jobs": 1, "verbose": -1}
REGRESSORS: dict[str, tuple[str, dict[str, Any]]] = {
    "squared error": ("diabetes", {}),
    "absolute error": ("diabetes", {"objective": "l1"}),
    "Huber": ("diabetes", {"objective": "huber"}),
    "quantile": ("diabetes", {"objective": "quantile", "alpha": 0.8}),
    "DART": ("diabetes", {"boosting_type": "dart"}),
    "deep trees": ("diabetes", {"num_leaves": 200, "min_child_samples": 1}),
    "missing values": ("holes", {}),
    "categories": ("codes", {"min_data_per_group": 5, "cat_smooth": 1}),
}
CLASSIFIERS: dict[str, tuple[str, dict[str, Any]]] = {
    "2 classes": ("cancer", {}),
    "2 classes, missing values": ("holes", {}),
    "3 classes": ("iris", {}),
    "3 classes of wine": ("wine", {"num_leaves": 7}),
}


def fitted(estimator: Any, name: str) -> Any:
    x, y = TABLES[name]
    return estimator.fit(x, y, categorical_feature=[0, 1] if name == "codes" else "auto")


def converted(estimator: Any, x: Any) -> Any:
    types = [("X", FloatTensorType([None, x.shape[1]]))]
    return convert_lightgbm(estimator, initial_types=types, target_opset=15, zipmap=False)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REGRESSORS)
def test_regressors(name: str) -> None:
    table, parameters = REGRESSORS[name]
    estimator = fitted(lightgbm.LGBMRegressor(**SMALL | parameters), table)
    x = TABLES[table][0] if table == "codes" else around(TABLES[table][0])
    model = converted(estimator, x)
    check_leaves(model, x, estimator.predict(x, pred_leaf=True))
    raw = estimator.predict(x, raw_score=True)
    check_sums(model, x, raw)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers(name: str) -> None:
    table, parameters = CLASSIFIERS[name]
    estimator = fitted(lightgbm.LGBMClassifier(**SMALL | parameters), table)
    x = around(TABLES[table][0])
    model = converted(estimator, x)
    check_leaves(model, x, estimator.predict(x, pred_leaf=True))
    labels, probabilities = scores(model, x)
    np.testing.assert_array_equal(labels, estimator.predict(x))
    np.testing.assert_allclose(probabilities, estimator.predict_proba(x), rtol=0, atol=rounding(model))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REGRESSORS)
def test_in_double_the_sum_is_exact_to_its_last_place(name: str) -> None:
    table, parameters = REGRESSORS[name]
    estimator = fitted(lightgbm.LGBMRegressor(**SMALL | parameters), table)
    x = TABLES[table][0].astype(np.float64)
    model = onnx.load_from_string(export_onnx(from_lightgbm(estimator)))
    given = InferenceSession(model.SerializeToString()).get_inputs()
    assert [argument.type for argument in given] == ["tensor(double)"]
    leaves = InferenceSession(leaf_number_model(model).SerializeToString()).run(None, {given[0].name: x})[0]
    theirs = estimator.predict(x, pred_leaf=True)
    for tree in range(theirs.shape[1]):
        pairs = np.unique(np.stack([leaves[:, tree].astype(np.int64), theirs[:, tree]], axis=1), axis=0)
        assert len(pairs) == len(np.unique(theirs[:, tree]))
    raw = estimator.predict(x, raw_score=True)
    np.testing.assert_allclose(scores(model, x)[0].ravel(), raw, rtol=8 * np.finfo(float).eps)


@pytest.mark.filterwarnings("ignore")
def test_the_check_sees_another_leaf() -> None:
    estimator = fitted(lightgbm.LGBMRegressor(**SMALL), "diabetes")
    x = TABLES["diabetes"][0]
    leaves = estimator.predict(x, pred_leaf=True)
    leaves[7, 3] = (leaves[7, 3] + 1) % 15
    with pytest.raises(AssertionError, match="tree 3"):
        check_leaves(converted(estimator, x), x, leaves)
