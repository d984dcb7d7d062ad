"""post_transform, "the transform to apply to the score": of each row of [N, K].

The text names five and defines none. NONE, LOGISTIC, SOFTMAX and PROBIT have one meaning in statistics, which is taken:
PROBIT is the quantile of the standard normal distribution. SOFTMAX_ZERO is SOFTMAX among scores that are not zero.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def softmax(scores: Array) -> Array:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def softmax_zero(scores: Array) -> Array:
    powers = np.where(scores == 0, 0, np.exp(scores - scores.max(axis=1, keepdims=True)))
    return powers / powers.sum(axis=1, keepdims=True)


def probit(scores: Array) -> Array:
    return np.vectorize(quantile, otypes=[float])(scores)


def quantile(p: float) -> float:
    if 0 < p < 1:
        return NormalDist().inv_cdf(p)
    return {0.0: -np.inf, 1.0: np.inf}.get(p, np.nan)


TRANSFORMS = {
    "NONE": lambda scores: scores,
    "LOGISTIC": lambda scores: 1 / (1 + np.exp(-scores)),
    "SOFTMAX": softmax,
    "SOFTMAX_ZERO": softmax_zero,
    "PROBIT": probit,
}
# The numbers of TreeEnsemble.
NUMBERED = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")


def transform(name: str, scores: Array) -> Array:
    return TRANSFORMS[name](scores) if scores.size else scores
