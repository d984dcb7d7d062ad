"""LabelEncoder in its versions, and CategoryMapper."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SUFFIXES = {"strings": object, "int64s": np.int64, "floats": np.float32}
DEFAULTS = {
    "strings": ("default_string", "_Unused"),
    "int64s": ("default_int64", -1),
    "floats": ("default_float", -0.0),
}


def label_encoder(attributes: dict[str, Any], opset: int, x: Array) -> list[Array]:
    if opset < 2:
        return [_by_position(attributes, x)]
    keys, values = _listed(attributes, "keys"), _listed(attributes, "values")
    y = np.full(x.shape, _default(attributes, values.dtype), values.dtype)
    for key, value in zip(keys, values, strict=True):  # so the last of equal keys takes precedence
        y[_is_key(x, key, bitwise=opset < 4)] = value
    return [y]


def _by_position(attributes: dict[str, Any], x: Array) -> Array:
    classes = attributes["classes_strings"]
    if x.dtype == object:
        index = {label: i for i, label in enumerate(classes)}
        default = attributes.get("default_int64", -1)
        return np.array([index.get(value, default) for value in x.ravel()], np.int64).reshape(x.shape)
    default = attributes.get("default_string", "_Unused")
    found = [classes[i] if 0 <= i < len(classes) else default for i in x.ravel()]
    return np.array(found, object).reshape(x.shape)


def _listed(attributes: dict[str, Any], role: str) -> Array:
    if f"{role}_tensor" in attributes:
        return np.asarray(attributes[f"{role}_tensor"])
    (suffix,) = (suffix for suffix in SUFFIXES if f"{role}_{suffix}" in attributes)
    return np.array(attributes[f"{role}_{suffix}"], SUFFIXES[suffix])


def _default(attributes: dict[str, Any], dtype: Any) -> Any:
    if "default_tensor" in attributes:
        return attributes["default_tensor"][0]
    suffix = {"O": "strings", "i": "int64s", "f": "floats"}[dtype.kind]
    name, value = DEFAULTS[suffix]
    return attributes.get(name, value)


def _is_key(x: Array, key: Any, bitwise: bool) -> Array:
    """Up to version 3 keys are compared bit by bit; from version 4 on any NaN is NaN."""
    if x.dtype.kind != "f":
        return np.asarray(x == key)
    if bitwise:
        return x.view(f"u{x.itemsize}") == np.array(key, x.dtype).view(f"u{x.itemsize}")
    return np.isnan(x) if np.isnan(key) else x == key


def category_mapper(attributes: dict[str, Any], opset: int, x: Array) -> list[Array]:
    strings, integers = attributes["cats_strings"], attributes["cats_int64s"]
    if x.dtype == object:
        table, default, dtype = dict(zip(strings, integers, strict=True)), attributes.get("default_int64", -1), np.int64
    else:
        table, dtype = dict(zip(integers, strings, strict=True)), object
        default = attributes.get("default_string", "_Unused")
    return [np.array([table.get(value, default) for value in x.ravel().tolist()], dtype).reshape(x.shape)]
