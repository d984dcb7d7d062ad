"""The writer's files, one per form, read by the onnx package, by onnxruntime and by our own runtime.

``tests/golden/onnx`` holds each file with rows, the leaves that the ensemble's definition gives them, and their sums.
The Rust tests hold files and rows equal to what the writer gives now. Many rows lie on a threshold, one float beside
it, or are missing.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from arsenal.deployment import InferenceSession
from leaf_numbers import attributes, leaf_number_model, tree_node
from onnx.reference import ReferenceEvaluator
from scipy.special import expit, softmax

GOLDEN = Path(__file__).parents[2] / "golden" / "onnx"
CASES = sorted(path.stem for path in GOLDEN.glob("*.onnx"))

# Every operator that any form uses. onnxruntime must have a double kernel for those that compute in the model's type:
# it does if it loads the f64 files, which the tests below do.
OPERATORS = {
    "ai.onnx.ml": {"LabelEncoder", "TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor"},
    "": {"ArgMax", "Concat", "Gather", "Sigmoid", "Softmax", "Sub"},
}


class Case:
    def __init__(self, name: str) -> None:
        self.name = name
        self.model = onnx.load(GOLDEN / f"{name}.onnx")
        described = json.loads((GOLDEN / f"{name}.json").read_text())
        self.columns = described["columns"]
        self.dtype = np.dtype(described["dtype"])
        self.leaves = np.array(described["leaves"])
        self.sums = np.array(described["sums"])
        self.feeds = self._feeds(described["rows"])

    def _feeds(self, rows: list[list[float | str]]) -> dict[str, np.ndarray]:
        if [value.name for value in self.model.graph.input] == ["X"]:
            return {"X": np.array(rows, dtype=self.dtype)}
        columns = {}
        for name, cells in zip(self.columns, zip(*rows, strict=True), strict=True):
            dtype = object if isinstance(cells[0], str) else self.dtype
            columns[name] = np.array(cells, dtype=dtype).reshape(-1, 1)
        return columns

    @property
    def labels(self) -> np.ndarray | None:
        node = attributes(tree_node(self.model))
        for name in ("classlabels_int64s", "classlabels_strings"):
            if name in node:
                return np.array(node[name], dtype=object)
        for constant in self.model.graph.initializer:
            if constant.name.startswith("classes"):
                values = onnx.numpy_helper.to_array(constant)
                return np.array([v.decode() if isinstance(v, bytes) else v for v in values], dtype=object)
        return None


@pytest.fixture(params=CASES, scope="module")
def case(request: pytest.FixtureRequest) -> Case:
    return Case(request.param)


def session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


ENGINES = {
    "onnxruntime": session,
    "reference": ReferenceEvaluator,
    "arsenal": lambda model: InferenceSession(model.SerializeToString()),
}


def test_there_is_a_file_for_every_form() -> None:
    used = {(node.domain, node.op_type) for name in CASES for node in Case(name).model.graph.node}
    assert used == {(domain, op_type) for domain, op_types in OPERATORS.items() for op_type in op_types}


def test_the_file_is_valid(case: Case) -> None:
    onnx.checker.check_model(case.model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(case.model, check_type=True, strict_mode=True, data_prop=True)
    assert [value.name for value in inferred.graph.output] == [value.name for value in case.model.graph.output]


def test_metadata_says_what_the_model_is(case: Case) -> None:
    metadata = {entry.key: entry.value for entry in case.model.metadata_props}
    assert metadata["arsenal.version"] == case.model.producer_version == "0.0.0"
    assert metadata["arsenal.model"] == "Golden"
    assert json.loads(metadata["arsenal.feature_names"]) == case.columns
    if case.labels is None:
        assert "arsenal.classes" not in metadata
    else:
        assert json.loads(metadata["arsenal.classes"]) == case.labels.tolist()
    assert session(case.model).get_modelmeta().custom_metadata_map == metadata


@pytest.mark.parametrize("engine", ENGINES)
def test_every_row_reaches_its_leaf_in_every_tree(case: Case, engine: str) -> None:
    (leaves,) = ENGINES[engine](leaf_number_model(case.model)).run(None, case.feeds)
    n_trees = case.leaves.shape[1]
    np.testing.assert_array_equal(leaves[:, :n_trees], case.leaves)
    # The tree that the writer adds, see `test_two_classes_without_a_negative_leaf`.
    assert leaves.shape[1] - n_trees == (case.name == "binary_positive_f32")
    np.testing.assert_array_equal(leaves[:, n_trees:], 0)


@pytest.mark.parametrize("engine", ENGINES)
def test_outputs_follow_from_the_sums(case: Case, engine: str) -> None:
    if case.labels is None:
        want = [case.sums]
    else:
        if len(case.labels) == 2:
            second = expit(case.sums)
            probabilities = np.hstack([1 - second, second])
        else:
            probabilities = softmax(case.sums, axis=1)
        want = [case.labels[np.argmax(probabilities, axis=1)], probabilities]
    tolerance = 1e-6 if case.dtype == np.float32 else 1e-14
    got = ENGINES[engine](case.model).run(None, case.feeds)
    assert len(got) == len(want)
    for output, wanted in zip(got, want, strict=True):
        if wanted.dtype == object:
            np.testing.assert_array_equal(output.astype(object), wanted)
        else:
            assert output.dtype == case.dtype
            np.testing.assert_allclose(output, wanted, rtol=tolerance, atol=tolerance)


def test_rows_alone_and_no_rows_at_all(case: Case) -> None:
    runner = session(case.model)
    together = runner.run(None, case.feeds)
    for row in (0, 7):
        alone = runner.run(None, {name: values[row : row + 1] for name, values in case.feeds.items()})
        for one, all_rows in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one, all_rows[row : row + 1])
    nothing = runner.run(None, {name: values[:0] for name, values in case.feeds.items()})
    assert [output.shape for output in nothing] == [(0, *output.shape[1:]) for output in together]


def test_two_classes_without_a_negative_leaf() -> None:
    """Without the tree that the writer adds, onnxruntime would take sums for probabilities and label them by 0.5."""
    case = Case("binary_positive_f32")
    assert 0 < case.sums.min() < 0.5
    label, probabilities = session(case.model).run(None, case.feeds)
    assert set(label) == {"yes"}
    np.testing.assert_allclose(probabilities[:, 1:], expit(case.sums), rtol=1e-6)
