"""Models of one ai.onnx operator, and what is right for them: onnxruntime or, where it has no kernel, the reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnx.reference
import pytest
from arsenal.deployment import InferenceSession
from numpy.typing import NDArray
from onnx import helper

Array = NDArray[Any]
NEWEST = 25  # the newest opset that the installed onnxruntime takes

REALS = (np.float32, np.float64)
NUMBERS = (*REALS, np.int32, np.int64)


def numbers(rng: np.random.Generator, dtype: Any, shape: tuple[int, ...]) -> Array:
    """Small numbers with zeros of both signs, repetitions and both signs."""
    values = rng.integers(-8, 9, shape) / (2 if np.dtype(dtype).kind == "f" else 1)
    return (np.where(values == 0, -0.0, values) if np.dtype(dtype).kind == "f" else values).astype(dtype)


def specials(rng: np.random.Generator, dtype: Any, shape: tuple[int, ...]) -> Array:
    values = numbers(rng, dtype, shape)
    if np.dtype(dtype).kind == "f":
        edges = np.array([np.nan, np.inf, -np.inf, 0.0, np.finfo(dtype).tiny / 4, np.finfo(dtype).max], dtype)
        values = np.where(rng.integers(0, 3, shape) == 0, rng.choice(edges, shape), values).astype(dtype)
    return values


def one_node(
    op: str, opset: int, inputs: list[Array], constants: dict[int, Array], n_outputs: int, **attributes: Any
) -> bytes:
    """A graph of one node. `constants` are the operands that are initializers, by position; None leaves one out."""
    names = [f"x{i}" for i in range(len(inputs))]
    for position in sorted(constants):
        names.insert(position, "" if constants[position] is None else f"c{position}")
    node = helper.make_node(op, names, [f"y{k}" for k in range(n_outputs)], **attributes)
    graph = helper.make_graph(
        [node],
        "graph",
        [
            helper.make_tensor_value_info(f"x{i}", helper.np_dtype_to_tensor_dtype(x.dtype), [None] * x.ndim)
            for i, x in enumerate(inputs)
        ],
        [helper.make_empty_tensor_value_info(f"y{k}") for k in range(n_outputs)],
        [onnx.numpy_helper.from_array(c, f"c{i}") for i, c in constants.items() if c is not None],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10).SerializeToString()


def versions(op: str, since: int) -> list[int]:
    """The opset versions, from `since` on, that changed the operator."""
    history = onnx.defs.get_all_schemas_with_history()
    return sorted(
        {
            one.since_version
            for one in history
            if one.name == op and one.domain == "" and since <= one.since_version <= NEWEST
        }
    )


def expected(model: bytes, feed: dict[str, Array], rival: Callable[[bytes], Any]) -> list[Array]:
    try:
        return list(rival(model).run(None, feed))
    except Exception:  # no kernel in this dtype, of which onnxruntime has several kinds of exception
        with np.errstate(all="ignore"):
            return list(onnx.reference.ReferenceEvaluator(onnx.load_from_string(model)).run(None, feed))


def check(
    rival: Callable[[bytes], Any],
    op: str,
    opset: int,
    inputs: list[Array],
    constants: dict[int, Any] | None = None,
    n_outputs: int = 1,
    ulps: int = 0,
    atol: float = 0,
    **attributes: Any,
) -> None:
    model = one_node(op, opset, inputs, constants or {}, n_outputs, **attributes)
    feed = {f"x{i}": x for i, x in enumerate(inputs)}
    ours = InferenceSession(model).run(None, feed)
    for our, their in zip(ours, expected(model, feed, rival), strict=True):
        their = np.asarray(their)
        assert our.shape == their.shape
        assert our.dtype == their.dtype
        if ulps:
            np.testing.assert_allclose(our, their, rtol=ulps * np.finfo(our.dtype).eps, atol=atol)
        else:
            np.testing.assert_array_equal(our, their)


def cases(table: dict[str, int]) -> list[Any]:
    return [pytest.param(op, opset, id=f"{op}-{opset}") for op, since in table.items() for opset in versions(op, since)]


def run(op: str, opset: int, x: Array, constants: dict[int, Any] | None = None, **attributes: Any) -> Array:
    (y,) = InferenceSession(one_node(op, opset, [x], constants or {}, 1, **attributes)).run(None, {"x0": x})
    return np.asarray(y)


def fails(op: str, opset: int, inputs: list[Array], constants: dict[int, Any], message: str, **attributes: Any) -> None:
    model = one_node(op, opset, inputs, constants, 1, **attributes)
    feed = {f"x{i}": x for i, x in enumerate(inputs)}
    with pytest.raises(ValueError, match=message):
        InferenceSession(model).run(None, feed)
