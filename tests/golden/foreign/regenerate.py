"""Writes the models in this folder, and for XGBoost and CatBoost what these libraries answer on rows at the edges.

Run it with lightgbm, xgboost, catboost, scikit-learn and pandas installed, as
``python tests/golden/foreign/regenerate.py``. Each NAME.json, NAME.ubj or NAME.txt is a model file as the library wrote
it; NAME.expected.json holds the library's version, rows and answers; NAME.expected_contributions.json holds its Shapley
values of the first rows (``regenerate.py contributions`` writes these alone, of the files that are there).
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import catboost
import lightgbm
import numpy as np
import pandas as pd
import xgboost

HERE = Path(__file__).parent
N = 400
SPECIAL = np.array([np.nan, 0.0, -0.0, 1e-36, -1e-36, 1e30, -1e30])
INFINITE = np.array([np.inf, -np.inf])


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 4)).astype(np.float32)
    X[rng.random(N) < 0.2, 1] = np.nan
    X[rng.random(N) < 0.4, 2] = 0.0
    X[:, 3] = rng.integers(0, 9, N)
    return X, X[:, 0] + np.nan_to_num(X[:, 1]) ** 2 + (X[:, 2] == 0) + np.isin(X[:, 3], [1, 4, 7])


X, Y = data()
POSITIVE = np.round(np.abs(Y)) + 1
CLASSES = np.digitize(Y, [0.5, 1.5])


def edges(thresholds: dict[int, list[float]], special: np.ndarray, n: int = 60) -> np.ndarray:
    """Rows of thresholds, their float32 neighbours, special and random numbers."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(n, 4)).astype(np.float32)
    for column in range(4):
        known = np.array(thresholds.get(column, [0.0]), dtype=np.float32)
        chosen = rng.choice(known, n)
        with np.errstate(over="ignore"):
            aside = np.nextafter(chosen, rng.choice(np.float32([-np.inf, np.inf]), n))
        rows[:, column] = np.where(rng.random(n) < 0.6, np.where(rng.random(n) < 0.5, chosen, aside), rows[:, column])
        rows[:, column] = np.where(rng.random(n) < 0.25, rng.choice(special, n).astype(np.float32), rows[:, column])
    return rows


def write(name: str, library: str, rows: Any, answers: np.ndarray, tolerance: float) -> None:
    if isinstance(rows, pd.DataFrame):
        rows = {column: [None if pd.isna(v) else v for v in rows[column].tolist()] for column in rows}
    else:
        rows = rows.astype(np.float64).tolist()
    expected = {
        library: version(library),
        "ulps": tolerance,
        "rows": rows,
        "answers": np.asarray(answers).astype(np.float64).tolist(),
    }
    (HERE / f"{name}.expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")


def xgboost_model(
    name: str, params: dict[str, Any], y: np.ndarray, tolerance: float = 0, *, end: str = "json", **matrix: Any
) -> None:
    rounds = params.pop("rounds", 4)
    params = {"max_depth": 3, "nthread": 1, "seed": 0, **params}
    booster = xgboost.train(params, xgboost.DMatrix(X, y, **matrix), rounds)
    booster.save_model(HERE / f"xgboost_{name}.{end}")
    model = json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]
    trees = model.get("gbtree", model)["model"]["trees"]
    thresholds: dict[int, list[float]] = {}
    for tree in trees:
        for left, column, value in zip(
            tree["left_children"], tree["split_indices"], tree["split_conditions"], strict=True
        ):
            if left >= 0:
                thresholds.setdefault(column, []).append(value)
    rows = edges(thresholds, SPECIAL)
    kinds = matrix.get("feature_types")
    if kinds:
        rows[:, 3] = np.random.default_rng(2).choice([0.0, 1, 4, 7.9, 8, np.nan], len(rows))
    answers = booster.predict(xgboost.DMatrix(rows, feature_types=kinds))
    if params["objective"] == "multi:softmax":
        booster.set_param({"objective": "multi:softprob"})
        answers = booster.predict(xgboost.DMatrix(rows))
    write(f"xgboost_{name}", "xgboost", rows, answers, tolerance)


def xgboost_models() -> None:
    xgboost_model("squarederror", {"objective": "reg:squarederror"}, Y, end="ubj")
    xgboost_model("lossguide", {"objective": "reg:absoluteerror", "grow_policy": "lossguide", "max_leaves": 9}, Y)
    xgboost_model("pruned", {"objective": "reg:squarederror", "tree_method": "exact", "gamma": 9.0}, Y)
    xgboost_model("dart", {"objective": "reg:squarederror", "booster": "dart", "rate_drop": 0.5}, Y)
    xgboost_model("forest", {"objective": "reg:squarederror", "num_parallel_tree": 3, "subsample": 0.5, "rounds": 2}, Y)
    xgboost_model("targets", {"objective": "reg:squarederror"}, np.stack([Y, -(Y**2)], 1), end="ubj")
    xgboost_model("quantiles", {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.9]}, Y)
    xgboost_model("hinge", {"objective": "binary:hinge"}, CLASSES > 0, end="ubj")
    xgboost_model("logitraw", {"objective": "binary:logitraw"}, CLASSES > 0)
    xgboost_model("ranking", {"objective": "rank:ndcg"}, CLASSES, qid=np.repeat(np.arange(10), 40), end="ubj")
    xgboost_model(
        "categories", {"objective": "reg:squarederror", "max_cat_to_onehot": 1}, Y, feature_types=["q"] * 3 + ["c"]
    )
    xgboost_model("binary", {"objective": "binary:logistic"}, CLASSES > 0, 8)
    xgboost_model("base_score", {"objective": "binary:logistic", "base_score": 0.2}, CLASSES > 0, 8, end="ubj")
    xgboost_model("softprob", {"objective": "multi:softprob", "num_class": 3}, CLASSES, 8)
    xgboost_model(
        "softmax",
        {"objective": "multi:softmax", "num_class": 3, "num_parallel_tree": 2, "rounds": 2},
        CLASSES,
        8,
        end="ubj",
    )
    xgboost_model("poisson", {"objective": "count:poisson"}, POSITIVE, 8)
    xgboost_model("gamma", {"objective": "reg:gamma"}, POSITIVE, 8, end="ubj")
    xgboost_model("tweedie", {"objective": "reg:tweedie"}, POSITIVE, 8, end="ubj")
    xgboost_model("logistic_regression", {"objective": "reg:logistic"}, POSITIVE / POSITIVE.max(), 8, end="ubj")
    xgboost_named_categories()
    xgboost_stopped_early()


def table(seed: int, n: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"size": rng.normal(size=n).astype(np.float32)})
    frame["city"] = rng.choice(["Oslo", "Rome", "Lima", "007"], n)
    frame.loc[rng.random(n) < 0.2, "city"] = None
    frame["level"] = rng.choice([1, 5, 9], n)
    return frame


def xgboost_named_categories() -> None:
    levels = {"city": sorted(["Oslo", "Rome", "Lima", "007"]), "level": [1, 5, 9]}
    types = {name: pd.CategoricalDtype(values) for name, values in levels.items()}
    frame = table(0, N)
    y = (frame["city"] == "Rome") * 2.0 + (frame["level"] == 5) + frame["size"]
    model = xgboost.XGBRegressor(
        n_estimators=4, max_depth=3, n_jobs=1, enable_categorical=True, max_cat_to_onehot=1, tree_method="hist"
    )
    model.fit(frame.astype(types), y)
    model.save_model(HERE / "xgboost_names.json")
    rows = table(1, 60)
    write("xgboost_names", "xgboost", rows, model.predict(rows.astype(types)), 0)


def xgboost_stopped_early() -> None:
    model = xgboost.XGBClassifier(
        n_estimators=40, max_depth=2, n_jobs=1, early_stopping_rounds=2, learning_rate=0.9, random_state=0
    )
    model.fit(X[:200], CLASSES[:200] > 0, eval_set=[(X[200:], CLASSES[200:] > 0)], verbose=False)
    assert model.best_iteration + 1 < model.get_booster().num_boosted_rounds()
    model.save_model(HERE / "xgboost_stopped.ubj")
    write("xgboost_stopped", "xgboost", X[:60], model.predict_proba(X[:60]), 8)


def catboost_model(
    name: str, params: dict[str, Any], y: np.ndarray, tolerance: float = 0, *, scale: tuple[float, float] | None = None
) -> None:
    quiet = {"verbose": 0, "thread_count": 1, "random_seed": 0, "allow_writing_files": False}
    classes = params["loss_function"] in ("Logloss", "CrossEntropy", "MultiClass", "MultiClassOneVsAll")
    kind = catboost.CatBoostClassifier if classes else catboost.CatBoostRegressor
    model = kind(**{"iterations": 5, "depth": 3, **quiet, **params}).fit(X, y)
    if scale is not None:
        model.set_scale_and_bias(*scale)
    path = HERE / f"catboost_{name}.json"
    model.save_model(str(path), format="json")
    content = json.loads(path.read_text())
    # What was set when and where says nothing about the model.
    kept = {key: content["model_info"][key] for key in ("class_params", "params") if key in content["model_info"]}
    kept["params"] = {"loss_function": kept["params"]["loss_function"]}
    path.write_text(json.dumps(content | {"model_info": kept}, separators=(",", ":")) + "\n")
    borders = {
        f["flat_feature_index"]: f["borders"] for f in content["features_info"]["float_features"] if f["borders"]
    }
    nan = [f["nan_value_treatment"] for f in content["features_info"]["float_features"]]
    rows = edges(borders, np.concatenate([SPECIAL, INFINITE]))
    for column, treatment in enumerate(nan):
        if treatment == "AsIs":  # CatBoost refuses NaN where it saw none
            rows[np.isnan(rows[:, column]), column] = 0.0
    answers = model.predict_proba(rows) if classes else model.predict(rows)
    write(f"catboost_{name}", "catboost", rows, answers, tolerance)


def catboost_models() -> None:
    catboost_model("rmse", {"loss_function": "RMSE"}, Y)
    catboost_model("nan_max", {"loss_function": "RMSE", "nan_mode": "Max"}, Y)
    catboost_model("scaled", {"loss_function": "MAE"}, Y, scale=(0.7, 3.3))
    catboost_model("lossguide", {"loss_function": "RMSE", "grow_policy": "Lossguide", "max_leaves": 7}, Y)
    catboost_model("targets", {"loss_function": "MultiRMSE"}, np.stack([Y, -(Y**2)], 1))
    catboost_model("logloss", {"loss_function": "Logloss"}, np.where(CLASSES > 0, "yes", "no"), 8)
    catboost_model("multiclass", {"loss_function": "MultiClass"}, CLASSES, 8)
    catboost_model("depthwise", {"loss_function": "MultiClass", "grow_policy": "Depthwise"}, CLASSES, 8)
    catboost_model("one_vs_all", {"loss_function": "MultiClassOneVsAll"}, CLASSES, 8)
    catboost_model("poisson", {"loss_function": "Poisson"}, POSITIVE, 8)


def lightgbm_models() -> None:
    """Two, for tests that spoil files; LightGBM itself is there when tests run."""
    quiet = {"verbose": -1, "num_threads": 1, "seed": 0, "num_leaves": 6, "min_data_in_leaf": 5}
    quiet |= {"max_cat_to_onehot": 1, "min_data_per_group": 5, "cat_smooth": 1.0}
    for name, params in {
        "regression": {"objective": "regression", "zero_as_missing": True},
        "multiclass": {"objective": "multiclass", "num_class": 3},
    }.items():
        rows = lightgbm.Dataset(X, CLASSES, categorical_feature=[3])
        lightgbm.train(quiet | params, rows, 4).save_model(HERE / f"lightgbm_{name}.txt")


def contributions() -> None:
    """Shapley values of each row with what they are counted from: (rows, targets, columns + 1)."""
    for path in sorted(HERE.glob("*.expected.json")):
        name = path.name.removesuffix(".expected.json")
        if name == "catboost_scaled":  # CatBoost gives none where the scale is not 1
            continue
        (file,) = [found for found in HERE.glob(f"{name}.*") if len(found.suffixes) == 1]
        rows = json.loads(path.read_text())["rows"]
        of = (xgboost_contributions if name.startswith("xgboost") else catboost_contributions)(file, rows)
        numbers = [[[float(f"{v:.9g}") for v in target] for target in row] for row in of[:20].tolist()]
        (HERE / f"{name}.expected_contributions.json").write_text(json.dumps(numbers, separators=(",", ":")) + "\n")


def xgboost_contributions(file: Path, rows: Any) -> np.ndarray:
    booster = xgboost.Booster(model_file=file)
    if isinstance(rows, dict):
        levels = {"city": sorted(["Oslo", "Rome", "Lima", "007"]), "level": [1, 5, 9]}
        table = pd.DataFrame(rows).astype({name: pd.CategoricalDtype(values) for name, values in levels.items()})
        matrix = xgboost.DMatrix(table, enable_categorical=True)
    else:
        matrix = xgboost.DMatrix(np.array(rows, dtype=np.float32), feature_types=booster.feature_types)
    best = booster.attr("best_iteration")
    end = 0 if best is None else int(best) + 1
    values = booster.predict(matrix, pred_contribs=True, iteration_range=(0, end))
    return values if values.ndim == 3 else values[:, np.newaxis]


def catboost_contributions(file: Path, rows: Any) -> np.ndarray:
    model = catboost.CatBoost().load_model(str(file), format="json")
    values = np.asarray(model.get_feature_importance(catboost.Pool(np.array(rows)), type="ShapValues"))
    return values if values.ndim == 3 else values[:, np.newaxis]


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["lightgbm", "xgboost", "catboost", "contributions"]
    if "lightgbm" in wanted:
        lightgbm_models()
    if "xgboost" in wanted:
        xgboost_models()
    if "catboost" in wanted:
        catboost_models()
    if "contributions" in wanted:
        contributions()
