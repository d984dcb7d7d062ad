"""Random forests, and how the tree operators write them down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from conformance.values import GRID

MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")
N_FEATURES = 4


@dataclass(frozen=True)
class Forest:
    """Full trees whose thresholds lie on the grid of the rows."""

    modes: Sequence[str] = ("BRANCH_LEQ",)
    n_trees: int = 3
    depth: int = 3
    n_targets: int = 3
    tracks_missing: bool = True
    vectors: bool = False  # each leaf has a weight for each target
    by_tree: bool = False  # tree t gives to target t mod n_targets
    probabilities: bool = False  # leaves of all trees add up to less than 1
    tied: bool = False  # a leaf gives the same to each target
    double: bool = False  # thresholds and weights that float32 does not have
    root_last: bool = False

    @property
    def n_inner(self) -> int:
        return 2**self.depth - 1

    def nodes(self) -> list[dict[str, Any]]:
        """The inner nodes of all trees, breadth first."""
        rng = np.random.default_rng(len(self.modes) + self.depth)
        return [
            {
                "tree": tree,
                "node": node,
                "feature": int(rng.integers(N_FEATURES)),
                "mode": self.modes[int(rng.integers(len(self.modes)))],
                "split": float(rng.choice(GRID)) + (0.1 if self.double else 0),
                "missing": int(rng.integers(2)),
                "members": sorted(set(rng.choice(GRID, 3).tolist())),
            }
            for tree in range(self.n_trees)
            for node in range(self.n_inner)
        ]

    def leaves(self) -> list[dict[str, Any]]:
        """The weights of all leaves, in the order of the leaves; with `vectors` several for one."""
        rng = np.random.default_rng(self.n_targets + self.n_trees)
        weights = []
        for tree in range(self.n_trees):
            for node in range(self.n_inner, 2 * self.n_inner + 1):
                own = tree % self.n_targets if self.by_tree else int(rng.integers(self.n_targets))
                shared = self._weight(rng)
                for target in range(self.n_targets) if self.vectors else [own]:
                    weight = shared if self.tied else self._weight(rng)
                    weights.append({"tree": tree, "node": node, "target": target, "weight": weight})
        return weights

    def _weight(self, rng: np.random.Generator) -> float:
        if self.probabilities:
            return float(rng.integers(2, 60 // self.n_trees)) / 64
        # Odd, so that no sum over an odd number of trees is 0.
        return (2 * int(rng.integers(-64, 64)) + 1) / 64 + (0.1 if self.double else 0)


def keyed(forest: Forest, prefix: str, as_tensors: bool = False) -> dict[str, Any]:
    """Attributes of versions 1 to 3; `prefix` is "class" or "target"."""
    table = []
    for node in forest.nodes():
        children = (2 * node["node"] + 1, 2 * node["node"] + 2)
        table.append(
            (node["tree"], node["node"], node["feature"], node["mode"], *children, node["split"], node["missing"])
        )
    for tree in range(forest.n_trees):
        leaf_nodes = range(forest.n_inner, 2 * forest.n_inner + 1)
        table += [(tree, node, 0, "LEAF", 0, 0, 0.0, 0) for node in leaf_nodes]
    table.sort(key=lambda row: (row[0], -row[1] if forest.root_last else row[1]))
    names = ("treeids", "nodeids", "featureids", "modes", "truenodeids", "falsenodeids", "values")
    columns = list(zip(*table, strict=True))
    attributes: dict[str, Any] = {f"nodes_{name}": list(column) for name, column in zip(names, columns, strict=False)}
    if forest.tracks_missing:
        attributes["nodes_missing_value_tracks_true"] = list(columns[-1])
    leaves = forest.leaves()
    for name, key in {"treeids": "tree", "nodeids": "node", "ids": "target", "weights": "weight"}.items():
        attributes[f"{prefix}_{name}"] = [leaf[key] for leaf in leaves]
    if as_tensors:
        for name in ("nodes_values", f"{prefix}_weights"):
            attributes[f"{name}_as_tensor"] = np.array(attributes.pop(name), np.float64)
    return attributes


def indexed(forest: Forest, dtype: Any) -> dict[str, Any]:
    """Attributes of TreeEnsemble. A tree that is a leaf is a node both of whose branches lead there."""
    nodes, leaves = forest.nodes(), forest.leaves()
    n_leaves = forest.n_inner + 1
    if forest.depth == 0:
        nodes = [
            {"tree": t, "node": 0, "feature": 0, "mode": "BRANCH_LEQ", "split": 0.0, "missing": 0, "members": []}
            for t in range(forest.n_trees)
        ]
    n_inner = max(forest.n_inner, 1)

    def child(node: dict[str, Any], side: int) -> tuple[int, int]:
        below = 2 * node["node"] + 1 + side
        if forest.depth == 0:
            return node["tree"], 1
        if below < forest.n_inner:
            return node["tree"] * n_inner + below, 0
        return node["tree"] * n_leaves + below - forest.n_inner, 1

    attributes: dict[str, Any] = {
        "n_targets": forest.n_targets,
        "tree_roots": [tree * n_inner for tree in range(forest.n_trees)],
        "nodes_featureids": [node["feature"] for node in nodes],
        "nodes_modes": np.uint8([(*MODES, "BRANCH_MEMBER").index(node["mode"]) for node in nodes]),
        "nodes_splits": np.array([node["split"] for node in nodes], dtype),
        "leaf_targetids": [leaf["target"] for leaf in leaves],
        "leaf_weights": np.array([leaf["weight"] for leaf in leaves], dtype),
    }
    for side, names in enumerate(
        (("nodes_truenodeids", "nodes_trueleafs"), ("nodes_falsenodeids", "nodes_falseleafs"))
    ):
        for part, name in enumerate(names):
            attributes[name] = [child(node, side)[part] for node in nodes]
    if forest.tracks_missing:
        attributes["nodes_missing_value_tracks_true"] = [node["missing"] for node in nodes]
    sets = [node["members"] for node in nodes if node["mode"] == "BRANCH_MEMBER"]
    if sets:
        attributes["membership_values"] = np.array([value for one in sets for value in (*one, np.nan)], dtype)
    return attributes
