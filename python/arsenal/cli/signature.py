"""What a model takes, as columns of a table, and how a batch of rows becomes the arrays of its inputs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from arsenal.exceptions import ArsenalTypeError, ArsenalValueError

if TYPE_CHECKING:
    import pyarrow as pa

FEATURE_NAMES = "arsenal.feature_names"
CLASSES = "arsenal.classes"

# ONNX type → NumPy dtype; in a string tensor a missing value is "".
DTYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(bool)": "bool",
    "tensor(string)": "str",
}


class Argument(Protocol):
    """An input or output as ``InferenceSession`` describes it."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def shape(self) -> Sequence[Any]: ...


@dataclass(frozen=True)
class Column:
    """One column that a model takes."""

    name: str
    dtype: str

    @property
    def arrow_type(self) -> pa.DataType:
        import pyarrow as pa

        return pa.string() if self.dtype == "str" else pa.from_numpy_dtype(np.dtype(self.dtype))


@dataclass(frozen=True)
class Signature:
    """The columns that a model takes, in its order.

    Attributes
    ----------
    columns : tuple of Column
    tensor : str or None
        Name of the one input ``[N, F]`` that holds all columns; None if every column is an input ``[N, 1]`` of its own.
    named : bool
        False if the model knows its columns by position only; their names here are then ``column_0`` and so on.
    """

    columns: tuple[Column, ...]
    tensor: str | None
    named: bool

    def feed(self, batch: pa.RecordBatch | pa.Table) -> dict[str, np.ndarray]:
        """Arrays by input name, as ONNX Runtime takes them too: a missing number is NaN, a missing string is ``""``."""
        arrays = [_array(batch.column(i), column) for i, column in enumerate(self.columns)]
        if self.tensor is None:
            return {column.name: array.reshape(-1, 1) for column, array in zip(self.columns, arrays, strict=True)}
        return {self.tensor: np.column_stack(arrays)}

    def place(self, present: Sequence[str], path: Path) -> list[str]:
        """The columns of a table that hold the model's columns, in the model's order.

        Columns are found by name. A model that knows positions only takes a table with exactly as many columns.
        """
        from arsenal.cli.tables import check_columns

        names = [column.name for column in self.columns]
        # A model of an array carries x0, x1, … as names: a table that has none of them is taken by position too.
        numbered = self.tensor is not None and names == [f"x{i}" for i in range(len(names))]
        if self.named and not (numbered and not set(names) & set(present)):
            check_columns(path, present, names)
            return names
        if len(present) != len(self.columns):
            raise ArsenalValueError(
                f"{path} has {len(present)} columns, the model takes {len(self.columns)} by position"
            )
        return list(present)


def signature(inputs: Sequence[Argument], metadata: Mapping[str, str]) -> Signature:
    """Read a model's signature from its inputs and, for the names of an ``[N, F]`` input, from its metadata."""
    for argument in inputs:
        if argument.type not in DTYPES:
            raise ArsenalTypeError(
                f"input {argument.name!r} is a {argument.type}: only tensors of columns can be fed from a table"
            )
    if len(inputs) == 1:
        return _tensor_signature(inputs[0], metadata)
    for argument in inputs:
        if _width(argument) != 1:
            raise ArsenalTypeError(
                f"input {argument.name!r} has the shape {list(argument.shape)}, a column [N, 1] was wanted"
            )
    return Signature(tuple(Column(argument.name, DTYPES[argument.type]) for argument in inputs), None, True)


def _tensor_signature(argument: Argument, metadata: Mapping[str, str]) -> Signature:
    names = feature_names(metadata)
    width = _width(argument) or len(names)
    if not width:
        raise ArsenalTypeError(
            f"input {argument.name!r} has the shape {list(argument.shape)}: how many columns it takes is not said"
        )
    named = len(names) == width
    if not named:
        named = width == 1
        names = [argument.name] if named else [f"column_{i}" for i in range(width)]
    return Signature(tuple(Column(name, DTYPES[argument.type]) for name in names), argument.name, named)


def feature_names(metadata: Mapping[str, str]) -> list[str]:
    """The names of the columns that the model was fitted with; none if the file does not carry them."""
    return _names(metadata, FEATURE_NAMES)


def class_names(metadata: Mapping[str, str]) -> list[str]:
    """The classes in the order of the probabilities; none if the file does not carry them."""
    return _names(metadata, CLASSES)


def _names(metadata: Mapping[str, str], key: str) -> list[str]:
    try:
        names = json.loads(metadata.get(key, "[]"))
    except json.JSONDecodeError:
        return []
    return [str(name) for name in names] if isinstance(names, list) else []


def _width(argument: Argument) -> int:
    """Columns of an input, 0 if its shape does not say."""
    shape = list(argument.shape)
    if len(shape) != 2:
        raise ArsenalTypeError(f"input {argument.name!r} has the shape {shape}, rows and columns were wanted")
    return shape[1] if isinstance(shape[1], int) and shape[1] > 0 else 0


def _array(values: pa.Array | pa.ChunkedArray, column: Column) -> np.ndarray:
    if column.dtype == "str":
        import pyarrow.compute as pc

        return np.asarray(pc.fill_null(values, "").to_numpy(**_copying(values)), dtype=object)
    if values.null_count and not column.dtype.startswith("float"):
        raise ArsenalValueError(
            f"column {column.name!r} has {values.null_count:,} missing values, "
            f"the model takes {column.dtype}, which has none"
        )
    return np.asarray(values.to_numpy(**_copying(values)), dtype=column.dtype)


def _copying(values: pa.Array | pa.ChunkedArray) -> dict[str, bool]:
    return {} if hasattr(values, "chunks") else {"zero_copy_only": False}
