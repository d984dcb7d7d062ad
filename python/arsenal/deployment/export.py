"""Write a fitted model as an ONNX file."""

from __future__ import annotations

import contextlib
import inspect
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arsenal._native import _rust
from arsenal.exceptions import ArsenalTypeError

_SUPPORTED = "a fitted arsenal estimator, or a scikit-learn Pipeline whose only step is one"


def export_onnx(
    model: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    metadata: Mapping[str, str] | None = None,
    quantiles: bool = False,
) -> bytes:
    """Write a fitted model as an ONNX file.

    The file is what the model itself predicts with, so it gives the same scores wherever it runs. It passes ONNX's full
    check, and onnxruntime loads it. Copying it costs O(bytes of the file), nothing is computed anew.

    Parameters
    ----------
    model : estimator
        A fitted arsenal estimator, or a scikit-learn ``Pipeline`` whose only step is one.
    path : path, optional
        Where to write the file. It appears there whole or not at all; a file of that name is replaced.
    metadata : mapping of str to str, optional
        Entries to add to the file's metadata. It has ``arsenal.version``, ``arsenal.model``, ``arsenal.feature_names``,
        for a classifier ``arsenal.classes``, and ``arsenal.training_time_range`` if the model was fitted on a DataFrame
        with a time index; a model fitted otherwise may be given that one here, as a JSON list of the first and the last
        time in ISO 8601.
    quantiles : bool, default=False
        Whether a forest of numbers gives quantiles in place of means. The file then has one more input, ``quantiles``
        of shape [1, Q] in float64, which all rows share.

    Returns
    -------
    bytes
        What the file holds.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the model is not fitted.
    ArsenalTypeError
        If the model is none that can be exported, has no quantiles, or the metadata are not strings.
    ArsenalValueError
        If a metadata key is empty or in the file already.
    OSError
        If the file cannot be written.

    See Also
    --------
    arsenal.deployment.InferenceSession : Runs the file.

    Notes
    -----
    A model of numbers takes one input ``X`` of shape [N, columns], float32 or float64 as it was fitted. A model with
    string columns takes one input [N, 1] per column, named as the column. Classifiers give ``label`` [N] and
    ``probabilities`` [N, classes], regressors ``variable`` [N, 1], with quantiles [N, Q], of several outputs
    [N, Q, outputs].

    Examples
    --------
    >>> import numpy as np
    >>> from arsenal.deployment import export_onnx
    >>> from arsenal.models import GradientBoostingRegressor
    >>> X = np.arange(100.0, dtype=np.float32).reshape(-1, 1)
    >>> model = GradientBoostingRegressor(n_estimators=3).fit(X, np.sin(X[:, 0]))
    >>> content = export_onnx(model, metadata={"owner": "weather"})
    >>> import onnx
    >>> [value.name for value in onnx.load_from_string(content).graph.output]
    ['variable']
    """
    estimator = _exportable(model)
    if quantiles and not hasattr(estimator, "_quantile_onnx_bytes"):
        raise ArsenalTypeError(f"model is a {type(estimator).__name__}, only forests of numbers have quantiles to give")
    content = estimator._quantile_onnx_bytes() if quantiles else estimator._onnx_bytes()
    if metadata is not None:
        content = _rust.append_onnx_metadata(content, _entries(metadata))
    if path is not None:
        _write_whole(path, content)
    return bytes(content)


def _exportable(model: Any) -> Any:
    """The estimator that holds the file: the model, or the only step of a pipeline."""
    from sklearn.pipeline import Pipeline

    if isinstance(model, Pipeline):
        steps = [step for _, step in model.steps if step is not None and step != "passthrough"]
        if len(steps) != 1:
            names = ", ".join(type(step).__name__ for step in steps) or "none"
            raise ArsenalTypeError(f"the Pipeline has {len(steps)} steps ({names}), wanted {_SUPPORTED}")
        (model,) = steps
    if inspect.isclass(model):
        raise ArsenalTypeError(f"model is the class {model.__name__}, wanted {_SUPPORTED}")
    if not callable(getattr(model, "_onnx_bytes", None)):
        raise ArsenalTypeError(f"model is a {type(model).__module__}.{type(model).__qualname__}, wanted {_SUPPORTED}")
    return model


def _entries(metadata: Mapping[str, str]) -> list[tuple[str, str]]:
    if not isinstance(metadata, Mapping):
        raise ArsenalTypeError(f"metadata is a {type(metadata).__name__}, wanted a mapping of str to str")
    for key, value in metadata.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise ArsenalTypeError(f"metadata[{key!r}] is a {type(value).__name__}, wanted str keys and str values")
    return list(metadata.items())


def _write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write beside the target and rename, so that no reader ever sees half a file."""
    if not isinstance(path, str | os.PathLike):
        raise ArsenalTypeError(f"path is a {type(path).__name__}, wanted a str or a path")
    # A link stays one: what it points to is replaced.
    target = Path(path).resolve()
    beside = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        with open(beside, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except OSError as error:
        # Of the name that was asked for, not of the one beside it that nobody knows.
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None
    finally:
        with contextlib.suppress(OSError):  # which there is if a folder on the way is none
            beside.unlink(missing_ok=True)
