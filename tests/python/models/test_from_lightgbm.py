"""LightGBM's own answers, on rows at the edges of its splits, for every kind of model that is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
from arsenal.deployment import export_onnx
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.models import ForeignClassifier, ForeignRegressor, from_lightgbm
from edge_rows import edge_rows, is_near, onnxruntime_scores, ulps

QUIET = {"verbose": -1, "num_threads": 1, "seed": 0, "num_leaves": 12, "min_data_in_leaf": 5}
QUIET |= {"min_data_per_group": 5, "cat_smooth": 1.0}


def data(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Numbers with NaN in one column, zeros in another and whole numbers in a third."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(600, 4))
    X[rng.random(600) < 0.2, 1] = np.nan
    X[rng.random(600) < 0.4, 2] = 0.0
    X[:, 3] = rng.integers(-2, 9, 600)
    y = X[:, 0] + np.nan_to_num(X[:, 1]) ** 2 + (X[:, 2] == 0) + np.isin(X[:, 3], [1, 4, 7])
    return X, y


def train(params: dict[str, Any], y: np.ndarray | None = None, *, rounds: int = 15, **dataset: Any) -> lightgbm.Booster:
    X, target = data()
    return lightgbm.train(QUIET | params, lightgbm.Dataset(X, target if y is None else y, **dataset), rounds)


POSITIVE = np.round(np.abs(data()[1]))
CLASSES = np.digitize(data()[1], [0.5, 1.5])

#: Name: how the model is made, and 0 where sums are all that is computed.
KINDS: dict[str, tuple[Callable[[], lightgbm.Booster], float]] = {
    "regression": (lambda: train({}), 0),
    "regression_l1": (lambda: train({"objective": "l1"}), 0),
    "quantile": (lambda: train({"objective": "quantile", "alpha": 0.8}), 0),
    "huber": (lambda: train({"objective": "huber"}), 0),
    "reg_sqrt": (lambda: train({"reg_sqrt": True}), 0),
    "zero as missing": (lambda: train({"zero_as_missing": True}), 0),
    "nothing missing": (lambda: train({"use_missing": False}), 0),
    "categories": (lambda: train({"max_cat_to_onehot": 1}, categorical_feature=[3]), 0),
    "categories one by one": (lambda: train({"max_cat_to_onehot": 99}, categorical_feature=[3]), 0),
    "dart": (lambda: train({"boosting": "dart"}), 0),
    "goss": (lambda: train({"data_sample_strategy": "goss"}), 0),
    "forest": (lambda: train({"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}), 0),
    "no split": (lambda: train({"min_data_in_leaf": 5000}), 0),
    "lambdarank": (lambda: train({"objective": "lambdarank"}, CLASSES, group=[60] * 10), 0),
    "own objective": (lambda: train({"objective": lambda scores, rows: (scores - rows.get_label(), np.ones(600))}), 0),
    "poisson": (lambda: train({"objective": "poisson"}, POSITIVE), 8),
    "gamma": (lambda: train({"objective": "gamma"}, POSITIVE + 1), 8),
    "tweedie": (lambda: train({"objective": "tweedie"}, POSITIVE), 8),
    "cross_entropy": (lambda: train({"objective": "cross_entropy"}, np.minimum(POSITIVE / 9, 1)), 8),
    "binary": (lambda: train({"objective": "binary"}, CLASSES > 0), 8),
    "binary with sigmoid": (lambda: train({"objective": "binary", "sigmoid": 0.7}, CLASSES > 0), 8),
    "forest of classes": (
        lambda: train(
            {"objective": "binary", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}, CLASSES > 0
        ),
        8,
    ),
    "multiclass": (lambda: train({"objective": "multiclass", "num_class": 3}, CLASSES), 8),
    "multiclassova": (lambda: train({"objective": "multiclassova", "num_class": 3, "sigmoid": 2.0}, CLASSES), 8),
}


def scores(model: Any, X: Any) -> np.ndarray:
    """Probabilities as a Booster gives them, or predictions."""
    if isinstance(model, ForeignRegressor):
        return model.predict(X)
    probabilities = model.predict_proba(X)
    return probabilities[:, 1] if probabilities.shape[1] == 2 else probabilities


@pytest.mark.parametrize("kind", KINDS)
def test_it_answers_as_lightgbm_does(kind: str) -> None:
    make, tolerance = KINDS[kind]
    booster = make()
    model = from_lightgbm(booster)
    content = export_onnx(model)
    assert (b"LabelEncoder" in content) == kind.startswith("categories")
    X = edge_rows(content, 4)
    # Categories: whole numbers, what is cut to them, what is out of range.
    X[::2, 3] = np.random.default_rng(1).choice([1.0, 4.0, 7.9, -0.5, -1.0, 3e9, -3e9, 11.0, np.nan], 200)
    theirs = booster.predict(X)
    assert is_near(scores(model, X), theirs)
    # onnxruntime adds the trees in their order, as LightGBM does.
    others = onnxruntime_scores(content, X)
    others = others[:, 1] if others.shape[1] == 2 else others
    if tolerance == 0:
        assert ulps(others.reshape(theirs.shape), theirs) == 0
    else:  # its sigmoid is some units off where probabilities are small
        np.testing.assert_allclose(others.reshape(theirs.shape), theirs, rtol=1e-14)


@pytest.mark.parametrize("form", ["path", "text", "bytes", "pathlib"])
def test_files_are_read_as_objects_are(tmp_path: Path, form: str) -> None:
    booster = train({})
    booster.save_model(tmp_path / "model.txt")
    content = (tmp_path / "model.txt").read_bytes()
    given = {
        "path": str(tmp_path / "model.txt"),
        "pathlib": tmp_path / "model.txt",
        "text": content.decode(),
        "bytes": content,
    }
    assert export_onnx(from_lightgbm(given[form])) == export_onnx(from_lightgbm(booster))


@pytest.mark.filterwarnings("ignore:The argument 'eval_set' is deprecated")
def test_estimators_keep_their_labels_and_best_iteration() -> None:
    X, _ = data()
    labels = np.array(["low", "mid", "top"])[CLASSES]
    original = lightgbm.LGBMClassifier(n_estimators=60, verbose=-1, n_jobs=1, num_leaves=31, learning_rate=0.5)
    original.fit(
        X[:300], labels[:300], eval_set=[(X[300:], labels[300:])], callbacks=[lightgbm.early_stopping(2, verbose=False)]
    )
    assert original.best_iteration_ < 60
    model = from_lightgbm(original)
    assert isinstance(model, ForeignClassifier)
    assert model.classes_.tolist() == ["low", "mid", "top"]
    assert is_near(model.predict_proba(X), original.predict_proba(X))
    assert (model.predict(X) == original.predict(X)).all()
    fewer = from_lightgbm(original, n_iterations=2)
    assert is_near(fewer.predict_proba(X), original.predict_proba(X, num_iteration=2))
    with pytest.raises(ArsenalValueError, match="99 iterations are wanted, the model has"):
        from_lightgbm(original.booster_.model_to_string(), n_iterations=99)
    with pytest.raises(ArsenalValueError, match="99 iterations are wanted, the model has"):
        from_lightgbm(original, n_iterations=99)
    with pytest.raises(ArsenalValueError, match="n_iterations is 0, wanted 1 to"):
        from_lightgbm(original, n_iterations=0)


@pytest.mark.parametrize("objective", ["cross_entropy", "regression", "huber", "poisson"])
def test_classifiers_of_two_classes_may_have_other_objectives(objective: str) -> None:
    X, _ = data()
    original = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1, objective=objective)
    original.fit(X, np.where(CLASSES > 0, "yes", "no"))
    model = from_lightgbm(original)
    assert is_near(model.predict_proba(X), original.predict_proba(X))
    assert (model.predict(X) == original.predict(X)).all()


def test_classifiers_that_give_no_probabilities_are_refused() -> None:
    X, _ = data()
    quiet = {"n_estimators": 2, "verbose": -1, "n_jobs": 1}
    own = lightgbm.LGBMClassifier(**quiet, objective=lambda y, scores: (scores - y, np.ones_like(scores)))
    with pytest.raises(ArsenalValueError, match="the objective is the user's own, with which a classifier predicts"):
        from_lightgbm(own.fit(X, CLASSES > 0))
    with pytest.raises(ArsenalValueError, match="the estimator knows one class, wanted 2 or more"):
        from_lightgbm(lightgbm.LGBMClassifier(**quiet).fit(X, np.zeros(len(X))))


def frame(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"size": rng.normal(size=500), "city": rng.choice(["Oslo", "Rome", "São Paulo", "007"], 500)})
    table["level"] = rng.choice([1, 5, 9], 500)
    table.loc[rng.random(500) < 0.1, "city"] = None
    return table


def test_categories_of_data_frames_keep_their_names() -> None:
    table = frame(0)
    categories = {"city": sorted(set(table["city"].dropna())), "level": [1, 5, 9]}
    typed = table.astype({name: pd.CategoricalDtype(values) for name, values in categories.items()})
    y = (typed["city"] == "Rome") * 2.0 + (typed["level"] == 5) + typed["size"]
    booster = lightgbm.train(QUIET | {"max_cat_to_onehot": 1}, lightgbm.Dataset(typed, y), 15)
    model = from_lightgbm(booster)
    fresh = frame(1)
    fresh.loc[::9, "city"] = "Lima"
    fresh["level"] = fresh["level"].where(fresh["size"] > -1, 77)
    known = fresh.assign(**{name: fresh[name].where(fresh[name].isin(values)) for name, values in categories.items()})
    known = known.astype({name: pd.CategoricalDtype(values) for name, values in categories.items()})
    assert is_near(model.predict(fresh), booster.predict(known))
    assert (model.predict(known) == model.predict(fresh)).all()
    assert model.feature_names_in_.tolist() == ["size", "city", "level"]
    feed = {name: fresh[name].fillna("") if name == "city" else fresh[name] for name in fresh}
    assert ulps(onnxruntime_scores(export_onnx(model), feed)[:, 0], booster.predict(known)) == 0
    with pytest.raises(ArsenalValueError, match="pass a table with its 3 columns"):
        model.predict(np.zeros((2, 3)))


def text() -> str:
    return train({"max_cat_to_onehot": 1}, categorical_feature=[3]).model_to_string()


@pytest.mark.parametrize(
    ("pattern", "replacement", "message"),
    [
        (r"^tree\n", "tee\n", "no model of LightGBM"),
        (r"version=v4", "version=v9", 'the version is "v9", wanted v2, v3 or v4'),
        (r"end of trees.*", "", "the text is cut off"),
        (r"is_linear=0", "is_linear=1", "tree 0: linear trees"),
        (r"num_leaves=\d+", "num_leaves=99999999999", "tree 0: leaf_value holds"),
        (r"num_leaves=\d+", "num_leaves=0", "tree 0: "),
        (r"left_child=\S+", "left_child=0", "tree 0: node 0 is reached twice"),
        (r"left_child=\S+", "left_child=-99", "does not exist"),
        (r"split_feature=\S+", "split_feature=8", "tree 0 splits feature 8, there are 4"),
        (r"leaf_value=\S+", "leaf_value=nan", "leaf_value holds NaN"),
        (r"objective=regression", "objective=cross_entropy_lambda", '"cross_entropy_lambda" is not supported'),
        (r"Tree=1\n", "Tree=7\n", "tree 1 is not where it belongs"),
        (r"num_tree_per_iteration=1", "num_tree_per_iteration=4", "15 trees, 4 per iteration"),
        (r"cat_boundaries=0", "cat_boundaries=1", "cat_boundaries do not rise from 0"),
        (
            r"num_cat=[1-9]\d*\n",
            "num_cat=0\n",
            "a split names the set of categories 0; there are 0, each for one split",
        ),
        (r"pandas_categorical:null", 'pandas_categorical:[["a"],["b"]]', "which is which cannot be told"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(pattern: str, replacement: str, message: str) -> None:
    spoilt, n = re.subn(pattern, replacement, text(), count=1, flags=re.DOTALL)
    assert n == 1
    with pytest.raises(ArsenalValueError, match=re.escape(message)):
        from_lightgbm(spoilt.encode())


def test_other_objects_are_refused() -> None:
    with pytest.raises(ArsenalTypeError, match=r"model is a builtins\.int, wanted a lightgbm Booster"):
        from_lightgbm(3)
    with pytest.raises(OSError, match="nowhere"):
        from_lightgbm("nowhere.txt")
