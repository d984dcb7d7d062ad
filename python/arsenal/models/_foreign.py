"""Fitted tree models of other libraries, read from their objects and files."""

from __future__ import annotations

import os
import tempfile
from numbers import Integral
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, OutlierMixin, RegressorMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import _check_n_features, check_array, check_is_fitted

from arsenal._native import _rust
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.models import _tables
from arsenal.models._estimator import file_labels
from arsenal.models._explanations import TreeExplanations
from arsenal.models._runtime import Runtime
from arsenal.models._sparse import core_csr


class _Foreign(BaseEstimator):
    """A model that was learned elsewhere: predicts through the runtime, and cannot be fitted."""

    def __init__(self, *, n_jobs: int | None = None) -> None:
        self.n_jobs = n_jobs

    def _take(self, file: _rust.ForeignFile) -> None:
        self._runtime = Runtime(file.onnx)
        self._learner = file.state
        self.learned_by_ = file.library
        self.n_features_in_ = len(file.feature_names)
        self.feature_names_in_ = np.array(file.feature_names, dtype=object)

    def fit(self, X: Any, y: Any = None) -> NoReturn:
        """Raise :class:`~arsenal.exceptions.ArsenalTypeError`: the model stays as it was learned.

        It is there because scikit-learn takes only what has it, to inspect (:mod:`sklearn.inspection`) or freeze.
        """
        learned_by = getattr(self, "learned_by_", "another library")
        raise ArsenalTypeError(f"a {type(self).__name__} stays as {learned_by} learned it, and cannot be fitted")

    def _held(self) -> Runtime:
        if not self.__sklearn_is_fitted__():
            raise NotFittedError(
                f"This {type(self).__name__} holds no model: from_lightgbm and the like make one that does"
            )
        return self._runtime

    def _inputs(self) -> list[Any]:
        return self._held().session(self.n_jobs).get_inputs()

    def _scores(self, X: Any) -> npt.NDArray[Any]:
        """What the file gives for X: probabilities, or a column of predictions per target."""
        session = self._held().session(self.n_jobs)
        return np.asarray(session(self._as_declared(X)))

    def _as_declared(self, X: Any) -> Any:
        """X in the types of the file."""
        inputs = self._inputs()
        is_narrow = _is_narrow(inputs)
        if _tables.has_columns(X):
            return _tables.float32_table(X) if is_narrow else X
        if len(inputs) > 1:
            raise ArsenalValueError(
                f"X is an array, the model was fitted on a table with text columns: pass a table with its "
                f"{self.n_features_in_} columns"
            )
        X = check_array(X, accept_sparse="csr", dtype="numeric", ensure_all_finite=False, estimator=self)
        _check_n_features(self, X, reset=False)
        with np.errstate(over="ignore"):
            return X.astype(np.float32 if is_narrow else np.float64, copy=False)

    def _onnx_bytes(self) -> bytes:
        """The model as an ONNX file; what :func:`arsenal.deployment.export_onnx` writes."""
        return self._held().onnx

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_runtime")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        return tags


def _is_narrow(inputs: list[Any]) -> bool:
    """Whether a file takes float32, to the nearest of which the originals round, too."""
    return any(value.type == "tensor(float)" for value in inputs)


class _ForeignTrees(TreeExplanations, _Foreign):
    """One whose sums have a meaning of their own, and are explained."""

    def _ensemble(self) -> Any:
        self._held()
        return self._learner

    def _rows(self, X: Any) -> Any:
        declared = self._as_declared(X)
        if sparse.issparse(declared):
            return core_csr(declared, declared.data)
        if not _tables.has_columns(declared):
            return declared
        places = self._places(_tables.column_names(declared, _tables.n_columns(declared)))
        if hasattr(declared, "iloc"):
            return _tables.arrow_frame(declared.iloc[:, places])
        return declared[:, places] if type(declared).__module__.startswith("polars") else declared.select(places)

    def _rounded(self, numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        with np.errstate(over="ignore"):
            return numbers.astype(np.float32).astype(np.float64) if _is_narrow(self._inputs()) else numbers

    def _places(self, names: list[str]) -> list[int]:
        """Where a table of columns with these names has the model's, as the runtime finds them."""
        is_wide = len(self._inputs()) == 1
        if is_wide and len(names) == self.n_features_in_ and not set(names) & set(self.feature_names_in_):
            return list(range(len(names)))
        missing = [name for name in self.feature_names_in_ if name not in names]
        if missing:
            raise ArsenalValueError(f"X has no column {missing[0]!r}, its columns are {names}")
        return [names.index(name) for name in self.feature_names_in_]


class ForeignClassifier(ClassifierMixin, _ForeignTrees):
    """A classifier that another library learned; :func:`from_lightgbm` and its like make one.

    It takes the original's leaf in every tree for every row, adds the leaves in the original's type, and exports with
    :func:`arsenal.deployment.export_onnx` as any model here. O(depth x trees) per row.

    Parameters
    ----------
    n_jobs : int or None, default=None
        Threads of a batch; None takes ``ARSENAL_NUM_THREADS`` or else every core that the process may use.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels: those of the object that was read; 0, 1, … where a file does not say.
    feature_names_in_ : ndarray of shape (``n_features_in_``,)
        The columns' names, which data frames are read by.
    n_features_in_ : int
        Number of columns.
    learned_by_ : str
        The package that learned the model.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from arsenal.models import from_sklearn
    >>> X, y = load_iris(return_X_y=True)
    >>> model = from_sklearn(DecisionTreeClassifier(random_state=0).fit(X, y))
    >>> model.predict(X[:2])
    array([0, 0])
    """

    def _take(self, file: _rust.ForeignFile, classes: Any = None) -> None:
        super()._take(file)
        self.classes_ = np.asarray(file.classes if classes is None else classes)
        self._threshold = file.threshold

    def predict_proba(self, X: Any) -> npt.NDArray[Any]:
        """Probabilities of the classes, of shape (n_samples, n_classes), in the type the model computes in.

        X is an array or CSR matrix of shape (n_samples, n_features), or a table whose columns are found by name.
        """
        return self._scores(X)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The most probable class of each row, of shape (n_samples,).

        Where CatBoost's ``set_probability_threshold`` was used, of two classes the second where its probability is
        above the threshold.
        """
        probabilities = self._scores(X)
        if self._threshold is None:
            best = probabilities.argmax(axis=1)
        else:
            best = (probabilities[:, 1] > self._threshold).astype(np.int64)
        return np.asarray(self.classes_[best])


class ForeignRegressor(RegressorMixin, _ForeignTrees):
    """A regressor or ranker that another library learned; :func:`from_lightgbm` and its like make one.

    Parameters, attributes and guarantees are those of :class:`ForeignClassifier`, without classes.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> import numpy as np
    >>> from sklearn.ensemble import RandomForestRegressor
    >>> from arsenal.models import from_sklearn
    >>> X, y = load_diabetes(return_X_y=True)
    >>> original = RandomForestRegressor(n_estimators=5, random_state=0).fit(X, y)
    >>> bool(np.allclose(from_sklearn(original).predict(X), original.predict(X), rtol=1e-14))
    True
    """

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Predictions of shape (n_samples,), or (n_samples, n_targets) where the model has several targets.

        X is an array or CSR matrix of shape (n_samples, n_features), or a table whose columns are found by name.
        """
        scores = self._scores(X)
        return scores[:, 0] if scores.shape[1] == 1 else scores


class ForeignOutlierDetector(OutlierMixin, _Foreign):
    """An isolation forest that scikit-learn learned; :func:`from_sklearn` makes one.

    Parameters, attributes and guarantees are those of :class:`ForeignClassifier`, without classes. The exported file
    gives :meth:`decision_function`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import IsolationForest
    >>> from arsenal.models import from_sklearn
    >>> X, _ = load_iris(return_X_y=True)
    >>> from_sklearn(IsolationForest(random_state=0).fit(X)).predict(X[:3])
    array([1, 1, 1])
    """

    offset_: float

    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        """Scores less the offset, of shape (n_samples,): outliers have less than 0."""
        return self._scores(X)[:, 0]

    def score_samples(self, X: Any) -> npt.NDArray[np.float64]:
        """Scores of shape (n_samples,), in -1..0: the lower, the easier a row was told from the others."""
        return self.decision_function(X) + self.offset_

    def predict(self, X: Any) -> npt.NDArray[np.int64]:
        """-1 for outliers, 1 for others."""
        return np.where(self.decision_function(X) < 0, -1, 1)


ForeignModel = ForeignClassifier | ForeignRegressor


def from_lightgbm(model: Any, *, n_iterations: int | None = None, n_jobs: int | None = None) -> ForeignModel:
    """Read a LightGBM model.

    Parameters
    ----------
    model : lightgbm.Booster, lightgbm.LGBMModel, path, str or bytes
        A fitted object, the path of a file that ``save_model`` wrote, or such a file's content.
    n_iterations : int, optional
        Iterations to take from the first on; by default those that the object predicts with (its best iteration, if it
        was stopped early) or that the file has.
    n_jobs : int, optional
        Threads of the model that is returned.

    Returns
    -------
    ForeignClassifier or ForeignRegressor
        By the objective: ``binary``, ``multiclass`` and ``multiclassova`` are classifiers, and so is what an
        ``LGBMClassifier`` learned of two classes with another one, whose number it takes for the probability of the
        second.

    Raises
    ------
    ArsenalValueError
        If the file is damaged, or says what cannot be kept: linear trees, ``cross_entropy_lambda``, a column that is
        read in two ways; or if an ``LGBMClassifier`` learned with an objective of the user's own, or one class.
    ArsenalTypeError
        If the object is no model of LightGBM.

    Notes
    -----
    Exact: the leaf of every row in every tree (NaN, zero as missing, sets of categories). Sums are
    float64 and differ by the order of summation alone. Of pandas' category columns the categories' own names are
    kept, so tables go in as they are.

    Examples
    --------
    >>> import lightgbm, numpy as np
    >>> from arsenal.models import from_lightgbm
    >>> X = np.random.default_rng(0).normal(size=(500, 3))
    >>> booster = lightgbm.train({"verbose": -1}, lightgbm.Dataset(X, X[:, 0] * X[:, 1]), 10)
    >>> bool(np.allclose(from_lightgbm(booster).predict(X), booster.predict(X), rtol=1e-12))
    True
    """
    _check_iterations(n_iterations)
    classes = None
    if _package(model) == "lightgbm":
        classes = getattr(model, "classes_", None)
        booster = model if hasattr(model, "model_to_string") else model.booster_
        # Asked for more iterations than there are, it would give what it has.
        model = booster.model_to_string(num_iteration=None if n_iterations is None else -1).encode()
    return _read(model, "lightgbm", "a lightgbm Booster or estimator", classes, n_iterations, n_jobs)


def from_xgboost(model: Any, *, n_iterations: int | None = None, n_jobs: int | None = None) -> ForeignModel:
    """Read an XGBoost model.

    Parameters
    ----------
    model : xgboost.Booster, xgboost.XGBModel, path or bytes
        A fitted object, the path of a JSON or UBJSON file that ``save_model`` wrote, or such a file's content.
    n_iterations : int, optional
        Iterations to take from the first on. By default a Booster's are all taken, as ``Booster.predict`` does,
        wherever it was loaded from; an estimator's up to its best one, if it was stopped early, as its own ``predict``
        does. A file predicts as what saved it: one that an estimator saved up to its best iteration, as the estimator
        that loads it, one that a Booster saved with all.
    n_jobs : int, optional
        Threads of the model that is returned.

    Returns
    -------
    ForeignClassifier or ForeignRegressor
        By the objective: ``binary:logistic``, ``multi:softprob`` and ``multi:softmax`` are classifiers, and so is what
        an ``XGBClassifier`` learned of two classes with another one, whose number it takes for the probability of the
        second.

    Raises
    ------
    ArsenalValueError
        If the file is damaged, or says what cannot be kept: linear boosters, trees with a vector in each leaf, a
        ``missing`` other than NaN; or if an ``XGBClassifier`` learned several labels per row, or one class.
    ArsenalTypeError
        If the object is no model of XGBoost.

    Notes
    -----
    Exact: the leaf of every row in every tree. Sums are float32, begin with the base score, and differ by
    the order of summation alone. NaN is missing. Categories that a data frame named (from XGBoost 3.1 on) keep their
    names; one that was not there in training goes with those that are in no set, where XGBoost refuses it.

    Examples
    --------
    >>> from arsenal.models import from_xgboost
    >>> model = from_xgboost("model.ubj")  # doctest: +SKIP
    >>> from_xgboost(b"{}")
    Traceback (most recent call last):
        ...
    arsenal.exceptions.ArsenalValueError: this is neither a model of XGBoost nor one of CatBoost
    """
    _check_iterations(n_iterations)
    classes = None
    if _package(model) == "xgboost":
        booster = model
        if hasattr(model, "get_booster"):
            booster = model.get_booster()
            missing = getattr(model, "missing", np.nan)
            if missing is not None and not np.isnan(missing):
                raise ArsenalValueError(f"the model takes {missing} for missing, wanted NaN: put NaN in its place")
            classes = getattr(model, "classes_", None)
            if n_iterations is None and (best := booster.attr("best_iteration")) is not None:
                n_iterations = int(best) + 1
        elif n_iterations is None:
            # The file of a Booster that an estimator saved still says so, and would be read as the estimator's.
            n_iterations = booster.num_boosted_rounds() or None
        model = bytes(booster.save_raw("ubj"))
    return _read(model, "xgboost", "an xgboost Booster or estimator", classes, n_iterations, n_jobs)


def from_catboost(model: Any, *, n_iterations: int | None = None, n_jobs: int | None = None) -> ForeignModel:
    """Read a CatBoost model.

    Parameters
    ----------
    model : catboost.CatBoost, path or bytes
        A fitted object, the path of a file that ``save_model(path, format="json")`` wrote, or such a file's content.
        The binary format (``.cbm``) is not read.
    n_iterations : int, optional
        Iterations to take from the first on; by default all that the model has.
    n_jobs : int, optional
        Threads of the model that is returned.

    Returns
    -------
    ForeignClassifier or ForeignRegressor
        By the loss: ``Logloss``, ``CrossEntropy``, ``Focal``, ``MultiClass`` and ``MultiClassOneVsAll`` are
        classifiers. Of two classes they predict the second above the model's probability threshold.

    Raises
    ------
    ArsenalValueError
        If the file is damaged, or says what cannot be kept: categorical, text and embedding features, of which a file
        has hashes alone, ``RMSEWithUncertainty``, or a sum of models; or if a ``CatBoostClassifier`` learned several
        labels per row.
    ArsenalTypeError
        If the object is no model of CatBoost.
    sklearn.exceptions.NotFittedError
        If it is not fitted.

    Notes
    -----
    Exact: the leaf of every row in every tree, symmetric or not. Sums are float64 and differ by the order
    of summation alone; scale and bias follow. Numbers are rounded to float32 before they are compared, as CatBoost
    does. ``Poisson`` and ``Tweedie`` give ``exp`` of the sum, as ``CatBoostRegressor.predict`` does.

    Examples
    --------
    >>> from arsenal.models import from_catboost
    >>> model = from_catboost("model.json")  # doctest: +SKIP
    >>> from_catboost(b"{}")
    Traceback (most recent call last):
        ...
    arsenal.exceptions.ArsenalValueError: this is neither a model of XGBoost nor one of CatBoost
    """
    _check_iterations(n_iterations)
    classes = None
    if _package(model) == "catboost":
        if not model.is_fitted():
            raise NotFittedError(f"This {type(model).__name__} of CatBoost is not fitted: call fit before it is read")
        classes = getattr(model, "classes_", None)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.json")
            model.save_model(str(path), format="json")
            model = path.read_bytes()
        classes = classes if classes is not None and len(classes) else None
    return _read(model, "catboost", "a catboost model", classes, n_iterations, n_jobs)


def from_sklearn(model: Any, *, n_jobs: int | None = None) -> ForeignModel | ForeignOutlierDetector:
    """Read a tree model of scikit-learn.

    Parameters
    ----------
    model : estimator
        A fitted decision tree, random forest, extra trees, gradient boosting, histogram gradient boosting (classifier
        or regressor) or isolation forest. Objects only: a pickle is never loaded.
    n_jobs : int, optional
        Threads of the model that is returned.

    Returns
    -------
    ForeignClassifier, ForeignRegressor or ForeignOutlierDetector
        As the original is.

    Raises
    ------
    ArsenalTypeError
        If the object is none of these.
    ArsenalValueError
        If it is a classifier with several outputs, or boosting that starts from a model.
    sklearn.exceptions.NotFittedError
        If it is not fitted.

    Notes
    -----
    Exact: the leaf of every row in every tree (numbers are rounded to float32 first where the original
    does so). Sums are float64 and differ by the order of summation alone. Missing values go where the original sends
    them; categories of histogram gradient boosting keep their names.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.ensemble import HistGradientBoostingClassifier
    >>> from arsenal.models import from_sklearn
    >>> X, y = load_wine(return_X_y=True)
    >>> original = HistGradientBoostingClassifier(max_iter=10).fit(X, y)
    >>> bool((from_sklearn(original).predict(X) == original.predict(X)).all())
    True
    """
    from arsenal.models import _foreign_sklearn

    if isinstance(model, BaseEstimator):
        check_is_fitted(model)
    parts = _foreign_sklearn.read(model)
    classes = getattr(model, "classes_", None)
    if classes is not None and len(classes) == 1:
        raise ArsenalValueError("the classifier knows one class, wanted 2 or more")
    file = _rust.read_foreign_trees(
        "sklearn",
        parts.columns,
        parts.trees,
        (parts.n_targets, parts.width),
        parts.starts,
        parts.steps,
        parts.task,
        None if classes is None else file_labels(classes),
    )
    if not isinstance(model, OutlierMixin):
        return _foreign(file, classes, n_jobs)
    detector = ForeignOutlierDetector(n_jobs=n_jobs)
    detector._take(file)
    detector.offset_ = float(model.offset_)
    return detector


def read_model_file(
    content: bytes, *, library: str | None = None, n_iterations: int | None = None, n_jobs: int | None = None
) -> ForeignModel:
    """Read a model file of any of the libraries; which one wrote it shows in the content."""
    _check_iterations(n_iterations)
    return _foreign(_rust.read_foreign_model(content, library, None, n_iterations), None, n_jobs)


def _package(model: Any) -> str:
    """The package that a model's class comes from, or that one of its bases does."""
    packages = [base.__module__.partition(".")[0] for base in type(model).__mro__]
    return next((package for package in packages if package in ("lightgbm", "xgboost", "catboost")), packages[0])


def _read(
    model: Any, library: str, wanted: str, classes: Any, n_iterations: int | None, n_jobs: int | None
) -> ForeignModel:
    if isinstance(model, str) and model.startswith("tree\n"):
        content = model.encode()
    elif isinstance(model, str | os.PathLike):
        content = Path(model).read_bytes()
    elif isinstance(model, bytes | bytearray | memoryview):
        content = bytes(model)
    else:
        kind = f"{type(model).__module__}.{type(model).__qualname__}"
        raise ArsenalTypeError(f"model is a {kind}, wanted {wanted}, a path or a file's content")
    labels = None if classes is None else file_labels(np.asarray(classes))
    return _foreign(_rust.read_foreign_model(content, library, labels, n_iterations), classes, n_jobs)


def _check_iterations(n_iterations: Any) -> None:
    """Raise unless it is None or a number of iterations; whether the model has as many is for its reader to say."""
    if n_iterations is None:
        return
    if not isinstance(n_iterations, Integral) or isinstance(n_iterations, bool):
        raise ArsenalTypeError(f"n_iterations is {n_iterations!r}, wanted a whole number or None")
    if not 1 <= int(n_iterations) < 2**63:
        raise ArsenalValueError(f"n_iterations is {n_iterations}, wanted 1 to the model's number of iterations")


def _foreign(file: _rust.ForeignFile, classes: Any, n_jobs: int | None) -> ForeignModel:
    if file.classes is None:
        regressor = ForeignRegressor(n_jobs=n_jobs)
        regressor._take(file)
        return regressor
    classifier = ForeignClassifier(n_jobs=n_jobs)
    classifier._take(file, classes)
    return classifier
