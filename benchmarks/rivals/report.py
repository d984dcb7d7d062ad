"""Results as a file and as tables: medians with their spread, and ratios taken within a round."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rivals import machine
from rivals.bars import markdown as verdicts
from rivals.race import Contestant, Outcome

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Column:
    """A metric as a column: how its values are shown, and whether its ratio to the first row is shown too.

    A ratio says how many times better the first row is: time over our time, or our rate over the rate.
    """

    metric: str
    title: str
    show: str = ""  # a format, or three significant digits
    ratio: bool = False
    more_is_better: bool = False


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """First quartile, median, third quartile; with fewer than four values the extremes stand for the quartiles."""
    if len(values) < 4:
        return min(values), statistics.median(values), max(values)
    first, middle, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, middle, third


def ratios(ours: Sequence[float], theirs: Sequence[float], more_is_better: bool) -> list[float]:
    """How many times better ours is, round by round."""
    pairs = zip(ours, theirs, strict=True)
    return [our / their if more_is_better else their / our for our, their in pairs]


def markdown(title: str, rows: Sequence[dict[str, Any]], columns: Sequence[Column]) -> str:
    """One table. The first row is the one that ratios refer to."""
    head = ["library"]
    for column in columns:
        head += [column.title] + (["× ours"] if column.ratio else [])
    base = rows[0]["values"]
    body = []
    for row in rows:
        name = f"{row['name']} {row['version'] or ''}".strip()
        if row["problem"] is not None:
            body.append([name, f"**{row['problem'].partition(':')[0]}**"] + [""] * (len(head) - 2))
            continue
        cells = [name]
        for column in columns:
            cells += _cells(column, row, base)
        body.append(cells)
    return f"### {title}\n\n" + _aligned([head, *body])


def _cells(column: Column, row: dict[str, Any], base: dict[str, list[float]]) -> list[str]:
    values = row["values"].get(column.metric)
    if not values:
        return ["–"] * (2 if column.ratio else 1)
    cells = [_with_spread(spread(values), column.show)]
    if column.ratio:
        against = base.get(column.metric)
        paired = ratios(against, values, column.more_is_better) if against else []
        cells.append(_with_spread(spread(paired), "{:.2f}") if paired else "–")
    return cells


def _with_spread(quartiles: tuple[float, float, float], show: str) -> str:
    first, middle, third = (show.format(value) if show else three_digits(value) for value in quartiles)
    return middle if first == third else f"{middle} ({first}–{third})"


def three_digits(value: float) -> str:
    """Three significant digits, never as a power of ten."""
    decimals = 2 - math.floor(math.log10(abs(value))) if value else 0
    return f"{round(value, decimals):,.{max(decimals, 0)}f}"


def _aligned(table: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cells[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)),
        ]
        return f"| {' | '.join(padded)} |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([line(table[0]), line(rule), *(line(row) for row in table[1:])]) + "\n"


def document(benchmark: str, setting: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    """An empty result document; tables are added by :func:`add_table`."""
    return {"benchmark": benchmark, "setting": setting, "machine": facts, "tables": []}


def add_table(
    result: dict[str, Any],
    title: str,
    columns: Sequence[Column],
    outcomes: Sequence[Outcome],
    judged: Sequence[dict[str, Any]] = (),
) -> None:
    """Keep one race in the document, as it will be shown, with what `rivals.bars` says about it."""
    rows = [asdict(outcome) for outcome in outcomes]
    columns_ = [asdict(column) for column in columns]
    result["tables"].append({"title": title, "columns": columns_, "rows": rows, "bars": list(judged)})


def render(result: dict[str, Any]) -> str:
    """The whole document in Markdown: what `--markdown` prints."""
    setting = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in result["setting"].items())
    tables = [
        markdown(table["title"], table["rows"], [Column(**column) for column in table["columns"]])
        for table in result["tables"]
    ]
    judged = [(table["title"].partition(":")[0], bars) for table in result["tables"] if (bars := table.get("bars"))]
    if judged:
        tables.append("### What it must come to\n\n" + verdicts(judged))
    caption = (
        f"Median (first–third quartile) of interleaved repetitions; {setting}. {machine.in_words(result['machine'])}."
    )
    return "\n".join([*tables, caption]) + "\n"


def load(path: Path) -> dict[str, Any]:
    """A saved document."""
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def chosen(contestants: Sequence[Contestant], only: Sequence[str] | None) -> list[Contestant]:
    """Those whose names start with one of `only` or with the first one's; all where nothing is asked for."""
    starts = (contestants[0].name, *map(str.lower, only or [""]))
    return [one for one in contestants if one.name.lower().startswith(starts)]


def packages(contestants: Sequence[Contestant], *more: str) -> list[str]:
    """The distributions whose versions belong into the facts."""
    return sorted({package for one in contestants for package in one.needs} | set(more))


def save(result: dict[str, Any], folder: Path = RESULTS) -> Path:
    """Write the document as JSON; its name says the benchmark and the second."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = result["machine"]["date"].replace(":", "").replace("+0000", "Z")
    path = folder / f"{result['benchmark']}-{stamp}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    return path


def finish(result: dict[str, Any], folder: Path, say: Callable[[str], None] = print) -> int:
    """Print, save, and give the exit code: 1 if a contestant failed or ours is absent; an absent rival is only named"""
    say(render(result))
    say(str(save(result, folder)))
    problems = [row for table in result["tables"] for row in table["rows"] if row["problem"]]
    for row in problems:
        say(f"!! {row['name']}: {row['problem']}")
    ours = result["tables"][0]["rows"][0]
    return int(any(row["problem"].startswith("FAILED") or row is ours for row in problems))
