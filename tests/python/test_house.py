"""The rules of the house that no compiler checks: who may import what, where unsafe code lives, what is light."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import os
import re
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import arsenal
import pytest
from arsenal import _native, exceptions

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "python" / "arsenal"
EXTENSIONS = {"_rust", "_cpp"}
WORKSPACE = tomllib.loads((ROOT / "Cargo.toml").read_text())


def sources(folder: str, *suffixes: str) -> list[Path]:
    """Files of the repository below a folder, without what was built into it."""
    built = {"target", "build", "dist", "_build", "api", "__pycache__", "coverage", "demo-out"}
    found = []
    for place, folders, names in os.walk(ROOT / folder):
        folders[:] = [name for name in folders if name not in built and not name.startswith(".")]
        found += [Path(place, name) for name in names if name.endswith(suffixes)]
    assert found, f"no file below {folder} ends with {suffixes}"
    return sorted(found)


def manifests() -> list[Path]:
    """The manifests of the pure Rust crates."""
    return sources("rust", "Cargo.toml")


CODE = (".py", ".pyi", ".rs", ".c", ".cpp", ".h", ".hpp")
CPP = (".c", ".cpp", ".h", ".hpp")


def names_imported(tree: ast.AST) -> Iterator[str]:
    """Every dotted name that a module imports, by statement or by a string given to an import function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module or ''}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            yield from (argument.value for argument in node.args if isinstance(argument, ast.Constant))


def imports_extension(source: str) -> bool:
    return any(name.rpartition(".")[2] in EXTENSIONS for name in names_imported(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        "import arsenal._rust",
        "from arsenal import _cpp",
        "from . import _rust",
        "from arsenal._native import _cpp as runtime",
        "importlib.import_module('arsenal._rust')",
    ],
)
def test_the_import_scan_sees_each_spelling(source: str) -> None:
    assert imports_extension(source)


def test_only_the_door_imports_the_extensions() -> None:
    """Rooms reach the cores as attributes of ``_native``, so that its checks always ran first."""
    offenders = [
        path.relative_to(ROOT)
        for path in sources("python/arsenal", ".py")
        if path != PACKAGE / "_native.py"
        and any(
            name.rpartition(".")[2] in EXTENSIONS and not name.startswith("arsenal._native.")
            for name in names_imported(ast.parse(path.read_text()))
        )
    ]
    assert not offenders
    assert imports_extension((PACKAGE / "_native.py").read_text())


def test_every_layer_has_the_same_version() -> None:
    version = WORKSPACE["workspace"]["package"]["version"]
    assert arsenal.__version__ == version
    assert _native._rust.__version__ == version
    assert _native._cpp.__version__ == version
    assert importlib.metadata.version("arsenal-ml") == version
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()


def test_cores_of_different_builds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_native._cpp, "__version__", "0.0.1")
    with pytest.raises(ImportError, match=r"_rust is [\d.]+, _cpp is 0\.0\.1; reinstall arsenal-ml"):
        importlib.reload(_native)


def test_a_room_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'arsenal' has no attribute 'cellar'"):
        _ = arsenal.cellar
    assert set(arsenal.__all__) <= set(dir(arsenal))


def test_errors_are_also_the_built_in_ones() -> None:
    assert issubclass(exceptions.ArsenalValueError, ValueError)
    assert issubclass(exceptions.ArsenalTypeError, TypeError)
    missing = exceptions.MissingExtraError("rich", "cli", "arsenal demo")
    assert isinstance(missing, ImportError)
    assert isinstance(missing, exceptions.ArsenalError)
    assert str(missing) == "arsenal demo needs rich: pip install 'arsenal-ml[cli]'"


def fresh(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_import_is_light() -> None:
    """CPU time, not wall time: a busy machine must not fail the test. NumPy's own import is part of it."""
    code = "import time; start = time.process_time(); import arsenal; print(time.process_time() - start)"
    seconds = statistics.median(float(fresh(code)) for _ in range(5))
    assert seconds < 0.100, f"import arsenal takes {seconds * 1000:.0f} ms of CPU, wanted < 100 ms"


def test_import_loads_numpy_at_most() -> None:
    loaded = set(fresh("import sys, arsenal; print(*{name.partition('.')[0] for name in sys.modules})").split())
    heavy = {"sklearn", "scipy", "pandas", "pyarrow", "polars", "onnx", "onnxruntime", "typer", "rich", "joblib"}
    assert not loaded & heavy


def test_rooms_load_when_touched() -> None:
    rooms = set(fresh("import sys, arsenal; print(*sys.modules)").split()) & {
        f"arsenal.{room}" for room in arsenal._ROOMS
    }
    assert rooms <= {"arsenal.exceptions"}
    for room in arsenal._ROOMS:
        assert getattr(arsenal, room).__name__ == f"arsenal.{room}"


def code_lines(path: Path) -> Iterator[str]:
    """Lines of a Rust, C or C++ file without comments and string literals."""
    for line in path.read_text().splitlines():
        yield re.sub(r'"(\\.|[^"\\])*"', '""', line).partition("//")[0]


RUNTIME_FFI = ("bindings", "rust", "src", "ffi.rs")


def test_unsafe_rust_lives_in_its_rooms() -> None:
    """Kernels (rust/simd), the array code of bindings/pyo3 and the C interface in bindings/rust; every other crate
    forbids it in its first lines."""
    for path in [*sources("rust", ".rs"), *sources("bindings", ".rs")]:
        room = path.relative_to(ROOT).parts
        if room[:2] == ("rust", "simd") or room[:2] == ("bindings", "pyo3") or room == RUNTIME_FFI:
            continue
        assert not any(re.search(r"\bunsafe\b", line) for line in code_lines(path)), path
    for manifest in manifests():
        crate = manifest.parent
        roots = [path for path in (crate / "src/lib.rs", crate / "src/main.rs") if path.exists()]
        forbids = all("#![forbid(unsafe_code)]" in path.read_text() for path in roots)
        assert forbids != (crate.name == "simd"), crate


def test_intrinsics_live_with_the_kernels() -> None:
    for path in [*sources("rust", ".rs"), *sources("bindings", ".rs")]:
        if path.is_relative_to(ROOT / "rust/simd"):
            continue
        assert not any(re.search(r"\b(std|core)::arch\b|target_feature", line) for line in code_lines(path)), path
    for path in [*sources("cpp", *CPP), *sources("bindings", *CPP)]:
        if path.is_relative_to(ROOT / "cpp/src/kernels"):
            continue
        assert not any(re.search(r"<(\w*mmintrin|immintrin|arm_neon)\.h>", line) for line in code_lines(path)), path


def test_cores_know_no_python() -> None:
    for manifest in manifests():
        assert not re.search(r"\b(pyo3|numpy)\b", manifest.read_text()), manifest
    for path in sources("cpp", *CPP):
        assert not any(re.search(r"#include.*(pybind11|Python\.h)", line) for line in code_lines(path)), path


def test_domain_crates_do_not_import_one_another() -> None:
    """What two of them share moves down into rust/core."""
    for manifest in manifests():
        dependencies = tomllib.loads(manifest.read_text()).get("dependencies", {})
        ours = {name for name in dependencies if name.startswith("arsenal-")}
        assert ours <= {"arsenal-core", "arsenal-simd"}, manifest


def test_nothing_is_left_to_do() -> None:
    mark = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b|\b(todo|unimplemented)!\(")
    paths = [*sources(".", *CODE, ".md", ".yml", "Makefile"), *sources("tools", "")]
    marked = [
        f"{path}:{n}" for path in paths for n, line in enumerate(path.read_text().splitlines(), 1) if mark.search(line)
    ]
    assert not marked


def test_file_names_say_what_is_inside() -> None:
    empty_words = re.compile(r"^(utils?|helpers?|common|misc|manager)\b|_(utils?|helpers?)$")
    paths = sources(".", *CODE)
    assert not [path for path in paths if empty_words.search(path.stem) or empty_words.search(path.parent.name)]


def test_public_names_are_documented() -> None:
    for path in sources("python/arsenal", ".py"):
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), f"{path} has no docstring"
        exported = {
            constant.value
            for node in tree.body
            if isinstance(node, ast.Assign) and any(ast.unparse(target) == "__all__" for target in node.targets)
            for constant in ast.walk(node.value)
            if isinstance(constant, ast.Constant)
        }
        for node in tree.body:
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name in exported:
                assert ast.get_docstring(node), f"{path}: {node.name} has no docstring"
