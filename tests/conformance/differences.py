"""Where Arsenal does as onnxruntime does and the specification's text says otherwise: all such cases, explained."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Difference:
    """`patterns` name cases, as a shell's patterns name files."""

    title: str
    patterns: tuple[str, ...]
    text_says: str
    arsenal_does: str
    why: str

    def covers(self, case: str) -> bool:
        return any(fnmatchcase(case, pattern) for pattern in self.patterns)


# With compat="spec" there is none of them.
DIFFERENCES = (
    Difference(
        "Normalizer, L1",
        ("Normalizer-* L1, *",),
        "Y = X / sum(X)",
        "divides by the sum of absolute values",
        "that is what the norm of this name is, and what scikit-learn's Normalizer, which is exported so, computes",
    ),
    Difference(
        "Normalizer, L2",
        ("Normalizer-* L2, *",),
        "Y = sqrt(X² / sum(X²)), which is never negative",
        "keeps the sign of X",
        "scikit-learn's Normalizer does",
    ),
    Difference(
        "Normalizer, MAX, doubles",
        ("Normalizer-* MAX, float64, *",),
        "Y = X / max(X)",
        "rounds a double to float before it divides, so that a maximum of 5e-324 is 0",
        "the output is float, and onnxruntime rounds first",
    ),
    Difference(
        "ArrayFeatureExtractor, one row as [C]",
        ("ArrayFeatureExtractor-*, 1-D",),
        "the indices are applied to the last axis: [C] becomes [K]",
        "gives [1, K]",
        "onnxruntime and the reference implementation do, and graphs are built on it",
    ),
    Difference(
        "LabelEncoder before version 4, zeros",
        ("LabelEncoder-[23] zero is a key, *", "LabelEncoder-[23] negative zero is a key, *"),
        "keys are compared bit by bit: 0 is not −0",
        "0 is −0",
        "onnxruntime compares numbers",
    ),
    Difference(
        "LabelEncoder from version 4 on, repeated keys",
        ("LabelEncoder-[45] repeated *",),
        "the last of equal keys takes precedence",
        "the first one does",
        "onnxruntime takes the first",
    ),
    Difference(
        "A single target's transform",
        (
            *(
                f"{operator}-* 1 target, {transform}, *"
                for operator in ("LinearRegressor", "TreeEnsembleRegressor", "TreeEnsemble")
                for transform in ("LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO")
            ),
            "SVMRegressor-* LOGISTIC, *",
        ),
        "the transform is applied to the score",
        "a single score is transformed by PROBIT alone, SVMRegressor's by none",
        "onnxruntime does so, and models that name a transform were tested there",
    ),
    Difference(
        "Missing values where a node asks for ≠",
        tuple(
            f"TreeEnsemble*-* {form}, *, nan"
            for form in ("BRANCH_NEQ", "all modes", "all modes, missing*", "BRANCH_MEMBER and all modes")
        ),
        "NaN goes where nodes_missing_value_tracks_true says, by default to the false branch",
        "NaN ≠ threshold is true, so NaN goes to the true branch of BRANCH_NEQ whatever the attribute says",
        "onnxruntime asks the comparison first",
    ),
    Difference(
        "TreeEnsembleClassifier, classes without a vote",
        tuple(
            f"TreeEnsembleClassifier-* {form}, *"
            for form in ("BRANCH_*", "all modes*", "single leaves", "root comes last", "double thresholds")
        ),
        "the label is the class of the largest score; a class that no leaf votes for has the score 0",
        "the label is the class of the largest score among those that a leaf of this row votes for",
        "onnxruntime does so",
    ),
    Difference(
        "TreeEnsembleClassifier, two classes",
        ("TreeEnsembleClassifier-* 2 classes, *",),
        "a score per class, the label of the larger one, the transform of both",
        "with votes for one class alone they are the second one's score, the first one's follows from it, and the "
        "label turns at 0, or at 1/2 if no vote is negative; with votes for both the second class wins if its own "
        "score is positive",
        "converters of LightGBM, XGBoost and scikit-learn write two classes that way",
    ),
    Difference(
        "SVMClassifier, two classes without support vectors",
        ("SVMClassifier-* LINEAR, 2 classes, without vectors*",),
        "the label of the larger score",
        "the second class wins if the larger score is positive, or at least 1/2 if no coefficient is negative",
        "onnxruntime does so",
    ),
)


def difference_of(case: str) -> Difference | None:
    return next((one for one in DIFFERENCES if one.covers(case)), None)
