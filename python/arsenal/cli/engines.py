"""Arsenal's runtime and onnxruntime on the same file and the same rows: how fast, and whether they agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from arsenal.cli import timing
from arsenal.cli.extras import installed
from arsenal.exceptions import ArsenalValueError

if TYPE_CHECKING:
    from arsenal.deployment import InferenceSession

ARSENAL = "arsenal"
ARSENAL_RUN = "arsenal run()"
ONNXRUNTIME = "onnxruntime"


@dataclass(frozen=True)
class Speed:
    """What one engine does with a model."""

    engine: str
    p50_us: float
    p99_us: float
    rows_per_second: float


@dataclass(frozen=True)
class Agreement:
    """How far two engines are apart on the same rows.

    Attributes
    ----------
    rows : int
        Rows compared.
    max_difference : float
        Largest absolute difference of any number that is not a label; NaN in one engine only counts as infinite.
    other_labels : int
        Rows with another label.
    """

    rows: int
    max_difference: float
    other_labels: int


def onnxruntime_session(model: bytes, n_threads: int = 1) -> Any | None:
    """An onnxruntime session that says nothing but errors; None if onnxruntime is not installed.

    Raises
    ------
    ArsenalValueError
        If onnxruntime does not load the model.
    """
    ort = installed("onnxruntime")
    if ort is None:
        return None
    options = ort.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes have no public root
        raise ArsenalValueError(f"onnxruntime does not load the model: {error}") from error


def race(
    session: InferenceSession, rival: Any | None, feed: Mapping[str, np.ndarray], rounds: int = 40, repetitions: int = 5
) -> list[Speed]:
    """Time one row and a batch, in turn: ``session(x)``, ``session.run``, and onnxruntime's ``run``.

    Parameters
    ----------
    session
        Arsenal's session. The fast call takes a row as an array if the model has one input, else as a dict of plain
        values, and a batch as arrays; ``run`` takes what onnxruntime takes.
    rival
        onnxruntime's session of the same file; None leaves it out.
    feed
        Arrays by input name: all rows of the batch.

    Returns
    -------
    list of Speed
        The fast call first, onnxruntime last.
    """
    n_rows = len(next(iter(feed.values())))
    rows = [{name: array[i : i + 1] for name, array in feed.items()} for i in range(min(n_rows, 1000))]
    own_rows = [_own_row(row) for row in rows]
    batch = dict(feed)
    own_batch = next(iter(batch.values())) if len(batch) == 1 else batch
    one: dict[str, Callable[[int], object]] = {
        ARSENAL: lambda i: session(own_rows[i]),
        ARSENAL_RUN: lambda i: session.run(None, rows[i]),
    }
    whole: dict[str, Callable[[], object]] = {
        ARSENAL: partial(session, own_batch),
        ARSENAL_RUN: partial(session.run, None, batch),
    }
    if rival is not None:
        one[ONNXRUNTIME] = lambda i: rival.run(None, rows[i])
        whole[ONNXRUNTIME] = partial(rival.run, None, batch)
    latency = timing.one_row(one, len(rows), rounds)
    seconds = timing.batch(whole, repetitions)
    return [Speed(name, latency[name].p50_us, latency[name].p99_us, n_rows / seconds[name]) for name in one]


def compare(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> Agreement:
    """Compare all outputs of two engines; integer and string outputs are labels."""
    difference = 0.0
    other = 0
    for mine, other_output in zip(ours, theirs, strict=True):
        a, b = np.asarray(mine), np.asarray(other_output)
        if a.shape != b.shape:
            raise ArsenalValueError(f"the engines give outputs of the shapes {a.shape} and {b.shape}")
        if a.dtype.kind != "f":
            other = max(other, int(np.count_nonzero(a.astype(b.dtype) != b)))
        elif a.size:
            with np.errstate(invalid="ignore"):  # infinity minus itself, which the next line mends
                gaps = np.abs(a.astype(np.float64) - b.astype(np.float64))
            gaps[(a == b) | (np.isnan(a) & np.isnan(b))] = 0.0
            difference = max(difference, float(np.nan_to_num(gaps, nan=np.inf).max()))
    return Agreement(len(ours[0]), difference, other)


def _own_row(row: dict[str, np.ndarray]) -> Any:
    """One row as the fast call takes it: the array of the one input, or plain Python values by column."""
    if len(row) == 1:
        return next(iter(row.values()))
    return {name: array.item() for name, array in row.items()}
