"""Gradient boosting by every library that has it, set alike.

What all libraries share is set alike: trees, leaves, learning rate, bins, threads. What only one knows keeps that
library's default, and CatBoost keeps its symmetric trees, of the depth whose leaves are the nearest to the others' (32
to 31). The clock covers `fit` on the table
type that the library likes best, binning included; converting strings to each library's categories is done before.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from rivals import data, report
from rivals.race import Contestant, Metrics, PeakMemory

COLUMNS = (
    report.Column("fit_s", "fit, s", ratio=True),
    report.Column("auc", "test AUC", "{:.4f}"),
    report.Column("peak_mib", "peak memory, MiB", "{:.0f}"),
)
Setting = dict[str, Any]


# --- the contestants ---------------------------------------------------------------------------------------------


def arsenal(setting: Setting) -> Callable[[], Metrics]:
    from arsenal.models import GradientBoostingClassifier

    def make() -> Any:
        return GradientBoostingClassifier(
            n_estimators=setting["trees"],
            max_leaf_nodes=setting["leaves"],
            learning_rate=setting["learning_rate"],
            max_bins=setting["bins"],
            n_jobs=setting["threads"],
            random_state=0,
        )

    return _repetition(setting, make, partial(data.read, as_arrow=True))


def lightgbm(setting: Setting) -> Callable[[], Metrics]:
    from lightgbm import LGBMClassifier

    def make() -> Any:
        return LGBMClassifier(
            n_estimators=setting["trees"],
            num_leaves=setting["leaves"],
            learning_rate=setting["learning_rate"],
            max_bin=setting["bins"],
            n_jobs=setting["threads"],
            use_quantized_grad=setting.get("quantized", False),
            verbosity=-1,
        )

    return _repetition(setting, make, data.read)


def xgboost(setting: Setting) -> Callable[[], Metrics]:
    from xgboost import XGBClassifier

    def make() -> Any:
        return XGBClassifier(
            n_estimators=setting["trees"],
            max_leaves=setting["leaves"],
            max_depth=0,
            grow_policy="lossguide",
            tree_method="hist",
            learning_rate=setting["learning_rate"],
            max_bin=setting["bins"],
            n_jobs=setting["threads"],
            enable_categorical=True,
        )

    return _repetition(setting, make, data.read)


def catboost(setting: Setting) -> Callable[[], Metrics]:
    from catboost import CatBoostClassifier

    def read(folder: Path) -> data.Parts:
        parts = data.read(folder)
        for name in data.string_columns(parts[0]):  # CatBoost takes strings as strings, missing ones too
            for frame in (parts[0], parts[2]):
                frame[name] = frame[name].astype(object).fillna("")
        return parts

    strings = data.string_columns(data.read(data.folder_of(setting["folder"], 0))[0])

    def make() -> Any:
        return CatBoostClassifier(
            iterations=setting["trees"],
            depth=round(math.log2(setting["leaves"])),
            learning_rate=setting["learning_rate"],
            border_count=min(setting["bins"], 254),
            thread_count=setting["threads"],
            cat_features=strings,
            allow_writing_files=False,
            logging_level="Silent",
        )

    return _repetition(setting, make, read)


def hist_gradient_boosting(setting: Setting) -> Callable[[], Metrics]:
    from sklearn.ensemble import HistGradientBoostingClassifier

    def make() -> Any:
        return HistGradientBoostingClassifier(
            max_iter=setting["trees"],
            max_leaf_nodes=setting["leaves"],
            learning_rate=setting["learning_rate"],
            max_bins=setting["bins"],
            early_stopping=False,
            categorical_features="from_dtype",
            random_state=0,
        )

    return _repetition(setting, make, data.read)


CONTESTANTS = (
    Contestant("arsenal", ("arsenal-ml",), arsenal),
    Contestant("LightGBM", ("lightgbm",), lightgbm),
    Contestant("quantized LightGBM", ("lightgbm",), lightgbm, {"quantized": True}),
    Contestant("XGBoost hist", ("xgboost",), xgboost),
    Contestant("CatBoost", ("catboost",), catboost),
    Contestant("scikit-learn HistGradientBoosting", ("scikit-learn",), hist_gradient_boosting),
)


BUSY = (
    CONTESTANTS[0],
    Contestant("arsenal, one core busy", ("arsenal-ml",), arsenal, {"busy": True}),
    CONTESTANTS[1],
    Contestant("LightGBM, one core busy", ("lightgbm",), lightgbm, {"busy": True}),
)


def _repetition(setting: Setting, make: Callable[[], Any], read: Callable[[Path], data.Parts]) -> Callable[[], Metrics]:
    """Fit once, timed; then score, not timed."""
    from sklearn.metrics import roc_auc_score

    draws, memory = data.Draws(setting["folder"], read), PeakMemory()

    def repetition() -> Metrics:
        train, y_train, test, y_test = draws.next()
        model = make()
        with BusyCore(setting.get("busy", False)), memory:
            start = time.perf_counter()
            model.fit(train, y_train)
            seconds = time.perf_counter() - start
        auc = roc_auc_score(y_test, model.predict_proba(test)[:, 1])
        return {"fit_s": seconds, "auc": float(auc), "peak_mib": memory.rise}

    return repetition


class BusyCore:
    """While open, another process keeps the first of this process's cores busy."""

    def __init__(self, is_wanted: bool) -> None:
        self.is_wanted = is_wanted

    def __enter__(self) -> None:
        if not self.is_wanted:
            return
        first = min(os.sched_getaffinity(0))
        program = f"import os; os.sched_setaffinity(0, [{first}]); print(flush=True)\nwhile True: pass"
        self.process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.process.stdout.readline()  # it runs

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self.is_wanted:
            self.process.kill()
            self.process.communicate()
