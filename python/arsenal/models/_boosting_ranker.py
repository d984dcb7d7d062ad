"""LambdaMART with the scikit-learn API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import _num_samples

from arsenal.exceptions import ArsenalValueError
from arsenal.models import _losses
from arsenal.models._boosting_base import Boosting, Labels
from arsenal.models._estimator import given, given_numbers
from arsenal.models._evaluation_sets import Queries, evaluation_parts
from arsenal.models._parameters import set_parameters
from arsenal.models._source_tables import reads_sources


class GradientBoostingRanker(Boosting):
    r"""Gradient boosted trees that order the rows of each query: LambdaMART.

    Parameters of the trees, types and guarantees are those of :class:`GradientBoostingClassifier`. For each pair of
    rows of one query whose relevances differ and of which one is among the first ``truncation_level``, the better row
    is pulled up and the other down by

    .. math:: |\Delta\mathrm{NDCG}| \cdot \frac{1}{1 + \exp(s_{better} - s_{worse})}

    where :math:`\Delta\mathrm{NDCG}` is what changing their places would change. A relevance :math:`r` has the gain
    :math:`2^r - 1`, the place :math:`i = 1, 2, …` the discount :math:`1 / \log_2(i + 1)`. One iteration costs O(rows x
    ``truncation_level``) beside its tree. Sums run within a query in one order, so models do not depend on threads.

    Parameters
    ----------
    loss : {"lambdarank"}, default="lambdarank"
        What is minimised.
    truncation_level : int, default=30
        Pairs count if one of their rows is among so many first; NDCG of the pairs is cut off here too. A little more
        than the places that matter works best.
    normalize : bool, default=True
        Divide what a pair counts by 0.01 plus the distance of its scores, and shrink the sum of a query's pulls to its
        binary logarithm, as LightGBM does: queries with many relevant rows then weigh less.
    eval_at : int, default=10
        Losses are 1 - NDCG of so many first rows; a query without a relevant row has NDCG 1.

    Attributes
    ----------
    n_iter_ : int
        Iterations kept.
    train_losses_ : ndarray of shape (n_iterations + 1,)
        1 - NDCG on the training rows before the first and after each iteration;
        empty unless ``verbose`` or ``callbacks``. Iterations after the best one, which early stopping does
        not keep, are among them: there may be more than ``n_iter_``.
    evaluation_losses_ : list of ndarray
        The same for each evaluation set.
    feature_importances_ : ndarray of shape (``n_features_in_``,)
        Share of each column in the total gain.

    References
    ----------
    Burges, "From RankNet to LambdaRank to LambdaMART: an overview", Microsoft Research MSR-TR-2010-82 (2010).

    Examples
    --------
    >>> import numpy as np
    >>> from arsenal.models import GradientBoostingRanker
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(600, 3))
    >>> relevance = np.digitize(X[:, 0] + 0.3 * rng.normal(size=600), [0.5, 1.5])
    >>> model = GradientBoostingRanker(n_estimators=20, random_state=0).fit(X, relevance, group=[20] * 30)
    >>> model.predict(X[:20]).shape
    (20,)
    """

    loss: str
    truncation_level: int
    normalize: bool
    eval_at: int

    def __init__(
        self,
        *,
        loss: str = "lambdarank",
        truncation_level: int = 30,
        normalize: bool = True,
        eval_at: int = 10,
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
        set_parameters(self, locals())

    @reads_sources
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        eval_set: Any = None,
        *,
        group: Any = None,
        qid: Any = None,
        eval_group: Any = None,
        eval_qid: Any = None,
        callbacks: Any = None,
    ) -> Self:
        """Learn from a table whose rows belong to queries.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or Arrow table of shape (n_samples, n_features)
            As in :meth:`GradientBoostingClassifier.fit`.
        y : array-like of shape (n_samples,)
            Relevances, 0 to 31.
        sample_weight : array-like of shape (n_samples,), optional
            Factors of the rows' pulls, at least 0; rows of weight 0 are left out.
        eval_set : (X, y), (X, y, sample_weight) or a list of these, optional
            Tables to measure NDCG on; the first decides early stopping. Without one, early stopping sets whole queries
            aside.
        group : array-like of shape (n_queries,)
            Numbers of rows of the queries, which follow one another; or give ``qid``.
        qid : array-like of shape (n_samples,)
            The query of each row: numbers or text, in any order.
        eval_group, eval_qid : array-like or list of array-like
            The same for the evaluation sets, one entry each.
        callbacks : list of callable, optional
            As in :meth:`GradientBoostingClassifier.fit`.

        Returns
        -------
        self
        """
        if self.loss != "lambdarank":
            raise ArsenalValueError(f"loss is {self.loss!r}, wanted 'lambdarank'")
        parts = evaluation_parts(eval_set)
        numbers = [
            _query_numbers(y, group, qid, ""),
            *(
                _query_numbers(part[1], *given, "eval_")
                for part, given in zip(parts, _per_set(len(parts), eval_group, eval_qid), strict=True)
            ),
        ]
        return self._fit(X, y, sample_weight, parts or None, callbacks=callbacks, queries=numbers)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Scores of shape (n_samples,), in the type the model computes in: the higher, the earlier within a query."""
        return self._scores(X)[:, 0]

    def staged_predict(self, X: Any) -> Iterator[npt.NDArray[Any]]:
        """:meth:`predict` after 1, 2, … iterations; cost as in :meth:`GradientBoostingClassifier.staged_predict`."""
        for scores in self._staged_scores(X):
            yield scores[:, 0]

    def _loss(self) -> _losses.Loss:
        return "lambdarank", [float(self.truncation_level), float(self.normalize), float(self.eval_at)], None

    def _encode(self, y: Any, *, reset: bool) -> tuple[Labels, Labels | None]:
        return given_numbers(y, self), None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.positive_only = True
        return tags


def _query_numbers(y: Any, group: Any, qid: Any, prefix: str) -> Queries:
    """The number of each row's query."""
    n_rows = _num_samples(given(y))
    if (group is None) == (qid is None):
        got = "neither" if group is None else "both"
        raise ArsenalValueError(f"got {got} of {prefix}group and {prefix}qid, a ranker needs one of them")
    if group is None:
        names = np.asarray(qid)
        if names.shape != (n_rows,):
            raise ArsenalValueError(f"{prefix}qid has the shape {names.shape}, wanted ({n_rows},)")
        unknown = np.flatnonzero([name is None or name != name for name in names.tolist()])
        if unknown.size:
            raise ArsenalValueError(
                f"{prefix}qid is {names.tolist()[unknown[0]]} in row {unknown[0]}, wanted the query of every row"
            )
        return np.unique(names, return_inverse=True)[1].astype(np.uint32)
    sizes = np.asarray(group)
    if sizes.ndim != 1 or sizes.dtype.kind not in "iu" or (sizes < 1).any():
        raise ArsenalValueError(f"{prefix}group is {sizes.tolist()}, wanted one whole number of at least 1 per query")
    if sizes.sum() != n_rows:
        raise ArsenalValueError(f"{prefix}group adds up to {sizes.sum()} rows, y has {n_rows}")
    return np.repeat(np.arange(len(sizes), dtype=np.uint32), sizes)


def _per_set(n_sets: int, group: Any, qid: Any) -> list[tuple[Any, Any]]:
    """``eval_group`` and ``eval_qid`` set by set; a lone set may have its array without a list around it."""

    def entries(name: str, given: Any) -> list[Any]:
        if given is None:
            return [None] * n_sets
        if n_sets == 1 and not (isinstance(given, (list, tuple)) and len(given) == 1 and np.ndim(given[0]) == 1):
            return [given]
        if len(given) != n_sets:
            raise ArsenalValueError(f"{name} has {len(given)} entries, eval_set has {n_sets}")
        return list(given)

    return list(zip(entries("eval_group", group), entries("eval_qid", qid), strict=True))
