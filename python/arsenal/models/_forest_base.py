"""What forests and single trees share: fitting through the core, predicting through the runtime, inspecting."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Self
from warnings import warn

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import r2_score
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, _check_y, check_consistent_length, check_is_fitted

from arsenal._native import _rust
from arsenal.exceptions import ArsenalValueError
from arsenal.models import _constraints, _tables
from arsenal.models import _forest_parameters as parameters
from arsenal.models._estimator import Rows, TableEstimator, file_labels, given
from arsenal.models._explanations import TreeExplanations
from arsenal.models._parameters import check_parameters
from arsenal.models._progress import iteration_bar
from arsenal.models._refit import all_or_nothing
from arsenal.models._runtime import Runtime

_Floats = npt.NDArray[np.float64]


class Learned:
    """A learner's state. The ONNX file is written and opened when something is first predicted or exported.

    Parameters
    ----------
    state : ForestState or IsolationState
        What the core returned.
    description : dict
        What the file says besides its trees.
    """

    def __init__(self, state: Any, description: dict[str, Any]) -> None:
        self.state = state
        self.description = description

    @functools.cached_property
    def runtime(self) -> Runtime:
        """The model in the runtime."""
        return Runtime(self.state.onnx(self.description))

    @functools.cached_property
    def quantile_runtime(self) -> Runtime:
        """A regression forest that gives quantiles, in the runtime."""
        return Runtime(self.state.quantile_onnx(self.description))

    def __reduce__(self) -> tuple[Any, ...]:
        return _read, (type(self.state).__name__, self.state.to_bytes(), self.description)


def check_columns(names: list[str], earlier: Learned) -> None:
    """Raise unless columns are those that a forest, which a warm start goes on with, was learned from."""
    if names != earlier.description["columns"]:
        raise ArsenalValueError(
            f"X has the columns {names}, the forest to go on with has {earlier.description['columns']}"
        )


def _read(kind: str, state: bytes, description: dict[str, Any]) -> Learned:
    kinds: dict[str, Any] = {"ForestState": _rust.ForestState, "IsolationState": _rust.IsolationState}
    return Learned(kinds[kind].from_bytes(state), description)


class Trees(TreeExplanations, TableEstimator):
    """Decision trees on binned columns, one or many."""

    _criteria: ClassVar[tuple[str, ...]]
    _has_classes: ClassVar[bool]
    _learned: Learned

    criterion: str
    max_depth: int | None
    min_samples_split: float
    min_samples_leaf: float
    min_weight_fraction_leaf: float
    max_features: Any
    max_leaf_nodes: int | None
    min_impurity_decrease: float
    ccp_alpha: float
    monotonic_cst: Any
    max_bins: int
    categorical_features: Any
    random_state: Any
    verbose: int = 0
    bootstrap: bool = False
    oob_score: Any = False
    max_samples: Any = None
    warm_start: bool = False
    class_weight: Any = None

    @abstractmethod
    def _encode(self, y: npt.NDArray[Any]) -> tuple[_Floats, Any]:
        """Targets of shape (n_samples, n_outputs) as the core takes them, and what they are."""

    @abstractmethod
    def _file_classes(self) -> Any:
        """Class labels as the file holds them; None for numbers."""

    def _n_trees(self) -> int:
        return 1

    def _splitter(self) -> str:
        return "best"

    @all_or_nothing
    def _fit(self, X: Any, y: Any, sample_weight: Any) -> Self:
        check_parameters(self, but=("max_features", "min_samples_leaf"))
        table = _tables.read_training_table(self, X)
        labels = _check_y(given(y), multi_output=True, y_numeric=not self._has_classes, estimator=self)
        if sparse.issparse(labels):
            raise ArsenalValueError("sparse multilabel-indicator for y is not supported.")
        if not self._has_classes:
            _tables.check_is_no_time(labels, "y")
        if labels.ndim == 2 and labels.shape[1] == 1:
            warn(
                "A column-vector y was passed when a 1d array was expected. Please change the shape of y to "
                "(n_samples,), for example using ravel().",
                DataConversionWarning,
                stacklevel=4,
            )
        check_consistent_length(Rows(table), labels)
        earlier = dict(vars(self)) if self.warm_start and hasattr(self, "_learned") else None
        self.n_outputs_ = 1 if labels.ndim == 1 else labels.shape[1]
        targets, outputs = self._encode(labels.reshape(len(labels), self.n_outputs_))
        weights, is_subsample_balanced = self._weights(labels, sample_weight)
        names = _tables.column_names(table, self.n_features_in_)
        categories = _tables.category_mask(self.categorical_features, names, self.n_features_in_)
        n_trees = self._n_trees()
        if self.oob_score:
            self._check_out_of_bag()
        previous = None
        if earlier is not None:
            previous = earlier["_learned"].state
            self._check_earlier(earlier, names)
        if previous is None:
            self._seed = int(check_random_state(self.random_state).randint(0, 2**31 - 1))
        elif previous.n_trees > n_trees:
            raise ArsenalValueError(
                f"n_estimators={n_trees} must be larger or equal to len(estimators_)={previous.n_trees} when "
                "warm_start==True"
            )
        elif previous.n_trees == n_trees:
            warn("Warm-start fitting without increasing n_estimators does not fit new trees.", stacklevel=4)
            if not self.oob_score or hasattr(self, "oob_score_"):
                return self
        for name in ("oob_score_", "oob_prediction_", "oob_decision_function_"):
            self.__dict__.pop(name, None)  # they are of the trees before
        params = self._core_params(names, len(labels), n_trees, is_subsample_balanced)
        description = self._file_description(X, names, categories, self._file_classes())
        with iteration_bar(self.verbose, n_trees, type(self).__name__) as tick:
            state, out_of_bag = _rust.fit_forest(
                (_tables.for_core(table, "X"), np.ascontiguousarray(targets, dtype=np.float64).ravel(), weights, None),
                outputs,
                params,
                description,
                previous,
                tick,
            )
        self._learned = Learned(state, description)
        self._categories = [column for column, mark in enumerate(categories or []) if mark]
        if out_of_bag is not None:
            self._score_out_of_bag(out_of_bag.reshape(len(labels), -1), labels)
        return self

    def _check_earlier(self, earlier: dict[str, Any], names: list[str]) -> None:
        """Raise unless the columns and targets are those of the fit that a warm start goes on from."""
        check_columns(names, earlier["_learned"])
        if self.n_outputs_ != earlier["n_outputs_"]:
            raise ArsenalValueError(
                f"y has {self.n_outputs_} outputs, the forest to go on with has {earlier['n_outputs_']}"
            )

    def _check_out_of_bag(self) -> None:
        """Raise unless rows can be scored by the trees that did not see them."""

    def _core_params(
        self, names: list[str], n_samples: int, n_trees: int, is_subsample_balanced: bool
    ) -> dict[str, Any]:
        least_split = parameters.fewest_rows("min_samples_split", self.min_samples_split, n_samples, 2)
        if self.max_samples is not None and not self.bootstrap:
            raise ArsenalValueError(
                "`max_sample` cannot be set if `bootstrap=False`. Either switch to `bootstrap=True` or set "
                "`max_sample=None`."
            )
        return {
            "n_estimators": n_trees,
            "criterion": parameters.criterion(self.criterion, self._criteria),
            "splitter": self._splitter(),
            "max_depth": self.max_depth,
            "min_samples_split": least_split,
            "min_samples_leaf": parameters.fewest_rows("min_samples_leaf", self.min_samples_leaf, n_samples, 1),
            "min_weight_fraction_leaf": self.min_weight_fraction_leaf,
            "max_features": parameters.columns_per_split(self.max_features, self.n_features_in_),
            "max_leaf_nodes": self.max_leaf_nodes,
            "min_impurity_decrease": self.min_impurity_decrease,
            "bootstrap": parameters.drawn_rows(self.max_samples, n_samples) if self.bootstrap else None,
            "balanced_subsample": is_subsample_balanced,
            "ccp_alpha": self.ccp_alpha,
            "monotonic": _constraints.monotonic_signs(self.monotonic_cst, names, len(names)),
            "out_of_bag": bool(self.oob_score),
            "max_bins": self.max_bins,
            "seed": self._seed,
            "n_jobs": self.n_jobs,
        }

    def _weights(self, labels: npt.NDArray[Any], sample_weight: Any) -> tuple[_Floats | None, bool]:
        """Weights of the rows, and whether each tree balances its classes anew."""
        weights = None
        if sample_weight is not None:
            weights = np.array(
                _check_sample_weight(sample_weight, labels, dtype=np.float64, ensure_non_negative=True), copy=True
            )
        if self.class_weight is None:
            return weights, False
        balance = self.class_weight
        if isinstance(balance, str):
            if balance not in ("balanced", "balanced_subsample"):
                raise ArsenalValueError(
                    f"class_weight is {balance!r}, wanted 'balanced', 'balanced_subsample', None or a dict"
                )
            if self.warm_start:
                warn(
                    'class_weight presets "balanced" or "balanced_subsample" are not recommended for warm_start if '
                    f"the fitted data differs from the full dataset: got {balance!r}",
                    stacklevel=5,
                )
            if balance == "balanced_subsample" and self.bootstrap:
                return weights, True
            balance = "balanced"
        of_classes = compute_sample_weight(balance, labels)
        return of_classes if weights is None else weights * of_classes, False

    @abstractmethod
    def _score_out_of_bag(self, means: _Floats, labels: npt.NDArray[Any]) -> None:
        """Note what rows get from the trees that did not see them; NaN where every tree saw them."""

    def _model(self) -> Runtime:
        return self._learned.runtime

    def _leaves(self, X: Any) -> npt.NDArray[np.int64]:
        """Numbers of leaves, of shape (n_samples, n_trees)."""
        check_is_fitted(self)
        state = self._learned.state
        return np.asarray(state.apply(self._declared_rows(X), self.n_jobs)).reshape(-1, state.n_trees)

    def _paths(self, X: Any) -> tuple[Any, npt.NDArray[np.int64]]:
        """Nodes that rows pass, as a matrix of (n_samples, nodes of all trees), and where each tree's nodes begin."""
        check_is_fitted(self)
        state = self._learned.state
        indptr, indices = state.paths(self._declared_rows(X), self.n_jobs)
        firsts = np.concatenate([[0], np.cumsum(state.n_nodes)])
        marks = np.ones(len(indices), dtype=np.int64)
        shape = (len(indptr) - 1, int(firsts[-1]))
        return sparse.csr_matrix((marks, indices, indptr), shape=shape), firsts

    def _ensemble(self) -> Any:
        check_is_fitted(self)
        return self._learned.state

    def _declared_rows(self, X: Any) -> Any:
        """X as the core bins it: rounded as the runtime rounds it."""
        table = self._rows(X)
        if _tables.has_columns(table) or isinstance(table, tuple):
            return table
        is_float32 = self._model().session(self.n_jobs).get_inputs()[0].type == "tensor(float)"
        return self._as_declared(table, np.float32 if is_float32 else np.float64)

    @property
    def feature_importances_(self) -> _Floats:
        """Mean share of each column in the decrease of impurity, of shape (n_features,); zeros without a split."""
        check_is_fitted(self)
        return np.asarray(self._learned.state.importances())

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_learned")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class ClassTrees(ClassifierMixin, Trees):
    """Trees of classes."""

    _criteria: ClassVar[tuple[str, ...]] = ("gini", "entropy", "log_loss")
    _has_classes: ClassVar[bool] = True

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from a table.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or Arrow table of shape (n_samples, n_features)
            Numbers (NaN is missing), booleans, text and categories.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels of any type that NumPy can sort.
        sample_weight : array-like of shape (n_samples,), optional
            Weights of at least 0.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight)

    def _encode(self, y: npt.NDArray[Any]) -> tuple[_Floats, list[int]]:
        check_classification_targets(y[:, 0] if self.n_outputs_ == 1 else y)
        encoded = [np.unique(column, return_inverse=True) for column in y.T]
        classes, n_classes = [of for of, _ in encoded], [len(of) for of, _ in encoded]
        alone = self.n_outputs_ == 1
        self.classes_: Any = classes[0] if alone else classes
        self.n_classes_: Any = n_classes[0] if alone else n_classes
        return np.column_stack([codes for _, codes in encoded]).astype(np.float64), n_classes

    def _check_earlier(self, earlier: dict[str, Any], names: list[str]) -> None:
        super()._check_earlier(earlier, names)
        known = [earlier["classes_"]] if self.n_outputs_ == 1 else earlier["classes_"]
        for output, (now, before) in enumerate(zip(self._classes(), known, strict=True)):
            if not np.array_equal(now, before):
                of = "y" if self.n_outputs_ == 1 else f"output {output} of y"
                raise ArsenalValueError(
                    f"{of} has the classes {now.tolist()}, the forest to go on with knows {before.tolist()}"
                )

    def _check_out_of_bag(self) -> None:
        if self.n_outputs_ > 1 and any(n != 2 for n in self.n_classes_):
            raise ArsenalValueError(
                f"oob_score with several outputs is for two classes in each, y has {self.n_classes_} classes"
            )

    def _file_classes(self) -> Any:
        return file_labels(self.classes_) if self.n_outputs_ == 1 else [file_labels(of) for of in self.classes_]

    def _classes(self) -> list[npt.NDArray[Any]]:
        return [self.classes_] if self.n_outputs_ == 1 else self.classes_

    def predict_proba(self, X: Any) -> Any:
        """Mean shares of the classes in the leaves.

        Parameters
        ----------
        X : table of shape (n_samples, n_features)
            As in ``fit``.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or a list of them for several outputs
            In the type that the model computes in.
        """
        scores = self._scores(X)
        return scores if self.n_outputs_ == 1 else self._by_output(scores)

    def _by_output(self, shares: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """Probabilities of each output."""
        return [
            np.hstack([1 - own, own]) if len(classes) == 2 else own
            for classes, own in zip(self._classes(), self._parted(shares), strict=True)
        ]

    def _parted(self, shares: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """The targets of each output, which the last axis holds; of two classes the second alone has one."""
        widths = [1 if len(classes) == 2 else len(classes) for classes in self._classes()]
        return np.split(shares, np.cumsum(widths)[:-1], axis=-1)

    def _by_target(self, numbers: _Floats) -> Any:
        parts = [super(ClassTrees, self)._by_target(part) for part in self._parted(numbers)]
        return parts[0] if self.n_outputs_ == 1 else parts

    def predict_log_proba(self, X: Any) -> Any:
        """Logarithms of :meth:`predict_proba`."""
        probabilities = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.log(probabilities) if self.n_outputs_ == 1 else [np.log(own) for own in probabilities]

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The most probable class of each row, the first of equals.

        Parameters
        ----------
        X : table of shape (n_samples, n_features)
            As in ``fit``.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        probabilities = self.predict_proba(X)
        return self._most_probable([probabilities] if self.n_outputs_ == 1 else probabilities)

    def _most_probable(self, probabilities: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        columns = [of[own.argmax(axis=1)] for of, own in zip(self._classes(), probabilities, strict=True)]
        return np.asarray(columns[0]) if self.n_outputs_ == 1 else np.column_stack(columns)

    def _score_out_of_bag(self, means: _Floats, labels: npt.NDArray[Any]) -> None:
        unseen = _warn_if_always_seen(means)
        probabilities = self._by_output(means)
        for own in probabilities:
            own[unseen] = 0.0
        predicted = self._most_probable(probabilities)
        self.oob_decision_function_ = probabilities[0] if self.n_outputs_ == 1 else np.stack(probabilities, axis=-1)
        metric: Callable[..., float] = self.oob_score if callable(self.oob_score) else _exact_share
        self.oob_score_ = metric(labels, predicted)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class NumberTrees(RegressorMixin, Trees):
    """Trees of numbers."""

    _criteria: ClassVar[tuple[str, ...]] = ("squared_error", "absolute_error", "friedman_mse", "poisson")
    _has_classes: ClassVar[bool] = False

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from a table.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or Arrow table of shape (n_samples, n_features)
            Numbers (NaN is missing), booleans, text and categories.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Numbers.
        sample_weight : array-like of shape (n_samples,), optional
            Weights of at least 0.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight)

    def _encode(self, y: npt.NDArray[Any]) -> tuple[_Floats, int]:
        try:
            return y.astype(np.float64), self.n_outputs_
        except (TypeError, ValueError) as error:
            raise ArsenalValueError(f"y holds values that are not numbers ({error})") from error

    def _file_classes(self) -> None:
        return None

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Predicted numbers, in the type that the model computes in.

        Parameters
        ----------
        X : table of shape (n_samples, n_features)
            As in ``fit``.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        scores = self._scores(X)
        return scores[:, 0] if self.n_outputs_ == 1 else scores

    def _score_out_of_bag(self, means: _Floats, labels: npt.NDArray[Any]) -> None:
        means[_warn_if_always_seen(means)] = 0.0
        self.oob_prediction_ = means[:, 0] if self.n_outputs_ == 1 else means
        metric: Callable[..., float] = self.oob_score if callable(self.oob_score) else r2_score
        self.oob_score_ = metric(labels, self.oob_prediction_)


def _exact_share(labels: npt.NDArray[Any], predicted: npt.NDArray[Any]) -> float:
    """Accuracy: the share of rows with all outputs right, whatever the labels are."""
    is_right = labels.reshape(predicted.shape) == predicted
    return float((is_right.all(axis=1) if is_right.ndim == 2 else is_right).mean())


def _warn_if_always_seen(means: _Floats) -> npt.NDArray[np.bool_]:
    """Which rows every tree saw."""
    seen = np.isnan(means[:, 0])
    if seen.any():
        warn(
            "Some inputs do not have OOB scores. This probably means too few trees were used to compute any reliable "
            "OOB estimates.",
            UserWarning,
            stacklevel=6,
        )
    return np.asarray(seen)
