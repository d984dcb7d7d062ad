"""Explaining predictions beside the peers: exact Shapley values of columns, of their pairs, and against a background.

Everyone explains rows of the normals table by a model of the same settings: trees, leaves, learning rate, bins. `shap`
gets the trees of arsenal's own model, so that its numbers must be ours: the table shows the largest difference. XGBoost
and LightGBM explain their own models. The clock covers the call alone.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import tables
from rivals import bars, machine, report
from rivals.bars import Bar
from rivals.race import Contestant, Metrics, race

COLUMNS = (
    report.Column("seconds", "time, s", ratio=True),
    report.Column("difference", "largest difference from ours", "{:.1e}"),
)
Setting = dict[str, Any]

#: What is explained, and for which share of `--rows`: pairs and backgrounds take the peers that much longer.
KINDS = {"values": 1.0, "interactions": 0.02, "background": 0.1}
TITLES = {
    "values": "Shapley values",
    "interactions": "Shapley interaction values",
    "background": "Shapley values against a background of 100 rows",
}
BACKGROUND = 100


# --- the contestants ---------------------------------------------------------------------------------------------


def arsenal(setting: Setting) -> Callable[[], Metrics]:
    model, rows, background = _fitted(setting)
    return _repetition(lambda: _ours(setting, model, rows, background))


def shap(setting: Setting) -> Callable[[], Metrics]:
    from shap import TreeExplainer

    model, rows, background = _fitted(setting)
    against = {"data": background, "feature_perturbation": "interventional"} if setting["kind"] == "background" else {}
    explainer = TreeExplainer({"trees": _shap_trees(model)}, **against)
    explain = {
        "values": lambda: explainer.shap_values(rows, check_additivity=False),
        "interactions": lambda: explainer.shap_interaction_values(rows),
        "background": lambda: explainer.shap_values(rows, check_additivity=False),
    }[setting["kind"]]
    return _repetition(explain, _ours(setting, model, rows, background))


def xgboost(setting: Setting) -> Callable[[], Metrics]:
    from xgboost import DMatrix, XGBClassifier

    X, y, rows, _ = _data(setting)
    model = XGBClassifier(
        n_estimators=setting["trees"],
        max_leaves=setting["leaves"],
        max_depth=0,
        grow_policy="lossguide",
        tree_method="hist",
        learning_rate=setting["learning_rate"],
        max_bin=setting["bins"],
        n_jobs=setting["threads"],
    )
    booster, matrix = model.fit(X, y).get_booster(), DMatrix(rows)
    asked = {"values": "pred_contribs", "interactions": "pred_interactions"}[setting["kind"]]
    return _repetition(lambda: booster.predict(matrix, **{asked: True}))


def lightgbm(setting: Setting) -> Callable[[], Metrics]:
    from lightgbm import LGBMClassifier

    X, y, rows, _ = _data(setting)
    model = LGBMClassifier(
        n_estimators=setting["trees"],
        num_leaves=setting["leaves"],
        learning_rate=setting["learning_rate"],
        max_bin=setting["bins"],
        n_jobs=setting["threads"],
        verbosity=-1,
    )
    booster = model.fit(X, y).booster_
    return _repetition(lambda: booster.predict(rows, pred_contrib=True))


ARSENAL = Contestant("arsenal", ("arsenal-ml",), arsenal)
SHAP = Contestant("shap, C extension", ("shap",), shap)
XGBOOST = Contestant("XGBoost", ("xgboost",), xgboost)
LIGHTGBM = Contestant("LightGBM", ("lightgbm",), lightgbm)
CONTESTANTS = {
    "values": (ARSENAL, SHAP, XGBOOST, LIGHTGBM),
    "interactions": (ARSENAL, SHAP, XGBOOST),
    "background": (ARSENAL, SHAP),
}

_SHAP = (SHAP.name,)
EQUAL = Bar("largest difference from shap's numbers", "difference", "most", 1e-8, 1e-8, _SHAP)
# Against a background shap adds up in single precision: its values miss the row's raw score by a few 1e-8.
NEAR = Bar("largest difference from shap's numbers", "difference", "most", 1e-7, 1e-7, _SHAP)
BARS = {
    "values": (
        Bar("times shap's speed", "seconds", "times better", 3.0, 5.0, _SHAP),
        Bar("times XGBoost's speed", "seconds", "times better", 0.9, 1.5, (XGBOOST.name,)),
        Bar("times the fastest's speed", "seconds", "times better", 0.9, 1.5),
        EQUAL,
    ),
    "interactions": (
        Bar("times shap's speed", "seconds", "times better", 3.0, 5.0, _SHAP),
        Bar("times XGBoost's speed", "seconds", "times better", 0.9, 1.5, (XGBOOST.name,)),
        EQUAL,
    ),
    "background": (Bar("times shap's speed", "seconds", "times better", 3.0, 5.0, _SHAP), NEAR),
}


def _data(setting: Setting) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A training table with its target, rows to explain, and a background."""
    X, y = tables.normals(setting["train_rows"] + setting["rows"])
    cut = setting["train_rows"]
    return X[:cut], y[:cut], X[cut:], X[:BACKGROUND]


def _fitted(setting: Setting) -> tuple[Any, np.ndarray, np.ndarray]:
    from arsenal.models import GradientBoostingClassifier

    X, y, rows, background = _data(setting)
    model = GradientBoostingClassifier(
        n_estimators=setting["trees"],
        max_leaf_nodes=setting["leaves"],
        learning_rate=setting["learning_rate"],
        max_bins=setting["bins"],
        n_jobs=setting["threads"],
        random_state=0,
    )
    return model.fit(X, y), rows, background


def _ours(setting: Setting, model: Any, rows: np.ndarray, background: np.ndarray) -> np.ndarray:
    if setting["kind"] == "interactions":
        values = model.shap_interaction_values(rows)
    else:
        values = model.shap_values(rows, background=background if setting["kind"] == "background" else None)
    return np.asarray(values)


def _shap_trees(model: Any) -> list[dict[str, np.ndarray]]:
    """The trees as shap takes them from a model that it does not know."""
    frame = model.trees_to_dataframe()
    columns = {name: number for number, name in enumerate(f"x{i}" for i in range(model.n_features_in_))}
    trees = []
    for _, nodes in frame.groupby("tree_index"):
        places = {index: place for place, index in enumerate(nodes.node_index)}
        left = np.array([places.get(index, -1) for index in nodes.left_child])
        right = np.array([places.get(index, -1) for index in nodes.right_child])
        trees.append(
            {
                "children_left": left,
                "children_right": right,
                "children_default": np.where(nodes.missing_direction == "left", left, right),
                "features": np.array([columns.get(name, -2) for name in nodes.split_feature]),
                "thresholds": nodes.threshold.fillna(0).to_numpy(dtype=np.float64),
                "values": nodes.value.to_numpy(dtype=np.float64).reshape(-1, 1),
                "node_sample_weight": nodes.weight.to_numpy(dtype=np.float64, copy=True),  # shap writes to it
            }
        )
    return trees


def _repetition(explain: Callable[[], Any], wanted: np.ndarray | None = None) -> Callable[[], Metrics]:
    """Explain once, timed; then compare with our numbers, not timed."""

    def repetition() -> Metrics:
        start = time.perf_counter()
        values = explain()
        seconds = time.perf_counter() - start
        if wanted is None:
            return {"seconds": seconds}
        return {
            "seconds": seconds,
            "difference": float(np.abs(np.asarray(values).reshape(wanted.shape) - wanted).max()),
        }

    return repetition


# --- the run -----------------------------------------------------------------------------------------------------


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="rivals.explanations", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000, help="rows whose values are explained")
    parser.add_argument("--train-rows", type=int, default=100_000)
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--leaves", type=int, default=31)
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--bins", type=int, default=255)
    parser.add_argument(
        "--threads", type=int, default=len(os.sched_getaffinity(0)), help="cores that everyone is pinned to"
    )
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
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
    names = ("train_rows", "trees", "leaves", "learning_rate", "bins", "threads")
    shared = {name: getattr(options, name) for name in names}
    everyone = [one for kind in options.kinds for one in report.chosen(CONTESTANTS[kind], options.only)]
    facts = machine.facts(report.packages(everyone, "numpy"))
    result = report.document("explanations", shared | {"repeats": options.repeats}, facts)
    for kind in options.kinds:
        rows = max(1, int(options.rows * KINDS[kind]))
        print(f"{TITLES[kind]}, {rows:,} rows …", flush=True)
        contestants = report.chosen(CONTESTANTS[kind], options.only)
        outcomes = race(contestants, shared | {"kind": kind, "rows": rows}, options.repeats, options.threads)
        judged = [one for bar in BARS[kind] if (one := bar.judge(outcomes))]
        report.add_table(result, f"{TITLES[kind]}, {rows:,} × 28 normals (float32)", COLUMNS, outcomes, judged)
        print(bars.markdown([(TITLES[kind], judged)]), flush=True)
    return report.finish(result, options.results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
