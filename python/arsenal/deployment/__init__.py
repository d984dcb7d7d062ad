"""Carry a model as an ONNX file, and run it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arsenal.deployment.export import export_onnx as export_onnx
    from arsenal.deployment.interface import ModelMetadata as ModelMetadata
    from arsenal.deployment.interface import NodeArg as NodeArg
    from arsenal.deployment.session import InferenceSession as InferenceSession

_HOMES = {"InferenceSession": "session", "ModelMetadata": "interface", "NodeArg": "interface", "export_onnx": "export"}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"arsenal.deployment.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'arsenal.deployment' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
