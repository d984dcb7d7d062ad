"""The example programs in C, C++ and Rust serve a model of flights, numbers and strings, with InferenceSession's bits.

`make test-cpp` builds them.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pyarrow as pa
import pytest
from arsenal.demo.flights import Flights, load_flights
from arsenal.deployment import InferenceSession, export_onnx
from arsenal.models import GradientBoostingClassifier, GradientBoostingRegressor

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "build/cpp/cpp/tests/examples/build"
PROGRAMS = {"C": EXAMPLES / "score_c", "C++": EXAMPLES / "score_cpp", "Rust": ROOT / "target/debug/examples/score"}


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> Path:
    path = PROGRAMS[request.param]
    if not path.exists():
        pytest.skip("make test-cpp builds the example programs")
    return path


@pytest.fixture(scope="module")
def flights() -> Flights:
    return load_flights().first(300)


def run(program: Path, model: Path, text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, model], input=text, capture_output=True, text=True, check=False)


def csv(table: pa.Table | pd.DataFrame) -> str:
    """Rows as lines: missing fields empty, floats with all their digits."""
    frame = table.to_pandas() if isinstance(table, pa.Table) else table
    columns = [
        [
            "" if pd.isna(value) else value if isinstance(value, str) else repr(value.item())
            for value in frame[name].array
        ]
        for name in frame.columns
    ]
    return "".join(",".join(row) + "\n" for row in zip(*columns, strict=True))


def test_serves_flights(program: Path, flights: Flights, tmp_path: Path) -> None:
    model = GradientBoostingClassifier(n_estimators=30, random_state=0).fit(flights.features, flights.late)
    export_onnx(model, tmp_path / "flights.onnx")
    done = run(program, tmp_path / "flights.onnx", csv(flights.features))
    assert done.stderr == ""
    got = np.array([line.split(",") for line in done.stdout.splitlines()]).astype(np.float32)
    assert got.shape == (len(flights.late), 2)
    np.testing.assert_array_equal(got, InferenceSession(tmp_path / "flights.onnx")(flights.features))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_serves_tables_of_numbers(program: Path, dtype: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(200, 5)).astype(dtype), columns=list("abcde"))
    table.iloc[::7, 2] = np.nan
    X = table.to_numpy()
    export_onnx(GradientBoostingRegressor(n_estimators=10).fit(X, X[:, 0] * X[:, 1]), tmp_path / "numbers.onnx")
    done = run(program, tmp_path / "numbers.onnx", csv(table))
    got = np.array(done.stdout.split()).astype(dtype).reshape(-1, 1)
    np.testing.assert_array_equal(got, InferenceSession(tmp_path / "numbers.onnx")(X))


def test_refuses_what_it_cannot_read(program: Path, tmp_path: Path) -> None:
    table = pd.DataFrame({"distance": np.float32([1, 2, 3] * 20), "carrier": ["UA", "B6", "EV"] * 20})
    model = GradientBoostingClassifier(n_estimators=2, min_samples_leaf=1).fit(table, table["carrier"] == "EV")
    export_onnx(model, tmp_path / "model.onnx")
    assert run(program, tmp_path / "model.onnx", "").stdout == ""
    for text in ("far,UA\n", "1\n", "1,UA,2\n"):
        done = run(program, tmp_path / "model.onnx", text)
        assert (done.returncode, done.stdout) == (1, ""), text
        assert done.stderr.count("\n") == 1
    (tmp_path / "rows.csv").write_text("1,UA\n")
    assert run(program, tmp_path / "rows.csv", "1,UA\n").returncode == 1


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_crate_builds_a_runtime_of_trees_alone(flights: Flights, tmp_path: Path) -> None:
    """Without the feature all-operators; its build script builds the C++ sources by itself."""
    target = tmp_path / "target"
    command = ["cargo", "test", "--quiet", "--no-default-features", "-p", "arsenal-runtime", "--target-dir", target]
    environment = {name: value for name, value in os.environ.items() if name != "ARSENAL_LIB_DIR"}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    program = target / "debug/examples/score"
    test_serves_flights(program, flights, tmp_path)
    floats = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", 2]) for name in "XY"]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["X"], ["Y"])], "graph", floats[:1], floats[1:])
    onnx.save(
        onnx.helper.make_model(graph, ir_version=8, opset_imports=[onnx.helper.make_opsetid("", 15)]),
        tmp_path / "relu.onnx",
    )
    done = run(program, tmp_path / "relu.onnx", "1,2\n")
    assert done.returncode == 1
    assert "this build has those of trees and linear models alone" in done.stderr
