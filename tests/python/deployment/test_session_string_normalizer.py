"""StringNormalizer: letters as Python has them, words as onnxruntime leaves them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from arsenal.deployment import InferenceSession
from arsenal.exceptions import ArsenalValueError, UnsupportedModelError
from numpy.typing import NDArray
from onnx import TensorProto, helper

WORDS = np.array(["Monday", "tuesday", "", "WEDNESDAY", "ÀÉÎ çß", "Ωμέγα", "Жизнь", "tuesday"], object)
# A locale that onnxruntime finds on every machine.
LOCALE = "C.UTF-8"


def model(shape: list[Any], constant: NDArray[Any] | None = None, **attributes: Any) -> bytes:
    node = helper.make_node("StringNormalizer", ["x"], ["y"], **attributes)
    x = helper.make_tensor_value_info("x", TensorProto.STRING, shape)
    graph = helper.make_graph(
        [node],
        "graph",
        [x] if constant is None else [],
        [helper.make_tensor_value_info("y", TensorProto.STRING, None)],
        [] if constant is None else [onnx.numpy_helper.from_array(constant, "x")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()


def letters() -> list[str]:
    """Those of Latin, Greek and Cyrillic that are covered."""
    blocks = (range(1, 0x180), range(0x370, 0x530), range(0x1E00, 0x1F00))
    return [chr(code) for block in blocks for code in block]


def changed(letter: str, action: str) -> str:
    """One character of as many bytes, or the letter as it is."""
    other = letter.lower() if action == "LOWER" else letter.upper()
    return other if len(other) == 1 and len(other.encode()) == len(letter.encode()) else letter


@pytest.mark.parametrize("action", ["LOWER", "UPPER"])
def test_every_letter(action: str) -> None:
    x = np.array(letters(), object)
    session = InferenceSession(model(["N"], case_change_action=action))
    (y,) = session.run(None, {"x": x})
    assert y.tolist() == [changed(letter, action) for letter in x]


@pytest.mark.parametrize("action", ["LOWER", "UPPER", "NONE"])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_words(rival: Any, action: str, n_threads: int) -> None:
    x = np.tile(WORDS, 200)
    for words, shape in ((x, ["N"]), (x[None], [1, "C"])):
        bytes_ = model(shape, case_change_action=action, locale=LOCALE)
        (y,) = InferenceSession(bytes_, n_threads=n_threads).run(None, {"x": words})
        np.testing.assert_array_equal(y, rival(bytes_).run(None, {"x": words})[0])


@pytest.mark.parametrize("action", ["LOWER", "UPPER", "NONE"])
@pytest.mark.parametrize("sensitive", [0, 1])
@pytest.mark.parametrize("stop_words", [["tuesday", "Жизнь"], WORDS.tolist(), ["other"]])
def test_stop_words_of_known_words(rival: Any, action: str, sensitive: int, stop_words: list[str]) -> None:
    options = {
        "case_change_action": action, "is_case_sensitive": sensitive, "stopwords": stop_words, "locale": LOCALE,
    }  # fmt: skip
    for words in (WORDS, WORDS[None]):
        (y,) = InferenceSession(model([], words, **options)).run(None, {})
        (wanted,) = rival(model(list(words.shape), **options)).run(None, {"x": words})
        assert y.shape == wanted.shape
        np.testing.assert_array_equal(y, wanted)


@pytest.mark.parametrize("sensitive", [0, 1])
def test_a_stop_word_alone_becomes_empty(rival: Any, sensitive: int) -> None:
    bytes_ = model([1, 1], is_case_sensitive=sensitive, stopwords=["tuesday"], locale=LOCALE)
    for word in ("tuesday", "Tuesday", "monday", ""):
        x = np.array([[word]], object)
        assert InferenceSession(bytes_).run(None, {"x": x})[0].tolist() == rival(bytes_).run(None, {"x": x})[0].tolist()


def test_a_model_that_looks_words_up_takes_any_case() -> None:
    """The text that a run makes is read by the next nodes, in blocks of rows."""
    nodes = [
        helper.make_node("StringNormalizer", ["x"], ["lower"], case_change_action="LOWER"),
        helper.make_node(
            "LabelEncoder", ["lower"], ["y"], domain="ai.onnx.ml", keys_strings=["été", "hiver"],
            values_floats=[1.0, 2.0], default_float=-1.0,
        ),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.STRING, ["N"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N"])],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    session = InferenceSession(helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())
    x = np.tile(np.array(["ÉTÉ", "Hiver", "neige"], object), 1000)
    np.testing.assert_array_equal(session.run(None, {"x": x})[0], np.tile(np.float32([1, 2, -1]), 1000))


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(ArsenalValueError, match="'case_change_action' is 'lower', wanted LOWER, UPPER or NONE"):
        InferenceSession(model(["N"], case_change_action="lower"))
    with pytest.raises(UnsupportedModelError, match="attribute 'locale' is 'tr_TR', whose i has a capital of its own"):
        InferenceSession(model(["N"], case_change_action="LOWER", locale="tr_TR"))
    with pytest.raises(UnsupportedModelError, match="how many words are left without the stop words must be known"):
        InferenceSession(model(["N"], stopwords=["a"]))
    with pytest.raises(ArsenalValueError, match=r"input has shape \[2, 8\], wanted \[words\] or \[1, words\]"):
        InferenceSession(model(["N", "C"])).run(None, {"x": np.stack([WORDS, WORDS])})
