"""Models that the runtime lacks an operator for: refused by name, or handed to onnxruntime where that is asked for."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx.parser
import onnxruntime
import pandas as pd
import pytest
from arsenal.deployment import InferenceSession, NodeArg
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError, MissingExtraError, UnsupportedModelError

MATRIX = onnx.parser.parse_model("""
    <ir_version: 9, opset_import: ["": 18]>
    graph (float[N, 2] X) => (float[N, 2] raw, float[N, 2] probabilities) {
        raw = Acosh(X)
        probabilities = Sigmoid(raw)
    }
""").SerializeToString()
COLUMNS = onnx.parser.parse_model("""
    <ir_version: 9, opset_import: ["": 19]>
    graph (float[N, 1] number, int64[N, 1] count, string[N, 1] text) => (float[N, 1] score) {
        known = Constant <value_strings = ["a"]> ()
        is_a = Equal(text, known)
        one = Cast <to = 1> (is_a)
        counted = Cast <to = 1> (count)
        sum = Add(number, counted)
        large = Acosh(sum)
        score = Add(large, one)
    }
""").SerializeToString()
KNOWN = onnx.parser.parse_model("""
    <ir_version: 9, opset_import: ["": 18]>
    graph (float[N, 2] X) => (float[N, 2] Y) { Y = Sigmoid(X) }
""").SerializeToString()
ROWS = np.float32([[1, 2], [3, 4], [1.5, 9]])


def fallen(model: Any = MATRIX, **options: Any) -> Any:
    return InferenceSession(model, fallback="onnxruntime", **options)


def test_without_a_fallback_the_operator_is_named() -> None:
    with pytest.raises(UnsupportedModelError, match=r"operator 'Acosh' of domain 'ai.onnx', opset 18"):
        InferenceSession(MATRIX)
    assert issubclass(UnsupportedModelError, (ArsenalValueError, NotImplementedError))


def test_onnxruntime_has_the_whole_model() -> None:
    session = fallen(n_threads=2)
    theirs = onnxruntime.InferenceSession(MATRIX)
    np.testing.assert_array_equal(session(ROWS), theirs.run(["probabilities"], {"X": ROWS})[0])
    for ours, wanted in zip(session.run(None, {"X": ROWS}), theirs.run(None, {"X": ROWS}), strict=True):
        np.testing.assert_array_equal(ours, wanted)
    assert session.get_inputs() == [NodeArg("X", "tensor(float)", ["N", 2])]
    assert [one.name for one in session.get_outputs()] == ["raw", "probabilities"]
    described = session.describe()
    assert described["engine"] == "onnxruntime"
    assert "Acosh" in described["reason"]
    assert described["threads"] == 2
    assert repr(session).startswith("OnnxRuntimeSession((X: tensor(float)['N', 2]) -> (raw")


def test_a_model_that_the_runtime_has_stays_there() -> None:
    session = fallen(KNOWN)
    assert type(session) is InferenceSession
    assert session.describe()["engine"] != "onnxruntime"


def test_a_model_that_is_not_valid_goes_nowhere() -> None:
    with pytest.raises(ArsenalValueError):
        fallen(MATRIX[:50])
    with pytest.raises(ArsenalValueError, match="fallback is 'tract', wanted 'onnxruntime' or None"):
        InferenceSession(KNOWN, fallback="tract")


def test_scores_go_where_the_caller_wants_them() -> None:
    session = fallen()
    out = np.empty((3, 2), np.float32)
    assert session(ROWS, out=out) is out
    np.testing.assert_array_equal(out, session(ROWS))
    with pytest.raises(ArsenalValueError, match=r"out has shape \(2, 2\) and dtype float32, wanted \(3, 2\)"):
        session(ROWS, out=out[:2])


@pytest.mark.parametrize("kind", [dict, pd.DataFrame])
def test_columns_are_found_by_name(kind: Any) -> None:
    table = kind({"text": ["a", None, "b"], "count": [1, 2, 3], "other": [0, 0, 0], "number": [0.5, 1.5, 2.5]})
    wanted = np.arccosh([[1.5], [3.5], [5.5]]) + np.array([[1], [0], [0]])
    np.testing.assert_allclose(fallen(COLUMNS)(table), wanted, rtol=1e-6)


def test_missing_strings_of_pandas_are_empty() -> None:
    text = pd.array(["a", None], dtype="string")
    got = fallen(COLUMNS)({"text": text, "count": [1, 1], "number": [1.0, 1.0]})
    np.testing.assert_allclose(got, np.arccosh(2) + np.array([[1], [0]]), rtol=1e-6)


def test_columns_that_do_not_fit_are_named() -> None:
    session = fallen(COLUMNS)
    good: dict[str, Any] = {"text": ["a"], "count": [1], "number": [2.0]}
    for changed, error, message in [
        ({"count": [1.5]}, ArsenalValueError, "column 'count' has values that tensor.int64. cannot hold exactly"),
        ({"number": ["x"]}, ArsenalTypeError, "column 'number' has dtype"),
        ({"number": np.array([1.1])}, ArsenalValueError, "column 'number' has values that tensor.float. cannot"),
    ]:
        with pytest.raises(error, match=message):
            session(good | changed)
    with pytest.raises(ArsenalValueError, match="X has no column 'number'"):
        session({"text": ["a"], "count": [1]})
    with pytest.raises(ArsenalTypeError, match="the model has 3 inputs"):
        session(ROWS)


def test_paths_and_pickles(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(MATRIX)
    for model in (path, str(path), bytearray(MATRIX)):
        session = fallen(model)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(session))(ROWS), session(ROWS))


def test_without_onnxruntime_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"Acosh.*arsenal-ml\[onnxruntime\]"):
        fallen()
    assert isinstance(fallen(KNOWN)(ROWS), np.ndarray)
