"""What a fitted tree model says about its predictions: Shapley values, partial dependence, importances, its nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from arsenal._native import _rust
from arsenal.models import _partial_dependence, _tables
from arsenal.models._tree_nodes import read_nodes

if TYPE_CHECKING:
    import pandas as pd


class TreeExplanations:
    """Mixin of the estimators made of trees; ``_ensemble`` gives what the core knows them by, if fitted."""

    _learner: Any
    n_jobs: int | None

    def _ensemble(self) -> Any:
        check_is_fitted(self)
        return self._learner

    def _rows(self, X: Any) -> Any:
        """X as the core takes it."""
        return _tables.for_core(_tables.read_other_table(cast(BaseEstimator, self), X), "X")

    def _rounded(self, numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Numbers that stand for a column's values, as the model would round them."""
        return numbers

    def _by_target(self, numbers: npt.NDArray[np.float64]) -> Any:
        """Numbers, the last axis of which is the targets, as users get them."""
        if numbers.shape[-1] > 1:
            return numbers
        return numbers[..., 0] if numbers.ndim > 1 else float(numbers[0])

    def shap_values(self, X: Any, *, background: Any = None) -> Any:
        """How much each column moves each row's raw score: exact Shapley values (TreeSHAP).

        The values of a row and the expected score add up to the row's raw score: the prediction of a regressor (its
        logarithm with the losses poisson, gamma and tweedie; one per quantile or output if there are several), the
        log-odds of the second of two classes, the score of each of several classes before the softmax, the score of a
        ranker. Forests and single trees have no other scale: theirs is the probability of the second of two classes, or
        of each of several.

        Without a background a column that is not known is filled in along each tree, by the share of training rows
        that takes each side (of their hessians in boosting; a model that another library learned counts as that
        library does); the expected score is ``expected_value_``. With a background it is filled in from each of its
        rows in turn, as if columns were set by hand (interventional); the expected score is
        ``shap_expected_value(background)``.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or Arrow table of shape (n_samples, n_features)
            As for ``predict``.
        background : the same with other rows, optional
            Typical rows, often a few hundred of the training's. The time hardly depends on the number of rows in X
            then.

        Returns
        -------
        ndarray of shape (n_samples, n_features), or (n_samples, n_features, n_outputs) for several classes or quantiles
            In double precision. A row's numbers do not depend on the other rows or the number of threads. A classifier
            of several outputs gives a list with one such array per output.

        Raises
        ------
        ArsenalValueError
            If X does not fit the model, the background has no rows, or another library's model does not say how many
            training rows took each side of its splits and no background is given.

        Notes
        -----
        Takes O(trees x leaves x 2^columns) once for tables of what small subtrees add (columns: those on the way to a
        leaf, 7 at most), then a few look-ups per row and subtree; leaves deeper than that take O(columns^2) per row. A
        background costs O(trees x leaves x its rows) once.

        References
        ----------
        Lundberg et al., "From local explanations to global understanding with explainable AI for trees", Nature Machine
        Intelligence 2 (2020). Yang, "Fast TreeSHAP", arXiv:2109.09847 (2021).

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from arsenal.models import GradientBoostingRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> model = GradientBoostingRegressor(n_estimators=20, random_state=0).fit(X, y)
        >>> values = model.shap_values(X)
        >>> values.shape
        (442, 10)
        >>> bool(abs(values.sum(axis=1) + model.expected_value_ - model.predict(X)).max() < 1e-9)
        True
        """
        return self._explained(X, background, interactions=False)

    def shap_interaction_values(self, X: Any, *, background: Any = None) -> Any:
        """The Shapley values split into what each column does alone and what each pair does together.

        Entry ``[row, i, j]`` is half of the interaction of columns i and j; the diagonal is what is left of column i's
        value, so a row of the matrix adds up to the column's Shapley value. Parameters as for :meth:`shap_values`.

        Returns
        -------
        ndarray of shape (n_samples, n_features, n_features), with a last axis for several classes or quantiles
            Symmetric, in double precision: ``8 * n_features**2`` bytes per row.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from arsenal.models import GradientBoostingRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> model = GradientBoostingRegressor(n_estimators=20, random_state=0).fit(X, y)
        >>> pairs = model.shap_interaction_values(X[:5])
        >>> pairs.shape
        (5, 10, 10)
        >>> bool(abs(pairs.sum(axis=2) - model.shap_values(X[:5])).max() < 1e-9)
        True
        """
        return self._explained(X, background, interactions=True)

    def shap_expected_value(self, background: Any = None) -> Any:
        """What Shapley values are counted from: the mean raw score by the training's shares, or over the background.

        Returns
        -------
        float, or ndarray of shape (n_outputs,) with several classes or quantiles
        """
        ensemble = self._ensemble()
        other = None if background is None else self._rows(background)
        return self._by_target(_rust.shap_expected(ensemble, other, self.n_jobs))

    @property
    def expected_value_(self) -> Any:
        """The expected raw score: a float, or an array of shape (n_outputs,) with several classes or quantiles."""
        return self.shap_expected_value()

    def partial_dependence(
        self,
        X: Any,
        features: Any,
        *,
        kind: str = "average",
        method: str = "brute",
        sample_weight: Any = None,
        grid_resolution: int = 100,
        percentiles: Sequence[float] = (0.05, 0.95),
        custom_values: Mapping[Any, Any] | None = None,
    ) -> Bunch:
        """How the raw score follows one or a few columns, the others as in the rows of X or in training.

        The numbers of :func:`sklearn.inspection.partial_dependence` on this model's raw score (which
        :meth:`shap_values` describes), without a prediction per value of the grid: a row goes down each tree once, to
        both sides of the splits on these columns. Of a classifier that is boosted ask for ``kind="individual"`` to
        average probabilities.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or Arrow table of shape (n_samples, n_features)
            As for ``predict``.
        features : int, str or sequence of them
            Columns, by number or name; of several the grid has all combinations of values.
        kind : "average", "individual" or "both", default="average"
            The mean over rows, the curve of each row (individual conditional expectation), or both.
        method : "brute" or "recursion", default="brute"
            Over the rows of X, or over the training rows: other columns then go both ways along each tree, by the
            share of training rows that takes each side, and X only makes the grid.
        sample_weight : array-like of shape (n_samples,), optional
            Weights of the rows in the mean.
        grid_resolution : int, default=100
            Values of a column of numbers, at equal distances between the percentiles; all that there are if they are
            fewer. Missing values are left out. A column of categories has all that the model knows.
        percentiles : pair of float, default=(0.05, 0.95)
            Where the values of a column of numbers begin and end.
        custom_values : dict of int or str to array-like, optional
            Values of a column in place of those; None and NaN are missing.

        Returns
        -------
        sklearn.utils.Bunch
            ``grid_values``, a list with the values of each column; ``average``, of shape (n_outputs, n_values, …) and
            ``individual``, of shape (n_outputs, n_samples, n_values, …), as ``kind`` says. Two classes have one output.
            The outputs of a classifier of several outputs lie side by side.

        Raises
        ------
        ArsenalValueError
            If a column is unknown or there twice, makes no grid, X does not fit the model, or another library's model
            does not say how many training rows took each side of its splits and the method is "recursion".

        Notes
        -----
        O(rows x trees x depth + leaves x cells); a split on one of the columns doubles the work below it.
        ``kind="individual"`` also writes ``8 * n_outputs * n_samples * cells`` bytes. The numbers do not depend on the
        number of threads.

        References
        ----------
        Friedman, "Greedy function approximation: a gradient boosting machine", Annals of Statistics 29 (2001), section
        8.2. Goldstein et al., "Peeking inside the black box", Journal of Computational and Graphical Statistics 24
        (2015).

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from arsenal.models import GradientBoostingRegressor
        >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
        >>> model = GradientBoostingRegressor(n_estimators=20, random_state=0).fit(X, y)
        >>> curve = model.partial_dependence(X, "bmi", kind="both", grid_resolution=20)
        >>> curve.average.shape, curve.individual.shape
        ((1, 20), (1, 442, 20))
        >>> by_hand = model.predict(X.assign(bmi=curve.grid_values[0][7])).mean()
        >>> bool(abs(curve.average[0, 7] - by_hand) < 1e-9)
        True
        """
        return _partial_dependence.partial_dependence(
            self,
            X,
            features,
            kind=kind,
            method=method,
            sample_weight=sample_weight,
            grid_resolution=grid_resolution,
            percentiles=percentiles,
            custom_values=custom_values,
        )

    @property
    def feature_importances_(self) -> npt.NDArray[np.float64]:
        """Share of each column in the total gain of all splits, of shape (n_features,); zeros if there is no split."""
        gains = self.feature_importance("gain")
        total = gains.sum()
        return gains / total if total > 0 else gains

    def feature_importance(self, importance_type: str = "gain") -> npt.NDArray[np.float64]:
        """How much the trees use each column.

        Parameters
        ----------
        importance_type : "gain" or "split", default="gain"
            By how much the column's splits lower the loss in all, or how many they are. Both favour columns with many
            distinct values and are measured on the training rows; :func:`sklearn.inspection.permutation_importance` on
            rows kept aside is not. A tree of CatBoost or scikit-learn that adds to several targets counts once for
            each.

        Returns
        -------
        ndarray of shape (n_features,)

        Raises
        ------
        ArsenalValueError
            For gains, if another library's model does not hold them: those of CatBoost and scikit-learn.
        """
        return _rust.tree_importances(self._ensemble(), importance_type)

    def trees_to_dataframe(self) -> pd.DataFrame:
        """The nodes of all trees as a pandas data frame, one row per node, each tree from its root down.

        Returns
        -------
        DataFrame
            With LightGBM's column names: ``tree_index``, ``node_depth`` (1 for the root), ``node_index`` (``"0-S3"`` a
            split, ``"0-L4"`` a leaf of tree 0), ``left_child``, ``right_child``, ``parent_index``, ``split_feature``,
            ``split_gain``, ``threshold`` (a number, or the list of categories that go left), ``decision_type``
            (``"<="`` or ``"in"``), ``missing_direction``, ``value`` (of a split: the mean of its leaves), ``weight``
            (the sum of the training rows' hessians in boosting, else of their weights; of LightGBM's models their
            number; 0 where another library's model does not say).

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from arsenal.models import GradientBoostingClassifier
        >>> X, y = load_iris(return_X_y=True, as_frame=True)
        >>> model = GradientBoostingClassifier(n_estimators=2, random_state=0).fit(X, y)
        >>> nodes = model.trees_to_dataframe()
        >>> int(nodes.tree_index.nunique())
        6
        """
        return read_nodes(self).to_dataframe()

    def _explained(self, X: Any, background: Any, *, interactions: bool) -> Any:
        ensemble = self._ensemble()
        other = None if background is None else self._rows(background)
        values, _ = _rust.shap_values(ensemble, self._rows(X), other, interactions, self.n_jobs)
        return self._by_target(values)
