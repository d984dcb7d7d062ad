"""The drift report over tables of every kind, and the stability index beside it."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.stats
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.monitoring import DriftReport, psi

RNG = np.random.default_rng(0)
N = 600


def tables(shift: float) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    def side(mean: float) -> dict[str, np.ndarray]:
        return {
            "temp": RNG.normal(mean, 1, N),
            "noise": RNG.normal(size=N),
            "carrier": RNG.choice(["AA", "DL", "UA"], N),
        }

    return side(0.0), side(shift)


BEFORE, AFTER = tables(0.5)


def test_the_tests_are_scipys_and_the_correction_is_holms():
    columns = DriftReport(BEFORE, AFTER).to_dict()["columns"]
    ks = scipy.stats.ks_2samp(BEFORE["temp"], AFTER["temp"])
    assert columns["temp"]["test"] == "ks_2samp"
    assert columns["temp"]["statistic"] == pytest.approx(ks.statistic, rel=1e-12)
    assert columns["temp"]["p_value"] == pytest.approx(ks.pvalue, rel=1e-9)
    counts = [[(side["carrier"] == name).sum() for name in ("AA", "DL", "UA")] for side in (BEFORE, AFTER)]
    chi2 = scipy.stats.chi2_contingency(counts, correction=False)
    assert columns["carrier"]["statistic"] == pytest.approx(chi2.statistic, rel=1e-9)
    assert columns["carrier"]["p_value"] == pytest.approx(chi2.pvalue, rel=1e-9)
    p_values = sorted(column["p_value"] for column in columns.values())
    assert sorted(c["p_adjusted"] for c in columns.values())[0] == pytest.approx(min(1, 3 * p_values[0]))
    assert [name for name, column in columns.items() if column["drift"]] == ["temp"]
    uncorrected = DriftReport(BEFORE, AFTER, correction=None).to_dict()["columns"]
    assert all(column["p_adjusted"] == column["p_value"] for column in uncorrected.values())
    assert DriftReport(BEFORE, AFTER, correction="bh").drifted == ["temp"]


def test_every_kind_of_table_gives_the_same_report():
    wanted = DriftReport(BEFORE, AFTER).to_json()
    for convert in (pd.DataFrame, pl.DataFrame, pa.table):
        assert DriftReport(convert(BEFORE), convert(AFTER), n_jobs=1).to_json() == wanted
    matrix = np.column_stack([BEFORE["temp"], BEFORE["noise"]])
    report = DriftReport(matrix, matrix + np.array([1, 0]))
    assert report.drifted == ["x0"]
    assert DriftReport(pd.DataFrame(BEFORE), pd.DataFrame(AFTER), columns=["noise"]).to_dict()["n_columns"] == 1


def test_missing_values_constants_times_and_infinities():
    before = {
        "gone": np.full(N, np.nan),
        "constant": np.ones(N),
        "infinite": np.where(np.arange(N) % 5 == 0, np.inf, BEFORE["temp"]),
        "when": pd.date_range("2013-01-01", periods=N, freq="h").to_numpy(),
        "holes": BEFORE["noise"],
    }
    after = before | {
        "when": pd.date_range("2013-06-01", periods=N, freq="h").to_numpy(),
        "holes": np.where(np.arange(N) % 3 == 0, np.nan, BEFORE["noise"]),
    }
    report = DriftReport(before, after)
    assert set(report.drifted) == {"when", "holes"}
    columns = report.to_dict()["columns"]
    assert columns["holes"]["n_missing"] == [0, 200]
    assert columns["constant"]["drift"] is False
    json.loads(report.to_json())
    assert "NaN" not in report.to_html()
    one_row = DriftReport({"a": [1.0]}, {"a": [2.0]})
    assert one_row.drifted == []
    assert "1 columns" in repr(one_row)


def test_the_page_is_self_contained_escaped_and_small():
    evil = "<script>alert(1)</script>"
    names = [f"column {i}" for i in range(98)]
    before = {evil: RNG.normal(size=N), "text": np.array([evil, "b"] * (N // 2))} | {
        n: RNG.normal(size=N) for n in names
    }
    page = DriftReport(before, before).to_html()
    assert evil not in page
    assert page.count("<svg") == 100
    assert len(page.encode()) < 1_000_000
    assert not re.search(r"https?:|src=|href=|url\(|@import", page)
    assert "prefers-color-scheme:dark" in page
    assert DriftReport(BEFORE, AFTER)._repr_html_().startswith("<!DOCTYPE html>")


def test_the_page_is_written_where_asked(tmp_path):
    report = DriftReport(BEFORE, AFTER)
    assert report.to_html(tmp_path / "drift.html") == (tmp_path / "drift.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("before", "after", "options", "error", "message"),
    [
        ({"a": []}, {"a": [1.0]}, {}, ArsenalValueError, "reference has no rows"),
        ({"a": [1.0]}, {"b": [1.0]}, {}, ArsenalValueError, r"current lacks the columns \['a'\]"),
        ({"a": [1.0]}, {"a": ["x"]}, {}, ArsenalTypeError, "column 'a' holds number values in reference"),
        ({"a": [1.0]}, {"a": [1.0]}, {"alpha": 2}, ArsenalValueError, "alpha is 2"),
        ({"a": [1.0]}, {"a": [1.0]}, {"correction": "none"}, ArsenalValueError, "correction is"),
        ({"a": [1.0], "b": [1.0, 2.0]}, {"a": [1.0]}, {}, ArsenalValueError, "columns of one length"),
        (3, {"a": [1.0]}, {}, ArsenalTypeError, "reference is of type int"),
        (np.zeros(3), {"a": [1.0]}, {}, ArsenalValueError, "wanted rows and columns"),
    ],
)
def test_bad_tables_are_named(before, after, options, error, message):
    with pytest.raises(error, match=message):
        DriftReport(before, after, **options)


def test_an_outlier_moves_no_bin_and_the_threshold_knows_the_sample_sizes():
    reference, current = RNG.normal(size=2000), RNG.normal(0.5, 1, 1000)
    plain = psi(reference, current)
    with_outlier = psi(reference, np.append(current, 1e6))
    assert plain.alert
    assert float(with_outlier) == pytest.approx(float(plain), rel=0.02)
    assert psi(reference, RNG.normal(size=100)).threshold > 5 * psi(reference, RNG.normal(size=5000)).threshold
    unseen = psi(["a"] * 50 + ["b"] * 50, ["a"] * 50 + ["c"] * 40 + [None] * 10)
    labels = {bin.label: bin.current for bin in unseen.bins}
    assert labels["(unseen)"] == 40
    assert labels["(missing)"] == 10


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([], [1.0]), ArsenalValueError, "reference is empty"),
        (([1.0], ["a"]), ArsenalTypeError, "wanted the same kind"),
        (([1.0], [1.0], 1), ArsenalValueError, "bins is 1, wanted 2"),
        (([1.0], [1.0], 2.5), ArsenalTypeError, "bins is 2.5"),
    ],
)
def test_bad_samples_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        psi(*arguments)
