"""Exit codes and the one line that goes with them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from arsenal.cli import extras
from arsenal.cli.extras import installed, need
from arsenal.cli.outcome import ExitCode, Terminated, ending
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError, MissingExtraError

DOCS = Path(__file__).parents[3] / "docs" / "cli.md"


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (Terminated(), 143, "terminated"),
        (BrokenPipeError(32, "Broken pipe"), 141, ""),
        (ArsenalValueError("two\nlines"), 3, "error: two lines"),
        (ArsenalTypeError("wrong type"), 3, "error: wrong type"),
        (MissingExtraError("rich", "cli", "a table"), 5, "error: a table needs rich: pip install 'arsenal-ml[cli]'"),
        (PermissionError(13, "Permission denied", "/x"), 3, "error: /x: permission denied"),
        (RuntimeError("odd"), 1, "error: odd (unexpected RuntimeError; ARSENAL_TRACEBACK=1 shows where)"),
        (MemoryError(), 1, "error: MemoryError (unexpected MemoryError; ARSENAL_TRACEBACK=1 shows where)"),
    ],
)
def test_each_error_has_its_code_and_one_line(error: BaseException, code: int, line: str) -> None:
    assert ending(error) == (code, line)


def test_an_unexpected_error_shows_where_if_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARSENAL_TRACEBACK", "1")
    with pytest.raises(RuntimeError, match="odd"):
        ending(RuntimeError("odd"))
    assert ending(ArsenalValueError("bad"))[0] is ExitCode.BAD_INPUT


def test_the_documented_exit_codes_are_these() -> None:
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", DOCS.read_text(), flags=re.MULTILINE)}
    assert documented == {int(code) for code in ExitCode}


def test_a_missing_package_names_its_extra() -> None:
    need("numpy", extra="cli", purpose="counting")
    with pytest.raises(MissingExtraError, match=r"counting needs no_such_package: pip install 'arsenal-ml\[cli\]'"):
        need("numpy", "no_such_package", extra="cli", purpose="counting")
    assert installed("no_such_package") is None
    assert installed("arsenal.cli.extras") is extras
