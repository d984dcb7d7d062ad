"""``arsenal convert``: models of other libraries in, ONNX out, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from arsenal.deployment import InferenceSession

GOLDEN = Path(__file__).parents[2] / "golden/foreign"
Command = Callable[..., "Ended"]  # noqa: F821  (the fixtures' class)


@pytest.mark.parametrize(
    ("name", "library", "classes", "trees"),
    [
        ("lightgbm_regression.txt", "lightgbm", None, 4),
        ("xgboost_softprob.json", "xgboost", 3, 12),
        ("xgboost_gamma.ubj", "xgboost", None, 4),
        ("catboost_logloss.json", "catboost", 2, 5),
    ],
)
def test_the_content_says_which_library_it_was(
    arsenal: Command, tmp_path: Path, name: str, library: str, classes: int | None, trees: int
) -> None:
    model = tmp_path / "model"
    model.write_bytes((GOLDEN / name).read_bytes())
    out = tmp_path / "model.onnx"
    done = arsenal("convert", model, "--out", out, "--json")
    assert done.code == 0
    facts = json.loads(done.out)
    assert facts == {
        "model": str(model),
        "out": str(out),
        "learned_by": library,
        "columns": 4,
        "classes": classes,
        "trees": trees,
        "bytes": out.stat().st_size,
    }
    assert InferenceSession(out).describe()["metadata"]["arsenal.learned_by"] == library
    done = arsenal("convert", model, "--out", out)
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith(f"{library}, 4 columns, {trees} trees, ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"", "these 0 bytes are no model of LightGBM (text), XGBoost (JSON, UBJSON) or CatBoost (JSON)"),
        (b"tree\nversion=v4\n", 'LightGBM model: there is no "end of trees", the text is cut off'),
        (b"\x80\x05", "this is a pickle, which can run any code and is never loaded"),
    ],
)
def test_what_is_no_model_is_one_line(arsenal: Command, tmp_path: Path, content: bytes | None, message: str) -> None:
    model, out = tmp_path / "model", tmp_path / "model.onnx"
    out.write_bytes(b"what was there")
    if content is not None:
        model.write_bytes(content)
    done = arsenal("convert", model, "--out", out)
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith(f"error: {model}: {message}")
    assert done.err.count("\n") == 1
    assert out.read_bytes() == b"what was there"


def test_a_folder_and_a_missing_option(arsenal: Command, tmp_path: Path) -> None:
    assert arsenal("convert", tmp_path, "--out", tmp_path / "x").err == (
        f"error: {tmp_path} is a folder, a model file was wanted\n"
    )
    assert arsenal("convert", tmp_path).code == 2
