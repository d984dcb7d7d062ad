"""The file that a fitted estimator keeps, and the sessions that run it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from arsenal._native import _rust

if TYPE_CHECKING:
    from arsenal.deployment import InferenceSession


class Runtime:
    """A model's ONNX bytes with a session per number of threads, opened on first use. Pickles as the bytes alone.

    Parameters
    ----------
    onnx : bytes
        The ONNX file.
    """

    def __init__(self, onnx: bytes) -> None:
        self.onnx = onnx
        self._sessions: dict[int, InferenceSession] = {}

    def session(self, n_jobs: int | None) -> InferenceSession:
        """A session whose batches use as many threads as ``n_jobs`` asks for."""
        n_threads = _rust.n_threads(n_jobs)
        if n_threads not in self._sessions:
            from arsenal.deployment import InferenceSession

            self._sessions[n_threads] = InferenceSession(self.onnx, n_threads=n_threads)
        return self._sessions[n_threads]

    def __reduce__(self) -> tuple[Any, ...]:
        return Runtime, (self.onnx,)
