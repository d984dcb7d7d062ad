"""Fits from files, datasets and streams: the model of the table in memory, from the bins alone."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError, MissingExtraError
from arsenal.models import (
    GradientBoostingClassifier,
    GradientBoostingRanker,
    GradientBoostingRegressor,
)

FAST = {"n_estimators": 5, "random_state": 0, "n_jobs": 1}


def mixed(n_rows: int, seed: int = 0) -> pa.Table:
    """Every kind of column, with nulls, and every kind of target; whole numbers need float64 in the last rows alone."""
    rng = np.random.default_rng(seed)
    single = rng.normal(size=n_rows).astype(np.float32)
    double = rng.normal(size=n_rows)
    text = rng.choice(["x", "y", "zz", None], n_rows)
    whole = rng.integers(-(2**20), 2**20, n_rows)
    whole[-2:] *= 2**20
    number = single * np.where(text == "x", 1, -1) + (double > 0.3) + 0.1 * rng.normal(size=n_rows)
    return pa.table(
        {
            "single": single,
            "double": pa.array(double, mask=rng.random(n_rows) < 0.1),
            "whole": whole,
            "truth": rng.random(n_rows) < 0.5,
            "text": pa.array(text.tolist()),
            "category": pa.array(rng.choice(list("abcdefg"), n_rows)).dictionary_encode(),
            "code": pa.array(rng.choice([3.5, 7.25, 1.0], n_rows)).dictionary_encode(),
            "weight": rng.random(n_rows) * (rng.random(n_rows) < 0.8),
            "query": np.arange(n_rows) // 20,
            "label": pa.array(np.digitize(number, [-0.5, 0.5]).astype(str)),
            "number": number,
            "count": np.digitize(number, [-0.5, 0.5]),
        }
    )


LABELS = ["weight", "query", "label", "number", "count"]
TABLE = mixed(3_000)
X = TABLE.drop_columns(LABELS)


def without(*kept: str) -> pa.Table:
    """The columns of X and some labels."""
    return TABLE.select([*X.column_names, *kept])


def same(one, other) -> bool:
    return one._learner == other._learner and one._onnx_bytes() == other._onnx_bytes()


def sources(table: pa.Table, folder: Path) -> dict[str, object]:
    """The table as everything that a fit reads in passes."""
    pq.write_table(table, folder / "one.parquet", row_group_size=1_000)
    parts = folder / "parts"
    parts.mkdir()
    for number in range(3):
        pq.write_table(table.slice(number * 1_000, 1_000), parts / f"{number}.parquet")
    with pa.ipc.new_file(str(folder / "one.arrow"), table.unify_dictionaries().schema) as writer:
        writer.write_table(table.unify_dictionaries().combine_chunks())
    return {
        "path": str(folder / "one.parquet"),
        "folder": parts,
        "ipc": folder / "one.arrow",
        "dataset": ds.dataset(parts),
        "small batches": lambda: table.to_reader(max_chunksize=7),
        "one batch": lambda: table,
        "polars": lambda: pl.from_arrow(table),
        "stream": table.to_reader(max_chunksize=333),
    }


def test_every_source_gives_the_bytes_of_the_table(tmp_path):
    # Parquet keeps dictionaries of text alone.
    table, given = X.drop_columns("code"), without("label", "weight").drop_columns("code")
    labels, weights = np.array(TABLE["label"].to_pylist()), TABLE["weight"].to_numpy()
    wanted = GradientBoostingClassifier(**FAST).fit(table, labels, weights)
    for name, source in sources(given, tmp_path).items():
        model = GradientBoostingClassifier(**FAST).fit(source, "label", "weight")
        assert same(model, wanted), name
        assert model.feature_names_in_.tolist() == table.column_names
        assert model.classes_.tolist() == ["0", "1", "2"]
    np.testing.assert_array_equal(model.predict(table), wanted.predict(table))


def test_labels_may_be_arrays_beside_a_source():
    labels, weights = TABLE["number"].to_numpy(), TABLE["weight"].to_numpy()
    model = GradientBoostingRegressor(**FAST).fit(lambda: X.to_reader(100), labels, weights)
    assert same(model, GradientBoostingRegressor(**FAST).fit(X, labels, weights))


@pytest.mark.parametrize(
    "way",
    [
        {"loss": "absolute_error"},
        {"loss": "quantile", "quantile": [0.1, 0.9]},
        {"loss": "huber"},
        {"loss": lambda y, score: (score - y, np.ones_like(y))},
        {"categorical_features": ["whole", "text", "code"]},
        {"categorical_features": None, "max_bins": 1_000},
        {"boosting": "dart", "grow_policy": "oblivious"},
        {"subsample": 0.5, "monotonic_cst": {"double": 1}},
        {"verbose": 1},
    ],
    ids=str,
)
def test_every_way_to_learn_reads_sources(way, capsys):
    model = GradientBoostingRegressor(**FAST, **way).fit(without("number").to_reader(500), "number")
    assert same(model, GradientBoostingRegressor(**FAST, **way).fit(X, TABLE["number"].to_numpy()))
    assert (len(model.train_losses_) > 0) == ("verbose" in way)


@pytest.mark.parametrize("loss", ["poisson", "tweedie"])
def test_losses_of_counts_read_sources(loss):
    model = GradientBoostingRegressor(loss=loss, **FAST).fit(lambda: without("count"), "count")
    assert same(model, GradientBoostingRegressor(loss=loss, **FAST).fit(X, TABLE["count"].to_numpy()))


def test_classes_of_every_kind_and_balanced_weights():
    for labels in (TABLE["truth"], TABLE["count"], TABLE["label"].dictionary_encode(), TABLE["label"]):
        given = X.append_column("target", labels)
        model = GradientBoostingClassifier(class_weight="balanced", **FAST).fit(lambda given=given: given, "target")
        wanted = GradientBoostingClassifier(class_weight="balanced", **FAST).fit(X, np.array(labels.to_pylist()))
        assert same(model, wanted)
        assert model.classes_.tolist() == wanted.classes_.tolist()


def test_queries_are_columns_too():
    given = without("count", "query")
    model = GradientBoostingRanker(**FAST).fit(
        lambda: given.to_reader(64), "count", qid="query", eval_set=(given.to_reader(100), "count"), eval_qid="query"
    )
    y, queries = TABLE["count"].to_numpy(), TABLE["query"].to_numpy()
    wanted = GradientBoostingRanker(**FAST).fit(X, y, qid=queries, eval_set=(X, y), eval_qid=queries)
    assert same(model, wanted)
    np.testing.assert_array_equal(model.evaluation_losses_[0], wanted.evaluation_losses_[0])


def test_evaluation_sets_are_sources_or_tables():
    later = mixed(500, seed=1)
    columns = ["weight", "number", *reversed(X.column_names)]  # found by name
    eval_set = [(lambda: later.select(columns), "number", "weight"), (later.select(X.column_names), later["number"])]
    model = GradientBoostingRegressor(**FAST).fit(without("number").to_reader(), "number", eval_set=eval_set)
    new, y, weights = later.select(X.column_names), later["number"].to_numpy(), later["weight"].to_numpy()
    wanted = GradientBoostingRegressor(**FAST).fit(
        X, TABLE["number"].to_numpy(), eval_set=[(new, y, weights), (new, y)]
    )
    assert same(model, wanted)
    np.testing.assert_array_equal(model.evaluation_losses_, wanted.evaluation_losses_)


def test_early_stopping_sets_rows_of_a_source_aside():
    options = {**FAST, "n_estimators": 200, "learning_rate": 0.5, "early_stopping": True, "n_iter_no_change": 3}
    model = GradientBoostingClassifier(**options).fit(lambda: without("label").to_reader(321), "label")
    wanted = GradientBoostingClassifier(**options).fit(X, np.array(TABLE["label"].to_pylist()))
    assert same(model, wanted)
    assert model.n_iter_ < 200


def test_a_warm_start_keeps_the_bins_of_the_first_fit():
    whole = GradientBoostingRegressor(**FAST).fit(X, TABLE["number"].to_numpy())
    model = GradientBoostingRegressor(**{**FAST, "n_estimators": 2}, warm_start=True)
    model.fit(lambda: without("number"), "number")
    assert same(model.set_params(n_estimators=5).fit(without("number").to_reader(), "number"), whole)
    single = X.select(["single"]).append_column("y", TABLE["number"])
    model = GradientBoostingRegressor(**FAST, warm_start=True).fit(lambda: single, "y")
    double = single.set_column(0, "single", single["single"].cast(pa.float64()))
    with pytest.raises(ArsenalValueError, match="X holds float64, the model to continue was fitted on float32"):
        model.set_params(n_estimators=9).fit(lambda: double, "y")


def test_more_rows_than_bins_are_learned_from():
    rng = np.random.default_rng(3)
    table = pa.table({f"x{j}": rng.normal(size=210_000) for j in range(2)})
    y = table["x0"].to_numpy() > 0
    weights = (rng.random(210_000) < 0.97).astype(float)
    for weight in (None, weights):
        model = GradientBoostingClassifier(**FAST).fit(lambda: table.to_reader(50_000), y, weight)
        assert same(model, GradientBoostingClassifier(**FAST).fit(table, y, weight))


def changing(*tables: pa.Table):
    """A function that opens another table each time, and the last one from then on."""
    left = list(tables)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


NUMBERS = pa.table({"a": np.arange(100.0), "y": np.arange(100.0)})


@pytest.mark.parametrize(
    ("source", "options", "error", "message"),
    [
        (lambda: NUMBERS, {"y": "z"}, ArsenalValueError, r"X has no column 'z' \(y\), its columns are \['a', 'y'\]"),
        (
            lambda: NUMBERS,
            {"y": "y", "sample_weight": "w"},
            ArsenalValueError,
            r"X has no column 'w' \(sample_weight\)",
        ),
        (
            lambda: NUMBERS,
            {"y": "y", "eval_set": (lambda: NUMBERS.rename_columns(["b", "y"]), "y")},
            ArsenalValueError,
            r"eval_set has no column 'a' \(a column\)",
        ),
        (
            lambda: pa.table([NUMBERS["a"], NUMBERS["a"], NUMBERS["y"]], names=["a", "a", "y"]),
            {"y": "y"},
            ArsenalValueError,
            "X has 2 columns 'a', wanted one",
        ),
        (lambda: NUMBERS.slice(0, 0), {"y": "y"}, ArsenalValueError, "X has 0 sample"),
        (lambda: NUMBERS.select(["y"]), {"y": "y"}, ArsenalValueError, "X has 0 feature"),
        (
            lambda: [[1.0]],
            {"y": "y"},
            ArsenalTypeError,
            r"X\(\) returned a list, wanted an object with an Arrow stream",
        ),
        (
            changing(NUMBERS, NUMBERS, NUMBERS.slice(0, 90)),
            {"y": "y"},
            ArsenalValueError,
            "X has 90 rows in this pass, wanted 100: the same in each",
        ),
        (
            changing(NUMBERS, NUMBERS, NUMBERS, pa.concat_tables([NUMBERS, NUMBERS])),
            {"y": "y"},
            ArsenalValueError,
            "X has at least 200 rows in this pass, wanted 100: the same in each",
        ),
        (
            changing(NUMBERS, NUMBERS, NUMBERS.set_column(0, "a", NUMBERS["a"].cast(pa.string()))),
            {"y": "y"},
            ArsenalValueError,
            r"X changed between two passes: its columns were \(a: double, y: double\), now they are \(a: string",
        ),
        (
            lambda: NUMBERS.set_column(1, "y", pa.array([None, *range(99)])),
            {"y": "y"},
            ArsenalValueError,
            "column 'y' of X has nulls, wanted a value in every row",
        ),
        (
            lambda: NUMBERS.set_column(1, "y", pa.array(range(100), pa.date32())),
            {"y": "y"},
            ArsenalTypeError,
            "column 'y' of X has type date32",
        ),
        (
            lambda: NUMBERS.set_column(0, "a", pa.array(range(100), pa.date32())),
            {"y": "y"},
            ArsenalTypeError,
            'column "a" has type Date32',
        ),
        (NUMBERS, {"y": "y"}, ArsenalTypeError, "y is 'y', the name of a column, and X a table in memory"),
        (
            NUMBERS.select(["a"]),
            {"y": np.arange(100.0), "eval_set": (lambda: NUMBERS, "y")},
            ArsenalTypeError,
            "eval_set holds a source and X is a table in memory",
        ),
        (lambda: NUMBERS, {"y": np.arange(99.0)}, ArsenalValueError, "X has at least 100 rows in this pass, wanted 99"),
    ],
)
def test_sources_that_do_not_fit_are_refused_by_name(source, options, error, message):
    with pytest.raises(error, match=message):
        GradientBoostingRegressor(**FAST).fit(source, **options)


def test_bad_parameters_are_told_before_anything_is_read_twice():
    n_opened = []
    with pytest.raises(ArsenalValueError, match="learning_rate"):
        GradientBoostingRegressor(learning_rate=-1.0).fit(lambda: n_opened.append(1) or NUMBERS, "y")
    assert len(n_opened) == 2  # for the columns, and for y


def test_a_missing_path_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="none"):
        GradientBoostingRegressor(**FAST).fit(tmp_path / "none.parquet", "y")


def test_what_a_source_raises_is_raised():
    def batches():
        yield NUMBERS.to_batches()[0]
        raise ZeroDivisionError("in the source")

    with pytest.raises(ZeroDivisionError, match="in the source"):
        GradientBoostingRegressor(**FAST).fit(lambda: pa.RecordBatchReader.from_batches(NUMBERS.schema, batches()), "y")


def test_without_pyarrow_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        MissingExtraError, match=r"reading X in passes needs pyarrow: pip install 'arsenal-ml\[tables\]'"
    ):
        GradientBoostingRegressor(**FAST).fit("table.parquet", "y")


@pytest.mark.parametrize("error", [None, KeyboardInterrupt, ZeroDivisionError])
@pytest.mark.parametrize("is_while_reading", [True, False])
def test_the_temporary_file_goes_whatever_happens(error, is_while_reading, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def raise_error(*_):
        if error is not None:
            raise error("on the way")

    def batches():
        yield from NUMBERS.to_batches(max_chunksize=10)
        if is_while_reading:
            raise_error()

    stream = pa.RecordBatchReader.from_batches(NUMBERS.schema, batches())
    model = GradientBoostingRegressor(**FAST)
    before = open_files()
    if error is None:
        model.fit(stream, "y")
    else:
        with pytest.raises(error, match="on the way"):
            model.fit(stream, "y", callbacks=[] if is_while_reading else [raise_error])
    assert list(tmp_path.iterdir()) == []
    assert open_files() <= before


def open_files() -> set[str]:
    """What the process holds open, where the system tells."""
    folder = Path("/proc/self/fd")
    return {os.readlink(file) for file in folder.iterdir() if file.is_symlink()} if folder.is_dir() else set()


MEMORY = """
import resource, sys
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from arsenal.models import GradientBoostingRegressor

N_ROWS, N_COLUMNS, BATCH = int(sys.argv[1]), 40, 20_000
PATH = sys.argv[2] if len(sys.argv) > 2 else None

def batches():
    for first in range(0, N_ROWS, BATCH):
        rng = np.random.default_rng(first)
        columns = [rng.random(BATCH, dtype=np.float32) for _ in range(N_COLUMNS)]
        yield pa.record_batch([*columns, columns[0] + columns[1]], names=[*map(str, range(N_COLUMNS)), "y"])

schema = next(batches()).schema
source = lambda: pa.RecordBatchReader.from_batches(schema, batches())
first = lambda: pa.Table.from_batches([next(batches())])
if PATH:
    with pq.ParquetWriter(PATH, schema) as writer:
        for batch in batches():
            writer.write_batch(batch)
    source = PATH
    first = PATH + ".first"
    pq.write_table(pa.Table.from_batches([next(batches())]), first)
GradientBoostingRegressor(n_estimators=2, n_jobs=1).fit(first, "y")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
GradientBoostingRegressor(n_estimators=3, n_jobs=1, random_state=0).fit(source, "y")
print(1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in other units elsewhere")
@pytest.mark.parametrize("kind", ["stream", "parquet"])
def test_peak_memory_is_that_of_the_bins(kind, tmp_path):
    n_rows, n_columns = 1_000_000, 40
    path = [str(tmp_path / "rows.parquet")] if kind == "parquet" else []
    command = [sys.executable, "-c", MEMORY, str(n_rows), *path]
    grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    bins = 2 * n_rows * n_columns
    per_row = 50 * n_rows  # targets, scores, gradients and row numbers, whatever the number of columns
    assert grown < 1.3 * bins + per_row, f"{grown / 1e6:.0f} MB, bins {bins / 1e6:.0f} MB"
