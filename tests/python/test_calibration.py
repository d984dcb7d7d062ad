"""The simulation of false alarms on small tables: the report errs no more than it says, and the test would notice."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))  # a folder of programs, not an installed package

from calibration import drift  # noqa: E402  the path above comes first


@pytest.mark.parametrize(("sizes", "replicates"), [((50, 50), 50), ((40, 400), 30), ((500, 500), 12)])
def test_no_more_false_alarms_than_asked(sizes: tuple[int, int], replicates: int) -> None:
    """Each rate stays within four standard errors, and so do those of all columns' indices and tests together."""
    rates = drift.simulate(sizes, replicates)
    assert rates.too_high() == []
    error = np.sqrt(drift.ALPHA * (1 - drift.ALPHA) / (replicates * len(drift.COLUMNS)))
    for by_column in (rates.tests, rates.indices):
        assert list(by_column) == list(drift.COLUMNS)
        assert np.mean(list(by_column.values())) <= drift.ALPHA + 4 * error


def test_a_shift_is_found_and_counts_as_too_many_alarms() -> None:
    rates = drift.simulate((500, 500), 6, shift=0.5)
    assert rates.moved == rates.any_column == 1.0
    assert [words.split(": ")[0] for words in rates.too_high()] == [
        "500 and 500 rows, any column",
        "500 and 500 rows, test of normal",
        "500 and 500 rows, index of normal",
    ]


def test_processes_change_nothing_and_the_program_prints_its_tables(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert drift.simulate((20, 30), 4, n_jobs=2) == drift.simulate((20, 30), 4)
    monkeypatch.setattr(drift, "SIZES", [(30, 20)])
    assert drift.main(["--replicates", "5", "--jobs", "1"]) == 0
    printed = capsys.readouterr().out
    assert "| 30 / 20 |" in printed
    assert "| rare category |" in printed
    monkeypatch.setattr(drift, "ALPHA", 1e-9)
    monkeypatch.setitem(drift.COLUMNS, "normal", lambda rng, n: rng.normal(n, 1e-9, n))
    assert drift.main(["--replicates", "5", "--jobs", "1"]) == 1
    assert "!! too often: 30 and 20 rows, index of normal: 1.0000" in capsys.readouterr().out
