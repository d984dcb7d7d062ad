"""``arsenal predict``: the session's own scores, in order, from any table that has the columns."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from arsenal.deployment import InferenceSession
from pyarrow import csv, parquet

Command = Callable[..., "Ended"]  # noqa: F821  (the fixtures' class)


@pytest.fixture(params=["csv", "parquet"])
def data(request: pytest.FixtureRequest, tmp_path: Path, table: pa.Table) -> Path:
    path = tmp_path / f"data.{request.param}"
    write(table, path)
    return path


def write(table: pa.Table, path: Path) -> None:
    (csv.write_csv if path.suffix == ".csv" else parquet.write_table)(table, path)


def read(path: Path) -> pa.Table:
    return csv.read_csv(path) if path.suffix == ".csv" else parquet.read_table(path)


def expected(model: Path, table: pa.Table) -> np.ndarray:
    return InferenceSession(model)({"size": table["size"], "city": table["city"]})


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_scores_are_the_sessions(
    arsenal: Command, model: Path, data: Path, table: pa.Table, tmp_path: Path, kind: str
) -> None:
    out = tmp_path / f"scores.{kind}"
    done = arsenal("predict", model, data, "--out", out, "--keep", "id", "--keep", "city")
    assert (done.code, done.out) == (0, "")
    assert "300 rows scored" in done.err
    scores = read(out)
    assert scores.column_names == ["id", "city", "label", "probability_no", "probability_yes"]
    probabilities = expected(model, table)
    written = np.column_stack([scores["probability_no"], scores["probability_yes"]])
    np.testing.assert_array_equal(written.astype(np.float32), probabilities)
    labels = np.array(["no", "yes"])[probabilities.argmax(axis=1)]
    assert scores["label"].to_pylist() == labels.tolist()
    assert scores["id"].cast(pa.int64()).to_pylist() == list(range(300))
    assert set(labels) == {"no", "yes"}


def test_standard_output_is_csv(arsenal_process: Command, model: Path, data: Path, table: pa.Table) -> None:
    done = arsenal_process("predict", model, data)
    assert done.code == 0
    assert done.err == f"note: {data} has columns that the model does not take: id\n"
    scores = csv.read_csv(pa.BufferReader(done.out.encode()))
    np.testing.assert_array_equal(np.float32(scores["probability_yes"]), expected(model, table)[:, 1])


def test_json_on_standard_output_is_one_object_per_row(arsenal_process: Command, model: Path, data: Path) -> None:
    done = arsenal_process("predict", model, data, "--json", "--keep", "id", "--keep", "size")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 0
    assert len(lines) == 300
    assert set(lines[0]) == {"id", "size", "label", "probability_no", "probability_yes"}
    assert sum(line["size"] is None for line in lines) > 0
    assert done.err == ""


def test_json_with_out_is_a_summary(arsenal: Command, model: Path, data: Path, tmp_path: Path) -> None:
    done = arsenal("predict", model, data, "--out", tmp_path / "scores.csv", "--json")
    summary = json.loads(done.out)
    assert done.err == ""
    assert summary.pop("seconds") > 0
    assert summary == {
        "model": str(model),
        "data": str(data),
        "out": str(tmp_path / "scores.csv"),
        "rows": 300,
        "columns": ["label", "probability_no", "probability_yes"],
        "ignored": ["id"],
    }


def test_columns_are_found_by_name(arsenal: Command, model: Path, table: pa.Table, tmp_path: Path) -> None:
    for name, columns in (("a", ["size", "city"]), ("b", ["city", "id", "size"])):
        write(table.select(columns), tmp_path / f"{name}.parquet")
        assert arsenal("predict", model, tmp_path / f"{name}.parquet", "--out", tmp_path / f"{name}.csv").code == 0
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_many_batches_give_what_one_gives(
    arsenal: Command, model: Path, table: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(table, tmp_path / "t.parquet")
    write(table, tmp_path / "t.csv")
    for size in (1 << 16, 7):
        monkeypatch.setattr("arsenal.cli.tables.BATCH_ROWS", size)
        monkeypatch.setattr("arsenal.cli.tables.CSV_BLOCK_BYTES", size * 20)
        for kind in ("csv", "parquet"):
            assert (
                arsenal("predict", model, tmp_path / f"t.{kind}", "--out", tmp_path / f"{kind}{size}.parquet").code == 0
            )
    results = [read(tmp_path / f"{kind}{size}.parquet") for kind in ("csv", "parquet") for size in (1 << 16, 7)]
    assert all(result.equals(results[0]) for result in results)


def test_a_table_without_rows_gives_a_header(arsenal: Command, model: Path, tmp_path: Path) -> None:
    (tmp_path / "none.csv").write_text("size,city\n")
    done = arsenal("predict", model, tmp_path / "none.csv", "--out", tmp_path / "out.csv")
    assert done.code == 0
    assert (tmp_path / "out.csv").read_text().replace('"', "") == "label,probability_no,probability_yes\n"


def test_a_model_of_an_array_takes_columns_by_their_number(arsenal: Command, regressor: Path, tmp_path: Path) -> None:
    X = np.random.default_rng(1).standard_normal((50, 3)).astype(np.float32)
    for letter in "xc":  # named as the model's columns are, or not at all alike
        write(pa.table({f"{letter}{i}": X[:, i] for i in range(3)}), tmp_path / "x.parquet")
        assert arsenal("predict", regressor, tmp_path / "x.parquet", "--out", tmp_path / "y.parquet").code == 0
        scores = read(tmp_path / "y.parquet")
        np.testing.assert_array_equal(scores["variable"], InferenceSession(regressor)(X)[:, 0])


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("size,town\n1,Oslo\n", [], "lacks a column that the model takes: 'city'"),
        (
            "Size,City\n1,Oslo\n",
            [],
            "lacks 2 columns that the model takes: 'size' (there is 'Size'), 'city' (there is 'City')",
        ),
        ("size,city\nbig,Oslo\n", [], "column 'size' cannot be read as float: invalid value 'big'"),
        ("size,city\n1,Oslo\n", ["--keep", "idd"], "lacks a column that --keep asks for: 'idd'"),
        ("size,city,label\n1,Oslo,x\n", ["--keep", "label"], "--keep label: the model writes a column of that name"),
        ("size,city\n1,Oslo\n", ["--out", "scores.txt"], "scores.txt: the name of a table ends in .csv or .parquet"),
        ("size,city\n1,Oslo\n", ["--out", "no/where.csv"], "the folder no does not exist"),
    ],
)
def test_what_does_not_fit_is_one_line(
    arsenal: Command, model: Path, tmp_path: Path, text: str, options: list[str], said: str
) -> None:
    (tmp_path / "data.csv").write_text(text)
    done = arsenal("predict", model, tmp_path / "data.csv", *options)
    assert (done.code, done.out) == (3, "")
    assert done.err.count("\n") == 1
    assert said in done.err


def test_a_failure_on_the_way_leaves_what_was_there(
    arsenal: Command, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arsenal.cli.tables.CSV_BLOCK_BYTES", 1 << 10)
    (tmp_path / "data.csv").write_text("size,city\n" + "1,Oslo\n" * 5000 + "big,Oslo\n")
    out = tmp_path / "scores.csv"
    out.write_text("before")
    assert arsenal("predict", model, tmp_path / "data.csv", "--out", out).code == 3
    assert out.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.csv", "scores.csv"]


def test_nothing_is_kept_of_what_is_not_asked_for(
    arsenal: Command, model: Path, table: pa.Table, tmp_path: Path
) -> None:
    write(table.append_column("when", pc.cast(table["id"], pa.timestamp("s"))), tmp_path / "t.parquet")
    done = arsenal("predict", model, tmp_path / "t.parquet", "--json", "--keep", "when")
    assert json.loads(done.out.splitlines()[1])["when"] == "1970-01-01 00:00:01"
