"""Tables and columns as the core compares them: read in place where their layout allows."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Mapping, Set
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from arsenal import _native
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError

DriftColumn = _native._rust.DriftColumn

#: Largest whole number up to which float64 holds every whole number.
LARGEST_EXACT = 2**53


def table_columns(table: Any, side: str, wanted: frozenset[str] | None) -> tuple[int, dict[str, DriftColumn]]:
    """Number of rows, and the columns by name; of the wanted ones, those that the table has."""
    if isinstance(table, np.ndarray):
        if table.ndim != 2:
            raise ArsenalValueError(f"{side} has shape {table.shape}, wanted rows and columns")
        if isinstance(table, np.matrix):
            table = np.asarray(table)  # a column of a matrix is a matrix
        named: Iterable[tuple[Any, Any]] = ((f"x{i}", table[:, i]) for i in range(table.shape[1]))
        n_rows = table.shape[0]
    elif isinstance(table, Mapping):
        named = table.items()
        lengths = {str(name): _length(name, values) for name, values in table.items()}
        n_rows = next(iter(lengths.values()), 0)
        uneven = next((name for name, length in lengths.items() if length != n_rows), None)
        if uneven is not None:
            first = next(iter(lengths))
            raise ArsenalValueError(
                f"{side} has {lengths[uneven]} values in {uneven!r} and {n_rows} in {first!r}, "
                "wanted columns of one length"
            )
    elif hasattr(table, "iloc") and hasattr(table, "columns"):
        named, n_rows = _pandas_columns(table), len(table)
    elif hasattr(table, "__arrow_c_stream__"):
        return _arrow_columns(table, side, wanted)
    else:
        raise ArsenalTypeError(
            f"{side} is of type {type(table).__name__}, wanted a pandas, polars or pyarrow table, "
            "a dict of columns or a 2-D array"
        )
    columns: dict[str, DriftColumn] = {}
    for name, values in named:
        if wanted is not None and str(name) not in wanted:
            continue
        if str(name) in columns:
            raise ArsenalValueError(f"{side} has more than one column {str(name)!r}")
        columns[str(name)] = column_of(values)
    return n_rows, columns


def column_of(values: Any) -> DriftColumn:
    """One column from an array, a list, a pandas or polars series, or an Arrow array."""
    if hasattr(values, "iloc") and hasattr(values, "dtype"):
        return _pandas_column(values)
    if hasattr(values, "__arrow_c_stream__") and hasattr(values, "to_frame"):
        return _arrow_columns(values.to_frame("column"), "a column", None)[1]["column"]
    if hasattr(values, "__arrow_c_stream__") or hasattr(values, "__arrow_c_array__"):
        import pyarrow as pa

        return DriftColumn.from_arrow(pa.table({"column": values}))[0][1]
    if isinstance(values, np.ma.MaskedArray):
        return _object_column(values.tolist())
    if isinstance(values, np.ndarray):
        return _array_column(values)
    values = list(values)
    # NumPy would turn [1, "a"] into text; only what it takes for numbers is left to it.
    try:
        array = np.asarray(values)
    except ValueError:
        return _object_column(values)
    if array.ndim == 1 and array.dtype.kind in "biufmM" and values:
        return _array_column(array)
    return _object_column(values)


def _length(name: Any, values: Any) -> int:
    # Of these the first two are no columns of what they hold, and the last two have no order or hold more than values.
    is_other = isinstance(values, (str, bytes, bytearray, Set, Mapping))
    if is_other or not hasattr(values, "__len__") or getattr(values, "ndim", 1) == 0:
        raise ArsenalTypeError(f"column {name!r} is of type {type(values).__name__}, wanted an array or list")
    return len(values)


def without_values(n_rows: int, kind: str) -> DriftColumn:
    """A column of a kind in which every value is missing."""
    if kind == "category":
        return DriftColumn.from_codes(np.full(n_rows, -1), [])
    return DriftColumn.from_numpy(np.full(n_rows, np.nan), kind)


def _array_column(values: npt.NDArray[Any]) -> DriftColumn:
    if values.ndim != 1:
        raise ArsenalValueError(f"a column has shape {values.shape}, wanted one dimension")
    match values.dtype.kind:
        case "f":
            narrow = values.dtype.itemsize <= 4
            return DriftColumn.from_numpy(values.astype(np.float32 if narrow else np.float64, copy=False), "number")
        case "i" | "u":
            if not _is_exact(values):
                return _object_column(values.tolist())  # which says what is wrong with it
            return DriftColumn.from_numpy(values.astype(np.float64), "number")
        case "b":
            return DriftColumn.from_codes(values.astype(np.int64), ["False", "True"])
        case "M":
            return DriftColumn.from_numpy((values - np.datetime64(0, "s")) / np.timedelta64(1, "s"), "time")
        case "m":
            return DriftColumn.from_numpy(values / np.timedelta64(1, "s"), "number")
        case _:
            return _object_column(values.tolist())


def _is_exact(values: npt.NDArray[Any]) -> bool:
    return values.size == 0 or max(int(values.max()), -int(values.min())) <= LARGEST_EXACT


def _object_column(values: list[Any]) -> DriftColumn:
    """Dates, times of day and durations become seconds; the core takes everything else as it is."""
    first = next((value for value in values if value is not None), None)
    for types, seconds, kind in (
        (date, _seconds_since_1970, "time"),  # a datetime is a date
        (timedelta, timedelta.total_seconds, "number"),
        (time, _seconds_since_midnight, "number"),
    ):
        if isinstance(first, types) and all(isinstance(value, types) or _is_missing(value) for value in values):
            numbers = [np.nan if _is_missing(value) else seconds(value) for value in values]
            return DriftColumn.from_numpy(np.array(numbers, np.float64), kind)
    return DriftColumn.from_objects(values, _is_missing)


def _seconds_since_1970(moment: date) -> float:
    """What has no time zone is taken for UTC, as NumPy does."""
    if not isinstance(moment, datetime):
        return (moment - date(1970, 1, 1)) / timedelta(seconds=1)
    since = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (since - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1)


def _seconds_since_midnight(moment: time) -> float:
    return 3600.0 * moment.hour + 60 * moment.minute + moment.second + moment.microsecond / 1e6


def _pandas_columns(table: Any) -> Iterator[tuple[Any, Any]]:
    # Not table[name]: a name may occur twice, and then gives a table.
    return ((name, table.iloc[:, place]) for place, name in enumerate(table.columns))


def _pandas_column(values: Any) -> DriftColumn:
    dtype = values.dtype
    if isinstance(dtype, np.dtype):
        return _array_column(values.to_numpy())
    if hasattr(values, "cat"):
        codes = values.cat.codes.to_numpy().astype(np.int64)
        return DriftColumn.from_codes(codes, [str(category) for category in values.cat.categories])
    kind = getattr(dtype, "kind", "O")
    if kind == "M":
        return _array_column(values.to_numpy(dtype="datetime64[ns]"))
    if kind in "iuf" and getattr(dtype, "_is_numeric", False):
        if kind != "f" and not _is_exact(values.dropna().to_numpy()):
            return _object_column(values.tolist())
        return _array_column(values.to_numpy(dtype=np.float64, na_value=np.nan))
    if importlib.util.find_spec("pyarrow") is not None:
        return DriftColumn.from_arrow(values.to_frame("column"))[0][1]
    return _object_column(values.tolist())


def _arrow_columns(table: Any, side: str, wanted: frozenset[str] | None) -> tuple[int, dict[str, DriftColumn]]:
    if hasattr(table, "get_columns") and hasattr(table, "schema"):
        return _polars_columns(table, wanted)
    columns: dict[str, DriftColumn] = {}
    n_rows = 0
    for name, column in DriftColumn.from_arrow(table):
        if name in columns:
            raise ArsenalValueError(f"{side} has more than one column {name!r}")
        columns[name] = column
        n_rows = max(n_rows, len(column))
    return n_rows, {name: column for name, column in columns.items() if wanted is None or name in wanted}


def _polars_columns(table: Any, wanted: frozenset[str] | None) -> tuple[int, dict[str, DriftColumn]]:
    # polars exports a column of its type Null with a buffer that the Arrow interface does not allow.
    names = [name for name in table.columns if wanted is None or name in wanted]
    empty = {name for name, dtype in table.schema.items() if str(dtype) == "Null"}
    columns = dict(DriftColumn.from_arrow(table.select([name for name in names if name not in empty])))
    nothing = DriftColumn.from_objects([None] * len(table), _is_missing)
    return len(table), {name: columns.get(name, nothing) for name in names}


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, Decimal):
        return value.is_nan()  # comparing a signaling one would raise
    unequal = value != value
    return unequal is True or (isinstance(unequal, np.bool_) and bool(unequal))
