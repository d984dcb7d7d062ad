"""Runs contestants side by side and keeps what they did.

Each contestant lives in a process of its own, so that OpenMP runtimes do not meet and peak memory is its own. The
processes start, load their data and warm up one after another; then the repetitions are interleaved: in each round
every contestant works once while the others sleep, and the order moves on by one from round to round. What the machine
does meanwhile hits all of them alike, and ratios are taken within a round.
"""

from __future__ import annotations

import ctypes
import gc
import math
import multiprocessing
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from rivals import machine

Metrics = dict[str, float]
# Given the setting, prepares everything that is not measured and returns what one repetition does.
Start = Callable[[dict[str, Any]], Callable[[], Metrics]]


@dataclass(frozen=True)
class Contestant:
    """Who races: the name in the table, the distributions that it needs (its own first), and how it starts.

    `start` is a function of a module, so that a fresh process can find it.
    """

    name: str
    needs: tuple[str, ...]
    start: Start
    setting: dict[str, Any] = field(default_factory=dict)


@dataclass
class Outcome:
    """What one contestant did: the values of each metric, one per round, or why there are none."""

    name: str
    version: str | None
    values: dict[str, list[float]] = field(default_factory=dict)
    problem: str | None = None


def race(contestants: list[Contestant], setting: dict[str, Any], repeats: int, n_threads: int) -> list[Outcome]:
    """Run every contestant `repeats` times on the first `n_threads` allowed cores; one warm-up before is not kept."""
    outcomes = [Outcome(one.name, machine.version(one.needs[0])) for one in contestants]
    lanes: list[tuple[Outcome, Lane]] = []
    try:
        for one, outcome in zip(contestants, outcomes, strict=True):
            if absent := [package for package in one.needs if machine.version(package) is None]:
                outcome.problem = f"NOT INSTALLED: {', '.join(absent)}"
                continue
            lane = Lane(one, setting | one.setting, n_threads)
            answer = lane.hear()
            if isinstance(answer, str):
                outcome.problem = f"FAILED: {answer}"
                lane.close()
            else:
                lanes.append((outcome, lane))
        for round_ in range(repeats):
            turn = round_ % len(lanes) if lanes else 0
            for outcome, lane in lanes[turn:] + lanes[:turn]:
                if outcome.problem is None:
                    _keep(outcome, lane.go())
    finally:
        for _, lane in lanes:
            lane.close()
    return outcomes


def _keep(outcome: Outcome, answer: Metrics | str) -> None:
    if isinstance(answer, str):
        outcome.problem = f"FAILED: {answer}"
        outcome.values.clear()
        return
    for metric, value in answer.items():
        if not math.isnan(value):  # not known on this machine
            outcome.values.setdefault(metric, []).append(value)


class Lane:
    """The parent's end of one contestant's process."""

    def __init__(self, contestant: Contestant, setting: dict[str, Any], n_threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        # No daemon: those may have no processes of their own, as joblib's workers are. It ends when the pipe does.
        self.process = context.Process(target=_work, args=(theirs, contestant.start, setting, n_threads))
        with _thread_settings(n_threads):
            self.process.start()
        theirs.close()

    def go(self) -> Metrics | str:
        """One repetition: its metrics, or the error as text."""
        self.pipe.send("go")
        return self.hear()

    def hear(self) -> Metrics | str:
        try:
            return self.pipe.recv()  # type: ignore[no-any-return]
        except EOFError:
            self.process.join()
            return f"the process ended with code {self.process.exitcode}"

    def close(self) -> None:
        self.pipe.close()
        self.process.join(timeout=30)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class _thread_settings:
    """Environment that OpenMP, BLAS and Arsenal read when a library is loaded; a child inherits it."""

    NAMES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARSENAL_NUM_THREADS")

    def __init__(self, n_threads: int) -> None:
        self.wanted = dict.fromkeys(self.NAMES, str(n_threads))

    def __enter__(self) -> None:
        self.before = {name: os.environ.get(name) for name in self.NAMES}
        os.environ.update(self.wanted)

    def __exit__(self, *_: object) -> None:
        for name, value in self.before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _work(pipe: Connection, start: Start, setting: dict[str, Any], n_threads: int) -> None:
    """A contestant's process: pinned before any library is loaded; warms up once; then works when told."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:n_threads])
    try:
        repetition = start(setting)
        pipe.send(repetition())
        while True:
            pipe.recv()
            pipe.send(repetition())
    except EOFError:
        return
    except Exception as error:
        traceback.print_exc()
        first_line = str(error).partition("\n")[0]
        pipe.send(f"{type(error).__name__}: {first_line}")


class PeakMemory:
    """How far resident memory rises in a `with` block above what it was at its start, in MiB (`rise`).

    Free heap is given back before, where the C library can: it would take up a part of what the block needs. NaN where
    the kernel does not say.
    """

    def __init__(self) -> None:
        self.trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        self.before = self.rise = float("nan")

    def __enter__(self) -> PeakMemory:
        gc.collect()
        if self.trim:
            self.trim(0)
        try:
            Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from what is resident now
            self.before = _status("VmRSS")
        except OSError:
            self.before = float("nan")
        return self

    def __exit__(self, *_: object) -> None:
        self.rise = _status("VmHWM") - self.before


def _status(name: str) -> float:
    """A line of /proc/self/status in MiB, or NaN."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    return float("nan")
