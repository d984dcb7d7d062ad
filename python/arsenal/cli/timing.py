"""Timing rivals side by side: in one run, in turn, on the same rows, so that a busy machine hits all of them alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from arsenal.exceptions import ArsenalValueError

Call = TypeVar("Call")

METHOD = (
    "The engines take turns in short blocks within one run, on the same rows, prepared beforehand: arsenal's fast call "
    "session(x) takes a row as a dict of plain values (or one array if the model has one input), arsenal's run() takes "
    "the arrays that onnxruntime takes. One row: every call gets another row; p50 and p99 over all calls. Batch: "
    "arrays for all, median over the repetitions."
)


@dataclass(frozen=True)
class Latency:
    """Time of one call with one row, in microseconds."""

    p50_us: float
    p99_us: float


def one_row(
    calls: Mapping[str, Callable[[int], object]], n_rows: int, rounds: int = 40, block: int = 50
) -> dict[str, Latency]:
    """Latency of engines that score row ``i``, in `rounds` turns of `block` calls each.

    The first turn warms up and is not counted.
    """
    if n_rows < 1:
        raise ArsenalValueError("there are no rows to time")
    nanoseconds: dict[str, list[int]] = {name: [] for name in calls}
    clock = time.perf_counter_ns
    with _no_garbage_collection():
        for turn in range(rounds + 1):
            for name, call in _in_turn(calls, turn):
                times = []
                for i in range(turn * block, (turn + 1) * block):
                    row = i % n_rows
                    start = clock()
                    call(row)
                    times.append(clock() - start)
                if turn:
                    nanoseconds[name] += times
    return {
        name: Latency(float(np.percentile(times, 50)) / 1e3, float(np.percentile(times, 99)) / 1e3)
        for name, times in nanoseconds.items()
    }


def batch(calls: Mapping[str, Callable[[], object]], repetitions: int = 5) -> dict[str, float]:
    """Median seconds of one call of each engine, after one call to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    with _no_garbage_collection():
        for turn in range(repetitions + 1):
            for name, call in _in_turn(calls, turn):
                start = time.perf_counter()
                call()
                if turn:
                    seconds[name].append(time.perf_counter() - start)
    return {name: float(np.median(times)) for name, times in seconds.items()}


def _in_turn(calls: Mapping[str, Call], turn: int) -> Iterator[tuple[str, Call]]:
    """All calls, begun one further each turn, so that none always follows the same one."""
    items = list(calls.items())
    first = turn % len(items)
    yield from items[first:] + items[:first]


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
