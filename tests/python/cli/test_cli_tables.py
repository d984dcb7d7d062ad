"""Reading CSV and Parquet for a model: right columns, right types, and one clear line when something is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from arsenal.cli.tables import BATCH_ROWS, TableFile, check_columns, open_table, read_table
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from pyarrow import csv, parquet

WANTED = {"b": pa.float32(), "a": pa.string()}


def collected(table: TableFile, types: dict[str, pa.DataType | None]) -> pa.Table:
    return pa.Table.from_batches(list(table.batches(types)))


def text_file(folder: Path, text: str | bytes, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def parquet_file(folder: Path, columns: dict[str, pa.Array], name: str = "data.parquet") -> Path:
    parquet.write_table(pa.table(columns), folder / name)
    return folder / name


def test_csv_columns_come_in_the_order_asked_for_with_the_types_asked_for(tmp_path: Path) -> None:
    path = text_file(tmp_path, "a,c,b\n007,x,1.5\nNA,y,\n,z,NaN\n")
    read = collected(open_table(path), WANTED)
    assert read.schema == pa.schema(WANTED)
    assert read["a"].to_pylist() == ["007", "NA", ""]  # a code keeps its zeros, "NA" is a string like others
    assert read["b"].to_pylist() == [1.5, None, None]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, 2, None], pa.int8()),
        pa.array([1.0, 2.0, None], pa.float64()),
        pa.array([1, 2, None], pa.uint64()),
        pa.array([1.0, 2.0, None], pa.float32()).dictionary_encode(),
    ],
)
def test_parquet_numbers_become_the_type_that_is_wanted(tmp_path: Path, column: pa.Array) -> None:
    read = collected(open_table(parquet_file(tmp_path, {"b": column})), {"b": pa.float32()})
    assert read["b"].type == pa.float32()
    assert read["b"].to_pylist() == [1.0, 2.0, None]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.null()])
def test_parquet_strings_of_any_kind_are_strings(tmp_path: Path, kind: pa.DataType) -> None:
    values = [None, None] if pa.types.is_null(kind) else ["x", None]
    path = parquet_file(tmp_path, {"a": pa.array(values, kind)})
    assert collected(open_table(path), {"a": pa.string()})["a"].to_pylist() == values


def test_booleans_are_numbers(tmp_path: Path) -> None:
    path = parquet_file(tmp_path, {"b": pa.array([True, False])})
    assert collected(open_table(path), {"b": pa.float32()})["b"].to_pylist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("column", "wanted", "said"),
    [
        (pa.array([7030]), pa.string(), "column 'b' holds int64, the model takes string"),
        (pa.array(["1.5"]), pa.float32(), "column 'b' holds string, the model takes float"),
        (pa.array([0], pa.timestamp("s")), pa.float32(), "holds timestamp.*, the model takes float"),
        (pa.array([[1.0]]), pa.float32(), "holds list"),
    ],
)
def test_parquet_columns_of_another_kind_are_refused(
    tmp_path: Path, column: pa.Array, wanted: pa.DataType, said: str
) -> None:
    with pytest.raises(ArsenalTypeError, match=said):
        collected(open_table(parquet_file(tmp_path, {"b": column})), {"b": wanted})


@pytest.mark.parametrize(("column", "wanted"), [(pa.array([2**24 + 1]), pa.float32()), (pa.array([1.5]), pa.int64())])
def test_numbers_that_would_change_are_refused(tmp_path: Path, column: pa.Array, wanted: pa.DataType) -> None:
    with pytest.raises(ArsenalValueError, match="column 'b' cannot be read as"):
        collected(open_table(parquet_file(tmp_path, {"b": column})), {"b": wanted})


def test_a_bad_value_names_column_value_and_where(tmp_path: Path) -> None:
    path = text_file(tmp_path, "a,x,b\n" + "k,y,1\n" * 1_000_000 + "k,y,oops\n")
    with pytest.raises(ArsenalValueError, match=r"column 'b' cannot be read as float.*'oops' \(after row [\d,]+\)"):
        collected(open_table(path), WANTED)


def test_a_bad_value_in_a_column_that_is_not_read_does_not_matter(tmp_path: Path) -> None:
    path = text_file(tmp_path, "a,x,b\nk,\x01\x02,1\n")
    assert collected(open_table(path), WANTED).num_rows == 1


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", b"", "Empty CSV file"),
        ("ragged.csv", b"a,b\n1,2\n3\n", "Expected 2 columns, got 1"),
        ("latin.csv", b"\xe9,b\n1,2\n", "not UTF-8"),
        ("latin values.csv", b"a,b\n\xe9,2\n", "column 'a' is not UTF-8"),
        ("text.parquet", b"not parquet at all", "not a parquet file"),
        ("empty.parquet", b"", "0 bytes"),
        ("data.xlsx", b"", "ends in .csv or .parquet"),
        ("data", b"", "ends in .csv or .parquet"),
    ],
)
def test_what_is_no_table_is_named(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = text_file(tmp_path, content, name)
    for read in (open_table, read_table):
        if name == "latin values.csv" and read is open_table:
            continue  # which columns matter is not known yet
        with pytest.raises(ArsenalValueError, match=said) as caught:
            read(path)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["gone.csv", "gone.parquet"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    for read in (open_table, read_table):
        with pytest.raises(ArsenalValueError, match=f"{name}: no such file"):
            read(tmp_path / name)


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ArsenalValueError, match=r"folder\.csv"):
        open_table(tmp_path / "folder.csv")


def test_invalid_text_in_a_column_that_is_read_is_named(tmp_path: Path) -> None:
    path = text_file(tmp_path, b"a,b\n\xe9,2\n")
    with pytest.raises(ArsenalValueError, match="column 'a' cannot be read as string: invalid UTF8 data"):
        collected(open_table(path), WANTED)


def test_a_header_alone_has_no_rows(tmp_path: Path) -> None:
    table = open_table(text_file(tmp_path, "a,b\n"))
    assert table.names == ("a", "b")
    assert list(table.batches(WANTED)) == []


def test_a_name_that_occurs_twice_is_refused_if_it_is_needed(tmp_path: Path) -> None:
    table = open_table(text_file(tmp_path, "a,b,b,c,c\n1,2,3,4,5\n"))
    with pytest.raises(ArsenalValueError, match="2 columns named 'b'"):
        list(table.batches(WANTED))


def test_batches_are_bounded(tmp_path: Path) -> None:
    values = pa.array(np.arange(300_000, dtype=np.float32))
    sizes = [b.num_rows for b in open_table(parquet_file(tmp_path, {"b": values})).batches({"b": pa.float32()})]
    assert sum(sizes) == 300_000
    assert max(sizes) <= BATCH_ROWS
    csv.write_csv(pa.table({"b": values, "a": pa.array(["some text to fill the line"] * 300_000)}), tmp_path / "b.csv")
    sizes = [b.num_rows for b in open_table(tmp_path / "b.csv").batches(WANTED)]
    assert sum(sizes) == 300_000
    assert len(sizes) > 1


def test_missing_columns_are_listed_with_what_is_spelled_nearly_so() -> None:
    path = Path("t.csv")
    check_columns(path, ["a", "b", "c"], ["c", "a"])
    with pytest.raises(
        ArsenalValueError, match=r"t.csv lacks a column that the model takes: 'temp' \(there is 'Temp'\)"
    ):
        check_columns(path, ["Temp", "x"], ["temp"])
    with pytest.raises(ArsenalValueError, match=r"lacks 12 columns .* and 4 more$"):
        check_columns(path, ["x"], [f"column {i}" for i in range(12)])
