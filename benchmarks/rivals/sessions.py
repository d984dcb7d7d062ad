"""Sessions themselves: how long a file takes to open, and whether two threads that share one are twice as fast."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rivals import report
from rivals.race import Contestant, Metrics

Setting = dict[str, Any]
LOADS = 5  # in each round; their median counts


def onnxruntime_session(model: str | bytes) -> Any:
    """A session with one thread, which is the caller's own: no pool, no spinning."""
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # onnxmltools declares one label for any number of rows; a warning at every call
    return InferenceSession(model, options, providers=["CPUExecutionProvider"])


def arsenal_session(model: str | bytes) -> Any:
    from arsenal.deployment import InferenceSession

    return InferenceSession(model, n_threads=1)


def load(setting: Setting) -> Callable[[], Metrics]:
    model = (Path(setting["folder"]) / setting["file"]).read_bytes()

    def repetition() -> Metrics:
        seconds = []
        for _ in range(LOADS):
            start = time.perf_counter()
            setting["open"](model)
            seconds.append(time.perf_counter() - start)
        return {"load_ms": 1000 * statistics.median(seconds)}

    return repetition


def share(setting: Setting) -> Callable[[], Metrics]:
    """One thread scores the batch twice; then two threads score it twice each, so both do for as long."""
    folder = Path(setting["folder"])
    session = setting["open"](str(folder / setting["file"]))
    X = np.load(folder / "X_test.npy")
    feed, wanted = {session.get_inputs()[0].name: X}, [session.get_outputs()[-1].name]

    def work(start: threading.Barrier) -> None:
        start.wait()
        for _ in range(2):
            session.run(wanted, feed)

    def seconds(n_threads: int) -> float:
        start = threading.Barrier(n_threads + 1)
        threads = [threading.Thread(target=work, args=(start,)) for _ in range(n_threads)]
        for thread in threads:
            thread.start()
        start.wait()
        begin = time.perf_counter()
        for thread in threads:
            thread.join()
        return time.perf_counter() - begin

    def repetition() -> Metrics:
        one, two = seconds(1), seconds(2)
        rows = 2 * len(X) / 1e6
        return {"one": rows / one, "two": 2 * rows / two, "scaling": 2 * one / two}

    return repetition


def _contestants(work: Callable[[Setting], Callable[[], Metrics]], ending: str) -> tuple[Contestant, ...]:
    return tuple(
        Contestant(f"{name}, {ending}", (package,), work, {"file": "ours.onnx", "open": open_})
        for name, package, open_ in (
            ("arsenal", "arsenal-ml", arsenal_session),
            ("onnxruntime", "onnxruntime", onnxruntime_session),
        )
    )


LOAD = _contestants(load, "load")
LOAD_COLUMNS = (report.Column("load_ms", "open, ms", ratio=True),)
SHARED = _contestants(share, "two threads")
SHARED_COLUMNS = (
    report.Column("one", "one thread, M rows/s", ratio=True, more_is_better=True),
    report.Column("two", "two threads, M rows/s", ratio=True, more_is_better=True),
    report.Column("scaling", "two over one", "{:.3f}"),
)
