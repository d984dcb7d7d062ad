"""Quantile regression forests: what to expect besides the mean."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.models import _tables
from arsenal.models._forest_base import NumberTrees

if TYPE_CHECKING:
    from arsenal.deployment import InferenceSession


class QuantileTrees(NumberTrees):
    """Forests of numbers, which give quantiles, too."""

    def predict(self, X: Any, quantiles: Any = None) -> npt.NDArray[Any]:
        """Predicted means, or quantiles, in the type that the model computes in.

        Each leaf keeps the target of one of its training rows, drawn by weight. A row's quantiles are those of what its
        leaves keep, one target per tree, with linear interpolation: a quantile regression forest [1]_, as ranger and
        the package quantile-forest build it. More trees make quantiles finer, larger leaves (``min_samples_leaf``)
        wider in what they average over.

        Parameters
        ----------
        X : table of shape (n_samples, n_features)
            As in ``fit``.
        quantiles : float or array-like of shape (n_quantiles,), optional
            Within 0 and 1. Without, the mean is predicted.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The means, or one quantile; several quantiles have an axis of their own, the second:
            (n_samples, n_quantiles) or (n_samples, n_quantiles, n_outputs).

        Raises
        ------
        ArsenalTypeError
            If ``quantiles`` are no numbers.
        ArsenalValueError
            If a quantile lies outside 0 and 1, there is none, or they have more than one axis.

        Notes
        -----
        O(n_estimators · log n_estimators) per row besides the walk through the trees. ``export_onnx(model,
        quantiles=True)`` writes the file that this predicts with: quantiles are one of its inputs.

        References
        ----------
        .. [1] N. Meinshausen. Quantile Regression Forests. Journal of Machine Learning Research 7, 2006.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from arsenal.models import RandomForestRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> model = RandomForestRegressor(min_samples_leaf=5, random_state=0).fit(X, y)
        >>> model.predict(X[:3], quantiles=[0.1, 0.5, 0.9]).shape
        (3, 3)
        >>> bool((model.predict(X, quantiles=0.1) <= model.predict(X, quantiles=0.9)).all())
        True
        """
        if quantiles is None:
            return super().predict(X)
        check_is_fitted(self)
        wanted = _checked(quantiles)
        table = _tables.read_other_table(self, X)
        session = self._learned.quantile_runtime.session(self.n_jobs)
        (scores,) = session.run(None, self._feed(session, table) | {"quantiles": wanted.reshape(1, -1)})
        return np.asarray(scores[:, 0] if wanted.ndim == 0 else scores)

    def _feed(self, session: InferenceSession, table: Any) -> dict[str, Any]:
        """The inputs of the file but for the quantiles."""
        declared = [value for value in session.get_inputs() if value.name != "quantiles"]
        by_column = len(declared) > 1 or declared[0].type == "tensor(string)"
        if by_column and not _tables.has_columns(table):
            raise self._needs_columns()
        if by_column:
            return {value.name: _tables.column(table, place) for place, value in enumerate(declared)}
        if _tables.has_columns(table):
            table = _tables.matrix(table)
        return {declared[0].name: self._as_input(table, declared[0])}

    def _quantile_onnx_bytes(self) -> bytes:
        """The model as an ONNX file with quantiles as an input."""
        check_is_fitted(self)
        return self._learned.quantile_runtime.onnx


def _checked(quantiles: Any) -> npt.NDArray[np.float64]:
    wanted = np.asarray(quantiles)
    if wanted.dtype.kind not in "iuf" and not all(_is_number(one) for one in np.ravel(wanted)):
        raise ArsenalTypeError(f"quantiles is {quantiles!r}, wanted a number or numbers")
    wanted = wanted.astype(np.float64)
    if wanted.ndim > 1 or wanted.size == 0:
        raise ArsenalValueError(f"quantiles has shape {wanted.shape}, wanted one number or (n_quantiles,)")
    outside = np.ravel(wanted)[~((np.ravel(wanted) >= 0) & (np.ravel(wanted) <= 1))]
    if outside.size:
        raise ArsenalValueError(f"quantiles has {outside[0]}, wanted numbers within 0 and 1")
    return wanted


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)
