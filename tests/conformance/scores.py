"""How many cases each runtime passes, per operator."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from conformance.runtimes import Guarded, Refused


@dataclass(frozen=True)
class Question:
    """A model, what goes in, and a function that says what is wrong with the outputs."""

    operator: str
    name: str
    model: bytes
    feed: dict[str, Any]
    fault: Callable[[list[Any]], str | None]


@dataclass
class Score:
    n_cases: int = 0
    passed: int = 0
    refused: int = 0
    crashed: list[str] = field(default_factory=list)
    # What was wrong, by the case's name.
    faults: dict[str, str] = field(default_factory=dict)


def score(runtime: str, questions: Iterable[Question]) -> dict[str, Score]:
    scores: dict[str, Score] = {}
    with Guarded(runtime) as guarded:
        for question in questions:
            own = scores.setdefault(question.operator, Score())
            own.n_cases += 1
            try:
                fault = question.fault(guarded.run(question.model, question.feed))
            except Refused as refusal:
                fault = str(refusal)
                own.refused += 1
                if fault in ("crashed", "gave no answer"):
                    own.crashed.append(question.name)
            if fault is None:
                own.passed += 1
            else:
                own.faults[question.name] = fault
    return scores
