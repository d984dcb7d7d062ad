"""What we want to be able to say after a race, and whether we can."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rivals.race import Outcome

Kind = Literal["times better", "share", "behind", "most", "at most", "at least"]


@dataclass(frozen=True)
class Bar:
    """One sentence about a race, with what it must and what it should say.

    `times better`: the best rival's time (or memory) over ours, at least `must`. `share`: ours over the best rival's,
    at most `must`. `behind`: how far ours lies below the best rival's score, at most `must`. `most`: any rival's
    largest value, at most `must`. `at most`, `at least`: our own median. Ratios are taken within a round, and their
    median counts; of scores, which change with the rows that a round draws, the mean. `against` names the rivals that
    count; without it, all do.
    """

    title: str
    metric: str
    kind: Kind
    must: float
    aim: float
    against: tuple[str, ...] | None = None
    ours: str = "arsenal"

    def judge(self, outcomes: Sequence[Outcome]) -> dict[str, Any] | None:
        """The value and who it was measured against; None where one side is missing."""
        by_name = {one.name: one.values[self.metric] for one in outcomes if one.values.get(self.metric)}
        ours = [0.0] if self.kind == "most" else by_name.get(self.ours)
        alone = self.kind in ("at most", "at least")
        rivals = (
            {self.ours: ours}
            if alone and ours
            else {name: by_name[name] for name in self.against or by_name if name in by_name and name != self.ours}
        )
        if ours is None or not rivals:
            return None
        if self.kind == "behind":
            best = max(rivals, key=lambda name: statistics.mean(rivals[name]))
            value = statistics.mean(rivals[best]) - statistics.mean(ours)
        elif self.kind == "most":
            best = max(rivals, key=lambda name: max(rivals[name]))
            value = max(rivals[best])
        elif alone:
            best, value = self.ours, statistics.median(ours)
        else:
            best = min(rivals, key=lambda name: statistics.median(rivals[name]))
            pairs = zip(ours, rivals[best], strict=True)
            value = statistics.median(b / a if self.kind == "times better" else a / b for a, b in pairs)
        is_more = self.kind in ("times better", "at least")
        met = [value >= bar if is_more else value <= bar for bar in (self.must, self.aim)]
        return {
            "title": self.title,
            "rival": best,
            "value": value,
            "must": self.must,
            "aim": self.aim,
            "sign": "≥" if is_more else "≤",
            "verdict": "aim met" if all(met) else "must met" if met[0] else "MISSED",
        }


def markdown(works: Sequence[tuple[str, Sequence[dict[str, Any]]]]) -> str:
    """All verdicts of a run as one table: (work, judgements)."""
    lines = ["| work | what | rival | value | must | aim | verdict |", "| --- | --- | --- | ---: | ---: | ---: | --- |"]
    for work, judged in works:
        for one in judged:
            digits = "{:.1e}" if one["must"] < 1e-6 else "{:.4f}" if one["must"] < 0.01 else "{:.2f}"
            value = digits.format(one["value"])
            bounds = [f"{one['sign']} {one[name]:g}" for name in ("must", "aim")]
            cells = [work, one["title"], one["rival"], value, *bounds, one["verdict"]]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
