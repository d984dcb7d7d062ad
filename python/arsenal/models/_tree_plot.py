"""A fitted tree as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from arsenal.exceptions import MissingExtraError
from arsenal.models._tree_nodes import Node, read_nodes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Inches per leaf and per character of a label in a picture that makes its own figure.
_LEAF_HEIGHT = 0.3
_CHARACTER_WIDTH = 0.07
#: Points that a branch of all training rows is wide.
_WIDEST = 12.0


def plot_tree(model: Any, tree_index: int = 0, *, ax: Axes | None = None, decimals: int = 4, longest: int = 24) -> Axes:
    """Draw one tree of a fitted model with matplotlib, from the root on the left to the leaves on the right.

    A branch is as wide as its share of the training rows (in boosting by their hessians). The upper branch of a split
    is the one that meets the condition; a small circle marks the branch that missing values take. Leaves show their
    value and weight, red where they raise the score and blue where they lower it, deeper the more they do (of several
    values the last).

    Parameters
    ----------
    model : fitted tree model of ``arsenal.models``
    tree_index : int, default=0
        Which tree; negative numbers count from the last one.
    ax : matplotlib Axes, optional
        Where to draw; without it a new figure is made, large enough to read every node.
    decimals : int, default=4
        Digits after the point of leaf values, and significant digits of thresholds.
    longest : int, default=24
        Characters of a set of categories that are shown; further ones are only counted.

    Returns
    -------
    matplotlib Axes
        ``ax.figure.savefig("tree.svg")`` writes it to a file.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn.datasets import load_diabetes
    >>> from arsenal.models import GradientBoostingRegressor, plot_tree
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> model = GradientBoostingRegressor(n_estimators=1, max_leaf_nodes=4, random_state=0).fit(X, y)
    >>> ax = plot_tree(model)
    >>> print(ax.texts[0].get_text())
    s5 <= -0.003761
    """
    try:
        from matplotlib import colormaps
        from matplotlib import pyplot as plt
    except ImportError:
        raise MissingExtraError("matplotlib", "plots", "plot_tree") from None
    nodes = read_nodes(model).tree(tree_index)
    places = _places(nodes)
    labels = [_label(node, longest, decimals) for node in nodes]
    leaves = [node for node in nodes if node.is_leaf]
    deepest = max(node.depth for node in nodes)
    if ax is None:
        level_width = 0.5 + _CHARACTER_WIDTH * max(map(len, labels))
        size = ((deepest + 1) * level_width, (len(leaves) + 1.5) * _LEAF_HEIGHT)
        ax = plt.subplots(figsize=size, layout="constrained")[1]
    ax.set_axis_off()
    ax.set_title(f"{type(model).__name__}, tree {nodes[0].tree}: {len(leaves)} leaves", loc="left")
    ax.set_xlim(-0.5, deepest + 0.5)
    ax.set_ylim(len(leaves) - 0.4, -0.6)
    whole = nodes[0].cover
    largest = max(abs(value) for leaf in leaves for value in leaf.values)
    for node in nodes[1:]:
        above = node.parent
        assert above is not None
        (x0, y0), (x1, y1) = places[above.number], places[node.number]
        share = node.cover / whole if whole > 0 else 1.0
        ax.plot([x0, x0 + 0.5, x1], [y0, y1, y1], color="0.8", linewidth=max(0.5, _WIDEST * share), zorder=1)
        takes_missing = above.missing_left == (above.left == node.number)
        if takes_missing and above.categories is None:
            ax.plot(x0 + 0.5, y1, marker="o", color="0.35", markersize=3, zorder=2)
    for node, label in zip(nodes, labels, strict=True):
        tone = 0.5 + 0.3 * node.values[-1] / largest if largest > 0 else 0.5
        color = colormaps["coolwarm"](tone) if node.is_leaf else "white"
        box: dict[str, Any] = {"boxstyle": "round,pad=0.25", "edgecolor": "0.5", "linewidth": 0.6, "facecolor": color}
        ax.text(*places[node.number], label, ha="center", va="center", fontsize=8, bbox=box, zorder=3)
    return ax


def _label(node: Node, longest: int, decimals: int) -> str:
    if node.is_leaf:
        return f"{node.value(decimals)}   ({node.cover:.4g})"
    return node.condition(longest, digits=max(decimals, 1))


def _places(nodes: list[Node]) -> dict[int, tuple[float, float]]:
    """Depth and height of each node: leaves one below the other, a split midway between its children."""
    leaves = [node.number for node in nodes if node.is_leaf]
    heights = {number: float(height) for height, number in enumerate(leaves)}
    for node in reversed(nodes):
        if node.left is not None and node.right is not None:
            heights[node.number] = (heights[node.left] + heights[node.right]) / 2
    return {node.number: (float(node.depth), heights[node.number]) for node in nodes}
