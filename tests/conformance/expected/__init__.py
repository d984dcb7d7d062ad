"""Each operator as its text in the specification reads, in plain NumPy; where the text is silent a value is None.

Nothing here comes from a runtime. A function takes the attributes, the operator's opset and the inputs, and gives the
outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.case import Case
from conformance.expected import columns, features, labels, linear, support_vectors, trees

READINGS: dict[str, Callable[..., list[Any]]] = {
    "ArrayFeatureExtractor": features.array_feature_extractor,
    "Binarizer": columns.binarizer,
    "CategoryMapper": labels.category_mapper,
    "FeatureVectorizer": features.feature_vectorizer,
    "Imputer": columns.imputer,
    "LabelEncoder": labels.label_encoder,
    "LinearClassifier": linear.linear_classifier,
    "LinearRegressor": linear.linear_regressor,
    "Normalizer": columns.normalizer,
    "OneHotEncoder": features.one_hot_encoder,
    "SVMClassifier": support_vectors.svm_classifier,
    "SVMRegressor": support_vectors.svm_regressor,
    "Scaler": columns.scaler,
    "TreeEnsemble": trees.tree_ensemble,
    "TreeEnsembleClassifier": trees.tree_ensemble_classifier,
    "TreeEnsembleRegressor": trees.tree_ensemble_regressor,
    "ZipMap": features.zip_map,
}


def expected(case: Case) -> list[Any]:
    with np.errstate(all="ignore"):
        return READINGS[case.operator](case.attributes, case.opset, *case.inputs)
