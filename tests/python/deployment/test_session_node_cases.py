"""ONNX's own node tests: all those of the operators and dtypes that the runtime has."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
import onnx
import pytest
from arsenal.deployment import InferenceSession
from numpy.typing import NDArray
from onnx import TensorProto

NAMES = """
Abs Add And ArgMax ArgMin ArrayFeatureExtractor BatchNormalization Binarizer Cast CastLike Ceil Celu Clip
Compress Concat Constant ConstantOfShape CumSum DequantizeLinear Div Dropout DynamicQuantizeLinear Elu Equal
Erf Exp Expand Flatten Floor Gather GatherElements GatherND Gelu Gemm Greater GreaterOrEqual HardSigmoid
HardSwish Identity IsInf IsNaN LabelEncoder LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax
LpNormalization MatMul MatMulInteger Max Mean Min Mish Mod Mul Neg Not OneHot Or PRelu Pad Pow QLinearMatMul
QuantizeLinear Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin
ReduceProd ReduceSum ReduceSumSquare Relu Reshape Round ScatterElements Selu Shape Sigmoid Sign Size Slice
Softmax Softplus Softsign Split Sqrt Squeeze StringNormalizer Sub Sum Swish Tanh TfIdfVectorizer
ThresholdedRelu Tile TopK Transpose TreeEnsemble Unsqueeze Where Xor
"""
OPERATORS = frozenset(NAMES.split())
DTYPES = {
    TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT8, TensorProto.UINT8, TensorProto.INT32, TensorProto.INT64,
    TensorProto.BOOL, TensorProto.STRING,
}  # fmt: skip
# Operands that decide shapes. The node tests feed them; the runtime wants to know them when a model is loaded.
SHAPE_OPERANDS = {
    **dict.fromkeys(
        ["Compress", "CumSum", "Expand", "OneHot", "Reshape", "Split", "Squeeze", "Tile", "TopK", "Unsqueeze"], (1,)
    ),
    **dict.fromkeys([name for name in OPERATORS if name.startswith("Reduce")], (1,)),
    "ConstantOfShape": (0,),
    "Dropout": (1, 2),
    "Pad": (1, 3),
    "Range": (0, 1, 2),
    "Slice": (1, 2, 3, 4),
    "StringNormalizer": (0,),
}
# What the runtime does not do, each with its reason.
EXCLUDED = {
    "test_identity_opt": "an optional, not a tensor",
    "test_identity_sequence": "a sequence, not a tensor",
    **dict.fromkeys(
        [f"test_training_dropout{name}" for name in ("", "_default", "_mask", "_default_mask")],
        "training, not inference",
    ),
    **dict.fromkeys(
        [f"test_batchnorm_{name}_training_mode" for name in ("epsilon", "example")],
        "training, not inference",
    ),
}


@cache
def node_cases() -> dict[str, list[Any]]:
    """The cases by operator."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = load_model_tests(kind="node")
    cases: dict[str, list[Any]] = {}
    for case in found:
        if case.model is not None and is_ours(case.model, case.name):
            cases.setdefault(case.model.graph.node[0].op_type, []).append(case)
    return cases


def is_ours(model: onnx.ModelProto, name: str) -> bool:
    graph = model.graph
    values = [*graph.input, *graph.output]
    return (
        name not in EXCLUDED
        and len(graph.node) == 1
        and graph.node[0].op_type in OPERATORS
        and graph.node[0].domain in ("", "ai.onnx.ml")
        and all(value.type.HasField("tensor_type") for value in values)
        and all(value.type.tensor_type.elem_type in DTYPES for value in values)
    )


def as_array(value: Any) -> NDArray[Any]:
    return onnx.numpy_helper.to_array(value) if isinstance(value, TensorProto) else np.asarray(value)


def with_known_shapes(model: onnx.ModelProto, inputs: list[NDArray[Any]]) -> tuple[bytes, dict[str, NDArray[Any]]]:
    """The model with its shape operands as initializers, and the feed of the others."""
    known = onnx.ModelProto()
    known.CopyFrom(model)
    feed = dict(zip((one.name for one in model.graph.input), inputs, strict=True))
    node = known.graph.node[0]
    for position in SHAPE_OPERANDS.get(node.op_type, ()):
        if position < len(node.input) and node.input[position] in feed:
            name = node.input[position]
            known.graph.initializer.append(onnx.numpy_helper.from_array(feed.pop(name), name))
            known.graph.input.remove(next(one for one in known.graph.input if one.name == name))
    return known.SerializeToString(), feed


@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_node_cases(operator: str) -> None:
    cases = node_cases()[operator]
    assert cases
    for case in cases:
        for inputs, outputs in case.data_sets:
            model, feed = with_known_shapes(case.model, [as_array(one) for one in inputs])
            try:
                got = InferenceSession(model).run(None, feed)
            except Exception as error:
                raise AssertionError(f"{case.name}: {error}") from error
            for ours, wanted in zip(got, map(as_array, outputs), strict=True):
                assert ours.shape == wanted.shape, case.name
                assert ours.dtype == wanted.dtype, case.name
                if ours.dtype.kind in "fc":
                    np.testing.assert_allclose(ours, wanted, rtol=case.rtol, atol=case.atol, err_msg=case.name)
                else:
                    np.testing.assert_array_equal(ours, wanted, err_msg=case.name)
