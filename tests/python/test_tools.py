"""A wrong or missing prerequisite gets one clear line that says what to install."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What the scripts themselves are written with.
SHELL_TOOLS = ["bash", "env", "sed", "awk", "sort", "head", "id", "sh"]


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A PATH folder with the shell's tools and nothing else; a test adds the programs that its machine has."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in SHELL_TOOLS:
        found = shutil.which(name)
        assert found, f"this machine has no {name}"
        (folder / name).symlink_to(found)
    return folder


def install(machine: Path, name: str, script: str) -> None:
    program = machine / name
    program.write_text(f"#!{shutil.which('bash')}\n{script}\n")
    program.chmod(0o755)


def run(machine: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        env={"PATH": str(machine), "LC_ALL": "C", **environment},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def complete(machine: Path) -> None:
    """A machine that has everything."""
    wanted = re.search(r'rust-version = "([\d.]+)"', (ROOT / "Cargo.toml").read_text())
    assert wanted
    install(machine, "python3", f'exec {sys.executable} "$@"')
    install(machine, "cargo", "exit 0")
    install(machine, "rustc", f"echo rustc {wanted[1]}.0 '(abc 2026-01-01)'")
    install(machine, "c++", "cat >/dev/null 2>&1 || true; exit 0")
    install(machine, "git", "exit 0")


def test_a_complete_machine_hears_nothing(machine: Path) -> None:
    complete(machine)
    done = run(machine, "tools/prerequisites", "python3")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("name", "script", "line"),
    [
        ("cargo", None, "missing: a stable Rust toolchain (https://rustup.rs)"),
        ("rustc", "echo rustc 1.60.0 '(abc 2022-04-07)'", "this is 1.60.0 (rustup update stable)"),
        ("c++", None, "missing: a C++17 compiler (Debian: apt-get install g++)"),
        ("c++", "exit 1", "missing: a C++17 compiler (Debian: apt-get install g++)"),
        ("git", None, "missing: git"),
    ],
)
def test_one_line_for_one_missing_tool(machine: Path, name: str, script: str | None, line: str) -> None:
    complete(machine)
    (machine / name).unlink()
    if script:
        install(machine, name, script)
    done = run(machine, "tools/prerequisites", "python3")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert line in done.stderr


def test_an_old_or_absent_python(machine: Path) -> None:
    complete(machine)
    install(machine, "python3", 'case "$2" in *version_info*) exit 1;; esac')
    old = run(machine, "tools/prerequisites", "python3")
    assert old.returncode == 1
    assert old.stderr == "missing: Python >= 3.11 (python3; or: make PYTHON=python3.12)\n"
    (machine / "python3").unlink()
    absent = run(machine, "tools/prerequisites", "python3")
    assert absent.returncode == 1
    assert "missing: Python >= 3.11" in absent.stderr


def test_a_python_without_venv(machine: Path) -> None:
    complete(machine)
    install(machine, "python3", 'case "$2" in *venv*) exit 1;; esac')
    done = run(machine, "tools/prerequisites", "python3")
    assert (done.returncode, done.stderr) == (
        1,
        "missing: Python's venv module (Debian: apt-get install python3-venv)\n",
    )


def test_googletest_there(machine: Path) -> None:
    install(machine, "c++", "exit 0")
    done = run(machine, "tools/googletest")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_googletest_missing_without_apt(machine: Path) -> None:
    install(machine, "c++", "exit 1")
    done = run(machine, "tools/googletest")
    assert done.returncode == 1
    assert done.stderr == "missing: GoogleTest (Debian: apt-get install libgtest-dev; macOS: brew install googletest)\n"


def test_googletest_is_installed_where_apt_and_root_are_at_hand(machine: Path, tmp_path: Path) -> None:
    """apt's package lists may be absent at first: the second try comes after an update."""
    (machine / "id").unlink()
    install(machine, "id", "echo 0")
    installed, updated = tmp_path / "installed", tmp_path / "updated"
    install(machine, "c++", f"[[ -e {installed} ]]")
    install(
        machine,
        "apt-get",
        f'case "$*" in *update*) : >{updated};; *install*) [[ -e {updated} ]] && : >{installed};; esac',
    )
    done = run(machine, "tools/googletest")
    assert (done.returncode, done.stdout) == (0, "installing GoogleTest (libgtest-dev)\n")
    assert installed.exists()


def test_googletest_failing_to_install_says_so(machine: Path) -> None:
    (machine / "id").unlink()
    install(machine, "id", "echo 0")
    install(machine, "c++", "exit 1")
    install(machine, "apt-get", "exit 100")
    done = run(machine, "tools/googletest")
    assert done.returncode == 1
    assert "missing: GoogleTest" in done.stderr


def test_every_make_target_is_listed() -> None:
    """`make help` documents itself: each phony target that a person calls has its line."""
    makefile = (ROOT / "Makefile").read_text()
    listed = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    phony = {name for line in re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE) for name in line.split()}
    inner = {"prerequisites", "clippy", "coverage-python", "coverage-rust"}
    assert phony == listed | inner
    alone = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(["make", "help"], cwd=ROOT, env=alone, capture_output=True, text=True, check=True)
    assert {line.split()[1] for line in done.stdout.splitlines()} == listed


def test_commands_that_are_written_down_exist() -> None:
    """Workflows, pages and the README name make targets; each must be there."""
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")]
    workflows = [*ROOT.glob(".github/workflows/*.yml"), ROOT / ".pre-commit-config.yaml", ROOT / ".ci" / "run"]
    named = {
        word: path.name
        for path in pages + workflows
        for command in re.findall(r"(?:`|^|run: |entry: |exec )make ((?:[a-z-]+ ?)+)", path.read_text(), re.MULTILINE)
        for word in command.split()
    }
    assert "test" in named
    assert {word: page for word, page in named.items() if word not in targets} == {}


def test_extras_open_up() -> None:
    def lines(extra: str) -> set[str]:
        command = [sys.executable, "tools/extra_requirements.py", extra]
        return set(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines())

    assert lines("cli") < lines("demo") < lines("all")
    assert not any("arsenal" in line for line in lines("all"))
    assert any(line.startswith("numpy") for line in lines("all"))


def test_ci_is_what_a_developer_runs(machine: Path) -> None:
    """.ci/run calls `make lint test`, from wherever it is started, and hands on make's exit code."""
    install(machine, "make", 'echo "make $*"; exit 7')
    (machine / "dirname").symlink_to(shutil.which("dirname") or "")
    done = subprocess.run(
        [ROOT / ".ci" / "run"],
        cwd="/",
        env=os.environ | {"PATH": str(machine)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (7, "make lint test\n")
