"""The runtimes that are asked, each in a process of its own: one that crashes or hangs loses that case alone."""

from __future__ import annotations

import multiprocessing
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

SECONDS = 20.0
START = multiprocessing.get_context("spawn")
Feed = dict[str, Any]
Run = Callable[[bytes, Feed], list[Any]]


def run_arsenal(model: bytes, feed: Feed) -> list[Any]:
    from arsenal.deployment import InferenceSession

    return InferenceSession(model).run(None, feed)


def run_arsenal_by_the_text(model: bytes, feed: Feed) -> list[Any]:
    from arsenal.deployment import InferenceSession

    return InferenceSession(model, compat="spec").run(None, feed)


def run_onnxruntime(model: bytes, feed: Feed) -> list[Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return list(onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"]).run(None, feed))


def run_reference(model: bytes, feed: Feed) -> list[Any]:
    import onnx
    import onnx.reference

    return list(onnx.reference.ReferenceEvaluator(onnx.load_from_string(model)).run(None, feed))


RUNTIMES: dict[str, Run] = {
    "arsenal": run_arsenal,
    'arsenal, compat="spec"': run_arsenal_by_the_text,
    "onnxruntime": run_onnxruntime,
    "reference evaluator": run_reference,
}


class Refused(Exception):
    """The runtime raised an exception, crashed, or gave no answer in time."""


class Guarded:
    """A runtime in another process, which is started again after a crash."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._start()

    def __enter__(self) -> Guarded:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop()

    def run(self, model: bytes, feed: Feed) -> list[Any]:
        """The outputs. Raises Refused if there are none."""
        try:
            self._connection.send((model, feed))
            if not self._connection.poll(SECONDS):
                raise Refused(self._restarted("gave no answer"))
            kind, answer = self._connection.recv()
        except (EOFError, OSError):
            raise Refused(self._restarted("crashed")) from None
        if kind == "error":
            raise Refused(answer)
        return answer

    def _restarted(self, what: str) -> str:
        self._stop()
        self._start()
        return what

    def _start(self) -> None:
        self._connection, theirs = START.Pipe()
        self._process = START.Process(target=serve, args=(self.name, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def _stop(self) -> None:
        self._process.kill()
        self._process.join()
        self._connection.close()


def serve(name: str, connection: Connection) -> None:
    warnings.simplefilter("ignore")
    while True:
        try:
            model, feed = connection.recv()
        except EOFError:
            return
        try:
            with np.errstate(all="ignore"):
                connection.send(("outputs", RUNTIMES[name](model, feed)))
        except Exception as error:
            connection.send(("error", f"{type(error).__name__}: {error}"))
