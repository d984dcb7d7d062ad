"""Shapley values by their definition, from the data frame of a model's trees."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd


def walk(nodes: pd.DataFrame, row: Any, known: Any, other: Any = None) -> Any:
    """What a coalition of known columns is worth to one tree of the data frame."""
    by_index = {node.node_index: node for node in nodes.itertuples()}

    def below(node: Any) -> Any:
        if pd.isna(node.split_feature):
            return np.asarray(node.value)
        children = [by_index[node.left_child], by_index[node.right_child]]
        if node.split_feature in known or other is not None:
            value = (row if node.split_feature in known else other)[node.split_feature]
            if node.decision_type == "in":
                left = not pd.isna(value) and value in node.threshold
            elif pd.isna(value):
                left = node.missing_direction == "left"
            else:
                left = value <= node.threshold
            return below(children[0] if left else children[1])
        total = sum(child.weight for child in children)
        return sum(child.weight / total * below(child) for child in children)

    return below(next(nodes.itertuples()))


def shapley(model: Any, row: Any, background: Any = None, *, of_trees: Any = np.sum) -> tuple[np.ndarray, Any]:
    """Values by every coalition of the columns, and what is expected; ``of_trees`` makes one of the trees' values."""
    columns = list(model.feature_names_in_)
    trees = [nodes for _, nodes in model.trees_to_dataframe().groupby("tree_index")]
    others = [None] if background is None else [other for _, other in background.iterrows()]
    worth = {}
    for known in itertools.chain.from_iterable(itertools.combinations(columns, k) for k in range(len(columns) + 1)):
        each = [of_trees([walk(nodes, row, known, other) for nodes in trees], axis=0) for other in others]
        worth[known] = np.mean(each, axis=0)
    n = len(columns)
    values = []
    for column in columns:
        value = 0.0
        for known in (known for known in worth if column not in known):
            weight = math.factorial(len(known)) * math.factorial(n - len(known) - 1) / math.factorial(n)
            joined = tuple(name for name in columns if name in known or name == column)
            value = value + weight * (worth[joined] - worth[known])
        values.append(value)
    return np.array(values), worth[()]
