"""What a test accepts as a sample: NumPy arrays, lists, pandas and polars series, Arrow arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from arsenal.exceptions import ArsenalTypeError, ArsenalValueError


def numeric_sample(values: Any, name: str) -> npt.NDArray[Any]:
    """A 1-D array of real numbers; what is masked is left out, what is null becomes NaN."""
    if isinstance(values, np.ma.MaskedArray):
        values = values.compressed()
    array = _as_array(values)
    if array.ndim == 0:
        array = array.reshape(1)
    if array.ndim != 1:
        raise ArsenalValueError(f"{name} has shape {array.shape}, wanted one dimension")
    if array.dtype == object:
        array = _floats_of_objects(array, name)
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise ArsenalTypeError(f"{name} has dtype {array.dtype}, wanted real numbers of at most 64 bits")
    return array


def same_dtype(
    first: npt.NDArray[Any], second: npt.NDArray[Any]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], np.dtype[Any]]:
    """Both arrays in one of the dtypes that the core sorts, and the dtype that NumPy would give to both together."""
    together = np.result_type(first, second)
    if together.kind == "f":
        sorted_as = np.dtype(np.float64 if together.itemsize == 8 else np.float32)
    else:
        sorted_as = np.dtype(np.uint64 if together == np.uint64 else np.int64)
    return first.astype(sorted_as, copy=False), second.astype(sorted_as, copy=False), together


def _as_array(values: Any) -> npt.NDArray[Any]:
    dtype = getattr(values, "dtype", None)
    if hasattr(values, "isna") and not isinstance(dtype, np.dtype) and getattr(dtype, "_is_numeric", False):
        # pandas' own nullable numbers, whose missing value is no number.
        exact = not values.isna().any()
        return np.asarray(values.to_numpy() if exact else values.to_numpy(dtype=np.float64, na_value=np.nan))
    return np.asarray(values)


def _floats_of_objects(array: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    if any(isinstance(value, (str, bytes)) for value in array):
        raise ArsenalTypeError(f"{name} holds text, wanted real numbers")
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ArsenalTypeError(f"{name} holds objects that are not real numbers: {error}") from None
