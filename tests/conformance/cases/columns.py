"""Scaler, Normalizer, Binarizer, Imputer: dtypes, every kind of row, one row as [C], and more dimensions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from conformance.case import Array, Case
from conformance.values import NUMBERS, kinds, rows

OPSETS = (1, 5)
REAL_IMPUTERS = {
    "NaN becomes one value": {"imputed_value_floats": [5.0], "replaced_value_float": float("nan")},
    "NaN becomes a value per column": {"imputed_value_floats": [1.0, -2.5, 0.0], "replaced_value_float": float("nan")},
    "0 by default": {"imputed_value_floats": [7.0]},
    "infinity": {"imputed_value_floats": [0.5], "replaced_value_float": float("inf")},
    "a number": {"imputed_value_floats": [1.0, 2.0, 3.0], "replaced_value_float": 2.0},
}
WHOLE_IMPUTERS = {
    "0 by default": {"imputed_value_int64s": [7]},
    "a number": {"imputed_value_int64s": [1, 2, 3], "replaced_value_int64": 2},
}
FORMS: dict[str, dict[str, dict[str, Any]]] = {
    "Scaler": {
        "one entry": {"offset": [0.5], "scale": [0.25]},
        "an entry per column": {"offset": [0.5, -1.0, 2.0], "scale": [0.25, 2.0, -1.5]},
    },
    "Normalizer": {norm: {"norm": norm} for norm in ("MAX", "L1", "L2")},
    "Binarizer": {
        "0 by default": {},
        "positive threshold": {"threshold": 2.0},
        "negative threshold": {"threshold": -1.0},
    },
}
RANKS = {
    "Scaler": ("1-D", "3-D"),
    "Normalizer": ("1-D",),
    "Binarizer": ("1-D", "3-D"),
    "Imputer": ("1-D", "3-D"),
}


def cases() -> Iterator[Case]:
    for operator, ranks in RANKS.items():
        for dtype in NUMBERS:
            is_real = np.dtype(dtype).kind == "f"
            forms = FORMS.get(operator) or (REAL_IMPUTERS if is_real else WHOLE_IMPUTERS)
            for form, attributes in forms.items():
                rtol = 2e-6 if operator in ("Scaler", "Normalizer") else 0
                for values, x in tables(dtype, ranks):
                    for opset in OPSETS:
                        yield Case(operator, opset, form, values, (x,), attributes, rtol=rtol)


def tables(dtype: Any, ranks: tuple[str, ...]) -> Iterator[tuple[str, Array]]:
    for kind in kinds(dtype):
        yield kind, rows(kind, dtype, 3)
    whole = rows("on the grid", dtype, 3)
    yield "zeros", np.zeros_like(whole)
    for rank in ranks:
        yield rank, whole[2] if rank == "1-D" else whole[:8].reshape(2, 4, 3)
