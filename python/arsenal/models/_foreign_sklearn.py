"""The arrays of scikit-learn's fitted trees, as the core takes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import dummy, ensemble, tree

from arsenal.exceptions import ArsenalTypeError, ArsenalValueError

Column = tuple[str, str, list[float] | list[str] | None]

_TREES = (tree.DecisionTreeClassifier, tree.DecisionTreeRegressor)
_FORESTS = (
    ensemble.RandomForestClassifier,
    ensemble.RandomForestRegressor,
    ensemble.ExtraTreesClassifier,
    ensemble.ExtraTreesRegressor,
)
_BOOSTING = (ensemble.GradientBoostingClassifier, ensemble.GradientBoostingRegressor)
_HISTOGRAM = (ensemble.HistGradientBoostingClassifier, ensemble.HistGradientBoostingRegressor)


@dataclass
class Model:
    """What a model is made of."""

    columns: list[Column]
    trees: list[dict[str, Any]]
    n_targets: int = 1
    #: Targets that each tree adds to: one, which takes turns, or all.
    width: int = 1
    starts: list[float] = field(default_factory=list)
    steps: list[tuple[str, float]] = field(default_factory=list)
    task: str = "numbers"


def read(estimator: Any) -> Model:
    """Take a fitted estimator apart."""
    if isinstance(estimator, _TREES):
        return _averaged(estimator, [estimator])
    if isinstance(estimator, _FORESTS):
        return _averaged(estimator, estimator.estimators_)
    if isinstance(estimator, _BOOSTING):
        return _boosted(estimator)
    if isinstance(estimator, _HISTOGRAM):
        return _histogram(estimator)
    if isinstance(estimator, ensemble.IsolationForest):
        return _isolation(estimator)
    kind = f"{type(estimator).__module__}.{type(estimator).__qualname__}"
    raise ArsenalTypeError(
        f"model is a {kind}, wanted a decision tree, random forest, extra trees, gradient boosting, histogram gradient "
        "boosting or isolation forest of scikit-learn"
    )


def _names(estimator: Any) -> list[str]:
    names = getattr(estimator, "feature_names_in_", None)
    return [f"x{column}" for column in range(estimator.n_features_in_)] if names is None else [str(n) for n in names]


def _columns(estimator: Any) -> list[Column]:
    # Trees of scikit-learn compare float32 numbers with float64 thresholds.
    return [(name, "float32", None) for name in _names(estimator)]


def _tree(fitted: Any, values: npt.NDArray[np.float64], features: Any = None) -> dict[str, Any]:
    """A ``tree_`` with what each node would add, of shape (n_nodes, n_targets)."""
    feature = fitted.feature.astype(np.int64)
    if features is not None:
        feature = np.where(feature >= 0, np.asarray(features, dtype=np.int64)[feature], feature)
    return {
        "left": fitted.children_left.astype(np.int64),
        "right": fitted.children_right.astype(np.int64),
        "feature": feature,
        "threshold": fitted.threshold.astype(np.float64),
        "missing_left": fitted.missing_go_to_left.astype(bool),
        "values": np.ascontiguousarray(values, dtype=np.float64).ravel(),
        "cover": fitted.weighted_n_node_samples.astype(np.float64),
        "sets": [],
    }


def _averaged(estimator: Any, trees: list[Any]) -> Model:
    """Trees whose leaves hold class shares or target means, one tree or the mean of many."""
    is_classifier = hasattr(estimator, "classes_")
    if is_classifier and estimator.n_outputs_ > 1:
        raise ArsenalValueError(f"the classifier has {estimator.n_outputs_} outputs, wanted 1")
    n_targets = int(estimator.n_classes_) if is_classifier else int(estimator.n_outputs_)

    def values(fitted: Any) -> npt.NDArray[np.float64]:
        return np.asarray(fitted.value[:, 0, :] if is_classifier else fitted.value[:, :, 0])

    return Model(
        columns=_columns(estimator),
        trees=[_tree(member.tree_, values(member.tree_)) for member in trees],
        n_targets=n_targets,
        width=n_targets,
        steps=[("divide", float(len(trees)))] if len(trees) > 1 else [],
        task="classes" if is_classifier else "numbers",
    )


def _boosted(estimator: Any) -> Model:
    init = estimator.init_
    if not isinstance(init, str | dummy.DummyClassifier | dummy.DummyRegressor):
        raise ArsenalValueError(f"the boosting starts from a {type(init).__name__}, wanted a constant")
    start = estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_), dtype=np.float32))[0]
    n_targets = estimator.estimators_.shape[1]
    trees = []
    for iteration in estimator.estimators_:
        members = [_tree(m.tree_, estimator.learning_rate * m.tree_.value[:, :, 0]) for m in iteration]
        trees.append(members)
    steps, task = _decision(estimator, n_targets)
    if getattr(estimator, "loss", "") == "exponential":
        steps.insert(0, ("multiply", 2.0))
    return Model(_columns(estimator), _turns(trees), n_targets, 1, [float(s) for s in start], steps, task)


def _decision(estimator: Any, n_targets: int) -> tuple[list[tuple[str, float]], str]:
    """How raw sums become predictions."""
    if not hasattr(estimator, "classes_"):
        return ([("exp", 0.0)] if estimator.loss in ("poisson", "gamma") else []), "numbers"
    return ([("sigmoid", 0.0)], "two classes") if n_targets == 1 else ([("softmax", 0.0)], "classes")


def _turns(trees: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Trees that are for one target each, in turns."""
    return [member for iteration in trees for member in iteration]


def _histogram(estimator: Any) -> Model:
    names = _names(estimator)
    marks = estimator.is_categorical_
    is_category = np.zeros(len(names), dtype=bool) if marks is None else np.asarray(marks)
    # The model puts its category columns first.
    order = np.concatenate([np.flatnonzero(is_category), np.flatnonzero(~is_category)])
    columns: list[Column] = [(name, "float64", None) for name in names]
    if is_category.any():
        encoder = estimator._preprocessor.named_transformers_["encoder"]
        for column, categories in zip(np.flatnonzero(is_category), encoder.categories_, strict=True):
            columns[column] = (names[column], "categories", _categories(categories))
    known = estimator._bin_mapper.make_known_categories_bitsets()[0]
    place = {int(column): row for row, column in enumerate(np.flatnonzero(is_category))}
    trees = [
        [_histogram_tree(predictor, order, known, place) for predictor in iteration]
        for iteration in estimator._predictors
    ]
    n_targets = len(trees[0])
    steps, task = _decision(estimator, n_targets)
    start = [float(value) for value in np.ravel(estimator._baseline_prediction)]
    return Model(columns, _turns(trees), n_targets, 1, start, steps, task)


def _categories(categories: npt.NDArray[Any]) -> list[float] | list[str]:
    """An encoder's categories but for the missing one, which is the last."""
    kept = [category for category in categories if not (category is None or category != category)]
    if all(isinstance(category, str) for category in kept):
        return [str(category) for category in kept]
    return [float(category) for category in kept]


def _histogram_tree(predictor: Any, order: npt.NDArray[np.intp], known: Any, place: dict[int, int]) -> dict[str, Any]:
    nodes = predictor.nodes
    is_leaf = nodes["is_leaf"].astype(bool)
    left = np.where(is_leaf, -1, nodes["left"].astype(np.int64))
    right = np.where(is_leaf, -1, nodes["right"].astype(np.int64))
    feature = order[np.where(is_leaf, 0, nodes["feature_idx"])].astype(np.int64)
    sets = []
    for node in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~is_leaf):
        goes_left = _bits(predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]])
        is_known = _bits(known[place[int(feature[node])]])
        chosen = goes_left
        if nodes["missing_go_to_left"][node]:
            # What is missing or unknown goes left: the set of the others goes right, and the sides change places.
            chosen = is_known - goes_left
            left[node], right[node] = right[node], left[node]
        sets.append((int(node), sorted(category + 1 for category in chosen & is_known)))
    return {
        "left": left,
        "right": right,
        "feature": feature,
        "threshold": nodes["num_threshold"].astype(np.float64),
        "missing_left": nodes["missing_go_to_left"].astype(bool),
        "values": nodes["value"].astype(np.float64),
        "cover": nodes["count"].astype(np.float64),
        "sets": sets,
    }


def _bits(words: npt.NDArray[np.uint32]) -> set[int]:
    return {32 * w + bit for w, word in enumerate(words.tolist()) for bit in range(32) if word >> bit & 1}


def _isolation(estimator: Any) -> Model:
    trees = []
    lengths = zip(estimator._decision_path_lengths, estimator._average_path_length_per_tree, strict=True)
    members = zip(estimator.estimators_, estimator.estimators_features_, lengths, strict=True)
    for member, features, (path, average) in members:
        trees.append(_tree(member.tree_, (path + average - 1.0)[:, np.newaxis], features))
    per_tree = ensemble._iforest._average_path_length([estimator._max_samples])[0]
    denominator = len(trees) * per_tree
    if denominator == 0:
        raise ArsenalValueError("the isolation forest saw one row per tree, wanted 2 or more")
    # The decision function is -(2 ** (-depth / denominator)) - offset.
    steps = [("divide", float(denominator)), ("multiply", -np.log(2.0)), ("exp", 0.0), ("multiply", -1.0)]
    return Model(_columns(estimator), trees, steps=[*steps, ("add", -float(estimator.offset_))])
