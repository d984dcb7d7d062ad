"""How estimators read tables: NumPy and SciPy as scikit-learn does, data frames through the Arrow C data interface."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.utils.validation import _check_feature_names, _check_n_features, _get_feature_names, validate_data

from arsenal.exceptions import ArsenalTypeError, ArsenalValueError, MissingExtraError
from arsenal.models._sparse import check_sparse, core_csr

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

#: What the learning core takes: a float matrix, CSR arrays with the width, or an object with ``__arrow_c_stream__``.
CoreTable = Any

#: Largest whole number up to which float32 holds every whole number.
EXACT_FLOAT32 = 2**24


def has_columns(X: Any) -> bool:
    """Whether X is a data frame or Arrow table rather than an array."""
    return hasattr(X, "__arrow_c_stream__") and not isinstance(X, np.ndarray)


def read_training_table(estimator: BaseEstimator, X: Any) -> CoreTable:
    """Check X as a training table, note its width and names on the estimator, and return what the core takes."""
    if has_columns(X):
        width = n_columns(X)
        if len(X) == 0:
            raise ArsenalValueError("X has 0 sample(s) (shape=(0, ...)) while a minimum of 1 is required.")
        if width == 0:
            raise ArsenalValueError(f"X has 0 feature(s) (shape=({len(X)}, 0)) while a minimum of 1 is required.")
        _check_feature_names(estimator, _named(X), reset=True)
        for place, name in enumerate(column_names(X, width)):
            if "\0" in name:  # where Arrow's C interface would end it
                raise ArsenalValueError(f"column {place} is named {name!r}, wanted a name without NUL")
        estimator.n_features_in_ = width
        return arrow_frame(X)
    return _read_matrix(estimator, X, reset=True)


def read_other_table(estimator: BaseEstimator, X: Any) -> CoreTable:
    """Check X against the table that the estimator was fitted on, and return what the core takes."""
    if has_columns(X):
        width = _Width(n_columns(X))
        _check_feature_names(estimator, _named(X), reset=False)
        _check_n_features(estimator, width, reset=False)
        return arrow_frame(X)
    return _read_matrix(estimator, X, reset=False)


def _named(X: Any) -> Any:
    """What scikit-learn reads the names from: a table that is read in passes has a stand-in for that."""
    return X.without_rows() if hasattr(X, "without_rows") else X


class _Width:
    """A table of which scikit-learn's check only needs the width."""

    def __init__(self, n_columns: int) -> None:
        self.shape = (1, n_columns)


def n_columns(frame: Any) -> int:
    """Number of columns of a data frame or Arrow table; anything else with an Arrow stream raises."""
    shape = getattr(frame, "shape", None)
    if shape is not None and len(shape) == 2 and hasattr(frame, "__len__"):
        return int(shape[1])
    kind = f"{type(frame).__module__.partition('.')[0]}.{type(frame).__name__}"
    if shape is not None and len(shape) == 1:
        raise ArsenalTypeError(f"X is one column, a {kind}, wanted a table of rows and columns")
    raise ArsenalTypeError(f"X is a {kind}, wanted a table that has a length and columns, such as a pyarrow.Table")


def column_names(X: CoreTable, width: int) -> list[str]:
    """Names of the columns: the table's own where it has any, else ``x0, x1, …``."""
    names = _get_feature_names(_named(X)) if has_columns(X) else None
    return [f"x{column}" for column in range(width)] if names is None else [str(name) for name in names]


def category_mask(categorical: Any, names: Sequence[str], width: int) -> list[bool] | None:
    """``categorical_features`` as one mark per column; None where the table's own types decide."""
    if isinstance(categorical, str):
        if categorical == "from_dtype":
            return None
        raise ArsenalValueError(
            f"categorical_features is {categorical!r}, "
            "wanted 'from_dtype', None, a boolean mask, column indices or column names"
        )
    if categorical is None:
        return [False] * width
    try:
        marks = np.asarray(categorical)
    except ValueError:  # lists of several lengths
        marks = np.empty((0, 0))
    if marks.ndim != 1:
        raise ArsenalTypeError(
            f"categorical_features is {categorical!r}, wanted 'from_dtype', None, or one list of a boolean mask, "
            "column indices or column names"
        )
    if marks.size == 0:
        return [False] * width
    if marks.dtype == bool:
        if marks.shape != (width,):
            raise ArsenalValueError(f"categorical_features is a mask of shape {marks.shape}, X has {width} columns")
        return [bool(mark) for mark in marks]
    if marks.dtype.kind in "iu":
        outside = marks[(marks < -width) | (marks >= width)]
        if outside.size:
            raise ArsenalValueError(f"categorical_features has column {outside[0]}, X has {width} columns")
        chosen = {int(mark) % width for mark in marks}
        return [column in chosen for column in range(width)]
    unknown = [mark for mark in marks.tolist() if mark not in names]
    if unknown:
        raise ArsenalValueError(f"categorical_features names {unknown[0]!r}, the columns are {list(names)}")
    return [name in set(marks.tolist()) for name in names]


def exact_float32(X: npt.NDArray[np.float64], is_category: Any) -> npt.NDArray[np.float32]:
    """Round float64 values for a model of float32 thresholds: every row takes the branch that float64 would take.

    A model asks ``x <= t`` with t a float32; rounding x up to the next float32 never moves it across such a t.
    Categories, which the index ``is_category`` picks out of X, are compared for equality and are rounded to nearest.
    """
    with np.errstate(over="ignore"):
        nearest = X.astype(np.float32)
    rounded = np.where(nearest < X, np.nextafter(nearest, np.float32(math.inf)), nearest)
    rounded[is_category] = nearest[is_category]
    return rounded


def float32_table(X: Any) -> Any:
    """A table with its numbers rounded to the nearest float32; text and categories as they are."""
    if importlib.util.find_spec("pyarrow") is None:
        raise MissingExtraError("pyarrow", "tables", "reading a table")
    import pyarrow as pa

    table = pa.table(arrow_frame(X))
    columns = [
        column.cast(pa.float32(), safe=False)
        if pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)
        else column
        for column in table.columns
    ]
    return pa.table(columns, names=table.column_names)


def column(frame: Any, place: int) -> Any:
    """A column of a table, as the table's library has it."""
    if hasattr(frame, "iloc"):
        return frame.iloc[:, place]
    if hasattr(frame, "to_series"):
        return frame.to_series(place)
    import pyarrow as pa

    return pa.table(frame).column(place)


def matrix(frame: Any) -> npt.NDArray[np.float64]:
    """A table of numbers as float64; what is missing is NaN."""
    return np.column_stack([_column_numbers(column(frame, place)) for place in range(n_columns(frame))])


def _column_numbers(values: Any) -> npt.NDArray[Any]:
    if hasattr(values, "array"):  # pandas
        return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
    if hasattr(values, "to_arrow"):  # polars
        values = values.to_arrow()
    import pyarrow as pa

    return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False))


def _read_matrix(estimator: BaseEstimator, X: Any, *, reset: bool) -> CoreTable:
    if sparse.issparse(X) and X.ndim == 2:
        check_sparse(X)
    X = validate_data(estimator, X, reset=reset, accept_sparse="csr", dtype=None, ensure_all_finite=False)
    if sparse.issparse(X):
        check_sparse(X)  # what it was made from may be of a format that has no index arrays to check
        return core_csr(X, _floats(X.data))
    X = _floats(X)
    return X if X.flags.aligned else X.copy()


def _floats(X: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """X as float32 or float64, the narrower if that is exact; anything that is not a number raises."""
    if X.dtype in (np.float32, np.float64):
        return X
    if X.dtype.kind in "biu" or X.dtype == np.float16:
        largest = 0 if X.size == 0 or X.dtype.kind not in "iu" else max(abs(int(X.max())), abs(int(X.min())))
        if largest > 2**53:
            raise ArsenalValueError(
                f"X holds the whole number {largest} in size, wanted at most 2**53, beyond which floats are not exact"
            )
        return X.astype(np.float32 if largest <= EXACT_FLOAT32 else np.float64)
    check_is_no_time(X, "X")
    if X.dtype.kind == "c":
        raise ArsenalValueError("Complex data not supported: X has complex numbers, wanted real ones")
    try:
        return X.astype(np.float64)
    except (TypeError, ValueError) as error:
        kind = ArsenalTypeError if isinstance(error, TypeError) else ArsenalValueError
        raise kind(
            f"X holds values that are not numbers ({error}); pass text columns as a data frame or Arrow table"
        ) from error


def check_is_no_time(values: npt.NDArray[Any], name: str) -> None:
    """Raise where an array holds dates, times or durations: NumPy would count them in the array's unit, and NaT too."""
    kinds = {value.dtype for value in values.flat if isinstance(value, np.generic)} if values.dtype == object else set()
    time = next((kind for kind in kinds | {values.dtype} if kind.kind in "mM"), None)
    if time is not None:
        raise ArsenalTypeError(f"{name} has the type {time}, wanted numbers (turn dates into numbers first)")


class ArrowStream:
    """A data frame or Arrow table as the core reads it: what goes wrong on the way to Arrow is said of the table.

    Parameters
    ----------
    frame : data frame or Arrow table
        What :func:`read_training_table` or :func:`read_other_table` returned.
    name : str
        What it is called in messages.
    """

    def __init__(self, frame: Any, name: str) -> None:
        self._frame = frame
        self._name = name

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        frame = self._frame
        try:
            if type(frame).__module__.partition(".")[0] == "polars":
                frame = _without_null_type(frame)
            return frame.__arrow_c_stream__(requested_schema)
        except Exception as error:  # pyarrow's are of many classes, and polars has its own
            where = "".join(f"column {name!r} of " for name in _unreadable_column(frame))
            raise ArsenalValueError(f"{where}{self._name} cannot be read as an Arrow table: {error}") from error


def for_core(table: CoreTable, name: str) -> CoreTable:
    """The table as it is handed to the core."""
    return ArrowStream(table, name) if has_columns(table) else table


def _unreadable_column(frame: Any) -> list[Any]:
    """The name of the first column of a pandas DataFrame that Arrow cannot read, if it is to be found."""
    for place, name in enumerate(frame.columns if hasattr(frame, "iloc") else ()):
        try:
            frame.iloc[:, [place]].__arrow_c_stream__()
        except Exception:  # the same as those of the whole
            return [name]
    return []


def _without_null_type(frame: Any) -> Any:
    """polars exports a column of its type Null with a buffer that the Arrow interface does not allow."""
    import polars as pl

    nothing = [name for name, dtype in frame.schema.items() if dtype == pl.Null]
    return frame.with_columns(pl.col(nothing).cast(pl.Float32)) if nothing else frame


def arrow_frame(X: Any) -> Any:
    """X with text columns that Arrow can read: pandas object columns become strings or raise."""
    module = type(X).__module__.partition(".")[0]
    if module != "pandas":
        return X
    if importlib.util.find_spec("pyarrow") is None:
        raise MissingExtraError("pyarrow", "tables", "reading a pandas DataFrame")
    for name, column in X.items():
        if column.dtype == object:
            kinds = {type(value).__name__ for value in column.dropna()} - {"str"}
            if kinds and not kinds <= {"int", "float", "bool", "int64", "float64"}:
                raise ArsenalTypeError(
                    f"column {name!r} holds values of type {sorted(kinds)}, wanted text, numbers or booleans"
                )
            if kinds and any(isinstance(value, str) for value in column.dropna()):
                raise ArsenalTypeError(f"column {name!r} mixes text and {sorted(kinds)}, wanted one of them")
    return X.reset_index(drop=True)
