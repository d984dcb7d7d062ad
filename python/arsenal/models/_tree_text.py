"""A fitted tree as text."""

from __future__ import annotations

from typing import Any

from arsenal.models._tree_nodes import read_nodes


def export_text(model: Any, tree_index: int = 0, *, max_depth: int | None = None, decimals: int = 4) -> str:
    """One tree of a fitted model as indented text, in the manner of :func:`sklearn.tree.export_text`.

    Parameters
    ----------
    model : fitted tree model of ``arsenal.models``
    tree_index : int, default=0
        Which tree; negative numbers count from the last one.
    max_depth : int or None, default=None
        Splits below this depth are only counted.
    decimals : int, default=4
        Digits after the point of leaf values, and significant digits of thresholds.

    Returns
    -------
    str
        A line per branch, then one per leaf with its value and the sum of the hessians (in boosting) or weights of its
        training rows.

    Examples
    --------
    >>> import numpy as np
    >>> from arsenal.models import GradientBoostingRegressor, export_text
    >>> X = np.arange(100.0).reshape(100, 1)
    >>> model = GradientBoostingRegressor(n_estimators=1, learning_rate=1, max_leaf_nodes=2).fit(X, X[:, 0] > 39)
    >>> print(export_text(model), end="")
    |--- x0 <= 39.5
    |   |--- value: 0.0000 (weight 40)
    |--- x0 > 39.5 or missing
    |   |--- value: 1.0000 (weight 60)
    """
    nodes = read_nodes(model).tree(tree_index)
    lines: list[str] = []

    def below(number: int) -> int:
        """Number of leaves."""
        node = nodes[number]
        return 1 if node.left is None or node.right is None else below(node.left) + below(node.right)

    open_branches: list[tuple[int, str | None]] = [(0, None)]
    while open_branches:
        number, branch = open_branches.pop()
        node = nodes[number]
        if branch is not None:
            lines.append("|   " * (node.depth - 1) + f"|--- {branch}")
        indent = "|   " * node.depth + "|--- "
        if node.left is None or node.right is None:
            lines.append(f"{indent}value: {node.value(decimals)} (weight {node.cover:.6g})")
        elif max_depth is not None and node.depth >= max_depth:
            lines.append(f"{indent}… {below(number)} leaves, mean value: {node.value(decimals)}")
        else:
            left = node.condition(digits=max(decimals, 1))
            right = left.replace(" <= ", " > ") if node.categories is None else left.replace(" in {", " not in {")
            missing = " or missing"
            open_branches.append((node.right, right + missing * (not node.missing_left)))
            open_branches.append((node.left, left + missing * node.missing_left))
    return "\n".join(lines) + "\n"
