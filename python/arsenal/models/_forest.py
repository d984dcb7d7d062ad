"""Random forests and extremely randomised trees with the scikit-learn API."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from arsenal.exceptions import ArsenalValueError
from arsenal.models import _forest_parameters as parameters
from arsenal.models._decision_tree import DecisionTreeClassifier, DecisionTreeRegressor
from arsenal.models._forest_base import ClassTrees, Learned, Trees
from arsenal.models._quantiles import QuantileTrees


class _Forest(Trees):
    """What only forests have: many trees, and a look at each."""

    n_estimators: int

    def _n_trees(self) -> int:
        if parameters.scores_out_of_bag(self.oob_score) and not self.bootstrap:
            raise ArsenalValueError("Out of bag estimation only available if bootstrap=True")
        return self.n_estimators

    def apply(self, X: Any) -> npt.NDArray[np.int64]:
        """Number of the leaf that each tree gives each row.

        Parameters
        ----------
        X : table of shape (n_samples, n_features)
            As in ``fit``.

        Returns
        -------
        ndarray of shape (n_samples, n_estimators)
            Nodes of a tree are numbered from the root, left before right, as in scikit-learn.
        """
        return self._leaves(X)

    def decision_path(self, X: Any) -> tuple[Any, npt.NDArray[np.int64]]:
        """Nodes that each row passes.

        Parameters
        ----------
        X : table of shape (n_samples, n_features)
            As in ``fit``.

        Returns
        -------
        indicator : sparse matrix of shape (n_samples, nodes of all trees)
            1 where a row passes a node.
        n_nodes_ptr : ndarray of shape (n_estimators + 1,)
            Where each tree's nodes begin.
        """
        return self._paths(X)

    @property
    def estimators_(self) -> list[Any]:
        """The trees as estimators of their own, copied anew at each call."""
        check_is_fitted(self)
        kind = DecisionTreeClassifier if self._has_classes else DecisionTreeRegressor
        parameters = dict(kind().get_params())
        parameters.update({name: value for name, value in self.get_params().items() if name in parameters})
        parameters["splitter"] = self._splitter()
        learned = ("classes_", "n_classes_", "n_outputs_", "n_features_in_", "feature_names_in_")
        fitted = {name: getattr(self, name) for name in learned if hasattr(self, name)}
        description = self._learned.description | {"name": kind.__name__}
        trees = []
        for number in range(self._learned.state.n_trees):
            tree = kind(**parameters)
            for name, value in fitted.items():
                setattr(tree, name, value)
            tree._learned = Learned(self._learned.state.tree(number), description)
            tree._categories = self._categories
            trees.append(tree)
        return trees


class RandomForestClassifier(ClassTrees, _Forest):
    """A random forest of classes, grown on binned columns.

    Each tree learns from rows drawn with replacement, and each of its splits looks at some columns drawn at random;
    the forest's probabilities are the means of the leaves' shares. Columns have at most ``max_bins`` bins, cuts lie
    between them. Missing values (NaN, null) go to the side that suits them, and where training knew none to the larger
    one. Text and category columns of data frames and Arrow tables are split by sets of categories, as they are.

    The same data, parameters and seed give the same model bytes for any number of threads. Fitting takes
    O(rows x max_features x depth) per tree, 1 byte per value of X and about 50 bytes per row and thread. The ONNX file
    is written when something is first predicted or exported.

    Parameters
    ----------
    n_estimators : int, default=100
        Number of trees.
    criterion : "gini", "entropy" or "log_loss", default="gini"
        What splits lower; the last two are the same.
    max_depth : int or None, default=None
        Most splits from the root to a leaf.
    min_samples_split, min_samples_leaf : int or float, default=2 and 1
        Fewest rows in a node that is split, and in a leaf; a float is a share of the rows.
    min_weight_fraction_leaf : float, default=0
        Smallest share of all weights in a leaf.
    max_features : "sqrt", "log2", int, float or None, default="sqrt"
        Columns that each split looks at, drawn anew; more only while all of these are constant in the node.
    max_leaf_nodes : int or None, default=None
        Most leaves of a tree; the best splits come first then.
    min_impurity_decrease : float, default=0
        Smallest decrease of impurity, weighed by the node's share of all weights.
    bootstrap : bool, default=True
        Whether each tree learns from rows drawn with replacement, or from all.
    oob_score : bool or callable, default=False
        Score each row by the trees that did not see it: by accuracy, or by ``oob_score(y_true, y_pred)``.
    n_jobs : int or None, default=None
        Threads; None takes ``ARSENAL_NUM_THREADS`` or else every core that the process may use. Each grows trees by
        itself, and the result does not depend on their number.
    random_state : int, RandomState or None, default=None
        Seed of everything random.
    verbose : int, default=0
        1 shows a progress bar.
    warm_start : bool, default=False
        Keep the trees of the last fit and add as many as ``n_estimators`` asks for.
    class_weight : dict, "balanced", "balanced_subsample", list of dict or None, default=None
        Weights of the classes, as in scikit-learn.
    ccp_alpha : float, default=0
        Cost of a leaf; subtrees that are not worth theirs are cut.
    max_samples : int, float or None, default=None
        Rows that each tree draws, as a number or a share of all.
    monotonic_cst : array-like of shape (n_features,), dict of str to int or None, default=None
        1 where the prediction must rise with a column, -1 where it must fall, 0 elsewhere; a dict names its columns.
        For two classes and one output.
    max_bins : int, default=255
        Most bins of a column besides the one for missing values, 2 to 255.
    categorical_features : "from_dtype", None or array-like, default="from_dtype"
        Columns to treat as categories: by the table's types (text and category columns), none but text, or a boolean
        mask, indices or names. Categories beyond the ``max_bins`` most frequent are treated as missing.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,), or a list of them for several outputs
        Class labels.
    n_classes_ : int or list of int
        Number of classes.
    n_outputs_ : int
        Number of outputs.
    estimators_ : list of DecisionTreeClassifier
        The trees.
    oob_score_, oob_decision_function_
        With ``oob_score``: the score, and the probabilities that rows get from the trees that did not see them.
    feature_importances_ : ndarray of shape (``n_features_in_``,)
        Mean share of each column in the trees' decrease of impurity.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    See Also
    --------
    ExtraTreesClassifier : Cuts at random places.
    GradientBoostingClassifier : Smaller models that are usually better.

    Notes
    -----
    Left out of scikit-learn's interface are ``estimators_samples_``, and the trees' ``tree_`` and
    ``cost_complexity_pruning_path``.

    References
    ----------
    Breiman, "Random forests", Machine Learning 45 (2001).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from arsenal.models import RandomForestClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = RandomForestClassifier(oob_score=True, random_state=0).fit(X, y)
    >>> model.predict_proba(X).shape
    (150, 3)
    >>> bool(model.oob_score_ > 0.93)
    True
    """

    def __init__(
        self,
        n_estimators: int = 100,
        *,
        criterion: str = "gini",
        max_depth: int | None = None,
        min_samples_split: float = 2,
        min_samples_leaf: float = 1,
        min_weight_fraction_leaf: float = 0.0,
        max_features: Any = "sqrt",
        max_leaf_nodes: int | None = None,
        min_impurity_decrease: float = 0.0,
        bootstrap: bool = True,
        oob_score: Any = False,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
        warm_start: bool = False,
        class_weight: Any = None,
        ccp_alpha: float = 0.0,
        max_samples: Any = None,
        monotonic_cst: Any = None,
        max_bins: int = 255,
        categorical_features: Any = "from_dtype",
    ) -> None:
        self.n_estimators = n_estimators
        self.criterion = criterion
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.max_features = max_features
        self.max_leaf_nodes = max_leaf_nodes
        self.min_impurity_decrease = min_impurity_decrease
        self.bootstrap = bootstrap
        self.oob_score = oob_score
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start
        self.class_weight = class_weight
        self.ccp_alpha = ccp_alpha
        self.max_samples = max_samples
        self.monotonic_cst = monotonic_cst
        self.max_bins = max_bins
        self.categorical_features = categorical_features


class RandomForestRegressor(QuantileTrees, _Forest):
    """A random forest of numbers, grown on binned columns; its predictions are the means of the leaves'.

    Guarantees and costs are those of :class:`RandomForestClassifier`.

    Parameters
    ----------
    n_estimators : int, default=100
        Number of trees.
    criterion : "squared_error", "absolute_error", "friedman_mse" or "poisson", default="squared_error"
        What splits lower.
    max_depth : int or None, default=None
        Most splits from the root to a leaf.
    min_samples_split, min_samples_leaf : int or float, default=2 and 1
        Fewest rows in a node that is split, and in a leaf; a float is a share of the rows.
    min_weight_fraction_leaf : float, default=0
        Smallest share of all weights in a leaf.
    max_features : "sqrt", "log2", int, float or None, default=1.0
        Columns that each split looks at, drawn anew; more only while all of these are constant in the node.
    max_leaf_nodes : int or None, default=None
        Most leaves of a tree; the best splits come first then.
    min_impurity_decrease : float, default=0
        Smallest decrease of impurity, weighed by the node's share of all weights.
    bootstrap : bool, default=True
        Whether each tree learns from rows drawn with replacement, or from all.
    oob_score : bool or callable, default=False
        Score each row by the trees that did not see it: by R², or by ``oob_score(y_true, y_pred)``.
    n_jobs : int or None, default=None
        Threads; None takes ``ARSENAL_NUM_THREADS`` or else every core that the process may use. Each grows trees by
        itself, and the result does not depend on their number.
    random_state : int, RandomState or None, default=None
        Seed of everything random.
    verbose : int, default=0
        1 shows a progress bar.
    warm_start : bool, default=False
        Keep the trees of the last fit and add as many as ``n_estimators`` asks for.
    ccp_alpha : float, default=0
        Cost of a leaf; subtrees that are not worth theirs are cut.
    max_samples : int, float or None, default=None
        Rows that each tree draws, as a number or a share of all.
    monotonic_cst : array-like of shape (n_features,), dict of str to int or None, default=None
        1 where the prediction must rise with a column, -1 where it must fall, 0 elsewhere; a dict names its columns.
        For one output.
    max_bins : int, default=255
        Most bins of a column besides the one for missing values, 2 to 255.
    categorical_features : "from_dtype", None or array-like, default="from_dtype"
        Columns to treat as categories: by the table's types (text and category columns), none but text, or a boolean
        mask, indices or names. Categories beyond the ``max_bins`` most frequent are treated as missing.

    Attributes
    ----------
    n_outputs_ : int
        Number of outputs.
    estimators_ : list of DecisionTreeRegressor
        The trees.
    oob_score_, oob_prediction_
        With ``oob_score``: the score, and what rows get from the trees that did not see them.
    feature_importances_ : ndarray of shape (``n_features_in_``,)
        Mean share of each column in the trees' decrease of impurity.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from arsenal.models import RandomForestRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = RandomForestRegressor(max_features=0.3, random_state=0).fit(X, y)
    >>> model.predict(X[:3]).shape
    (3,)
    """

    def __init__(
        self,
        n_estimators: int = 100,
        *,
        criterion: str = "squared_error",
        max_depth: int | None = None,
        min_samples_split: float = 2,
        min_samples_leaf: float = 1,
        min_weight_fraction_leaf: float = 0.0,
        max_features: Any = 1.0,
        max_leaf_nodes: int | None = None,
        min_impurity_decrease: float = 0.0,
        bootstrap: bool = True,
        oob_score: Any = False,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
        warm_start: bool = False,
        ccp_alpha: float = 0.0,
        max_samples: Any = None,
        monotonic_cst: Any = None,
        max_bins: int = 255,
        categorical_features: Any = "from_dtype",
    ) -> None:
        self.n_estimators = n_estimators
        self.criterion = criterion
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.max_features = max_features
        self.max_leaf_nodes = max_leaf_nodes
        self.min_impurity_decrease = min_impurity_decrease
        self.bootstrap = bootstrap
        self.oob_score = oob_score
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start
        self.ccp_alpha = ccp_alpha
        self.max_samples = max_samples
        self.monotonic_cst = monotonic_cst
        self.max_bins = max_bins
        self.categorical_features = categorical_features


class ExtraTreesClassifier(ClassTrees, _Forest):
    """Extremely randomised trees of classes, grown on binned columns.

    Each split looks at some columns drawn at random and, in each, at one cut at a place drawn uniformly between the
    node's smallest and largest value (at the nearest bound of bins). Each category goes to a side by the toss of a
    coin. Guarantees and costs are those of :class:`RandomForestClassifier`.

    Parameters
    ----------
    n_estimators : int, default=100
        Number of trees.
    criterion : "gini", "entropy" or "log_loss", default="gini"
        What splits lower; the last two are the same.
    max_depth : int or None, default=None
        Most splits from the root to a leaf.
    min_samples_split, min_samples_leaf : int or float, default=2 and 1
        Fewest rows in a node that is split, and in a leaf; a float is a share of the rows.
    min_weight_fraction_leaf : float, default=0
        Smallest share of all weights in a leaf.
    max_features : "sqrt", "log2", int, float or None, default="sqrt"
        Columns that each split looks at, drawn anew; more only while all of these are constant in the node.
    max_leaf_nodes : int or None, default=None
        Most leaves of a tree; the best splits come first then.
    min_impurity_decrease : float, default=0
        Smallest decrease of impurity, weighed by the node's share of all weights.
    bootstrap : bool, default=False
        Whether each tree learns from rows drawn with replacement, or from all.
    oob_score : bool or callable, default=False
        Score each row by the trees that did not see it: by accuracy, or by ``oob_score(y_true, y_pred)``.
    n_jobs : int or None, default=None
        Threads; None takes ``ARSENAL_NUM_THREADS`` or else every core that the process may use. Each grows trees by
        itself, and the result does not depend on their number.
    random_state : int, RandomState or None, default=None
        Seed of everything random.
    verbose : int, default=0
        1 shows a progress bar.
    warm_start : bool, default=False
        Keep the trees of the last fit and add as many as ``n_estimators`` asks for.
    class_weight : dict, "balanced", "balanced_subsample", list of dict or None, default=None
        Weights of the classes, as in scikit-learn.
    ccp_alpha : float, default=0
        Cost of a leaf; subtrees that are not worth theirs are cut.
    max_samples : int, float or None, default=None
        Rows that each tree draws, as a number or a share of all.
    monotonic_cst : array-like of shape (n_features,), dict of str to int or None, default=None
        1 where the prediction must rise with a column, -1 where it must fall, 0 elsewhere; a dict names its columns.
        For two classes and one output.
    max_bins : int, default=255
        Most bins of a column besides the one for missing values, 2 to 255.
    categorical_features : "from_dtype", None or array-like, default="from_dtype"
        Columns to treat as categories: by the table's types (text and category columns), none but text, or a boolean
        mask, indices or names. Categories beyond the ``max_bins`` most frequent are treated as missing.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,), or a list of them for several outputs
        Class labels.
    n_classes_ : int or list of int
        Number of classes.
    n_outputs_ : int
        Number of outputs.
    estimators_ : list of DecisionTreeClassifier
        The trees.
    oob_score_, oob_decision_function_
        With ``oob_score``: the score, and the probabilities that rows get from the trees that did not see them.
    feature_importances_ : ndarray of shape (``n_features_in_``,)
        Mean share of each column in the trees' decrease of impurity.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    References
    ----------
    Geurts, Ernst and Wehenkel, "Extremely randomized trees", Machine Learning 63 (2006).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from arsenal.models import ExtraTreesClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = ExtraTreesClassifier(random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.97)
    True
    """

    def __init__(
        self,
        n_estimators: int = 100,
        *,
        criterion: str = "gini",
        max_depth: int | None = None,
        min_samples_split: float = 2,
        min_samples_leaf: float = 1,
        min_weight_fraction_leaf: float = 0.0,
        max_features: Any = "sqrt",
        max_leaf_nodes: int | None = None,
        min_impurity_decrease: float = 0.0,
        bootstrap: bool = False,
        oob_score: Any = False,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
        warm_start: bool = False,
        class_weight: Any = None,
        ccp_alpha: float = 0.0,
        max_samples: Any = None,
        monotonic_cst: Any = None,
        max_bins: int = 255,
        categorical_features: Any = "from_dtype",
    ) -> None:
        self.n_estimators = n_estimators
        self.criterion = criterion
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.max_features = max_features
        self.max_leaf_nodes = max_leaf_nodes
        self.min_impurity_decrease = min_impurity_decrease
        self.bootstrap = bootstrap
        self.oob_score = oob_score
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start
        self.class_weight = class_weight
        self.ccp_alpha = ccp_alpha
        self.max_samples = max_samples
        self.monotonic_cst = monotonic_cst
        self.max_bins = max_bins
        self.categorical_features = categorical_features

    def _splitter(self) -> str:
        return "random"


class ExtraTreesRegressor(QuantileTrees, _Forest):
    """Extremely randomised trees of numbers, grown on binned columns; see :class:`ExtraTreesClassifier`.

    Parameters
    ----------
    n_estimators : int, default=100
        Number of trees.
    criterion : "squared_error", "absolute_error", "friedman_mse" or "poisson", default="squared_error"
        What splits lower.
    max_depth : int or None, default=None
        Most splits from the root to a leaf.
    min_samples_split, min_samples_leaf : int or float, default=2 and 1
        Fewest rows in a node that is split, and in a leaf; a float is a share of the rows.
    min_weight_fraction_leaf : float, default=0
        Smallest share of all weights in a leaf.
    max_features : "sqrt", "log2", int, float or None, default=1.0
        Columns that each split looks at, drawn anew; more only while all of these are constant in the node.
    max_leaf_nodes : int or None, default=None
        Most leaves of a tree; the best splits come first then.
    min_impurity_decrease : float, default=0
        Smallest decrease of impurity, weighed by the node's share of all weights.
    bootstrap : bool, default=False
        Whether each tree learns from rows drawn with replacement, or from all.
    oob_score : bool or callable, default=False
        Score each row by the trees that did not see it: by R², or by ``oob_score(y_true, y_pred)``.
    n_jobs : int or None, default=None
        Threads; None takes ``ARSENAL_NUM_THREADS`` or else every core that the process may use. Each grows trees by
        itself, and the result does not depend on their number.
    random_state : int, RandomState or None, default=None
        Seed of everything random.
    verbose : int, default=0
        1 shows a progress bar.
    warm_start : bool, default=False
        Keep the trees of the last fit and add as many as ``n_estimators`` asks for.
    ccp_alpha : float, default=0
        Cost of a leaf; subtrees that are not worth theirs are cut.
    max_samples : int, float or None, default=None
        Rows that each tree draws, as a number or a share of all.
    monotonic_cst : array-like of shape (n_features,), dict of str to int or None, default=None
        1 where the prediction must rise with a column, -1 where it must fall, 0 elsewhere; a dict names its columns.
        For one output.
    max_bins : int, default=255
        Most bins of a column besides the one for missing values, 2 to 255.
    categorical_features : "from_dtype", None or array-like, default="from_dtype"
        Columns to treat as categories: by the table's types (text and category columns), none but text, or a boolean
        mask, indices or names. Categories beyond the ``max_bins`` most frequent are treated as missing.

    Attributes
    ----------
    n_outputs_ : int
        Number of outputs.
    estimators_ : list of DecisionTreeRegressor
        The trees.
    oob_score_, oob_prediction_
        With ``oob_score``: the score, and what rows get from the trees that did not see them.
    feature_importances_ : ndarray of shape (``n_features_in_``,)
        Mean share of each column in the trees' decrease of impurity.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from arsenal.models import ExtraTreesRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> ExtraTreesRegressor(random_state=0).fit(X, y).predict(X[:3]).shape
    (3,)
    """

    def __init__(
        self,
        n_estimators: int = 100,
        *,
        criterion: str = "squared_error",
        max_depth: int | None = None,
        min_samples_split: float = 2,
        min_samples_leaf: float = 1,
        min_weight_fraction_leaf: float = 0.0,
        max_features: Any = 1.0,
        max_leaf_nodes: int | None = None,
        min_impurity_decrease: float = 0.0,
        bootstrap: bool = False,
        oob_score: Any = False,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
        warm_start: bool = False,
        ccp_alpha: float = 0.0,
        max_samples: Any = None,
        monotonic_cst: Any = None,
        max_bins: int = 255,
        categorical_features: Any = "from_dtype",
    ) -> None:
        self.n_estimators = n_estimators
        self.criterion = criterion
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.max_features = max_features
        self.max_leaf_nodes = max_leaf_nodes
        self.min_impurity_decrease = min_impurity_decrease
        self.bootstrap = bootstrap
        self.oob_score = oob_score
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start
        self.ccp_alpha = ccp_alpha
        self.max_samples = max_samples
        self.monotonic_cst = monotonic_cst
        self.max_bins = max_bins
        self.categorical_features = categorical_features

    def _splitter(self) -> str:
        return "random"
