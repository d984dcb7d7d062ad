"""TreeEnsembleRegressor, TreeEnsembleClassifier and TreeEnsemble: modes, missing values, aggregates, transforms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from conformance.case import Case
from conformance.cases.forest import MODES, Forest, indexed, keyed
from conformance.values import FLOATS, NUMBERS, kinds, rows

N_COLUMNS = 4
TRANSFORMS = ("NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT")
AGGREGATES = ("AVERAGE", "SUM", "MIN", "MAX")
# Leaves are multiples of 1/64, so that sums are exact. PROBIT has no formula in the text.
TOLERANCE: dict[str, dict[str, float]] = {name: {"rtol": 4e-6, "atol": 2e-7} for name in TRANSFORMS}
TOLERANCE |= {"NONE": {}, "PROBIT": {"rtol": 3e-3, "atol": 3e-3}}
# The numbers that transforms have in TreeEnsemble.
NUMBERS_OF_TRANSFORMS = {"NONE": 0, "SOFTMAX": 1, "LOGISTIC": 2, "SOFTMAX_ZERO": 3, "PROBIT": 4}


def cases() -> Iterator[Case]:
    for opset in (1, 3, 5):
        yield from regressors(opset)
        yield from classifiers(opset)
    yield from ensembles()


def walks() -> Iterator[tuple[str, Forest]]:
    """What decides the path: every mode with missing values to either side, all modes at once, odd shapes."""
    for mode in MODES:
        yield mode, Forest(modes=[mode])
    yield "all modes", Forest(modes=MODES)
    yield "all modes, missing goes false by default", Forest(modes=MODES, tracks_missing=False)
    yield "single leaves", Forest(depth=0)
    yield "many trees", Forest(n_trees=40, depth=5)
    yield "leaves of all targets", Forest(vectors=True)
    yield "root comes last", Forest(root_last=True)


def over_rows(dtypes: Any, operator: str, opset: int, form: str, attributes: dict[str, Any], **more: Any) -> Any:
    for dtype in dtypes:
        for kind in kinds(dtype):
            yield Case(operator, opset, form, kind, (rows(kind, dtype, N_COLUMNS),), attributes, **more)


def regressors(opset: int) -> Iterator[Case]:
    def of(form: str, attributes: dict[str, Any], dtypes: Any = NUMBERS, **more: Any) -> Iterator[Case]:
        return over_rows(dtypes, "TreeEnsembleRegressor", opset, form, attributes, **more)

    for form, forest in walks():
        yield from of(form, keyed(forest, "target") | {"n_targets": forest.n_targets})
    if opset >= 3:
        double = keyed(Forest(double=True), "target", as_tensors=True) | {"n_targets": 3}
        yield from of("double thresholds", double, [np.float64], rtol=1e-6, atol=1e-6)
    for aggregate in AGGREGATES:
        for base in ([], [0.5, -1.0, 0.25]):
            attributes = keyed(Forest(vectors=True, n_trees=4), "target") | {
                "n_targets": 3,
                "aggregate_function": aggregate,
            }
            form = f"{aggregate}, base values" if base else aggregate
            yield from of(form, attributes | ({"base_values": base} if base else {}), [np.float32, np.float64])
    for transform in TRANSFORMS[1:]:
        for n_targets in (1, 3):
            forest = Forest(n_targets=n_targets, vectors=True, probabilities=transform == "PROBIT")
            attributes = keyed(forest, "target") | {"n_targets": n_targets, "post_transform": transform}
            form = f"{n_targets} targets, {transform}" if n_targets > 1 else f"1 target, {transform}"
            yield from of(form, attributes, [np.float32], **TOLERANCE[transform])


def classifiers(opset: int) -> Iterator[Case]:
    def of(form: str, attributes: dict[str, Any], dtypes: Any = (np.float32,), **more: Any) -> Iterator[Case]:
        return over_rows(dtypes, "TreeEnsembleClassifier", opset, form, attributes, n_outputs=2, **more)

    integers, strings = {"classlabels_int64s": [7, -2, 4]}, {"classlabels_strings": ["b", "", "ü"]}
    for form, forest in walks():
        yield from of(form, keyed(forest, "class") | integers, NUMBERS)
    if opset >= 3:
        double = keyed(Forest(double=True), "class", as_tensors=True) | strings
        yield from of("double thresholds", double, [np.float64], rtol=1e-6, atol=1e-6)
    yield from of("ties", keyed(Forest(vectors=True, tied=True), "class") | strings)
    yield from of("base values", keyed(Forest(), "class") | integers | {"base_values": [0.5, -1.0, 0.25]})
    for transform in TRANSFORMS:
        more = TOLERANCE[transform] | {}
        forest = Forest(vectors=True, probabilities=transform == "PROBIT")
        yield from of(
            f"3 classes, {transform}", keyed(forest, "class") | strings | {"post_transform": transform}, **more
        )
        forest = Forest(n_targets=2, vectors=True, probabilities=transform == "PROBIT")
        pair = {"classlabels_int64s": [5, -5], "post_transform": transform}
        yield from of(f"2 classes, {transform}", keyed(forest, "class") | pair, **more)
        for which in (0, 1):
            forest = Forest(n_targets=1, probabilities=transform == "PROBIT")
            single = keyed(forest, "class") | pair
            single["class_ids"] = [which] * len(single["class_ids"])
            yield from of(f"2 classes, weights of class {which} alone, {transform}", single, **more)
        positive = keyed(Forest(n_targets=1, probabilities=True), "class") | pair
        positive["class_ids"] = [1] * len(positive["class_ids"])
        yield from of(f"2 classes, positive weights of class 1 alone, {transform}", positive, **more)


def ensembles() -> Iterator[Case]:
    """Version 5 of the trees: leaves apart from nodes, sets of members, weights of the input's own type."""
    for dtype in FLOATS:
        forests = [(form, forest) for form, forest in walks() if not forest.vectors and form != "root comes last"]
        forests += [
            ("BRANCH_MEMBER", Forest(modes=["BRANCH_MEMBER"])),
            ("BRANCH_MEMBER and all modes", Forest(modes=[*MODES, "BRANCH_MEMBER"])),
            ("1 target", Forest(n_targets=1)),
        ]
        for form, forest in forests:
            yield from over_rows([dtype], "TreeEnsemble", 5, form, indexed(forest, dtype))
        for number, aggregate in enumerate(AGGREGATES):
            attributes = indexed(Forest(n_targets=1, n_trees=4), dtype) | {"aggregate_function": number}
            yield from over_rows([dtype], "TreeEnsemble", 5, aggregate, attributes)
        for transform in TRANSFORMS[1:]:
            for n_targets in (1, 3):
                # Trees enough that each target has a leaf, and no sum is 0.
                forest = Forest(n_targets=n_targets, n_trees=6, by_tree=True, probabilities=transform == "PROBIT")
                attributes = indexed(forest, dtype) | {"post_transform": NUMBERS_OF_TRANSFORMS[transform]}
                form = f"{n_targets} targets, {transform}" if n_targets > 1 else f"1 target, {transform}"
                yield from over_rows([dtype], "TreeEnsemble", 5, form, attributes, **TOLERANCE[transform])
