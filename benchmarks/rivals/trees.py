"""Trees beside the peers: training time, score and memory, and what they must come to.

A work is one declaration in WORKS: a table, who races on it, what is shown and what it must come to.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rivals import bars, boosting, data, forests, machine, report
from rivals.bars import Bar
from rivals.race import Contestant, race

FIT_COLUMNS = (
    report.Column("fit_s", "fit, s", ratio=True),
    report.Column("auc", "test AUC", "{:.4f}"),
    report.Column("peak_mib", "peak memory, MiB", "{:.0f}"),
)


# As many as the default's rounds; they lie in the folder of temporary files together.
MOST_DRAWS = 7


@dataclass(frozen=True)
class Work:
    """One race: `table` is a writer of rivals.data, called with `rows` and `shape`; `repeats` multiplies --repeats."""

    name: str
    table: str
    contestants: tuple[Contestant, ...]
    columns: tuple[report.Column, ...]
    bars: tuple[Bar, ...]
    rows: int = 1_000_000
    shape: dict[str, Any] = field(default_factory=dict)
    setting: dict[str, Any] = field(default_factory=dict)
    repeats: int = 1


def fastest(must: float, aim: float) -> Bar:
    return Bar("fit, times the fastest's speed", "fit_s", "times better", must, aim)


LEVEL = Bar("test AUC behind the best", "auc", "behind", 0.0005, 0.0005)
MEMORY = Bar("peak memory, share of LightGBM's", "peak_mib", "share", 0.8, 0.5, ("LightGBM",))


def small(rows: int, columns: int) -> Work:
    return Work(
        f"{rows:,} × {columns} normals",
        "normals",
        boosting.CONTESTANTS,
        FIT_COLUMNS,
        (fastest(2.0, 5.0),),
        rows,
        {"columns": columns},
        repeats=3,
    )


WORKS = (
    Work(
        "1M × 28 normals",
        "normals",
        boosting.CONTESTANTS,
        FIT_COLUMNS,
        (
            fastest(1.5, 3.0),
            Bar("fit, times LightGBM's speed", "fit_s", "times better", 2.0, 4.0, ("LightGBM",)),
            LEVEL,
            MEMORY,
        ),
    ),
    *(
        Work(name, name, boosting.CONTESTANTS, FIT_COLUMNS, (fastest(1.3, 2.5), LEVEL, MEMORY))
        for name in ("flights", "census", "adult")
    ),
    small(1_000, 10),
    small(5_000, 20),
    small(10_000, 50),
    Work(
        "one core busy",
        "normals",
        boosting.BUSY,
        FIT_COLUMNS,
        (Bar("own slowdown by a busy core", "fit_s", "share", 2.2, 1.8, ("arsenal",), ours="arsenal, one core busy"),),
        rows=250_000,
    ),
    Work(
        "random forest",
        "normals",
        forests.FORESTS,
        forests.FOREST_COLUMNS,
        (
            Bar("fit, times scikit-learn's speed", "fit_s", "times better", 8.0, 15.0, ("scikit-learn",)),
            Bar(
                "fit, times scikit-learn-intelex's speed", "fit_s", "times better", 1.3, 2.0, ("scikit-learn-intelex",)
            ),
            Bar("test accuracy behind the best", "accuracy", "behind", 0.003, 0.003),
        ),
        rows=125_000,
    ),
    Work(
        "isolation forest",
        "normals",
        forests.ISOLATION,
        forests.ISOLATION_COLUMNS,
        (
            Bar("fit, times scikit-learn's speed", "fit_s", "times better", 5.0, 10.0),
            Bar("score, times scikit-learn's speed", "score_s", "times better", 8.0, 20.0),
        ),
        rows=100_000,
    ),
)


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="rivals.trees", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    names = [work.name for work in WORKS]
    parser.add_argument(
        "--works", nargs="+", metavar="NAME", default=names, help=f"works whose names start so: {', '.join(names)}"
    )
    parser.add_argument("--rows", type=int, help="at most this many rows of each table")
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--leaves", type=int, default=31)
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--bins", type=int, default=255)
    parser.add_argument(
        "--threads", type=int, default=len(os.sched_getaffinity(0)), help="cores that everyone is pinned to"
    )
    parser.add_argument("--repeats", type=int, default=7, help="rounds; small works take three times as many")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="contestants whose names start so (arsenal always runs)"
    )
    parser.add_argument("--results", type=Path, default=report.RESULTS, help="folder for the JSON file")
    parser.add_argument("--markdown", type=Path, metavar="FILE.json", help="print the tables of an earlier run and end")
    options = parser.parse_args(argv)
    if unknown := [name for name in options.works if not any(one.startswith(name) for one in names)]:
        parser.error(f"--works {' '.join(unknown)}: no such work, there are {', '.join(names)}")
    return options


def main(argv: list[str]) -> int:
    options = arguments(argv)
    if options.markdown:
        print(report.render(report.load(options.markdown)))
        return 0
    works = [work for work in WORKS if work.name.startswith(tuple(options.works))]
    shared = {name: getattr(options, name) for name in ("trees", "leaves", "learning_rate", "bins", "threads")}
    everyone = [one for work in works for one in report.chosen(work.contestants, options.only)]
    facts = machine.facts(report.packages(everyone, "numpy", "pandas", "pyarrow"))
    result = report.document("trees", shared | {"repeats": options.repeats}, facts)
    for work in works:
        contestants = report.chosen(work.contestants, options.only)
        rows = min(work.rows, options.rows or work.rows)
        rounds = work.repeats * options.repeats
        with tempfile.TemporaryDirectory() as folder:
            title = data.write(work.table, Path(folder), rows, min(rounds, MOST_DRAWS), **work.shape)
            print(f"{work.name}: {title} …", flush=True)
            setting = shared | work.setting | {"folder": folder}
            outcomes = race(contestants, setting, rounds, options.threads)
        judged = [one for bar in work.bars if (one := bar.judge(outcomes))]
        report.add_table(result, f"{work.name}: {title}", work.columns, outcomes, judged)
        print(bars.markdown([(work.name, judged)]), flush=True)
    return report.finish(result, options.results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
