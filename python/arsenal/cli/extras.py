"""Optional packages, looked for where they are needed; a missing one says which extra brings it."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from types import ModuleType

from arsenal.exceptions import MissingExtraError


def need(*packages: str, extra: str, purpose: str) -> None:
    """Make sure that packages are installed, without importing them.

    Raises
    ------
    MissingExtraError
        Naming the first one that is missing.
    """
    for package in packages:
        if find_spec(package) is None:
            raise MissingExtraError(package, extra, purpose)


def installed(package: str) -> ModuleType | None:
    """The package as a module; None if it is not installed."""
    return None if find_spec(package) is None else importlib.import_module(package)
