"""``export_onnx``: what it accepts, what it writes, and what it says when it cannot."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import onnx
import pytest
from arsenal.deployment import export_onnx
from arsenal.exceptions import ArsenalError, ArsenalTypeError, ArsenalValueError
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

GOLDEN = Path(__file__).parents[2] / "golden" / "onnx" / "binary_f32.onnx"


class Model(BaseEstimator):
    """What export_onnx needs of an estimator."""

    def fit(self, X: Any = None, y: Any = None) -> Model:
        self.content_ = GOLDEN.read_bytes()
        return self

    def _onnx_bytes(self) -> bytes:
        check_is_fitted(self)
        return self.content_


def entries(content: bytes) -> dict[str, str]:
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    return {entry.key: entry.value for entry in model.metadata_props}


def test_bytes_and_file_hold_the_same(tmp_path: Path) -> None:
    model = Model().fit()
    assert export_onnx(model) == GOLDEN.read_bytes()
    for path in (tmp_path / "a.onnx", str(tmp_path / "b.onnx")):
        assert export_onnx(model, path) == GOLDEN.read_bytes() == Path(path).read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["a.onnx", "b.onnx"]


def test_metadata_are_added_to_those_of_the_file(tmp_path: Path) -> None:
    before = entries(GOLDEN.read_bytes())
    content = export_onnx(Model().fit(), tmp_path / "m.onnx", metadata={"owner": "ü", "note": ""})
    assert entries(content) == before | {"owner": "ü", "note": ""}
    assert (tmp_path / "m.onnx").read_bytes() == content
    assert export_onnx(Model().fit(), metadata={}) == GOLDEN.read_bytes()
    assert onnx.load_from_string(content).graph == onnx.load(GOLDEN).graph


def test_a_pipeline_of_one_step_is_that_step() -> None:
    for pipeline in (make_pipeline(Model().fit()), Pipeline([("scaler", "passthrough"), ("model", Model().fit())])):
        assert export_onnx(pipeline) == GOLDEN.read_bytes()


def test_an_unfitted_model_is_refused_as_scikit_learn_does(tmp_path: Path) -> None:
    for model in (Model(), make_pipeline(Model())):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            export_onnx(model, tmp_path / "m.onnx")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            LinearRegression(),
            r"model is a sklearn.linear_model._base.LinearRegression, wanted a fitted arsenal estimator",
        ),
        (None, "model is a builtins.NoneType, wanted a fitted arsenal estimator"),
        (Model, "model is the class Model, wanted"),
        (make_pipeline(StandardScaler(), Model()), r"has 2 steps \(StandardScaler, Model\), wanted"),
        (Pipeline([("nothing", "passthrough")]), r"has 0 steps \(none\), wanted"),
        (make_pipeline(LinearRegression()), "LinearRegression, wanted"),
    ],
)
def test_what_cannot_be_exported_is_named(model: Any, message: str) -> None:
    with pytest.raises(ArsenalTypeError, match=message) as caught:
        export_onnx(model)
    assert isinstance(caught.value, ArsenalError | TypeError)


@pytest.mark.parametrize(
    ("metadata", "error", "message"),
    [
        ([("a", "b")], ArsenalTypeError, "metadata is a list, wanted a mapping of str to str"),
        ({"a": 1}, ArsenalTypeError, r"metadata\['a'\] is a int, wanted str keys and str values"),
        ({1: "a"}, ArsenalTypeError, r"metadata\[1\] is a str, wanted str keys and str values"),
        ({"": "a"}, ArsenalValueError, "a metadata key is empty"),
        ({"arsenal.version": "9"}, ArsenalValueError, '"arsenal.version" is there twice'),
    ],
)
def test_bad_metadata_are_refused(metadata: Any, error: type[Exception], message: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=message):
        export_onnx(Model().fit(), tmp_path / "m.onnx", metadata=metadata)
    assert os.listdir(tmp_path) == []


def test_bytes_that_are_no_model_are_refused() -> None:
    model = Model().fit()
    model.content_ = b"nonsense"
    with pytest.raises(ArsenalValueError, match="these 8 bytes are not an ONNX model"):
        export_onnx(model, metadata={"a": "b"})


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    model = Model().fit()
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "file").touch()
    for path, kind in (
        (tmp_path / "missing" / "m.onnx", FileNotFoundError),
        (folder, IsADirectoryError),
        (tmp_path / "file" / "m.onnx", NotADirectoryError),
    ):
        with pytest.raises(kind) as raised:
            export_onnx(model, path)
        assert (raised.value.filename, raised.value.filename2) == (str(path), None)
    (tmp_path / "file").unlink()
    assert sorted(os.listdir(tmp_path)) == ["folder"]
    with pytest.raises(ArsenalTypeError, match="path is a int, wanted a str or a path"):
        export_onnx(model, 3)  # type: ignore[arg-type]


def test_an_interrupted_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"old")

    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        export_onnx(Model().fit(), path)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["m.onnx"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.onnx").write_bytes(b"old")
    (tmp_path / "link.onnx").symlink_to("real.onnx")
    export_onnx(Model().fit(), tmp_path / "link.onnx")
    assert (tmp_path / "link.onnx").is_symlink()
    assert (tmp_path / "real.onnx").read_bytes() == GOLDEN.read_bytes()


def test_readers_never_see_half_a_file(tmp_path: Path) -> None:
    path, model, whole = tmp_path / "m.onnx", Model().fit(), GOLDEN.read_bytes()
    export_onnx(model, path)
    writer = threading.Thread(target=lambda: [export_onnx(model, path) for _ in range(30)])
    writer.start()
    reads = 0
    while writer.is_alive() or reads == 0:
        assert path.read_bytes() == whole
        reads += 1
    writer.join()


def test_the_room_lists_what_it_has() -> None:
    from arsenal import deployment

    assert "export_onnx" in dir(deployment)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        deployment.nothing  # noqa: B018
