"""Random forests and isolation forests by every library that has them, set alike.

`FORESTS` race on the normals with a binary target: full-grown trees, the square root of the columns per split.
`ISOLATION` forests learn the same table without its target; the clock of their second column covers the scores of all
its rows. Arsenal writes and opens the ONNX file at the first prediction, and that is on the clock of the prediction.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from rivals import data, report
from rivals.race import Contestant, Metrics, PeakMemory

Setting = dict[str, Any]

FOREST_COLUMNS = (
    report.Column("fit_s", "fit, s", ratio=True),
    report.Column("predict_s", "first predict of the test part, s", ratio=True),
    report.Column("accuracy", "test accuracy", "{:.4f}"),
    report.Column("peak_mib", "peak memory, MiB", "{:.0f}"),
)
ISOLATION_COLUMNS = (
    report.Column("fit_s", "fit, s", ratio=True),
    report.Column("score_s", "score of all rows, s", ratio=True),
    report.Column("score", "mean score", "{:.4f}"),
)


def _forest(kind: Any, setting: Setting) -> Callable[[], Metrics]:
    draws, memory = data.Draws(setting["folder"], data.read), PeakMemory()

    def repetition() -> Metrics:
        train, y_train, test, y_test = draws.next()
        model = kind(n_estimators=setting["trees"], n_jobs=setting["threads"], random_state=0)
        with memory:
            start = time.perf_counter()
            model.fit(train, y_train)
            fitted = time.perf_counter()
        predicted = model.predict(test)
        done = time.perf_counter()
        return {
            "fit_s": fitted - start,
            "predict_s": done - fitted,
            "accuracy": float(np.mean(predicted == y_test)),
            "peak_mib": memory.rise,
        }

    return repetition


def _isolation(kind: Any, setting: Setting) -> Callable[[], Metrics]:
    X = np.load(data.folder_of(setting["folder"], 0) / "X.npy")

    def repetition() -> Metrics:
        model = kind(n_estimators=setting["trees"], n_jobs=setting["threads"], random_state=0)
        start = time.perf_counter()
        model.fit(X)
        fitted = time.perf_counter()
        scores = model.score_samples(X)
        return {"fit_s": fitted - start, "score_s": time.perf_counter() - fitted, "score": float(scores.mean())}

    return repetition


def arsenal_forest(setting: Setting) -> Callable[[], Metrics]:
    from arsenal.models import RandomForestClassifier

    return _forest(RandomForestClassifier, setting)


def scikit_learn_forest(setting: Setting) -> Callable[[], Metrics]:
    from sklearn.ensemble import RandomForestClassifier

    return _forest(RandomForestClassifier, setting)


def intelex_forest(setting: Setting) -> Callable[[], Metrics]:
    from sklearnex.ensemble import RandomForestClassifier

    return _forest(RandomForestClassifier, setting)


def arsenal_isolation(setting: Setting) -> Callable[[], Metrics]:
    from arsenal.models import IsolationForest

    return _isolation(IsolationForest, setting)


def scikit_learn_isolation(setting: Setting) -> Callable[[], Metrics]:
    from sklearn.ensemble import IsolationForest

    return _isolation(IsolationForest, setting)


FORESTS = (
    Contestant("arsenal", ("arsenal-ml",), arsenal_forest),
    Contestant("scikit-learn", ("scikit-learn",), scikit_learn_forest),
    Contestant("scikit-learn-intelex", ("scikit-learn-intelex", "scikit-learn"), intelex_forest),
)
ISOLATION = (
    Contestant("arsenal", ("arsenal-ml",), arsenal_isolation),
    Contestant("scikit-learn", ("scikit-learn",), scikit_learn_isolation),
)
