"""Every way to install gives the same package: the wheel, a wheel from the sdist, `pip install .`, `pip install -e .`.

Slow, since each builds both cores from the start; `make test-all` runs them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WHEEL_BYTES = 8 << 20
# Link-time optimisation changes the bytes of an extension, not which files there are.
QUICK_BUILD = {"CARGO_PROFILE_RELEASE_LTO": "off", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16"}
BUILD_TIMEOUT = 1800

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2 * BUILD_TIMEOUT)]


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    """A command's output; if it fails, its output is the test's message."""
    # A build of its own: nothing of the surrounding virtual environment or make may leak into it.
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYO3_", "MAKE", "VIRTUAL_ENV", "COV_"))}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=inherited | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=BUILD_TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout


def package_files(names: list[str]) -> set[str]:
    """Files of the import package, without byte code."""
    return {name for name in names if name.startswith("arsenal/") and not name.endswith((".pyc", "/"))}


def files_below(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


@pytest.fixture(scope="module")
def dist() -> Path:
    """What `make wheel` makes."""
    run("make", "wheel")
    return ROOT / "dist"


@pytest.fixture(scope="module")
def wheel(dist: Path) -> zipfile.ZipFile:
    (path,) = dist.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources as git has them, in a folder without anything that was built."""
    copy = tmp_path_factory.mktemp("tree")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    return copy


def test_the_wheel_holds_the_package_and_both_cores(wheel: zipfile.ZipFile, tree: Path) -> None:
    files = package_files(wheel.namelist())
    extensions = {name for name in files if name.endswith(".so")}
    assert sorted(name.partition(".")[0] for name in extensions) == ["arsenal/_cpp", "arsenal/_rust"]
    assert files - extensions == package_files(files_below(tree / "python"))
    assert {"arsenal/py.typed", "arsenal/_cpp.pyi", "arsenal/_rust.pyi"} <= files
    for name in files - extensions:
        assert wheel.read(name) == (tree / "python" / name).read_bytes()


def test_the_wheel_is_small(dist: Path) -> None:
    (path,) = dist.glob("*.whl")
    assert path.stat().st_size <= WHEEL_BYTES, f"{path.stat().st_size / 2**20:.1f} MiB"


def test_the_wheel_is_for_this_python_alone(dist: Path) -> None:
    """Both extensions are built for one CPython; a tag that promises more would break on the next."""
    (path,) = dist.glob("*.whl")
    python = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    assert path.name.split("-")[2:4] == [python, python]


def test_the_sdist_holds_all_sources(dist: Path, tree: Path) -> None:
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for folder in ("python", "cpp/src", "cpp/include", "bindings"):
        wanted = {f"{folder}/{name}" for name in files_below(tree / folder)}
        assert wanted <= names
    assert {"Cargo.toml", "Cargo.lock", "CMakeLists.txt", "LICENSE", "README.md", "pyproject.toml"} <= names


def test_a_wheel_from_the_sdist_is_the_same(dist: Path, wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", tmp_path, sdist, cwd=tmp_path, **QUICK_BUILD)
    (built,) = tmp_path.glob("*.whl")
    again = zipfile.ZipFile(built)
    assert package_files(again.namelist()) == package_files(wheel.namelist())
    for name in package_files(wheel.namelist()):
        assert name.endswith(".so") or again.read(name) == wheel.read(name)


def test_pip_install_gives_the_same_files(tree: Path, wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    site = tmp_path / "site"
    run(sys.executable, "-m", "pip", "install", "--no-deps", "--target", site, ".", cwd=tree, **QUICK_BUILD)
    assert package_files(files_below(site)) == package_files(wheel.namelist())
    works(sys.executable, tmp_path, PYTHONPATH=str(site))


def test_an_editable_install_works(tree: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "-e", ".", cwd=tree, **QUICK_BUILD)
    out = works(python, tmp_path)
    assert out == str(tree / "python" / "arsenal" / "__init__.py")


def works(python: str | Path, folder: Path, **environment: str) -> str:
    """Train, export and predict with an install; gives where it lies."""
    program = folder / "program.py"
    program.write_text(PROGRAM)
    return run(python, program, cwd=folder, **environment).strip()


PROGRAM = """
import numpy as np
import arsenal
from arsenal.deployment import InferenceSession, export_onnx
from arsenal.models import GradientBoostingClassifier

X = np.random.default_rng(0).normal(size=(500, 4)).astype(np.float32)
y = (X[:, 0] * X[:, 1] > 0).astype(int)
model = GradientBoostingClassifier(n_estimators=20, random_state=0).fit(X, y)
probabilities = InferenceSession(export_onnx(model))(X)
right = np.mean(probabilities.argmax(axis=1) == y)
assert right > 0.9, right
print(arsenal.__file__)
"""
