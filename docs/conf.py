"""The documentation site: one page per room, written by hand, and API pages made from the docstrings."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import arsenal

HERE = Path(__file__).parent

project = "Arsenal"
author = "The Arsenal authors"
version = release = arsenal.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
nitpicky = False

html_theme = "furo"
html_title = f"Arsenal {version}"
html_show_sphinx = False

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_typehints = "none"  # numpydoc sections already say types, shapes and meaning
autodoc_member_order = "bysource"
autodoc_default_options = {"show-inheritance": True}
autosummary_generate = True
autosummary_ignore_module_all = False
napoleon_google_docstring = False
napoleon_numpy_docstring = True
napoleon_use_rtype = False
napoleon_use_ivar = True  # attributes as fields: properties among them have entries of their own already
napoleon_preprocess_types = False


def write_api_pages() -> None:
    """One page per room, listing what the room exports; nobody keeps such a list by hand."""
    folder = HERE / "api"
    folder.mkdir(exist_ok=True)
    rooms = [name for name in arsenal.__all__ if inspect.ismodule(getattr(arsenal, name))]
    for room in rooms:
        module = importlib.import_module(f"arsenal.{room}")
        title = f"arsenal.{room}"
        lines = [title, "=" * len(title), "", f".. automodule:: {title}", "   :no-members:", ""]
        lines += [f".. currentmodule:: {title}", "", ".. autosummary::", "   :toctree: generated", ""]
        lines += [f"   {name}" for name in module.__all__]
        write_if_changed(folder / f"{room}.rst", "\n".join(lines) + "\n")
    index = ["API", "===", "", "Everything public, from the docstrings.", "", ".. toctree::", "   :maxdepth: 2", ""]
    index += [f"   {room}" for room in rooms]
    write_if_changed(folder / "index.rst", "\n".join(index) + "\n")
    for stale in folder.glob("*.rst"):
        if stale.stem not in {*rooms, "index"}:
            stale.unlink()


def skip_inherited(app: Any, what: str, name: str, member: Any, skip: bool, options: Any) -> bool | None:
    """Leave out what a class has from scikit-learn or Python: those have pages of their own."""
    home = getattr(member, "__module__", None) or getattr(getattr(member, "fget", None), "__module__", None)
    foreign = home is not None and not home.startswith("arsenal")
    routing = re.fullmatch(r"(get_metadata_routing|set_\w+_request)", name)
    return True if foreign or routing else None


def setup(app: Any) -> None:
    app.connect("autodoc-skip-member", skip_inherited)


def write_if_changed(path: Path, text: str) -> None:
    """An unchanged page keeps its time stamp, so that a second build has nothing to do."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


write_api_pages()
