"""A runtime that crashes, hangs or raises loses the case, not the run."""

from __future__ import annotations

import multiprocessing
import os
import time
from typing import Any

import numpy as np
import pytest

from conformance import runtimes
from conformance.cases import all_cases
from conformance.compare import difference
from conformance.expected import expected
from conformance.runtimes import RUNTIMES, Guarded, Refused
from conformance.scores import Question, score

CASE = next(case for case in all_cases() if case.name == "Scaler-1 one entry, float32, ordinary")


def misbehave(model: bytes, feed: dict[str, Any]) -> list[Any]:
    if model == b"crash":
        os._exit(1)
    if model == b"hang":
        time.sleep(60)
    if model == b"raise":
        raise ValueError("no such model")
    return [np.float32(1)]


@pytest.fixture
def misbehaving(monkeypatch: pytest.MonkeyPatch) -> str:
    """A runtime that children know because they are forked."""
    monkeypatch.setitem(RUNTIMES, "misbehaving", misbehave)
    monkeypatch.setattr(runtimes, "SECONDS", 0.5)
    monkeypatch.setattr(runtimes, "START", multiprocessing.get_context("fork"))
    return "misbehaving"


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_it_goes_on_after_each_failure(misbehaving: str) -> None:
    with Guarded(misbehaving) as guarded:
        for model, message in ((b"crash", "crashed"), (b"hang", "gave no answer"), (b"raise", "ValueError: no such")):
            with pytest.raises(Refused, match=message):
                guarded.run(model, {})
            assert guarded.run(b"fine", {}) == [1]


def test_each_runtime_answers() -> None:
    question = Question(
        "Scaler", CASE.name, CASE.model(), CASE.feed(), lambda got: difference(CASE, got, expected(CASE))
    )
    for name in RUNTIMES:
        result = score(name, [question])["Scaler"]
        assert (result.n_cases, result.passed, result.faults) == (1, 1, {}), name
