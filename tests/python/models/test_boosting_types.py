"""The float type of a model: float32 tables whose targets float32 would blur give models of float64."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pyarrow as pa
import pytest
from arsenal.exceptions import ArsenalValueError
from arsenal.models import GradientBoostingRegressor
from pyarrow import parquet


@pytest.mark.parametrize("offset", [0.0, 1e6, -1e8, 1e10])
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "quantile"])
def test_float32_columns_do_not_blur_large_targets(loss, offset):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 3)).astype(np.float32)
    y = offset + 3 * X[:, 0].astype(np.float64) + rng.normal(size=2000) * 0.1
    parameters = {"loss": loss, "quantile": 0.5, "n_estimators": 40, "learning_rate": 0.3, "random_state": 0}
    narrow, wide = (GradientBoostingRegressor(**parameters).fit(table, y) for table in (X, X.astype(np.float64)))
    errors = [np.sqrt(np.mean((model.predict(X).astype(np.float64) - y) ** 2)) for model in (narrow, wide)]
    assert errors[0] == pytest.approx(errors[1], rel=1e-2)
    assert errors[0] < 0.5
    declared = onnxruntime.InferenceSession(narrow._onnx_bytes()).get_inputs()[0].type
    assert declared == ("tensor(double)" if offset else "tensor(float)")


def test_logarithms_of_large_amounts_are_not_blurred_either():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 3)).astype(np.float32)
    y = 1e9 * np.exp(1e-6 * X[:, 0].astype(np.float64))
    model = GradientBoostingRegressor(loss="gamma", n_estimators=60, random_state=0).fit(X, y)
    assert np.std(model.predict(X) / y - 1) < 2e-7


def test_targets_of_tables_in_parts_are_not_blurred(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 2)).astype(np.float32)
    table = pa.table({"a": X[:, 0], "b": X[:, 1], "y": 1e8 + X[:, 0].astype(np.float64)})
    parquet.write_table(table, tmp_path / "rows.parquet", row_group_size=300)
    parameters = {"n_estimators": 30, "random_state": 0}
    of_parts = GradientBoostingRegressor(**parameters).fit(tmp_path / "rows.parquet", "y")
    whole = GradientBoostingRegressor(**parameters).fit(table.select(["a", "b"]), table["y"].to_numpy())
    assert of_parts._onnx_bytes() == whole._onnx_bytes()
    assert np.std(whole.predict(table.select(["a", "b"])) - table["y"].to_numpy()) < 0.2


def test_a_float32_model_does_not_go_on_with_targets_that_it_would_blur():
    X = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    y = 1e8 + X[:, 0].astype(np.float64)
    model = GradientBoostingRegressor(n_estimators=5, warm_start=True).fit(X, X[:, 0])
    with pytest.raises(ArsenalValueError, match=r"y lies too close around 9\.99.*e7 for the float32 of the model to"):
        model.set_params(n_estimators=6).fit(X, y)
    grown = GradientBoostingRegressor(n_estimators=5, warm_start=True).fit(X, y)
    assert grown.set_params(n_estimators=6).fit(X, y).n_iter_ == 6
