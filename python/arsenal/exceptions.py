"""What Arsenal raises. Every class is also the built-in one that a scikit-learn or ONNX Runtime user would catch."""

from __future__ import annotations


class ArsenalError(Exception):
    """Root of every error that Arsenal raises on purpose."""


class ArsenalValueError(ArsenalError, ValueError):
    """A value, shape, parameter or file is wrong. The message says what, got and wanted."""


class ArsenalTypeError(ArsenalError, TypeError):
    """A value has the wrong type."""


class UnsupportedModelError(ArsenalValueError, NotImplementedError):
    """A model is valid and needs what the runtime does not have. The message names operator, version and node."""


class MissingExtraError(ArsenalError, ImportError):
    """An optional dependency is not installed. The message names the extra that brings it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs {package}: pip install 'arsenal-ml[{extra}]'")


__all__ = ["ArsenalError", "ArsenalTypeError", "ArsenalValueError", "MissingExtraError", "UnsupportedModelError"]
