"""LinearRegressor and LinearClassifier."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.expected.classes import label_array, top
from conformance.expected.transforms import transform

Array = NDArray[Any]


def linear_regressor(attributes: dict[str, Any], opset: int, x: Array) -> list[Array]:
    scores = _scores(attributes, x, attributes.get("targets", 1))
    return [transform(attributes.get("post_transform", "NONE"), scores).astype(np.float32)]


def linear_classifier(attributes: dict[str, Any], opset: int, x: Array) -> list[Array | None]:
    """One score for each class; with one score for two classes, which the text has no word of, that of the second."""
    labels = label_array(attributes, "classlabels_ints")
    name = attributes.get("post_transform", "NONE")
    n_scores = len(attributes["intercepts"])
    scores = _scores(attributes, x, n_scores)
    if n_scores == len(labels):
        return [top(labels, scores), transform(name, scores).astype(np.float32)]
    if name != "LOGISTIC":
        return [top(labels, np.hstack([np.zeros_like(scores), scores])), None]
    p = transform(name, scores)
    return [top(labels, np.hstack([-scores, scores])), np.hstack([1 - p, p]).astype(np.float32)]


def _scores(attributes: dict[str, Any], x: Array, n_targets: int) -> Array:
    coefficients = np.float32(attributes["coefficients"]).astype(float).reshape(n_targets, -1)
    products = np.atleast_2d(x).astype(float)[:, None, :] * coefficients
    return products.sum(axis=2) + np.float32(attributes.get("intercepts", [0] * n_targets)).astype(float)
