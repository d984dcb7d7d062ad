"""NumPy arrays at the door: layouts, dtypes, shapes, and the caller's output."""

from __future__ import annotations

import array
from typing import Any

import numpy as np
import onnx_models
import pytest
from arsenal.deployment import InferenceSession
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from onnx import TensorProto
from onnx_models import BOOL, DOUBLE, FLOAT, INT64, STRING, Trees

N_FEATURES = 4
IDENTITY = InferenceSession(onnx_models.identity(FLOAT, "F"))
DOUBLES = InferenceSession(onnx_models.identity(DOUBLE, "F"))
STRINGS = InferenceSession(onnx_models.identity(STRING, "F"))


def trees(n_targets: int = 2) -> InferenceSession:
    model = onnx_models.regressor(
        Trees(np.random.default_rng(0), 5, 3, N_FEATURES, n_targets, np.linspace(-1, 1, 9)), N_FEATURES
    )
    return InferenceSession(model)


def table(n: int = 10, dtype: Any = np.float32) -> NDArray[Any]:
    return np.random.default_rng(1).normal(size=(n, N_FEATURES)).astype(dtype)


LAYOUTS = {
    "fortran": np.asfortranarray,
    "transposed": lambda x: np.ascontiguousarray(x.T).T,
    "every other row": lambda x: np.repeat(x, 2, axis=0)[::2],
    "every other column": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "reversed": lambda x: np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
    "inside a larger one": lambda x: np.pad(x, ((3, 2), (1, 5)))[3:-2, 1:-5],
    "one row for all": lambda x: np.broadcast_to(x[:1], x.shape),
    "other byte order": lambda x: x.astype(x.dtype.newbyteorder()),
    "unaligned": lambda x: np.frombuffer(b"\0" + x.tobytes(), x.dtype, offset=1).reshape(x.shape),
    "matrix": lambda x: x.view(Subclass),
}


class Subclass(np.ndarray):
    pass


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("n", [1, 2, 33, 100])
def test_any_layout(layout: str, n: int) -> None:
    session, x = trees(), table(n)
    view = LAYOUTS[layout](x)
    expected = session(np.ascontiguousarray(view, np.float32))
    np.testing.assert_array_equal(session(view), expected)
    np.testing.assert_array_equal(session.run(None, {"X": view})[0], expected)
    np.testing.assert_array_equal(IDENTITY(view), view)


def test_read_only_arrays() -> None:
    session, x = trees(), table()
    expected = session(x)
    x.setflags(write=False)
    np.testing.assert_array_equal(session(x), expected)


@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=9)))
def test_identity_keeps_every_bit(x: NDArray[np.float32]) -> None:
    assert IDENTITY(x).tobytes() == x.tobytes()
    assert IDENTITY(np.asfortranarray(x)).tobytes() == x.tobytes()


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (FLOAT, np.float32([[1.5, np.nan]])),
        (DOUBLE, np.float64([[0.1, -np.inf]])),
        (TensorProto.FLOAT16, np.float16([[1.5, np.nan]])),
        (INT64, np.int64([[2**62, -1]])),
        (TensorProto.INT32, np.int32([[1, -1]])),
        (TensorProto.UINT8, np.uint8([[255, 0]])),
        (TensorProto.INT8, np.int8([[-128, 127]])),
        (TensorProto.UINT16, np.uint16([[65535, 0]])),
        (TensorProto.INT16, np.int16([[-32768, 0]])),
        (TensorProto.UINT32, np.uint32([[2**32 - 1, 0]])),
        (TensorProto.UINT64, np.uint64([[2**64 - 1, 0]])),
        (BOOL, np.array([[True, False]])),
        (STRING, np.array([["a", "日本"]], object)),
    ],
)
def test_every_element_type(dtype: int, values: NDArray[Any]) -> None:
    session = InferenceSession(onnx_models.identity(dtype, 2))
    result = session(values)
    assert result.dtype == values.dtype
    np.testing.assert_array_equal(result, values)
    np.testing.assert_array_equal(session.run(["Y"], {"X": values})[0], values)


def test_empty_batch() -> None:
    session = trees(n_targets=2)
    assert session(np.empty((0, N_FEATURES), np.float32)).shape == (0, 2)
    assert session.run(None, {"X": np.empty((0, N_FEATURES), np.float32)})[0].shape == (0, 2)


# --- dtypes ---


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.longdouble, np.complex64, "M8[s]", "S3", object])
def test_nothing_is_narrowed_silently(dtype: Any) -> None:
    session = trees()
    x = np.zeros((2, N_FEATURES), dtype)
    for call in (lambda: session(x), lambda: session.run(None, {"X": x})):
        with pytest.raises(ArsenalTypeError, match=r"input 'X' has dtype .*, the model takes tensor\(float\)"):
            call()


def test_floats_are_not_widened_either() -> None:
    """As onnxruntime: a model in double is fed doubles."""
    with pytest.raises(ArsenalTypeError, match=r"dtype float32 \(tensor\(float\)\), the model takes tensor\(double\)"):
        DOUBLES(table())


@pytest.mark.parametrize(
    "dtype", [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64, bool]
)
def test_integers_are_converted_exactly(dtype: Any) -> None:
    session = trees()
    x = np.random.default_rng(2).integers(0, 2 if dtype is bool else 100, (20, N_FEATURES)).astype(dtype)
    expected = session(x.astype(np.float32))
    np.testing.assert_array_equal(session(x), expected)
    np.testing.assert_array_equal(session(np.asfortranarray(x)), expected)
    np.testing.assert_array_equal(DOUBLES(x), x.astype(float))


@pytest.mark.parametrize("value", [2**24, -(2**24), 2**24 + 2, 2**63 - 2**39, -(2**63), 0, 3 * 2**40])
def test_large_integers_that_float32_holds(value: int) -> None:
    assert IDENTITY(np.int64([[value]]))[0, 0] == value


@pytest.mark.parametrize("value", [2**24 + 1, -(2**24) - 1, 2**63 - 1, -(2**63) + 1, 2**40 + 1])
def test_large_integers_that_float32_does_not_hold(value: int) -> None:
    x = np.zeros((3, 2), np.int64)
    x[2, 1] = value
    with pytest.raises(ArsenalValueError, match=rf"input 'X' at \[2, 1\]: {value} \(int64\).*2\*\*24"):
        IDENTITY(x)


def test_large_integers_and_doubles() -> None:
    assert DOUBLES(np.int64([[2**53]]))[0, 0] == 2**53
    assert DOUBLES(np.uint64([[2**63]]))[0, 0] == 2.0**63
    with pytest.raises(ArsenalValueError, match=r"9007199254740993 \(int64\).*2\*\*53"):
        DOUBLES(np.int64([[2**53 + 1]]))
    with pytest.raises(ArsenalValueError, match=r"18446744073709551615 \(uint64\)"):
        DOUBLES(np.uint64([[2**64 - 1]]))


@given(st.integers(-(2**63), 2**63 - 1))
def test_an_integer_goes_through_unchanged_or_not_at_all(value: int) -> None:
    for session, dtype in ((IDENTITY, np.float32), (DOUBLES, np.float64)):
        exact = int(dtype(value)) == value
        try:
            result = session(np.int64([[value]]))
        except ArsenalValueError:
            assert not exact
        else:
            assert exact
            assert int(result[0, 0]) == value


def test_integers_into_narrower_integers() -> None:
    session = InferenceSession(onnx_models.identity(TensorProto.INT8, 2))
    np.testing.assert_array_equal(session(np.int64([[-128, 127]])), [[-128, 127]])
    for value, dtype in ((128, np.int64), (-129, np.int64), (200, np.uint8)):
        with pytest.raises(ArsenalValueError, match=rf"{value} \({np.dtype(dtype).name}\) is not exactly a int8"):
            session(np.array([[0, value]], dtype))
    flags = InferenceSession(onnx_models.identity(BOOL, 2))
    np.testing.assert_array_equal(flags(np.int32([[0, 1]])), [[False, True]])
    with pytest.raises(ArsenalValueError, match="is not exactly a bool"):
        flags(np.int32([[0, 2]]))


def test_masked_arrays_are_refused() -> None:
    with pytest.raises(ArsenalTypeError, match="masked"):
        IDENTITY(np.ma.masked_equal(table(), 0))


# --- text ---


@pytest.mark.parametrize("dtype", [object, str, np.dtypes.StringDType()])
def test_text_arrays(dtype: Any) -> None:
    words = ["", "a", "\0inside\0", "日本航空", "🛫 departed", "x" * 500, "nan", "None", "trailing space "]
    if dtype is str:
        words = [word.rstrip("\0") for word in words]
    x = np.array(words, dtype=dtype).reshape(3, 3)
    for view in (x, x.T, x[::-1, ::2], np.asfortranarray(x)):
        result = STRINGS(view)
        assert result.dtype == object
        assert result.tolist() == view.tolist()


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=20))
def test_any_text_comes_back(words: list[str]) -> None:
    assert STRINGS(np.array(words, object).reshape(-1, 1))[:, 0].tolist() == words
    unpadded = [word for word in words if not word.endswith("\0")]
    assert STRINGS(np.array(unpadded, str).reshape(-1, 1))[:, 0].tolist() == unpadded
    assert STRINGS(np.array(words, np.dtypes.StringDType()).reshape(-1, 1))[:, 0].tolist() == words


def test_bad_text() -> None:
    with pytest.raises(ArsenalValueError, match=r"input 'X' at \[0, 1\]: .*surrogate"):
        STRINGS(np.array([["a", "\ud800"]], object))
    with pytest.raises(ArsenalValueError, match=r"input 'X' at \[0, 1\]: .*no Unicode character"):
        STRINGS(np.array([["a", "\ud800"]]))
    with pytest.raises(ArsenalTypeError, match=r"input 'X' at \[1, 0\]: the value is a int, wanted a str"):
        STRINGS(np.array([["a"], [1]], object))
    with pytest.raises(ArsenalTypeError, match=r"has dtype .S1"):
        STRINGS(np.array([[b"a"]]))
    with pytest.raises(
        ArsenalTypeError, match=r"has dtype float32 \(tensor\(float\)\), the model takes tensor\(string\)"
    ):
        STRINGS(table())


# --- shapes ---


@pytest.mark.parametrize(
    "shape", [(N_FEATURES,), (2, N_FEATURES - 1), (2, N_FEATURES + 1), (2, N_FEATURES, 1), (), (2, 0)]
)
def test_wrong_shapes_name_the_input(shape: tuple[int, ...]) -> None:
    session, x = trees(), np.zeros(shape, np.float32)
    for call in (lambda: session(x), lambda: session.run(None, {"X": x})):
        with pytest.raises(ArsenalValueError, match="X"):
            call()


def test_more_dimensions_than_a_tensor_has() -> None:
    with pytest.raises(ArsenalValueError, match="9 dimensions, wanted at most 8"):
        IDENTITY(np.zeros((1,) * 9, np.float32))


@pytest.mark.parametrize("x", [[[1.0, 2.0]], None, "X", 3.5, b"abc", object()])
def test_what_is_no_array(x: Any) -> None:
    with pytest.raises(ArsenalTypeError, match=r"X is a \w+, wanted a NumPy array"):
        IDENTITY(x)


def test_buffers_are_arrays() -> None:
    x = table()
    np.testing.assert_array_equal(IDENTITY(memoryview(x)), x)
    session = InferenceSession(onnx_models.columns_identity(a=DOUBLE))
    np.testing.assert_array_equal(session({"a": np.asarray(array.array("d", [1, 2]))}), [[1], [2]])


# --- out ---


@pytest.mark.parametrize("n", [0, 1, 100])
def test_out_receives_the_scores(n: int) -> None:
    session, x = trees(), table(n)
    out = np.full((n, 2), np.nan, np.float32)
    assert session(x, out=out) is out
    np.testing.assert_array_equal(out, session(x))
    out[:] = np.nan
    assert session(np.asfortranarray(x), out) is out
    np.testing.assert_array_equal(out, session(x))
    # The general path checks and fills it as well.
    whole = np.round(x)
    np.testing.assert_array_equal(session(whole.astype(np.int32), out=out), session(whole))
    assert session(whole.astype(np.int32), out=out) is out


@pytest.mark.parametrize("convert", [np.asarray, lambda x: x.astype(np.int64)], ids=["fast", "general"])
def test_out_is_checked(convert: Any) -> None:
    session, x = trees(), convert(np.zeros((4, N_FEATURES), np.float32))
    with pytest.raises(ArsenalTypeError, match="out is a list, wanted a NumPy array"):
        session(x, out=[])
    with pytest.raises(ArsenalTypeError, match="out has dtype float64, the scores are float32"):
        session(x, out=np.empty((4, 2)))
    with pytest.raises(ArsenalTypeError, match="out has dtype >f4"):
        session(x, out=np.empty((4, 2), ">f4"))
    for shape in ((4, 3), (3, 2), (4,), (4, 2, 1), (8,)):
        with pytest.raises(ArsenalValueError, match=r"out has shape \(.*\), the scores have shape \(4, 2\)"):
            session(x, out=np.empty(shape, np.float32))
    for out in (np.empty((4, 4), np.float32)[:, ::2], np.empty((4, 2), np.float32, order="F")):
        with pytest.raises(ArsenalValueError, match="not C-contiguous"):
            session(x, out=out)
    out = np.empty((4, 2), np.float32)
    out.setflags(write=False)
    with pytest.raises(ArsenalValueError, match="read-only"):
        session(x, out=out)
    with pytest.raises(ArsenalTypeError, match="out cannot take strings"):
        STRINGS(np.array([["a"]], object), out=np.empty((1, 1), object))


def test_out_may_not_be_the_input() -> None:
    x = table(4)
    with pytest.raises(ArsenalValueError, match="out shares memory with input 'X'"):
        IDENTITY(x, out=x)
    memory = np.zeros(100, np.float32)
    with pytest.raises(ArsenalValueError, match="out shares memory"):
        IDENTITY(memory[::-1][:16].reshape(4, 4), out=memory[84:].reshape(4, 4))
    neighbours = memory[:16].reshape(4, 4), memory[16:32].reshape(4, 4)
    assert IDENTITY(neighbours[0], out=neighbours[1]) is neighbours[1]
    columns = InferenceSession(onnx_models.columns_identity(a=FLOAT))
    with pytest.raises(ArsenalValueError, match="out shares memory with input 'a'"):
        columns({"a": memory[:5]}, out=memory[4:9].reshape(-1, 1))


def test_arguments_of_a_call() -> None:
    session, x = trees(), table(1)
    np.testing.assert_array_equal(session(X=x), session(x))
    np.testing.assert_array_equal(session(x, None), session(x, out=None))
    np.testing.assert_array_equal(session.run(output_names=None, input_feed={"X": x})[0], session(x))
    for no_names in (None, [], ()):  # as onnxruntime does
        (scores,) = session.run(no_names, {"X": x}, None)
        np.testing.assert_array_equal(scores, session(x))
    np.testing.assert_array_equal(session.run(None, {"X": x}, run_options=None)[0], session(x))
    for call, message in (
        (lambda: session(), "got no X"),
        (lambda: session(x, None, 3), "takes 2 arguments, got 3"),
        (lambda: session(x, X=x), "twice"),
        (lambda: session(x, outs=x), "unexpected"),
        (lambda: session.run(None), "got no input_feed"),
        (lambda: session.run(input_feed={"X": x}), "got no output_names"),
        (lambda: session.run(None, {}, None, None), "takes 3 arguments, got 4"),
        (lambda: session.run(None, {"X": x}, 3), "run_options is a int, wanted None"),
        (lambda: session.run(None, {"X": x}, run_options={}), "run_options is a dict, wanted None"),
    ):
        with pytest.raises(TypeError, match=message):
            call()
