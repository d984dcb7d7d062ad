"""Training beside the peers: gradient boosting on 1 M × 28 normals and on the demo's flights.

What all libraries share is set alike: trees, leaves, learning rate, bins, threads. What only one knows keeps that
library's default, and CatBoost keeps its symmetric trees of depth 6 (64 leaves). The clock covers `fit` on the table
type that the library likes best, binning included; converting strings to each library's categories is done before.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import tables
from rivals import machine, report
from rivals.race import Contestant, Metrics, PeakMemory, race

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

    return _repetition(make, *_data(setting, as_arrow=True))


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

    return _repetition(make, *_data(setting))


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

    return _repetition(make, *_data(setting))


def catboost(setting: Setting) -> Callable[[], Metrics]:
    from catboost import CatBoostClassifier

    data = _data(setting)
    strings = _string_columns(data[0])
    if strings:  # CatBoost takes strings as strings, missing ones too
        for frame in (data[0], data[2]):
            for name in strings:
                frame[name] = frame[name].astype(object).fillna("")

    def make() -> Any:
        return CatBoostClassifier(
            iterations=setting["trees"],
            depth=6,
            learning_rate=setting["learning_rate"],
            border_count=min(setting["bins"], 254),
            thread_count=setting["threads"],
            cat_features=strings,
            allow_writing_files=False,
            logging_level="Silent",
        )

    return _repetition(make, *data)


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

    return _repetition(make, *_data(setting))


CONTESTANTS = (
    Contestant("arsenal", ("arsenal-ml",), arsenal),
    Contestant("LightGBM", ("lightgbm",), lightgbm),
    Contestant("LightGBM, quantized gradients", ("lightgbm",), lightgbm, {"quantized": True}),
    Contestant("XGBoost hist", ("xgboost",), xgboost),
    Contestant("CatBoost", ("catboost",), catboost),
    Contestant("scikit-learn HistGradientBoosting", ("scikit-learn",), hist_gradient_boosting),
)


def _repetition(
    make: Callable[[], Any], train: Any, y_train: np.ndarray, test: Any, y_test: np.ndarray
) -> Callable[[], Metrics]:
    """Fit once, timed; then score, not timed."""
    from sklearn.metrics import roc_auc_score

    memory = PeakMemory()

    def repetition() -> Metrics:
        model = make()
        with memory:
            start = time.perf_counter()
            model.fit(train, y_train)
            seconds = time.perf_counter() - start
        auc = roc_auc_score(y_test, model.predict_proba(test)[:, 1])
        return {"fit_s": seconds, "auc": float(auc), "peak_mib": memory.rise}

    return repetition


# --- the data ----------------------------------------------------------------------------------------------------


def write_normals(folder: Path, rows: int) -> str:
    X, y = tables.normals(rows)
    np.save(folder / "X.npy", X)
    np.save(folder / "y.npy", y)
    train = int(rows * 0.8)
    return f"{rows:,} × {X.shape[1]} normals (float32), {train:,} to train on"


def write_flights(folder: Path, rows: int) -> str:
    """Train on January to September, test on the rest of the year; fewer rows are spread evenly over the months."""
    import pyarrow as pa
    from arsenal.demo.flights import load_flights
    from pyarrow import feather

    flights = load_flights()
    if rows < len(flights.late):
        flights = flights.first(rows // 12)
    before = flights.month <= 9
    order = np.argsort(~before, kind="stable")
    feather.write_feather(flights.features.take(pa.array(order)), folder / "X.feather", compression="uncompressed")
    np.save(folder / "y.npy", flights.late[order])
    np.save(folder / "cut.npy", np.int64(before.sum()))
    n_strings = sum(pa.types.is_string(kind) for kind in flights.features.schema.types)
    n_columns = flights.features.num_columns
    return f"flights of 2013, {len(order):,} × {n_columns} ({n_strings} of strings), {before.sum():,} to train on"


WRITERS: dict[str, Callable[[Path, int], str]] = {"normals": write_normals, "flights": write_flights}


def _data(setting: Setting, as_arrow: bool = False) -> tuple[Any, np.ndarray, Any, np.ndarray]:
    """Training and test part as this library takes them: NumPy, or a table whose strings are categories.

    The categories are those of the whole table, as a user's `astype("category")` before the split gives them.
    """
    folder = Path(setting["folder"])
    y = np.load(folder / "y.npy")
    if (folder / "X.npy").exists():
        return tables.split(np.load(folder / "X.npy"), y)
    from pyarrow import feather

    table = feather.read_table(folder / "X.feather")
    cut = int(np.load(folder / "cut.npy"))
    if as_arrow:
        return table.slice(0, cut), y[:cut], table.slice(cut), y[cut:]
    import pyarrow as pa

    frame = table.to_pandas()
    for column in table.schema:
        if pa.types.is_string(column.type):
            frame[column.name] = frame[column.name].astype("category")
    return frame.iloc[:cut].copy(), y[:cut], frame.iloc[cut:].copy(), y[cut:]


def _string_columns(frame: Any) -> list[str]:
    if isinstance(frame, np.ndarray):
        return []
    return [name for name in frame.columns if frame[name].dtype.name == "category"]


# --- the run -----------------------------------------------------------------------------------------------------


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="rivals.models", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of each table; flights has 327,346 at most")
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--leaves", type=int, default=31)
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--bins", type=int, default=255)
    parser.add_argument(
        "--threads", type=int, default=len(os.sched_getaffinity(0)), help="cores that everyone is pinned to"
    )
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--tables", nargs="+", choices=list(WRITERS), default=list(WRITERS))
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="contestants whose names start so (arsenal always runs)"
    )
    parser.add_argument("--results", type=Path, default=report.RESULTS, help="folder for the JSON file")
    parser.add_argument("--markdown", type=Path, metavar="FILE.json", help="print the tables of an earlier run and end")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    options = arguments(argv)
    if options.markdown:
        print(report.render(report.load(options.markdown)))
        return 0
    contestants = report.chosen(CONTESTANTS, options.only)
    shared = {name: getattr(options, name) for name in ("trees", "leaves", "learning_rate", "bins", "threads")}
    facts = machine.facts(report.packages(contestants, "numpy", "pandas", "pyarrow"))
    result = report.document("models", shared | {"repeats": options.repeats}, facts)
    for name in options.tables:
        with tempfile.TemporaryDirectory() as folder:
            title = WRITERS[name](Path(folder), options.rows)
            print(f"{title} …", flush=True)
            outcomes = race(contestants, shared | {"folder": folder}, options.repeats, options.threads)
        report.add_table(result, f"Gradient boosting, {title}", COLUMNS, outcomes)
    return report.finish(result, options.results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
