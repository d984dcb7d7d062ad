"""ONNX's own node tests of the operators that the runtime has: which are for it, and what they feed and want."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import onnx
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


@dataclass(frozen=True)
class NodeCase:
    name: str
    operator: str
    model: bytes
    feed: dict[str, NDArray[Any]]
    outputs: list[NDArray[Any]]
    rtol: float
    atol: float

    def fault(self, got: list[Any]) -> str | None:
        """What is wrong with a runtime's outputs, or None."""
        if len(got) != len(self.outputs):
            return f"{len(got)} outputs, wanted {len(self.outputs)}"
        for ours, wanted in zip(got, self.outputs, strict=True):
            if getattr(ours, "shape", None) != wanted.shape or not _same_dtype(ours, wanted):
                return (
                    f"{np.shape(ours)} of {getattr(ours, 'dtype', type(ours))}, wanted {wanted.shape} of {wanted.dtype}"
                )
            if wanted.dtype.kind == "f":
                is_same = np.allclose(ours, wanted, rtol=self.rtol, atol=self.atol, equal_nan=True)
            else:
                is_same = bool((ours == wanted).all())
            if not is_same:
                return f"{ours.tolist()}, wanted {wanted.tolist()}"
        return None


def _same_dtype(ours: Any, wanted: NDArray[Any]) -> bool:
    return ours.dtype == wanted.dtype or {ours.dtype.kind, wanted.dtype.kind} <= set("OUT")


@cache
def node_cases() -> tuple[dict[str, list[NodeCase]], dict[str, str]]:
    """The cases by operator, and why each of the other cases of these operators is left out."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = load_model_tests(kind="node")
    cases: dict[str, list[NodeCase]] = {}
    left_out: dict[str, str] = {}
    for case in found:
        nodes = case.model.graph.node
        if len(nodes) != 1 or nodes[0].op_type not in OPERATORS or nodes[0].domain not in ("", "ai.onnx.ml"):
            continue
        reason = reason_to_leave_out(case.model, case.data_sets)
        if reason:
            left_out[case.name] = reason
            continue
        own = cases.setdefault(nodes[0].op_type, [])
        for inputs, outputs in case.data_sets:
            model, feed = with_known_shapes(case.model, [as_array(one) for one in inputs])
            wanted = [as_array(one) for one in outputs]
            own.append(NodeCase(case.name, nodes[0].op_type, model, feed, wanted, case.rtol, case.atol))
    return cases, left_out


def reason_to_leave_out(model: onnx.ModelProto, data_sets: Any) -> str | None:
    """The rule: tensors alone, of the runtime's dtypes unless it is ai.onnx.ml, and inference, not training."""
    node = model.graph.node[0]
    for value in (*model.graph.input, *model.graph.output):
        if not value.type.HasField("tensor_type"):
            return f"{value.type.WhichOneof('value').removesuffix('_type')}, not tensor"
        if node.domain != "ai.onnx.ml" and value.type.tensor_type.elem_type not in DTYPES:
            return TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower()
    trains = any(one.name == "training_mode" and one.i for one in node.attribute)
    if node.op_type == "Dropout" and len(node.input) > 2:
        operands = dict(zip(node.input, map(as_array, data_sets[0][0]), strict=False))
        ratio = operands.get(node.input[1], 0.5)
        trains = bool(operands[node.input[2]]) and ratio != 0
    return "training, not inference" if trains else None


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
