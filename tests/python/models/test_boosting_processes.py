"""Gradient boosting across threads, instruction sets, processes and interruptions."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from arsenal._native import _rust
from arsenal.models import GradientBoostingClassifier
from joblib import Parallel, delayed


def data(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 10)).astype(np.float32)
    X[::9, 3] = np.nan
    y = (X[:, 0] * X[:, 1] + np.sin(X[:, 2]) + rng.standard_normal(n) > 0).astype(int)
    return X, y


def digest(n_jobs: int | None = None, n: int = 60_000) -> str:
    X, y = data(n)
    model = GradientBoostingClassifier(n_estimators=5, n_jobs=n_jobs, subsample=0.8, random_state=0).fit(X, y)
    return hashlib.sha256(model._onnx_bytes()).hexdigest()


def digest_and_prediction(n_jobs: int) -> tuple[str, float]:
    X, y = data(60_000)
    model = GradientBoostingClassifier(n_estimators=5, n_jobs=n_jobs, random_state=0).fit(X, y)
    return hashlib.sha256(model._onnx_bytes()).hexdigest(), float(model.predict_proba(X).sum())


def test_any_number_of_threads_gives_the_same_bytes():
    assert digest(1) == digest(2) == digest(4) == digest(-1)


def test_every_instruction_set_gives_the_same_bytes():
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_boosting_processes import digest\nfrom arsenal._native import learning_isa\n"
        "print(learning_isa, digest())"
    )
    wanted = digest()
    seen = set()
    for isa in ("scalar", "avx2", "avx512"):
        done = subprocess.run(
            [sys.executable, "-c", script, os.path.dirname(__file__)],
            env={**os.environ, "ARSENAL_FORCE_ISA": isa}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode and "at most" in done.stderr:
            continue  # this CPU lacks the set, and the import says so
        name, digested = done.stdout.split()
        seen.add(name)
        assert (name, digested) == (isa, wanted), done.stderr
    assert "scalar" in seen


def test_an_unknown_instruction_set_is_an_import_error():
    done = subprocess.run(
        [sys.executable, "-c", "import arsenal"],
        env={**os.environ, "ARSENAL_FORCE_ISA": "sse9"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert 'ARSENAL_FORCE_ISA is "sse9", wanted scalar, avx2 or avx512' in done.stderr


def test_the_environment_sets_the_number_of_threads(monkeypatch):
    monkeypatch.setenv("ARSENAL_NUM_THREADS", "3")
    assert _rust.n_threads(None) == 3
    assert _rust.n_threads(1) == 1
    monkeypatch.setenv("ARSENAL_NUM_THREADS", "many")
    with pytest.raises(ValueError, match="ARSENAL_NUM_THREADS"):
        _rust.n_threads(None)


def _in_child(queue: multiprocessing.Queue) -> None:
    queue.put(digest_and_prediction(2))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")
def test_fit_and_predict_work_in_a_forked_child():
    wanted = digest_and_prediction(2)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_in_child, args=(queue,))
    child.start()
    assert queue.get(timeout=60) == wanted
    child.join(timeout=60)
    assert child.exitcode == 0
    assert digest_and_prediction(2) == wanted


def test_joblib_workers_fit_alike():
    first, second = Parallel(n_jobs=2)(delayed(digest_and_prediction)(1) for _ in range(2))
    assert first == second == digest_and_prediction(1)


def test_threads_can_fit_at_the_same_time():
    digests: list[str] = []
    threads = [threading.Thread(target=lambda: digests.append(digest(2, 20_000))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(digests)) == 1
    assert len(digests) == 3


INTERRUPTED = """
import os, signal, sys, threading, time
sys.path.insert(0, sys.argv[1])
from test_boosting_processes import data
from arsenal.models import GradientBoostingClassifier
X, y = data(200_000)
model = GradientBoostingClassifier(n_estimators=5, random_state=0).fit(X[:1000], y[:1000])
before = model._onnx_bytes()
threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    model.set_params(n_estimators=100_000).fit(X, y)
except KeyboardInterrupt:
    print(model._onnx_bytes() == before)
"""


def test_ctrl_c_stops_a_long_fit_and_leaves_the_estimator_as_it_was():
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, os.path.dirname(__file__)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout.strip() == "True", done.stderr


#: What a fit does outside its trees: each of these takes seconds.
LONG_PHASES = {
    "binning": """
X, y = rng.random((300_000, 60), dtype=np.float32), rng.random(300_000)
fit = lambda: GradientBoostingRegressor(max_bins=65_535).fit(X, y)
""",
    "earlier trees": """
X, y = rng.random((400_000, 5)), rng.random(400_000)
model = GradientBoostingRegressor(n_estimators=400, warm_start=True, min_samples_leaf=1).fit(X[:2000], y[:2000])
fit = lambda: model.set_params(n_estimators=401).fit(X, y)
""",
    "evaluation rows": """
X, y = rng.random((200_000, 20), dtype=np.float32), rng.random(200_000)
fit = lambda: GradientBoostingRegressor(max_bins=20_000).fit(X[:30_000], y[:30_000], eval_set=[(X, y)] * 10)
""",
    "a level of many bins": """
X, y = rng.random((60_000, 20), dtype=np.float32), rng.random(60_000)
fit = lambda: GradientBoostingRegressor(grow_policy="oblivious", max_bins=65_535, max_leaf_nodes=64).fit(X, y)
""",
    "one long query": """
X, y = rng.random((40_000, 2)), rng.integers(0, 5, 40_000)
fit = lambda: GradientBoostingRanker(truncation_level=40_000).fit(X, y, group=[40_000])
""",
}

INTERRUPTED_PHASE = """
import os, signal, sys, threading, time
import numpy as np
from arsenal.models import GradientBoostingRanker, GradientBoostingRegressor
rng = np.random.default_rng(0)
{phase}
asked = []
def interrupt():
    asked.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)
threading.Timer({delay}, interrupt).start()
try:
    fit()
except KeyboardInterrupt:
    print(time.monotonic() - asked[0])
"""


@pytest.mark.parametrize("phase", LONG_PHASES)
def test_ctrl_c_is_heard_in_every_phase_of_a_fit(phase):
    script = INTERRUPTED_PHASE.format(phase=LONG_PHASES[phase], delay=2.0 if "level" in phase else 0.4)
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    # 0.05 s on an idle machine; a busy one is to pass too.
    assert float(done.stdout) < 0.5, done.stderr
