"""Tables at the door: which columns go where, exact conversion, what is missing, and one row as a dict."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_models
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from arsenal.deployment import InferenceSession
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from numpy.typing import NDArray
from onnx import helper
from onnx_models import BOOL, DOUBLE, FLOAT, INT64, STRING, Trees

NAMES = ["distance", "carrier", "delay", "origin"]


def flights_session() -> tuple[bytes, InferenceSession]:
    trees = Trees(np.random.default_rng(0), 10, 4, 4, 2, np.arange(7.0))
    model = onnx_models.flights(trees)
    return model, InferenceSession(model)


def flights(n: int) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(n)
    return {
        "distance": rng.choice(np.arange(8.0), n).astype(np.float32),
        "carrier": rng.choice(np.array([*onnx_models.CARRIERS, "unknown"], object), n),
        "delay": rng.choice([np.nan, 1, 2, 3], n).astype(np.float32),
        "origin": rng.choice(np.array(["EWR", "JFK", "LGA", "", "jfk"], object), n),
    }


def tensors(columns: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name: values.reshape(-1, 1) for name, values in columns.items()}


TABLES: dict[str, Callable[[dict[str, NDArray[Any]]], Any]] = {
    "dict of arrays": dict,
    "dict of lists": lambda columns: {name: values.tolist() for name, values in columns.items()},
    "dict of tensors": tensors,
    "dict of series": lambda columns: dict(pd.DataFrame(columns).items()),
    "dict of polars series": lambda columns: {name: pl.Series(values) for name, values in columns.items()},
    "pandas": pd.DataFrame,
    "pandas object": lambda columns: pd.DataFrame(columns).astype({"carrier": object, "origin": object}),
    "pandas str_": lambda columns: pd.DataFrame(columns).astype({"carrier": "string[python]", "origin": "category"}),
    "pandas arrow": lambda columns: pa.table(columns).to_pandas(types_mapper=pd.ArrowDtype),
    "polars": lambda columns: pl.DataFrame(columns),
    "polars categorical": lambda columns: pl.DataFrame(columns).with_columns(
        pl.col("carrier", "origin").cast(pl.String).cast(pl.Categorical)
    ),
    "pyarrow": pa.table,
    "record batch": lambda columns: pa.table(columns).combine_chunks().to_batches()[0],
    "reader": lambda columns: pa.table(columns).to_reader(max_chunksize=77),
}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("n", [1, 300])
def test_every_kind_of_table(rival: Any, table: str, n: int) -> None:
    model, session = flights_session()
    columns = flights(n)
    seen, raw = rival(model).run(None, tensors(columns))
    made = TABLES[table](columns)
    np.testing.assert_array_equal(session(made), raw)
    out = np.empty_like(raw)
    assert session(TABLES[table](columns), out=out) is out
    np.testing.assert_array_equal(out, raw)
    if not table.startswith("dict"):
        for our, their in zip(session.run(None, TABLES[table](columns)), [seen, raw], strict=True):
            np.testing.assert_array_equal(our, their)


@pytest.mark.parametrize("n", [4095, 4096, 4097, 10_000])
def test_tables_of_many_blocks(n: int) -> None:
    _, session = flights_session()
    columns = flights(n)
    expected = session.run(["raw"], tensors(columns))[0]
    frame = pd.DataFrame(columns)
    for table in (columns, frame, pl.DataFrame(columns), pa.table(columns).to_reader(max_chunksize=1000)):
        np.testing.assert_array_equal(session(table), expected)


def test_strings_go_out_block_by_block() -> None:
    session = InferenceSession(onnx_models.columns_identity(a=STRING, b=FLOAT))
    words = [f"word {i % 977}" for i in range(9000)]
    a, b = session.run(None, pd.DataFrame({"a": words, "b": np.zeros(9000, np.float32)}))
    assert a[:, 0].tolist() == words
    assert b.shape == (9000, 1)


def test_extra_columns_are_ignored() -> None:
    _, session = flights_session()
    columns = flights(20)
    expected = session(columns)
    frame = pd.DataFrame(columns)
    frame.insert(0, "when", pd.Timestamp("2013-01-01"))
    frame[7] = 1
    for table in (frame, pa.table({"nested": [[1]] * 20, **columns}), {"when": object(), **columns}):
        np.testing.assert_array_equal(session(table), expected)


@pytest.mark.parametrize("make", [dict, pd.DataFrame, pl.DataFrame, pa.table])
def test_missing_columns_are_listed(make: Any) -> None:
    _, session = flights_session()
    columns = {name: values for name, values in flights(3).items() if name not in {"carrier", "origin"}}
    message = r"the table lacks 2 of the model's 4 columns: 'carrier', 'origin'; it has 'distance', 'delay'"
    with pytest.raises(ArsenalValueError, match=message):
        session(make(columns))


def test_a_column_that_is_there_twice() -> None:
    _, session = flights_session()
    table = pa.table([pa.array([1.0])] * 5, names=[*NAMES, "delay"])
    with pytest.raises(ArsenalValueError, match="two columns named 'delay'"):
        session(table)


def test_pandas_labels_of_any_kind() -> None:
    session = InferenceSession(onnx_models.columns_identity(a=FLOAT))
    frame = pd.DataFrame(np.float32([[1, 2, 3], [4, 5, 6]]), columns=["b", "a", "b"])
    np.testing.assert_array_equal(session(frame), [[2], [5]])
    wide = InferenceSession(onnx_models.identity(width=3))
    for labels in (["b", "a", "b"], [0, 1, 2], [None, 1.5, ("x", "y")], pd.MultiIndex.from_tuples(["ab", "ac", "dc"])):
        np.testing.assert_array_equal(wide(frame.set_axis(labels, axis=1)), frame)


def test_columns_of_different_length() -> None:
    _, session = flights_session()
    columns = flights(3) | {"delay": np.zeros(4, np.float32)}
    with pytest.raises(ArsenalValueError, match="column 'delay' has 4 rows, column 'distance' has 3"):
        session(columns)


def test_an_array_for_a_model_of_columns() -> None:
    _, session = flights_session()
    with pytest.raises(ArsenalValueError, match="4 inputs, X is one array: give a table or a dict"):
        session(np.zeros((3, 4), np.float32))


# --- one wide input ---


def wide(n: int = 5) -> dict[str, NDArray[Any]]:
    return {name: np.arange(n, dtype=np.float32) + 10 * i for i, name in enumerate(["a", "b", "c"])}


@pytest.mark.parametrize("make", [dict, pd.DataFrame, pl.DataFrame, pa.table])
def test_a_wide_input_by_name_and_by_position(make: Any) -> None:
    columns = wide()
    expected = np.column_stack(list(columns.values()))
    shuffled = {name: columns[name] for name in ["c", "a", "b"]} | {"d": columns["a"]}
    named = InferenceSession(onnx_models.named_identity(["a", "b", "c"]))
    np.testing.assert_array_equal(named(make(shuffled)), expected)
    np.testing.assert_array_equal(named(make({f"x{i}": columns[name] for i, name in enumerate("abc")})), expected)
    unnamed = InferenceSession(onnx_models.identity(width=3))
    np.testing.assert_array_equal(unnamed(make(columns)), expected)
    with pytest.raises(ArsenalValueError, match="the table has 4 columns, input 'X' takes 3"):
        unnamed(make(shuffled))
    with pytest.raises(ArsenalValueError, match="lacks 1 of the model's 3 columns: 'b'"):
        named(make({name: columns[name] for name in "ac"} | {"z": columns["a"]}))


def test_a_wide_input_of_many_blocks_and_of_strings() -> None:
    columns = {name: np.random.default_rng(i).normal(size=9001) for i, name in enumerate("abc")}
    session = InferenceSession(onnx_models.identity(DOUBLE, 3))
    np.testing.assert_array_equal(session(pd.DataFrame(columns)), np.column_stack(list(columns.values())))
    words = {name: [f"{name}{i}" for i in range(5000)] for name in "abc"}
    result = InferenceSession(onnx_models.identity(STRING, 3))(pl.DataFrame(words))
    assert result[:, 1].tolist() == words["b"]
    assert result[4999].tolist() == ["a4999", "b4999", "c4999"]


def test_a_dict_with_the_input_itself() -> None:
    x = np.float32([[1, 2, 3]])
    for session in (
        InferenceSession(onnx_models.identity(width=3)),
        InferenceSession(onnx_models.named_identity("abc")),
    ):
        np.testing.assert_array_equal(session({"X": x}), x)


def test_feature_names_have_to_fit() -> None:
    for names in ("[1, 2]", '"ab"', '["a"]'):
        with pytest.raises(ArsenalValueError, match=r"arsenal\.feature_names"):
            InferenceSession(onnx_models.identity(width=2, metadata={"arsenal.feature_names": names}))
    with pytest.raises(json.JSONDecodeError):
        InferenceSession(onnx_models.identity(width=2, metadata={"arsenal.feature_names": "a,b"}))


def test_a_single_column_by_name_or_by_position() -> None:
    session = InferenceSession(onnx_models.columns_identity(a=FLOAT))
    two = pd.DataFrame({"b": np.float32([1, 2]), "a": np.float32([3, 4])})
    np.testing.assert_array_equal(session(two), [[3], [4]])
    np.testing.assert_array_equal(session(two[["b"]]), [[1], [2]])
    np.testing.assert_array_equal(session(np.float32([[5]])), [[5]])


def test_a_parameter_has_rows_of_its_own() -> None:
    session = InferenceSession(onnx_models.quantiles())
    feed = {"a": np.float32([1, 2, 3]), "levels": np.float32([0.5, 2])}
    expected = np.float32([[0.5, 2], [1, 4], [1.5, 6]])
    np.testing.assert_array_equal(session(feed), expected)
    np.testing.assert_array_equal(session.run(None, feed)[0], expected)
    with pytest.raises(ArsenalValueError, match="not all of which are single columns"):
        session(pd.DataFrame({"a": feed["a"], "levels": feed["a"]}))


def test_columns_of_one_dimension() -> None:
    nodes = [helper.make_node("Add", ["a", "b"], ["Y"])]
    inputs = [onnx_models.vector(name, FLOAT) for name in "ab"]
    session = InferenceSession(onnx_models.model_bytes(nodes, inputs, [onnx_models.vector("Y", FLOAT)]))
    columns = {"a": np.float32([1, 2]), "b": np.int8([3, 4])}
    for table in (columns, pd.DataFrame(columns), tensors(columns)):
        np.testing.assert_array_equal(session(table), [4, 6])
    np.testing.assert_array_equal(session({"a": 1, "b": 2.5}), [3.5])


# --- numbers ---

EXACT = {
    "int8": np.int8([1, -2]),
    "uint16": np.uint16([1, 65535]),
    "int64": np.int64([2**24, -(2**40)]),
    "uint64": np.uint64([2**63, 1]),
    "bool": np.array([True, False]),
    "float16": np.float16([0.5, np.nan]),
    "float32": np.float32([0.1, np.inf]),
    "float64": np.float64([0.5, -np.inf]),
}


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("make", [dict, pd.DataFrame, pl.DataFrame, pa.table])
@pytest.mark.parametrize("dtype", [FLOAT, DOUBLE], ids=["float", "double"])
def test_numbers_of_every_type(name: str, make: Any, dtype: int) -> None:
    session = InferenceSession(onnx_models.columns_identity(a=dtype))
    result = session(make({"a": EXACT[name]}))
    np.testing.assert_array_equal(result[:, 0], EXACT[name].astype(result.dtype))


@pytest.mark.parametrize("make", [dict, pd.DataFrame, pl.DataFrame, pa.table])
@pytest.mark.parametrize(
    ("values", "dtype", "message"),
    [
        (np.int64([1, 2**24 + 1]), FLOAT, r"column 'a', row 1: 16777217 \(int64\) .*float32.*2\*\*24"),
        (np.int64([1, 2**53 + 1]), DOUBLE, r"column 'a', row 1: 9007199254740993 \(int64\) .*float64.*2\*\*53"),
        (np.float64([1, 0.1]), FLOAT, r"column 'a', row 1: 0\.1 \(float64\) is not exactly a float32.*astype"),
        (np.float64([1, 1e300]), FLOAT, r"column 'a', row 1: 1e\+300 \(float64\)"),
        (np.float64([1, 1.5]), INT64, r"column 'a', row 1: 1\.5 \(float64\) is not exactly a int64"),
        (np.float64([1, 2.0**63]), INT64, r"column 'a', row 1: 9\.?2"),
        (np.int64([1, 2]), BOOL, r"column 'a', row 1: 2 \(int64\) is not exactly a bool"),
    ],
)
def test_numbers_that_would_change(make: Any, values: NDArray[Any], dtype: int, message: str) -> None:
    session = InferenceSession(onnx_models.columns_identity(a=dtype))
    with pytest.raises(ArsenalValueError, match=message):
        session(make({"a": values}))


def test_the_row_of_an_error_is_that_of_the_table() -> None:
    session = InferenceSession(onnx_models.columns_identity(a=FLOAT))
    values = np.zeros(9000)
    values[8765] = 0.1
    for table in ({"a": values}, pa.table({"a": values}).to_reader(max_chunksize=999)):
        with pytest.raises(ArsenalValueError, match=r"row 8765: 0\.1"):
            session(table)


@pytest.mark.parametrize(
    ("values", "dtype", "message"),
    [
        (["a", "b"], FLOAT, r"column 'a'.*wanted a number|column 'a' is .*; the model takes tensor\(float\)"),
        ([1.5, 2.5], STRING, r"column 'a' is float64; the model takes tensor\(string\)"),
        (pd.to_datetime(["2013-01-01"] * 2), FLOAT, r"column 'a' .*(datetime|timestamp|type 'ts)"),
    ],
)
@pytest.mark.parametrize("make", [pd.DataFrame, pa.table, lambda columns: pl.DataFrame(pa.table(columns))])
def test_columns_of_the_wrong_kind(make: Any, values: Any, dtype: int, message: str) -> None:
    session = InferenceSession(onnx_models.columns_identity(a=dtype))
    with pytest.raises(ArsenalTypeError, match=message):
        session(make({"a": values}))


def test_columns_of_more_than_one_dimension() -> None:
    session = InferenceSession(onnx_models.columns_identity(a=FLOAT, b=FLOAT))
    with pytest.raises(ArsenalValueError, match=r"column 'a' has shape \(2, 2\), wanted one dimension"):
        session({"a": np.zeros((2, 2), np.float32), "b": np.zeros(2, np.float32)})
    with pytest.raises(ArsenalTypeError, match="column 'a' is a table, wanted one column"):
        session({"a": pa.table({"x": [1.0]}), "b": [1.0]})
    with pytest.raises(ArsenalTypeError, match="column 'a' is a object, wanted an array"):
        session({"a": object(), "b": [1.0]})
    with pytest.raises(ArsenalTypeError, match="X is a single Arrow column, wanted a table"):
        session(pa.array([1.0]))


# --- missing values: the five spellings ---

TEXT_SOURCES: dict[str, Callable[[list[Any]], Any]] = {
    "list": lambda values: {"a": values},
    "object array": lambda values: {"a": np.array(values, object)},
    "StringDType": lambda values: {
        "a": np.array([np.nan if is_missing(v) else v for v in values], np.dtypes.StringDType(na_object=np.nan))
    },
    "pandas object": lambda values: pd.DataFrame({"a": pd.Series(values, dtype=object)}),
    "pandas str": lambda values: pd.DataFrame({"a": pd.Series(values, dtype="str")}),
    "pandas string[python]": lambda values: pd.DataFrame({"a": pd.Series(values, dtype="string[python]")}),
    "pandas string[pyarrow]": lambda values: pd.DataFrame({"a": pd.Series(values, dtype="string[pyarrow]")}),
    "pandas category": lambda values: pd.DataFrame({"a": pd.Series(values, dtype=object).astype("category")}),
    "pandas category of arrow": lambda values: pd.DataFrame(
        {"a": pd.Series(values, dtype="string[pyarrow]").astype("category")}
    ),
    "categorical index": lambda values: {"a": pd.CategoricalIndex(pd.Series(values, dtype=object))},
    "polars": lambda values: pl.DataFrame({"a": [None if is_missing(v) else v for v in values]}, {"a": pl.String}),
    "arrow": lambda values: pa.table({"a": pa.array([None if is_missing(v) else v for v in values], pa.string())}),
    "arrow dictionary": lambda values: pa.table(
        {"a": pa.array([None if is_missing(v) else v for v in values], pa.string()).dictionary_encode()}
    ),
}


def is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or value != value


@pytest.mark.parametrize("source", TEXT_SOURCES)
def test_missing_strings_are_empty_and_words_stay_words(rival: Any, source: str) -> None:
    """None, NaN, pandas.NA and Arrow's null are ""; "nan" and "None" are categories; "" is missing as well."""
    trees = Trees(np.random.default_rng(1), 10, 4, 4, 2, np.arange(7.0))
    model = onnx_models.flights(trees)
    values = ["UA", None, "nan", float("nan"), "None", pd.NA, "", "日本航空", np.float32("nan"), "AA"]
    documented = ["" if is_missing(value) else value for value in values]
    rest = {name: array for name, array in flights(len(values)).items() if name != "carrier"}
    expected = rival(model).run(None, tensors({"carrier": np.array(documented, object), **rest}))
    seen_codes = [float(onnx_models.CARRIERS.index(word)) for word in documented]
    np.testing.assert_array_equal(expected[0][:, 0], seen_codes)

    made = TEXT_SOURCES[source](values)
    carrier = made["a"]
    session = InferenceSession(model)
    result = session.run(None, {"carrier": carrier, **rest})
    for our, their in zip(result, expected, strict=True):
        np.testing.assert_array_equal(our, their)
    echo = InferenceSession(onnx_models.columns_identity(a=STRING))
    assert echo(made)[:, 0].tolist() == documented


NUMBER_SOURCES: dict[str, Callable[[list[Any]], Any]] = {
    "list": lambda values: {"a": values},
    "object array": lambda values: {"a": np.array(values, object)},
    "float array": lambda values: {"a": np.float32([np.nan if is_missing(v) else v for v in values])},
    "pandas Float64": lambda values: pd.DataFrame({"a": pd.array(values, "Float64")}),
    "pandas arrow": lambda values: pd.DataFrame({"a": pd.array(values, pd.ArrowDtype(pa.float32()))}),
    "polars": lambda values: pl.DataFrame({"a": values}, {"a": pl.Float32}),
    "arrow": lambda values: pa.table({"a": pa.array(values, pa.float32())}),
}


@pytest.mark.parametrize("source", NUMBER_SOURCES)
def test_missing_numbers_are_nan(source: str) -> None:
    session = InferenceSession(onnx_models.columns_identity(a=FLOAT))
    values = [1.0, None, 2.5, None]
    np.testing.assert_array_equal(session(NUMBER_SOURCES[source](values))[:, 0], np.float32([1, np.nan, 2.5, np.nan]))


@pytest.mark.parametrize("dtype", ["Int8", "UInt16", "Int64", "boolean"])
def test_pandas_nullable_integers(dtype: str) -> None:
    session = InferenceSession(onnx_models.columns_identity(a=DOUBLE))
    frame = pd.DataFrame({"a": pd.array([1, None, 0], dtype)})
    np.testing.assert_array_equal(session(frame)[:, 0], [1, np.nan, 0])
    np.testing.assert_array_equal(session({"a": pd.Index(frame["a"])})[:, 0], [1, np.nan, 0])


def test_nullable_integers_are_exact() -> None:
    session = InferenceSession(onnx_models.columns_identity(a=DOUBLE))
    frame = pd.DataFrame({"a": pd.array([None, 2**53 + 1], "Int64")})
    with pytest.raises(ArsenalValueError, match="column 'a', row 1: 9007199254740993"):
        session(frame)
    integers = InferenceSession(onnx_models.columns_identity(a=INT64))
    np.testing.assert_array_equal(integers(frame.dropna())[:, 0], [2**53 + 1])
    for table in (frame, {"a": [None, 1]}, pa.table({"a": [None, 1]}), {"a": [float("nan"), 1]}):
        with pytest.raises(ArsenalValueError, match="column 'a', row 0"):
            integers(table)


def test_what_lies_under_a_missing_number_does_not_matter() -> None:
    session = InferenceSession(onnx_models.columns_identity(a=FLOAT))
    masked = pd.arrays.IntegerArray(np.int64([1, 2**60 + 1, 3]), np.array([False, True, False]))
    np.testing.assert_array_equal(session(pd.DataFrame({"a": masked}))[:, 0], np.float32([1, np.nan, 3]))
    under = pa.Array.from_buffers(pa.float64(), 3, [pa.py_buffer(b"\5"), pa.py_buffer(np.float64([1, 0.1, 3]))])
    np.testing.assert_array_equal(session(pa.table({"a": under}))[:, 0], np.float32([1, np.nan, 3]))


def test_pandas_columns_that_cannot_be_read() -> None:
    session = InferenceSession(onnx_models.columns_identity(a=FLOAT))
    with pytest.raises(ArsenalTypeError, match=r"'a' is sparse.*tocsr"):
        session(pd.DataFrame({"a": pd.arrays.SparseArray([0.0, 1.0])}))
    with pytest.raises(ArsenalTypeError, match=r"'a' has the pandas type period"):
        session(pd.DataFrame({"a": pd.period_range("2013", periods=2, freq="M")}))


def test_numeric_categories() -> None:
    frame = pd.DataFrame({"a": pd.Categorical([10, 20, None, 10], categories=[20, 10, 99])})
    session = InferenceSession(onnx_models.columns_identity(a=FLOAT))
    np.testing.assert_array_equal(session(frame)[:, 0], np.float32([10, 20, np.nan, 10]))
    with pytest.raises(ArsenalTypeError, match=r"column 'a' is dictionary of int64; the model takes tensor\(string\)"):
        InferenceSession(onnx_models.columns_identity(a=STRING))(frame)


# --- one row ---


def row(i: int = 0) -> dict[str, Any]:
    return {name: values[i] for name, values in flights(10).items()}


def test_one_row_of_scalars() -> None:
    _, session = flights_session()
    expected = session(flights(10))
    for i in range(10):
        np.testing.assert_array_equal(session(row(i)), expected[i : i + 1])
        plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in row(i).items()}
        np.testing.assert_array_equal(session(plain), expected[i : i + 1])
        np.testing.assert_array_equal(session({"extra": [], **plain}), expected[i : i + 1])
    out = np.empty((1, 2), np.float32)
    assert session(row(3), out=out) is out
    np.testing.assert_array_equal(out, expected[3:4])


@pytest.mark.parametrize("missing", [None, float("nan"), np.float32("nan"), np.float64("nan"), pd.NA])
def test_one_row_with_missing_values(missing: Any) -> None:
    _, session = flights_session()
    expected = session(row() | {"delay": np.float32("nan"), "carrier": ""})
    np.testing.assert_array_equal(session(row() | {"delay": missing, "carrier": missing}), expected)


def test_one_row_of_a_wide_input() -> None:
    session = InferenceSession(onnx_models.named_identity(["a", "b", "c"]))
    np.testing.assert_array_equal(session({"c": 3, "a": 1.5, "b": True}), [[1.5, 1, 3]])
    np.testing.assert_array_equal(session({"c": np.int8(3), "a": np.float16(1.5), "b": np.bool_(True)}), [[1.5, 1, 3]])
    unnamed = InferenceSession(onnx_models.identity(width=3))
    np.testing.assert_array_equal(unnamed({"x": 1, "y": 2, "z": None}), [[1, 2, np.nan]])
    many = [f"f{i}" for i in range(100)]
    values = np.arange(100, dtype=np.float32)
    session = InferenceSession(onnx_models.named_identity(many))
    np.testing.assert_array_equal(session(dict(zip(many, values.tolist(), strict=True))), [values])


def test_python_floats_take_the_nearest_value_and_typed_ones_do_not() -> None:
    session = InferenceSession(onnx_models.columns_identity(a=FLOAT, b=FLOAT))
    out = session.outputs()[1][0]
    assert session.run([out], {"a": [0.1], "b": [0.1]})[0][0, 0] == np.float32(0.1)
    assert session({"a": 0.1, "b": 0.1})[0, 0] == np.float32(0.1)
    with pytest.raises(ArsenalValueError, match=r"column 'b', row 0: 0\.1 \(float64\)"):
        session({"a": 0.1, "b": np.float64(0.1)})
    with pytest.raises(ArsenalValueError, match=r"column 'b', row 0: 1e\+300 is beyond float32"):
        session({"a": 0.1, "b": 1e300})
    assert session({"a": 0.1, "b": float("inf")})[0, 0] == np.inf


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (2**24 + 1, ArsenalValueError, "column 'b', row 0: 16777217"),
        (2**64, ArsenalValueError, "column 'b', row 0: the integer has more than 64 bits"),
        (-(2**70), ArsenalValueError, "column 'b', row 0: the integer has more than 64 bits"),
        ("b", ArsenalTypeError, "column 'b', row 0: the value is a str, wanted a number"),
        (1j, ArsenalTypeError, "column 'b', row 0: the value is a complex, wanted a number"),
        (np.datetime64("2013"), ArsenalTypeError, "column 'b', row 0: the value is a .*datetime64, wanted a number"),
        ([1.0, 2.0], ArsenalValueError, "column 'b' has 2 rows, column 'a' has 1"),
    ],
)
def test_one_row_with_a_bad_value(value: Any, error: type[Exception], message: str) -> None:
    session = InferenceSession(onnx_models.columns_identity(a=FLOAT, b=FLOAT))
    with pytest.raises(error, match=message):
        session({"a": 1.0, "b": value})


def test_large_integers_of_a_row() -> None:
    session = InferenceSession(onnx_models.columns_identity(a=DOUBLE))
    assert session({"a": 2**63})[0, 0] == 2.0**63
    words = InferenceSession(onnx_models.columns_identity(a=STRING))
    with pytest.raises(ArsenalTypeError, match="column 'a', row 0: the value is a int, wanted a str"):
        words({"a": 3})
    assert words({"a": np.str_("x")})[0, 0] == "x"
