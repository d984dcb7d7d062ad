"""LabelEncoder in its versions, and CategoryMapper: every pair of types, strings, repeated keys, NaN, signed zeros."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from conformance.case import Array, Case

WORDS = ["a", "", "ü"]
KEYS: dict[str, Any] = {"strings": WORDS, "int64s": [5, -2, 0], "floats": [1.5, -2.0, 0.25]}
VALUES: dict[str, Any] = {"strings": ["x", "", "é"], "int64s": [9, -9, 0], "floats": [0.5, -0.5, 1e30]}
DEFAULTS: dict[str, dict[str, Any]] = {
    "strings": {"default_string": "none"},
    "int64s": {"default_int64": 99},
    "floats": {"default_float": 99.5},
}
DTYPES = {"strings": object, "int64s": np.int64, "floats": np.float32}
FOUND = {
    "strings": ["a", "b", "", "ü", "A", "a "],
    "int64s": [5, 6, -2, 0, 2**53 + 1, -5],
    "floats": [1.5, 1, -2, 0.25],
}


def cases() -> Iterator[Case]:
    yield from first_version()
    for opset in (2, 3, 4, 5):
        yield from lists(opset)
        yield from edges(opset)
    for opset in (4, 5):
        yield from tensors(opset)
    for opset in (1, 5):
        yield from mappers(opset)


def shapes(x: Array) -> Iterator[tuple[str, Array]]:
    yield "ordinary", x[:4].reshape(2, 2)
    yield "a column", x.reshape(-1, 1)
    yield "1-D", x
    yield "empty", x[:0].reshape(0, 1)


def first_version() -> Iterator[Case]:
    for form, defaults in {"default": {}, "own default": DEFAULTS["int64s"]}.items():
        for values, x in shapes(np.array(FOUND["strings"], object)):
            yield Case("LabelEncoder", 1, f"to int64, {form}", values, (x,), {"classes_strings": WORDS} | defaults)
    for form, defaults in {"default": {}, "own default": DEFAULTS["strings"]}.items():
        for values, x in shapes(np.int64([0, 2, 1, 3, -1, 2**40])):
            yield Case("LabelEncoder", 1, f"to strings, {form}", values, (x,), {"classes_strings": WORDS} | defaults)


def lists(opset: int) -> Iterator[Case]:
    for keys in KEYS:
        for to in VALUES:
            for form, defaults in {"default": {}, "own default": DEFAULTS[to]}.items():
                attributes = {f"keys_{keys}": KEYS[keys], f"values_{to}": VALUES[to]} | defaults
                for values, x in shapes(np.array(FOUND[keys], DTYPES[keys])):
                    yield Case("LabelEncoder", opset, f"{keys} to {to}, {form}", values, (x,), attributes)


def edges(opset: int) -> Iterator[Case]:
    found = {
        "nan": np.float32([np.nan, 1, -1, 0]),
        "infinite": np.float32([np.inf, -np.inf, 1, 0]),
        "just above": np.nextafter(np.float32([1.5, -2, 0.25]), np.float32(np.inf)),
        "just below": np.nextafter(np.float32([1.5, -2, 0.25]), np.float32(-np.inf)),
        "denormal": np.float32([1e-45, -1e-45, 1e-40]),
        "zero": np.float32([0.0, 1]),
        "negative zero": np.float32([-0.0, 1]),
    }
    keys = {
        "ordinary keys": [1.5, -2.0, 0.25],
        "NaN is a key": [1.0, float("nan"), 3.0],
        "infinities are keys": [float("inf"), float("-inf"), 1.0],
        "a denormal key": [1e-45, 2.0, 3.0],
        "zero is a key": [0.0, 2.0, 3.0],
        "negative zero is a key": [-0.0, 2.0, 3.0],
    }
    for form, key in keys.items():
        for values, x in found.items():
            yield Case("LabelEncoder", opset, form, values, (x,), {"keys_floats": key, "values_int64s": [1, 2, 3]})
    if opset >= 4:
        for name in KEYS:
            repeated = [*KEYS[name], KEYS[name][0]]
            x = np.array(FOUND[name], DTYPES[name])
            attributes = {f"keys_{name}": repeated, "values_int64s": [1, 2, 3, 4]}
            yield Case("LabelEncoder", opset, f"repeated {name}", "ordinary", (x,), attributes)


def tensors(opset: int) -> Iterator[Case]:
    of_keys = {dtype: np.array([5, -2, 0], dtype) for dtype in (np.float64, np.float32, np.int64, np.int32)}
    of_keys[object] = np.array(WORDS, object)
    of_values = {dtype: np.array([9, -9, 1], dtype) for dtype in (np.float64, np.float32, np.int64, np.int32)}
    of_values[object] = np.array(["x", "", "é"], object)
    for key, keys in of_keys.items():
        x = np.array(FOUND["strings"], object) if key is object else np.array([5, 6, -2, 0, 7, -5], key)
        for to, listed in of_values.items():
            default = np.array(["none" if to is object else 4], to)
            attributes = {"keys_tensor": keys, "values_tensor": listed, "default_tensor": default}
            names = ["string" if dtype is object else np.dtype(dtype).name for dtype in (key, to)]
            for values, table in shapes(x):
                yield Case("LabelEncoder", opset, f"tensors, {names[0]} to {names[1]}", values, (table,), attributes)


def mappers(opset: int) -> Iterator[Case]:
    table = {"cats_strings": WORDS, "cats_int64s": [5, -2, 0]}
    for form, defaults in {"default": {"default_int64": -1}, "own default": {"default_int64": 99}}.items():
        for values, x in shapes(np.array(FOUND["strings"], object)):
            yield Case("CategoryMapper", opset, f"to int64, {form}", values, (x,), table | defaults)
    for form, defaults in {"default": {"default_string": "_Unused"}, "own default": {"default_string": ""}}.items():
        for values, x in shapes(np.int64(FOUND["int64s"])):
            yield Case("CategoryMapper", opset, f"to strings, {form}", values, (x,), table | defaults)
