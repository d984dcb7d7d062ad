"""Hands pandas columns to the runtime as it can read them: values, masks and codes, not copies.

The runtime reads NumPy arrays and whatever offers the Arrow C data interface by itself. pandas offers it through
pyarrow alone, which Arsenal does not need; so its columns are taken apart here. pandas is never imported: whoever has a
DataFrame has imported it.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from arsenal._native import _cpp
from arsenal.exceptions import ArsenalTypeError


def is_frame(table: object) -> bool:
    """Whether `table` is a pandas DataFrame."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(table, pandas.DataFrame)


def column_source(column: Any) -> Any:
    """What the runtime reads a column from.

    Parameters
    ----------
    column : object
        A pandas Series or Index, or anything else.

    Returns
    -------
    object
        For pandas data a NumPy array, a ``MaskedColumn``, a ``CategoricalColumn`` or Arrow data, without a copy where
        pandas has one of these inside; anything else as it is.
    """
    pandas = sys.modules.get("pandas")
    if pandas is None or not isinstance(column, pandas.Series | pandas.Index):
        return column
    dtype = column.dtype
    if isinstance(dtype, np.dtype):
        return column.to_numpy()
    if isinstance(dtype, pandas.CategoricalDtype):
        # A Series has the categories on its array, a CategoricalIndex on itself; `array` is the same in both.
        return _cpp.CategoricalColumn(column.array.codes, _whole(column_source(column.array.categories)))
    if isinstance(dtype, pandas.ArrowDtype) or getattr(dtype, "storage", None) == "pyarrow":
        return column.array.__arrow_array__()
    if isinstance(dtype, pandas.StringDtype):
        return column.to_numpy(dtype=object)
    numpy_dtype = getattr(dtype, "numpy_dtype", None)
    if isinstance(numpy_dtype, np.dtype) and numpy_dtype.kind in "iufb":
        missing = column.isna()
        mask = missing if isinstance(missing, np.ndarray) else missing.to_numpy()
        # What stands in a missing row's place is never looked at.
        return _cpp.MaskedColumn(column.to_numpy(dtype=numpy_dtype, na_value=numpy_dtype.type(0)), mask)
    if isinstance(dtype, pandas.SparseDtype):
        raise ArsenalTypeError(
            f"column {column.name!r} is sparse, wanted a dense column; a table that is sparse as a whole goes in as "
            "frame.sparse.to_coo().tocsr()"
        )
    raise ArsenalTypeError(f"column {column.name!r} has the pandas type {dtype}, wanted numbers, text or categories")


def _whole(source: Any) -> Any:
    """Arrow data in one chunk; anything else as it is."""
    return source.combine_chunks() if hasattr(source, "combine_chunks") else source


__all__ = ["column_source", "is_frame"]
