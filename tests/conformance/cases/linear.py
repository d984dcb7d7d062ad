"""LinearRegressor and LinearClassifier: targets, transforms, kinds of labels, ties."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from conformance.case import Case
from conformance.values import NUMBERS, kinds, rows

OPSETS = (1, 5)
TRANSFORMS = ("NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT")
COEFFICIENTS = [0.5, -1.25, 2.0, 1.5, 0.25, -0.75, -2.0, 1.0, 0.5]
INTERCEPTS = [0.125, -0.5, 0.375]
# For PROBIT, whose arguments are probabilities: rows of small numbers give scores around 1/2.
SMALL = [0.03, -0.02, 0.04, 0.01, 0.02, -0.03, -0.02, 0.01, 0.02]
# Sums of single precision in an order that is the runtime's own; and PROBIT, for which the text has no formula: what
# runtimes share is an approximation.
TOLERANCE = {name: {"rtol": 4e-6, "atol": 4e-6} for name in TRANSFORMS} | {"PROBIT": {"rtol": 3e-3, "atol": 3e-3}}
# Which rows say nothing: transforms of infinities; classes that differ by less than a rounding where scores are small.
LEFT_OUT = {"NONE": (), "PROBIT": ("nan", "infinite", "just above", "just below", "denormal")}


def parameters(transform: str, n_scores: int) -> dict[str, Any]:
    coefficients = SMALL if transform == "PROBIT" else COEFFICIENTS
    intercepts = [0.5, 0.4, 0.6] if transform == "PROBIT" else INTERCEPTS
    return {"coefficients": coefficients[: 3 * n_scores], "intercepts": intercepts[:n_scores]}


def cases() -> Iterator[Case]:
    for opset in OPSETS:
        for transform in TRANSFORMS:
            for dtype in NUMBERS:
                for kind in kinds(dtype):
                    if kind in LEFT_OUT.get(transform, ("nan", "infinite")):
                        continue
                    x = rows(kind, dtype, 3)
                    yield from of_rows(opset, transform, kind, x)
        whole = rows("on the grid", np.float32, 3)
        yield from of_rows(opset, "NONE", "1-D", whole[1])


def of_rows(opset: int, transform: str, kind: str, x: Any) -> Iterator[Case]:
    tolerance = TOLERANCE[transform]
    for n_targets in (1, 3):
        attributes = parameters(transform, n_targets) | {"post_transform": transform, "targets": n_targets}
        form = f"{n_targets} targets, {transform}" if n_targets > 1 else f"1 target, {transform}"
        yield Case("LinearRegressor", opset, form, kind, (x,), attributes, **tolerance)
    for labels, name in (([4, -7, 2], "classlabels_ints"), (["b", "", "ü"], "classlabels_strings")):
        style = "integers" if name.endswith("ints") else "strings"
        attributes = parameters(transform, 3) | {"post_transform": transform, name: labels}
        yield classifier(opset, f"3 {style}, {transform}", kind, x, attributes, tolerance)
        if transform != "SOFTMAX":
            tied = attributes | {"coefficients": attributes["coefficients"][:3] * 3, "intercepts": [0.5] * 3}
            yield classifier(opset, f"3 {style}, {transform}, ties", kind, x, tied, tolerance)
        pair = parameters(transform, 2) | {"post_transform": transform, name: labels[:2]}
        yield classifier(opset, f"2 {style}, {transform}", kind, x, pair, tolerance)
        if transform in ("NONE", "LOGISTIC"):
            single = parameters(transform, 1) | {"post_transform": transform, name: labels[:2]}
            yield classifier(opset, f"2 {style} of one score, {transform}", kind, x, single, tolerance)


def classifier(opset: int, form: str, kind: str, x: Any, attributes: dict[str, Any], tolerance: Any) -> Case:
    return Case("LinearClassifier", opset, form, kind, (x,), attributes, n_outputs=2, **tolerance)
