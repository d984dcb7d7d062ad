"""Models that Arsenal's runtime does not have every operator for, run by onnxruntime."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arsenal.deployment.interface import ModelMetadata, NodeArg
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError, MissingExtraError

#: NumPy's dtypes of ONNX Runtime's types.
_DTYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
}


class OnnxRuntimeSession:
    """A model that onnxruntime runs, behind the interface of :class:`InferenceSession`.

    ``InferenceSession(model, fallback="onnxruntime")`` makes it where Arsenal's runtime lacks something.

    Parameters
    ----------
    model : path or bytes
        Where the ONNX file is, or what it holds.
    n_threads : int
        Threads that one call may use; -1 for all cores.
    reason : str
        What Arsenal's runtime lacks.

    Raises
    ------
    MissingExtraError
        If onnxruntime is not installed.
    """

    def __init__(self, model: str | os.PathLike[str] | bytes, n_threads: int, reason: str) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingExtraError("onnxruntime", "onnxruntime", f"A fallback, since {reason},") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = max(n_threads, 0)
        options.inter_op_num_threads = 1
        source = model if isinstance(model, bytes) else os.fspath(model)
        self._session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        self._source = source
        self.n_threads = n_threads
        self.reason = reason
        self._score_output = _score_output(self.get_outputs())

    def __reduce__(self) -> tuple[type[OnnxRuntimeSession], tuple[str | bytes, int, str]]:
        return type(self), (self._source, self.n_threads, self.reason)

    def __repr__(self) -> str:
        inputs = ", ".join(f"{one.name}: {one.type}{one.shape}" for one in self.get_inputs()[:4])
        more = ", …" if len(self.get_inputs()) > 4 else ""
        outputs = ", ".join(f"{one.name}: {one.type}{one.shape}" for one in self.get_outputs())
        return f"OnnxRuntimeSession(({inputs}{more}) -> ({outputs}))"

    def __call__(self, X: Any, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Give the scores alone, chosen as :class:`InferenceSession` does.

        Parameters
        ----------
        X : array, dict of columns or table
            An array for a model with one input; columns by name for one with an input per column.
        out : ndarray, optional
            Where to write them.

        Returns
        -------
        ndarray
            The scores; `out` if it is given.
        """
        scores: NDArray[Any] = self._session.run([self._score_output], self._feed(X))[0]
        if out is None:
            return scores
        if out.shape != scores.shape or out.dtype != scores.dtype:
            raise ArsenalValueError(
                f"out has shape {out.shape} and dtype {out.dtype}, wanted {scores.shape} and {scores.dtype}"
            )
        out[...] = scores
        return out

    def run(self, output_names: Any, input_feed: Mapping[str, Any], run_options: Any = None) -> list[Any]:
        """Run the model as ``onnxruntime.InferenceSession.run`` does."""
        results: list[Any] = self._session.run(output_names, input_feed, run_options)
        return results

    def get_inputs(self) -> list[NodeArg]:
        """Say what the model takes: name, type and shape of every input."""
        return [NodeArg(one.name, one.type, list(one.shape)) for one in self._session.get_inputs()]

    def get_outputs(self) -> list[NodeArg]:
        """Say what the model gives: name, type and shape of every output."""
        return [NodeArg(one.name, one.type, list(one.shape)) for one in self._session.get_outputs()]

    def get_modelmeta(self) -> ModelMetadata:
        """Read the model file's metadata."""
        meta = self._session.get_modelmeta()
        return ModelMetadata(
            producer_name=meta.producer_name,
            producer_version="",
            domain=meta.domain,
            graph_name=meta.graph_name,
            description=meta.description,
            version=meta.version,
            custom_metadata_map=dict(meta.custom_metadata_map),
        )

    def describe(self) -> dict[str, Any]:
        """Describe the model: ``engine`` is ``"onnxruntime"``, ``reason`` says what Arsenal's runtime lacks."""
        values = {"inputs": self.get_inputs(), "outputs": self.get_outputs()}
        meta = self.get_modelmeta()
        return {
            kind: [{"name": one.name, "type": one.type, "shape": one.shape} for one in infos]
            for kind, infos in values.items()
        } | {
            "score_output": self._score_output,
            "engine": "onnxruntime",
            "reason": self.reason,
            "threads": self.n_threads,
            "producer_name": meta.producer_name,
            "domain": meta.domain,
            "graph_name": meta.graph_name,
            "description": meta.description,
            "model_version": meta.version,
            "metadata": meta.custom_metadata_map,
        }

    def _feed(self, X: Any) -> dict[str, Any]:
        inputs = self.get_inputs()
        if len(inputs) == 1 and not isinstance(X, Mapping):
            return {inputs[0].name: np.asarray(X)}
        if not hasattr(X, "__getitem__") or isinstance(X, np.ndarray):
            raise ArsenalTypeError(
                f"X is a {type(X).__name__}, the model has {len(inputs)} inputs: wanted their columns"
            )
        return {one.name: _column(X, one) for one in inputs}


def _column(X: Any, wanted: NodeArg) -> NDArray[Any]:
    """A column as the tensor that an input wants: [N, 1] where the model says so."""
    try:
        column = X[wanted.name]
    except (KeyError, IndexError):
        raise ArsenalValueError(f"X has no column {wanted.name!r}") from None
    values = np.asarray(column)
    if len(wanted.shape) == 2 and values.ndim < 2:
        values = values.reshape(-1, 1)
    dtype = _DTYPES.get(wanted.type)
    if dtype is None or (values.dtype == dtype and dtype is not np.object_):
        return values
    if dtype is np.object_:
        # None, NaN and pandas.NA, which can be compared with nothing.
        is_missing = np.array([one is None or type(one).__name__ == "NAType" or one != one for one in values.ravel()])
        return np.where(is_missing.astype(bool).reshape(values.shape), "", values.astype(object))
    try:
        converted: NDArray[Any] = values.astype(dtype)
    except (TypeError, ValueError):
        raise ArsenalTypeError(f"column {wanted.name!r} has dtype {values.dtype}, wanted {wanted.type}") from None
    if np.issubdtype(dtype, np.floating) and not hasattr(column, "dtype"):
        return converted  # plain Python floats take the nearest value, as they do in NumPy
    numbers = values.astype(np.float64)
    if not np.array_equal(converted.astype(np.float64), numbers, equal_nan=True):
        raise ArsenalValueError(f"column {wanted.name!r} has values that {wanted.type} cannot hold exactly")
    return converted


def _score_output(outputs: list[NodeArg]) -> str:
    """The probabilities if there are any, else the last floating output, else the last one."""
    floating = [one.name for one in outputs if one.type in ("tensor(float)", "tensor(double)")]
    named = [name for name in floating if "prob" in name.lower()]
    return (named[:1] or floating[-1:] or [outputs[-1].name])[0]


__all__ = ["OnnxRuntimeSession"]
