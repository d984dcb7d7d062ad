"""Gradient boosting as scikit-learn users use it."""

from __future__ import annotations

import pickle

import numpy as np
import onnxruntime
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.models import GradientBoostingClassifier, GradientBoostingRegressor
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.utils.estimator_checks import parametrize_with_checks

FAST = {"n_estimators": 10, "random_state": 0, "n_jobs": 1}


@parametrize_with_checks([GradientBoostingClassifier(n_estimators=20), GradientBoostingRegressor(n_estimators=20)])
def test_scikit_learns_own_checks_pass_without_exception(estimator, check):
    check(estimator)


def test_accuracy_on_real_data_is_that_of_a_booster():
    X, y = load_breast_cancer(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    model = GradientBoostingClassifier(random_state=0).fit(X_train, y_train)
    assert roc_auc_score(y_test, model.predict_proba(X_test)[:, 1]) > 0.985
    assert model.feature_importances_.sum() == pytest.approx(1)
    assert model.feature_importances_.shape == (30,)
    X, y = load_iris(return_X_y=True)
    assert cross_val_score(GradientBoostingClassifier(**FAST), X, y).mean() > 0.92
    X, y = load_diabetes(return_X_y=True)
    scores = cross_val_score(GradientBoostingRegressor(n_estimators=60, learning_rate=0.05, random_state=0), X, y)
    assert scores.mean() > 0.38


def test_predictions_come_from_the_exported_file_and_match_onnxruntime():
    X, y = load_breast_cancer(return_X_y=True)
    for dtype, tolerance in [(np.float32, 1e-6), (np.float64, 1e-12)]:
        model = GradientBoostingClassifier(**FAST).fit(X.astype(dtype), y)
        session = onnxruntime.InferenceSession(model._onnx_bytes())
        labels, probabilities = session.run(None, {"X": X.astype(dtype)})
        ours = model.predict_proba(X.astype(dtype))
        assert ours.dtype == dtype
        np.testing.assert_allclose(ours, probabilities, atol=tolerance, rtol=0)
        np.testing.assert_array_equal(model.predict(X.astype(dtype)), labels)
        np.testing.assert_allclose(model.predict_log_proba(X.astype(dtype)), np.log(ours))


@pytest.mark.parametrize(
    ("labels", "kept"),
    [
        (["no", "yes", "maybe"], ["no", "yes", "maybe"]),
        ([3, -7, 12], [3, -7, 12]),
        ([1.0, 2.0, 4.0], [1, 2, 4]),
    ],
)
def test_labels_come_back_as_they_were_and_the_file_knows_them(labels, kept):
    X, y = load_iris(return_X_y=True)
    X = X.astype(np.float32)
    model = GradientBoostingClassifier(**FAST).fit(X, np.array(labels)[y])
    assert set(model.predict(X)) == set(labels)
    assert model.score(X, np.array(labels)[y]) > 0.95
    in_file = onnxruntime.InferenceSession(model._onnx_bytes()).run(["label"], {"X": X})[0]
    assert set(in_file.tolist()) == set(kept)


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.int64, np.uint8, np.float64])
def test_whole_classes_of_any_type_and_range_are_the_distinct_ones(kind):
    X = np.arange(200, dtype=np.float32)[:, None]
    low, high = (np.iinfo(kind).min, np.iinfo(kind).max) if kind != np.float64 else (-1e9, 1e9)
    for classes in ([3, 5], [0, 7, 120], [low, high]):
        y = np.array(classes, kind)[np.arange(200) * len(classes) // 200]
        model = GradientBoostingClassifier(n_estimators=5, min_samples_leaf=1, learning_rate=0.5).fit(X, y)
        assert model.classes_.dtype == y.dtype
        np.testing.assert_array_equal(model.classes_, np.unique(y))
        np.testing.assert_array_equal(model.predict(X), y)


def test_two_classes_of_booleans():
    X, y = load_breast_cancer(return_X_y=True)
    model = GradientBoostingClassifier(**FAST).fit(X, y.astype(bool))
    assert model.predict(X).dtype == bool
    assert model.score(X, y.astype(bool)) > 0.95


def test_float64_rows_take_the_branch_that_float64_would_take_in_a_float32_model():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 40, size=(600, 3)).astype(np.float32) / 8
    y = X[:, 0] + X[:, 1]
    model = GradientBoostingRegressor(n_estimators=30, random_state=0).fit(X, y)
    just_above = np.nextafter(X.astype(np.float64), np.inf)
    np.testing.assert_array_equal(model.predict(X.astype(np.float64)), model.predict(X))
    # Thresholds lie midway between eighths: nothing changes there, though rounding to nearest would fall back.
    np.testing.assert_array_equal(model.predict(just_above), model.predict(X))
    thresholds = (np.arange(40) + 0.5) / 8
    above = np.nextafter(thresholds, np.inf)
    table = np.column_stack([above, above, above])
    upper = np.column_stack([np.arange(1, 41) / 8] * 3)
    np.testing.assert_array_equal(model.predict(table), model.predict(upper.astype(np.float32)))


def test_whole_numbers_and_booleans_are_read_exactly_or_refused():
    X = np.arange(200).reshape(100, 2)
    y = (X[:, 0] > 80).astype(int)
    model = GradientBoostingClassifier(**FAST).fit(X, y)
    assert model.predict_proba(X).dtype == np.float32
    large = X + 2**30
    model = GradientBoostingClassifier(**FAST).fit(large, y)
    assert model.predict_proba(large).dtype == np.float64
    np.testing.assert_array_equal(model.predict(large), y)
    with pytest.raises(ArsenalValueError, match=r"at most 2\*\*53"):
        model.fit(X + 2**60, y)
    assert GradientBoostingClassifier(**FAST).fit(X > 80, y).score(X > 80, y) == 1


def frames():
    rng = np.random.default_rng(1)
    n = 500
    carrier = rng.choice(["AA", "DL", "UA", "nan", "None"], n)
    distance = rng.integers(100, 3000, n)
    delay = rng.normal(size=n)
    delay[::11] = np.nan
    y = ((carrier == "DL") | (distance > 2000) & ~(delay > 1)).astype(int)
    return {"carrier": carrier, "distance": distance, "delay": delay}, y


def test_tables_of_every_library_give_the_same_file():
    data, y = frames()
    tables = [pd.DataFrame(data), pl.DataFrame(data, nan_to_null=True), pa.table(data, schema=None)]
    tables.append(pa.table({**data, "carrier": pa.array(data["carrier"]).dictionary_encode()}))
    tables.append(pd.DataFrame(data).astype({"carrier": "category"}))
    files, scores = [], []
    for table in tables:
        model = GradientBoostingClassifier(**FAST).fit(table, y)
        files.append(model._onnx_bytes())
        scores.append(model.predict_proba(table))
        assert list(model.feature_names_in_) == ["carrier", "distance", "delay"]
    assert all(file == files[0] for file in files)
    assert all(np.array_equal(other, scores[0]) for other in scores)
    assert roc_auc_score(y, scores[0][:, 1]) > 0.95


def test_missing_and_unseen_text_go_together_and_lookalikes_stay_categories():
    data, y = frames()
    model = GradientBoostingClassifier(**FAST).fit(pd.DataFrame(data), y)

    def score(carrier):
        row = pd.DataFrame({"carrier": pd.array([carrier], dtype="string"), "distance": [500], "delay": [0.0]})
        return model.predict_proba(row)[0, 1]

    missing = score(None)
    assert score("never seen") == missing == score("") == score(pd.NA)
    inputs = {i.name for i in onnxruntime.InferenceSession(model._onnx_bytes()).get_inputs()}
    assert inputs == {"carrier", "distance", "delay"}


def test_sparse_rows_score_as_dense_ones():
    rng = np.random.default_rng(2)
    X = sparse.random_array((9000, 12), density=0.2, rng=rng, format="csr")
    y = (X[:, [0]].toarray().ravel() > 0.3).astype(int)
    for matrix in (X, X.tocsc(), X.tocoo()):
        model = GradientBoostingClassifier(**FAST).fit(matrix, y)
        assert model._onnx_bytes() == GradientBoostingClassifier(**FAST).fit(X.toarray(), y)._onnx_bytes()
        np.testing.assert_array_equal(model.predict_proba(matrix), model.predict_proba(X.toarray()))


@pytest.mark.parametrize("chosen", [[True, False], [0], [-2], ["x0"]])
def test_category_columns_can_be_named_in_every_way(chosen):
    rng = np.random.default_rng(3)
    X = np.column_stack([rng.integers(0, 30, 800), rng.normal(size=800)]).astype(np.float64)
    y = np.isin(X[:, 0], [1, 5, 17, 22]).astype(int)
    model = GradientBoostingClassifier(
        categorical_features=chosen, n_estimators=20, min_category_group=10, **{"random_state": 0}
    ).fit(X, y)
    assert model.score(X, y) > 0.99
    session = onnxruntime.InferenceSession(model._onnx_bytes())
    np.testing.assert_allclose(session.run(None, {"X": X})[1], model.predict_proba(X), atol=1e-12)
    unseen = np.array([[99.0, 0.0], [np.nan, 0.0]])
    scores = model.predict_proba(unseen)
    assert scores[0, 1] == scores[1, 1]


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ("all", "wanted 'from_dtype'"),
        ([True], r"mask of shape \(1,\)"),
        ([7], "has column 7, X has 2 columns"),
        (["other"], "names 'other'"),
    ],
)
def test_wrong_category_columns_are_named(chosen, message):
    with pytest.raises(ArsenalValueError, match=message):
        GradientBoostingClassifier(categorical_features=chosen).fit(np.zeros((4, 2)), [0, 1, 0, 1])
    for empty in (None, []):
        GradientBoostingClassifier(categorical_features=empty, **FAST).fit(np.zeros((4, 2)), [0, 1, 0, 1])


def test_early_stopping_uses_eval_set_or_sets_rows_aside():
    X, y = load_breast_cancer(return_X_y=True)
    model = GradientBoostingClassifier(n_estimators=500, early_stopping=True, learning_rate=0.5, random_state=0)
    model.fit(X, y)
    assert model.n_iter_ < 100
    assert len(model.evaluation_losses_) == 1
    assert model.n_iter_ == int(np.argmin(model.evaluation_losses_[0]))
    for table in (pd.DataFrame(X), pl.DataFrame(X), pa.table(pd.DataFrame(X)), sparse.csr_array(X)):
        assert clone(model).fit(table, y).n_iter_ == model.n_iter_
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    with_set = clone(model).fit(X_train, y_train, eval_set=(X_test, y_test))
    weighted = clone(model).fit(X_train, y_train, eval_set=[(X_test, y_test, np.ones(len(y_test))), (X_train, y_train)])
    np.testing.assert_array_equal(with_set.evaluation_losses_[0], weighted.evaluation_losses_[0])
    assert len(weighted.evaluation_losses_) == 2
    regressor = GradientBoostingRegressor(early_stopping=True, validation_fraction=0.2, random_state=0)
    assert regressor.fit(*load_diabetes(return_X_y=True)).n_iter_ < 100
    with pytest.raises(ArsenalValueError, match="eval_set is not understood"):
        model.fit(X, y, eval_set=[X, y])
    with pytest.raises(ArsenalValueError, match="eval_set: y has the class 5"):
        model.fit(X, y, eval_set=(X, np.full(len(y), 5)))


def test_weights_of_rows_and_classes():
    X, y = load_breast_cancer(return_X_y=True)
    weights = np.where(y == 1, 3.0, 1.0)
    by_row = GradientBoostingClassifier(**FAST).fit(X, y, sample_weight=weights)
    by_class = GradientBoostingClassifier(class_weight={0: 1, 1: 3}, **FAST).fit(X, y)
    assert by_row._onnx_bytes() == by_class._onnx_bytes()
    assert (
        by_row.predict_proba(X)[:, 1].mean()
        > GradientBoostingClassifier(**FAST).fit(X, y).predict_proba(X)[:, 1].mean()
    )
    balanced = GradientBoostingClassifier(class_weight="balanced", **FAST).fit(X, y, sample_weight=np.ones(len(y)))
    assert balanced.score(X, y) > 0.95
    with pytest.raises(ValueError, match="Negative values"):
        by_row.fit(X, y, sample_weight=-weights)


def test_pickles_clones_and_searches():
    X, y = load_iris(return_X_y=True)
    model = GradientBoostingClassifier(**FAST).fit(X, y)
    model.predict(X)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
    assert not hasattr(clone(model), "classes_")
    search = GridSearchCV(GradientBoostingClassifier(**FAST), {"max_leaf_nodes": [4, 8]}, cv=3).fit(X, y)
    assert search.best_score_ > 0.9


def test_unfitted_wrong_width_and_wrong_values_say_what_is_wrong():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(NotFittedError):
        GradientBoostingClassifier().predict(X)
    model = GradientBoostingClassifier(**FAST).fit(X, y)
    with pytest.raises(ValueError, match="X has 3 features, but GradientBoostingClassifier is expecting 4"):
        model.predict(X[:, :3])
    with pytest.raises(ArsenalValueError, match="1 class"):
        model.fit(X, np.zeros(len(y)))
    with pytest.raises(ArsenalValueError, match="max_bins is 70000, wanted 2 to 65535"):
        GradientBoostingClassifier(max_bins=70_000).fit(X, y)
    with pytest.raises(ArsenalValueError, match="n_jobs is 0"):
        GradientBoostingClassifier(n_jobs=0).fit(X, y)
    data, target = frames()
    table = GradientBoostingClassifier(**FAST).fit(pd.DataFrame(data), target)
    with (
        pytest.warns(UserWarning, match="does not have valid feature names"),
        pytest.raises(ArsenalValueError, match="pass a table with its 3 columns"),
    ):
        table.predict(np.zeros((2, 3)))
    with pytest.raises(ArsenalTypeError, match="mixes text"):
        table.fit(pd.DataFrame({"a": ["x", 1.0, "y", 2.0]}), [0, 1, 0, 1])
    with pytest.raises(ArsenalTypeError, match="wanted text, numbers or booleans"):
        table.fit(pd.DataFrame({"a": [{}, {}, None, {}]}), [0, 1, 0, 1])
    with pytest.raises(ArsenalTypeError, match='column "when" has type Timestamp'):
        table.fit(pd.DataFrame({"when": pd.date_range("2020", periods=4)}), [0, 1, 0, 1])
    with pytest.raises(ArsenalValueError, match="0 sample"):
        table.fit(pd.DataFrame({"a": []}), [])


def test_progress_is_shown_and_losses_are_kept(capfd):
    X, y = load_iris(return_X_y=True)
    model = GradientBoostingClassifier(n_estimators=15, verbose=1, random_state=0).fit(X, y)
    shown = capfd.readouterr()
    assert "GradientBoostingClassifier" in shown.out + shown.err
    assert len(model.train_losses_) == 16
    assert model.train_losses_[-1] < model.train_losses_[0]
    assert len(GradientBoostingClassifier(**FAST).fit(X, y).train_losses_) == 0


def test_the_time_range_of_a_dated_table_is_in_the_file():
    data, y = frames()
    table = pd.DataFrame(data, index=pd.date_range("2013-01-01", periods=len(y), freq="h"))
    model = GradientBoostingClassifier(**FAST).fit(table, y)
    metadata = onnxruntime.InferenceSession(model._onnx_bytes()).get_modelmeta().custom_metadata_map
    assert metadata["arsenal.training_time_range"] == '["2013-01-01T00:00:00", "2013-01-21T19:00:00"]'
