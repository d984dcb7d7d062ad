"""ArrayFeatureExtractor, FeatureVectorizer, OneHotEncoder, ZipMap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from conformance.case import Array, Case
from conformance.values import NUMBERS, kinds, rows

OPSETS = (1, 5)
STRINGS = np.array([["a", "", "ü"], ["b", "A", "nan"], ["a b", "ü", "a"]], object)


def cases() -> Iterator[Case]:
    for opset in OPSETS:
        yield from extractors(opset)
        yield from vectorizers(opset)
        yield from encoders(opset)
        yield from maps(opset)


def tables(dtype: Any) -> Iterator[tuple[str, Array]]:
    if dtype is object:
        yield from (("ordinary", STRINGS), ("one row", STRINGS[:1]), ("empty", STRINGS[:0]))
    else:
        for kind in kinds(dtype):
            yield kind, rows(kind, dtype, 3)


def extractors(opset: int) -> Iterator[Case]:
    chosen = {"one column": [2], "columns again and again": [0, 2, 2, 1]}
    for dtype in (*NUMBERS, object):
        for form, columns in chosen.items():
            for values, x in tables(dtype):
                yield Case("ArrayFeatureExtractor", opset, form, values, (x, np.int64(columns)), {}, n_constants=1)
            x = STRINGS if dtype is object else rows("on the grid", dtype, 3)
            fed = (x, np.int64([columns]))
            yield Case("ArrayFeatureExtractor", opset, f"{form}, fed", "ordinary", fed, {})
            yield Case("ArrayFeatureExtractor", opset, form, "1-D", (x[1], np.int64(columns)), {}, n_constants=1)
            cube = np.stack([x, x])
            yield Case("ArrayFeatureExtractor", opset, form, "3-D", (cube, np.int64(columns)), {}, n_constants=1)


def vectorizers(opset: int) -> Iterator[Case]:
    for dtype in NUMBERS:
        for values, x in tables(dtype):
            parts = (x, x[:, :1], x[:, 1:])
            yield Case("FeatureVectorizer", opset, "three inputs", values, parts, {"inputdimensions": [3, 1, 2]})
            yield Case("FeatureVectorizer", opset, "one input", values, (x,), {"inputdimensions": [3]})


def encoders(opset: int) -> Iterator[Case]:
    """Fractions are cut off before the look-up; NaN and infinities have no integer."""
    categories = {"cats_int64s": [3, -1, 0, 2]}
    for zeros in ({}, {"zeros": 1}):
        form = "zeros by default" if not zeros else "zeros"
        for dtype in NUMBERS:
            for values, x in tables(dtype):
                if values not in ("nan", "infinite"):
                    yield Case("OneHotEncoder", opset, form, values, (x,), categories | zeros)
            x = rows("on the grid", dtype, 4)
            yield Case("OneHotEncoder", opset, form, "1-D", (x[1],), categories | zeros)
        for values, x in tables(object):
            yield Case("OneHotEncoder", opset, form, values, (x,), {"cats_strings": ["ü", "", "a"]} | zeros)
        yield Case("OneHotEncoder", opset, form, "1-D", (STRINGS[0],), {"cats_strings": ["ü", "", "a"]} | zeros)


def maps(opset: int) -> Iterator[Case]:
    keys = {"integers": {"classlabels_int64s": [7, -1, 2]}, "strings": {"classlabels_strings": ["b", "", "ü"]}}
    for form, attributes in keys.items():
        for values, x in tables(np.float32):
            yield Case("ZipMap", opset, form, values, (x,), attributes)
