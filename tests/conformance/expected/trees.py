"""TreeEnsembleRegressor, TreeEnsembleClassifier and TreeEnsemble: each row walks each tree."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.expected.classes import label_array, top
from conformance.expected.transforms import NUMBERED, transform

Array = NDArray[Any]
Votes = list[tuple[int, float]]

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "BRANCH_LEQ": operator.le,
    "BRANCH_LT": operator.lt,
    "BRANCH_GTE": operator.ge,
    "BRANCH_GT": operator.gt,
    "BRANCH_EQ": operator.eq,
    "BRANCH_NEQ": operator.ne,
    "BRANCH_MEMBER": lambda x, members: x in members,
}
AGGREGATES = {"SUM": np.sum, "AVERAGE": np.mean, "MIN": np.min, "MAX": np.max}
BRANCHES = {True: ("nodes_truenodeids", "nodes_trueleafs"), False: ("nodes_falsenodeids", "nodes_falseleafs")}
NUMBERED_AGGREGATES = ("AVERAGE", "SUM", "MIN", "MAX")


def tree_ensemble_regressor(attributes: dict[str, Any], opset: int, x: Array) -> list[Array]:
    votes = [list(_keyed_votes(attributes, "target", row)) for row in x]
    scores = _aggregate(votes, attributes["n_targets"], attributes.get("aggregate_function", "SUM"))
    scores += _reals(attributes, "base_values") if _has(attributes, "base_values") else 0
    return [transform(attributes.get("post_transform", "NONE"), scores).astype(np.float32)]


def tree_ensemble_classifier(attributes: dict[str, Any], opset: int, x: Array) -> list[Array | None]:
    labels = label_array(attributes, "classlabels_int64s")
    votes = [list(_keyed_votes(attributes, "class", row)) for row in x]
    scores = _aggregate(votes, len(labels), "SUM")
    scores += _reals(attributes, "base_values") if _has(attributes, "base_values") else 0
    return [top(labels, scores), transform(attributes.get("post_transform", "NONE"), scores).astype(np.float32)]


def tree_ensemble(attributes: dict[str, Any], opset: int, x: Array) -> list[Array]:
    members = _member_sets(attributes)
    votes = [[_indexed_leaf(attributes, members, root, row) for root in attributes["tree_roots"]] for row in x]
    aggregate = NUMBERED_AGGREGATES[attributes.get("aggregate_function", 1)]
    scores = _aggregate([[[vote] for vote in row] for row in votes], attributes["n_targets"], aggregate)
    return [transform(NUMBERED[attributes.get("post_transform", 0)], scores).astype(x.dtype)]


def goes_true(mode: str, x: Any, split: Any, nan_goes_true: bool) -> bool:
    """A missing value follows its flag, whatever the comparison would say."""
    return nan_goes_true if np.isnan(x) else bool(COMPARISONS[mode](x, split))


def _aggregate(votes: list[list[Votes]], n_targets: int, aggregate: str) -> Array:
    """[rows, targets] from the votes of each row's leaves, a leaf per tree."""
    scores = np.zeros((len(votes), n_targets))
    for row, leaves in enumerate(votes):
        for target in range(n_targets):
            weights = [weight for leaf in leaves for index, weight in leaf if index == target]
            scores[row, target] = AGGREGATES[aggregate](weights) if weights else 0
    return scores


# --- versions 1 to 3: nodes are found by tree and node id ---


def _has(attributes: dict[str, Any], name: str) -> bool:
    return name in attributes or f"{name}_as_tensor" in attributes


def _reals(attributes: dict[str, Any], name: str) -> Array:
    """Float attributes, or their twin in double."""
    return attributes[f"{name}_as_tensor"] if f"{name}_as_tensor" in attributes else np.float32(attributes[name])


def _keyed_votes(attributes: dict[str, Any], prefix: str, row: Array) -> Iterable[Votes]:
    keys = list(zip(attributes["nodes_treeids"], attributes["nodes_nodeids"], strict=True))
    position = {key: i for i, key in enumerate(keys)}
    children = {
        (tree, attributes[f"nodes_{side}nodeids"][i])
        for (tree, _), i in position.items()
        if attributes["nodes_modes"][i] != "LEAF"
        for side in ("true", "false")
    }
    weights: dict[tuple[int, int], Votes] = {key: [] for key in keys}
    for tree, node, index, weight in zip(
        attributes[f"{prefix}_treeids"],
        attributes[f"{prefix}_nodeids"],
        attributes[f"{prefix}_ids"],
        _reals(attributes, f"{prefix}_weights"),
        strict=True,
    ):
        weights[tree, node].append((index, float(weight)))
    for root in (key for key in keys if key not in children):
        yield weights[_keyed_leaf(attributes, position, root, row)]


def _keyed_leaf(
    attributes: dict[str, Any], position: dict[tuple[int, int], int], root: tuple[int, int], row: Array
) -> tuple[int, int]:
    splits = _reals(attributes, "nodes_values")
    tracks = attributes.get("nodes_missing_value_tracks_true", [0] * len(position))
    key = root
    while (mode := attributes["nodes_modes"][position[key]]) != "LEAF":
        i = position[key]
        true = goes_true(mode, row[attributes["nodes_featureids"][i]], splits[i], bool(tracks[i]))
        key = (key[0], attributes["nodes_truenodeids" if true else "nodes_falsenodeids"][i])
    return key


# --- version 5: nodes and leaves are found by position ---


def _member_sets(attributes: dict[str, Any]) -> list[set[float]]:
    """The set of each node of mode BRANCH_MEMBER; the lists are delimited by NaN."""
    sets: list[set[float]] = [set()]
    for value in attributes.get("membership_values", []):
        if np.isnan(value):
            sets.append(set())
        else:
            sets[-1].add(float(value))
    return sets


def _indexed_leaf(attributes: dict[str, Any], sets: list[set[float]], root: int, row: Array) -> tuple[int, float]:
    modes = attributes["nodes_modes"]
    tracks = attributes.get("nodes_missing_value_tracks_true", [0] * len(modes))
    i, is_leaf = root, False
    while not is_leaf:
        mode = tuple(COMPARISONS)[modes[i]]
        which = int((modes[:i] == 6).sum())
        split = sets[which] if mode == "BRANCH_MEMBER" else attributes["nodes_splits"][i]
        goes = goes_true(mode, row[attributes["nodes_featureids"][i]], split, bool(tracks[i]))
        ids, leaf_flags = BRANCHES[goes]
        i, is_leaf = attributes[ids][i], bool(attributes[leaf_flags][i])
    return attributes["leaf_targetids"][i], float(attributes["leaf_weights"][i])
