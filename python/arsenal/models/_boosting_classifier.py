"""Gradient boosting for classes, with the scikit-learn API."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from numbers import Real
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_y

from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.models import _losses
from arsenal.models._boosting_base import Boosting, Labels
from arsenal.models._estimator import given
from arsenal.models._parameters import set_parameters
from arsenal.models._source_tables import reads_sources


class GradientBoostingClassifier(ClassifierMixin, Boosting):
    """Gradient boosted trees on binned columns, for two or more classes.

    Trees grow leaf by leaf [1]_ on histograms of whole-number gradients [2]_, so the same data, parameters and seed
    give the same model bytes for any number of threads and any instruction set. Missing values (NaN, null) learn
    their own direction. Text and category columns of data frames and Arrow tables are split by sets of categories, as
    they are.

    Fitting takes O(rows x columns) per level of each tree and 2 bytes per value beside X, plus 40 bytes per row.

    Parameters
    ----------
    n_estimators : int, default=100
        Boosting iterations; each adds one tree, or one per class where there are more than two.
    learning_rate : float, default=0.1
        Factor of every leaf value.
    boosting : {"gbdt", "dart"}, default="gbdt"
        "dart" leaves some earlier iterations out while it learns the next, and then scales both, so that later trees do
        not only correct details [3]_.
    drop_rate : float, default=0.1
        Chance of each earlier iteration to be left out by "dart".
    skip_drop : float, default=0.5
        Chance that an iteration of "dart" leaves none out.
    max_drop : int or None, default=50
        Most iterations that "dart" leaves out at once; None sets no limit.
    grow_policy : {"leafwise", "depthwise", "oblivious"}, default="leafwise"
        Split the leaf that gains most; or go level by level; or split all leaves of a level by one shared condition,
        which makes symmetric trees [4]_. Where a shared condition would cut off fewer rows than a leaf needs, both
        halves keep one value.
    max_leaf_nodes : int or None, default=31
        Most leaves of a tree; None allows 65,535. An oblivious tree has the largest power of two within it.
    max_depth : int or None, default=None
        Most splits from the root to a leaf.
    min_samples_leaf : int, default=20
        Fewest rows in a leaf. Rows are counted by their share of the node's hessian, as in LightGBM.
    min_child_weight : float, default=1e-3
        Smallest sum of hessians in a leaf.
    l1_regularization, l2_regularization : float, default=0
        Penalties on the absolute and the squared leaf value.
    min_split_gain : float, default=0
        Gain that a split must exceed.
    max_bins : int, default=255
        Most bins of a column besides the one for missing values, 2 to 65,535. Columns of more than 255 take two bytes
        per value and layout, and a node's histogram 8 bytes per bin (up to a power of two).
    sampling : {"uniform", "goss"}, default="uniform"
        How the rows of an iteration are drawn: a share of them (``subsample``), or those with the largest gradients and
        a share of the others, which count for those left out [5]_; that begins after 1 / ``learning_rate`` iterations.
        Of gradients of one size, as those of absolute_error are, the kept ones are drawn by chance.
    subsample : float, default=1.0
        Share of rows that each iteration sees, drawn without replacement.
    top_rate, other_rate : float, default=0.2 and 0.1
        Shares of the rows that "goss" keeps for their gradients and draws from the others.
    colsample_bytree, colsample_bylevel : float, default=1.0
        Share of columns that a tree sees, and share of those that each of its levels sees.
    max_features : float, default=1.0
        Share of the level's columns that the search at each node sees; an oblivious tree has one search per level.
    monotonic_cst : array-like of int or dict of str to int, default=None
        1 for columns that may only raise the prediction (of the second class), -1 for those that may only lower it,
        else 0; per column, or by name. For two classes, and for losses of numbers whose leaves are Newton's steps; not
        for categories.
    interaction_cst : {"pairwise", "no_interactions"} or sequence of tuples, lists or sets, default=None
        Which columns (indices or names) may meet on a path from the root to a leaf: two at most, one, or those that
        some group holds together. Columns that no group holds are one more group.
    categorical_features : "from_dtype", None or array-like, default="from_dtype"
        Columns to treat as categories: by the table's types (text and category columns), none but text, or a boolean
        mask, indices or names. Categories beyond the ``max_bins`` (at most 255) most frequent are treated as missing.
    category_smoothing : float, default=10
        Added to a category's hessian before categories are ordered; rarer categories stay with the missing ones.
    category_l2 : float, default=10
        Added to ``l2_regularization`` when sets of categories are compared.
    max_category_set : int, default=32
        Most categories in one set.
    min_category_group : int, default=100
        Rows by which a set of categories must grow before it is tried again.
    warm_start : bool, default=False
        Go on from the model of the last ``fit``, with its bins, its seed and its trees, which ``n_estimators`` counts.
        Parts of a fit give the bytes of the whole, but for "dart", for early stopping and for ``loss="huber"``. The
        loss with its parameters, ``max_bins``, the columns and which of them are categories must be those of the first
        ``fit``; all else may change.
    early_stopping : bool, default=False
        Stop when the loss on the first evaluation set no longer falls, and keep the best iteration.
    validation_fraction : float or int, default=0.1
        Share (or number) of rows set aside for early stopping where ``fit`` got no ``eval_set``; rows of weight 0 are
        among those drawn from.
    n_iter_no_change : int, default=10
        Iterations without improvement after which to stop.
    tol : float, default=1e-7
        Improvement of the loss (or of ``eval_metric``) that counts. Where ``y`` are numbers it is a share of what the
        first loss has above that of perfect predictions (or of the first value's size): their unit does not matter.
    verbose : int, default=0
        1 shows a progress bar and records the training loss.
    n_jobs : int or None, default=None
        Threads; None takes ``ARSENAL_NUM_THREADS`` or else every core that the process may use. More than both 256 and
        these cores count as the larger of the two.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, as in scikit-learn.
    random_state : int, RandomState or None, default=None
        Seed of the rounding of gradients, of sampling and of the validation split.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    n_iter_ : int
        Iterations kept.
    train_losses_ : ndarray of shape (n_iterations + 1,)
        Mean log loss on the training rows before the first and after each iteration;
        empty unless ``verbose`` or ``callbacks``. Iterations after the best one, which early stopping does
        not keep, are among them: there may be more than ``n_iter_``.
    evaluation_losses_ : list of ndarray
        The same for each evaluation set.
    feature_importances_ : ndarray of shape (``n_features_in_``,)
        Share of each column in the total gain.
    expected_value_ : float or ndarray of shape (n_classes,)
        What :meth:`shap_values` are counted from; an array for more than two classes.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    References
    ----------
    .. [1] Friedman, "Greedy function approximation: a gradient boosting machine", Annals of Statistics 29 (2001).
    .. [2] Shi et al., "Quantized training of gradient boosting decision trees", NeurIPS 2022.
    .. [3] Rashmi and Gilad-Bachrach, "DART: dropouts meet multiple additive regression trees", AISTATS 2015.
    .. [4] Prokhorenkova et al., "CatBoost: unbiased boosting with categorical features", NeurIPS 2018.
    .. [5] Ke et al., "LightGBM: a highly efficient gradient boosting decision tree", NIPS 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from arsenal.models import GradientBoostingClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = GradientBoostingClassifier(n_estimators=20, random_state=0).fit(X, y)
    >>> model.predict_proba(X).shape
    (150, 3)
    >>> bool(model.score(X, y) > 0.95)
    True
    """

    class_weight: Any

    def __init__(
        self,
        *,
        n_estimators: int = 100,
        learning_rate: float = 0.1,
        boosting: str = "gbdt",
        drop_rate: float = 0.1,
        skip_drop: float = 0.5,
        max_drop: int | None = 50,
        grow_policy: str = "leafwise",
        max_leaf_nodes: int | None = 31,
        max_depth: int | None = None,
        min_samples_leaf: int = 20,
        min_child_weight: float = 1e-3,
        l1_regularization: float = 0.0,
        l2_regularization: float = 0.0,
        min_split_gain: float = 0.0,
        max_bins: int = 255,
        sampling: str = "uniform",
        subsample: float = 1.0,
        top_rate: float = 0.2,
        other_rate: float = 0.1,
        colsample_bytree: float = 1.0,
        colsample_bylevel: float = 1.0,
        max_features: float = 1.0,
        monotonic_cst: Any = None,
        interaction_cst: Any = None,
        categorical_features: Any = "from_dtype",
        category_smoothing: float = 10.0,
        category_l2: float = 10.0,
        max_category_set: int = 32,
        min_category_group: int = 100,
        warm_start: bool = False,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-7,
        verbose: int = 0,
        n_jobs: int | None = None,
        class_weight: Any = None,
        random_state: Any = None,
    ) -> None:
        set_parameters(self, locals())

    @reads_sources
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        eval_set: Any = None,
        *,
        eval_metric: Any = None,
        callbacks: Any = None,
    ) -> Self:
        """Learn from a table.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or Arrow table of shape (n_samples, n_features)
            Numbers (NaN is missing), booleans, text and categories. Or a source, whose rows are read in passes and of
            which the bins alone are held: the path of a Parquet or Arrow file or of a folder of them, a
            ``pyarrow.dataset.Dataset``, a function that opens an Arrow stream, or an Arrow stream, which is first
            written to a temporary file. The model is that of the same table in memory, to the byte.
        y : array-like of shape (n_samples,) or str
            Class labels of any type that NumPy can sort, or the name of their column in a source.
        sample_weight : array-like of shape (n_samples,) or str, optional
            Weights of at least 0, or the name of their column in a source; rows of weight 0 are left out.
        eval_set : (X, y), (X, y, sample_weight) or a list of these, optional
            Tables to measure the loss on; the first decides early stopping. Beside a source they may be sources too, of
            which X's columns are read by name.
        eval_metric : callable, optional
            ``eval_metric(y_true, y_pred[, sample_weight])`` gives a number that is measured instead of the loss, lower
            being better. ``y_pred`` are the probabilities of the second class, of shape (n_samples,), or of all classes
            where there are more than two.
        callbacks : list of callable, optional
            Each is called after each iteration as ``callback(iteration, losses)``, where ``losses["training"]`` is the
            loss on the training rows (None where a loss of one's own has no value) and ``losses["evaluation"]`` lists
            those on the evaluation sets. One that returns True ends the fit.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, eval_set, eval_metric=eval_metric, callbacks=callbacks)

    def predict_proba(self, X: Any) -> npt.NDArray[Any]:
        """Probabilities of the classes, of shape (n_samples, n_classes), in the type the model computes in."""
        return self._scores(X)

    def predict_log_proba(self, X: Any) -> npt.NDArray[Any]:
        """Logarithms of :meth:`predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self._scores(X)))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The most probable class of each row, of shape (n_samples,); the earlier one of equals."""
        most_probable = self._scores(X).argmax(axis=1)
        return np.asarray(self.classes_[most_probable])

    def staged_predict_proba(self, X: Any) -> Iterator[npt.NDArray[Any]]:
        """:meth:`predict_proba` after 1, 2, … iterations; parameters and cost as in :meth:`staged_predict`."""
        return self._staged_scores(X)

    def staged_predict(self, X: Any) -> Iterator[npt.NDArray[Any]]:
        """Predictions of the models with the first 1, 2, … iterations, each of shape (n_samples,).

        Every stage is run as the ONNX file that it would be exported as, so the last one is :meth:`predict` to the bit.
        All of them together take O(rows x ``n_iter_`` squared). With ``boosting="dart"`` trees have their final values.
        """
        for scores in self._staged_scores(X):
            yield np.asarray(self.classes_[scores.argmax(axis=1)])

    def _loss(self) -> _losses.Loss:
        return "log_loss", [], None

    def _class_names(self) -> npt.NDArray[Any]:
        return self.classes_

    def _decode(self, targets: Labels) -> npt.NDArray[Any]:
        return np.asarray(self.classes_[targets.astype(np.intp)])

    def _encode(self, y: Any, *, reset: bool) -> tuple[Labels, Labels | None]:
        labels = _check_y(given(y), estimator=self)
        if labels.dtype.kind != "i":  # whole numbers are always classes
            check_classification_targets(labels)
        if reset:
            self.classes_ = _distinct(labels)
            if len(self.classes_) < 2:
                raise ArsenalValueError(
                    f"y has 1 class ({self.classes_.tolist()[0]!r}), a classifier needs at least 2 classes"
                )
        elif (unseen := ~np.isin(labels, self.classes_)).any():
            (label, *_), known = labels[unseen].tolist(), self.classes_.tolist()
            raise ArsenalValueError(f"y has the class {label!r}, the training classes are {known}")
        if len(self.classes_) == 2:
            targets = (labels == self.classes_[1]).astype(np.float64)
        else:
            targets = np.searchsorted(self.classes_, labels).astype(np.float64)
        if self.class_weight is None or not reset:
            return targets, None
        return targets, _class_weights(self.class_weight, labels, self.classes_.tolist())


def _distinct(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """``np.unique``; whole numbers of a short range are counted, which takes a twentieth of the time."""
    if labels.dtype.kind == "i" and len(labels):
        low = int(labels.min())
        if int(labels.max()) - low < len(labels):
            counts = np.bincount(labels.astype(np.int64) - low)
            return (np.flatnonzero(counts) + low).astype(labels.dtype)
    return np.unique(labels)


def _class_weights(weights: Any, labels: npt.NDArray[Any], classes: list[Any]) -> Labels:
    """``class_weight`` row by row."""
    if isinstance(weights, Mapping):
        for weight in weights.values():
            if isinstance(weight, bool) or not isinstance(weight, Real):
                raise ArsenalTypeError(f"class_weight has the weight {weight!r}, wanted numbers")
            if not 0 <= float(weight) < math.inf:
                raise ArsenalValueError(f"class_weight has the weight {weight}, wanted finite numbers of at least 0")
        unknown = [name for name in weights if name not in classes]
        if unknown and not all(name in weights for name in classes):
            raise ArsenalValueError(f"class_weight names the class {unknown[0]!r}, the classes are {classes}")
    elif not isinstance(weights, str):
        raise ArsenalTypeError(f"class_weight is {weights!r}, wanted a dict of weights by class, 'balanced' or None")
    elif weights != "balanced":
        raise ArsenalValueError(f"class_weight is {weights!r}, wanted a dict of weights by class, 'balanced' or None")
    return np.asarray(compute_sample_weight(weights, labels), dtype=np.float64)
