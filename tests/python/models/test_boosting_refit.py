"""A fit that fails or is stopped leaves the estimator as it was: the new model never stands under old labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from arsenal.exceptions import ArsenalValueError
from arsenal.models import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.exceptions import NotFittedError

X = pd.DataFrame({"a": np.arange(200.0), "b": np.arange(200.0) % 7})
Y = np.where(np.arange(200) < 90, "low", "high")


def stop(iteration, losses):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("error", "parameters", "options"),
    [
        (ArsenalValueError, {"max_bins": 70_000}, {}),
        (ArsenalValueError, {"categorical_features": ["gone"]}, {}),
        (ValueError, {}, {"sample_weight": np.zeros(150)}),
        (ArsenalValueError, {}, {"eval_set": (np.zeros((3, 3)), [5, 6, 8])}),
        (KeyboardInterrupt, {}, {"callbacks": [stop]}),
    ],
)
def test_a_failed_refit_keeps_the_fitted_model_whole(error, parameters, options):
    model = GradientBoostingClassifier(n_estimators=5).fit(X, Y)
    predicted, content = model.predict(X), model._onnx_bytes()
    model.set_params(**parameters)
    with pytest.raises(error):
        model.fit(np.zeros((150, 3)), np.arange(150) % 3 + 5, **options)
    assert model.classes_.tolist() == ["high", "low"]
    assert model.n_features_in_ == 2
    assert model.feature_names_in_.tolist() == ["a", "b"]
    assert model._onnx_bytes() == content
    np.testing.assert_array_equal(model.predict(X), predicted)
    assert model.get_params()["max_bins"] == parameters.get("max_bins", 255)


def test_a_failed_first_fit_leaves_nothing():
    model = GradientBoostingClassifier()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, callbacks=[stop])
    assert not [name for name in vars(model) if name.endswith("_") or name.startswith("_")]
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_a_failed_refit_keeps_the_number_of_quantiles():
    model = GradientBoostingRegressor(loss="quantile", quantile=[0.2, 0.8], n_estimators=5).fit(X, X["a"])
    model.set_params(loss="squared_error")
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, X["a"], callbacks=[stop])
    assert model.predict(X).shape == (200, 2)
    assert model.fit(X, X["a"]).predict(X).shape == (200,)
