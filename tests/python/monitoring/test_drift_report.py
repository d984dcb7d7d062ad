"""The drift report: what is tested how, what becomes of columns that cannot be, corrections, tables of every kind."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.stats
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.monitoring import DriftReport, chi2_2samp, ks_2samp, psi

N, M = 700, 500


def side(seed: int, n: int, shift: float = 0.0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "temp": rng.normal(shift, 1, n),
        "noise": rng.normal(size=n).astype(np.float32),
        "stars": rng.integers(1, 6, n),
        "carrier": rng.choice(["AA", "DL", "UA"], n),
        "flag": rng.random(n) < 0.3,
    }


BEFORE, AFTER = side(1, N), side(2, M, shift=0.5)


def columns_of(report: DriftReport) -> dict[str, dict[str, Any]]:
    columns: dict[str, dict[str, Any]] = report.to_dict()["columns"]
    return columns


def one(before: Any, after: Any, **options: Any) -> dict[str, Any]:
    return columns_of(DriftReport({"a": before}, {"a": after}, **options))["a"]


def test_every_column_gets_the_test_that_fits() -> None:
    columns = columns_of(DriftReport(BEFORE, AFTER))
    assert {name: column["test"] for name, column in columns.items()} == {
        "temp": "ks_2samp",
        "noise": "ks_2samp",
        "stars": "chi2_contingency",
        "carrier": "chi2_contingency",
        "flag": "chi2_contingency",
    }
    for name in ("temp", "noise"):
        wanted = scipy.stats.ks_2samp(BEFORE[name], AFTER[name])
        assert columns[name]["statistic"] == pytest.approx(wanted.statistic, rel=1e-12)
        assert columns[name]["p_value"] == pytest.approx(wanted.pvalue, rel=1e-9)
    for name in ("stars", "carrier", "flag"):
        values = np.unique(BEFORE[name])
        table = [[np.sum(side[name] == value) for value in values] for side in (BEFORE, AFTER)]
        wanted = scipy.stats.chi2_contingency(table, correction=False)
        assert columns[name]["statistic"] == pytest.approx(wanted.statistic, rel=1e-9)
        assert columns[name]["p_value"] == pytest.approx(wanted.pvalue, rel=1e-9)
        assert columns[name]["dof"] == len(values) - 1


def test_functions_and_report_agree() -> None:
    columns = columns_of(DriftReport(BEFORE, AFTER, bins=7, alpha=0.01))
    for name in ("temp", "carrier"):
        index = psi(BEFORE[name], AFTER[name], bins=7, alpha=0.01)
        assert columns[name]["psi"] == index.statistic
        assert columns[name]["psi_threshold"] == index.threshold
        assert columns[name]["psi_p_value"] == index.pvalue
        assert columns[name]["psi_alert"] == index.alert
        assert [found["label"] for found in columns[name]["psi_bins"]] == [found.label for found in index.bins]
    assert columns["temp"]["value_p_value"] == ks_2samp(BEFORE["temp"], AFTER["temp"]).pvalue
    assert columns["stars"]["value_p_value"] == chi2_2samp(BEFORE["stars"], AFTER["stars"]).pvalue


def test_corrections() -> None:
    def adjusted(correction: str | None) -> tuple[np.ndarray, np.ndarray]:
        columns = columns_of(DriftReport(BEFORE, AFTER, correction=correction)).values()
        return np.array([c["p_value"] for c in columns]), np.array([c["p_adjusted"] for c in columns])

    p, holm = adjusted("holm")
    order = np.argsort(p)
    wanted = np.empty_like(p)
    wanted[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1)))
    assert holm == pytest.approx(wanted)
    p, bh = adjusted("bh")
    assert bh == pytest.approx(scipy.stats.false_discovery_control(p))
    p, none = adjusted(None)
    assert (none == p).all()


def test_the_decision_and_the_summary() -> None:
    report = DriftReport(BEFORE, AFTER)
    found = report.to_dict()
    assert report.drifted == found["drifted"] == ["temp"]
    assert report.drift is found["drift"] is True
    assert (found["n_columns"], found["n_tested"], found["n_drifted"], found["share_drifted"]) == (5, 5, 1, 0.2)
    assert found["n_rows"] == {"reference": N, "current": M}
    assert (found["alpha"], found["correction"]) == (0.05, "holm")
    assert not DriftReport(BEFORE, BEFORE).drift
    assert not DriftReport(BEFORE, AFTER, alpha=1e-15).drift
    for column in found["columns"].values():
        assert column["drift"] == (column["p_adjusted"] <= 0.05)
    report.to_dict()["columns"]["temp"]["drift"] = False
    assert columns_of(report)["temp"]["drift"], "to_dict gives a copy"


TABLES = [pd.DataFrame, pl.DataFrame, pa.table, lambda t: {name: values.tolist() for name, values in t.items()}]


@pytest.mark.parametrize("of_reference", TABLES, ids=["pandas", "polars", "pyarrow", "lists"])
@pytest.mark.parametrize("of_current", [pd.DataFrame, pa.table], ids=["pandas", "pyarrow"])
def test_every_kind_of_table_gives_the_same_report(of_reference: Any, of_current: Any) -> None:
    before = {name: values for name, values in BEFORE.items() if name != "noise"}
    after = {name: values for name, values in AFTER.items() if name != "noise"}
    assert DriftReport(of_reference(before), of_current(after)).to_json() == DriftReport(before, after).to_json()


def test_matrices_and_chosen_columns() -> None:
    matrix = np.column_stack([BEFORE["temp"], BEFORE["stars"]])
    assert DriftReport(matrix, matrix + np.array([1, 0])).drifted == ["x0"]
    narrow = DriftReport(matrix.astype(np.float32), np.asfortranarray(matrix))
    assert not narrow.drift
    assert list(columns_of(narrow)) == ["x0", "x1"]
    chosen = DriftReport(pd.DataFrame(BEFORE), pl.DataFrame(AFTER), columns=["flag", "temp"])
    assert list(columns_of(chosen)) == ["flag", "temp"]
    numbered = pd.DataFrame({0: BEFORE["temp"], 1: BEFORE["noise"]})
    assert list(columns_of(DriftReport(numbered, numbered))) == ["0", "1"]


def test_the_same_for_any_number_of_threads() -> None:
    rng = np.random.default_rng(0)
    before = {f"c{i}": rng.normal(size=300) if i % 3 else rng.choice(list("abcdefgh"), 300) for i in range(20)}
    after = {f"c{i}": rng.normal(size=200) if i % 3 else rng.choice(list("abcdefghz"), 200) for i in range(20)}
    texts = {DriftReport(before, after, n_jobs=n_jobs).to_json() for n_jobs in (1, 2, 7, None, -1)}
    assert len(texts) == 1
    with pytest.raises(ArsenalValueError, match="n_jobs is 0"):
        DriftReport(before, after, n_jobs=0)


# --- columns that are not plain ---------------------------------------------------------------------------------------


def test_missing_values_of_numbers_are_tested_beside_the_values() -> None:
    holes = np.where(np.arange(M) % 5 == 0, np.nan, AFTER["noise"])
    column = one(BEFORE["noise"], holes)
    assert column["n_missing"] == {"reference": 0, "current": 100}
    assert column["missing_rate"] == {"reference": 0.0, "current": 0.2}
    assert column["missing_p_value"] == pytest.approx(
        scipy.stats.chi2_contingency([[0, N], [100, M - 100]], correction=False).pvalue, rel=1e-9
    )
    assert column["value_p_value"] > 0.01
    assert column["p_value"] == 2 * min(column["value_p_value"], column["missing_p_value"])
    assert column["drift"]
    assert column["psi_bins"][-1]["label"] == "(missing)"


def test_missing_values_of_categories_are_a_category() -> None:
    before, after = ["a", "b"] * 100, ["a", None] * 100
    column = one(before, after)
    assert (column["dof"], column["missing_p_value"]) == (2, None)
    assert column["drift"]
    assert [found["label"] for found in column["psi_bins"]] == ["a", "b", "(missing)"]


def test_a_column_that_becomes_empty_has_drifted() -> None:
    column = one(BEFORE["temp"], np.full(M, np.nan))
    assert (column["status"], column["test"], column["statistic"]) == ("tested", None, None)
    assert column["note"] == "no value in the current table"
    assert column["drift"]
    assert column["p_value"] < 1e-100
    assert column["summary"]["current"] is None
    # Without a type of its own, too: it takes the reference's.
    for nothing in ([None] * M, pa.nulls(M), pl.Series([None] * M)):
        assert one(BEFORE["temp"], nothing) == column
    names = one(BEFORE["carrier"], [None] * M)
    assert (names["kind"], names["test"], names["drift"]) == ("category", "chi2_contingency", True)
    assert one([None] * N, BEFORE["temp"])["kind"] == "number"


def test_all_missing_on_both_sides() -> None:
    for before, after in (([None] * 5, [None] * 9), (np.full(5, np.nan), np.full(9, np.nan))):
        column = one(before, after)
        assert not column["drift"]
        assert (column["p_value"], column["psi"], column["histogram"]) == (1.0, 0.0, None)
        assert column["note"] == "no value in the reference and current table"


def test_a_current_table_without_rows() -> None:
    report = DriftReport(BEFORE, {name: values[:0] for name, values in BEFORE.items()})
    assert not report.drift
    assert report.to_dict()["n_tested"] == 0
    for column in columns_of(report).values():
        assert (column["status"], column["p_value"], column["psi"]) == ("not tested", None, None)
        assert column["note"] == "the current table has no rows"
    assert "nothing could be tested" in report.to_html()
    assert "no drift" in repr(report)


def test_one_row_and_constant_columns() -> None:
    assert one([1.0], [2.0])["p_value"] == 1.0
    assert one(["x"], ["y"])["p_value"] == 1.0
    constant = one(np.ones(N), np.ones(M))
    assert (constant["p_value"], constant["psi"], constant["drift"]) == (1.0, 0.0, False)
    moved = one(np.ones(N), np.full(M, 2.0))
    assert moved["drift"]
    assert moved["psi_alert"]
    assert [found["label"] for found in moved["psi_bins"]] == ["= 1", "> 1"]


def test_infinities_are_ordinary_extreme_values() -> None:
    before = np.where(np.arange(N) % 10 == 0, np.inf, BEFORE["temp"])
    after = np.where(np.arange(M) % 10 == 0, -np.inf, BEFORE["temp"][:M])
    column = one(before, after)
    assert column["statistic"] == pytest.approx(scipy.stats.ks_2samp(before, after).statistic)
    assert column["drift"]
    assert column["summary"]["reference"]["n_infinite"] == 70
    assert column["summary"]["reference"]["max"] == math.inf
    assert math.isfinite(column["summary"]["reference"]["mean"])
    assert all(math.isfinite(edge) for edge in column["histogram"]["edges"])
    text = DriftReport({"a": before}, {"a": after}).to_json()
    assert json.loads(text)["columns"]["a"]["summary"]["current"]["min"] == "-Infinity"
    only = one(np.full(9, np.inf), np.full(9, np.inf))
    assert (only["p_value"], only["summary"]["reference"]["mean"]) == (1.0, None)


def test_times_are_described_and_not_tested() -> None:
    before = pd.Series(pd.date_range("2013-01-01", periods=N, freq="h"))
    after = pd.Series(pd.date_range("2014-01-01", periods=M, freq="h"))
    kinds = [
        (before, after),
        (before.dt.tz_localize("UTC"), after.to_numpy()),
        (pl.Series(before), pa.array(after)),
        (before.to_numpy().astype("M8[s]"), pl.Series(after).dt.cast_time_unit("ms")),
    ]
    for first, second in kinds:
        column = one(first, second)
        assert (column["kind"], column["status"], column["test"], column["psi"]) == ("time", "not tested", None, None)
        assert not column["drift"]
        assert column["summary"]["current"]["min"] == 1388534400.0
        assert "windows follow one another" in column["note"]
    lost = after.where(np.arange(M) % 2 == 0)
    column = one(before, lost)
    assert column["drift"]
    assert column["n_missing"]["current"] == M // 2
    page = DriftReport({"when": before}, {"when": lost}).to_html()
    assert "2014-01-01" in page
    day = one(pa.array([0, 1], pa.date32()), pa.array([2, 3], pa.date32()))
    assert day["summary"]["reference"]["max"] == 86400.0


def test_python_dates_are_times_wherever_they_are_kept() -> None:
    def moments(year: int) -> list[Any]:
        return [datetime(year, 1, 1) + timedelta(hours=i) for i in range(40)]

    wanted = one(np.array(moments(2013), "M8[s]"), np.array(moments(2014), "M8[s]"))
    assert (wanted["kind"], wanted["status"]) == ("time", "not tested")
    eastern = timezone(timedelta(hours=-5))
    for convert in (
        lambda x: x,
        lambda x: np.array(x, dtype=object),
        lambda x: pd.Series(x, dtype=object),
        lambda x: [moment.replace(tzinfo=UTC) for moment in x],
        lambda x: [moment.replace(tzinfo=UTC).astimezone(eastern) for moment in x],
        lambda x: pd.Series(x).dt.tz_localize("UTC").dt.tz_convert("America/New_York"),
        lambda x: pl.Series(x).dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo"),
    ):
        assert one(convert(moments(2013)), convert(moments(2014))) == wanted
    days = one([date(1969, 12, 31), None, pd.NaT], [date(1970, 1, 2), datetime(1970, 1, 2, 12), None])
    assert (days["kind"], days["n_missing"]) == ("time", {"reference": 2, "current": 1})
    assert days["summary"]["reference"]["min"] == -86400.0
    assert days["summary"]["current"]["max"] == 1.5 * 86400
    assert one([date(1970, 1, 1), "x"], ["x", "x"])["kind"] == "[date]"
    with pytest.raises(ArsenalTypeError, match="reference holds time, wanted numbers or categories"):
        psi(moments(2013), moments(2014))


def test_durations_decimals_and_whole_numbers_are_numbers() -> None:
    wanted = one(np.arange(50.0), np.arange(5.0, 45.0))
    for convert in (
        lambda x: pd.Series(pd.to_timedelta(x, unit="s")),
        lambda x: pa.array(x.astype("i8")),
        lambda x: pa.array(x.astype("i8")).cast(pa.decimal128(22, 2)),
        lambda x: pl.Series(x, dtype=pl.UInt16),
        lambda x: pd.Series(x, dtype="Int64"),
        lambda x: pd.Series(x, dtype="float64[pyarrow]"),
        lambda x: pl.Series(x * 1000, dtype=pl.Int64).cast(pl.Duration("ms")),
        lambda x: pa.array(x.astype("f2")),
        lambda x: x.astype("m8[s]"),
        lambda x: pa.array(x.astype("i4"), pa.time32("s")),
        lambda x: [timedelta(seconds=value) for value in x],
        lambda x: [time(0, 0, int(value)) for value in x],
        lambda x: [Decimal(value) for value in x],
        lambda x: x.astype(">f8"),
        lambda x: np.repeat(x, 2)[::2],
    ):
        got = one(convert(np.arange(50.0)), convert(np.arange(5.0, 45.0)))
        for name in ("kind", "test", "statistic", "p_value", "psi"):
            assert got[name] == wanted[name]


def test_categories_meet_by_name_in_every_container() -> None:
    before, after = ["x", "y", "x", None] * 30, ["y", "y", "x", ""] * 20
    wanted = one(before, after)
    for convert in (
        lambda x: pd.Series(x, dtype="category"),
        lambda x: pd.Series(x, dtype=object),
        lambda x: pd.Series(x, dtype="string"),
        lambda x: pl.Series(x),
        lambda x: pl.Series(x, dtype=pl.Categorical),
        lambda x: pa.array(x).dictionary_encode(),
        lambda x: pa.array(x, pa.large_string()),
        lambda x: pa.array(x, pa.string_view()),
        lambda x: pa.chunked_array([x[:7], x[7:]]),
        lambda x: np.array([v or "" for v in x]),
    ):
        assert one(convert(before), convert(after)) == wanted
    numbers = one(pd.Series([3, 1, 3], dtype="category"), pa.array([3, 3]).dictionary_encode())
    assert [row["name"] for row in numbers["categories"]["listed"]] == ["3", "1"]
    truth = one([True, False, None], pd.Series([True, True], dtype="boolean"))
    assert [row["name"] for row in truth["categories"]["listed"]] == ["True", "False"]
    assert truth["categories"]["n_gone"] == 1


def test_a_column_of_one_table_alone() -> None:
    report = DriftReport({"a": [1.0] * 9, "gone": [1.0] * 9}, {"a": [1.0] * 9, "new": ["x"] * 9})
    columns = columns_of(report)
    assert list(columns) == ["a", "gone", "new"]
    assert (columns["gone"]["status"], columns["gone"]["drift"]) == ("only in reference", True)
    assert (columns["new"]["status"], columns["new"]["drift"]) == ("only in current", False)
    assert report.drifted == ["gone"]
    assert report.to_dict()["n_columns"] == 2
    assert list(columns_of(DriftReport({"a": [1.0], "b": [2.0]}, {"a": [1.0]}, columns=["a"]))) == ["a"]


def test_a_column_that_changed_its_kind() -> None:
    column = one([1.0, 2.0], ["1", "2"])
    assert (column["status"], column["drift"], column["p_value"]) == ("kind changed", True, None)
    assert column["note"] == "numbers in the reference, categories in the current table"
    assert one([True], [1])["status"] == "kind changed"
    assert one(np.array(["2020"], "M8[Y]"), [1.0])["status"] == "kind changed"


@pytest.mark.parametrize(
    "strange",
    [[[1]], pa.array([{"a": 1}]), pl.Series([[1, 2]]), np.array([1j]), [b"x"], ["x", 1.0], pd.Series([object()])],
)
def test_what_cannot_be_compared_is_listed(strange: Any) -> None:
    table = {"a": [1.0] * len(strange), "b": strange}
    report = DriftReport(table, table)
    column = columns_of(report)["b"]
    assert (column["status"], column["drift"], column["p_value"]) == ("unsupported", False, None)
    assert column["kind"].startswith("[")
    assert columns_of(DriftReport({"b": strange}, {"b": strange}))["b"] == column
    assert "neither numbers, times nor categories" in report.to_html()


@pytest.mark.parametrize(
    "hold",
    [
        np.asarray,
        list,
        pd.Series,
        lambda x: x.astype(np.uint64),
        lambda x: pd.Series([*x.tolist(), None], dtype="Int64"),
        lambda x: pd.Series(x, dtype="int64[pyarrow]"),
        lambda x: pa.array([*x.tolist(), None]),
        lambda x: pa.array(x.astype(np.uint64)),
        pl.Series,
        lambda x: np.array([*x.tolist(), None], object),
        lambda x: -x,
    ],
)
def test_whole_numbers_that_floats_would_make_equal_are_not_compared(hold: Any) -> None:
    """2**60 to 2**60 + 49 are one float; a report that compared them would find nothing, whatever changed."""
    before, after = (hold(np.arange(50) + 2**60 + shift) for shift in (0, 25))
    column = one(before, after)
    assert (column["kind"], column["status"]) == ("[whole numbers beyond 2**53]", "unsupported")
    assert (column["p_value"], column["psi"], column["drift"]) == (None, None, False)
    assert column["note"] == "whole numbers beyond 2**53: floats cannot tell them apart"
    with pytest.raises(ArsenalTypeError, match=r"reference holds whole numbers beyond 2\*\*53, wanted numbers or"):
        psi(before, after)
    with pytest.raises(ArsenalTypeError, match=r"data1 holds whole numbers beyond 2\*\*53, wanted categories or"):
        chi2_2samp(before, after)


def test_whole_numbers_up_to_the_largest_exact_one_are_numbers() -> None:
    for hold in (np.asarray, list, pa.array, lambda x: pd.Series(x, dtype="Int64")):
        for largest in (2**53, -(2**53)):
            column = one(hold(np.array([0, 1, largest])), hold(np.array([0, 1, largest])))
            assert (column["kind"], column["status"]) == ("number", "tested")


def test_float32_beside_float64() -> None:
    tenths = np.random.default_rng(0).integers(0, 30, 400) / 10
    column = one(tenths, tenths.astype(np.float32))
    assert (column["p_value"], column["psi"]) == (1.0, 0.0)


def test_heavy_ties_keep_the_power_that_they_allow() -> None:
    """Given the ties the p-value is smaller than that of continuous data, and still right: see the simulation."""
    rng = np.random.default_rng(4)
    before, after = (np.round(rng.normal(shift, 8, 300)) for shift in (0, 1.0))
    column = one(before, after)
    assert (column["test"], column["method"]) == ("ks_2samp", "exact")
    assert column["p_value"] < scipy.stats.ks_2samp(before, after).pvalue


def test_what_python_cannot_compare_with_itself_is_missing() -> None:
    column = one([Decimal("1.5"), Decimal("NaN"), Decimal("sNaN"), None], [1, 2, 3, pd.NA])
    assert (column["kind"], column["n_missing"]) == ("number", {"reference": 3, "current": 1})


def test_tens_of_thousands_of_categories() -> None:
    before, after = (np.arange(start, start + 20_000).astype(str) for start in (0, 10_000))
    column = one(before, after)
    assert (column["status"], column["method"], column["p_value"]) == ("tested", "permutation", 1.0)
    assert column["categories"]["n_unseen"] == column["categories"]["n_gone"] == 10_000
    assert len(column["categories"]["listed"]) < 1000


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_matrices_of_every_kind() -> None:
    values = np.arange(60.0).reshape(30, 2)
    wanted = DriftReport(values, values + 40).to_json()
    assert DriftReport(np.matrix(values), np.matrix(values + 40)).to_json() == wanted
    assert DriftReport(values.astype(object), np.ma.masked_array(values + 40)).to_json() == wanted
    masked = DriftReport(values, np.ma.masked_less(values, 30))
    assert columns_of(masked)["x0"]["n_missing"] == {"reference": 0, "current": 15}
    none = DriftReport(np.zeros((5, 0)), np.zeros((3, 0)))
    assert (none.drift, columns_of(none)) == (False, {})
    assert "nothing could be tested" in none.to_html()


@pytest.mark.parametrize(
    "columns", [["temp", "flag"], ("temp", "flag"), np.array(["temp", "flag"]), iter(["temp", "flag"])]
)
def test_columns_may_be_any_list(columns: Any) -> None:
    names = list(columns_of(DriftReport(BEFORE, AFTER, columns=columns)))
    assert names == ["temp", "flag"]
    assert {type(name) for name in names} == {str}


def test_names_that_no_file_can_hold(tmp_path: Path) -> None:
    name = "\ud800\u202e\x00</title><script>alert(1)</script>"
    report = DriftReport({name: [1.0, 2.0], "b": ["\u202ex", "<b>"]}, {name: [1.0, 2.0], "b": ["\u202ex", "<b>"]})
    assert list(columns_of(report)) == [name, "b"]
    (tmp_path / "drift.json").write_text(report.to_json(), encoding="utf-8")
    assert list(json.loads((tmp_path / "drift.json").read_text("utf-8"))["columns"]) == [name, "b"]
    report.to_html(tmp_path / "drift.html")
    page = (tmp_path / "drift.html").read_text("utf-8")
    assert not {"\x00", "\u202e"} & set(page)
    assert "<script" not in page
    assert "\ufffd\ufffd\ufffd&lt;/title&gt;" in page
    repr(report).encode("utf-8")


# --- no drift, no alarm -----------------------------------------------------------------------------------------------


def rate_of_alarms(draw: Any, replicates: int, **options: Any) -> float:
    alarms = 0
    for seed in range(replicates):
        rng = np.random.default_rng(seed)
        alarms += DriftReport({"a": draw(rng, 200)}, {"a": draw(rng, 150)}, n_jobs=1, **options).drift
    return alarms / replicates


@pytest.mark.parametrize(
    ("name", "draw", "low"),
    [
        ("normal", lambda rng, n: rng.normal(size=n), 0.03),
        ("lognormal with an outlier", lambda rng, n: np.append(rng.lognormal(size=n), 1e6), 0.03),
        ("40 values", lambda rng, n: rng.integers(0, 40, n), 0.025),
        ("zeros and more", lambda rng, n: np.where(rng.random(n) < 0.6, 0, rng.exponential(size=n)), 0.025),
        ("5 values", lambda rng, n: rng.integers(0, 5, n), 0.025),
        ("3 categories", lambda rng, n: rng.choice(["a", "b", "c"], n), 0.025),
        ("100 categories", lambda rng, n: rng.choice([str(i) for i in range(100)], n), 0.01),
        ("a rare category", lambda rng, n: np.where(rng.random(n) < 0.01, "rare", "usual"), 0.0),
        ("missing values", lambda rng, n: np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)), 0.015),
    ],
)
def test_false_alarms_come_as_often_as_asked(name: str, draw: Any, low: float) -> None:
    """600 seeded pairs at 5 %: the standard error is 0.9 %, and 0.05 + 4 of them is 0.086 (200 pairs: 2.3 of them).

    From below the rates are bounded more loosely: exact p-values of statistics that take few values, and Bonferroni's
    bound over values and missing rates, err on the safe side.
    """
    rate = rate_of_alarms(draw, 200 if name == "100 categories" else 600)
    assert low <= rate <= 0.086, f"{name}: {rate}"


def test_family_wise_errors_stay_below_alpha() -> None:
    """60 tables of 60 columns: with a rate of 5 % more than 10 alarms have a probability of 2e-4."""
    alarms = 0
    for seed in range(60):
        rng = np.random.default_rng(1000 + seed)
        before, after = ({f"c{i}": rng.normal(size=n) for i in range(60)} for n in (100, 80))
        alarms += DriftReport(before, after, n_jobs=1).drift
    assert alarms <= 10


# --- what it says -----------------------------------------------------------------------------------------------------


def test_text() -> None:
    lines = repr(DriftReport(BEFORE, AFTER)).splitlines()
    assert lines[0] == (
        "DriftReport: 1 of 5 columns drifted (700 reference and 500 current rows, alpha 0.05, Holm correction)"
    )
    assert lines[2].startswith("drift  temp")
    assert len(lines) == 7
    many = {f"column {i}": [1.0] for i in range(40)}
    assert repr(DriftReport(many, many)).endswith("… and 15 more columns; to_dict() has them all")
    assert repr(DriftReport({"a": [1.0]}, {"a": [1.0]}, columns=[])).count("\n") == 0


def test_a_p_value_of_zero_is_never_shown() -> None:
    apart = DriftReport({"a": np.arange(20_000.0)}, {"a": np.arange(20_000.0) + 30_000})
    assert columns_of(apart)["a"]["p_value"] == 0.0
    assert "< 1e-300" in repr(apart)
    assert "&lt; 1e-300" in apart.to_html()


def test_json_is_json() -> None:
    report = DriftReport(BEFORE, AFTER | {"temp": np.full(M, np.nan)})
    again = json.loads(report.to_json(indent=2))
    assert again == json.loads(report.to_json())
    assert again["columns"]["carrier"] == columns_of(report)["carrier"]


def test_the_page_is_written_where_asked(tmp_path: Path) -> None:
    report = DriftReport(BEFORE, AFTER)
    assert report.to_html(tmp_path / "drift.html") == (tmp_path / "drift.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("before", "after", "options", "error", "message"),
    [
        ({"a": []}, {"a": [1.0]}, {}, ArsenalValueError, "reference has no rows, wanted at least one"),
        ({}, {"a": [1.0]}, {}, ArsenalValueError, "reference has no rows"),
        ({"a": [1.0]}, {"a": [1.0]}, {"columns": ["b"]}, ArsenalValueError, "neither table has a column 'b'"),
        ({"a": [1.0]}, {"a": [1.0]}, {"columns": ["a", "a"]}, ArsenalValueError, "names 'a' more than once"),
        ({"a": [1.0]}, {"a": [1.0]}, {"columns": "a"}, ArsenalTypeError, "columns is 'a', wanted a list of names"),
        ({"a": [1.0]}, {"a": [1.0]}, {"alpha": 2}, ArsenalValueError, "alpha is 2, wanted a number between 0 and 1"),
        ({"a": [1.0]}, {"a": [1.0]}, {"correction": "none"}, ArsenalValueError, "correction is 'none'"),
        ({"a": [1.0]}, {"a": [1.0]}, {"bins": 1}, ArsenalValueError, "bins is 1, wanted 2"),
        ({"a": [1.0]}, {"a": [1.0]}, {"bins": 5.0}, ArsenalTypeError, "bins is 5.0, wanted a whole number"),
        ({"a": [1.0]}, {"a": [1.0]}, {"max_categories": 2**70}, ArsenalValueError, r"less than 2\*\*32"),
        ({"a": [1.0]}, {"a": [1.0]}, {"alpha": "x"}, ArsenalTypeError, "alpha is 'x', wanted a number between 0 and 1"),
        ({"a": [1.0]}, {"a": [1.0]}, {"alpha": math.nan}, ArsenalValueError, "alpha is nan, wanted a number"),
        ({"a": [1.0]}, {"a": [1.0]}, {"n_jobs": "2"}, ArsenalTypeError, "n_jobs is '2', wanted a whole number or None"),
        ({"a": [1.0]}, {"a": [1.0]}, {"columns": 3}, ArsenalTypeError, "columns is 3, wanted a list of names"),
        ({"a": [1.0]}, {"a": [1.0]}, {"columns": {"a"}}, ArsenalTypeError, "wanted a list of names"),
        ({"a": {1.0}}, {"a": [1.0]}, {}, ArsenalTypeError, "column 'a' is of type set, wanted an array or list"),
        ({"a": {"x": 1}}, {"a": [1.0]}, {}, ArsenalTypeError, "column 'a' is of type dict, wanted an array or list"),
        ({"a": b"abc"}, {"a": [1.0]}, {}, ArsenalTypeError, "column 'a' is of type bytes, wanted an array or list"),
        ({"a": np.array(3)}, {"a": [1.0]}, {}, ArsenalTypeError, "column 'a' is of type ndarray, wanted an array"),
        ({1: [1.0], "1": [1.0]}, {"1": [1.0]}, {}, ArsenalValueError, "more than one column '1'"),
        ({"a": [1.0], "b": [1.0, 2.0]}, {"a": [1.0]}, {}, ArsenalValueError, "wanted columns of one length"),
        ({"a": np.zeros((2, 2))}, {"a": [1.0]}, {}, ArsenalValueError, r"a column has shape \(2, 2\)"),
        ({"a": 3}, {"a": [1.0]}, {}, ArsenalTypeError, "column 'a' is of type int, wanted an array or list"),
        (3, {"a": [1.0]}, {}, ArsenalTypeError, "reference is of type int, wanted a pandas"),
        ({"a": [1.0]}, np.zeros(3), {}, ArsenalValueError, r"current has shape \(3,\), wanted rows and columns"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), {"a": [1.0]}, {}, ArsenalValueError, "more than one column 'a'"),
        (pa.table([[1], [2]], ["a", "a"]), {"a": [1.0]}, {}, ArsenalValueError, "more than one column 'a'"),
    ],
)
def test_bad_arguments(before: Any, after: Any, options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        DriftReport(before, after, **options)
