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
        (
            {"categorical_features": 0},
            ArsenalTypeError,
            "categorical_features is 0, wanted 'from_dtype', None, or one list",
        ),
        ({"categorical_features": [[0]]}, ArsenalTypeError, r"categorical_features is \[\[0\]\], wanted 'from_dtype'"),
        (
            {"categorical_features": [[0], [0, 1]]},
            ArsenalTypeError,
            r"categorical_features is \[\[0\], \[0, 1\]\], wanted",
        ),
        ({"validation_fraction": 0}, ArsenalValueError, "validation_fraction is 0, wanted a share above 0 and below 1"),
        (
            {"validation_fraction": 1.0},
            ArsenalValueError,
            "validation_fraction is 1.0, wanted a share above 0 and below",
        ),
        (
            {"validation_fraction": -3},
            ArsenalValueError,
            "validation_fraction is -3, wanted .* or a whole number of rows",
        ),
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
    for normalize in ("no", 2, None):
        with pytest.raises(ArsenalTypeError, match=f"normalize is {normalize!r}, wanted True or False"):
            GradientBoostingRanker(normalize=normalize).fit(NUMBERS[:, None], Y, group=[N])


@pytest.mark.parametrize("quantile", ["abc", "0.5", [[0.1], [0.9]], {0.1, 0.2}, (0.1, None), True, [0.5, "a"]])
def test_a_quantile_that_is_no_number_is_named(quantile):
    model = GradientBoostingRegressor(loss="quantile", quantile=quantile)
    with pytest.raises(ArsenalTypeError, match=r"quantile is .*, wanted a number between 0 and 1, or a list of them"):
        model.fit(NUMBERS[:, None], Y)


def test_quantiles_may_be_held_by_whatever_lists_numbers():
    X = NUMBERS[:, None]
    models = [
        GradientBoostingRegressor(**FAST, loss="quantile", quantile=quantile).fit(X, NUMBERS)
        for quantile in ([0.25, 0.5], (0.25, 0.5), np.array([0.25, 0.5], np.float32), pd.Series([0.25, 0.5]))
    ]
    assert len({model._onnx_bytes() for model in models}) == 1
    assert models[-1].predict(X).shape == (N, 2)


@pytest.mark.parametrize(
    ("class_weight", "error", "message"),
    [
        ([1], ArsenalTypeError, r"class_weight is \[1\], wanted a dict of weights by class, 'balanced' or None"),
        ("even", ArsenalValueError, "class_weight is 'even', wanted a dict of weights by class, 'balanced' or None"),
        ({0: "a"}, ArsenalTypeError, "class_weight has the weight 'a', wanted numbers"),
        ({0: None}, ArsenalTypeError, "class_weight has the weight None, wanted numbers"),
        ({0: -1.0}, ArsenalValueError, "class_weight has the weight -1.0, wanted finite numbers of at least 0"),
        ({5: 1.0}, ArsenalValueError, r"class_weight names the class 5, the classes are \[0, 1\]"),
    ],
)
def test_class_weights_that_are_none_are_named(class_weight, error, message):
    with pytest.raises(error, match=message):
        GradientBoostingClassifier(class_weight=class_weight).fit(NUMBERS[:, None], Y)


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        (lambda iteration, losses: False, "callbacks is of type function, wanted a list of callables"),
        ([3], "callbacks holds a value of type int, wanted callables"),
        ([lambda iteration, losses: np.ones(2)], "a callback returned a value of type ndarray, wanted True to end"),
    ],
)
def test_callbacks_that_are_none_are_named(callbacks, message):
    with pytest.raises(ArsenalTypeError, match=message):
        GradientBoostingRegressor(**FAST).fit(NUMBERS[:, None], Y, callbacks=callbacks)


@pytest.mark.parametrize(
    ("rows", "validation_fraction", "message"),
    [
        (
            [0],
            0.1,
            "early_stopping sets rows of each class aside, the class 1 has 1: wanted at least 2, or an eval_set",
        ),
        (range(0, N, 2), 0.01, "would set 1 of 60 rows aside .* wanted one of each of the 2 classes on both sides"),
        (range(0, N, 2), N, "would set 60 of 60 rows aside .validation_fraction is 60. and leave none to learn from"),
    ],
)
def test_rows_that_cannot_be_set_aside_are_told(rows, validation_fraction, message):
    y = np.isin(np.arange(N), rows).astype(int)
    model = GradientBoostingClassifier(early_stopping=True, validation_fraction=validation_fraction)
    with pytest.raises(ArsenalValueError, match=message):
        model.fit(NUMBERS[:, None], y)


def test_a_single_query_cannot_be_set_aside():
    with pytest.raises(ArsenalValueError, match="early_stopping would set 1 of 1 queries aside"):
        GradientBoostingRanker(early_stopping=True).fit(NUMBERS[:, None], Y, group=[N])


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


@pytest.mark.parametrize(
    ("eval_set", "got"),
    [
        (((NUMBERS[:, None], Y), (NUMBERS[:, None], Y)), "a tuple of tuples"),
        ((("a.parquet", "y"), ("b.parquet", "y")), "a tuple of tuples"),
        ([[NUMBERS[:, None], Y]], "a list"),
        ((NUMBERS[:, None],), "a tuple of 1"),
    ],
)
def test_an_eval_set_of_another_form_is_described(eval_set, got):
    with pytest.raises(ArsenalValueError, match=f"or a list of these, got {got}"):
        GradientBoostingClassifier(**FAST).fit(NUMBERS[:, None], Y, eval_set=eval_set)


@pytest.mark.parametrize(
    ("eval_set", "message"),
    [
        ((np.zeros((N, 2)), Y), "eval_set: X has 2 features, but GradientBoostingClassifier is expecting 1"),
        ((NUMBERS[:, None], Y[:3]), "eval_set: X has 60 rows, y has 3"),
        ((NUMBERS[:, None], Y, -np.ones(N)), "eval_set: Negative values in data passed to `sample_weight`"),
        ([(NUMBERS[:, None], Y), (NUMBERS, Y)], "eval_set 1: Expected 2D array, got 1D array"),
        (
            [(NUMBERS[:, None], Y + 1), (NUMBERS, Y)],
            r"eval_set 0: y has the class 2, the training classes are \[0, 1\]",
        ),
    ],
)
def test_what_is_wrong_with_an_eval_set_is_said_of_it(eval_set, message):
    with pytest.raises(ArsenalValueError, match=message):
        GradientBoostingClassifier(**FAST).fit(NUMBERS[:, None], Y, eval_set=eval_set)


def test_a_file_of_another_format_is_named(tmp_path):
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"junk")
    with pytest.raises(ArsenalValueError, match=r"X at '.*rows.parquet' cannot be read as a table"):
        GradientBoostingRegressor(**FAST).fit(path, "y")


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
