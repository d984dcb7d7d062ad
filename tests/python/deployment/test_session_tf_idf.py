"""TfIdfVectorizer beside onnxruntime: words and numbers, n-grams of all lengths, gaps, weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from arsenal.deployment import InferenceSession
from arsenal.exceptions import ArsenalValueError
from onnx import helper

WORDS = np.array([["a", "b", "a", "c", "b"], ["c", "", "x", "a", "b"], ["", "", "", "", ""]], object)
POOL = {
    "pool_strings": ["a", "b", "c", "", "a", "b", "b", "a", "a", "c", "a", "b", "a"],
    "ngram_counts": [0, 4, 10],
    "ngram_indexes": [2, 0, 1, 6, 3, 4, 5, 7],
}


def model(elem_type: int, rank: int, **attributes: Any) -> bytes:
    node = helper.make_node("TfIdfVectorizer", ["x"], ["y"], **attributes)
    graph = helper.make_graph(
        [node],
        "graph",
        [helper.make_tensor_value_info("x", elem_type, ["N", "L"][-rank:])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()


@pytest.mark.parametrize("mode", ["TF", "IDF", "TFIDF"])
@pytest.mark.parametrize(("least", "most"), [(1, 1), (1, 3), (2, 2), (2, 3), (3, 3)])
@pytest.mark.parametrize("skip", [0, 1, 3])
def test_words(rival: Any, mode: str, least: int, most: int, skip: int) -> None:
    options = POOL | {"mode": mode, "min_gram_length": least, "max_gram_length": most, "max_skip_count": skip}
    options["weights"] = np.arange(1.5, 9.5).tolist()
    for x in (WORDS, WORDS[0], WORDS[:0]):
        bytes_ = model(onnx.TensorProto.STRING, x.ndim, **options)
        wanted = rival(bytes_).run(None, {"x": x})[0] if len(x) else np.zeros((0, 8), np.float32)
        np.testing.assert_array_equal(InferenceSession(bytes_).run(None, {"x": x})[0], wanted)


@pytest.mark.parametrize("dtype", [np.int64, np.int32])
def test_numbers(rival: Any, dtype: Any) -> None:
    x = np.random.default_rng(0).integers(0, 4, (300, 12)).astype(dtype)
    options: dict[str, Any] = {
        "pool_int64s": [0, 1, 2, -1, 0, 1, 1, 2, 3, 3, 0, 0, 0, 1, 2, 3],
        "ngram_counts": [0, 4, 10],
        "ngram_indexes": list(range(9)),
        "mode": "TF",
        "min_gram_length": 1,
        "max_gram_length": 3,
        "max_skip_count": 2,
    }
    bytes_ = model(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), 2, **options)
    np.testing.assert_array_equal(
        InferenceSession(bytes_, n_threads=2).run(None, {"x": x})[0], rival(bytes_).run(None, {"x": x})[0]
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"mode": "idf"}, "attribute 'mode' is 'idf', wanted TF, IDF or TFIDF"),
        ({"min_gram_length": 0}, "attribute 'min_gram_length' is 0, wanted at least 1"),
        ({"max_gram_length": 1}, "attribute 'min_gram_length' is 2, 'max_gram_length' 1"),
        ({"ngram_counts": [0, 5, 10]}, "gives 5 to 10 of 13 items to n-grams of length 2"),
        ({"ngram_indexes": [0, 1]}, "attribute 'ngram_indexes' has too few entries"),
        ({"ngram_indexes": list(range(-1, 7))}, "attribute 'ngram_indexes' has the entry -1"),
        ({"weights": [1.0]}, "attribute 'weights' has 1 entries for 8 n-grams"),
        ({"pool_strings": []}, "attribute 'pool_strings' is missing"),
    ],
)
def test_what_does_not_fit_is_named(changed: dict[str, Any], message: str) -> None:
    options = POOL | {"mode": "TF", "min_gram_length": 2, "max_gram_length": 3, "max_skip_count": 0} | changed
    with pytest.raises(ArsenalValueError, match=message):
        InferenceSession(model(onnx.TensorProto.STRING, 2, **{k: v for k, v in options.items() if v != []}))
