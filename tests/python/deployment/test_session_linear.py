"""Products, normalisation and quantisation beside onnxruntime: sums within their bounds, integers exactly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from arsenal.deployment import InferenceSession
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from operator_checks import NUMBERS, REALS, check, numbers, one_node, specials, versions

Array = NDArray[Any]
BYTES = (np.uint8, np.int8)


def both(rival: Any, model: bytes, feed: dict[str, Array]) -> tuple[list[Array], list[Array]]:
    return InferenceSession(model).run(None, feed), rival(model).run(None, feed)


def within(ours: Array, theirs: Array, bound: Array) -> None:
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    assert (np.abs(ours - theirs) <= bound).all()


@pytest.mark.parametrize("opset", versions("MatMul", 1))
@pytest.mark.parametrize("dtype", NUMBERS)
def test_matmul(rival: Any, opset: int, dtype: Any) -> None:
    if opset < 9 and dtype not in REALS:
        pytest.skip("not in this version")
    rng = np.random.default_rng(1)
    for a, b in (((3, 4), (4, 5)), ((4,), (4, 5)), ((3, 4), (4,)), ((2, 1, 3, 4), (6, 4, 5)), ((4,), (2, 4, 5))):
        # Of whole numbers every sum is exact, in any order.
        x, y = numbers(rng, dtype, a), numbers(rng, dtype, b)
        check(rival, "MatMul", opset, [x, y])
        check(rival, "MatMul", opset, [x], {1: y})


@pytest.mark.parametrize("opset", versions("Gemm", 7))
@pytest.mark.parametrize("dtype", NUMBERS)
def test_gemm(rival: Any, opset: int, dtype: Any) -> None:
    if opset < 9 and dtype not in REALS:
        pytest.skip("not in this version")
    rng = np.random.default_rng(2)
    for turn_a, turn_b in ((0, 0), (1, 0), (0, 1), (1, 1)):
        a = numbers(rng, dtype, (4, 3) if turn_a else (3, 4))
        b = numbers(rng, dtype, (5, 4) if turn_b else (4, 5))
        for shape in ((5,), (1, 5), (3, 1), (3, 5), ()):
            c = numbers(rng, dtype, shape)
            for factors in ({}, {"alpha": 2.0, "beta": 3.0}):
                check(rival, "Gemm", opset, [a, b, c], transA=turn_a, transB=turn_b, **factors)
                check(rival, "Gemm", opset, [a], {1: b, 2: c}, transA=turn_a, transB=turn_b, **factors)
        if opset >= 11:
            check(rival, "Gemm", opset, [a, b], transA=turn_a, transB=turn_b)


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize("depth", [1, 15, 16, 17, 28, 100, 1000])
def test_sums_keep_their_bound(rival: Any, dtype: Any, depth: int) -> None:
    """Ours go through at most 16 roundings in a block and one per block; onnxruntime's through any number."""
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(40, depth)).astype(dtype), rng.normal(size=(depth, 7)).astype(dtype)
    ours, theirs = both(rival, one_node("MatMul", 13, [a], {1: b}, 1), {"x0": a})
    wide = np.longdouble
    exact = a.astype(wide) @ b.astype(wide)
    unit = np.finfo(dtype).eps / 2 * (np.abs(a).astype(wide) @ np.abs(b).astype(wide)) * 1.01
    blocks = -(-depth // 16)
    assert (np.abs(ours[0] - exact) <= (min(depth, 16) + blocks) * unit).all()
    within(ours[0], theirs[0], (min(depth, 16) + blocks + depth) * unit)


@pytest.mark.parametrize("opset", versions("BatchNormalization", 7))
@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 3), (6, 5, 3, 2)])
@pytest.mark.parametrize("known", [True, False])
def test_batch_normalization(rival: Any, opset: int, dtype: Any, shape: tuple[int, ...], known: bool) -> None:
    rng = np.random.default_rng(4)
    x, *parts = rng.normal(size=shape).astype(dtype), *rng.normal(size=(3, 5)).astype(dtype)
    parts.append(rng.random(5).astype(dtype) + 0.1)
    scale, bias, mean, variance = parts
    inputs = [x] if known else [x, *parts]
    constants = dict(enumerate(parts, 1)) if known else {}
    model = one_node("BatchNormalization", opset, inputs, constants, 1, epsilon=0.01)
    ours, theirs = both(rival, model, {f"x{i}": one for i, one in enumerate(inputs)})
    factor = np.abs(scale / np.sqrt(variance)).max()
    size = np.abs(x).max() * factor + np.abs(bias).max() + np.abs(mean).max() * factor
    within(ours[0], theirs[0], np.full(shape, 8 * np.finfo(dtype).eps * size))


def test_batch_normalization_of_old_versions() -> None:
    rng = np.random.default_rng(5)
    x, *parts = rng.normal(size=(6, 5, 2)).astype(np.float32), *rng.random((4, 10)).astype(np.float32)
    scale, bias, mean, variance = (one[:5] for one in parts)
    spatial = one_node("BatchNormalization", 6, [x], dict(enumerate((scale, bias, mean, variance), 1)), 1, is_test=1)
    wanted = (x - mean[:, None]) * (scale / np.sqrt(variance + np.float32(1e-5)))[:, None] + bias[:, None]
    np.testing.assert_array_equal(InferenceSession(spatial).run(None, {"x0": x})[0], wanted)
    wide = dict(enumerate((one.reshape(5, 2) for one in parts), 1))
    each = one_node("BatchNormalization", 7, [x], wide, 1, spatial=0)
    scale, bias, mean, variance = wide.values()
    wanted = (x - mean) * (scale / np.sqrt(variance + np.float32(1e-5))) + bias
    np.testing.assert_array_equal(InferenceSession(each).run(None, {"x0": x})[0], wanted)
    for opset, attributes in ((6, {}), (15, {"training_mode": 1})):
        model = one_node("BatchNormalization", opset, [x], dict(enumerate(parts, 1)), 1, **attributes)
        with pytest.raises(ValueError, match="training mode"):
            InferenceSession(model)


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize("axis", [-1, 1, 2])
def test_layer_normalization(rival: Any, dtype: Any, axis: int) -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(3, 2, size=(4, 7, 19)).astype(dtype)
    scale, bias = rng.normal(size=(2, *x.shape[axis:])).astype(dtype)
    for constants in ({1: scale}, {1: scale, 2: bias}):
        model = one_node("LayerNormalization", 17, [x], constants, 1, axis=axis)
        ours, theirs = both(rival, model, {"x0": x})
        within(ours[0], theirs[0], np.full(x.shape, 64 * np.finfo(dtype).eps))


@pytest.mark.parametrize("opset", versions("QuantizeLinear", 10))
@pytest.mark.parametrize("dtype", BYTES)
def test_quantize(rival: Any, opset: int, dtype: Any) -> None:
    rng = np.random.default_rng(7)
    x = np.concatenate([specials(rng, np.float32, (300, 4)), rng.normal(0, 30, (300, 4)).astype(np.float32)])
    scale, zero = np.float32(0.25), np.array(7, dtype)
    check(rival, "QuantizeLinear", opset, [x], {1: np.array(scale), 2: zero})
    check(rival, "QuantizeLinear", opset, [x], {1: np.array(scale)})
    codes = rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max + 1, (6, 4)).astype(dtype)
    check(rival, "DequantizeLinear", opset, [codes], {1: np.array(scale), 2: zero})
    check(rival, "DequantizeLinear", opset, [codes], {1: np.array(scale)})
    if opset < 13:
        return
    for axis in (0, 1, -1):
        scales = (rng.random(x.shape[axis]) + 0.1).astype(np.float32)
        zeros = rng.integers(0, 9, x.shape[axis]).astype(dtype)
        check(rival, "QuantizeLinear", opset, [x], {1: scales, 2: zeros}, axis=axis)
        n = codes.shape[axis]
        check(rival, "DequantizeLinear", opset, [codes], {1: scales[:n], 2: zeros[:n]}, axis=axis)
    if opset < 21:
        return
    scales, zeros = (rng.random((3, 4)) + 0.1).astype(np.float32), rng.integers(0, 9, (3, 4)).astype(dtype)
    check(rival, "DequantizeLinear", opset, [codes], {1: scales, 2: zeros}, axis=0, block_size=2)
    check(rival, "QuantizeLinear", opset, [x[:6]], {1: scales, 2: zeros}, axis=0, block_size=2)


def test_dequantize_int32(rival: Any) -> None:
    x = np.array([[2**31 - 1, -(2**31)], [3, -4]], np.int32)
    check(rival, "DequantizeLinear", 21, [x], {1: np.array(np.float32(0.5))})


def test_dynamic_quantization(rival: Any) -> None:
    rng = np.random.default_rng(8)
    for x in (rng.normal(size=(5, 9)), rng.random((3, 4)) + 1, -rng.random((3, 4)) - 1, np.zeros((2, 2))):
        check(rival, "DynamicQuantizeLinear", 11, [x.astype(np.float32)], n_outputs=3)


@pytest.mark.parametrize("left", BYTES)
@pytest.mark.parametrize("right", BYTES)
def test_integer_products(rival: Any, left: Any, right: Any) -> None:
    rng = np.random.default_rng(9)
    a = rng.integers(np.iinfo(left).min, np.iinfo(left).max + 1, (2, 70, 33)).astype(left)
    b = rng.integers(np.iinfo(right).min, np.iinfo(right).max + 1, (33, 21)).astype(right)
    zero = np.array(5, left)
    for b_zero in (np.array(3, right), rng.integers(0, 100, 21).astype(right)):
        wanted = (a.astype(np.int32) - 5) @ (b.astype(np.int32) - b_zero)
        for inputs, constants in (([a, b, zero, b_zero], {}), ([a], {1: b, 2: zero, 3: b_zero})):
            model = one_node("MatMulInteger", 10, inputs, constants, 1)
            got = InferenceSession(model).run(None, {f"x{i}": one for i, one in enumerate(inputs)})[0]
            np.testing.assert_array_equal(got, wanted)
    got = InferenceSession(one_node("MatMulInteger", 10, [a, b], {}, 1)).run(None, {"x0": a, "x1": b})[0]
    np.testing.assert_array_equal(got, a.astype(np.int32) @ b.astype(np.int32))
    if (left, right) != (np.uint8, np.uint8):
        return  # onnxruntime saturates sums of signed products on CPUs without VNNI, or has no kernel
    check(rival, "MatMulInteger", 10, [a, b, zero, np.array(3, right)])
    constants = {
        1: np.array(np.float32(0.02)), 2: zero, 3: b, 4: np.array(np.float32(0.03)), 5: np.array(3, right),
        6: np.array(np.float32(2.5)), 7: np.array(9, left),
    }  # fmt: skip
    check(rival, "QLinearMatMul", 10, [a], constants)
    check(rival, "QLinearMatMul", 10, [a], constants | {4: rng.random(21).astype(np.float32), 5: np.full(21, 3, right)})


def net() -> onnx.ModelProto:
    """28 → 64 → 5, with a Sigmoid between the layers."""
    rng = np.random.default_rng(10)
    weights = {"W": (28, 64), "b": (64,), "V": (64, 5), "c": (5,)}
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["X", "W"], ["h"]),
            helper.make_node("Add", ["h", "b"], ["s"]),
            helper.make_node("Sigmoid", ["s"], ["t"]),
            helper.make_node("Gemm", ["t", "V", "c"], ["Y"]),
        ],
        "net",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["N", 28])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, ["N", 5])],
        [
            numpy_helper.from_array(rng.normal(0, 0.3, shape).astype(np.float32), name)
            for name, shape in weights.items()
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def rows(n: int) -> Array:
    return np.random.default_rng(11).normal(size=(n, 28)).astype(np.float32)


def test_nets_that_onnxruntime_quantised(rival: Any, tmp_path: Path) -> None:
    quantization = pytest.importorskip("onnxruntime.quantization")

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self.batches = iter([{"X": rows(200)}])

        def get_next(self) -> Any:
            return next(self.batches, None)

    onnx.save(net(), tmp_path / "net.onnx")
    x = rows(50)
    plain = InferenceSession(tmp_path / "net.onnx").run(None, {"X": x})[0]
    files = {name: tmp_path / f"{name}.onnx" for name in ("dynamic", "pairs", "operators")}
    # Weights of 7 bits: with 8, onnxruntime saturates on CPUs without VNNI.
    quantization.quantize_dynamic(tmp_path / "net.onnx", files["dynamic"], reduce_range=True)
    formats = {"pairs": quantization.QuantFormat.QDQ, "operators": quantization.QuantFormat.QOperator}
    for name, form in formats.items():
        quantization.quantize_static(tmp_path / "net.onnx", files[name], Reader(), quant_format=form, reduce_range=True)
    for name, file in files.items():
        model = onnx.load(file)
        if name == "operators" and any(node.domain == "com.microsoft" for node in model.graph.node):
            continue  # operators of onnxruntime's own
        ours, theirs = both(rival, file.read_bytes(), {"X": x})
        # A sum that is rounded otherwise may change a code.
        np.testing.assert_allclose(ours[0], theirs[0], atol=0.05, err_msg=name)
        np.testing.assert_allclose(ours[0], plain, atol=0.2, err_msg=name)


def test_rows_do_not_depend_on_their_batch_or_on_anything_else(tmp_path: Path) -> None:
    onnx.save(net(), tmp_path / "net.onnx")
    np.save(tmp_path / "x.npy", rows(1000))
    session = InferenceSession(tmp_path / "net.onnx")
    wanted = session(rows(1000))
    np.testing.assert_array_equal(np.concatenate([session(row[None]) for row in rows(1000)]), wanted)
    code = "import arsenal, numpy as np; x = np.load('x.npy'); "
    code += "s = arsenal.load('net.onnx', n_threads=2); print(s(x).tobytes().hex())"
    for isa in ("", "scalar"):
        command = [sys.executable, "-c", code]
        environment = {**os.environ, "ARSENAL_FORCE_ISA": isa}
        printed = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True).stdout
        assert bytes.fromhex(printed.decode()) == wanted.tobytes()
