"""Arsenal: performance-first machine learning for tables.

Rooms load when they are first touched, so that ``import arsenal`` costs NumPy's import and little more.

Examples
--------
>>> import arsenal
>>> arsenal.__version__.count(".")
2
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from arsenal._native import __version__

if TYPE_CHECKING:
    from arsenal import deployment as deployment
    from arsenal import exceptions as exceptions
    from arsenal import models as models
    from arsenal import monitoring as monitoring
    from arsenal.deployment import InferenceSession as load

_ROOMS = ("deployment", "exceptions", "models", "monitoring")

__all__ = ["__version__", "load", *_ROOMS]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"arsenal.{name}")
    if name == "load":
        return importlib.import_module("arsenal.deployment").InferenceSession
    raise AttributeError(f"module 'arsenal' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
