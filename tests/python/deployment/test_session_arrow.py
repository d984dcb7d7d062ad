"""The Arrow C data interface: every layout that a producer may hand over, and what a broken producer does."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
import weakref
from typing import Any

import numpy as np
import onnx_models
import polars as pl
import pyarrow as pa
import pytest
from arsenal.deployment import InferenceSession
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from onnx_models import DOUBLE, FLOAT, STRING

WORDS = ["a", None, "", "a word of more than twelve bytes", "日本航空", "nan", None, "x" * 4000, "b"]
DOCUMENTED = [word or "" for word in WORDS]
TEXT = InferenceSession(onnx_models.columns_identity(a=STRING))
FLOATS = InferenceSession(onnx_models.columns_identity(a=FLOAT))
DOUBLES = InferenceSession(onnx_models.columns_identity(a=DOUBLE))


def text(column: Any) -> list[str]:
    for_table = TEXT(pa.table({"a": column}))[:, 0].tolist()
    assert TEXT({"a": column})[:, 0].tolist() == for_table
    return for_table  # type: ignore[no-any-return]


LAYOUTS = {
    "utf8": pa.array(WORDS, pa.string()),
    "large_utf8": pa.array(WORDS, pa.large_string()),
    "string_view": pa.array(WORDS, pa.string_view()),
    "chunked": pa.chunked_array([WORDS[:2], [], WORDS[2:7], WORDS[7:]], pa.string()),
    "chunked views": pa.chunked_array([WORDS[:4], WORDS[4:]], pa.string_view()),
    "sliced": pa.array(["zero", None, *WORDS, "last"], pa.string())[2:-1],
    "sliced large": pa.array([None, *WORDS, None], pa.large_string())[1:-1],
    "sliced views": pa.array(["zero", *WORDS, "last" * 9], pa.string_view())[1:-1],
    "sliced twice": pa.array([*WORDS, *WORDS, *WORDS], pa.string())[5:][4:13],
    "dictionary": pa.array(WORDS).dictionary_encode(),
    "dictionary of large": pa.array(WORDS, pa.large_string()).dictionary_encode(),
    "sliced dictionary": pa.array(["z", *WORDS, "z"]).dictionary_encode()[1:-1],
    "chunks with own dictionaries": pa.chunked_array(
        [pa.array(WORDS[:4]).dictionary_encode(), pa.array(WORDS[4:]).dictionary_encode()]
    ),
    "null in the dictionary": pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 2]), pa.array(["a", None, "b"])),
    "unused entries": pa.DictionaryArray.from_arrays(pa.array([999]), pa.array([str(i) for i in range(1000)])),
    "nulls": pa.nulls(3),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_text_layouts(layout: str) -> None:
    column = LAYOUTS[layout]
    assert text(column) == [word or "" for word in column.to_pylist()]


@pytest.mark.parametrize(
    "index", [pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.int32(), pa.uint32(), pa.int64(), pa.uint64()]
)
def test_dictionary_index_widths(index: pa.DataType) -> None:
    indices = pa.array([2, None, 0, 1, 2, 2], index)
    column = pa.DictionaryArray.from_arrays(indices, pa.array(["a", "", "long enough to lie outside"]))
    assert text(column) == [word or "" for word in column.to_pylist()]
    assert text(column[2:]) == [word or "" for word in column.to_pylist()[2:]]
    numbers = pa.DictionaryArray.from_arrays(indices, pa.array([0.5, None, -2.0], pa.float32()))
    np.testing.assert_array_equal(FLOATS(pa.table({"a": numbers}))[:, 0], np.float32([-2, np.nan, 0.5, np.nan, -2, -2]))


def test_polars_strings_and_categories() -> None:
    frame = pl.DataFrame({"a": WORDS})
    enum = pl.Enum([word for word in dict.fromkeys(WORDS) if word is not None])
    for dtype in (pl.String, pl.Categorical, enum):
        assert TEXT(frame.with_columns(pl.col("a").cast(dtype)))[:, 0].tolist() == DOCUMENTED
        assert TEXT({"a": frame["a"].cast(dtype)[1:]})[:, 0].tolist() == DOCUMENTED[1:]
    assert TEXT(pl.concat([frame, frame], rechunk=False))[:, 0].tolist() == DOCUMENTED * 2


@pytest.mark.parametrize("slice_at", [0, 1, 7, 8, 9, 15])
def test_numbers_and_bits_at_any_offset(slice_at: int) -> None:
    rng = np.random.default_rng(slice_at)
    values = [None if rng.random() < 0.3 else float(v) for v in rng.integers(-9, 9, 50)]
    expected = np.array([np.nan if v is None else v for v in values[slice_at:]])
    for kind in (pa.float32(), pa.float64(), pa.int8(), pa.int64(), pa.float16()):
        np.testing.assert_array_equal(FLOATS(pa.table({"a": pa.array(values).cast(kind)[slice_at:]}))[:, 0], expected)
    bits = [None if v is None else v > 0 for v in values]
    expected = np.array([np.nan if b is None else float(b) for b in bits[slice_at:]])
    np.testing.assert_array_equal(DOUBLES(pa.table({"a": pa.array(bits)[slice_at:]}))[:, 0], expected)


def test_sliced_batches() -> None:
    """A batch has an offset of its own, on top of its columns'."""
    struct = pa.StructArray.from_arrays([pa.array([9.0, 1, 2, 3, 4], pa.float32())[1:]], ["a"])[1:3]
    np.testing.assert_array_equal(FLOATS(Stolen(*struct.__arrow_c_array__()))[:, 0], [2, 3])
    table = pa.table({"a": pa.chunked_array([[1.0, 2], [3, 4, 5]], pa.float32())})
    np.testing.assert_array_equal(FLOATS(table[1:4])[:, 0], [2, 3, 4])
    np.testing.assert_array_equal(FLOATS(table[5:])[:, 0], [])
    np.testing.assert_array_equal(FLOATS(table.to_batches()[1][1:])[:, 0], [4, 5])


def test_empty_tables() -> None:
    for kind in (pa.float32(), pa.int64(), pa.null()):
        assert FLOATS(pa.table({"a": pa.array([], kind)})).shape == (0, 1)
        assert FLOATS(pa.table({"a": pa.chunked_array([], kind)})).shape == (0, 1)
    assert TEXT(pl.DataFrame({"a": []}, {"a": pl.String})).shape == (0, 1)


def test_float_columns_are_read_in_place() -> None:
    """Nothing between Arrow's memory and the runtime: NaN payloads, which a conversion might lose, come through."""
    payload = np.uint32([0x7FC00001, 0x7F800001 | 0x400000, 0xFFC12345]).view(np.float32)
    assert FLOATS(pa.table({"a": payload}))[:, 0].tobytes() == payload.tobytes()


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pa.array([1], pa.timestamp("s")), "tss:"),
        (pa.array([1], pa.date32()), "tdD"),
        (pa.array([[1]]), r"\+l"),
        (pa.array([b"a"]), "z"),
        (pa.array([1], pa.decimal128(3)), "d:3"),
        (pa.array([{"x": 1}]), r"\+s"),
    ],
)
def test_types_that_no_model_takes(column: pa.Array, kind: str) -> None:
    for session in (FLOATS, TEXT):
        with pytest.raises(
            ArsenalTypeError, match=f"column 'a' is of the Arrow type '{kind}.*'; the model takes tensor"
        ):
            session(pa.table({"a": column}))


# --- ownership ---


class Stolen:
    """Hands over capsules as they are."""

    def __init__(self, schema: Any, array: Any) -> None:
        self.capsules = schema, array

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[Any, Any]:
        return self.capsules


class Streamed:
    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        return self.stream


def test_a_capsule_is_consumed_once() -> None:
    table = pa.table({"a": pa.array([1.0], pa.float32())})
    batch = Stolen(*table.to_batches()[0].__arrow_c_array__())
    stream = Streamed(table.__arrow_c_stream__())
    for source in (batch, stream):
        assert FLOATS(source)[0, 0] == 1
        with pytest.raises(ArsenalValueError, match="consumed already"):
            FLOATS(source)


def test_data_is_released_after_the_call() -> None:
    class Owner(np.ndarray):
        pass

    values = np.arange(3, dtype=np.float32).view(Owner)
    alive = weakref.ref(values)
    table = pa.table({"a": pa.Array.from_buffers(pa.float32(), 3, [None, pa.py_buffer(values)])})
    np.testing.assert_array_equal(FLOATS(table)[:, 0], [0, 1, 2])
    with pytest.raises(ArsenalValueError, match="the table has 2 columns"):
        FLOATS(table.append_column("b", table["a"]).rename_columns(["x", "b"]))
    del values, table
    gc.collect()
    assert alive() is None


def test_a_stream_that_fails() -> None:
    def batches() -> Any:
        yield pa.record_batch({"a": pa.array([1.0], pa.float32())})
        raise RuntimeError("the disk is gone")

    reader = pa.RecordBatchReader.from_batches(pa.schema({"a": pa.float32()}), batches())
    with pytest.raises((ArsenalValueError, RuntimeError), match="the disk is gone"):
        FLOATS(reader)


def test_producers_that_offer_something_else() -> None:
    with pytest.raises(ValueError, match=r"PyCapsule|capsule"):
        FLOATS(Streamed(3))
    schema, array = pa.record_batch({"a": [1.0]}).__arrow_c_array__()
    with pytest.raises(ValueError, match=r"PyCapsule|capsule"):
        FLOATS(Stolen(array, schema))
    with pytest.raises(ArsenalValueError, match="a schema and an array"):
        FLOATS(Stolen.__new__(type("Three", (Stolen,), {"__arrow_c_array__": lambda self: (1, 2, 3)})))


# --- what a broken producer writes into the structs ---


class Array(ctypes.Structure):
    pass


Array._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(Array))),
    ("dictionary", ctypes.POINTER(Array)),
    ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]


def pointer(capsule: Any) -> Any:
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return ctypes.cast(get(capsule, b"arrow_array"), ctypes.POINTER(Array)).contents


def broken(column: pa.Array, damage: Any) -> Stolen:
    """A batch with one column `a`, after `damage` was done to the batch and the column."""
    schema, array = pa.record_batch({"a": column}).__arrow_c_array__()
    batch = pointer(array)
    damage(batch, batch.children[0].contents)
    return Stolen(schema, array)


def set_buffer(index: int, value: int | None) -> Any:
    def damage(batch: Any, column: Any) -> None:
        column.buffers[index] = value

    return damage


def set_field(name: str, value: int, *, of_batch: bool = False) -> Any:
    def damage(batch: Any, column: Any) -> None:
        setattr(batch if of_batch else column, name, value)

    return damage


FLOAT_COLUMN = pa.array([1.0, None, 3.0], pa.float32())
TEXT_COLUMN = pa.array(["a", "b", "c"])
# Memory that lives as long as the module, for buffers with nonsense in them.
NEGATIVE_OFFSETS = np.int32([-5, -2, 0, 1])
FALLING_OFFSETS = np.int32([0, 1, 0, 1])
BAD_INDICES = np.int32([0, 7, 0])
BAD_VIEWS = np.zeros((3, 4), np.int32)
BAD_VIEWS[:] = [[20, 0, 9, 0], [1, 0, 0, 0], [1, 0, 0, 0]]  # 20 bytes in buffer number 9
LONG_VIEWS = np.zeros((3, 4), np.int32)
LONG_VIEWS[:] = [[20, 0, 0, 2**30], [1, 0, 0, 0], [1, 0, 0, 0]]  # 20 bytes at an offset beyond buffer 0
NEGATIVE_VIEWS = np.zeros((3, 4), np.int32)
NEGATIVE_VIEWS[:] = [[-1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]]

BROKEN = {
    "no values": (FLOATS, FLOAT_COLUMN, set_buffer(1, None), "buffer 1 is missing"),
    "nulls without a bitmap": (FLOATS, FLOAT_COLUMN, set_buffer(0, None), "nulls are counted but no validity bitmap"),
    "too few buffers": (FLOATS, FLOAT_COLUMN, set_field("n_buffers", 1), "has 2 buffers, got 1"),
    "negative length": (FLOATS, FLOAT_COLUMN, set_field("length", -1), "length -1"),
    "negative offset": (FLOATS, FLOAT_COLUMN, set_field("offset", -1), "offset -1"),
    "huge offset": (FLOATS, FLOAT_COLUMN, set_field("offset", 2**62), "offset 4611686018427387904"),
    "short column": (FLOATS, FLOAT_COLUMN, set_field("length", 2), "column 'a' has 2 rows, its batch 3"),
    "long batch": (FLOATS, FLOAT_COLUMN, set_field("length", 4, of_batch=True), "column 'a' has 3 rows, its batch 4"),
    "no columns": (FLOATS, FLOAT_COLUMN, set_field("n_children", 0, of_batch=True), "has 1 columns, a batch 0"),
    "no offsets": (TEXT, TEXT_COLUMN, set_buffer(1, None), "buffer 1 is missing"),
    "no text": (TEXT, TEXT_COLUMN, set_buffer(2, None), "row 0: the Arrow offsets go from 0 to 1"),
    "unaligned offsets": (
        TEXT,
        TEXT_COLUMN,
        set_buffer(1, NEGATIVE_OFFSETS.ctypes.data + 1),
        "buffer 1 is not aligned",
    ),
    "negative offsets": (TEXT, TEXT_COLUMN, set_buffer(1, NEGATIVE_OFFSETS.ctypes.data), "offsets go from -5 to -2"),
    "falling offsets": (TEXT, TEXT_COLUMN, set_buffer(1, FALLING_OFFSETS.ctypes.data), "row 1: .* go from 1 to 0"),
    "view buffer": (
        TEXT,
        TEXT_COLUMN.cast(pa.string_view()),
        set_buffer(1, BAD_VIEWS.ctypes.data),
        "row 0: the Arrow view of 20 bytes lies outside",
    ),
    "view offset": (
        TEXT,
        pa.array(["x" * 20, "b", "c"], pa.string_view()),
        set_buffer(1, LONG_VIEWS.ctypes.data),
        "row 0: the Arrow view of 20 bytes lies outside",
    ),
    "view length": (
        TEXT,
        TEXT_COLUMN.cast(pa.string_view()),
        set_buffer(1, NEGATIVE_VIEWS.ctypes.data),
        "row 0: the Arrow view of -1 bytes",
    ),
    "view buffers": (TEXT, TEXT_COLUMN.cast(pa.string_view()), set_field("n_buffers", 2), "at least 3 buffers, got 2"),
    "dictionary index": (
        TEXT,
        TEXT_COLUMN.dictionary_encode(),
        set_buffer(1, BAD_INDICES.ctypes.data),
        "row 1: dictionary index 7 lies outside the dictionary of 3",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_malformed_data_is_refused(name: str) -> None:
    session, column, damage, message = BROKEN[name]
    with pytest.raises(ArsenalValueError, match=message):
        session(broken(column, damage))


def test_negative_dictionary_index() -> None:
    column = pa.DictionaryArray.from_arrays(pa.array([0, -1], pa.int8()), ["a"], safe=False)
    with pytest.raises(ArsenalValueError, match="row 1: dictionary index -1 lies outside the dictionary of 1"):
        TEXT(pa.table({"a": column}))


def test_null_rows_of_a_batch() -> None:
    struct = pa.array([{"a": 1.0}, None], pa.struct({"a": pa.float32()}))
    with pytest.raises(ArsenalValueError, match="rows that are null as a whole"):
        FLOATS(Stolen(*struct.__arrow_c_array__()))


def test_arrow_and_pandas_are_not_needed() -> None:
    code = """
import sys
import numpy as np
sys.modules["pyarrow"] = sys.modules["pandas"] = None
import arsenal
from onnx_models import columns_identity, FLOAT
session = arsenal.load(columns_identity(a=FLOAT))
assert session({"a": np.float32([1, 2])}).tolist() == [[1], [2]]
assert session({"a": [None, 2]})[1, 0] == 2
import polars
assert session(polars.DataFrame({"a": [1.0, 2.0]})).tolist() == [[1], [2]]
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=onnx_models.__file__.rpartition("/")[0])
