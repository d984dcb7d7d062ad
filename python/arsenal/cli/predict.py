"""``arsenal predict``: a model over a table of any length, in memory that does not grow with it."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from arsenal.cli.files import whole_file
from arsenal.cli.signature import Signature, class_names, signature
from arsenal.cli.tables import TableFile, check_columns, open_table, table_format
from arsenal.exceptions import ArsenalValueError

if TYPE_CHECKING:
    import pyarrow as pa

    from arsenal.deployment import InferenceSession


@dataclass(frozen=True)
class Predicted:
    """What a run did.

    Attributes
    ----------
    rows : int
        Rows read, and written.
    columns : list of str
        Columns written.
    ignored : list of str
        Columns of the table that the model does not take.
    seconds : float
        From opening the table to the last row written.
    """

    rows: int
    columns: list[str]
    ignored: list[str]
    seconds: float


def predict(
    session: InferenceSession, data: Path, out: Path | None, keep: Sequence[str], json_lines: bool
) -> Predicted:
    """Score every row of a CSV or Parquet file and write one row for each, in the same order.

    Parameters
    ----------
    session
        The model.
    data
        The table; columns are found by name, in whatever order they stand.
    out
        A .csv or .parquet file, which appears once it is complete; None writes to standard output.
    keep
        Columns of the table to copy in front of the predictions.
    json_lines
        Write JSON, one object per row, instead of CSV on standard output.
    """
    started = time.perf_counter()
    scorer = Scorer(session)
    table = open_table(data)
    place = scorer.takes.place(table.names, data)
    check_columns(data, table.names, keep, "--keep asks for")
    batches = scorer.batches(table, place, keep)
    with closing(batches), _sink(out, json_lines) as write:
        rows = 0
        for batch in batches:
            write(batch)
            rows += batch.num_rows
            columns = batch.schema.names
    used = {*place, *keep}
    ignored = [name for name in table.names if name not in used]
    return Predicted(rows, columns, ignored, time.perf_counter() - started)


class Scorer:
    """A session as a function from batches of a table to batches of predictions."""

    def __init__(self, session: InferenceSession) -> None:
        self.session = session
        metadata = session.get_modelmeta().custom_metadata_map
        self.takes: Signature = signature(session.get_inputs(), metadata)
        self.outputs = [output.name for output in session.get_outputs()]
        self.classes = class_names(metadata)

    def batches(self, table: TableFile, place: Sequence[str], keep: Sequence[str]) -> Generator[pa.RecordBatch]:
        """Predictions for the rows of a table, columns to keep first; at least one batch, which may have no rows."""
        types: dict[str, pa.DataType | None] = dict.fromkeys(keep)
        types |= {name: column.arrow_type for name, column in zip(place, self.takes.columns, strict=True)}
        none_yet = True
        for batch in table.batches(types):
            none_yet = False
            yield self.score(batch, place, keep)
        if none_yet:
            yield self.score(_no_rows(types), place, keep)

    def score(self, batch: pa.RecordBatch, place: Sequence[str], keep: Sequence[str]) -> pa.RecordBatch:
        """Predictions for one batch."""
        import pyarrow as pa

        predictions: dict[str, np.ndarray] = {}
        results = self.session.run(None, self.takes.feed(batch.select(list(place))))
        for output, result in zip(self.outputs, results, strict=True):
            predictions |= self._columns(output, np.asarray(result))
        for name in keep:
            if name in predictions:
                raise ArsenalValueError(f"--keep {name}: the model writes a column of that name")
        return pa.RecordBatch.from_pydict({name: batch[name] for name in keep} | predictions)

    def _columns(self, output: str, result: np.ndarray) -> dict[str, np.ndarray]:
        if result.ndim == 1 or (result.ndim == 2 and result.shape[1] == 1):
            return {output: result.reshape(-1)}
        if result.ndim != 2:
            raise ArsenalValueError(f"output {output!r} has {result.ndim} dimensions: it does not fit into a table")
        width = result.shape[1]
        suffixes = self.classes if len(self.classes) == width else [str(i) for i in range(width)]
        stem = "probability" if output == "probabilities" else output
        return {f"{stem}_{suffix}": np.ascontiguousarray(result[:, i]) for i, suffix in enumerate(suffixes)}


def _no_rows(types: Mapping[str, pa.DataType | None]) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.RecordBatch.from_pydict({name: pa.array([], dtype or pa.string()) for name, dtype in types.items()})


@contextmanager
def _sink(out: Path | None, json_lines: bool) -> Iterator[Callable[[pa.RecordBatch], None]]:
    """Where predictions go, opened with the schema of the first batch."""
    if out is None:
        with _json_lines() if json_lines else _csv(sys.stdout.buffer) as write:
            yield write
    else:
        kind = table_format(out)
        with whole_file(out) as unfinished, _csv(unfinished) if kind == "csv" else _parquet(unfinished) as write:
            yield write


@contextmanager
def _csv(target: Path | IO[bytes]) -> Iterator[Callable[[pa.RecordBatch], None]]:
    from pyarrow import csv

    with ExitStack() as stack:
        writers: list[csv.CSVWriter] = []

        def write(batch: pa.RecordBatch) -> None:
            if not writers:
                writers.append(stack.enter_context(csv.CSVWriter(target, batch.schema)))
            writers[0].write_batch(batch)

        yield write


@contextmanager
def _parquet(target: Path) -> Iterator[Callable[[pa.RecordBatch], None]]:
    from pyarrow import parquet

    with ExitStack() as stack:
        writers: list[parquet.ParquetWriter] = []

        def write(batch: pa.RecordBatch) -> None:
            if not writers:
                writers.append(stack.enter_context(parquet.ParquetWriter(target, batch.schema)))
            writers[0].write_batch(batch)

        yield write


@contextmanager
def _json_lines() -> Iterator[Callable[[pa.RecordBatch], None]]:
    def write(batch: pa.RecordBatch) -> None:
        for row in batch.to_pylist():
            sys.stdout.write(json.dumps({name: _json_value(value) for name, value in row.items()}) + "\n")

    yield write


def _json_value(value: Any) -> Any:
    """JSON has no NaN and no infinities, and no dates."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
