"""How a command ends: an exit code that scripts can use, and one line on stderr if it went wrong."""

from __future__ import annotations

import os
from enum import IntEnum

from arsenal.exceptions import ArsenalError, MissingExtraError


class ExitCode(IntEnum):
    """The exit codes of the command `arsenal`."""

    OK = 0
    UNEXPECTED = 1
    """A defect of arsenal itself, or memory ran out."""
    USAGE = 2
    """Wrong options or arguments."""
    BAD_INPUT = 3
    """A path, model, column or type is wrong."""
    DRIFT = 4
    """Drift was found, and ``--fail-on-drift`` was given."""
    MISSING_EXTRA = 5
    """A package is not installed; the message names the extra that brings it."""
    INTERRUPTED = 130
    """Ctrl-C."""
    BROKEN_PIPE = 141
    """Whoever read the output closed it."""
    TERMINATED = 143
    """SIGTERM."""


class Terminated(BaseException):
    """SIGTERM arrived: unwinds like Ctrl-C does, so that no half-written file stays behind."""


def ending(error: BaseException) -> tuple[ExitCode, str]:
    """The exit code for an error and the line to print; an empty line means to say nothing.

    With ``ARSENAL_TRACEBACK`` set in the environment, an unexpected error is raised again instead.
    """
    if isinstance(error, KeyboardInterrupt):
        return ExitCode.INTERRUPTED, "interrupted"
    if isinstance(error, Terminated):
        return ExitCode.TERMINATED, "terminated"
    if isinstance(error, BrokenPipeError):
        return ExitCode.BROKEN_PIPE, ""
    if isinstance(error, MissingExtraError):
        return ExitCode.MISSING_EXTRA, _line(error)
    if isinstance(error, ArsenalError):
        return ExitCode.BAD_INPUT, _line(error)
    if isinstance(error, OSError) and error.filename is not None:
        return ExitCode.BAD_INPUT, f"error: {error.filename}: {(error.strerror or 'cannot be used').lower()}"
    if os.environ.get("ARSENAL_TRACEBACK"):
        raise error
    kind = type(error).__name__
    return ExitCode.UNEXPECTED, f"{_line(error)} (unexpected {kind}; ARSENAL_TRACEBACK=1 shows where)"


def _line(error: BaseException) -> str:
    return "error: " + (" ".join(str(error).split()) or type(error).__name__)
