"""What classifiers have in common: labels, and the top class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def label_array(attributes: dict[str, Any], integers: str) -> Array:
    if "classlabels_strings" in attributes:
        return np.array(attributes["classlabels_strings"], object)
    return np.array(attributes[integers], np.int64)


def top(labels: Array, scores: Array) -> Array | None:
    """The label of each row's largest score, the first one of equals. NaN has no place in an order."""
    if np.isnan(scores).any():
        return None
    return labels[scores.argmax(axis=1)] if len(scores) else labels[:0]
