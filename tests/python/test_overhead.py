"""What a call from Python costs: a guard, not a record. Bounds are ratios to a peer in the same minute, with room.

The fastest of many rounds is compared: other work on the machine only ever adds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from arsenal.deployment import InferenceSession, export_onnx
from arsenal.models import GradientBoostingClassifier
from pytest_benchmark.fixture import BenchmarkFixture

ROUNDS = {"rounds": 300, "iterations": 20, "warmup_rounds": 20}


@pytest.fixture(scope="module")
def model() -> GradientBoostingClassifier:
    random = np.random.default_rng(0)
    X = random.standard_normal((2000, 28), dtype=np.float32)
    return GradientBoostingClassifier(n_estimators=5, random_state=0).fit(X, (X[:, 0] > X[:, 1]).astype(int))


@pytest.fixture(scope="module")
def file(model: GradientBoostingClassifier) -> bytes:
    return export_onnx(model)


@pytest.fixture(scope="module")
def row() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((1, 28), dtype=np.float32)


def fastest(benchmark: BenchmarkFixture) -> float:
    assert benchmark.stats is not None
    return float(benchmark.stats.stats.min)


@pytest.fixture(scope="module")
def peer_seconds(file: bytes, row: np.ndarray) -> float:
    """onnxruntime's fastest call on the same five trees, where binding is nearly all there is."""
    import timeit

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    call = timeit.Timer(lambda: session.run(None, {"X": row}))
    return min(call.repeat(ROUNDS["rounds"], ROUNDS["iterations"])) / ROUNDS["iterations"]


def test_the_fast_call(benchmark: BenchmarkFixture, file: bytes, row: np.ndarray, peer_seconds: float) -> None:
    session = InferenceSession(file, n_threads=1)
    benchmark.pedantic(session, (row,), **ROUNDS)
    assert fastest(benchmark) < peer_seconds / 2


def test_the_familiar_call(benchmark: BenchmarkFixture, file: bytes, row: np.ndarray, peer_seconds: float) -> None:
    session = InferenceSession(file, n_threads=1)
    feed: dict[str, Any] = {"X": row}
    benchmark.pedantic(session.run, (None, feed), **ROUNDS)
    assert fastest(benchmark) < peer_seconds


def test_predict_adds_little_to_scikit_learns_own_checks(
    benchmark: BenchmarkFixture, model: GradientBoostingClassifier, row: np.ndarray
) -> None:
    """`predict_proba` validates as scikit-learn does; what remains is ours."""
    import timeit

    from sklearn.utils.validation import validate_data

    checks = timeit.Timer(lambda: validate_data(model, row, reset=False))
    checks_seconds = min(checks.repeat(ROUNDS["rounds"], ROUNDS["iterations"])) / ROUNDS["iterations"]
    benchmark.pedantic(model.predict_proba, (row,), **ROUNDS)
    assert fastest(benchmark) < 3 * checks_seconds
