"""The tables that are measured on: seeded, made once, never inside a timed call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa


def normals(n_rows: int, n_columns: int = 28, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Independent standard normals (float32) and a binary target that bends, interacts and is noisy.

    The first dozen columns carry the signal, the others none. In every interaction some column has an effect of its
    own, too: greedy learners find the first split of a bare product by luck, and would be compared by it. Rows are
    drawn in order, so fewer rows are a prefix of more rows with the same seed.
    """
    random = np.random.default_rng(seed)
    X = random.standard_normal((n_rows, n_columns), dtype=np.float32)
    x = X.T
    score = (
        1.6 * (x[0] > 0) * x[1]
        + 1.4 * np.sin(2.0 * x[2])
        + 1.2 * np.abs(x[3])
        + 1.0 * x[4]
        - 0.8 * x[5] ** 2
        + 1.5 * (x[6] > 0.5) * x[7]
        + 0.9 * np.maximum(x[8], x[9])
        + 0.7 * np.cos(x[10] + x[11])
        - 0.9
    )
    chance = 1.0 / (1.0 + np.exp(-2.0 * score))
    noise = np.random.default_rng([seed, 1]).random(n_rows, dtype=np.float32)
    return X, (noise < chance).astype(np.int64)


def split(
    X: np.ndarray, y: np.ndarray, train_share: float = 0.8
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The first rows to train on and the others to test on (rows of :func:`normals` are independent): views."""
    cut = int(len(y) * train_share)
    return X[:cut], y[:cut], X[cut:], y[cut:]


def with_categories(X: np.ndarray) -> pa.Table:
    """The same table in Arrow, its first two columns cut into 26 and 200 strings."""
    import pyarrow as pa

    columns = {f"x{i}": X[:, i] for i in range(2, X.shape[1])}
    for i, n_categories in enumerate((26, 200)):
        names = pa.array([f"category {code}" for code in range(n_categories)])
        edges = np.quantile(X[:, i], np.linspace(0, 1, n_categories + 1)[1:-1])
        columns[f"x{i}"] = names.take(pa.array(np.searchsorted(edges, X[:, i])))
    return pa.table(columns)
