"""What estimators of tables share: they predict through the runtime, whatever they learned."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_y, _num_samples, check_is_fitted

from arsenal.exceptions import ArsenalValueError
from arsenal.models import _tables

if TYPE_CHECKING:
    from arsenal.deployment import InferenceSession
    from arsenal.deployment.interface import NodeArg
    from arsenal.models._runtime import Runtime


class TableEstimator(BaseEstimator, ABC):
    """An estimator whose fitted model is an ONNX file; ``_categories`` lists its category columns."""

    n_jobs: int | None
    n_features_in_: int
    _categories: list[int]

    @abstractmethod
    def _model(self) -> Runtime:
        """The fitted model in the runtime."""

    def _file_description(
        self, X: Any, columns: list[str], categories: list[bool] | None, classes: Any
    ) -> dict[str, Any]:
        """What the file says of the model besides what was learned; ``classes`` as the file holds them."""
        times = time_range(X)
        return {
            "name": type(self).__name__,
            "columns": columns,
            "categories": categories,
            "classes": classes,
            "metadata": [("arsenal.training_time_range", times)] if times else [],
        }

    def _scores(self, X: Any) -> npt.NDArray[Any]:
        """What the exported model gives for X: probabilities, or a column of predictions."""
        check_is_fitted(self)
        return self._scores_of(self._model().session(self.n_jobs), _tables.read_other_table(self, X))

    def _scores_of(self, session: InferenceSession, table: Any) -> npt.NDArray[Any]:
        if _tables.has_columns(table):
            return np.asarray(session(table))
        declared = session.get_inputs()
        if len(declared) > 1:
            raise self._needs_columns()
        return np.asarray(session(self._as_input(table, declared[0])))

    def _needs_columns(self) -> ArsenalValueError:
        return ArsenalValueError(
            f"X is an array, the model was fitted on a table with text columns: pass a table with its "
            f"{self.n_features_in_} columns"
        )

    def _as_input(self, table: Any, declared: NodeArg) -> Any:
        """A matrix, dense or sparse, in the type that the file declares; the runtime lays out sparse rows in blocks."""
        wanted = np.float32 if declared.type == "tensor(float)" else np.float64
        if not isinstance(table, tuple):
            return self._as_declared(table, wanted)
        indptr, indices, values, width = table
        if wanted is np.float64:
            values = values.astype(np.float64, copy=False)
        elif values.dtype != np.float32:
            values = _tables.exact_float32(values, np.isin(indices, self._categories))
        return sparse.csr_array((values, indices, indptr), shape=(len(indptr) - 1, width))

    def _as_declared(self, matrix: npt.NDArray[Any], wanted: type[np.floating[Any]]) -> npt.NDArray[Any]:
        if matrix.dtype == wanted:
            return matrix
        if wanted is np.float64:
            return matrix.astype(np.float64)
        return _tables.exact_float32(matrix, (slice(None), self._categories))

    def _onnx_bytes(self) -> bytes:
        """The fitted model as an ONNX file; what :func:`arsenal.deployment.export_onnx` writes."""
        check_is_fitted(self)
        return self._model().onnx

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        return tags


def given(y: Any) -> Any:
    if y is None:
        raise ArsenalValueError("fit requires y to be passed, but the target y is None")
    return y


def given_numbers(y: Any, estimator: BaseEstimator) -> npt.NDArray[np.float64]:
    """``y`` as one number per row."""
    values = _check_y(given(y), estimator=estimator)
    _tables.check_is_no_time(values, "y")
    return np.asarray(values, dtype=np.float64)


class Rows:
    """A core table of which only the length is asked."""

    def __init__(self, table: Any) -> None:
        self.n_rows = len(table[0]) - 1 if isinstance(table, tuple) else _num_samples(table)

    def __len__(self) -> int:
        return int(self.n_rows)


def time_range(X: Any) -> str | None:
    """First and last time of a table whose index is time, as JSON."""
    index = getattr(X, "index", None)
    if index is None or getattr(getattr(index, "dtype", None), "kind", "") != "M" or len(index) == 0:
        return None
    return json.dumps([index.min().isoformat(), index.max().isoformat()])


def file_labels(classes: npt.NDArray[Any]) -> list[int] | list[str]:
    """Class labels as ONNX can hold them: whole numbers, text, or else the class's index."""
    if classes.dtype.kind in "iu" or (classes.dtype.kind == "f" and np.all(classes == np.floor(classes))):
        numbers = [int(label) for label in classes]
        outside = next((label for label in numbers if not -(2**63) <= label < 2**63), None)
        if outside is not None:
            raise ArsenalValueError(
                f"y has the class {outside}, wanted whole numbers of at most 64 bits with their sign"
            )
        return numbers
    if classes.dtype.kind in "UT" or all(isinstance(label, str) for label in classes):
        texts = [str(label) for label in classes]
        for label in texts:
            try:
                label.encode()
            except UnicodeEncodeError:
                raise ArsenalValueError(f"y has the class {label!r}, wanted text that UTF-8 can hold") from None
        return texts
    return list(range(len(classes)))
