"""What skl2onnx makes of scikit-learn's estimators: the runtime gives scikit-learn's numbers, and onnxruntime's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from arsenal.deployment import InferenceSession
from numpy.typing import NDArray
from skl2onnx import to_onnx
from sklearn.base import is_classifier, is_regressor
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import (
    BaggingRegressor,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    ElasticNet,
    LinearRegression,
    LogisticRegression,
    Perceptron,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import BernoulliNB, GaussianNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR, NuSVC, OneClassSVM
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

Array = NDArray[Any]
IRIS = load_iris()
CANCER = load_breast_cancer()
X3, Y3 = IRIS.data.astype(np.float32), IRIS.target
X2, Y2 = CANCER.data[:300, :8].astype(np.float32), CANCER.target[:300]
HOLES = np.where(np.random.default_rng(0).random(X3.shape) < 0.2, np.nan, X3).astype(np.float32)

CLASSIFIERS = {
    "LogisticRegression of 2": (LogisticRegression(max_iter=5000), X2, Y2),
    "LogisticRegression of 3": (LogisticRegression(max_iter=5000), X3, Y3),
    "LogisticRegression, strings": (LogisticRegression(max_iter=5000), X3, IRIS.target_names[Y3]),
    "OneVsRestClassifier": (OneVsRestClassifier(LogisticRegression(max_iter=5000)), X3, Y3),
    "SGDClassifier": (SGDClassifier(random_state=0), X3, Y3),
    "Perceptron": (Perceptron(random_state=0), X3, Y3),
    "RidgeClassifier": (RidgeClassifier(), X3, Y3),
    "LinearSVC": (LinearSVC(random_state=0), X3, Y3),
    "SVC, rbf": (SVC(), X3, Y3),
    "SVC, poly": (SVC(kernel="poly"), X2 / 100, Y2),
    "SVC, sigmoid": (SVC(kernel="sigmoid"), X3, Y3),
    "NuSVC": (NuSVC(nu=0.2), X3, Y3),
    "GaussianNB": (GaussianNB(), X3, Y3),
    "BernoulliNB": (BernoulliNB(binarize=2.0), X3, Y3),
    "MultinomialNB": (MultinomialNB(), X3, Y3),
    "DecisionTreeClassifier": (DecisionTreeClassifier(random_state=0), X3, Y3),
    "RandomForestClassifier": (RandomForestClassifier(20, random_state=0), X3, Y3),
    "ExtraTreesClassifier": (ExtraTreesClassifier(20, random_state=0), X3, Y3),
    "GradientBoostingClassifier": (GradientBoostingClassifier(n_estimators=20, random_state=0), X2, Y2),
    "VotingClassifier": (
        VotingClassifier(
            [("a", GaussianNB()), ("b", LogisticRegression(max_iter=5000))], voting="soft", flatten_transform=False
        ),
        X3,
        Y3,
    ),
    "scaler and logistic": (make_pipeline(StandardScaler(), LogisticRegression()), X2, Y2),
    "imputer, scaler, SVC": (make_pipeline(SimpleImputer(), MinMaxScaler(), SVC()), HOLES, Y3),
}
REGRESSORS = {
    "LinearRegression": (LinearRegression(), X3[:, 1:], X3[:, 0]),
    "ElasticNet": (ElasticNet(0.01), X3[:, 1:], X3[:, 0]),
    "LinearSVR": (LinearSVR(random_state=0), X3[:, 1:], X3[:, 0]),
    "SVR": (SVR(), X3[:, 1:], X3[:, 0]),
    "SVR, linear": (SVR(kernel="linear"), X3[:, 1:], X3[:, 0]),
    "DecisionTreeRegressor": (DecisionTreeRegressor(random_state=0), X3[:, 1:], X3[:, 0]),
    "RandomForestRegressor": (RandomForestRegressor(20, random_state=0), X3[:, 1:], X3[:, 0]),
    "BaggingRegressor": (BaggingRegressor(DecisionTreeRegressor(), 5, random_state=0), X3[:, 1:], X3[:, 0]),
    "OneClassSVM": (OneClassSVM(nu=0.1), X3, None),
}
TRANSFORMERS = {
    "StandardScaler": (StandardScaler(), X3),
    "MinMaxScaler": (MinMaxScaler(), X3),
    "MaxAbsScaler": (MaxAbsScaler(), X3),
    "RobustScaler": (RobustScaler(), X3),
    "Normalizer, l1": (Normalizer("l1"), X3),
    "Normalizer, l2": (Normalizer("l2"), X3),
    "Normalizer, max": (Normalizer("max"), X3),
    "Binarizer": (Binarizer(threshold=2.0), X3),
    "SimpleImputer, mean": (SimpleImputer(), HOLES),
    "SimpleImputer, median": (SimpleImputer(strategy="median"), HOLES),
    "KBinsDiscretizer": (KBinsDiscretizer(3, encode="ordinal", strategy="uniform"), X3),
    "ColumnTransformer": (
        ColumnTransformer([("a", StandardScaler(), [0, 2]), ("b", MinMaxScaler(), [3])], remainder="passthrough"),
        X3,
    ),
}
CASES: dict[str, Any] = CLASSIFIERS | REGRESSORS | TRANSFORMERS


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore")
def test_converted(rival: Any, name: str) -> None:
    estimator, x, *rest = CASES[name]
    estimator.fit(x, *rest)
    has_maps = is_classifier(estimator) and hasattr(estimator, "predict_proba")
    options = {"zipmap": False} if has_maps else None
    model = to_onnx(estimator, x[:1], options=options, target_opset={"": 18, "ai.onnx.ml": 3}).SerializeToString()
    rows = np.concatenate([x, x[::-1] * np.float32(1.1)])
    ours = InferenceSession(model).run(None, {"X": rows})
    theirs = rival(model).run(None, {"X": rows})
    for our, their in zip(ours, theirs, strict=True):
        if isinstance(our, list):  # ZipMap's
            assert [list(one) for one in our] == [list(one) for one in their]
            our, their = (np.array([list(one.values()) for one in maps], np.float32) for maps in (our, their))
        assert our.shape == their.shape
        assert our.dtype == their.dtype
        if our.dtype.kind == "f":
            # Sums in float32, in another order: what cancels leaves the rounding of the largest terms.
            np.testing.assert_allclose(our, their, rtol=2e-5, atol=1e-5 * max(1, np.abs(their).max()))
        else:
            np.testing.assert_array_equal(our, their)
    if is_classifier(estimator):
        np.testing.assert_array_equal(ours[0], estimator.predict(rows))
        if hasattr(estimator, "predict_proba"):
            np.testing.assert_allclose(ours[1], estimator.predict_proba(rows), rtol=1e-4, atol=2e-5)
    elif is_regressor(estimator):
        np.testing.assert_allclose(ours[0].ravel(), estimator.predict(rows), rtol=1e-4, atol=1e-5)
    elif hasattr(estimator, "transform"):
        np.testing.assert_allclose(ours[0], estimator.transform(rows), rtol=1e-4, atol=1e-5)
