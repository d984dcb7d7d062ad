"""Histogram gradient boosting with the scikit-learn API."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from numbers import Real
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    _check_y,
    check_is_fitted,
)

from arsenal._native import _rust
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.models import _constraints, _losses, _tables
from arsenal.models._estimator import Rows, TableEstimator, file_labels, given, given_numbers
from arsenal.models._evaluation_sets import Labelled, Queries, check_fraction, evaluation_parts, named, set_aside
from arsenal.models._explanations import TreeExplanations
from arsenal.models._parameters import check_parameters
from arsenal.models._progress import iteration_bar
from arsenal.models._refit import all_or_nothing
from arsenal.models._runtime import Runtime
from arsenal.models._source_tables import SourceTable, reads_sources, tables_for_core
from arsenal.models._warm_start import Earlier

_Labels = npt.NDArray[np.float64]

#: Parameters that the core takes as they are.
_CORE_PARAMETERS = (
    "n_estimators",
    "learning_rate",
    "boosting",
    "drop_rate",
    "skip_drop",
    "max_drop",
    "grow_policy",
    "max_leaf_nodes",
    "max_depth",
    "min_samples_leaf",
    "min_child_weight",
    "l1_regularization",
    "l2_regularization",
    "min_split_gain",
    "max_bins",
    "sampling",
    "subsample",
    "top_rate",
    "other_rate",
    "colsample_bytree",
    "colsample_bylevel",
    "max_features",
    "category_smoothing",
    "category_l2",
    "max_category_set",
    "min_category_group",
    "tol",
    "n_jobs",
)


class _GradientBoosting(TreeExplanations, TableEstimator):
    """What all estimators share: parameters, fitting through the core, predicting through the runtime."""

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
        random_state: Any = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.boosting = boosting
        self.drop_rate = drop_rate
        self.skip_drop = skip_drop
        self.max_drop = max_drop
        self.grow_policy = grow_policy
        self.max_leaf_nodes = max_leaf_nodes
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.min_child_weight = min_child_weight
        self.l1_regularization = l1_regularization
        self.l2_regularization = l2_regularization
        self.min_split_gain = min_split_gain
        self.max_bins = max_bins
        self.sampling = sampling
        self.subsample = subsample
        self.top_rate = top_rate
        self.other_rate = other_rate
        self.colsample_bytree = colsample_bytree
        self.colsample_bylevel = colsample_bylevel
        self.max_features = max_features
        self.monotonic_cst = monotonic_cst
        self.interaction_cst = interaction_cst
        self.categorical_features = categorical_features
        self.category_smoothing = category_smoothing
        self.category_l2 = category_l2
        self.max_category_set = max_category_set
        self.min_category_group = min_category_group
        self.warm_start = warm_start
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.verbose = verbose
        self.n_jobs = n_jobs
        self.random_state = random_state

    @abstractmethod
    def _encode(self, y: Any, *, reset: bool) -> tuple[_Labels, _Labels | None]:
        """Targets as the core takes them, and the weights that they bring along; ``reset`` learns the classes."""

    @abstractmethod
    def _loss(self) -> _losses.Loss:
        """What is minimised."""

    def _decode(self, targets: _Labels) -> npt.NDArray[Any]:
        """Targets as the user gave them."""
        return targets

    @all_or_nothing
    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        eval_set: Any,
        *,
        eval_metric: Any = None,
        callbacks: Any = None,
        queries: Sequence[Queries | None] = (None,),
    ) -> Self:
        """Learn; ``queries`` has an entry for the training rows and one for each evaluation set, or one for all."""
        check_parameters(self)
        check_fraction(self.validation_fraction)
        loss = self._loss()
        terms = {"loss": _losses.in_words(loss), "max_bins": self.max_bins}
        callback = None if callbacks is None else _losses.Callbacks(callbacks)
        earlier = Earlier(self) if self.warm_start and hasattr(self, "_runtime") else None
        if earlier:
            earlier.check_terms(terms)
        seed = earlier.seed if earlier else int(check_random_state(self.random_state).randint(0, 2**31 - 1))
        table = _tables.read_training_table(self, X)
        training = self._labelled(table, y, sample_weight, queries[0], reset=True)
        names = _tables.column_names(table, self.n_features_in_)
        if earlier:
            earlier.check(names, getattr(self, "classes_", None))
        categories = _tables.category_mask(self.categorical_features, names, self.n_features_in_)
        if isinstance(table, SourceTable):
            categories = table.marked_categories(categories)
        evaluations = self._evaluations(evaluation_parts(eval_set), queries[1:])
        if self.early_stopping and not evaluations:
            class_names = self.classes_ if isinstance(self, ClassifierMixin) else None
            training, validation = set_aside(training, self.validation_fraction, seed, class_names)
            evaluations = [validation]
        metric = None
        if eval_metric is not None:
            sets = [(self._decode(rows.targets), rows.weights) for rows in (training, *evaluations)]
            metric = _losses.Metric(eval_metric, sets)
        elif self.early_stopping and loss[0] == "custom":
            raise ArsenalValueError("early_stopping needs an eval_metric where loss is a callable")
        classes = getattr(self, "classes_", None)
        description = self._file_description(X, names, categories, None if classes is None else file_labels(classes))
        params = self._core_params(seed, names)
        learner = earlier.learner if earlier else None
        labelled = [training, *evaluations]
        tables = tables_for_core([rows.table for rows in labelled], training.weights, categories, params, learner)
        first, *others = [rows._replace(table=table) for table, rows in zip(tables, labelled, strict=True)]
        with iteration_bar(self.verbose, self.n_estimators, type(self).__name__) as tick:
            fitted = _rust.fit_gradient_boosting(
                first,
                others,
                params,
                description,
                _losses.with_data(loss, training.targets, training.weights),
                self.verbose > 0 or callback is not None,
                tick,
                metric,
                callback,
                learner,
            )
        self._runtime = Runtime(fitted.onnx)
        self._learner = fitted.state
        self.n_iter_ = fitted.n_iterations
        self.train_losses_ = np.asarray(fitted.train_losses)
        self.evaluation_losses_ = [np.asarray(losses) for losses in fitted.evaluation_losses]
        if earlier:
            earlier.prepend_losses(self)
        self._seed = seed
        self._terms = terms
        self._description = description
        self._categories = [column for column, mark in enumerate(categories or []) if mark]
        return self

    def _evaluations(self, parts: list[tuple[Any, ...]], queries: Sequence[Queries | None]) -> list[Labelled]:
        """What ``eval_set`` holds, checked against the training table."""
        read = []
        for number, (part, numbers) in enumerate(zip(parts, queries or [None] * len(parts), strict=True)):
            with named(number, len(parts)):
                X, y, *weights = part
                table = _tables.read_other_table(self, X)
                read.append(self._labelled(table, y, weights[0] if weights else None, numbers, reset=False))
        return read

    def _labelled(self, table: Any, y: Any, sample_weight: Any, queries: Queries | None, *, reset: bool) -> Labelled:
        targets, weights = self._encode(y, reset=reset)
        if len(Rows(table)) != len(targets):
            raise ArsenalValueError(f"X has {len(Rows(table))} rows, y has {len(targets)}")
        if sample_weight is not None:
            given = _check_sample_weight(sample_weight, targets, dtype=np.float64, ensure_non_negative=True)
            weights = given if weights is None else weights * given
        return Labelled(table, np.ascontiguousarray(targets, dtype=np.float64), weights, queries)

    def _core_params(self, seed: int, names: list[str]) -> dict[str, Any]:
        params = {name: getattr(self, name) for name in _CORE_PARAMETERS}
        return params | {
            "monotonic_cst": _constraints.monotonic_signs(self.monotonic_cst, names, len(names)),
            "interaction_cst": _constraints.interactions(self.interaction_cst, names, len(names)),
            "seed": seed,
            "n_iter_no_change": self.n_iter_no_change if self.early_stopping else None,
        }

    def _staged_scores(self, X: Any) -> Iterator[npt.NDArray[Any]]:
        """:meth:`_scores` of the models with the first 1, 2, … iterations, each run as the file that it would be."""
        check_is_fitted(self)
        table = _tables.read_other_table(self, X)
        stages = _rust.BoostingStages(self._learner, self._description)
        for n_iterations in range(1, self.n_iter_ + 1):
            yield self._scores_of(Runtime(stages.onnx(n_iterations)).session(self.n_jobs), table)

    def _model(self) -> Runtime:
        return self._runtime

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_runtime")


class GradientBoostingClassifier(ClassifierMixin, _GradientBoosting):
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
        super().__init__(
            n_estimators=n_estimators,
            learning_rate=learning_rate,
            boosting=boosting,
            drop_rate=drop_rate,
            skip_drop=skip_drop,
            max_drop=max_drop,
            grow_policy=grow_policy,
            max_leaf_nodes=max_leaf_nodes,
            max_depth=max_depth,
            min_samples_leaf=min_samples_leaf,
            min_child_weight=min_child_weight,
            l1_regularization=l1_regularization,
            l2_regularization=l2_regularization,
            min_split_gain=min_split_gain,
            max_bins=max_bins,
            sampling=sampling,
            subsample=subsample,
            top_rate=top_rate,
            other_rate=other_rate,
            colsample_bytree=colsample_bytree,
            colsample_bylevel=colsample_bylevel,
            max_features=max_features,
            monotonic_cst=monotonic_cst,
            interaction_cst=interaction_cst,
            categorical_features=categorical_features,
            category_smoothing=category_smoothing,
            category_l2=category_l2,
            max_category_set=max_category_set,
            min_category_group=min_category_group,
            warm_start=warm_start,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            verbose=verbose,
            n_jobs=n_jobs,
            random_state=random_state,
        )
        self.class_weight = class_weight

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

    def _decode(self, targets: _Labels) -> npt.NDArray[Any]:
        return np.asarray(self.classes_[targets.astype(np.intp)])

    def _encode(self, y: Any, *, reset: bool) -> tuple[_Labels, _Labels | None]:
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
        return targets, self._class_weights(labels)

    def _class_weights(self, labels: npt.NDArray[Any]) -> _Labels:
        """``class_weight`` row by row."""
        weights, classes = self.class_weight, self.classes_.tolist()
        if isinstance(weights, Mapping):
            bad = next((w for w in weights.values() if isinstance(w, bool) or not isinstance(w, Real)), None)
            if bad is not None:
                raise ArsenalTypeError(f"class_weight has the weight {bad!r}, wanted numbers")
            negative = next((w for w in weights.values() if not 0 <= w < math.inf), None)
            if negative is not None:
                raise ArsenalValueError(f"class_weight has the weight {negative}, wanted finite numbers of at least 0")
            unknown = [name for name in weights if name not in classes]
            if unknown and not all(name in weights for name in classes):
                raise ArsenalValueError(f"class_weight names the class {unknown[0]!r}, the classes are {classes}")
        elif not isinstance(weights, str):
            raise ArsenalTypeError(
                f"class_weight is {weights!r}, wanted a dict of weights by class, 'balanced' or None"
            )
        elif weights != "balanced":
            raise ArsenalValueError(
                f"class_weight is {weights!r}, wanted a dict of weights by class, 'balanced' or None"
            )
        return np.asarray(compute_sample_weight(weights, labels), dtype=np.float64)


class GradientBoostingRegressor(RegressorMixin, _GradientBoosting):
    r"""Gradient boosted trees on binned columns, for numbers: means, medians, quantiles, counts and amounts.

    All parameters but the following, the attributes and the guarantees are those of
    :class:`GradientBoostingClassifier`, without classes. With the target :math:`y`, the raw score :math:`s` (the sum of
    the leaves) and :math:`e = y - s`:

    ================ ======================================================== ================ ====================
    ``loss``         formula                                                  prediction       leaf value
    ================ ======================================================== ================ ====================
    squared_error    :math:`e^2 / 2`                                          :math:`s`        Newton's step
    absolute_error   :math:`|e|`                                              :math:`s`        median
    quantile         :math:`\max(q e, (q - 1) e)`                             :math:`s`        quantile
    huber            :math:`e^2 / 2` up to :math:`\delta`, linear beyond      :math:`s`        step from the median
    poisson          :math:`\exp(s) - y s`                                    :math:`\exp(s)`  bounded Newton
    gamma            :math:`s + y \exp(-s)`                                   :math:`\exp(s)`  bounded Newton
    tweedie          :math:`\exp((2-p)s) / (2-p) + y \exp((1-p)s) / (p-1)`    :math:`\exp(s)`  bounded Newton
    callable         gradient and hessian are the caller's                    :math:`s`        Newton's step
    ================ ======================================================== ================ ====================

    Medians and quantiles of a leaf's residuals are exact and weighted: the smallest residual whose weights, added up
    from below, reach the share ``q`` of the total, or the middle between it and the next where they do so exactly. They
    leave ``l1_regularization`` and ``l2_regularization`` to the choice of splits. A bounded Newton step stops at the
    value that minimises the loss of the leaf.

    Parameters
    ----------
    loss : str or callable, default="squared_error"
        A name of the table, or ``loss(y_true, raw_score[, sample_weight])`` that returns a pair ``(gradient, hessian)``
        of arrays of shape (n_samples,), hessians at least 0. One with three parameters weighs its results itself, those
        of one with two are multiplied by the weights. Scores start at 0; the model gives raw scores.
    quantile : float or array-like of shape (n_quantiles,), default=None
        The quantiles for ``loss="quantile"``, between 0 and 1. With an array ``predict`` gives one column each; they
        are learned side by side from one table, and nothing keeps them from crossing.
    alpha : float, default=0.9
        For ``loss="huber"``: :math:`\delta` is the ``alpha``-quantile of :math:`|e|` before each iteration, as in
        scikit-learn's ``GradientBoostingRegressor``; the reported losses keep the first :math:`\delta`.
    tweedie_power : float, default=1.5
        For ``loss="tweedie"``: the variance grows as this power of the mean, between 1 and 2.

    References
    ----------
    Friedman (2001), algorithms 1 to 4. Koenker and Bassett, "Regression quantiles", Econometrica 46 (1978). Huber,
    "Robust estimation of a location parameter", Annals of Mathematical Statistics 35 (1964). Jørgensen, "Exponential
    dispersion models", Journal of the Royal Statistical Society B 49 (1987).

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from arsenal.models import GradientBoostingRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = GradientBoostingRegressor(n_estimators=50, random_state=0).fit(X, y)
    >>> model.predict(X[:3]).shape
    (3,)
    >>> model = GradientBoostingRegressor(loss="quantile", quantile=[0.1, 0.5, 0.9], random_state=0).fit(X, y)
    >>> model.predict(X[:3]).shape
    (3, 3)
    """

    def __init__(
        self,
        *,
        loss: Any = "squared_error",
        quantile: Any = None,
        alpha: float = 0.9,
        tweedie_power: float = 1.5,
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
        random_state: Any = None,
    ) -> None:
        super().__init__(
            n_estimators=n_estimators,
            learning_rate=learning_rate,
            boosting=boosting,
            drop_rate=drop_rate,
            skip_drop=skip_drop,
            max_drop=max_drop,
            grow_policy=grow_policy,
            max_leaf_nodes=max_leaf_nodes,
            max_depth=max_depth,
            min_samples_leaf=min_samples_leaf,
            min_child_weight=min_child_weight,
            l1_regularization=l1_regularization,
            l2_regularization=l2_regularization,
            min_split_gain=min_split_gain,
            max_bins=max_bins,
            sampling=sampling,
            subsample=subsample,
            top_rate=top_rate,
            other_rate=other_rate,
            colsample_bytree=colsample_bytree,
            colsample_bylevel=colsample_bylevel,
            max_features=max_features,
            monotonic_cst=monotonic_cst,
            interaction_cst=interaction_cst,
            categorical_features=categorical_features,
            category_smoothing=category_smoothing,
            category_l2=category_l2,
            max_category_set=max_category_set,
            min_category_group=min_category_group,
            warm_start=warm_start,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            verbose=verbose,
            n_jobs=n_jobs,
            random_state=random_state,
        )
        self.loss = loss
        self.quantile = quantile
        self.alpha = alpha
        self.tweedie_power = tweedie_power

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
        """Learn from a table; parameters as in :meth:`GradientBoostingClassifier.fit`, with numbers as ``y``.

        ``eval_metric`` is given what :meth:`predict` would return.
        """
        self._fit(X, y, sample_weight, eval_set, eval_metric=eval_metric, callbacks=callbacks)
        self._gives_columns = self.loss == "quantile" and np.ndim(self.quantile) > 0
        return self

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Predicted numbers in the type the model computes in.

        Of shape (n_samples,), or (n_samples, n_quantiles) if ``quantile`` is an array.
        """
        scores = self._scores(X)
        return scores if self._gives_columns else scores[:, 0]

    def staged_predict(self, X: Any) -> Iterator[npt.NDArray[Any]]:
        """:meth:`predict` after 1, 2, … iterations; cost as in :meth:`GradientBoostingClassifier.staged_predict`."""
        for scores in self._staged_scores(X):
            yield scores if self._gives_columns else scores[:, 0]

    def _loss(self) -> _losses.Loss:
        return _losses.regression_loss(self.loss, self.quantile, self.alpha, self.tweedie_power)

    def _encode(self, y: Any, *, reset: bool) -> tuple[_Labels, _Labels | None]:
        return given_numbers(y, self), None


def _distinct(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """``np.unique``; whole numbers of a short range are counted, which takes a twentieth of the time."""
    if labels.dtype.kind == "i" and len(labels):
        low = int(labels.min())
        if int(labels.max()) - low < len(labels):
            counts = np.bincount(labels.astype(np.int64) - low)
            return (np.flatnonzero(counts) + low).astype(labels.dtype)
    return np.unique(labels)
