"""Whatever code the documentation shows is run: docstrings, pages and the README."""

from __future__ import annotations

import doctest
import importlib
import os
import pkgutil
import re
from pathlib import Path
from typing import Any

import arsenal
import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(ROOT.glob("docs/*.md")),
    *sorted(ROOT.glob("docs/models/*.md")),
]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

FENCED = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples write their files where they stand."""
    monkeypatch.chdir(tmp_path)


def modules() -> list[str]:
    return ["arsenal", *(found.name for found in pkgutil.walk_packages(arsenal.__path__, "arsenal."))]


def blocks(page: Path) -> list[tuple[int, str]]:
    """Each fenced Python block of a page with the line on which its code starts."""
    text = page.read_text()
    return [(text.count("\n", 0, found.start(1)) + 1, found[1]) for found in FENCED.finditer(text)]


@pytest.mark.parametrize("name", [name for name in modules() if name.rpartition(".")[2] not in {"_rust", "_cpp"}])
def test_docstrings(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=OPTIONS)
    assert result.failed == 0


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name)
def test_pages(page: Path) -> None:
    """A page is one story: its blocks share their names and run from top to bottom."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for line, code in blocks(page):
        if ">>>" in code:
            parsed = doctest.DocTestParser().get_doctest(code, names, page.name, str(page), line - 1)
            runner = doctest.DocTestRunner(optionflags=OPTIONS)
            report: list[str] = []
            runner.run(parsed, out=report.append, clear_globs=False)
            assert runner.failures == 0, "".join(report)
            names |= parsed.globs
        else:
            # Blank lines first, so that a traceback names the page's own line.
            exec(compile("\n" * (line - 1) + code, str(page), "exec"), names)


def test_links_between_files_lead_somewhere() -> None:
    link = re.compile(r"\]\((?!https?://|#|mailto:)([^)#]+)")
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in [*PAGES, ROOT / "SECURITY.md", ROOT / "CHANGELOG.md"]
        for target in link.findall(page.read_text())
        if not (page.parent / target).exists() and not os.path.isabs(target)
    ]
    assert not broken


def test_the_runner_notices_a_wrong_page(tmp_path: Path) -> None:
    page = tmp_path / "wrong.md"
    page.write_text("Text.\n\n```python\n>>> 1 + 1\n3\n```\n")
    with pytest.raises(AssertionError, match=r"Expected:\s+3"):
        test_pages(page)
    page.write_text("Text.\n\n```python\nhalf = 1 / 0\n```\n")
    with pytest.raises(ZeroDivisionError) as raised:
        test_pages(page)
    assert raised.traceback[-1].lineno == 3


def test_the_page_on_deployment_lists_the_operators_that_the_runtime_has() -> None:
    registered = re.compile(r'\{"(?:ai\.onnx\.ml|com\.microsoft)?",\s*"(\w+)",\s*\d+,')
    sources = [path.read_text() for path in sorted((ROOT / "cpp/src/ops").glob("*.cpp"))]
    have = {name for source in sources for name in registered.findall(source)}
    section = (ROOT / "docs/deployment.md").read_text().partition("### Which operators")[2].partition("\n###")[0]
    rows = re.findall(r"^\| [a-z ]+ \| (.*) \|$", section, re.MULTILINE)
    listed = {name for row in rows for name in re.findall(r"\b[A-Z]\w+", row)}
    assert len(have) > 90
    assert listed == have
