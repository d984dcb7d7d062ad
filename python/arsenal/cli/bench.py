"""``arsenal bench``: how fast a model runs here, beside onnxruntime if that is installed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from arsenal.cli.engines import Agreement, Speed, compare, onnxruntime_session, race
from arsenal.cli.signature import Signature, signature
from arsenal.cli.tables import open_table
from arsenal.exceptions import ArsenalValueError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from arsenal.deployment import InferenceSession

SEED = 0


@dataclass(frozen=True)
class Benched:
    """Speeds of the engines on the same rows.

    Attributes
    ----------
    rows : int
        Rows of the batch.
    source : str
        ``random`` or the path of the table.
    speeds : list of Speed
        Arsenal first.
    agreement : Agreement or None
        None if onnxruntime is not installed.
    """

    rows: int
    source: str
    n_threads: int
    speeds: list[Speed]
    agreement: Agreement | None


def bench(session: InferenceSession, model: bytes, data: Path | None, rows: int, n_threads: int) -> Benched:
    """Time one row and a batch of at most `rows` rows, random ones if there is no table."""
    takes = signature(session.get_inputs(), session.get_modelmeta().custom_metadata_map)
    feed = random_feed(takes, rows) if data is None else table_feed(takes, data, rows)
    rival = onnxruntime_session(model, n_threads)
    agreement = None if rival is None else compare(session.run(None, feed), rival.run(None, feed))
    n_rows = len(next(iter(feed.values())))
    return Benched(n_rows, "random" if data is None else str(data), n_threads, race(session, rival, feed), agreement)


def screen(benched: Benched) -> RenderableType:
    """The speeds as a table."""
    from rich.console import Group

    from arsenal.cli import look

    about = f"{benched.source} rows, {benched.n_threads} thread(s)"
    rows = look.table("runtime", "one row p50", "p99", f"batch of {benched.rows:,}")
    for speed in benched.speeds:
        rows.add_row(
            speed.engine,
            f"{speed.p50_us:.1f} µs",
            f"{speed.p99_us:.1f} µs",
            f"{speed.rows_per_second:,.0f} rows/s",
        )
    if benched.agreement is None:
        return Group(look.title("Speed", about), rows, "onnxruntime is not installed, so nothing stands beside it")
    ours, theirs = benched.speeds[0], benched.speeds[-1]
    rows.add_row(
        "ratio",
        look.ratio(theirs.p50_us / ours.p50_us),
        look.ratio(theirs.p99_us / ours.p99_us),
        look.ratio(ours.rows_per_second / theirs.rows_per_second),
    )
    agreement = (
        f"on these {benched.agreement.rows:,} rows: {benched.agreement.other_labels} other labels, "
        f"largest difference {look.number(benched.agreement.max_difference)}"
    )
    return Group(look.title("Speed", about), rows, agreement)


def random_feed(takes: Signature, rows: int) -> dict[str, np.ndarray]:
    """Random rows in the shape of a signature: standard normal floats, integers below 100, one-letter strings."""
    rng = np.random.default_rng(SEED)
    columns = [_random_column(rng, column.dtype, rows) for column in takes.columns]
    if takes.tensor is not None:
        return {takes.tensor: np.column_stack(columns)}
    return {column.name: values.reshape(-1, 1) for column, values in zip(takes.columns, columns, strict=True)}


def table_feed(takes: Signature, data: Path, rows: int) -> dict[str, np.ndarray]:
    """The first rows of a table, as a model's inputs."""
    import pyarrow as pa

    table = open_table(data)
    place = takes.place(table.names, data)
    batches = []
    n_rows = 0
    for batch in table.batches({name: column.arrow_type for name, column in zip(place, takes.columns, strict=True)}):
        batches.append(batch)
        n_rows += batch.num_rows
        if n_rows >= rows:
            break
    if n_rows == 0:
        raise ArsenalValueError(f"{data} has no rows to time")
    return takes.feed(pa.Table.from_batches(batches).slice(0, rows))


def _random_column(rng: np.random.Generator, dtype: str, rows: int) -> np.ndarray:
    if dtype == "str":
        return rng.choice(np.array(list("abcdefghijklmnopqrstuvwxyz"), dtype=object), rows)
    if dtype == "bool":
        return rng.random(rows) < 0.5
    if dtype.startswith("float"):
        return rng.standard_normal(rows).astype(dtype)
    return rng.integers(0, 100, rows).astype(dtype)
