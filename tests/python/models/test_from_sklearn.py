"""scikit-learn's own answers, on rows at the edges of its splits, for every kind of model that is read."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from arsenal.deployment import export_onnx
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.models import ForeignClassifier, ForeignRegressor, from_sklearn
from edge_rows import FINITE, edge_rows, is_near, onnxruntime_scores, probability_ulps, ulps
from sklearn import ensemble, linear_model, tree
from sklearn.exceptions import NotFittedError


def data(*, missing: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    X[:, 2] = np.round(X[:, 2])
    y = X[:, 0] + X[:, 1] ** 2 + (X[:, 2] == 0)
    if missing:
        X[rng.random(300) < 0.2, 1] = np.nan
    return X, y


WHOLE, Y = data(missing=False)
HOLES, _ = data(missing=True)
CLASSES = np.array(["low", "mid", "top"])[np.digitize(Y, [0.5, 1.5])]
TWO = Y > 1

FOREST = {"n_estimators": 7, "random_state": 0, "n_jobs": 1}
BOOSTING = {"n_estimators": 7, "random_state": 0}

#: Name: what is fitted to what, whether NaN may come, and how many units of the last place answers may be off.
KINDS: dict[str, tuple[Callable[[], Any], bool, float]] = {
    "tree": (lambda: tree.DecisionTreeRegressor(random_state=0).fit(WHOLE, Y), False, 0),
    "tree with missing": (lambda: tree.DecisionTreeRegressor(random_state=0).fit(HOLES, Y), True, 0),
    "tree of classes": (lambda: tree.DecisionTreeClassifier(max_depth=4).fit(HOLES, CLASSES), True, 0),
    "tree of targets": (lambda: tree.DecisionTreeRegressor(max_depth=4).fit(WHOLE, np.stack([Y, -Y], 1)), False, 0),
    "one leaf": (lambda: tree.DecisionTreeRegressor(max_depth=1).fit(WHOLE, np.ones(300)), False, 0),
    "forest": (lambda: ensemble.RandomForestRegressor(**FOREST).fit(HOLES, Y), True, 0),
    "forest of two classes": (lambda: ensemble.RandomForestClassifier(**FOREST).fit(HOLES, TWO), True, 0),
    "forest of classes": (
        lambda: ensemble.RandomForestClassifier(**FOREST, class_weight="balanced").fit(WHOLE, CLASSES),
        False,
        0,
    ),
    "extra trees": (lambda: ensemble.ExtraTreesRegressor(**FOREST).fit(WHOLE, Y), False, 0),
    "extra trees of classes": (lambda: ensemble.ExtraTreesClassifier(**FOREST).fit(WHOLE, CLASSES), False, 0),
    "boosting": (lambda: ensemble.GradientBoostingRegressor(**BOOSTING).fit(WHOLE, Y), False, 0),
    "boosting from zero": (lambda: ensemble.GradientBoostingRegressor(**BOOSTING, init="zero").fit(WHOLE, Y), False, 0),
    "boosting of two classes": (lambda: ensemble.GradientBoostingClassifier(**BOOSTING).fit(WHOLE, TWO), False, 8),
    "boosting of classes": (lambda: ensemble.GradientBoostingClassifier(**BOOSTING).fit(WHOLE, CLASSES), False, 8),
    "exponential loss": (
        lambda: ensemble.GradientBoostingClassifier(**BOOSTING, loss="exponential").fit(WHOLE, TWO),
        False,
        8,
    ),
    "histogram": (lambda: ensemble.HistGradientBoostingRegressor(max_iter=7).fit(HOLES, Y), True, 0),
    "histogram of counts": (
        lambda: ensemble.HistGradientBoostingRegressor(max_iter=7, loss="poisson").fit(HOLES, np.abs(Y)),
        True,
        8,
    ),
    "histogram of two classes": (lambda: ensemble.HistGradientBoostingClassifier(max_iter=7).fit(HOLES, TWO), True, 8),
    "histogram of classes": (lambda: ensemble.HistGradientBoostingClassifier(max_iter=7).fit(HOLES, CLASSES), True, 8),
    "histogram with categories": (
        lambda: ensemble.HistGradientBoostingRegressor(max_iter=7, categorical_features=[2]).fit(HOLES, Y),
        True,
        0,
    ),
    "isolation": (lambda: ensemble.IsolationForest(n_estimators=9, random_state=0).fit(WHOLE), False, 64),
    "isolation of some columns": (
        lambda: ensemble.IsolationForest(n_estimators=9, random_state=0, max_features=2).fit(WHOLE),
        False,
        64,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_it_answers_as_scikit_learn_does(kind: str) -> None:
    make, takes_nan, tolerance = KINDS[kind]
    original = make()
    model = from_sklearn(original)
    content = export_onnx(model)
    X = edge_rows(content, 4, special=(*FINITE, np.nan) if takes_nan else FINITE)
    X[::3, 2] = np.random.default_rng(1).choice([-2.0, -1.0, 0.0, 1.0, 9.0, 0.5], 134)
    if isinstance(model, ForeignClassifier):
        ours, theirs = model.predict_proba(X), original.predict_proba(X)
        assert (model.predict(X) == original.predict(X)).all()
    elif isinstance(model, ForeignRegressor):
        ours, theirs = model.predict(X), original.predict(X)
    else:
        ours, theirs = model.score_samples(X), original.score_samples(X)
        assert (model.predict(X) == original.predict(X)).mean() > 0.99
        np.testing.assert_allclose(model.decision_function(X), original.decision_function(X), rtol=0, atol=1e-14)
    assert is_near(ours, theirs)
    # onnxruntime adds the trees in their order, as scikit-learn does.
    others = onnxruntime_scores(content, X).reshape(theirs.shape)
    if hasattr(original, "offset_"):
        others = others + original.offset_
    gap = probability_ulps if isinstance(model, ForeignClassifier) else ulps
    assert gap(others, theirs) <= tolerance


def frame(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"size": rng.normal(size=400), "city": rng.choice(["Oslo", "Rome", "São Paulo", "007"], 400)})
    table["level"] = rng.choice([1.0, 5.0, 9.0], 400)
    table.loc[rng.random(400) < 0.15, "city"] = None
    return table


@pytest.mark.parametrize("with_missing", [True, False])
def test_categories_keep_their_names(with_missing: bool) -> None:
    table = frame(0)
    if not with_missing:
        table["city"] = table["city"].fillna("Oslo")
    typed = table.astype({"city": pd.CategoricalDtype(["007", "Oslo", "Rome", "São Paulo"])})
    y = table["size"] + 2 * (table["city"] == "Rome") + (table["level"] == 5)
    original = ensemble.HistGradientBoostingRegressor(max_iter=20, categorical_features=["city", "level"], max_depth=4)
    original.fit(typed, y)
    model = from_sklearn(original)
    fresh = frame(1)
    fresh["level"] = fresh["level"].where(fresh["size"] > -1, 77.0)
    known = fresh.astype({"city": pd.CategoricalDtype(["007", "Oslo", "Rome", "São Paulo"])})
    assert is_near(model.predict(fresh), original.predict(known))
    feed = {name: fresh[name].fillna("") if name == "city" else fresh[name] for name in fresh}
    assert ulps(onnxruntime_scores(export_onnx(model), feed)[:, 0], original.predict(known)) == 0


def test_models_pickle_as_their_file() -> None:
    model = from_sklearn(KINDS["forest of classes"][0](), n_jobs=1)
    again = pickle.loads(pickle.dumps(model))
    assert export_onnx(again) == export_onnx(model)
    assert (again.predict(WHOLE) == model.predict(WHOLE)).all()
    assert model.score(WHOLE, CLASSES) > 0.9


def test_what_cannot_be_kept_is_said() -> None:
    outputs = np.stack([CLASSES, CLASSES], 1)
    with pytest.raises(ArsenalValueError, match="the classifier has 2 outputs, wanted 1"):
        from_sklearn(tree.DecisionTreeClassifier().fit(WHOLE, outputs))
    with pytest.raises(ArsenalValueError, match="the classifier knows one class, wanted 2 or more"):
        from_sklearn(tree.DecisionTreeClassifier().fit(WHOLE, np.zeros(300)))
    with pytest.raises(ArsenalValueError, match="the boosting starts from a LinearRegression, wanted a constant"):
        from_sklearn(ensemble.GradientBoostingRegressor(init=linear_model.LinearRegression()).fit(WHOLE, Y))
    with pytest.raises(ArsenalTypeError, match=r"LinearRegression, wanted a decision tree, random forest"):
        from_sklearn(linear_model.LinearRegression().fit(WHOLE, Y))
    with pytest.raises(NotFittedError):
        from_sklearn(tree.DecisionTreeClassifier())
    with pytest.raises(ArsenalTypeError, match=r"model is a builtins\.bytes"):
        from_sklearn(b"\x80\x04")


def test_a_model_that_holds_none_says_so() -> None:
    with pytest.raises(NotFittedError, match="holds no model"):
        ForeignRegressor().predict(WHOLE)
    with pytest.raises(ValueError, match="3 features, but ForeignRegressor is expecting 4 features"):
        from_sklearn(KINDS["tree"][0]()).predict(WHOLE[:, :3])
