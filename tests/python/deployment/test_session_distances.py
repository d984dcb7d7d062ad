"""CDist beside the distances themselves, and in what skl2onnx makes of neighbours and Gaussian processes."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from arsenal.deployment import InferenceSession
from arsenal.exceptions import ArsenalValueError, UnsupportedModelError
from numpy.typing import NDArray
from onnx import helper
from scipy.spatial.distance import cdist


def model(dtype: Any, others: NDArray[Any] | None = None, **attributes: Any) -> bytes:
    elem_type = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    node = helper.make_node("CDist", ["a", "b"], ["y"], domain="com.microsoft", **attributes)
    inputs = [helper.make_tensor_value_info(name, elem_type, [f"{name}0", f"{name}1"]) for name in "ab"]
    graph = helper.make_graph(
        [node],
        "graph",
        inputs if others is None else inputs[:1],
        [helper.make_tensor_value_info("y", elem_type, None)],
        [] if others is None else [onnx.numpy_helper.from_array(others, "b")],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean"])
def test_cdist(rival: Any, dtype: Any, metric: str) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(1000, 5)).astype(dtype), rng.normal(size=(17, 5)).astype(dtype)
    b[:3] = a[:3]
    wanted = cdist(a.astype(np.float64), b.astype(np.float64), metric)
    (y,) = InferenceSession(model(dtype, metric=metric)).run(None, {"a": a, "b": b})
    (rows,) = InferenceSession(model(dtype, b, metric=metric), n_threads=2).run(None, {"a": a})
    np.testing.assert_array_equal(y, rows)
    assert y.dtype == dtype
    np.testing.assert_allclose(y, wanted, rtol=2 * np.finfo(dtype).eps)
    # It expands the square, and so loses digits where points are near each other.
    lost = 100 * np.finfo(dtype).eps
    (theirs,) = rival(model(dtype, metric=metric)).run(None, {"a": a, "b": b})
    np.testing.assert_allclose(y, theirs, atol=lost if metric == "sqeuclidean" else lost**0.5, rtol=lost)


def test_no_rows_and_no_columns() -> None:
    session = InferenceSession(model(np.float32))
    for shape_a, shape_b in (((0, 3), (2, 3)), ((2, 3), (0, 3)), ((2, 0), (3, 0))):
        (y,) = session.run(None, {"a": np.ones(shape_a, np.float32), "b": np.ones(shape_b, np.float32)})
        np.testing.assert_array_equal(y, np.zeros((shape_a[0], shape_b[0]), np.float32))


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(
        UnsupportedModelError, match="attribute 'metric' is 'cosine', supported: euclidean, sqeuclidean"
    ):
        InferenceSession(model(np.float32, metric="cosine"))
    a, b = np.zeros((2, 3), np.float32), np.zeros((2, 4), np.float32)
    with pytest.raises(ArsenalValueError, match=r"node 0 \(CDist\): inputs have shapes \[2, 3\] and \[2, 4\]"):
        InferenceSession(model(np.float32)).run(None, {"a": a, "b": b})


@pytest.mark.parametrize("name", ["KNeighborsRegressor", "KNeighborsClassifier", "GaussianProcessRegressor"])
def test_converted(name: str) -> None:
    from skl2onnx import to_onnx
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    rng = np.random.default_rng(2)
    X = rng.normal(size=(300, 4))
    y = X[:, 0] + X[:, 1] ** 2
    estimator = {
        "KNeighborsRegressor": KNeighborsRegressor(n_neighbors=5),
        "KNeighborsClassifier": KNeighborsClassifier(n_neighbors=5),
        "GaussianProcessRegressor": GaussianProcessRegressor(RBF(1.5), alpha=1e-3),
    }[name]
    estimator.fit(X[:200], y[:200] > 1 if name.endswith("Classifier") else y[:200])
    options: dict[Any, Any] = {type(estimator): {"optim": "cdist"}}
    if name.endswith("Classifier"):
        options[type(estimator)]["zipmap"] = False
    converted = to_onnx(estimator, X[:1], options=options, target_opset={"": 18, "ai.onnx.ml": 3})
    assert "CDist" in {node.op_type for node in converted.graph.node}
    outputs = InferenceSession(converted.SerializeToString()).run(None, {converted.graph.input[0].name: X[200:]})
    if name.endswith("Classifier"):
        np.testing.assert_array_equal(outputs[0], estimator.predict(X[200:]))
        np.testing.assert_allclose(outputs[1], estimator.predict_proba(X[200:]), atol=1e-6)
    else:
        np.testing.assert_allclose(outputs[0].ravel(), estimator.predict(X[200:]), rtol=1e-5, atol=1e-8)
