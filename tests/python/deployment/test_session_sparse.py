"""SciPy CSR matrices give what the dense arrays give, and are never laid out densely as a whole."""

from __future__ import annotations

import resource
import tracemalloc
from typing import Any

import numpy as np
import onnx_models
import pytest
from arsenal.deployment import InferenceSession
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from onnx_models import BOOL, DOUBLE, FLOAT, STRING, Trees
from scipy import sparse


def random_csr(n: int, width: int, dtype: Any = np.float32, density: float = 0.2) -> sparse.csr_array:
    rng = np.random.default_rng(n)
    values = rng.integers(-3, 4, (n, width)) * (rng.random((n, width)) < density)
    return sparse.csr_array(values.astype(dtype))


@pytest.mark.parametrize("n", [0, 1, 40, 4096, 4097, 9000])
@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csr_matrix])
def test_csr_is_dense(n: int, kind: Any) -> None:
    trees = Trees(np.random.default_rng(0), 6, 3, 7, 2, np.arange(-2.0, 3))
    session = InferenceSession(onnx_models.regressor(trees, 7))
    x = kind(random_csr(n, 7))
    expected = session(np.asarray(x.todense()))
    np.testing.assert_array_equal(session(x), expected)
    np.testing.assert_array_equal(session.run(None, {"X": x})[0], expected)
    out = np.empty_like(expected)
    assert session(x, out=out) is out
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("dtype", ["i1", "u2", "i4", "i8", "?", "f4"])
def test_values_are_converted_exactly(dtype: str) -> None:
    x = random_csr(20, 5).astype(dtype)
    session = InferenceSession(onnx_models.identity(width=5))
    np.testing.assert_array_equal(session(x), x.toarray().astype(np.float32))


def test_dtypes_that_are_refused() -> None:
    session = InferenceSession(onnx_models.identity(width=5))
    with pytest.raises(ArsenalTypeError, match=r"sparse matrix of float64, the model takes tensor\(float\)"):
        session(random_csr(3, 5, np.float64))
    with pytest.raises(ArsenalValueError, match=r"the value at \[2, 1\] is not exactly a float32"):
        session(sparse.csr_array(([1, 2**24 + 1], ([0, 2], [3, 1])), shape=(3, 5)))
    for dtype in (STRING, BOOL):
        with pytest.raises(ArsenalTypeError, match="sparse matrix of float32"):
            InferenceSession(onnx_models.identity(dtype, 5))(random_csr(3, 5))


def test_duplicates_are_summed_as_scipy_sums_them() -> None:
    x = sparse.csr_array((np.float32([1, 2, -0.0, 4]), [1, 1, 0, 2], [0, 3, 4]), shape=(2, 3))
    session = InferenceSession(onnx_models.identity(width=3))
    assert session(x).tobytes() == x.toarray().tobytes()


def test_special_values_and_index_types() -> None:
    values = np.float64([np.nan, np.inf, -np.inf, 5e-324])
    for index in (np.int32, np.int64):
        x = sparse.csr_array((values, np.array([0, 2, 1, 0], index), np.array([0, 2, 3, 4], index)), shape=(3, 3))
        result = InferenceSession(onnx_models.identity(DOUBLE, 3))(x)
        assert result.tobytes() == x.toarray().tobytes()


@pytest.mark.parametrize("convert", ["tocsc", "tocoo", "tolil"])
def test_other_sparse_formats(convert: str) -> None:
    x = random_csr(30, 5)
    session = InferenceSession(onnx_models.identity(width=5))
    np.testing.assert_array_equal(session(getattr(x, convert)().tocsr()), x.toarray())
    if hasattr(getattr(x, convert)(), "indptr"):
        np.testing.assert_array_equal(session(getattr(x, convert)()), x.toarray())


def damaged(**fields: Any) -> sparse.csr_array:
    x = random_csr(4, 5, density=0.9)
    for name, value in fields.items():
        setattr(x, name, np.array(value, np.int32))
    return x


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"indptr": [0, 1, 2, 3]}, "indptr has 4 entries, wanted one more than the 4 rows"),
        ({"indptr": [0, 2, 1, 3, 4]}, "row 1 has the values 2 to 1"),
        ({"indptr": [-1, 2, 3, 3, 4]}, "row 0 has the values -1 to 2"),
        ({"indptr": [0, 1, 1, 1, 999]}, "row 3 has the values 1 to 999, but there are"),
        ({"indices": [0, 5] * 20}, "row 0 names column 5 of 5"),
        ({"indices": [0, -1] * 20}, "row 0 names column -1 of 5"),
    ],
)
def test_broken_matrices(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ArsenalValueError, match=message):
        InferenceSession(onnx_models.identity(width=5))(damaged(**fields))


def test_wrong_width_and_too_many_inputs() -> None:
    with pytest.raises(ArsenalValueError, match="X"):
        InferenceSession(onnx_models.identity(width=5))(random_csr(3, 4))
    with pytest.raises(ArsenalValueError, match="2 inputs, X is one sparse matrix"):
        InferenceSession(onnx_models.columns_identity(a=FLOAT, b=FLOAT))(random_csr(3, 2))


def test_a_wide_matrix_is_not_made_dense() -> None:
    """20,000 rows of 5,000 floats are 400 MB; a block of 4,096 is 82 MB, and does not come from Python's allocator."""
    x = sparse.random_array((20_000, 5_000), density=1e-4, dtype=np.float32, rng=0, format="csr")
    trees = Trees(np.random.default_rng(0), 2, 2, 5_000, 1, np.arange(3.0))
    session = InferenceSession(onnx_models.regressor(trees, 5_000))
    session(x[:5000])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    scores = session(x)
    assert scores.shape == (20_000, 1)
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB
