"""Whole files or none, and JSON as it is defined."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
from arsenal.cli.files import json_text, whole_file, write_bytes, write_text
from arsenal.exceptions import ArsenalValueError


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    with whole_file(path) as unfinished:
        unfinished.write_text("half")
        assert not path.exists()
        assert unfinished.suffix == path.suffix
    assert path.read_text() == "half"
    assert os.listdir(tmp_path) == ["out.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failed_write_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "out.txt"
    path.write_text("before")

    def fail() -> None:
        with whole_file(path) as unfinished:
            unfinished.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["out.txt"]


def test_a_write_that_never_began_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), whole_file(tmp_path / "out.txt"):
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == []


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target.txt", tmp_path / "link.txt"
    target.write_text("before")
    link.symlink_to(target)
    write_text(link, "after")
    assert link.is_symlink()
    assert target.read_text() == "after"


def test_a_pipe_is_written_to_directly(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write_text(pipe, "through")
    reader.join(timeout=10)
    assert read == ["through"]
    assert pipe.is_fifo()


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArsenalValueError, match="is a folder, a file was wanted"):
        write_bytes(tmp_path, b"")
    with pytest.raises(ArsenalValueError, match=r"the folder .*gone does not exist"):
        write_bytes(tmp_path / "gone" / "file", b"")


def test_json_has_no_nan() -> None:
    plain = {"a": [1.5, float("nan"), (float("inf"), True)], "ü": None, 3: "x"}
    assert json.loads(json_text(plain)) == {"a": [1.5, None, [None, True]], "ü": None, "3": "x"}
    assert "ü" in json_text(plain)
