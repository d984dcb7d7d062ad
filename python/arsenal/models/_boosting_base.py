"""What the boosting estimators share: fitting through the core, and the models on the way."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from arsenal._native import _rust
from arsenal.exceptions import ArsenalValueError
from arsenal.models import _boosting_parameters as parameters
from arsenal.models import _losses, _tables
from arsenal.models._estimator import Rows, TableEstimator, file_labels
from arsenal.models._evaluation_sets import Labelled, Queries, evaluation_parts, named, set_aside
from arsenal.models._explanations import TreeExplanations
from arsenal.models._progress import iteration_bar
from arsenal.models._refit import all_or_nothing
from arsenal.models._runtime import Runtime
from arsenal.models._source_tables import SourceTable, tables_for_core
from arsenal.models._warm_start import Earlier

Labels = npt.NDArray[np.float64]


class Boosting(TreeExplanations, TableEstimator):
    """Gradient boosting of whatever loss."""

    n_estimators: int
    learning_rate: float
    boosting: str
    drop_rate: float
    skip_drop: float
    max_drop: int | None
    grow_policy: str
    max_leaf_nodes: int | None
    max_depth: int | None
    min_samples_leaf: int
    min_child_weight: float
    l1_regularization: float
    l2_regularization: float
    min_split_gain: float
    max_bins: int
    sampling: str
    subsample: float
    top_rate: float
    other_rate: float
    colsample_bytree: float
    colsample_bylevel: float
    max_features: float
    monotonic_cst: Any
    interaction_cst: Any
    categorical_features: Any
    category_smoothing: float
    category_l2: float
    max_category_set: int
    min_category_group: int
    warm_start: bool
    early_stopping: bool
    validation_fraction: float
    n_iter_no_change: int
    tol: float
    verbose: int
    n_jobs: int | None
    random_state: Any

    @abstractmethod
    def _encode(self, y: Any, *, reset: bool) -> tuple[Labels, Labels | None]:
        """Targets as the core takes them, and the weights that they bring along; ``reset`` learns the classes."""

    @abstractmethod
    def _loss(self) -> _losses.Loss:
        """What is minimised."""

    def _decode(self, targets: Labels) -> npt.NDArray[Any]:
        """Targets as the user gave them."""
        return targets

    def _class_names(self) -> npt.NDArray[Any] | None:
        """The classes that ``_encode`` learned, if there are any."""
        return None

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
        """Learn; ``queries`` has an entry for the training rows and one for each evaluation set, or that one alone."""
        parameters.check(self)
        loss = self._loss()
        callback = None if callbacks is None else _losses.Callbacks(callbacks)
        terms = {"loss": _losses.in_words(loss), "max_bins": self.max_bins}
        earlier = Earlier(self) if self.warm_start and hasattr(self, "_runtime") else None
        if earlier:
            earlier.check_terms(terms)
        seed = earlier.seed if earlier else int(check_random_state(self.random_state).randint(0, 2**31 - 1))
        table = _tables.read_training_table(self, X)
        training = self._labelled(table, y, sample_weight, queries[0], reset=True)
        names, classes = _tables.column_names(table, self.n_features_in_), self._class_names()
        if earlier:
            earlier.check(names, classes)
        categories = _tables.category_mask(self.categorical_features, names, self.n_features_in_)
        if isinstance(table, SourceTable):
            categories = table.marked_categories(categories)
        evaluations = self._evaluations(evaluation_parts(eval_set), queries[1:])
        if self.early_stopping and not evaluations:
            training, validation = set_aside(training, self.validation_fraction, seed, classes)
            evaluations = [validation]
        metric = self._metric(eval_metric, loss[0], [training, *evaluations])
        description = self._file_description(X, names, categories, None if classes is None else file_labels(classes))
        params = parameters.for_core(self, seed, names)
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
        self._keep(fitted)
        if earlier:
            earlier.prepend_losses(self)
        self._seed = seed
        self._terms = terms
        self._description = description
        self._categories = [column for column, mark in enumerate(categories or []) if mark]
        return self

    def _keep(self, fitted: _rust.BoostingFit) -> None:
        self._runtime = Runtime(fitted.onnx)
        self._learner = fitted.state
        self.n_iter_ = fitted.n_iterations
        self.train_losses_ = np.asarray(fitted.train_losses)
        self.evaluation_losses_ = [np.asarray(losses) for losses in fitted.evaluation_losses]

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

    def _metric(self, eval_metric: Any, loss: str, sets: Sequence[Labelled]) -> _losses.Metric | None:
        """What is measured instead of the loss, on the training rows and on each evaluation set."""
        if eval_metric is not None:
            return _losses.Metric(eval_metric, [(self._decode(rows.targets), rows.weights) for rows in sets])
        if self.early_stopping and loss == "custom":
            raise ArsenalValueError("early_stopping needs an eval_metric where loss is a callable")
        return None

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
