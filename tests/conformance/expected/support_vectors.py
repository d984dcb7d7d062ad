"""SVMRegressor and SVMClassifier. The text names the parts; how they combine is LIBSVM's, whose models they carry."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.expected.classes import label_array, top
from conformance.expected.transforms import transform

Array = NDArray[Any]


def svm_regressor(attributes: dict[str, Any], opset: int, x: Array) -> list[Array]:
    coefficients = np.float32(attributes["coefficients"]).astype(float)
    n_supports = attributes.get("n_supports", 0)
    vectors = _rows(attributes["support_vectors"], n_supports) if n_supports else coefficients[None, :]
    alike = kernel(attributes, np.atleast_2d(x).astype(float), vectors)
    scores = (alike @ coefficients if n_supports else alike[:, 0]) + np.float32(attributes["rho"][0])
    if attributes.get("one_class", 0):
        scores = np.where(scores > 0, 1, -1)
    return [transform(attributes.get("post_transform", "NONE"), scores[:, None]).astype(np.float32)]


def svm_classifier(attributes: dict[str, Any], opset: int, x: Array) -> list[Array | None]:
    labels = label_array(attributes, "classlabels_ints")
    name = attributes.get("post_transform", "NONE")
    x = np.atleast_2d(x).astype(float)
    if "support_vectors" not in attributes:  # a linear model: one row of coefficients per class
        scores = kernel(attributes, x, _rows(attributes["coefficients"], len(labels)))
        scores += np.float32(attributes["rho"][0])
        return [top(labels, scores), transform(name, scores).astype(np.float32)]
    decisions, votes = decide(attributes, x, len(labels))
    label = None if np.isnan(decisions).any() else top(labels, votes)
    if "prob_a" in attributes:
        if np.isnan(decisions).any():
            return [None, None]
        probabilities = np.array([couple(_against(attributes, row, len(labels))) for row in decisions])
        return [label, transform(name, probabilities.reshape(len(x), len(labels))).astype(np.float32)]
    # "One per class per example" and "raw scores" contradict each other where decisions are between pairs.
    return [label, None]


def kernel(attributes: dict[str, Any], x: Array, vectors: Array) -> Array:
    gamma, coef0, degree = np.float32(attributes.get("kernel_params", [0, 0, 0])).astype(float)
    products = (x[:, None, :] * vectors).sum(axis=2)
    match attributes.get("kernel_type", "LINEAR"):
        case "POLY":
            return (gamma * products + coef0) ** degree
        case "RBF":
            return np.exp(-gamma * ((x[:, None, :] - vectors) ** 2).sum(axis=2))
        case "SIGMOID":
            return np.tanh(gamma * products + coef0)
    return products


def decide(attributes: dict[str, Any], x: Array, n_classes: int) -> tuple[Array, Array]:
    """The decision between each two classes, and the votes."""
    counts = attributes["vectors_per_class"]
    bounds = np.concatenate([[0], np.cumsum(counts)])
    coefficients = _rows(attributes["coefficients"], n_classes - 1)
    alike = kernel(attributes, x, _rows(attributes["support_vectors"], bounds[-1]))
    decisions, votes = [], np.zeros((len(x), n_classes))
    for i in range(n_classes):
        for j in range(i + 1, n_classes):
            of_i, of_j = slice(bounds[i], bounds[i + 1]), slice(bounds[j], bounds[j + 1])
            one = alike[:, of_i] @ coefficients[j - 1, of_i] + alike[:, of_j] @ coefficients[i, of_j]
            decisions.append(one + np.float32(attributes["rho"][len(decisions)]))
            votes[:, i] += decisions[-1] > 0
            votes[:, j] += ~(decisions[-1] > 0)
    return np.stack(decisions, axis=1), votes


def _against(attributes: dict[str, Any], decisions: Array, n_classes: int) -> Array:
    """The probability of each class against each other one, by Platt's rule."""
    against = np.zeros((n_classes, n_classes))
    pairs = [(i, j) for i in range(n_classes) for j in range(i + 1, n_classes)]
    for (i, j), decision, a, b in zip(pairs, decisions, attributes["prob_a"], attributes["prob_b"], strict=True):
        p = 1 / (1 + np.exp(np.float32(a) * decision + np.float32(b)))
        against[i, j], against[j, i] = p, 1 - p
    return against


def couple(against: Array) -> Array:
    """The p that sums to 1 and makes the sum over pairs of (r_ji p_i - r_ij p_j)² smallest, solved directly."""
    n = len(against)
    q = -against.T * against
    np.fill_diagonal(q, (against**2).sum(axis=0))
    border = np.block([[q, np.ones((n, 1))], [np.ones((1, n)), np.zeros((1, 1))]])
    return np.linalg.solve(border, np.append(np.zeros(n), 1))[:n]


def _rows(numbers: list[float], n_rows: int) -> Array:
    return np.float32(numbers).astype(float).reshape(n_rows, -1)
