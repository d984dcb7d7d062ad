"""Isolation forest with the scikit-learn API."""

from __future__ import annotations

from typing import Any, Self
from warnings import warn

import numpy as np
import numpy.typing as npt
from sklearn.base import OutlierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight

from arsenal._native import _rust
from arsenal.exceptions import ArsenalValueError
from arsenal.models import _forest_parameters as parameters
from arsenal.models import _tables
from arsenal.models._estimator import Rows, TableEstimator
from arsenal.models._forest_base import Learned, check_columns
from arsenal.models._parameters import check_parameters
from arsenal.models._progress import iteration_bar
from arsenal.models._refit import all_or_nothing
from arsenal.models._runtime import Runtime


class IsolationForest(OutlierMixin, TableEstimator):
    r"""An isolation forest: rows that few random cuts set apart are outliers.

    With the mean :math:`h` over the trees of a row's path length (a leaf of :math:`m` rows adds :math:`c(m)`), and
    with :math:`\psi` rows drawn per tree, the score is :math:`-2^{-h / c(\psi)}`, where :math:`c(m) = 2 (\ln(m - 1) +
    \gamma) - 2 (m - 1) / m`, as in scikit-learn. Missing values go to a side by the toss of a coin. Only the rows that
    are drawn are read: fitting takes O(trees x samples x columns), whatever the table's length.

    Parameters
    ----------
    n_estimators : int, default=100
        Number of trees.
    max_samples : "auto", int or float, default="auto"
        Rows that each tree draws: at most 256, a number, or a share of all.
    contamination : "auto" or float, default="auto"
        Share of outliers among the training rows, above 0 and at most 1/2, which decides ``offset_``; "auto" takes the
        paper's -1/2.
    max_features : int or float, default=1.0
        Columns that each tree draws.
    bootstrap : bool, default=False
        Whether rows are drawn with replacement.
    n_jobs : int or None, default=None
        Threads; None takes ``ARSENAL_NUM_THREADS`` or else every core that the process may use.
    random_state : int, RandomState or None, default=None
        Seed of everything random.
    verbose : int, default=0
        1 shows a progress bar.
    warm_start : bool, default=False
        Keep the trees of the last fit and add as many as ``n_estimators`` asks for.

    Attributes
    ----------
    offset_ : float
        The score at which outliers begin.
    max_samples_ : int
        Rows that each tree drew.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    Left out of scikit-learn's interface are ``estimators_``, ``estimators_samples_`` and ``estimators_features_``. The
    ONNX file gives ``label``, ``decision_function`` and ``score_samples``.

    References
    ----------
    Liu, Ting and Zhou, "Isolation forest", ICDM 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from arsenal.models import IsolationForest
    >>> X = np.concatenate([np.linspace(0, 1, 200), [9.0]])[:, None]
    >>> IsolationForest(random_state=0).fit(X).predict([[0.5], [9.0]])
    array([ 1, -1])
    """

    _learned: Learned

    def __init__(
        self,
        *,
        n_estimators: int = 100,
        max_samples: Any = "auto",
        contamination: Any = "auto",
        max_features: Any = 1.0,
        bootstrap: bool = False,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
        warm_start: bool = False,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.contamination = contamination
        self.max_features = max_features
        self.bootstrap = bootstrap
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start

    @all_or_nothing
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from a table of numbers.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or Arrow table of shape (n_samples, n_features)
            Numbers; NaN is missing.
        y : Ignored
            For pipelines.
        sample_weight : array-like of shape (n_samples,), optional
            How likely rows are drawn, relative to each other; rows of weight 0 are not.

        Returns
        -------
        self
        """
        check_parameters(self, but=("max_features",))
        contamination = self.contamination
        if not (contamination == "auto" if isinstance(contamination, str) else 0 < contamination <= 0.5):
            raise ArsenalValueError(
                f"contamination is {contamination!r}, wanted 'auto' or a share above 0 and at most 0.5"
            )
        table = _tables.read_training_table(self, X)
        n_samples = len(Rows(table))
        weights = None
        if sample_weight is not None:
            weights = np.ascontiguousarray(
                _check_sample_weight(sample_weight, np.empty(n_samples), dtype=np.float64, ensure_non_negative=True)
            )
        previous = self._learned.state if self.warm_start and hasattr(self, "_learned") else None
        names = _tables.column_names(table, self.n_features_in_)
        if previous is not None:
            check_columns(names, self._learned)
        else:
            self._seed = int(check_random_state(self.random_state).randint(0, 2**31 - 1))
        self.max_samples_ = self._drawn_rows(n_samples)
        description = self._file_description(X, names, [False] * len(names), None)
        params = {
            "n_estimators": self.n_estimators,
            "max_samples": self.max_samples_,
            "max_features": parameters.columns_per_tree(self.max_features, self.n_features_in_),
            "bootstrap": self.bootstrap,
            "seed": self._seed,
            "n_jobs": self.n_jobs,
        }
        with iteration_bar(self.verbose, self.n_estimators, type(self).__name__) as tick:
            state = _rust.fit_isolation_forest(
                _tables.for_core(table, "X"), weights, params, description, previous, tick
            )
        self._learned = Learned(state, description)
        self._categories: list[int] = []
        self.offset_ = -0.5
        if not isinstance(contamination, str):
            self.offset_ = float(np.percentile(self.score_samples(X), 100.0 * contamination))
            self._learned = Learned(state.with_offset(self.offset_), description)
        return self

    def _drawn_rows(self, n_samples: int) -> int:
        if isinstance(self.max_samples, str):
            if self.max_samples != "auto":
                raise ArsenalValueError(
                    f"max_samples is {self.max_samples!r}, wanted 'auto', a number of rows or a share"
                )
            return min(256, n_samples)
        if isinstance(self.max_samples, int | np.integer) and self.max_samples > n_samples:
            warn(
                f"max_samples ({self.max_samples}) is greater than the total number of samples ({n_samples}). "
                "max_samples will be set to n_samples for estimation.",
                stacklevel=4,
            )
            return n_samples
        return parameters.drawn_rows(self.max_samples, n_samples, most=1.0)

    def score_samples(self, X: Any) -> npt.NDArray[Any]:
        """Scores of rows, of shape (n_samples,): between -1 and 0, the lower the more abnormal."""
        scores: npt.NDArray[Any] = self._scores(X)[:, 0]
        return scores

    def decision_function(self, X: Any) -> npt.NDArray[Any]:
        """Scores above ``offset_``, of shape (n_samples,): negative for outliers."""
        scores = self.score_samples(X)
        return np.asarray(scores - scores.dtype.type(self.offset_))

    def predict(self, X: Any) -> npt.NDArray[np.int64]:
        """1 for inliers, -1 for outliers, of shape (n_samples,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def _model(self) -> Runtime:
        return self._learned.runtime

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_learned")


__all__ = ["IsolationForest"]
