"""A case of the suite: one operator, one input, and what the specification says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper, numpy_helper

Array = NDArray[Any]


@dataclass(frozen=True)
class Case:
    """`opset` is that of ai.onnx.ml. `form` names the attributes, `values` the kind of input."""

    operator: str
    opset: int
    form: str
    values: str
    inputs: tuple[Array, ...]
    attributes: dict[str, Any]
    n_outputs: int = 1
    n_constants: int = 0  # how many of the inputs, the last ones, are initializers
    rtol: float = 0
    atol: float = 0
    group: str = field(init=False)
    name: str = field(init=False)

    def __post_init__(self) -> None:
        x = self.inputs[0]
        dtype = "string" if x.dtype == object else str(x.dtype)
        object.__setattr__(self, "group", f"{self.operator}-{self.opset} {self.form}")
        object.__setattr__(self, "name", f"{self.group}, {dtype}, {self.values}")

    @property
    def fed(self) -> Sequence[Array]:
        return self.inputs[: len(self.inputs) - self.n_constants]

    def feed(self) -> dict[str, Array]:
        return {f"x{i}": x for i, x in enumerate(self.fed)}

    def model(self) -> bytes:
        names = [f"x{i}" for i in range(len(self.inputs))]
        outputs = [f"y{k}" for k in range(self.n_outputs)]
        attributes = {key: _tensor(key, value) for key, value in self.attributes.items()}
        node = helper.make_node(self.operator, names, outputs, domain="ai.onnx.ml", **attributes)
        graph = helper.make_graph(
            [node],
            "case",
            [
                helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), [None] * x.ndim)
                for name, x in zip(names, self.fed, strict=False)
            ],
            [helper.make_empty_tensor_value_info(name) for name in outputs],
            [numpy_helper.from_array(self.inputs[i], names[i]) for i in range(len(self.fed), len(names))],
        )
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", self.opset)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()


def _tensor(name: str, value: Any) -> Any:
    """Arrays become tensors; a TensorProto is what helper.make_node takes for them."""
    return numpy_helper.from_array(value, name) if isinstance(value, np.ndarray) else value
