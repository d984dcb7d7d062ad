"""A forest's fit that fails leaves the estimator as it was; what is wrong with the input is said of the input."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.models import DecisionTreeClassifier, ExtraTreesRegressor, IsolationForest, RandomForestClassifier
from sklearn.exceptions import DataConversionWarning, NotFittedError

X = pd.DataFrame({"a": np.arange(200.0), "b": np.arange(200.0) % 7})
Y = np.where(np.arange(200) < 90, "low", "high")


def unreadable() -> pd.DataFrame:
    return pd.DataFrame({"good": np.arange(200.0), "bad": np.ones(200, dtype=np.complex128)})


@pytest.mark.parametrize("kind", [RandomForestClassifier, DecisionTreeClassifier])
@pytest.mark.parametrize(
    ("error", "parameters", "options"),
    [
        (ArsenalValueError, {"max_bins": 1000}, {}),
        (ArsenalValueError, {"categorical_features": ["gone"]}, {}),
        (ValueError, {}, {"sample_weight": np.zeros(150)}),
    ],
)
def test_a_failed_refit_keeps_the_fitted_model_whole(kind, error, parameters, options):
    model = kind(random_state=0).fit(X, Y)
    predicted, content = model.predict(X), model._onnx_bytes()
    model.set_params(**parameters)
    with pytest.raises(error):
        model.fit(np.zeros((150, 3)), np.arange(150) % 3 + 5, **options)
    assert model.classes_.tolist() == ["high", "low"]
    assert model.n_features_in_ == 2
    assert model.feature_names_in_.tolist() == ["a", "b"]
    assert model._onnx_bytes() == content
    np.testing.assert_array_equal(model.predict(X), predicted)


def test_a_failed_refit_keeps_the_isolation_forest_whole():
    model = IsolationForest(random_state=0, n_estimators=5).fit(X)
    scores = model.score_samples(X)
    with pytest.raises(ArsenalValueError, match="max_samples is 500"):
        model.set_params(max_samples=500.5).fit(np.zeros((300, 3)))
    with pytest.raises(ValueError, match="non-zero number"):
        model.set_params(max_samples="auto").fit(np.zeros((300, 3)), sample_weight=np.zeros(300))
    assert (model.n_features_in_, model.max_samples_) == (2, 200)
    np.testing.assert_array_equal(model.score_samples(X), scores)


@pytest.mark.parametrize("kind", [RandomForestClassifier, IsolationForest])
def test_a_failed_first_fit_leaves_nothing(kind):
    model = kind(n_estimators=5)
    with pytest.raises(ValueError, match="non-zero number"):
        model.fit(X, Y, sample_weight=np.zeros(200))
    assert not [name for name in vars(model) if name.endswith("_") or name.startswith("_")]
    with pytest.raises(NotFittedError):
        model.predict(X)


@pytest.mark.parametrize(
    ("error", "parameters", "message"),
    [
        (ArsenalTypeError, {"n_estimators": 2.5}, "n_estimators is 2.5, wanted a whole number"),
        (ArsenalTypeError, {"max_depth": "deep"}, "max_depth is 'deep', wanted a whole number or None"),
        (ArsenalTypeError, {"ccp_alpha": None}, "ccp_alpha is None, wanted a number"),
        (ArsenalTypeError, {"min_impurity_decrease": "0"}, "min_impurity_decrease is '0', wanted a number"),
        (ArsenalValueError, {"max_leaf_nodes": 1}, "max_leaf_nodes is 1, wanted at least 2"),
        (ArsenalValueError, {"verbose": -1}, "verbose is -1, wanted at least 0"),
    ],
)
def test_parameters_of_a_wrong_kind_are_named(error, parameters, message):
    with pytest.raises(error, match=message):
        ExtraTreesRegressor(**parameters).fit(X, X["a"])


def test_isolation_forests_name_parameters_of_a_wrong_kind():
    with pytest.raises(ArsenalTypeError, match="n_estimators is 'many', wanted a whole number"):
        IsolationForest(n_estimators="many").fit(X)


@pytest.mark.parametrize("kind", [ExtraTreesRegressor, IsolationForest])
def test_a_column_that_arrow_cannot_read_is_named(kind):
    with pytest.raises(ArsenalValueError, match="column 'bad' of X cannot be read as an Arrow table"):
        kind(n_estimators=2).fit(unreadable(), X["a"])
    model = ExtraTreesRegressor(n_estimators=2).fit(unreadable().assign(bad=1.0), X["a"])
    with pytest.raises(ArsenalValueError, match="column 'bad' of X cannot be read as an Arrow table"):
        model.apply(unreadable())


def test_warnings_point_at_the_line_that_called_fit():
    model = RandomForestClassifier(n_estimators=1, oob_score=True, warm_start=True, class_weight="balanced")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, Y[:, None])
        model.fit(X, Y)
        IsolationForest(max_samples=500, n_estimators=1).fit(X)
    assert {warning.category for warning in caught} == {DataConversionWarning, UserWarning}
    assert len(caught) == 6  # a column vector, the preset with warm_start (twice), seen rows, no new trees, max_samples
    assert {warning.filename for warning in caught} == {__file__}
