"""``arsenal convert``: a model file of another library as ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from arsenal.cli.files import write_bytes
from arsenal.exceptions import ArsenalError, ArsenalValueError


def convert(path: Path, out: Path) -> dict[str, Any]:
    """Read a model file, whose content says which library wrote it, and write it as ONNX."""
    from arsenal.deployment import InferenceSession, export_onnx
    from arsenal.models._foreign import read_model_file

    if path.is_dir():
        raise ArsenalValueError(f"{path} is a folder, a model file was wanted")
    if not path.exists():
        raise ArsenalValueError(f"{path}: no such file")
    try:
        model = read_model_file(path.read_bytes())
    except ArsenalError as error:
        raise ArsenalValueError(f"{path}: {error}") from error
    content = export_onnx(model)
    write_bytes(out, content)
    facts = InferenceSession(content).describe()
    classes = getattr(model, "classes_", None)
    return {
        "model": str(path),
        "out": str(out),
        "learned_by": model.learned_by_,
        "columns": model.n_features_in_,
        "classes": None if classes is None else len(classes),
        "trees": facts["trees"],
        "bytes": len(content),
    }
