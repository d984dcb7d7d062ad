"""Scaler, Normalizer, Binarizer, Imputer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def scaler(attributes: dict[str, Any], opset: int, x: Array) -> list[Array]:
    y = (x.astype(float) - np.float32(attributes["offset"])) * np.float32(attributes["scale"])
    return [y.astype(np.float32)]


def normalizer(attributes: dict[str, Any], opset: int, x: Array) -> list[Array | None]:
    wide = x.astype(float)
    if x.size == 0:
        return [x.astype(np.float32)]
    match attributes.get("norm", "MAX"):
        case "MAX":
            if np.isnan(wide).any():  # of which the text does not say whether it is the largest
                return [None]
            divisor = wide.max(axis=-1, keepdims=True)
            y = wide / divisor
        case "L1":
            divisor = wide.sum(axis=-1, keepdims=True)
            y = wide / divisor
        case "L2":
            divisor = (wide**2).sum(axis=-1, keepdims=True)
            y = np.sqrt(wide**2 / divisor)
    return [np.where(divisor == 0, wide, y).astype(np.float32)]


def binarizer(attributes: dict[str, Any], opset: int, x: Array) -> list[Array]:
    return [(x > np.float32(attributes.get("threshold", 0))).astype(x.dtype)]


def imputer(attributes: dict[str, Any], opset: int, x: Array) -> list[Array]:
    if x.dtype.kind == "f":
        replaced = np.float32(attributes.get("replaced_value_float", 0)).astype(x.dtype)
        imputed = np.float32(attributes["imputed_value_floats"]).astype(x.dtype)
    else:
        replaced = np.array(attributes.get("replaced_value_int64", 0), x.dtype)
        imputed = np.array(attributes["imputed_value_int64s"], x.dtype)
    return [np.where(np.isnan(x) if np.isnan(replaced) else x == replaced, imputed, x)]
