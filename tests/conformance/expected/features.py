"""ArrayFeatureExtractor, FeatureVectorizer, OneHotEncoder, ZipMap."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def array_feature_extractor(attributes: dict[str, Any], opset: int, x: Array, y: Array) -> list[Array]:
    return [x[..., y.ravel()]]


def feature_vectorizer(attributes: dict[str, Any], opset: int, *inputs: Array) -> list[Array]:
    return [np.concatenate([np.atleast_2d(x) for x in inputs], axis=1).astype(np.float32)]


def one_hot_encoder(attributes: dict[str, Any], opset: int, x: Array) -> list[Array]:
    if "cats_strings" in attributes:
        return [(x[..., None] == np.array(attributes["cats_strings"], object)).astype(np.float32)]
    return [(x.astype(np.int64)[..., None] == np.int64(attributes["cats_int64s"])).astype(np.float32)]


def zip_map(attributes: dict[str, Any], opset: int, x: Array) -> list[Any]:
    keys = attributes.get("classlabels_strings") or attributes["classlabels_int64s"]
    return [[dict(zip(keys, row, strict=True)) for row in x.tolist()]]
