"""Files of models that were really learned: valid, and every row goes where the learner sent it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from arsenal.deployment import InferenceSession, export_onnx
from arsenal.models import GradientBoostingClassifier, GradientBoostingRegressor
from leaf_numbers import attributes, leaf_number_model, n_trees, tree_node
from onnx.reference import ReferenceEvaluator

N_ROWS = 1500
SETTINGS = {"n_estimators": 6, "max_leaf_nodes": 12, "min_samples_leaf": 5, "random_state": 0, "n_jobs": 1}


def numbers(dtype: str) -> np.ndarray:
    """Columns of few and of many distinct values, with missing ones and infinities."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(N_ROWS, 5))
    X[:, 1] = rng.integers(-3, 4, N_ROWS)
    X[:, 2] = np.exp(5 * X[:, 2])
    X[rng.random((N_ROWS, 5)) < 0.1] = np.nan
    X[:5, 0] = [np.inf, -np.inf, -0.0, 0.0, np.nan]
    return X.astype(dtype)


def frame(dtype: str) -> pd.DataFrame:
    """Numbers beside text of few and of many levels, with missing ones."""
    rng = np.random.default_rng(2)
    table = pd.DataFrame(numbers(dtype)[:, :3], columns=["delay", "seats", "wind speed"])
    table["carrier"] = rng.choice(["AA", "B6", "nan", "None", None], N_ROWS)
    table["dest"] = np.array([f"D{k:03}" for k in range(120)], dtype=object)[rng.integers(0, 120, N_ROWS)]
    return table


def coded(dtype: str) -> np.ndarray:
    """Numbers beside category numbers, some of them negative or fractions."""
    rng = np.random.default_rng(3)
    X = numbers(dtype)
    X[:, 3] = rng.choice(np.array([-2.5, 0.0, 0.25, 7.0, 1e6]), N_ROWS)
    X[:, 4] = rng.integers(0, 60, N_ROWS)
    X[rng.random(N_ROWS) < 0.05, 3] = np.nan
    return X


TABLES = {
    "numbers_f32": lambda: (numbers("float32"), {}),
    "numbers_f64": lambda: (numbers("float64"), {}),
    "categories_f32": lambda: (coded("float32"), {"categorical_features": [3, 4]}),
    "categories_f64": lambda: (coded("float64"), {"categorical_features": [3, 4]}),
    "strings_f32": lambda: (frame("float32"), {}),
    "strings_f64": lambda: (frame("float64"), {}),
}


def target(X: Any) -> np.ndarray:
    """What every column has a say in, so that every column is split on."""
    columns = X.T if isinstance(X, np.ndarray) else [X[name] for name in X]
    rng = np.random.default_rng(4)
    y = rng.normal(scale=0.3, size=N_ROWS)
    for column in columns:
        ranks = pd.Series(column).fillna("" if pd.Series(column).dtype.kind not in "fi" else -7.0).rank()
        y += np.sin(7 * ranks.to_numpy() / N_ROWS)
    return y


def feeds(model: onnx.ModelProto, X: Any) -> dict[str, np.ndarray]:
    """X as onnxruntime wants it; a missing string is the empty one."""
    types = {value.name: value.type.tensor_type.elem_type for value in model.graph.input}
    if isinstance(X, np.ndarray):
        return {"X": X.astype(onnx.helper.tensor_dtype_to_np_dtype(types["X"]), copy=False)}
    columns = {}
    for name, elem_type in types.items():
        column = X[name]
        if elem_type == onnx.TensorProto.STRING:
            columns[name] = column.fillna("").to_numpy(dtype=object)[:, None]
        else:
            columns[name] = column.to_numpy(onnx.helper.tensor_dtype_to_np_dtype(elem_type))[:, None]
    return columns


def on_the_edge(model: onnx.ModelProto, X: Any) -> Any:
    """X with numbers moved onto thresholds of the model, or one float to either side."""
    node = attributes(tree_node(model))
    is_number = [True] * X.shape[1]
    thresholds = np.asarray(node.get("nodes_values", node.get("nodes_splits")))
    modes = [mode in ("BRANCH_LEQ", 0) for mode in node["nodes_modes"]]
    rng = np.random.default_rng(5)
    moved = X.copy()
    for column in range(X.shape[1]):
        mine = [bool(leq and f == column) for leq, f in zip(modes, node["nodes_featureids"], strict=True)]
        at = thresholds[mine]
        is_number[column] = at.size > 0
        if at.size == 0:
            continue
        dtype = X.dtype if isinstance(X, np.ndarray) else X.dtypes.iloc[column]
        values = rng.choice(at, N_ROWS).astype(dtype)
        side = rng.integers(0, 3, N_ROWS)
        values = np.where(side == 1, np.nextafter(values, dtype.type(np.inf)), values)
        values = np.where(side == 2, np.nextafter(values, dtype.type(-np.inf)), values)
        values[rng.random(N_ROWS) < 0.1] = np.nan
        if isinstance(X, np.ndarray):
            moved[:, column] = values
        else:
            moved[X.columns[column]] = values
    assert any(is_number)
    return moved


def run(model: onnx.ModelProto, columns: dict[str, np.ndarray]) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, columns)


@pytest.fixture(scope="module", params=sorted(TABLES))
def table(request: pytest.FixtureRequest) -> tuple[str, Any, dict[str, Any]]:
    X, settings = TABLES[request.param]()
    return request.param, X, SETTINGS | settings


def expected_form(name: str, op_type: str) -> set[str]:
    if name == "numbers_f32":
        return {op_type}
    kinds = {"TreeEnsemble"}
    if op_type == "TreeEnsembleClassifier":
        kinds |= {"ArgMax", "Gather"}
    if name.startswith(("categories", "strings")):
        kinds |= {"LabelEncoder", "Concat"}
    if name.startswith("categories"):
        kinds |= {"Gather"}
    return kinds


@pytest.mark.parametrize("n_classes", [0, 2, 3])
def test_files_of_learned_models(table: tuple[str, Any, dict[str, Any]], n_classes: int) -> None:
    name, X, settings = table
    y = target(X)
    if n_classes:
        y = np.digitize(y, np.quantile(y, np.linspace(0, 1, n_classes + 1)[1:-1]))
        estimator = GradientBoostingClassifier(**settings).fit(X, np.array(["low", "high", "top"])[y])
    else:
        estimator = GradientBoostingRegressor(**settings).fit(X, y)
    model = onnx.load_from_string(export_onnx(estimator))
    onnx.checker.check_model(model, full_check=True)
    op_type = "TreeEnsembleClassifier" if n_classes else "TreeEnsembleRegressor"
    assert expected_form(name, op_type) <= {node.op_type for node in model.graph.node}
    assert n_trees(model) == 6 * (n_classes if n_classes == 3 else 1)

    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert metadata["arsenal.model"] == type(estimator).__name__
    names = list(X.columns) if isinstance(X, pd.DataFrame) else [f"x{i}" for i in range(5)]
    assert json.loads(metadata["arsenal.feature_names"]) == names
    if n_classes:
        assert json.loads(metadata["arsenal.classes"]) == estimator.classes_.tolist()

    leaf_numbers = leaf_number_model(model)
    for rows in (X, on_the_edge(model, X)):
        columns = feeds(model, rows)
        (leaves,) = run(leaf_numbers, columns)
        np.testing.assert_array_equal(leaves, InferenceSession(leaf_numbers.SerializeToString()).run(None, columns)[0])
        # The reference evaluator is slow.
        some = {key: values[:60] for key, values in columns.items()}
        np.testing.assert_array_equal(leaves[:60], ReferenceEvaluator(leaf_numbers).run(None, some)[0])
        want = estimator.predict_proba(rows) if n_classes else estimator.predict(rows)[:, None]
        got = run(model, columns)
        np.testing.assert_allclose(got[-1], want, rtol=1e-6, atol=1e-6)
        if n_classes:
            margin = np.sort(want, axis=1)
            clear = margin[:, -1] - margin[:, -2] > 1e-6
            np.testing.assert_array_equal(got[0][clear], estimator.predict(rows)[clear])


def test_each_row_reaches_the_leaf_that_learned_from_it(table: tuple[str, Any, dict[str, Any]]) -> None:
    """One tree with a learning rate of 1: a leaf's value is the mean target of the rows that the learner put there."""
    _, X, settings = table
    y = target(X)
    estimator = GradientBoostingRegressor(**settings | {"n_estimators": 1, "learning_rate": 1.0, "category_l2": 0.0})
    model = onnx.load_from_string(export_onnx(estimator.fit(X, y)))
    columns = feeds(model, X)
    (leaves,) = run(leaf_number_model(model), columns)
    (predictions,) = run(model, columns)
    assert len(np.unique(leaves)) > 6
    for leaf in np.unique(leaves):
        rows = leaves[:, 0] == leaf
        assert rows.sum() >= SETTINGS["min_samples_leaf"]
        np.testing.assert_allclose(predictions[rows], y[rows].mean(), rtol=1e-5)


def test_onnxruntime_labels_a_model_without_negative_leaves_by_its_probabilities() -> None:
    """It would label these sums, all between 0 and 0.5, by 0.5, were it not for the tree that the writer adds."""
    X = numbers("float32")
    y = np.random.default_rng(6).random(N_ROWS) < 0.55
    estimator = GradientBoostingClassifier(**SETTINGS | {"n_estimators": 1, "learning_rate": 0.01}).fit(
        X, y.astype(int)
    )
    model = onnx.load_from_string(export_onnx(estimator))
    weights = np.array(attributes(tree_node(model))["class_weights"])
    assert np.all((weights[:-2] > 0) & (weights[:-2] < 0.5))
    label, probabilities = run(model, {"X": X})
    np.testing.assert_array_equal(label, np.argmax(probabilities, axis=1))
    np.testing.assert_array_equal(label, estimator.predict(X))
    assert set(label) == {1}


def test_a_time_index_becomes_the_training_time_range() -> None:
    X = pd.DataFrame({"a": np.arange(50.0)}, index=pd.date_range("2013-01-01", periods=50, freq="D"))
    content = export_onnx(GradientBoostingRegressor(n_estimators=1).fit(X, np.arange(50.0)))
    metadata = {entry.key: entry.value for entry in onnx.load_from_string(content).metadata_props}
    assert json.loads(metadata["arsenal.training_time_range"]) == ["2013-01-01T00:00:00", "2013-02-19T00:00:00"]


def test_names_that_cannot_be_inputs_are_refused_where_they_must_be() -> None:
    y = np.arange(60) % 2
    fine = pd.DataFrame({"label": np.arange(60.0), "probabilities": np.arange(60.0)})
    export_onnx(GradientBoostingClassifier(n_estimators=1).fit(fine, y))
    with pytest.raises(ValueError, match='a column is named "label" like an input or output of the model'):
        GradientBoostingClassifier(n_estimators=1).fit(fine.assign(text=["a", "b"] * 30), y)


def test_a_target_beyond_float32_is_refused_by_name() -> None:
    X = np.arange(100, dtype=np.float32)[:, None]
    with pytest.raises(ValueError, match=r"y is about .*, wanted numbers that a model of float32 columns can hold"):
        GradientBoostingRegressor(n_estimators=1).fit(X, 1e39 * X[:, 0].astype(np.float64))
    with pytest.raises(ValueError, match="y or sample_weight is too large, scale it"):
        GradientBoostingRegressor(n_estimators=1).fit(X.astype(np.float64), 1e39 * X[:, 0].astype(np.float64))
    GradientBoostingRegressor(n_estimators=1).fit(X.astype(np.float64), 1e33 * X[:, 0].astype(np.float64))
