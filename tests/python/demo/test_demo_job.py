"""The whole demo on a part of the flights: it learns, both runtimes agree, and every file is there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from arsenal.demo.command import demo
from arsenal.demo.figures import Figures
from arsenal.deployment import InferenceSession
from arsenal.exceptions import ArsenalValueError

ROWS_PER_MONTH = 1500


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "made" / "here"


@pytest.fixture(scope="module")
def run(out: Path) -> tuple[Figures, str]:
    """The demo as a user runs it, but for the number of flights; warnings are errors."""
    code = f"""
from pathlib import Path
from arsenal.demo.command import demo
demo(Path({str(out)!r}), rows_per_month={ROWS_PER_MONTH})
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    return json.loads((out / "demo.json").read_text()), done.stdout


def test_everything_is_written(run: tuple[dict, str], out: Path) -> None:
    figures, shown = run
    assert {path.name for path in out.iterdir()} == {"model.onnx", "report.html", "auc.svg", "drift.html", "demo.json"}
    for path in figures["files"].values():
        assert Path(path).is_file()
        assert Path(path).name in shown.replace("\n", "")
    onnx.checker.check_model(str(out / "model.onnx"), full_check=True)
    assert figures["model"]["bytes"] == (out / "model.onnx").stat().st_size


def test_every_month_is_there(run: tuple[dict, str]) -> None:
    months = run[0]["months"]
    assert [month["month"] for month in months] == list(range(1, 13))
    assert [month["auc"] is None for month in months] == [True] * 3 + [False] * 9
    assert all(month["flights"] == ROWS_PER_MONTH for month in months)


def test_it_learned_as_much_as_lightgbm(run: tuple[dict, str]) -> None:
    walked = [month for month in run[0]["months"] if month["auc"] is not None]
    ours, theirs = ([month[key] for month in walked] for key in ("auc", "lightgbm_auc"))
    assert np.mean(ours) > 0.6
    assert np.mean(ours) > np.mean(theirs) - 0.01  # 4,500 rows: one month's AUC is uncertain by .02


def test_both_runtimes_agree_on_every_row(run: tuple[dict, str]) -> None:
    agreement = run[0]["agreement"]
    assert agreement["rows"] == 12 * ROWS_PER_MONTH
    assert agreement["other_labels"] == 0
    assert agreement["max_difference"] <= 1e-6


def test_summer_is_not_winter(run: tuple[dict, str]) -> None:
    july = {shift["column"]: shift for shift in run[0]["months"][6]["drift"]["columns"]}
    assert july["temp"]["drift"]
    assert july["temp"]["psi"] > 1
    assert july["temp"]["statistic"] > 0.9
    assert july["distance"]["psi"] < 0.1
    assert run[0]["months"][6]["drift"]["columns"][0]["column"] in ("temp", "dewp")


def test_the_model_file_says_what_it_takes(run: tuple[dict, str], out: Path) -> None:
    session = InferenceSession(out / "model.onnx")
    types = {argument.name: argument.type for argument in session.get_inputs()}
    assert types["carrier"] == "tensor(string)"
    assert types["temp"] == "tensor(float)"
    assert len(types) == run[0]["data"]["numeric_features"] + run[0]["data"]["string_features"]
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["arsenal.training_time_range"]) == ["2013-01-01", "2013-03-31"]
    assert all(key.startswith("arsenal.") for key in metadata)


def test_fits_repeat_to_the_byte(run: tuple[dict, str]) -> None:
    assert run[0]["same_bytes"]
    # A busy machine does fewer than three rounds, never an uneven number.
    ours, theirs = (len(fit["all_seconds"]) for fit in run[0]["training"])
    assert 1 <= ours == theirs <= 3


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ArsenalValueError, match="is a file, a folder was wanted"):
        demo(tmp_path / "file")
