"""Single decision trees with the scikit-learn API."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from arsenal.models._forest_base import ClassTrees, NumberTrees, Trees


class _DecisionTree(Trees):
    """What only single trees have."""

    splitter: str

    def _splitter(self) -> str:
        return self.splitter

    def apply(self, X: Any) -> npt.NDArray[np.int64]:
        """Number of the leaf that each row falls into.

        Parameters
        ----------
        X : table of shape (n_samples, n_features)
            As in ``fit``.

        Returns
        -------
        ndarray of shape (n_samples,)
            Nodes are numbered from the root, left before right, as in scikit-learn.
        """
        return self._leaves(X)[:, 0]

    def decision_path(self, X: Any) -> Any:
        """Nodes that each row passes.

        Parameters
        ----------
        X : table of shape (n_samples, n_features)
            As in ``fit``.

        Returns
        -------
        sparse matrix of shape (n_samples, n_nodes)
            1 where a row passes a node.
        """
        return self._paths(X)[0]

    def get_depth(self) -> int:
        """Most splits from the root to a leaf."""
        check_is_fitted(self)
        return int(self._learned.state.depths[0])

    def get_n_leaves(self) -> int:
        """Number of leaves."""
        check_is_fitted(self)
        return int(self._learned.state.n_leaves[0])


class DecisionTreeClassifier(ClassTrees, _DecisionTree):
    """A decision tree of classes, grown on binned columns.

    Columns have at most ``max_bins`` bins, cuts lie between them; categories and missing values are handled as in
    :class:`RandomForestClassifier`. Fitting takes O(rows x columns x depth).

    Parameters
    ----------
    splitter : "best" or "random", default="best"
        Whether a column is cut at the best place or at a random one.
    criterion : "gini", "entropy" or "log_loss", default="gini"
        What splits lower; the last two are the same.
    max_depth : int or None, default=None
        Most splits from the root to a leaf.
    min_samples_split, min_samples_leaf : int or float, default=2 and 1
        Fewest rows in a node that is split, and in a leaf; a float is a share of the rows.
    min_weight_fraction_leaf : float, default=0
        Smallest share of all weights in a leaf.
    max_features : "sqrt", "log2", int, float or None, default=None
        Columns that each split looks at, drawn anew; more only while all of these are constant in the node.
    max_leaf_nodes : int or None, default=None
        Most leaves of a tree; the best splits come first then.
    min_impurity_decrease : float, default=0
        Smallest decrease of impurity, weighed by the node's share of all weights.
    random_state : int, RandomState or None, default=None
        Seed of the draws of columns and, with ``splitter="random"``, of cuts.
    class_weight : dict, "balanced", list of dict or None, default=None
        Weights of the classes, as in scikit-learn.
    ccp_alpha : float, default=0
        Cost of a leaf; subtrees that are not worth theirs are cut.
    monotonic_cst : array-like of shape (n_features,), dict of str to int or None, default=None
        1 where the prediction must rise with a column, -1 where it must fall, 0 elsewhere; a dict names its columns.
        For two classes and one output.
    max_bins : int, default=255
        Most bins of a column besides the one for missing values, 2 to 255.
    categorical_features : "from_dtype", None or array-like, default="from_dtype"
        Columns to treat as categories, as in :class:`RandomForestClassifier`.
    n_jobs : int or None, default=None
        Threads of binning and predicting.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,), or a list of them for several outputs
        Class labels.
    n_classes_ : int or list of int
        Number of classes.
    n_outputs_ : int
        Number of outputs.
    feature_importances_ : ndarray of shape (``n_features_in_``,)
        Share of each column in the decrease of impurity.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    Left out of scikit-learn's interface are ``tree_`` and ``cost_complexity_pruning_path``.

    References
    ----------
    Breiman, Friedman, Olshen and Stone, "Classification and regression trees" (1984).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from arsenal.models import DecisionTreeClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, y)
    >>> model.get_depth()
    3
    >>> bool(model.score(X, y) > 0.95)
    True
    """

    def __init__(
        self,
        *,
        criterion: str = "gini",
        splitter: str = "best",
        max_depth: int | None = None,
        min_samples_split: float = 2,
        min_samples_leaf: float = 1,
        min_weight_fraction_leaf: float = 0.0,
        max_features: Any = None,
        random_state: Any = None,
        max_leaf_nodes: int | None = None,
        min_impurity_decrease: float = 0.0,
        class_weight: Any = None,
        ccp_alpha: float = 0.0,
        monotonic_cst: Any = None,
        max_bins: int = 255,
        categorical_features: Any = "from_dtype",
        n_jobs: int | None = None,
    ) -> None:
        self.criterion = criterion
        self.splitter = splitter
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.max_features = max_features
        self.random_state = random_state
        self.max_leaf_nodes = max_leaf_nodes
        self.min_impurity_decrease = min_impurity_decrease
        self.class_weight = class_weight
        self.ccp_alpha = ccp_alpha
        self.monotonic_cst = monotonic_cst
        self.max_bins = max_bins
        self.categorical_features = categorical_features
        self.n_jobs = n_jobs


class DecisionTreeRegressor(NumberTrees, _DecisionTree):
    """A decision tree of numbers, grown on binned columns; see :class:`DecisionTreeClassifier`.

    Parameters
    ----------
    splitter : "best" or "random", default="best"
        Whether a column is cut at the best place or at a random one.
    criterion : "squared_error", "absolute_error", "friedman_mse" or "poisson", default="squared_error"
        What splits lower.
    max_depth : int or None, default=None
        Most splits from the root to a leaf.
    min_samples_split, min_samples_leaf : int or float, default=2 and 1
        Fewest rows in a node that is split, and in a leaf; a float is a share of the rows.
    min_weight_fraction_leaf : float, default=0
        Smallest share of all weights in a leaf.
    max_features : "sqrt", "log2", int, float or None, default=None
        Columns that each split looks at, drawn anew; more only while all of these are constant in the node.
    max_leaf_nodes : int or None, default=None
        Most leaves of a tree; the best splits come first then.
    min_impurity_decrease : float, default=0
        Smallest decrease of impurity, weighed by the node's share of all weights.
    random_state : int, RandomState or None, default=None
        Seed of the draws of columns and, with ``splitter="random"``, of cuts.
    ccp_alpha : float, default=0
        Cost of a leaf; subtrees that are not worth theirs are cut.
    monotonic_cst : array-like of shape (n_features,), dict of str to int or None, default=None
        1 where the prediction must rise with a column, -1 where it must fall, 0 elsewhere; a dict names its columns.
        For one output.
    max_bins : int, default=255
        Most bins of a column besides the one for missing values, 2 to 255.
    categorical_features : "from_dtype", None or array-like, default="from_dtype"
        Columns to treat as categories, as in :class:`RandomForestClassifier`.
    n_jobs : int or None, default=None
        Threads of binning and predicting.

    Attributes
    ----------
    n_outputs_ : int
        Number of outputs.
    feature_importances_ : ndarray of shape (``n_features_in_``,)
        Share of each column in the decrease of impurity.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from arsenal.models import DecisionTreeRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> DecisionTreeRegressor(max_leaf_nodes=8).fit(X, y).get_n_leaves()
    8
    """

    def __init__(
        self,
        *,
        criterion: str = "squared_error",
        splitter: str = "best",
        max_depth: int | None = None,
        min_samples_split: float = 2,
        min_samples_leaf: float = 1,
        min_weight_fraction_leaf: float = 0.0,
        max_features: Any = None,
        random_state: Any = None,
        max_leaf_nodes: int | None = None,
        min_impurity_decrease: float = 0.0,
        ccp_alpha: float = 0.0,
        monotonic_cst: Any = None,
        max_bins: int = 255,
        categorical_features: Any = "from_dtype",
        n_jobs: int | None = None,
    ) -> None:
        self.criterion = criterion
        self.splitter = splitter
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.max_features = max_features
        self.random_state = random_state
        self.max_leaf_nodes = max_leaf_nodes
        self.min_impurity_decrease = min_impurity_decrease
        self.ccp_alpha = ccp_alpha
        self.monotonic_cst = monotonic_cst
        self.max_bins = max_bins
        self.categorical_features = categorical_features
        self.n_jobs = n_jobs
