"""Rows of every kind that runtimes are known to treat differently."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# Thresholds, coefficients and rows come from it: small whole numbers, which every dtype has, and zero.
GRID = np.arange(-3.0, 4.0)
KINDS = (
    "ordinary", "on the grid", "just above", "just below", "nan", "infinite", "negative zero", "denormal", "one row",
    "empty",
)  # fmt: skip
OF_INTEGERS = ("on the grid", "one row", "empty")
FLOATS = (np.float32, np.float64)
NUMBERS = (*FLOATS, np.int32, np.int64)


def kinds(dtype: Any) -> tuple[str, ...]:
    return KINDS if np.dtype(dtype).kind == "f" else OF_INTEGERS


def rows(kind: str, dtype: Any, n_columns: int, n_rows: int = 9) -> Array:
    """A table of a kind; the same one at each call."""
    rng = np.random.default_rng([KINDS.index(kind), n_columns])
    n_rows = {"one row": 1, "empty": 0}.get(kind, n_rows)
    x = rng.choice(GRID, (n_rows, n_columns)).astype(dtype)
    some = rng.random(x.shape) < 0.4
    if kind == "ordinary":
        return x + rng.choice(np.array([-0.25, 0.25, 0.5], dtype), x.shape)
    if kind in ("just above", "just below"):
        return np.nextafter(x, np.array(np.inf if kind == "just above" else -np.inf, dtype))
    special = {
        "nan": [np.nan],
        "infinite": [np.inf, -np.inf],
        "negative zero": [-0.0],
        "denormal": [np.finfo(np.float32).tiny / 4, -np.finfo(np.float32).tiny / 4],
    }
    if kind in special:
        return np.where(some, rng.choice(np.array(special[kind], dtype), x.shape), x)
    return x
