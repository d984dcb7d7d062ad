"""Opening a model file, with errors that name it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from arsenal.exceptions import ArsenalError, ArsenalValueError

if TYPE_CHECKING:
    from arsenal.deployment import InferenceSession


def open_model(path: Path, n_threads: int = 1) -> InferenceSession:
    """Load a model into arsenal's runtime."""
    from arsenal.deployment import InferenceSession

    if path.is_dir():
        raise ArsenalValueError(f"{path} is a folder, an ONNX file was wanted")
    if not path.exists():
        raise ArsenalValueError(f"{path}: no such file")
    try:
        return InferenceSession(path, n_threads=n_threads)
    except ArsenalError as error:
        if str(path) in str(error):
            raise
        raise ArsenalValueError(f"{path}: {error}") from error
