"""GatherND, ScatterElements and PRelu beside onnxruntime or, where it has no kernel, the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from arsenal.deployment import InferenceSession
from operator_checks import NUMBERS, cases, check, fails, numbers, one_node, specials, versions

DTYPES = (*NUMBERS, np.int8, np.uint8)


@pytest.mark.parametrize("opset", versions("GatherND", 11))
@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.bool_, object])
def test_gather_nd(rival: Any, opset: int, dtype: Any) -> None:
    rng = np.random.default_rng(1)
    data = rng.integers(0, 9, (4, 3, 5)).astype(str if dtype is object else dtype).astype(dtype)
    for length in (1, 2, 3):
        indices = rng.integers(-3, 3, (2, 6, length))
        check(rival, "GatherND", opset, [data, indices])
        check(rival, "GatherND", opset, [data, indices[0, 0]])
        check(rival, "GatherND", opset, [indices], {0: data})
        if opset > 11 and length < 3:
            check(rival, "GatherND", opset, [data[:2], indices], batch_dims=1)
            check(rival, "GatherND", opset, [data[:2], indices[:, :3]], batch_dims=1)
            check(rival, "GatherND", opset, [data[:2, :, :3], indices[:, :3, :1]], batch_dims=2)
    check(rival, "GatherND", opset, [data, np.zeros((0, 2), np.int64)])


def test_gather_nd_in_blocks() -> None:
    """Tuples that are looked up in a table come in rows, as do tables that are looked into."""
    rng = np.random.default_rng(2)
    table = rng.normal(size=(7, 4)).astype(np.float32)
    tuples = rng.integers(0, 4, (3000, 2))
    bytes_ = one_node("GatherND", 13, [tuples], {0: table}, 1)
    (y,) = InferenceSession(bytes_, n_threads=2).run(None, {"x0": tuples})
    np.testing.assert_array_equal(y, table[tuples[:, 0], tuples[:, 1]])
    rows = rng.normal(size=(3000, 4)).astype(np.float32)
    bytes_ = one_node("GatherND", 13, [rows, tuples[:, :1]], {}, 1, batch_dims=1)
    (y,) = InferenceSession(bytes_, n_threads=2).run(None, {"x0": rows, "x1": tuples[:, :1]})
    np.testing.assert_array_equal(y, rows[np.arange(3000), tuples[:, 0]])


@pytest.mark.parametrize("opset", versions("ScatterElements", 11))
@pytest.mark.parametrize("dtype", [*DTYPES, np.int16, np.bool_, object])
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_scatter_elements(rival: Any, opset: int, dtype: Any, index: Any) -> None:
    rng = np.random.default_rng(3)
    data = rng.integers(0, 9, (4, 5, 3)).astype(str if dtype is object else dtype).astype(dtype)
    for axis, extent in ((0, 4), (1, 5), (-1, 3)):
        indices = rng.permuted(np.tile(np.arange(-extent, 0)[:2], (3, 3, 1)), axis=-1)[:, :2, :2].astype(index)
        indices = np.moveaxis(indices[:, :, :2], -1, axis)
        updates = rng.permuted(data)[: indices.shape[0], : indices.shape[1], : indices.shape[2]]
        check(rival, "ScatterElements", opset, [data, indices, updates], axis=axis)
        check(rival, "ScatterElements", opset, [indices, updates], {0: data}, axis=axis)


@pytest.mark.parametrize(
    ("opset", "reduction"), [(16, "add"), (16, "mul"), (18, "add"), (18, "mul"), (18, "min"), (18, "max")]
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_scatter_reductions(rival: Any, opset: int, reduction: str, dtype: Any) -> None:
    rng = np.random.default_rng(4)
    signed = np.dtype(dtype).kind != "u"
    data, updates = (numbers(rng, dtype, shape) if signed else rng.integers(0, 99, shape).astype(dtype)
                     for shape in ((6, 5), (6, 4)))  # fmt: skip
    indices = rng.integers(-5, 5, (6, 4))
    check(rival, "ScatterElements", opset, [data, indices, updates], axis=1, reduction=reduction)
    check(rival, "ScatterElements", opset, [data, indices[:5], updates[:5]], axis=0, reduction=reduction)


def test_scatter_in_blocks() -> None:
    rng = np.random.default_rng(5)
    data = rng.normal(size=(2000, 3)).astype(np.float32)
    indices, updates = rng.integers(0, 3, (2000, 1)), rng.normal(size=(2000, 1)).astype(np.float32)
    bytes_ = one_node("ScatterElements", 18, [data, indices, updates], {}, 1, axis=1, reduction="add")
    (y,) = InferenceSession(bytes_, n_threads=2).run(None, {"x0": data, "x1": indices, "x2": updates})
    wanted = data.copy()
    wanted[np.arange(2000), indices[:, 0]] += updates[:, 0]
    np.testing.assert_array_equal(y, wanted)


@pytest.mark.parametrize(("op", "opset"), cases({"PRelu": 7}))
@pytest.mark.parametrize("dtype", [*NUMBERS, np.uint32, np.uint64])
def test_prelu(rival: Any, op: str, opset: int, dtype: Any) -> None:
    if opset < 9 and np.dtype(dtype).kind != "f":
        pytest.skip("reals alone in this version")
    rng = np.random.default_rng(6)
    x = rng.integers(0, 9, (3, 4, 5)).astype(dtype) if np.dtype(dtype).kind == "u" else specials(rng, dtype, (3, 4, 5))
    for shape in ((5,), (4, 1), (1,), (), (3, 4, 5)):
        check(rival, op, opset, [x], {1: rng.integers(0, 5, shape).astype(dtype)})
        check(rival, op, opset, [x, rng.integers(0, 5, shape).astype(dtype)])


def test_what_does_not_fit_is_named() -> None:
    data = np.zeros((2, 3), np.float32)
    fails("GatherND", 13, [data, np.zeros((2, 3), np.int64)], {},
          r"node 0 \(GatherND\): indices of shape \[2, 3\] do not fit data of shape \[2, 3\]")  # fmt: skip
    fails("GatherND", 13, [data, np.array([[0, 3]])], {}, "index 3 is out of range for an extent of 3")
    fails("GatherND", 13, [data, np.zeros((2, 1), np.int32)], {}, "input 1 has dtype int32, supported: int64")
    fails("GatherND", 13, [data, np.zeros((2, 1), np.int64)], {}, "'batch_dims' is -1, wanted 0 to 7", batch_dims=-1)
    fails("GatherND", 11, [data, np.zeros((2, 1), np.int64)], {}, "'batch_dims' does not belong", batch_dims=1)
    fails("ScatterElements", 18, [data, np.zeros((1, 2), np.int64), np.zeros((1, 1), np.float32)], {},
          r"\(ScatterElements\): indices of shape \[1, 2\] and updates of shape \[1, 1\] do not fit")  # fmt: skip
    one = np.zeros((1, 1), np.float32)
    fails("ScatterElements", 18, [data, np.full((1, 1), 2), one], {}, "index 2 is out of range for an extent of 2")
    fails("ScatterElements", 16, [data, np.zeros((1, 1), np.int64), one], {},
          "'reduction' is 'min', wanted none, add, mul", reduction="min")  # fmt: skip
    fails("ScatterElements", 18, [data, np.zeros((1, 1), np.int64), one.astype(np.float64)], {},
          "input 2 has dtype double, supported: float")  # fmt: skip
    fails("PRelu", 16, [data, np.zeros((2, 2, 3), np.float32)], {},
          r"node 0 \(PRelu\): a slope of shape \[\?, \?, \?\] cannot be broadcast to shape \[\?, \?\]")  # fmt: skip
    fails(
        "PRelu",
        16,
        [data[:1], np.zeros((2, 3), np.float32)],
        {},
        r"a slope of shape \[2, 3\] cannot be broadcast to shape \[1, 3\]",
    )
