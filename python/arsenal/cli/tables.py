"""CSV and Parquet files as Arrow, whole or batch by batch, with errors that name the file and the column."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from arsenal.cli.extras import need
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 65_536
CSV_BLOCK_BYTES = 1 << 22

_FORMATS = {".csv": "csv", ".parquet": "parquet", ".pq": "parquet"}


def table_format(path: Path) -> str:
    """``csv`` or ``parquet``, by the ending of the name."""
    found = _FORMATS.get(path.suffix.lower())
    if found is None:
        raise ArsenalValueError(f"{path}: the name of a table ends in .csv or .parquet")
    return found


@dataclass(frozen=True)
class TableFile:
    """A table on disk, of which so far only the names of the columns were read."""

    path: Path
    format: str
    names: tuple[str, ...]

    def batches(self, types: Mapping[str, pa.DataType | None]) -> Iterator[pa.RecordBatch]:
        """Read some columns from start to end in batches of bounded size.

        Parameters
        ----------
        types
            The columns to read, in the order wanted, and the type to give each; None leaves it as it is stored (a
            column of a CSV file: text).
        """
        for name in types:
            if self.names.count(name) > 1:
                raise ArsenalValueError(f"{self.path} has {self.names.count(name)} columns named {name!r}")
        read = self._csv_batches if self.format == "csv" else self._parquet_batches
        return read(types)

    def _csv_batches(self, types: Mapping[str, pa.DataType | None]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa
        from pyarrow import csv

        n_rows = 0
        with _table_errors(self.path, self.names, lambda: n_rows):
            reader = csv.open_csv(
                self.path,
                read_options=csv.ReadOptions(block_size=CSV_BLOCK_BYTES),
                convert_options=csv.ConvertOptions(
                    include_columns=list(types),
                    column_types={name: dtype or pa.string() for name, dtype in types.items()},
                ),
            )
            with reader:
                for batch in reader:
                    yield batch
                    n_rows += batch.num_rows

    def _parquet_batches(self, types: Mapping[str, pa.DataType | None]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa
        from pyarrow import parquet

        with _table_errors(self.path, self.names, lambda: 0), parquet.ParquetFile(self.path) as file:
            for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=list(types)):
                columns = [
                    batch[name] if dtype is None else cast_column(batch[name], dtype, name, self.path)
                    for name, dtype in types.items()
                ]
                yield pa.RecordBatch.from_arrays(columns, names=list(types))


def open_table(path: Path) -> TableFile:
    """Look at a table's column names."""
    need("pyarrow", extra="cli", purpose=f"reading {path}")
    from pyarrow import csv, parquet

    kind = table_format(path)
    with _table_errors(path, (), lambda: 0):
        if kind == "csv":
            with csv.open_csv(path) as reader:
                names = reader.schema.names
        else:
            with parquet.ParquetFile(path) as file:
                names = file.schema_arrow.names
    return TableFile(path, kind, tuple(names))


def read_table(path: Path) -> pa.Table:
    """Read a whole table, the types of a CSV file inferred."""
    need("pyarrow", extra="cli", purpose=f"reading {path}")
    import pyarrow as pa
    from pyarrow import csv, parquet

    kind = table_format(path)
    with _table_errors(path, (), lambda: 0):
        if kind == "csv":
            table = csv.read_csv(path)
            for name, dtype in zip(table.column_names, table.schema.types, strict=True):
                if pa.types.is_binary(dtype):
                    raise ArsenalValueError(f"{path}: column {name!r} is not UTF-8")
            return table
        with parquet.ParquetFile(path) as file:
            return file.read()


def cast_column(column: pa.Array, wanted: pa.DataType, name: str, path: Path) -> pa.Array:
    """Give a stored column the type that a model takes, where that changes no value beyond rounding to float32.

    Numbers never become strings: a code such as ``07030`` that was stored as a number is no longer what the model saw.
    """
    import pyarrow as pa

    stored = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    fits = (
        stored.equals(wanted)
        or pa.types.is_null(stored)
        or (_is_text(stored) and _is_text(wanted))
        or (is_number(stored) and is_number(wanted))
    )
    if not fits:
        raise ArsenalTypeError(f"{path}: column {name!r} holds {stored}, the model takes {wanted}")
    try:
        return column.cast(wanted)
    except pa.ArrowInvalid as error:
        raise ArsenalValueError(f"{path}: column {name!r} cannot be read as {wanted}: {error}") from None


def check_columns(path: Path, present: Sequence[str], wanted: Sequence[str], who: str = "the model takes") -> None:
    """Say which wanted columns a table lacks, and what it has that is spelled nearly so."""
    lacking = [name for name in wanted if name not in set(present)]
    if not lacking:
        return
    by_lower = {name.lower(): name for name in present}
    near = []
    for name in lacking:
        close = difflib.get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.8)
        near.append(f"{name!r}" + (f" (there is {by_lower[close[0]]!r})" if close else ""))
    shown = ", ".join(near[:8]) + (f" and {len(near) - 8} more" if len(near) > 8 else "")
    count = "a column" if len(lacking) == 1 else f"{len(lacking)} columns"
    raise ArsenalValueError(f"{path} lacks {count} that {who}: {shown}")


def _is_text(dtype: pa.DataType) -> bool:
    from pyarrow import types

    return bool(types.is_string(dtype) or types.is_large_string(dtype) or types.is_string_view(dtype))


def is_number(dtype: pa.DataType) -> bool:
    """Whether a column of this type holds numbers; true and false count as 1 and 0."""
    from pyarrow import types

    kinds = (types.is_integer, types.is_floating, types.is_decimal, types.is_boolean)
    return any(is_kind(dtype) for is_kind in kinds)


@contextmanager
def _table_errors(path: Path, names: Sequence[str], rows_before: Callable[[], int]) -> Iterator[None]:
    """Turn what Arrow says about a file into one line that names the file, and the column by its name."""
    import pyarrow as pa

    try:
        yield
    except ArsenalValueError:
        raise
    except FileNotFoundError:
        raise ArsenalValueError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise ArsenalValueError(f"{path}: the names of the columns are not UTF-8") from None
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        said = str(error)
        column = re.match(r"In CSV column #(\d+): (?:Row #\d+: )?(?:CSV conversion error to (\w+): )?(.*)", said)
        if column and int(column[1]) < len(names):
            said = f"column {names[int(column[1])]!r} cannot be read as {column[2]}: {column[3]}"
            said += f" (after row {rows_before():,})" if rows_before() else ""
        raise ArsenalValueError(f"{path}: {said}") from None
