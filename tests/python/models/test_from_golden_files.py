"""Model files of XGBoost and CatBoost with these libraries' own answers, made by tests/golden/foreign/regenerate.py."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from arsenal.deployment import export_onnx
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.models import ForeignClassifier, from_catboost, from_xgboost
from edge_rows import is_near, onnxruntime_scores, ulps

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


class CatBoost:
    """What is used of CatBoost's objects."""

    __module__ = "catboost.core"
    classes_ = np.array(["no", "yes"])

    def save_model(self, path: str, format: str) -> None:
        assert format == "json"
        Path(path).write_bytes(model_file("catboost_logloss").read_bytes())


def test_objects_of_catboost_are_read_through_their_file() -> None:
    model = from_catboost(CatBoost())
    assert model.classes_.tolist() == ["no", "yes"]
    assert export_onnx(model) == export_onnx(read("catboost_logloss"))
