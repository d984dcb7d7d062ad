"""What a call costs beyond the model. Ratios within one run guard it: a busy machine slows both sides alike."""

from __future__ import annotations

import timeit
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_models
import pytest
from arsenal.deployment import InferenceSession
from pytest_benchmark.fixture import BenchmarkFixture

IDENTITY = onnx_models.identity(width=28)
ROW = np.zeros((1, 28), np.float32)
OUT = np.empty_like(ROW)


def ratio(slow: Callable[[], Any], fast: Callable[[], Any]) -> float:
    """How many times faster `fast` is: the best of interleaved repetitions, which interruptions do not reach."""
    times = {slow: float("inf"), fast: float("inf")}
    for _ in range(30):
        for call in times:
            times[call] = min(times[call], timeit.timeit(call, number=300))
    return times[slow] / times[fast]


def test_a_call_costs_little_beside_onnxruntime(rival: Any, benchmark: BenchmarkFixture) -> None:
    session, other = InferenceSession(IDENTITY), rival(IDENTITY)
    feed = {"X": ROW}
    assert ratio(lambda: other.run(None, feed), lambda: session(ROW)) > 4
    benchmark(session, ROW)


def test_a_call_costs_little_beside_numpy(benchmark: BenchmarkFixture) -> None:
    """Of the same order as one ufunc on the same row, which reads an array and makes another, too."""
    session = InferenceSession(IDENTITY)
    assert ratio(lambda: session(ROW), lambda: np.negative(ROW)) < 4
    benchmark(session, ROW, out=OUT)


def test_run_costs_less_than_onnxruntimes(rival: Any, benchmark: BenchmarkFixture) -> None:
    session, other = InferenceSession(IDENTITY), rival(IDENTITY)
    feed = {"X": ROW}
    assert ratio(lambda: other.run(None, feed), lambda: session.run(None, feed)) > 1.5
    benchmark(session.run, None, feed)


def test_one_row_of_scalars_costs_less_than_onnxruntimes_arrays(rival: Any, benchmark: BenchmarkFixture) -> None:
    names = [f"c{i}" for i in range(12)]
    dtypes = {name: onnx_models.STRING if i % 4 == 0 else onnx_models.FLOAT for i, name in enumerate(names)}
    model = onnx_models.columns_identity(**dtypes)
    row = {name: "JFK" if dtypes[name] == onnx_models.STRING else 1.5 for name in names}
    feed = {name: np.array([[value]], object if isinstance(value, str) else np.float32) for name, value in row.items()}
    session, other = InferenceSession(model), rival(model)
    score = session.describe()["score_output"]
    assert ratio(lambda: other.run([score], feed), lambda: session(row)) > 2
    benchmark(session, row)


def test_the_callers_output_is_all_that_is_written() -> None:
    session = InferenceSession(IDENTITY)
    session(ROW, out=OUT)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    for _ in range(100):
        session(ROW, out=OUT)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak - before < 1000


@pytest.mark.parametrize("n", [1, 32, 33, 1000])
def test_short_batches_keep_the_gil_and_long_ones_score_alike(n: int) -> None:
    session = InferenceSession(IDENTITY)
    x = np.random.default_rng(n).normal(size=(n, 28)).astype(np.float32)
    np.testing.assert_array_equal(session(x), x)
