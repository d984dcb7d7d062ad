"""Each ai.onnx.ml operator on edge values and in every form, beside onnxruntime or, lacking a kernel, the rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from arsenal.deployment import InferenceSession
from arsenal.exceptions import ArsenalValueError
from numpy.typing import NDArray
from onnx import helper

Array = NDArray[Any]

TRANSFORMS = ("NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO")
FLOATS = np.float32([[1, -2.5, 0], [np.nan, np.inf, -0.0], [-np.inf, 1e-40, 3e38], [0, 0, 0], [2, 2, 2]])
NUMBERS = (np.float32, np.float64, np.int64, np.int32)


def one_node(op: str, inputs: list[Array], n_outputs: int = 1, constants: int = 0, **attributes: Any) -> bytes:
    """A graph of one node; the last `constants` inputs are initializers."""
    fed = inputs[: len(inputs) - constants]
    node = helper.make_node(
        op,
        [f"x{i}" for i in range(len(inputs))],
        [f"y{k}" for k in range(n_outputs)],
        domain="ai.onnx.ml",
        **attributes,
    )
    graph = helper.make_graph(
        [node],
        "graph",
        [
            helper.make_tensor_value_info(f"x{i}", helper.np_dtype_to_tensor_dtype(x.dtype), [None] * x.ndim)
            for i, x in enumerate(fed)
        ],
        [helper.make_empty_tensor_value_info(f"y{k}") for k in range(n_outputs)],
        [onnx.numpy_helper.from_array(x, f"x{i}") for i, x in enumerate(inputs) if i >= len(fed)],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()


def both(rival: Any, op: str, *inputs: Array, constants: int = 0, n_outputs: int = 1, **attributes: Any) -> Any:
    """Our results and onnxruntime's."""
    model = one_node(op, list(inputs), n_outputs, constants, **attributes)
    feed = {f"x{i}": x for i, x in enumerate(inputs[: len(inputs) - constants])}
    return InferenceSession(model).run(None, feed), rival(model).run(None, feed)


def same(pair: Any, rtol: float = 0) -> None:
    ours, theirs = pair
    for our, their in zip(ours, theirs, strict=True):
        assert our.shape == their.shape
        assert our.dtype == their.dtype
        if rtol and our.dtype.kind == "f":
            np.testing.assert_allclose(our, their, rtol=rtol, atol=rtol)
        else:
            np.testing.assert_array_equal(our, their)


def in_dtype(values: Array, dtype: Any) -> Array:
    """The same numbers, those that integers have no place for as 7."""
    if np.dtype(dtype).kind == "f":
        return values.astype(dtype)
    return np.where(np.isfinite(values) & (np.abs(values) < 1e6), values, 7).astype(dtype)


# --- columns ---


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("n_entries", [1, 3])
def test_scaler(rival: Any, dtype: Any, n_entries: int) -> None:
    offset, scale = [0.1, -1.5, 2.0][:n_entries], [0.3, 10.0, 1.0][:n_entries]
    with np.errstate(all="ignore"):
        same(both(rival, "Scaler", in_dtype(FLOATS, dtype), offset=offset, scale=scale))


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("norm", ["MAX", "L1", "L2"])
def test_normalizer(rival: Any, dtype: Any, norm: str) -> None:
    # Sums in single precision, in an order that is ours.
    same(both(rival, "Normalizer", in_dtype(FLOATS, dtype), norm=norm), rtol=1e-6)


@pytest.mark.parametrize("threshold", [0.0, 2.0, -2.5])
def test_binarizer(rival: Any, threshold: float) -> None:
    x = np.nan_to_num(FLOATS, nan=2)
    same(both(rival, "Binarizer", x, threshold=threshold))
    same(both(rival, "Binarizer", x.reshape(5, 1, 3), threshold=threshold))


def test_binarizer_takes_nan_as_not_above() -> None:
    # onnxruntime refuses it, the specification says "greater than".
    got = InferenceSession(one_node("Binarizer", [FLOATS], threshold=-9.0)).run(None, {"x0": FLOATS})[0]
    np.testing.assert_array_equal(got, (FLOATS > -9).astype(np.float32))


@pytest.mark.parametrize("dtype", [np.float64, np.int64, np.int32])
def test_binarizer_of_other_dtypes(dtype: Any) -> None:
    x = in_dtype(FLOATS, dtype)
    got = InferenceSession(one_node("Binarizer", [x], threshold=1.5)).run(None, {"x0": x})[0]
    np.testing.assert_array_equal(got, (x > 1.5).astype(dtype))
    assert got.dtype == dtype


@pytest.mark.parametrize("replaced", [np.nan, 0.0, np.inf, 2.0])
@pytest.mark.parametrize("imputed", [[5.0], [1.0, 2.0, 3.0]])
def test_imputer_of_floats(rival: Any, replaced: float, imputed: list[float]) -> None:
    options = {"imputed_value_floats": imputed, "replaced_value_float": replaced}
    same(both(rival, "Imputer", FLOATS, **options))
    x = FLOATS.astype(np.float64)
    got = InferenceSession(one_node("Imputer", [x], **options)).run(None, {"x0": x})[0]
    is_missing = np.isnan(x) if np.isnan(replaced) else x == replaced
    np.testing.assert_array_equal(got, np.where(is_missing, imputed, x))


@pytest.mark.parametrize("imputed", [[5], [1, 2, 3]])
def test_imputer_of_integers(rival: Any, imputed: list[int]) -> None:
    x = in_dtype(FLOATS, np.int64)
    same(both(rival, "Imputer", x, imputed_value_int64s=imputed, replaced_value_int64=7))


# --- features ---


@pytest.mark.parametrize("dtype", [*NUMBERS, object])
def test_array_feature_extractor(rival: Any, dtype: Any) -> None:
    x = np.array([["a", "", "ü"], ["d", "e", "f"]], object) if dtype is object else in_dtype(FLOATS, dtype)
    for chosen in ([2], [0, 2, 2, 1]):
        same(both(rival, "ArrayFeatureExtractor", x, np.int64(chosen), constants=1))
        same(both(rival, "ArrayFeatureExtractor", x, np.int64([chosen]), constants=0))
    same(both(rival, "ArrayFeatureExtractor", x[0], np.int64([1, 0]), constants=1))


def test_array_feature_extractor_refuses_columns_that_are_not_there() -> None:
    for index in (3, -1):
        session = InferenceSession(one_node("ArrayFeatureExtractor", [FLOATS, np.int64([index])], constants=1))
        with pytest.raises(ArsenalValueError, match=f"index {index} is out of range for 3 columns"):
            session.run(None, {"x0": FLOATS})


@pytest.mark.parametrize("dtype", NUMBERS)
def test_feature_vectorizer(rival: Any, dtype: Any) -> None:
    x = in_dtype(FLOATS, dtype)
    same(both(rival, "FeatureVectorizer", x, x[:, :1], x[:, 1:], inputdimensions=[3, 1, 2]))
    same(both(rival, "FeatureVectorizer", x, inputdimensions=[3]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, object])
@pytest.mark.parametrize("shape", [(6, 1), (6,), (2, 3)])
def test_one_hot_encoder(rival: Any, dtype: Any, shape: tuple[int, ...]) -> None:
    options: dict[str, Any] = {"cats_int64s": [3, -1, 0, 7]}
    x = np.array([0, 3, 7, -1, 5, 3])
    if dtype is object:
        options = {"cats_strings": ["a", "", "ü"]}
        x = np.array(["ü", "a", "", "b", "A", "a"], object)
    same(both(rival, "OneHotEncoder", x.astype(dtype).reshape(shape), **options))


def test_one_hot_encoder_without_zeros_refuses_what_it_does_not_know() -> None:
    x = np.int64([[1], [2]])
    session = InferenceSession(one_node("OneHotEncoder", [x], cats_int64s=[1], zeros=0))
    np.testing.assert_array_equal(session.run(None, {"x0": x[:1]})[0], [[[1.0]]])
    with pytest.raises(ArsenalValueError, match="element 1 is none of the categories, and 'zeros' is 0"):
        session.run(None, {"x0": x})


def test_category_mapper(rival: Any) -> None:
    options = {"cats_strings": ["a", "", "ü"], "cats_int64s": [5, -2, 9]}
    same(both(rival, "CategoryMapper", np.array([["a", "b"], ["ü", ""]], object), default_int64=3, **options))
    same(both(rival, "CategoryMapper", np.int64([5, 9, -2, 4]), default_string="?", **options))


# --- linear models ---


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("n_targets", [1, 2, 4])
def test_linear_regressor(rival: Any, dtype: Any, transform: str, n_targets: int) -> None:
    rng = np.random.default_rng(n_targets)
    x = rng.normal(size=(7, 5)).astype(np.float32)
    if dtype is not np.float32:  # of which onnxruntime has no kernel: the same numbers as floats
        x = np.round(3 * x)
    options = {
        "coefficients": rng.normal(size=5 * n_targets).tolist(),
        "intercepts": rng.normal(size=n_targets).tolist(),
        "targets": n_targets,
        "post_transform": transform,
    }
    ours, theirs = both(rival, "LinearRegressor", x, **options)
    same((ours, theirs), rtol=1e-6)
    model = one_node("LinearRegressor", [x.astype(dtype)], **options)
    np.testing.assert_array_equal(InferenceSession(model).run(None, {"x0": x.astype(dtype)})[0], ours[0])


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize(
    ("n_scores", "labels"), [(1, [0, 1]), (2, [5, -3]), (4, ["a", "b", "c", "d"]), (1, ["n", "y"])]
)
def test_linear_classifier(rival: Any, dtype: Any, transform: str, n_scores: int, labels: list[Any]) -> None:
    rng = np.random.default_rng(n_scores)
    x = (3 * rng.normal(size=(40, 5))).astype(dtype)
    x[:3] = 0
    key = "classlabels_strings" if isinstance(labels[0], str) else "classlabels_ints"
    options: dict[str, Any] = {
        "coefficients": rng.normal(size=5 * n_scores).tolist(),
        "intercepts": np.zeros(n_scores).tolist(),  # rows of zeros are ties
        "post_transform": transform,
        key: labels,
    }
    same(both(rival, "LinearClassifier", x, n_outputs=2, **options), rtol=2e-6)


# --- support vectors ---

KERNELS = ("LINEAR", "POLY", "RBF", "SIGMOID")


def support_vectors(rng: np.random.Generator, per_class: list[int], kernel: str, with_probabilities: bool) -> Any:
    n, n_vectors = len(per_class), sum(per_class)
    n_pairs = n * (n - 1) // 2
    options: dict[str, Any] = {
        "kernel_type": kernel,
        "kernel_params": [0.3, 0.5, 3.0],
        "support_vectors": rng.normal(size=n_vectors * 4).tolist(),
        "coefficients": rng.normal(size=n_vectors * (n - 1)).tolist(),
        "rho": rng.normal(size=n_pairs).tolist(),
        "vectors_per_class": per_class,
    }
    if with_probabilities:
        options |= {"prob_a": (-1 - rng.random(n_pairs)).tolist(), "prob_b": rng.normal(size=n_pairs).tolist()}
    return options


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("with_probabilities", [False, True])
@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize(
    ("per_class", "labels"),
    [([3, 4], [0, 1]), ([2, 3], ["n", "y"]), ([3, 2, 4], [7, 5, 9]), ([1, 2, 3, 2], list("abcd"))],
)
def test_svm_classifier(
    rival: Any, kernel: str, with_probabilities: bool, transform: str, per_class: list[int], labels: list[Any]
) -> None:
    rng = np.random.default_rng(len(per_class))
    options = support_vectors(rng, per_class, kernel, with_probabilities) | {"post_transform": transform}
    options["classlabels_strings" if isinstance(labels[0], str) else "classlabels_ints"] = labels
    x = rng.normal(size=(50, 4)).astype(np.float32)
    same(both(rival, "SVMClassifier", x, n_outputs=2, **options), rtol=2e-5)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("labels", [[0, 1], ["a", "b", "c"]])
@pytest.mark.parametrize("sign", [1, -1])
def test_linear_svm_classifier(rival: Any, transform: str, labels: list[Any], sign: int) -> None:
    rng = np.random.default_rng(len(labels))
    coefficients = rng.normal(size=4 * len(labels))
    options: dict[str, Any] = {
        "coefficients": (np.abs(coefficients) if sign > 0 else coefficients).tolist(),
        "rho": [0.25],
        "kernel_type": "LINEAR",
        "kernel_params": [1.0, 0.0, 1.0],
        "post_transform": transform,
    }
    options["classlabels_strings" if isinstance(labels[0], str) else "classlabels_ints"] = labels
    x = rng.normal(size=(50, 4)).astype(np.float32)
    same(both(rival, "SVMClassifier", x, n_outputs=2, **options), rtol=2e-5)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("one_class", [0, 1])
@pytest.mark.parametrize("n_supports", [0, 7])
def test_svm_regressor(rival: Any, kernel: str, one_class: int, n_supports: int) -> None:
    rng = np.random.default_rng(n_supports)
    options: dict[str, Any] = {
        "coefficients": rng.normal(size=n_supports or 4).tolist(),
        "rho": [-0.2],
        "kernel_type": kernel if n_supports else "LINEAR",
        "kernel_params": [0.3, 0.5, 2.0],
        "n_supports": n_supports,
        "one_class": one_class,
    }
    if n_supports:
        options["support_vectors"] = rng.normal(size=4 * n_supports).tolist()
    x = rng.normal(size=(50, 4)).astype(np.float32)
    same(both(rival, "SVMRegressor", x, **options), rtol=2e-5)


# --- what all have in common ---

TABLES: dict[str, dict[str, Any]] = {
    "Scaler": {"offset": [1.0, 2.0, 3.0], "scale": [2.0]},
    "Imputer": {"imputed_value_floats": [1.0, 2.0, 3.0], "replaced_value_float": np.nan},
    "LinearRegressor": {"coefficients": [1.0, 2.0, 3.0]},
    "LinearClassifier": {"coefficients": [1.0, 2.0, 3.0], "intercepts": [0.5], "classlabels_ints": [0, 1]},
}


@pytest.mark.parametrize("op", sorted(TABLES))
def test_tables_of_another_width_are_refused(op: str) -> None:
    session = InferenceSession(one_node(op, [FLOATS], n_outputs=1 + (op == "LinearClassifier"), **TABLES[op]))
    with pytest.raises(ArsenalValueError, match=r"input has shape \[5, 2\], wanted 3 columns"):
        session.run(None, {"x0": FLOATS[:, :2]})


@pytest.mark.parametrize("op", [*sorted(TABLES), "Normalizer", "Binarizer", "OneHotEncoder", "ArrayFeatureExtractor"])
@pytest.mark.parametrize("n_rows", [0, 1, 1000])
def test_rows_do_not_depend_on_one_another(op: str, n_rows: int) -> None:
    x = np.random.default_rng(0).integers(-3, 4, (n_rows, 3)).astype(np.float32)
    options = TABLES.get(op, {"cats_int64s": [1, 2]} if op == "OneHotEncoder" else {})
    inputs = [x, np.int64([2, 0])] if op == "ArrayFeatureExtractor" else [x]
    session = InferenceSession(
        one_node(op, inputs, 1 + (op == "LinearClassifier"), constants=len(inputs) - 1, **options), n_threads=2
    )
    whole = session.run(None, {"x0": x})
    for k, output in enumerate(whole):
        assert len(output) == n_rows
        for row in range(0, n_rows, 97):
            np.testing.assert_array_equal(session.run(None, {"x0": x[row : row + 1]})[k], output[row : row + 1])


# --- maps ---


@pytest.mark.parametrize("labels", [[5, -3, 9], ["a", "", "ü"]])
def test_zip_map(rival: Any, labels: list[Any]) -> None:
    key = "classlabels_strings" if isinstance(labels[0], str) else "classlabels_int64s"
    x = FLOATS[[0, 3, 4]]
    model = one_node("ZipMap", [x], **{key: labels})
    session, theirs = InferenceSession(model), rival(model)
    assert session.run(None, {"x0": x}) == theirs.run(None, {"x0": x})
    assert session.get_outputs()[0].type == theirs.get_outputs()[0].type
    np.testing.assert_array_equal(session(x), x)
    with pytest.raises(ArsenalValueError, match=r"input has shape \[3, 2\], wanted 3 columns, one per class"):
        session.run(None, {"x0": x[:, :2]})


def test_a_map_goes_nowhere_but_out() -> None:
    nodes = [
        helper.make_node("ZipMap", ["x"], ["map"], domain="ai.onnx.ml", classlabels_int64s=[0, 1]),
        helper.make_node("Identity", ["map"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", 2])
    graph = helper.make_graph(nodes, "graph", [x], [helper.make_empty_tensor_value_info("y")])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    with pytest.raises(ArsenalValueError, match="its input 'map' is a map; maps are supported as outputs"):
        InferenceSession(model.SerializeToString())
