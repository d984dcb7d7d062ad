"""Whole files or none: what is written appears under its name only once it is complete."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from arsenal.exceptions import ArsenalValueError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a path to write to, which becomes `path` when the block ends well and is removed when it does not.

    The file is written in the folder where it will stand, since a rename is one step only within a file system. What
    is no regular file, such as ``/dev/null`` or a named pipe, is written to directly.
    """
    if path.is_dir():
        raise ArsenalValueError(f"{path} is a folder, a file was wanted")
    if not path.parent.is_dir():
        raise ArsenalValueError(f"{path}: the folder {path.parent} does not exist")
    if path.exists() and not path.is_file():
        yield path
        return
    target = path.resolve()  # through a link, what it points to is replaced, and the link stays
    unfinished = target.with_name(f".{target.stem}.{os.getpid()}.unfinished{target.suffix}")
    try:
        yield unfinished
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with whole_file(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def json_text(plain: object) -> str:
    """JSON as it is defined: numbers that are not finite become null."""
    return json.dumps(_finite(plain), indent=2, ensure_ascii=False) + "\n"


def _finite(plain: object) -> object:
    if isinstance(plain, dict):
        return {str(key): _finite(value) for key, value in plain.items()}
    if isinstance(plain, (list, tuple)):
        return [_finite(value) for value in plain]
    if isinstance(plain, float):
        return plain if math.isfinite(plain) else None
    return plain


def write_bytes(path: Path, content: bytes) -> None:
    """Write a binary file, whole or not at all."""
    with whole_file(path) as unfinished:
        unfinished.write_bytes(content)
