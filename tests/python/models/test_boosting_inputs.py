"""Parameters, labels and tables that no model can be learned from: what, got and wanted, in Arsenal's own errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.models import GradientBoostingClassifier, GradientBoostingRanker, GradientBoostingRegressor
from sklearn.base import clone

N = 60
NUMBERS = np.arange(float(N))
Y = np.arange(N) % 2
FAST = {"n_estimators": 2, "min_samples_leaf": 2, "random_state": 0}


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"n_estimators": -1}, ArsenalValueError, "n_estimators is -1, wanted at least 1"),
        ({"n_estimators": 1.5}, ArsenalTypeError, "n_estimators is 1.5, wanted a whole number"),
        ({"n_estimators": "a"}, ArsenalTypeError, "n_estimators is 'a', wanted a whole number"),
        ({"n_estimators": None}, ArsenalTypeError, "n_estimators is None, wanted a whole number"),
        ({"n_estimators": True}, ArsenalTypeError, "n_estimators is True, wanted a whole number"),
        ({"max_depth": -1}, ArsenalValueError, "max_depth is -1, wanted at least 1"),
        ({"max_depth": 2**63}, ArsenalValueError, r"max_depth is 9223372036854775808, wanted less than 2\*\*63"),
        ({"max_depth": 2.0}, ArsenalTypeError, "max_depth is 2.0, wanted a whole number or None"),
        ({"max_leaf_nodes": -3}, ArsenalValueError, "max_leaf_nodes is -3, wanted at least 2"),
        ({"max_bins": -1}, ArsenalValueError, "max_bins is -1, wanted at least 2"),
        ({"n_iter_no_change": -1}, ArsenalValueError, "n_iter_no_change is -1, wanted at least 1"),
        ({"min_category_group": -1}, ArsenalValueError, "min_category_group is -1, wanted at least 0"),
        ({"learning_rate": "a"}, ArsenalTypeError, "learning_rate is 'a', wanted a number"),
        ({"learning_rate": None}, ArsenalTypeError, "learning_rate is None, wanted a number"),
        ({"grow_policy": 3}, ArsenalTypeError, "grow_policy is 3, wanted a name"),
        ({"max_drop": -1}, ArsenalValueError, "max_drop is -1, wanted at least 1"),
        ({"drop_rate": "x"}, ArsenalTypeError, "drop_rate is 'x', wanted a number"),
        ({"tol": [1]}, ArsenalTypeError, r"tol is \[1\], wanted a number"),
        ({"verbose": "a"}, ArsenalTypeError, "verbose is 'a', wanted a whole number"),
        ({"n_jobs": 1.5}, ArsenalTypeError, "n_jobs is 1.5, wanted a whole number or None"),
        ({"n_jobs": 10**30}, ArsenalValueError, r"n_jobs is 1000000000000000000000000000000, wanted less than 2\*\*63"),
    ],
)
@pytest.mark.parametrize("estimator", [GradientBoostingClassifier(), GradientBoostingRegressor()])
def test_wrong_parameters_are_named(estimator, parameters, error, message):
    with pytest.raises(error, match=message):
        clone(estimator).set_params(**parameters).fit(NUMBERS[:, None], Y)


def test_wrong_parameters_of_one_estimator_are_named():
    for parameters in ({"loss": "huber", "alpha": "x"}, {"loss": "tweedie", "tweedie_power": "x"}):
        with pytest.raises(ArsenalTypeError, match=r"(alpha|tweedie_power) is 'x', wanted a number"):
            GradientBoostingRegressor(**parameters).fit(NUMBERS[:, None], Y)
    with pytest.raises(ArsenalTypeError, match="eval_at is 'x', wanted a whole number"):
        GradientBoostingRanker(eval_at="x").fit(NUMBERS[:, None], Y, group=[N])


def test_numbers_of_numpy_are_parameters_too():
    plain = GradientBoostingClassifier(**FAST, learning_rate=0.5).fit(NUMBERS[:, None], Y)
    numpy_ones = {"n_estimators": np.int32(2), "min_samples_leaf": np.uint8(2), "learning_rate": np.float32(0.5)}
    assert GradientBoostingClassifier(**FAST | numpy_ones).fit(NUMBERS[:, None], Y)._onnx_bytes() == plain._onnx_bytes()


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (
            np.array([1, 2**63], np.uint64),
            "y has the class 9223372036854775808, wanted whole numbers of at most 64 bits",
        ),
        (np.array(["a", "\ud800"]), r"y has the class '\\ud800', wanted text that UTF-8 can hold"),
        (np.array(["a", "\ud800"], object), r"y has the class '\\ud800', wanted text that UTF-8 can hold"),
    ],
)
def test_classes_that_no_file_can_hold_are_named(classes, message):
    with pytest.raises(ArsenalValueError, match=message):
        GradientBoostingClassifier(**FAST).fit(NUMBERS[:, None], classes[Y])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pd.Series(NUMBERS), "X is one column, a pandas.Series, wanted a table"),
        (lambda: pl.Series(NUMBERS), "X is one column, a polars.Series, wanted a table"),
        (lambda: pa.chunked_array([NUMBERS]), "X is a pyarrow.ChunkedArray, wanted a table that has a length"),
    ],
)
def test_what_is_no_table_is_named(make, message):
    model = GradientBoostingClassifier(**FAST).fit(NUMBERS[:, None], Y)
    for use in (model.predict, lambda X: clone(model).fit(X, Y)):
        with pytest.raises(ArsenalTypeError, match=message):
            use(make())


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pd.Series([10**30] * N, dtype=object), "too large"),
        (pd.Series(NUMBERS + 1j), "Unsupported numpy type"),
        (pd.Series(pd.Categorical([1, "x"] * (N // 2))), "Could not convert 'x'"),
        (pd.Series(["\ud800", "x"] * (N // 2), dtype=object), "surrogates not allowed"),
    ],
)
def test_columns_that_arrow_cannot_hold_are_named(column, message):
    good = pd.DataFrame({"fine": NUMBERS, "bad": NUMBERS})
    bad = good.assign(bad=column)
    with pytest.raises(ArsenalValueError, match=f"column 'bad' of X cannot be read as an Arrow table: .*{message}"):
        GradientBoostingClassifier(**FAST).fit(bad, Y)
    with pytest.raises(ArsenalValueError, match="column 'bad' of eval_set cannot be read as an Arrow table"):
        GradientBoostingClassifier(**FAST).fit(good, Y, eval_set=(bad, Y))


def test_tables_without_rows_or_columns_say_which():
    with pytest.raises(ArsenalValueError, match=r"X has 0 feature\(s\) \(shape=\(60, 0\)\)"):
        GradientBoostingClassifier(**FAST).fit(pd.DataFrame(index=range(N)), Y)
    with pytest.raises(ArsenalValueError, match=r"X has 0 sample\(s\)"):
        GradientBoostingClassifier(**FAST).fit(pl.DataFrame({"a": []}), [])


@pytest.mark.parametrize("eval_set", [3, "ab", {"X": 1}, [3]])
def test_an_eval_set_that_is_none_is_named(eval_set):
    with pytest.raises(ArsenalValueError, match="eval_set is not understood, wanted"):
        GradientBoostingClassifier(**FAST).fit(NUMBERS[:, None], Y, eval_set=eval_set)


def test_a_column_of_nulls_is_missing_everywhere():
    nothing = [None] * N
    tables = [
        pl.DataFrame({"a": NUMBERS, "b": nothing}),
        pa.table({"a": NUMBERS, "b": pa.nulls(N)}),
        pd.DataFrame({"a": NUMBERS, "b": np.full(N, np.nan, np.float32)}),
    ]
    models = [GradientBoostingClassifier(**FAST).fit(table, Y, eval_set=(table, Y)) for table in tables]
    assert len({model._onnx_bytes() for model in models}) == 1
    for table in tables:
        np.testing.assert_array_equal(models[0].predict_proba(table), models[1].predict_proba(tables[1]))


def test_more_iterations_are_measured_than_early_stopping_keeps():
    X, y = NUMBERS[:, None], np.random.default_rng(0).permutation(Y)
    model = GradientBoostingClassifier(
        n_estimators=50, min_samples_leaf=2, early_stopping=True, n_iter_no_change=3, random_state=0, verbose=1
    ).fit(X, y)
    assert model.n_iter_ + 1 < len(model.evaluation_losses_[0]) == len(model.train_losses_)


def test_halves_are_numbers_in_every_table():
    halves = NUMBERS.astype(np.float16)
    frame = pl.DataFrame({"a": NUMBERS.astype(np.float32)})
    wanted = GradientBoostingClassifier(**FAST).fit(frame, Y)
    table = pa.table({"a": halves})
    model = GradientBoostingClassifier(**FAST).fit(table, Y, eval_set=(table, Y))
    assert model._onnx_bytes() == wanted._onnx_bytes()
    np.testing.assert_array_equal(model.predict_proba(table), wanted.predict_proba(frame))


def test_more_threads_than_are_of_use_are_not_started():
    models = [GradientBoostingClassifier(**FAST, n_jobs=n_jobs).fit(NUMBERS[:, None], Y) for n_jobs in (1, 10**9)]
    assert models[0]._onnx_bytes() == models[1]._onnx_bytes()
    np.testing.assert_array_equal(models[0].predict(NUMBERS[:, None]), models[1].predict(NUMBERS[:, None]))


def test_a_name_with_nul_is_refused():
    text = np.array(["x", "y", "z"])[np.arange(N) % 3]
    table = pa.table({"a\0b": NUMBERS, "text": text})
    with pytest.raises(ArsenalValueError, match=r"column 0 is named .*wanted a name without NUL"):
        GradientBoostingClassifier(**FAST).fit(table, Y)


@pytest.mark.parametrize("weight", [1e37, 1e38, 1e60, 1e300])
def test_weights_beyond_what_derivatives_can_hold_are_refused(weight):
    with pytest.raises(ArsenalValueError, match=r"(gradient|hessian) of the loss is .* wanted at most 1e36"):
        GradientBoostingRegressor(**FAST).fit(NUMBERS[:, None], NUMBERS, sample_weight=np.full(N, weight))


@pytest.mark.parametrize("weight", [1e-30, 1.0, 1e20, 1e33])
def test_weights_of_any_other_size_give_the_same_trees(weight):
    options = FAST | {"learning_rate": 0.5, "min_child_weight": 0.0}
    plain = GradientBoostingRegressor(**options).fit(NUMBERS[:, None], NUMBERS)
    weighed = GradientBoostingRegressor(**options).fit(NUMBERS[:, None], NUMBERS, sample_weight=np.full(N, weight))
    np.testing.assert_allclose(weighed.predict(NUMBERS[:, None]), plain.predict(NUMBERS[:, None]), rtol=1e-2)


@pytest.mark.parametrize(
    ("dtype", "y", "message"),
    [
        (np.float32, NUMBERS * 1e40, r"y is about 2\.\d+e41, wanted numbers that a model of float32 columns"),
        (np.float64, NUMBERS * 1e40, "a gradient of the loss is .*: y or sample_weight is too large"),
        (np.float32, np.where(Y, 1e300, -1e300), "a gradient of the loss is inf .*: y or sample_weight is too large"),
        (np.float64, np.full(N, 1.7e308), "y is too large in size to be added up"),
    ],
)
def test_targets_that_are_too_large_are_said_to_be(dtype, y, message):
    with pytest.raises(ArsenalValueError, match=message):
        GradientBoostingRegressor(**FAST).fit(NUMBERS[:, None].astype(dtype), y)
