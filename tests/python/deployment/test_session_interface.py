"""The interface of onnxruntime's session, files good and bad, and life among threads, forks and pickles."""

from __future__ import annotations

import copy
import json
import multiprocessing
import os
import pickle
import threading
from pathlib import Path
from typing import Any

import arsenal
import numpy as np
import onnx
import onnx_models
import pytest
from arsenal import _native
from arsenal.deployment import InferenceSession, ModelMetadata, NodeArg
from arsenal.exceptions import ArsenalError, ArsenalTypeError, ArsenalValueError, UnsupportedModelError
from onnx import TensorProto, helper
from onnx_models import FLOAT, STRING, Trees


def classifier() -> bytes:
    trees = Trees(np.random.default_rng(0), 8, 3, 4, 3, np.linspace(-1, 1, 9))
    return onnx_models.classifier(trees, 4, ["a", "b", "c"])


def rows(n: int = 50) -> np.ndarray[Any, Any]:
    return np.random.default_rng(n).normal(size=(n, 4)).astype(np.float32)


# --- loading ---


def test_paths_and_bytes(tmp_path: Path) -> None:
    model = classifier()
    path = tmp_path / "model.onnx"
    path.write_bytes(model)
    expected = InferenceSession(model)(rows())
    for source in (str(path), path, bytearray(model), memoryview(model), np.frombuffer(model, np.uint8)):
        np.testing.assert_array_equal(InferenceSession(source)(rows()), expected)
    np.testing.assert_array_equal(arsenal.load(path)(rows()), expected)
    assert arsenal.load is InferenceSession


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        InferenceSession(tmp_path / "nothing.onnx")
    with pytest.raises(IsADirectoryError):
        InferenceSession(tmp_path)
    with pytest.raises(ArsenalTypeError, match="model is a int, wanted a path or bytes"):
        InferenceSession(3)  # type: ignore[arg-type]


def test_every_truncation_is_an_error(tmp_path: Path) -> None:
    model = classifier()
    path = tmp_path / "short.onnx"
    for size in [0, 1, 2, 10, *range(20, len(model), 97), len(model) - 1]:
        path.write_bytes(model[:size])
        with pytest.raises(ArsenalValueError) as error:
            InferenceSession(path)
        assert str(error.value).startswith(f"{path}: ")
        assert len(str(error.value)) > len(f"{path}: ") + 10


def test_what_the_runtime_does_not_have_is_named() -> None:
    node = helper.make_node("Dropout", ["X"], ["Y"])
    node.op_type, node.domain = "Nonsense", "org.example"
    graph = helper.make_graph([node], "graph", [onnx_models.matrix("X")], [onnx_models.matrix("Y")])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("org.example", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    with pytest.raises(ArsenalValueError, match=r"the model: .*Nonsense.*org\.example"):
        InferenceSession(model.SerializeToString())


def test_external_data_is_refused(tmp_path: Path) -> None:
    weights = helper.make_tensor("w", FLOAT, [1, 4], [1.0] * 4)
    node = helper.make_node("Add", ["X", "w"], ["Y"])
    model = onnx.load_from_string(
        onnx_models.model_bytes([node], [onnx_models.matrix("X")], [onnx_models.matrix("Y")], initializers=[weights])
    )
    tensor = model.graph.initializer[0]
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    with pytest.raises(ArsenalValueError, match="'w' keeps its data outside the file"):
        InferenceSession(model.SerializeToString())


@pytest.mark.parametrize("n_threads", [1.5, "a", None, True])
def test_thread_counts_of_another_type(n_threads: Any) -> None:
    with pytest.raises(ArsenalTypeError, match=f"n_threads is {n_threads!r}, wanted a whole number"):
        InferenceSession(classifier(), n_threads=n_threads)


def test_more_threads_than_the_runtime_can_count() -> None:
    with pytest.raises(ArsenalValueError, match=r"n_threads is 1099511627776, wanted a positive number below 2\*\*31"):
        InferenceSession(classifier(), n_threads=2**40)


@pytest.mark.parametrize("n_threads", [0, -2])
def test_bad_thread_counts(n_threads: int) -> None:
    with pytest.raises(ArsenalValueError, match=f"n_threads is {n_threads}, wanted a positive number, or -1"):
        InferenceSession(classifier(), n_threads=n_threads)


# --- what onnxruntime's session has ---


def test_inputs_outputs_and_metadata_are_as_onnxruntime_tells(rival: Any) -> None:
    for model in (
        classifier(),
        onnx_models.flights(Trees(np.random.default_rng(0), 2, 2, 4, 2, np.arange(3.0))),
        onnx_models.identity(width=None, metadata={"b": "2", "a": "ä"}),
        onnx_models.identity(TensorProto.FLOAT16, "F"),
    ):
        ours, theirs = InferenceSession(model), rival(model)
        for our, their in (
            (ours.get_inputs(), theirs.get_inputs()),
            (ours.get_outputs(), theirs.get_outputs()),
        ):
            assert our == [NodeArg(arg.name, arg.type, arg.shape) for arg in their]
        meta, expected = ours.get_modelmeta(), theirs.get_modelmeta()
        assert meta == ModelMetadata(
            expected.producer_name,
            "1.2",
            expected.domain,
            expected.graph_name,
            expected.description,
            expected.version,
            expected.custom_metadata_map,
        )


def test_describe() -> None:
    described = InferenceSession(classifier(), n_threads=2).describe()
    assert json.loads(json.dumps(described)) == described
    assert described["inputs"] == [{"name": "X", "type": "tensor(float)", "shape": ["N", 4]}]
    assert [output["name"] for output in described["outputs"]] == ["label", "probabilities"]
    assert described["score_output"] == "probabilities"
    assert described["opsets"] == {"ai.onnx": 18, "ai.onnx.ml": 3}
    assert described["operators"] == [
        {"domain": "ai.onnx.ml", "op_type": "TreeEnsembleClassifier", "version": 3, "count": 1}
    ]
    assert (described["trees"], described["nodes"], described["leaves"], described["depth"]) == (8, 8 * 15, 8 * 8, 3)
    assert described["bytes"] == len(classifier())
    assert described["threads"] == 2
    assert described["isa"] in {"scalar", "avx2", "avx512"}
    assert described["engine"] != "none"
    assert described["ir_version"] == 9
    assert described["model_version"] == 7


def test_repr() -> None:
    assert repr(InferenceSession(onnx_models.identity())) == (
        "InferenceSession((X: tensor(float)['N', 4]) -> (Y: tensor(float)['N', 4]))"
    )
    many = onnx_models.columns_identity(**dict.fromkeys("abcdef", FLOAT))
    assert repr(InferenceSession(many)).startswith("InferenceSession((a: tensor(float)['N', 1], b:")
    assert "d: tensor(float)['N', 1], …) -> (a_out" in repr(InferenceSession(many))


def test_outputs_by_name_and_in_any_order() -> None:
    session = InferenceSession(classifier())
    label, probabilities = session.run(None, {"X": rows()})
    again = session.run(["probabilities", "label", "probabilities"], {"X": rows()})
    for our, expected in zip(again, [probabilities, label, probabilities], strict=True):
        np.testing.assert_array_equal(our, expected)
    for our, expected in zip(session.run([], {"X": rows()}), [label, probabilities], strict=True):
        np.testing.assert_array_equal(our, expected)
    assert len(session.run(("label",), {"X": rows()})) == 1


def test_names_that_the_model_does_not_have() -> None:
    session, x = InferenceSession(classifier()), rows()
    with pytest.raises(ArsenalValueError, match="no output 'scores'; its outputs are 'label', 'probabilities'"):
        session.run(["scores"], {"X": x})
    with pytest.raises(ArsenalTypeError, match="output_names is a str"):
        session.run("label", {"X": x})
    with pytest.raises(ArsenalValueError, match="the feed lacks 'X'; the model's inputs are 'X'"):
        session.run(None, {"x": x})
    with pytest.raises(ArsenalValueError, match="the feed has 'Z'; the model's inputs are 'X'"):
        session.run(None, {"X": x, "Z": x})
    with pytest.raises(ArsenalTypeError, match="input 'X' is a list, wanted a NumPy array"):
        session.run(None, {"X": x.tolist()})
    with pytest.raises(TypeError):
        session.run(3, {"X": x})


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ({"label": TensorProto.INT64, "probabilities": FLOAT}, "probabilities"),
        ({"output_probability": FLOAT, "raw": FLOAT}, "output_probability"),
        ({"a": FLOAT, "b": FLOAT}, "b"),
        ({"a": FLOAT, "b": TensorProto.INT64}, "a"),
        ({"a": STRING}, "a"),
        ({"a": TensorProto.INT64, "probable": STRING}, "probable"),
        ({"a": TensorProto.DOUBLE, "Probability": TensorProto.DOUBLE, "z": FLOAT}, "Probability"),
    ],
)
def test_which_output_a_call_gives(outputs: dict[str, int], expected: str) -> None:
    inputs = [onnx_models.matrix(f"{name}_in", dtype) for name, dtype in outputs.items()]
    nodes = [helper.make_node("Identity", [f"{name}_in"], [name]) for name in outputs]
    model = onnx_models.model_bytes(nodes, inputs, [onnx_models.matrix(n, dtype) for n, dtype in outputs.items()])
    assert InferenceSession(model).describe()["score_output"] == expected


# --- errors, one for each status of the runtime ---

STATUS = {
    1: ("INVALID_ARGUMENT", ArsenalValueError),
    2: ("IO_ERROR", OSError),
    3: ("INVALID_MODEL", ArsenalValueError),
    4: ("UNSUPPORTED", UnsupportedModelError),
    5: ("LIMIT_EXCEEDED", ArsenalValueError),
    6: ("SHAPE_MISMATCH", ArsenalValueError),
    7: ("DTYPE_MISMATCH", ArsenalTypeError),
    8: ("INVALID_VALUE", ArsenalValueError),
    9: ("OUT_OF_MEMORY", MemoryError),
    10: ("INTERNAL_ERROR", ArsenalError),
}


@pytest.mark.parametrize("status", STATUS)
def test_each_status_has_its_exception(status: int) -> None:
    name, expected = STATUS[status]
    with pytest.raises(expected, match=f"^{name}: what, got, wanted$") as error:
        _native._cpp.raise_status(status, f"{name}: what, got, wanted")
    assert type(error.value) is expected


def test_the_table_of_statuses_is_complete() -> None:
    header = (Path(__file__).parents[3] / "cpp/include/arsenal/runtime.h").read_text()
    for status, (name, _) in STATUS.items():
        assert f"ARSENAL_{name} = {status}" in header
    assert f"= {max(STATUS)}\n}} arsenal_status" in header


def test_helpers_refuse_what_is_no_array() -> None:
    for make in (_native._cpp.MaskedColumn, _native._cpp.CategoricalColumn):
        with pytest.raises(ArsenalTypeError, match="wanted a NumPy array"):
            make([1], [2])
    session = InferenceSession(onnx_models.columns_identity(a=FLOAT))
    masked = _native._cpp.MaskedColumn(np.zeros(3), np.zeros(2, bool))
    with pytest.raises(ArsenalValueError, match="a boolean mask of one length"):
        session({"a": masked})
    codes = _native._cpp.CategoricalColumn(np.zeros(3), np.zeros(1))
    with pytest.raises(ArsenalValueError, match="wanted integer codes"):
        session({"a": codes})


# --- threads, forks, pickles ---


def test_many_threads_share_a_session() -> None:
    session = InferenceSession(classifier(), n_threads=2)
    batches = [rows(n) for n in (1, 7, 33, 3000)]
    expected = [session(batch) for batch in batches]
    failures: list[str] = []
    start = threading.Barrier(6)

    def work() -> None:
        start.wait()
        for _ in range(30):
            for batch, scores in zip(batches, expected, strict=True):
                if not np.array_equal(session(batch), scores):
                    failures.append(f"{len(batch)} rows")
                label, probabilities = session.run(None, {"X": batch})
                if len(label) != len(batch) or not np.array_equal(probabilities, scores):
                    failures.append(f"run of {len(batch)} rows")

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_large_batches_run_without_the_gil() -> None:
    """While one thread scores, another one runs Python."""
    trees = Trees(np.random.default_rng(0), 200, 6, 4, 1, np.linspace(-1, 1, 9))
    session = InferenceSession(onnx_models.regressor(trees, 4))
    x = np.random.default_rng(0).normal(size=(200_000, 4)).astype(np.float32)
    done = threading.Event()

    def work() -> None:
        session(x)
        done.set()

    thread = threading.Thread(target=work)
    ticks = 0
    thread.start()
    while not done.is_set():
        ticks += 1
        done.wait(1e-4)
    thread.join()
    assert ticks > 3


def child(session: InferenceSession, x: Any, queue: Any) -> None:
    queue.put((os.getpid(), session(x)))


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_another_process_scores_on(method: str) -> None:
    """Run, then fork, then run in the child: the parent's threads are not there any more."""
    session = InferenceSession(classifier(), n_threads=2)
    x = rows(20_000)
    expected = session(x)
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    process = context.Process(target=child, args=(session, x, queue))
    process.start()
    pid, scores = queue.get(timeout=60)
    process.join(timeout=60)
    assert process.exitcode == 0
    assert pid != os.getpid()
    np.testing.assert_array_equal(scores, expected)
    np.testing.assert_array_equal(session(x), expected)


@pytest.mark.parametrize("protocol", range(3, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(protocol: int) -> None:
    session = InferenceSession(classifier(), n_threads=2)
    pickled = pickle.dumps(session, protocol)
    assert len(pickled) < len(classifier()) + 300
    again = pickle.loads(pickled)
    assert type(again) is InferenceSession
    assert (again.n_threads, again.model_bytes) == (2, classifier())
    np.testing.assert_array_equal(again(rows()), session(rows()))


def test_copies() -> None:
    session = InferenceSession(classifier())
    for again in (copy.copy(session), copy.deepcopy(session)):
        np.testing.assert_array_equal(again(rows()), session(rows()))


def test_a_session_is_immutable() -> None:
    session = InferenceSession(classifier())
    with pytest.raises(AttributeError):
        session.n_threads = 3  # type: ignore[misc]
    with pytest.raises(AttributeError):
        session.name = "x"  # type: ignore[attr-defined]


def test_subclasses_score_as_well() -> None:
    class Scored(InferenceSession):
        def top(self, x: Any) -> Any:
            return self(x).argmax(axis=1)

    session = Scored(classifier())
    np.testing.assert_array_equal(session.top(rows()), InferenceSession(classifier())(rows()).argmax(axis=1))


def test_compat_goes_with_the_pickle() -> None:
    session = InferenceSession(classifier(), compat="spec")
    assert pickle.loads(pickle.dumps(session)).compat == "spec"
    assert InferenceSession(classifier()).compat == "onnxruntime"


def test_compat_is_one_of_two_and_has_no_fallback() -> None:
    with pytest.raises(ArsenalValueError, match="compat is 'onnx', wanted 'onnxruntime' or 'spec'"):
        InferenceSession(classifier(), compat="onnx")
    with pytest.raises(ArsenalValueError, match="compat is 'onnx', wanted 'onnxruntime' or 'spec'"):
        _native._cpp.Session(classifier(), compat="onnx")
    with pytest.raises(ArsenalValueError, match="fallback is 'onnxruntime' and compat is 'spec'"):
        InferenceSession(classifier(), compat="spec", fallback="onnxruntime")
