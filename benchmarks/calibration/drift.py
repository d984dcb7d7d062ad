"""`DriftReport` with its defaults on tables that did not change, and on tables in which one column moved.

Every replicate draws both tables afresh from one distribution. Without a change the share of reports that name any
column must not exceed alpha, nor the share of a column's stability indices that are above their threshold, beyond what
so many replicates leave to chance.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from arsenal.monitoring import DriftReport

ALPHA = 0.05
# Standard errors beyond alpha at which a rate is called too high: about one in 30,000 without a reason.
TOO_FAR = 4.0

SIZES = [(50, 50), (50, 2_000), (2_000, 50), (500, 500), (5_000, 1_000), (20_000, 20_000)]
SHIFTS = [0.3, 0.5]

Draw = Callable[[np.random.Generator, int], Any]


def with_missing(share: float, values: Any, rng: np.random.Generator) -> Any:
    """Some values replaced by NaN or None."""
    nothing = np.nan if values.dtype.kind == "f" else None
    return np.where(rng.random(len(values)) < share, nothing, values)


def zipf(rng: np.random.Generator, n: int, n_categories: int) -> Any:
    """Categories of which the i-th has a share in proportion to 1 / i."""
    shares = 1 / np.arange(1, n_categories + 1)
    return rng.choice([f"c{i}" for i in range(n_categories)], n, p=shares / shares.sum())


COLUMNS: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "float32": lambda rng, n: rng.random(n).astype(np.float32),
    "heavy tails": lambda rng, n: rng.standard_cauchy(n),
    "lognormal": lambda rng, n: rng.lognormal(sigma=2, size=n),
    "rounded": lambda rng, n: np.round(rng.normal(scale=8, size=n)),
    "5 values": lambda rng, n: rng.integers(1, 6, n),
    "60 % zeros": lambda rng, n: np.where(rng.random(n) < 0.6, 0, rng.exponential(size=n)),
    "counts": lambda rng, n: rng.poisson(2, n),
    "3 categories": lambda rng, n: rng.choice(["a", "b", "c"], n),
    "200 categories": lambda rng, n: zipf(rng, n, 200),
    "rare category": lambda rng, n: np.where(rng.random(n) < 0.01, "rare", "usual"),
    "20 % missing": lambda rng, n: with_missing(0.2, rng.normal(size=n), rng),
    "1 % missing": lambda rng, n: with_missing(0.01, rng.normal(size=n), rng),
    "names, 10 % missing": lambda rng, n: with_missing(0.1, rng.choice(["a", "b", "c", "d"], n).astype(object), rng),
}


@dataclass(frozen=True)
class Rates:
    """Shares of the replicates.

    ``any_column`` of the reports named a column; ``moved`` named the moved one; ``tests`` and ``indices`` are, by
    column, how often its own p-value was at most alpha and its index above the threshold.
    """

    sizes: tuple[int, int]
    replicates: int
    any_column: float
    moved: float
    tests: dict[str, float]
    indices: dict[str, float]

    def excess(self, rate: float) -> float:
        """How many standard errors a rate lies above alpha."""
        return (rate - ALPHA) / math.sqrt(ALPHA * (1 - ALPHA) / self.replicates)

    def too_high(self) -> list[str]:
        """What errs more often than asked, in words."""
        rates = {"any column": self.any_column}
        rates |= {f"test of {name}": rate for name, rate in self.tests.items()}
        rates |= {f"index of {name}": rate for name, rate in self.indices.items()}
        n, m = self.sizes
        return [
            f"{n:,} and {m:,} rows, {name}: {rate:.4f}" for name, rate in rates.items() if self.excess(rate) > TOO_FAR
        ]


def replicate(sizes: tuple[int, int], shift: float, seed: int) -> tuple[bool, bool, list[bool], list[bool]]:
    """One report: named any column, named the first one, each column's p-value at most alpha, each index too large."""
    rng = np.random.default_rng([seed, *sizes])
    before, after = ({name: draw(rng, n) for name, draw in COLUMNS.items()} for n in sizes)
    after["normal"] = after["normal"] + shift
    report = DriftReport(before, after, n_jobs=1)
    columns = report.to_dict()["columns"].values()
    return (
        report.drift,
        "normal" in report.drifted,
        [column["p_value"] <= ALPHA for column in columns],
        [column["psi_alert"] for column in columns],
    )


def simulate(sizes: tuple[int, int], replicates: int, shift: float = 0.0, n_jobs: int = 1) -> Rates:
    """Rates over seeded replicates; `shift` moves the current table's normal column by so many standard deviations."""
    one = partial(replicate, sizes, shift)
    if n_jobs == 1:
        found = [one(seed) for seed in range(replicates)]
    else:
        with ProcessPoolExecutor(n_jobs) as workers:
            found = list(workers.map(one, range(replicates), chunksize=10))
    named, moved, tests, indices = (np.mean(part, axis=0) for part in zip(*found, strict=True))
    by_column = [dict(zip(COLUMNS, map(float, rates), strict=True)) for rates in (tests, indices)]
    return Rates(sizes, replicates, float(named), float(moved), *by_column)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown, the first column to the left and numbers to the right."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, rule, *rows]) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print both tables; 1 if a rate is too high."""
    parser = argparse.ArgumentParser(prog="calibration.drift", description=__doc__)
    parser.add_argument("--replicates", type=int, default=1_000, help="reports for each pair of sizes")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes")
    asked = parser.parse_args(arguments)
    error = math.sqrt(ALPHA * (1 - ALPHA) / asked.replicates)
    chance = f"standard error at alpha {error:.4f}"
    print(f"{asked.replicates:,} reports per row of {len(COLUMNS)} columns; alpha {ALPHA}, {chance}\n")
    by_sizes: list[list[str]] = []
    of_columns: dict[str, list[float]] = {name: [] for name in COLUMNS}
    of_indices: dict[str, list[float]] = {name: [] for name in COLUMNS}
    too_high: list[str] = []
    for sizes in SIZES:
        null = simulate(sizes, asked.replicates, n_jobs=asked.jobs)
        power = [simulate(sizes, max(1, asked.replicates // 5), shift, asked.jobs).moved for shift in SHIFTS]
        tests, indices = (float(np.mean(list(rates.values()))) for rates in (null.tests, null.indices))
        worst = max(null.indices.values())
        rates = (null.any_column, tests, indices, worst, *power)
        by_sizes.append([f"{sizes[0]:,} / {sizes[1]:,}", *(f"{rate:.3f}" for rate in rates)])
        too_high += null.too_high()
        for name in COLUMNS:
            of_columns[name].append(null.tests[name])
            of_indices[name].append(null.indices[name])
    head = ["rows", "any column (Holm)", "one test", "one index", "highest index"]
    print(table([*head, *(f"finds {shift} σ" for shift in SHIFTS)], by_sizes))
    sizes_in_words = [f"{n:,} / {m:,}" for n, m in SIZES]
    cells = [
        [name, *(f"{t:.3f} · {i:.3f}" for t, i in zip(of_columns[name], of_indices[name], strict=True))]
        for name in COLUMNS
    ]
    print(table(["test · index", *sizes_in_words], cells))
    for words in too_high:
        print(f"!! too often: {words}")
    return int(bool(too_high))


if __name__ == "__main__":
    sys.exit(main())
