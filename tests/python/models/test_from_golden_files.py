"""Model files of XGBoost and CatBoost with these libraries' own answers, made by tests/golden/foreign/regenerate.py."""

from __future__ import annotations

import json
import os
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from arsenal.deployment import InferenceSession, export_onnx
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.models import ForeignClassifier, from_catboost, from_xgboost
from edge_rows import is_near, onnxruntime_scores, ulps
from sklearn.exceptions import NotFittedError

FOLDER = Path(__file__).parents[2] / "golden/foreign"
NAMES = sorted(path.name.removesuffix(".expected.json") for path in FOLDER.glob("*.expected.json"))


def model_file(name: str) -> Path:
    (found,) = [path for path in FOLDER.glob(f"{name}.*") if ".expected" not in path.name]
    return found


def read(name: str) -> Any:
    return (from_xgboost if name.startswith("xgboost") else from_catboost)(model_file(name))


def expected(name: str) -> tuple[Any, np.ndarray, float]:
    content = json.loads((FOLDER / f"{name}.expected.json").read_text())
    rows = content["rows"]
    rows = pd.DataFrame(rows) if isinstance(rows, dict) else np.array(rows)
    return rows, np.array(content["answers"]), content["ulps"]


def test_there_are_many_kinds() -> None:
    assert len(NAMES) >= 30


@pytest.mark.parametrize("name", NAMES)
def test_it_answers_as_the_original_did(name: str) -> None:
    rows, theirs, tolerance = expected(name)
    model = read(name)
    is_classifier = isinstance(model, ForeignClassifier)
    ours = model.predict_proba(rows) if is_classifier else model.predict(rows)
    if is_classifier and theirs.ndim == 1:
        ours = ours[:, 1]
    assert is_near(ours, theirs)
    if is_classifier:
        best = theirs > 0.5 if theirs.ndim == 1 else theirs.argmax(axis=1)
        assert (model.predict(rows) == model.classes_[np.asarray(best, dtype=int)]).all()
    feed = {c: rows[c].fillna("") if c == "city" else rows[c] for c in rows} if isinstance(rows, pd.DataFrame) else rows
    with np.errstate(over="ignore"):
        others = onnxruntime_scores(export_onnx(model), feed)
    others = others[:, 1] if is_classifier and theirs.ndim == 1 else others.reshape(theirs.shape)
    # onnxruntime adds the trees in their order, as the originals do; its sigmoid and exp are approximate in float32.
    if tolerance == 0:
        assert ulps(others, theirs.astype(others.dtype)) == 0
    else:
        np.testing.assert_allclose(others, theirs, rtol=1e-13 if others.dtype == np.float64 else 3e-6, atol=1e-7)


def test_tables_and_sparse_rows_are_read_as_arrays_are() -> None:
    from scipy import sparse

    for name in ("xgboost_squarederror", "catboost_rmse"):
        rows, _, _ = expected(name)
        rows = np.where(np.isinf(rows), 0.0, rows)
        model = read(name)
        frame = pd.DataFrame(rows, columns=model.feature_names_in_)
        answers = model.predict(rows)
        assert ulps(model.predict(frame[frame.columns[::-1]]), answers) == 0
        assert ulps(model.predict(sparse.csr_matrix(rows)), answers) == 0
        assert ulps(model.predict(rows.astype(np.float32)), answers) == 0


def test_labels_come_from_the_file() -> None:
    assert read("catboost_logloss").classes_.tolist() == ["no", "yes"]
    assert read("catboost_multiclass").classes_.tolist() == [0, 1, 2]
    assert read("xgboost_binary").classes_.tolist() == [0, 1]


def test_iterations_can_be_chosen() -> None:
    few, stopped = (from_xgboost(model_file("xgboost_stopped"), n_iterations=n) for n in (2, None))
    rows, answers, _ = expected("xgboost_stopped")
    assert is_near(stopped.predict_proba(rows), answers)
    assert np.abs(few.predict_proba(rows) - answers).max() > 0.01
    one = from_xgboost(model_file("xgboost_softmax"), n_iterations=1)
    assert len(export_onnx(one)) < len(export_onnx(read("xgboost_softmax")))
    with pytest.raises(ArsenalValueError, match="9 iterations are wanted, the model has 12 trees, 6 per iteration"):
        from_xgboost(model_file("xgboost_softmax"), n_iterations=9)
    with pytest.raises(ArsenalValueError, match="9 iterations are wanted, the model has 5"):
        from_catboost(model_file("catboost_rmse"), n_iterations=9)


def test_the_base_score_of_older_versions_is_one_number() -> None:
    content = model_file("xgboost_binary").read_text()
    older, n = re.subn(r'"base_score":"\[(\S+?)\]"', r'"base_score":"\1"', content)
    assert n == 1
    assert export_onnx(from_xgboost(older.encode())) == export_onnx(read("xgboost_binary"))


@pytest.mark.parametrize(
    ("name", "pattern", "replacement", "message"),
    [
        ("xgboost_binary", r'"name":"gbtree"', '"name":"gblinear"', 'the booster is "gblinear", wanted gbtree or dart'),
        ("xgboost_binary", r"binary:logistic", "binary:unknown", 'the objective "binary:unknown" with 1 targets'),
        ("xgboost_binary", r'"size_leaf_vector":"1"', '"size_leaf_vector":"3"', "tree 0: its leaves hold"),
        ("xgboost_binary", r'"left_children":\[1', '"left_children":[0', "tree 0: node 0 is reached twice"),
        ("xgboost_binary", r'"left_children":\[1', '"left_children":[99', "tree 0: node 99 does not exist"),
        ("xgboost_binary", r'"left_children":\[1,', '"left_children":[', "entries of another kind"),
        ("xgboost_binary", r'"split_indices":\[\d', '"split_indices":[9', "tree 0 splits feature 9, there are 4"),
        (
            "xgboost_binary",
            r'"num_class":"0","num_feature":"4"',
            '"num_class":"0","num_feature":"4000000000"',
            "4000000000 features, at most",
        ),
        ("xgboost_binary", r'"num_class":"0"', '"num_class":"4000000000"', "4000000000 targets, at most"),
        ("xgboost_binary", r'"base_score":"\[', '"base_score":"[2,', "2 base scores for 1 targets"),
        ("xgboost_binary", r'"base_score":"\[\S+?\]', '"base_score":"[2]', "the base score is NaN"),
        ("xgboost_logitraw", r'"version":\[3', '"version":[1', "binary:logitraw is read from version 2 on"),
        ("xgboost_binary", r"\}$", "", "EOF while parsing"),
        ("xgboost_binary", r'"tree_info"', '"tree_infos"', "missing field `tree_info`"),
        (
            "xgboost_categories",
            r'"categories_sizes":\[\d+',
            '"categories_sizes":[99999',
            "its sets of categories are larger than",
        ),
        (
            "xgboost_categories",
            r'"categories_segments":\[\d+',
            '"categories_segments":[99',
            "categories that are not there",
        ),
        ("xgboost_names", r'"values":\[48,48,', '"values":[-61,-93,', '"ã7" is not ASCII; XGBoost cuts such names off'),
        ("xgboost_names", r'"offsets":\[0,3,', '"offsets":[0,99,', "an offset leads out of the bytes"),
        ("xgboost_names", r'"offsets":\[0,3,', '"offsets":[0,0,', "the empty string is one of them"),
        ("catboost_rmse", r'"split_type":"FloatFeature"', '"split_type":"OnlineCtr"', "no model"),
        ("catboost_rmse", r'"nan_value_treatment":"AsIs"', '"nan_value_treatment":"As"', 'treats NaN "As"'),
        (
            "catboost_rmse",
            r'"leaf_values":\[',
            '"leaf_values":[1,',
            "tree 0: it asks 3 questions and has 9 leaf values",
        ),
        ("catboost_rmse", r'"type":"RMSE"', '"type":"RMSEWithUncertainty"', '"RMSEWithUncertainty" with 1 targets'),
        (
            "catboost_rmse",
            r'"float_feature_index":\d',
            '"float_feature_index":9',
            "it asks for float feature 9, there are 4",
        ),
        (
            "catboost_lossguide",
            r'"left":\{',
            '"gone":{',
            "tree 0: a node is neither a split with two children nor a leaf",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_said(name: str, pattern: str, replacement: str, message: str) -> None:
    spoilt, n = re.subn(pattern, replacement, model_file(name).read_text().strip(), count=1)
    assert n == 1
    if replacement.endswith('OnlineCtr"'):
        spoilt = re.sub(r'"float_feature_index":\d,', "", spoilt, count=1)
        message = 'it asks a question of the type "OnlineCtr", wanted FloatFeature'
    with pytest.raises(ArsenalValueError, match=re.escape(message)):
        (from_xgboost if name.startswith("xgboost") else from_catboost)(spoilt.encode())


@pytest.mark.parametrize("name", ["xgboost_categories", "xgboost_targets", "catboost_depthwise", "catboost_rmse"])
def test_spoilt_files_give_errors_or_models_that_run(name: str) -> None:
    rng = np.random.default_rng(0)
    content = np.frombuffer(model_file(name).read_bytes(), dtype=np.uint8)
    digits = np.flatnonzero((content >= ord("0")) & (content <= ord("9")))
    n_read = 0
    for _ in range(60):
        spoilt = content.copy()
        spoilt[rng.choice(digits, 3)] = rng.integers(ord("0"), ord("9") + 1, 3)
        try:
            model = (from_xgboost if name.startswith("xgboost") else from_catboost)(spoilt.tobytes())
        except ArsenalValueError:
            continue
        n_read += 1
        assert len(model.predict(np.zeros((3, model.n_features_in_)))) == 3
    assert n_read > 3


def test_categories_of_catboost_are_refused() -> None:
    content = json.loads(model_file("catboost_rmse").read_text())
    content["features_info"]["categorical_features"] = [{"feature_id": "city", "flat_feature_index": 2}]
    with pytest.raises(ArsenalValueError, match=r'column 2 \("city"\) holds categories, text or embeddings'):
        from_catboost(json.dumps(content).encode())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "these 0 bytes are no model of LightGBM"),
        (b"CBM1" + bytes(20), "CatBoost's binary format, wanted JSON"),
        (b"\x80\x04\x95", "this is a pickle, which can run any code"),
        (b"binf" + bytes(20), "XGBoost's old binary format"),
        (b"{}", "this is neither a model of XGBoost nor one of CatBoost"),
        (b"tree\n", "this is a model of lightgbm, wanted one of xgboost"),
        (b"{L\0\0\0\0\0\0\0\x07learner{L\0\0\0\0\0\0\0\x01x" + b"[" * 500, "values are nested more than 64 deep"),
        (b"{L\0\0\0\0\0\0\0\x07learner[$Z#L\x7f\xff\xff\xff\xff\xff\xff\xff", "a container holds the type 'Z'"),
        (b"{L\0\0\0\0\0\0\0\x07learner{L\x7f\xff\xff\xff\xff\xff\xff\xff", "the file is cut off"),
    ],
)
def test_other_content_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(ArsenalValueError, match=re.escape(message)):
        from_xgboost(content)


@pytest.mark.parametrize("read", [from_xgboost, from_catboost])
def test_other_objects_are_refused(read: Any) -> None:
    with pytest.raises(ArsenalTypeError, match=r"model is a builtins\.list, wanted an? (xgboost|catboost)"):
        read([])
    with pytest.raises(OSError, match="nowhere"):
        read(os.path.join("nowhere", "model.json"))


class Booster:
    """What is used of XGBoost's objects."""

    __module__ = "xgboost.core"

    def __init__(self, best: str | None = None) -> None:
        self.best = best

    def save_raw(self, form: str) -> bytearray:
        assert form == "ubj"
        return bytearray(model_file("xgboost_stopped").read_bytes())

    def attr(self, name: str) -> str | None:
        assert name == "best_iteration"
        return self.best

    def num_boosted_rounds(self) -> int:
        return 12


class Estimator:
    """The same of its estimators."""

    __module__ = "xgboost.sklearn"

    def __init__(self, missing: float, best: str | None) -> None:
        self.missing, self.classes_, self.best = missing, np.array([0, 1]), best

    def get_booster(self) -> Booster:
        return Booster(self.best)


def test_objects_of_xgboost_are_read_through_their_file() -> None:
    stopped = export_onnx(read("xgboost_stopped"))
    assert export_onnx(from_xgboost(Estimator(np.nan, None))) == stopped
    assert export_onnx(from_xgboost(Estimator(np.nan, "1"))) == export_onnx(
        from_xgboost(model_file("xgboost_stopped"), n_iterations=2)
    )
    # A Booster predicts with all of its iterations, even if it comes from the file of an estimator that stopped early.
    everything = from_xgboost(model_file("xgboost_stopped"), n_iterations=12)
    assert export_onnx(from_xgboost(Booster("6"))) == export_onnx(everything) != stopped
    with pytest.raises(ArsenalValueError, match=r"the model takes -1.0 for missing, wanted NaN"):
        from_xgboost(Estimator(-1.0, None))


def estimator_of(name: str, classes: list[Any]) -> Estimator:
    """An estimator of XGBoost that holds the model of a file."""

    class Held(Booster):
        __module__ = "xgboost.core"

        def save_raw(self, form: str) -> bytearray:
            return bytearray(model_file(name).read_bytes())

    estimator = Estimator(np.nan, None)
    estimator.classes_ = np.array(classes)
    estimator.get_booster = Held  # type: ignore[method-assign]
    return estimator


@pytest.mark.parametrize("name", ["hinge", "logitraw", "logistic_regression", "squarederror", "poisson", "ranking"])
def test_an_estimator_of_two_classes_takes_its_number_for_a_probability(name: str) -> None:
    rows, answers, _ = expected(f"xgboost_{name}")
    model = from_xgboost(estimator_of(f"xgboost_{name}", ["no", "yes"]))
    second = answers.astype(np.float32)
    assert is_near(model.predict_proba(rows)[:, 1], second)
    assert is_near(model.predict_proba(rows)[:, 0], 1 - model.predict_proba(rows)[:, 1])
    assert (model.predict(rows) == np.where(second > 0.5, "yes", "no")).all()
    assert is_near(model.shap_values(rows), read(f"xgboost_{name}").shap_values(rows))


@pytest.mark.parametrize(
    ("name", "classes", "message"),
    [
        ("targets", [0, 1], 'the objective "reg:squarederror" gives a row 2 numbers, which are no probabilities of'),
        ("squarederror", [0, 1, 2], 'the objective "reg:squarederror" gives a row 1 numbers, which are no'),
        ("softprob", [0, 1], 'the objective "multi:softprob" gives a row 3 numbers'),
        ("binary", [5], "the estimator knows one class, wanted 2 or more"),
    ],
)
def test_objectives_that_are_no_classifiers_are_named(name: str, classes: list[int], message: str) -> None:
    with pytest.raises(ArsenalValueError, match=re.escape(message)):
        from_xgboost(estimator_of(f"xgboost_{name}", classes))


@pytest.mark.parametrize("form", ["json", "ubj"])
def test_linear_models_are_named(form: str) -> None:
    if form == "json":
        file = b'{"learner":{"gradient_booster":{"model":{"boosted_rounds":5,"weights":[1,2]},"name":"gblinear"}}}'
    else:
        learner, booster, model, name, kind = (
            b"L" + len(text).to_bytes(8, "big") + text
            for text in (b"learner", b"gradient_booster", b"model", b"name", b"gblinear")
        )
        file = b"{" + learner + b"{" + booster + b"{" + model + b"{}" + name + b"S" + kind + b"}}}"
    with pytest.raises(ArsenalValueError, match='the booster is "gblinear", wanted gbtree or dart'):
        from_xgboost(file)


@pytest.mark.parametrize("read", [from_xgboost, from_catboost])
def test_numbers_of_iterations_are_checked(read: Any) -> None:
    for wrong in (2.0, "3", True):
        with pytest.raises(ArsenalTypeError, match=f"n_iterations is {wrong!r}, wanted a whole number or None"):
            read(b"", n_iterations=wrong)
    for wrong in (0, -1, 2**64):
        with pytest.raises(ArsenalValueError, match=f"n_iterations is {wrong}, wanted 1 to the model's number of"):
            read(b"", n_iterations=wrong)


class CatBoost:
    """What is used of CatBoost's objects."""

    __module__ = "catboost.core"
    classes_ = np.array(["no", "yes"])

    def __init__(self, is_fitted: bool = True) -> None:
        self._is_fitted = is_fitted

    def is_fitted(self) -> bool:
        return self._is_fitted

    def save_model(self, path: str, format: str) -> None:
        assert format == "json"
        Path(path).write_bytes(model_file("catboost_logloss").read_bytes())


def test_objects_of_catboost_are_read_through_their_file() -> None:
    model = from_catboost(CatBoost())
    assert model.classes_.tolist() == ["no", "yes"]
    assert export_onnx(model) == export_onnx(read("catboost_logloss"))
    with pytest.raises(NotFittedError, match="This CatBoost of CatBoost is not fitted"):
        from_catboost(CatBoost(is_fitted=False))


def catboost_with(name: str, **info: Any) -> bytes:
    """A model file of CatBoost of which ``model_info`` says something else; None takes an entry away."""
    content = json.loads(model_file(name).read_text())
    content["model_info"] = {k: v for k, v in (content["model_info"] | info).items() if v is not None}
    return json.dumps(content).encode()


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.8, 0.0, 1.0])
def test_catboosts_probability_threshold_decides_the_label(threshold: float) -> None:
    rows, answers, _ = expected("catboost_logloss")
    model = from_catboost(catboost_with("catboost_logloss", binclass_probability_threshold=str(threshold)))
    labels = np.where(answers[:, 1] > threshold, "yes", "no")
    assert (model.predict(rows) == labels).all()
    assert is_near(model.predict_proba(rows), answers)
    assert (pickle.loads(pickle.dumps(model)).predict(rows) == labels).all()
    content = export_onnx(model)
    feed = {"X": rows}
    assert (InferenceSession(content).run(["label"], feed)[0] == labels).all()
    assert (onnxruntime.InferenceSession(content).run(["label"], feed)[0] == labels).all()


def test_other_parts_of_catboosts_files_are_read_or_named() -> None:
    rows, answers, _ = expected("catboost_logloss")
    focal = from_catboost(catboost_with("catboost_logloss", params={"loss_function": {"type": "Focal"}}))
    assert is_near(focal.predict_proba(rows), answers)
    for wrong in ("much", "1.5", "nan"):
        with pytest.raises(ArsenalValueError, match=f'threshold is "{wrong}", wanted a number from 0 to 1'):
            from_catboost(catboost_with("catboost_logloss", binclass_probability_threshold=wrong))
    with pytest.raises(ArsenalValueError, match=r"does not say what it was trained with \(model_info.params\)"):
        from_catboost(catboost_with("catboost_logloss", params=None))
