"""SVMRegressor and SVMClassifier: kernels, one class, two and more, with probabilities and without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from conformance.case import Case
from conformance.values import NUMBERS, kinds, rows

OPSETS = (1, 5)
KERNELS = {
    "LINEAR": [0.0, 0.0, 0.0],
    "POLY": [0.25, 1.0, 2.0],
    "RBF": [0.125, 0.0, 0.0],
    "SIGMOID": [0.125, 0.25, 0.0],
}
N_COLUMNS = 3
TOLERANCE = {"rtol": 2e-5, "atol": 2e-5}  # sums of single precision over kernels
# An iterative solution: LIBSVM stops where no equation is off by more than 0.005 over the number of classes.
COUPLED = {"rtol": 5e-3, "atol": 5e-3}


def cases() -> Iterator[Case]:
    for opset in OPSETS:
        for kernel in KERNELS:
            for dtype in NUMBERS:
                for kind in kinds(dtype):
                    if kind not in ("nan", "infinite"):  # infinities cancel within a kernel in no order of the text's
                        yield from of_rows(opset, kernel, kind, rows(kind, dtype, N_COLUMNS))
            yield from of_rows(opset, kernel, "1-D", rows("on the grid", np.float32, N_COLUMNS)[2])


def of_rows(opset: int, kernel: str, kind: str, x: Any) -> Iterator[Case]:
    rng = np.random.default_rng(1)
    base = {"kernel_type": kernel, "kernel_params": KERNELS[kernel]}
    vectors = rng.choice(np.arange(-2, 2.5, 0.5), (4, N_COLUMNS)).ravel().tolist()
    attributes = base | {
        "support_vectors": vectors,
        "coefficients": [0.5, -1.25, 0.75, 1.5],
        "rho": [0.1875],
        "n_supports": 4,
    }
    yield Case("SVMRegressor", opset, kernel, kind, (x,), attributes, **TOLERANCE)
    yield Case("SVMRegressor", opset, f"{kernel}, one class", kind, (x,), attributes | {"one_class": 1})
    if kernel == "RBF":
        logistic = attributes | {"post_transform": "LOGISTIC"}
        yield Case("SVMRegressor", opset, f"{kernel}, LOGISTIC", kind, (x,), logistic, **TOLERANCE)
    if kernel == "LINEAR":
        linear = base | {"coefficients": [0.5, -1.25, 0.75], "rho": [0.1875]}
        yield Case("SVMRegressor", opset, "LINEAR, without vectors", kind, (x,), linear, **TOLERANCE)
    yield from classifiers(opset, kernel, kind, x)


def classifiers(opset: int, kernel: str, kind: str, x: Any) -> Iterator[Case]:
    base = {"kernel_type": kernel, "kernel_params": KERNELS[kernel]}
    for n_classes, name, labels in ((2, "classlabels_ints", [3, -5]), (3, "classlabels_strings", ["b", "", "ü"])):
        attributes = base | {name: labels} | pairs(n_classes)
        yield classifier(opset, f"{kernel}, {n_classes} classes", kind, x, attributes, TOLERANCE)
        n_pairs = n_classes * (n_classes - 1) // 2
        platt = {"prob_a": [-1.5, -0.75, -1.0][:n_pairs], "prob_b": [0.125, -0.25, 0.0][:n_pairs]}
        form = f"{kernel}, {n_classes} classes, probabilities"
        yield classifier(opset, form, kind, x, attributes | platt, COUPLED)
        if kernel == "LINEAR":
            coefficients = [0.5, -1.25, 2.0, 1.5, 0.25, -0.75, -2.0, 1.0, 0.5][: n_classes * N_COLUMNS]
            for sign, signed in (("", coefficients), (", no negative weight", np.abs(coefficients).tolist())):
                linear = base | {name: labels, "coefficients": signed, "rho": [0.1875]}
                form = f"LINEAR, {n_classes} classes, without vectors{sign}"
                yield classifier(opset, form, kind, x, linear, TOLERANCE)


def pairs(n_classes: int) -> dict[str, Any]:
    """Two vectors per class, the coefficients and offsets of each pair."""
    rng = np.random.default_rng(n_classes)
    n_vectors = 2 * n_classes
    return {
        "vectors_per_class": [2] * n_classes,
        "support_vectors": rng.choice(np.arange(-2, 2.5, 0.5), n_vectors * N_COLUMNS).tolist(),
        "coefficients": rng.choice([-1.25, -0.5, 0.75, 1.0], n_vectors * (n_classes - 1)).tolist(),
        "rho": [0.1875, -0.3125, 0.0625][: n_classes * (n_classes - 1) // 2],
    }


def classifier(opset: int, form: str, kind: str, x: Any, attributes: dict[str, Any], tolerance: Any) -> Case:
    return Case("SVMClassifier", opset, form, kind, (x,), attributes, n_outputs=2, **tolerance)
