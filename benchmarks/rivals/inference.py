"""Prediction beside the peers: one row and a batch, one thread, from Python.

The first table: arsenal and onnxruntime run the same file, trained by arsenal and written by `export_onnx`; LightGBM,
XGBoost, CatBoost (symmetric trees of depth 5, 32 leaves) and YDF cannot load it and run a model of that size that they
trained on the same rows. The second table: everyone runs the model that LightGBM trained, arsenal and onnxruntime from
the same file by onnxmltools, lleaves compiled; arsenal once more as `from_lightgbm` reads it, in double precision. The
third and fourth: scikit-learn's random forest with trees of unlimited depth, and its isolation forest, from the files
that skl2onnx writes, beside scikit-learn itself; after them, from such files too, its logistic regression, alone and
behind a scaler, and its net of two hidden layers. The last ones: CatBoost's own models of depth 5 and 6 beside
CatBoost, from its own export less the ZipMap at its end, which makes a dictionary of every row.

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
from rivals.bars import Bar
from rivals.race import Contestant, Metrics, race

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
LINEAR = {"linear": "linear.onnx", "scaler + linear": "scaled.onnx", "MLP 28-64-64-1": "mlp.onnx"}
MODELS = ("boosting", "forest", "isolation", "linear", "catboost")


# --- the contestants ---------------------------------------------------------------------------------------------


def arsenal(setting: Setting) -> Callable[[], Metrics]:
    from arsenal.deployment import InferenceSession

    session = InferenceSession(_file(setting), n_threads=1)
    return _repetition(setting, session, lambda X: _positive(session(X)))


def arsenal_reads(setting: Setting) -> Callable[[], Metrics]:
    """The model that `from_lightgbm` makes takes float64; the conversion of the rows is part of a call."""
    from arsenal.deployment import InferenceSession

    session = InferenceSession(_file(setting), n_threads=1)

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
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # onnxmltools declares one label for any number of rows; a warning at every call
    session = InferenceSession(file, options, providers=["CPUExecutionProvider"])
    name, wanted = session.get_inputs()[0].name, [session.get_outputs()[-1].name]

    def call(X: np.ndarray) -> Any:
        return session.run(wanted, {name: X})[0]

    return call


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
)


def _repetition(setting: Setting, call: Callable[[np.ndarray], Any], positive: Predict) -> Callable[[], Metrics]:
    """One round: every single row, then the batch. Scored once, beforehand."""
    from sklearn.metrics import roc_auc_score

    folder = Path(setting["folder"])
    X = np.load(folder / "X_test.npy")
    singles = [X[i : i + 1] for i in range(min(setting["calls"], len(X)))]
    probabilities = positive(X).astype(np.float64)
    scores = {}
    if setting.get("file") != ISOLATION:
        scores["auc"] = float(roc_auc_score(np.load(folder / "y_test.npy"), probabilities))
    if (reference := _reference(setting, X)) is not None:
        scores["difference"] = float(np.abs(probabilities - reference).max())

    def repetition() -> Metrics:
        nanoseconds = np.empty(len(singles), dtype=np.int64)
        clock = time.perf_counter_ns
        for i, row in enumerate(singles):
            start = clock()
            call(row)
            nanoseconds[i] = clock() - start
        start = clock()
        call(X)
        batch = clock() - start
        p50, p99 = np.percentile(nanoseconds, [50, 99]) / 1000
        return {"p50_us": float(p50), "p99_us": float(p99), "mrows_s": len(X) * 1000 / batch} | scores

    return repetition


def _reference(setting: Setting, X: np.ndarray) -> np.ndarray | None:
    """Probabilities of the same model from another engine: LightGBM for its own model, onnxruntime for all others."""
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
    if "boosting" in options.models:
        write_ours(folder, X[train], y[train], options)
        if machine.version("lightgbm"):
            model = write_lightgbm(folder, X[train], y[train], options)
            write_read(folder)
            if machine.version("onnxmltools"):
                write_theirs(folder, model, X.shape[1])
    if machine.version("skl2onnx"):
        write_forests(folder, X[train], y[train], options)
        if "linear" in options.models:
            write_linear(folder, X[train], y[train])
    if "catboost" in options.models and machine.version("catboost") and machine.version("onnx"):
        for file, depth in SYMMETRIC.items():
            write_symmetric(folder / file, depth, X[train], y[train], options)


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
    of_files |= dict.fromkeys(SYMMETRIC, "catboost")
    return of_files.get(contestant.setting.get("file", ""), "boosting")


def linear_bars(model: str) -> tuple[Bar, ...]:
    """What a linear model must come to; a row's time with its call is bounded for the two without hidden layers."""
    ours, theirs = f"arsenal, {model}", (f"onnxruntime, {model}",)
    faster = Bar("one row, times onnxruntime's speed", "p50_us", "times better", 8.0, 15.0, theirs, ours)
    if model.startswith("MLP"):
        return (faster,)
    return faster, Bar("one row, µs", "p50_us", "most", 0.5, 0.3, (ours,))


def main(argv: list[str]) -> int:
    options = arguments(argv)
    if options.markdown:
        print(report.render(report.load(options.markdown)))
        return 0
    contestants = [one for one in report.chosen(CONTESTANTS, options.only) if model_of(one) in options.models]
    shared = {name: getattr(options, name) for name in ("trees", "leaves", "calls")}
    setting = shared | {"batch_rows": options.rows, "threads": 1, "repeats": options.repeats}
    result = report.document("inference", setting, machine.facts(report.packages(contestants, "numpy")))
    with tempfile.TemporaryDirectory() as folder:
        print("training the models …", flush=True)
        prepare(Path(folder), options)
        outcomes = race(contestants, shared | {"folder": folder}, options.repeats, n_threads=1)
    table = "28 float32 columns, one thread"
    size = f"{options.trees} trees × {options.leaves} leaves, {table}"
    forest = f"{options.forest_trees} trees, {table}"
    same = [outcome for outcome in outcomes if outcome.name == "LightGBM"]
    for title, endings, more in (
        (f"Prediction, {size}", {""}, []),
        (f"Prediction with LightGBM's model, {size}", {"LightGBM's model", "from_lightgbm"}, same),
        (f"Random forest, unlimited depth, {forest}", {"random forest"}, []),
        (f"Isolation forest, 256 rows a tree, {forest}", {"isolation forest"}, []),
        *((f"{model}, 28 float32 columns, one thread", {model}, []) for model in LINEAR),
        *(
            (
                f"CatBoost's model, {options.trees} trees of depth {depth}, {table}",
                {f"CatBoost's model of depth {depth}"},
                [],
            )
            for depth in SYMMETRIC.values()
        ),
    ):
        rows = [one for one in outcomes if one.name.partition(", ")[2] in endings]
        if rows:
            columns = [column for column in COLUMNS if "isolation forest" not in endings or column.metric != "auc"]
            judged = [
                one for model in endings & LINEAR.keys() for bar in linear_bars(model) if (one := bar.judge(rows))
            ]
            report.add_table(result, title, columns, rows + more, judged)
    return report.finish(result, options.results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
