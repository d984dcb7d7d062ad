"""Small models and tables for the commands, and two ways to run them: in this process and as a user does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from arsenal.cli.app import app
from arsenal.deployment import export_onnx
from arsenal.models import GradientBoostingClassifier, GradientBoostingRegressor
from typer.testing import CliRunner


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def arsenal() -> Callable[..., Ended]:
    """The command line in this process."""

    def run(*arguments: object) -> Ended:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="arsenal")
        return Ended(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def arsenal_process() -> Callable[..., Ended]:
    """The command line in a process of its own."""

    def run(*arguments: object, code: str = "", timeout: float = 60) -> Ended:
        command = [sys.executable, "-W", "error", "-c", f"{code}\nfrom arsenal.cli import main; main()"]
        done = subprocess.run(
            [*command, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, "COLUMNS": "100"},
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    return run


def rows(n: int, seed: int) -> tuple[pa.Table, np.ndarray]:
    """A table with strings, numbers and holes in both, and what a tree can learn from it."""
    rng = np.random.default_rng(seed)
    city = rng.choice(np.array(["Oslo", "Rome", "São Paulo", "007"]), n)
    size = rng.standard_normal(n).astype(np.float32)
    y = np.where((city == "Rome") ^ (size > 0), "yes", "no")
    hole = rng.random(n) < 0.1
    table = pa.table(
        {"size": pa.array(size, mask=hole), "city": pa.array(city, mask=hole[::-1]), "id": pa.array(np.arange(n))}
    )
    return table, y


@pytest.fixture(scope="session")
def table() -> pa.Table:
    """300 rows: size, city, and an id that no model takes."""
    return rows(300, 1)[0]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of yes and no that takes a number and a string."""
    features, y = rows(600, 0)
    fitted = GradientBoostingClassifier(n_estimators=10, max_leaf_nodes=6, random_state=0)
    fitted.fit(features.select(["size", "city"]), y)
    path = tmp_path_factory.mktemp("models") / "strings.onnx"
    export_onnx(fitted, path)
    return path


@pytest.fixture(scope="session")
def regressor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A regressor on three float32 columns of a NumPy array, which have no names."""
    X = np.random.default_rng(0).standard_normal((500, 3)).astype(np.float32)
    fitted = GradientBoostingRegressor(n_estimators=5, max_leaf_nodes=6, random_state=0).fit(X, X[:, 0] + X[:, 1] ** 2)
    path = tmp_path_factory.mktemp("models") / "numbers.onnx"
    export_onnx(fitted, path)
    return path
