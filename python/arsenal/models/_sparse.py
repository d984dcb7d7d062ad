"""Sparse matrices as the core and the runtime take them: checked before SciPy's kernels read them unchecked."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from arsenal.exceptions import ArsenalTypeError, ArsenalValueError

#: Per compressed format: what its rows are, what its columns are, and which axis of the matrix the rows lie along.
_COMPRESSED = {"csr": ("row", "column", 0), "csc": ("column", "row", 1), "bsr": ("block row", "block column", 0)}


def check_sparse(X: Any) -> None:
    """Raise unless the index arrays of a 2-D sparse matrix describe rows and columns that it has. O(stored values)."""
    if X.format in _COMPRESSED:
        major, minor, axis = _COMPRESSED[X.format]
        height, width = (
            X.shape[along] // X.blocksize[along] if X.format == "bsr" else X.shape[along] for along in (axis, 1 - axis)
        )
        indptr, indices = (_whole_numbers(X, name) for name in ("indptr", "indices"))
        if len(indptr) != height + 1:
            raise ArsenalValueError(f"X: indptr has {len(indptr)} entries, wanted one more than the {height} {major}s")
        n_values = min(len(indices), len(X.data))
        falls = np.flatnonzero(indptr[1:] < indptr[:-1])
        if indptr[0] != 0 or len(falls) or indptr[-1] > n_values:
            place = int(falls[0]) if len(falls) else 0 if indptr[0] != 0 else height - 1
            first, last = indptr[place : place + 2] if height else (indptr[0], indptr[-1])
            raise ArsenalValueError(
                f"X: {major} {place} has the values {first} to {last}, wanted indptr to rise from 0 to at most "
                f"{n_values}, the number of values"
            )
        _check_range(indices[: indptr[-1]], minor, width)
    elif X.format == "coo":
        for name, kind, size in (("row", "row", X.shape[0]), ("col", "column", X.shape[1])):
            numbers = _whole_numbers(X, name)
            if len(numbers) != len(X.data):
                raise ArsenalValueError(f"X has {len(numbers)} {kind} numbers and {len(X.data)} values, wanted as many")
            _check_range(numbers, kind, size)


def canonical_csr(X: Any, values: npt.NDArray[Any]) -> Any:
    """A CSR matrix of X's places and other values, in order and without duplicates; X's arrays stay as they are."""
    # A matrix of its own: X may remember from before its arrays were written to that they are in order.
    stored = X.indptr[-1]
    own = sparse.csr_array((values[:stored], X.indices[:stored], X.indptr), shape=X.shape)
    if not own.has_canonical_format:
        own = own.copy()
        own.sum_duplicates()
    return own


def core_csr(X: Any, values: npt.NDArray[np.floating[Any]]) -> tuple[Any, Any, npt.NDArray[np.floating[Any]], int]:
    """X's places with other values, float32 or float64, as the core takes them: pointers, columns, values and width."""
    csr = canonical_csr(X, values)
    as_int64: dict[str, Any] = {"dtype": np.int64, "copy": False}
    return csr.indptr.astype(**as_int64), csr.indices.astype(**as_int64), np.ascontiguousarray(csr.data), csr.shape[1]


def _whole_numbers(X: Any, name: str) -> npt.NDArray[Any]:
    numbers = np.asarray(getattr(X, name))
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        raise ArsenalTypeError(f"X: {name} has shape {numbers.shape} and dtype {numbers.dtype}, wanted whole numbers")
    return numbers


def _check_range(numbers: npt.NDArray[Any], kind: str, size: int) -> None:
    if numbers.size and (numbers.min() < 0 or numbers.max() >= size):
        outside = int(numbers[(numbers < 0) | (numbers >= size)][0])
        raise ArsenalValueError(f"X names {kind} {outside}, it has {size}")
