"""The nodes of a fitted model's trees: what the data frame, the text and the picture of a tree are made of."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from arsenal._native import _rust
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError, MissingExtraError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Node:
    """A split or a leaf. Numbers of nodes count within the tree, from the root down, left before right."""

    tree: int
    number: int
    depth: int
    parent: Node | None
    #: Number of the left and the right child; None for a leaf.
    left: int | None
    right: int | None
    #: The column that a split asks for, by number and by name.
    feature: int | None
    name: str | None
    #: Values of at most this go left; None at leaves and where categories are asked for.
    threshold: float | None
    #: These categories go left; None where numbers are compared.
    categories: list[Any] | None
    missing_left: bool
    gain: float
    #: Sum of the training rows' hessians or weights.
    cover: float
    #: What a leaf adds to the score of each of the tree's targets; at a split the mean of the leaves below.
    values: list[float]

    @property
    def is_leaf(self) -> bool:
        """Whether it ends the way."""
        return self.left is None

    def value(self, decimals: int) -> str:
        """The value as text, in brackets if there are several."""
        texts = [f"{value:z.{decimals}f}" for value in self.values]
        return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"

    @property
    def index(self) -> str:
        """LightGBM's name of a node."""
        return f"{self.tree}-{'L' if self.is_leaf else 'S'}{self.number}"

    def condition(self, longest: int = 40, digits: int = 4) -> str:
        """Which rows go left: ``distance <= 500``, ``carrier in {AA, DL, … 7 more}``."""
        if self.categories is not None:
            return f"{self.name} in {{{shortened([str(level) for level in self.categories], longest)}}}"
        return f"{self.name} <= {self.threshold:.{digits}g}"


def shortened(texts: list[str], longest: int) -> str:
    """Texts with commas between them, the last ones only counted if together they are longer than that."""
    shown: list[str] = []
    for text in texts:
        if shown and sum(map(len, shown)) + 2 * len(shown) + len(text) > longest:
            return f"{', '.join(shown)}, … {len(texts) - len(shown)} more"
        shown.append(text)
    return ", ".join(shown)


class TreeNodes:
    """All trees of a model."""

    def __init__(self, columns: dict[str, list[Any]]) -> None:
        self._columns = columns
        trees = columns["tree"]
        self._first = [place for place, node in enumerate(columns["node"]) if node == 0]
        self._end = [*self._first[1:], len(trees)]

    def __len__(self) -> int:
        return len(self._first)

    def tree(self, index: int) -> list[Node]:
        """The nodes of one tree."""
        if not -len(self) <= index < len(self):
            raise ArsenalValueError(f"tree_index is {index}, the model has {len(self)} trees")
        columns = self._columns
        first, end = self._first[index], self._end[index]
        values = self._values(first, end)
        nodes: list[Node] = []
        for place in range(first, end):
            feature, codes = columns["feature"][place], columns["codes"][place]
            is_leaf = feature < 0
            parent = columns["parent"][place]
            nodes.append(
                Node(
                    tree=columns["tree"][place],
                    number=columns["node"][place],
                    depth=columns["depth"][place],
                    parent=None if parent < 0 else nodes[parent],
                    left=None if is_leaf else columns["left"][place],
                    right=None if is_leaf else columns["right"][place],
                    feature=None if is_leaf else feature,
                    name=None if is_leaf else columns["names"][feature],
                    threshold=None if is_leaf or codes is not None else columns["threshold"][place],
                    categories=None if codes is None else [columns["levels"][feature][code - 1] for code in codes],
                    missing_left=columns["missing_left"][place],
                    gain=columns["gain"][place],
                    cover=columns["cover"][place],
                    values=values[place - first],
                )
            )
        return nodes

    def _values(self, first: int, end: int) -> list[list[float]]:
        """Values of a tree's nodes, those of splits from below."""
        columns = self._columns
        values = list(columns["value"][first:end])
        covers = columns["cover"][first:end]
        for place in reversed(range(end - first)):
            if not values[place]:
                left, right = (columns[side][first + place] for side in ("left", "right"))
                total = covers[left] + covers[right]
                share = covers[left] / total if total > 0 else 0.5
                pairs = zip(values[left], values[right], strict=True)
                values[place] = [share * of_left + (1 - share) * of_right for of_left, of_right in pairs]
        return values

    def __iter__(self) -> Iterator[list[Node]]:
        return (self.tree(index) for index in range(len(self)))

    def to_dataframe(self) -> pd.DataFrame:
        """One row per node."""
        if importlib.util.find_spec("pandas") is None:
            raise MissingExtraError("pandas", "tables", "trees_to_dataframe")
        import pandas as pd

        rows = []
        for nodes in self:
            for node in nodes:
                is_leaf = node.is_leaf
                rows.append(
                    {
                        "tree_index": node.tree,
                        "node_depth": node.depth + 1,
                        "node_index": node.index,
                        "left_child": None if node.left is None else nodes[node.left].index,
                        "right_child": None if node.right is None else nodes[node.right].index,
                        "parent_index": None if node.parent is None else node.parent.index,
                        "split_feature": node.name,
                        "split_gain": node.gain,
                        "threshold": node.threshold if node.categories is None else node.categories,
                        "decision_type": None if is_leaf else "<=" if node.categories is None else "in",
                        "missing_direction": None if is_leaf else "left" if node.missing_left else "right",
                        "value": node.values[0] if len(node.values) == 1 else node.values,
                        "weight": node.cover,
                    }
                )
        return pd.DataFrame(rows)


def read_nodes(model: Any) -> TreeNodes:
    """The trees of a fitted estimator."""
    if not hasattr(type(model), "trees_to_dataframe"):
        raise ArsenalTypeError(f"model is a {type(model).__name__}, wanted a tree model of arsenal.models")
    return TreeNodes(_rust.tree_nodes(model._ensemble()))
