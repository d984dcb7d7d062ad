"""Where rows come from that are read anew for each pass and never held: files, datasets, streams."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from arsenal.exceptions import ArsenalTypeError, ArsenalValueError, MissingExtraError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset

#: Rows that are in memory at once, besides what a reader holds on its own.
BATCH_ROWS = 65_536

_FORMATS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "ipc",
    ".ipc": "ipc",
    ".feather": "ipc",
    ".csv": "csv",
    ".orc": "orc",
}


class Source(Protocol):
    """Rows that can be read from the start as often as wanted."""

    schema: pa.Schema

    def read(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Some columns of all rows, in one order."""


def is_source(X: Any) -> bool:
    """Whether X is read in passes rather than held: a path, a dataset, a function that opens a stream, or a stream."""
    if isinstance(X, (str, os.PathLike)) or (callable(X) and not hasattr(X, "__array__")):
        return True
    if any(kind.__module__ == "pyarrow._dataset" and kind.__name__ == "Dataset" for kind in type(X).__mro__):
        return True
    return hasattr(X, "__arrow_c_stream__") and not hasattr(X, "__len__")


@contextmanager
def opened(X: Any, name: str) -> Iterator[Source]:
    """A source for X; a stream that can be read but once is first written to a temporary file, gone with the context.

    Parameters
    ----------
    X : str, PathLike, pyarrow.dataset.Dataset, callable or object with ``__arrow_c_stream__``
        What :func:`is_source` is true of.
    name : str
        What it is called in messages.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise MissingExtraError("pyarrow", "tables", f"reading {name} in passes")
    import pyarrow as pa

    with ExitStack() as stack:
        try:
            source = _open(X, name, stack)
        except pa.ArrowException as error:
            at = f" at {os.fspath(X)!r}" if isinstance(X, (str, os.PathLike)) else ""
            raise ArsenalValueError(f"{name}{at} cannot be read as a table: {error}") from error
        yield source


def _open(X: Any, name: str, stack: ExitStack) -> Source:
    if isinstance(X, (str, os.PathLike)):
        return _Dataset(_dataset_at(Path(X)))
    if callable(X):
        return _Reopened(X, name)
    if hasattr(X, "scanner"):
        return _Dataset(X)
    # A file without a name, or one that the system removes when it is closed: not even a killed process leaves it.
    return _Spilled(_stream(X, name), stack.enter_context(tempfile.TemporaryFile(prefix="arsenal-")))


def in_slices(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows, at most :data:`BATCH_ROWS` at once."""
    for batch in batches:
        for first in range(0, batch.num_rows, BATCH_ROWS):
            yield batch.slice(first, BATCH_ROWS)


def _dataset_at(path: Path) -> pyarrow.dataset.Dataset:
    import pyarrow.dataset

    files = (file for file in sorted(path.rglob("*")) if file.is_file()) if path.is_dir() else iter([path])
    known = (_FORMATS[file.suffix.lower()] for file in files if file.suffix.lower() in _FORMATS)
    return pyarrow.dataset.dataset(path, format=next(known, "parquet"), partitioning="hive")


def _stream(made: Any, name: str) -> pa.RecordBatchReader:
    import pyarrow as pa

    if not hasattr(made, "__arrow_c_stream__"):
        raise ArsenalTypeError(
            f"{name}() returned a {type(made).__name__}, wanted an object with an Arrow stream, such as a "
            "pyarrow.RecordBatchReader"
        )
    # As it is: Arrow's interface would turn the exceptions of a reader that Python feeds into its own.
    return made if isinstance(made, pa.RecordBatchReader) else pa.RecordBatchReader.from_stream(made)


class _Dataset:
    def __init__(self, dataset: pyarrow.dataset.Dataset) -> None:
        self._dataset = dataset
        self.schema = dataset.schema

    def read(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for piece in self._pieces():
            options = {"schema": self.schema} if piece is not self._dataset else {}
            scanner = piece.scanner(
                columns=list(columns), batch_size=BATCH_ROWS, batch_readahead=1, fragment_readahead=1, **options
            )
            yield from scanner.to_batches()

    def _pieces(self) -> Iterator[pyarrow.dataset.Dataset | pyarrow.dataset.Fragment]:
        """What is scanned at once: a scanner reads up to a gigabyte ahead of a slow consumer."""
        import pyarrow.dataset

        try:
            fragments = self._dataset.get_fragments()
        except ValueError:  # the dataset has a filter, of which its fragments know nothing
            yield self._dataset
            return
        for fragment in fragments:
            if isinstance(fragment, pyarrow.dataset.ParquetFileFragment):
                yield from fragment.split_by_row_group()
            else:
                yield fragment


class _Reopened:
    def __init__(self, call: Callable[[], Any], name: str) -> None:
        self._call = call
        self._name = name
        self.schema = self._open().schema

    def _open(self) -> pa.RecordBatchReader:
        return _stream(self._call(), self._name)

    def read(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        reader = self._open()
        if not reader.schema.equals(self.schema):
            raise ArsenalValueError(
                f"{self._name} changed between two passes: its columns were ({_described(self.schema)}), "
                f"now they are ({_described(reader.schema)})"
            )
        for batch in reader:
            yield batch.select(list(columns))


class _Spilled:
    """Arrow's stream format rather than its file format, which has one dictionary per column for all batches."""

    def __init__(self, reader: pa.RecordBatchReader, file: IO[bytes]) -> None:
        import pyarrow as pa

        self._file = file
        self.schema = reader.schema
        with pa.ipc.new_stream(file, reader.schema) as writer:
            for batch in in_slices(reader):
                writer.write_batch(batch)

    def read(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        self._file.seek(0)
        wanted = [self.schema.get_field_index(name) for name in columns]
        for batch in pa.ipc.open_stream(self._file, options=pa.ipc.IpcReadOptions(included_fields=wanted)):
            yield batch.select(list(columns))


def _described(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name}: {field.type}" for field in schema)
