"""Run ONNX models in Arsenal's runtime, with the interface of ``onnxruntime.InferenceSession`` and a faster one."""

from __future__ import annotations

import os
from numbers import Integral
from pathlib import Path
from typing import Any, cast

from arsenal._native import _cpp
from arsenal.deployment.interface import ModelMetadata, NodeArg
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError, UnsupportedModelError


class InferenceSession(_cpp.Session):
    """A loaded ONNX model.

    A session is immutable: any number of threads may use it at once. It pickles as the bytes of its model, and works on
    in a forked child.

    Parameters
    ----------
    model : path or bytes-like
        Where the ONNX file is, or what it holds. The file is read once.
    n_threads : int, default 1
        Threads that one call may use; -1 for as many as ``ARSENAL_NUM_THREADS`` says, else as the process may run on.
        They start with the first batch that is large enough, and sleep between batches. Scores do not depend on it.
    fallback : {None, "onnxruntime"}, default None
        What runs a model that needs an operator or a type that Arsenal's runtime does not have: onnxruntime, which then
        has the whole model, or nothing. ``describe()["engine"]`` tells, and such a session is an
        :class:`~arsenal.deployment.fallback.OnnxRuntimeSession`, with the same methods.

    compat : {"onnxruntime", "spec"}, default "onnxruntime"
        Whom an operator of ai.onnx.ml follows where onnxruntime and the text of the ONNX specification disagree. The
        page on conformance lists these cases. Models of converters are tested with onnxruntime. ``"spec"`` excludes a
        `fallback`.

    Raises
    ------
    ArsenalTypeError
        If `model` is neither a path nor bytes, or `n_threads` no whole number.
    ArsenalValueError
        If the bytes are no valid ONNX model. The message names the field or node.
    UnsupportedModelError
        If the model needs what the runtime does not have, and there is no `fallback`. The message names operator,
        version and node.
    MissingExtraError
        If the fallback is needed and not installed.
    OSError
        If the file cannot be read.

    See Also
    --------
    arsenal.load : The same.

    Notes
    -----
    ``session(X, out=None)`` is the fast path: it returns the scores alone, which are the probabilities if the model has
    an output of such a name, else the last floating output, else the last output. `X` may be

    - a NumPy array for a model with one input, with any strides and without a copy. Its dtype has to be that of the
      input; integers are converted where every value has an exact counterpart. Nothing is narrowed silently.
    - a SciPy CSR matrix (other sparse formats become CSR first). At most 4,096 rows are laid out densely at a time.
    - a table: a pandas or polars DataFrame, a pyarrow Table or RecordBatch, or anything with ``__arrow_c_stream__`` or
      ``__arrow_c_array__``. A model with one input per column finds its columns by name and ignores others. A model
      with one wide input finds them by the names in its metadata, or takes all by position if the table has none of
      these names.
    - a dict of columns: arrays, lists, pandas or Arrow columns; or scalars, for one row.

    Columns of any integer, float or boolean type become the model's type if every value has an exact counterpart; the
    error names column and row where one has not. Plain Python floats, in lists, object arrays and dicts, take the
    nearest value instead, as they do in NumPy. A missing number (None, NaN, ``pandas.NA``, an Arrow null) is NaN; a
    missing string is ``""``, while ``"nan"`` and ``"None"`` are strings like others.

    Tables and CSR matrices are scored 4,096 rows at a time, so a row's scores may depend on that row alone, as those of
    any predictive model do. To a model that mixes rows, give arrays, which go in as a whole.

    Examples
    --------
    >>> import numpy as np
    >>> import onnx.parser
    >>> from arsenal.deployment import InferenceSession
    >>> model = onnx.parser.parse_model('''
    ...     <ir_version: 9, opset_import: ["": 18]>
    ...     sigmoid (float[N, 2] X) => (float[N, 2] probabilities) { probabilities = Sigmoid(X) }
    ... ''')
    >>> session = InferenceSession(model.SerializeToString())
    >>> session
    InferenceSession((X: tensor(float)['N', 2]) -> (probabilities: tensor(float)['N', 2]))
    >>> session(np.float32([[0, 1], [-1, 0]])).round(3)
    array([[0.5  , 0.731],
           [0.269, 0.5  ]], dtype=float32)
    >>> session.run(["probabilities"], {"X": np.float32([[0, 0]])})
    [array([[0.5, 0.5]], dtype=float32)]
    """

    __slots__ = ("__weakref__",)

    def __new__(
        cls,
        model: str | os.PathLike[str] | bytes | bytearray | memoryview,
        *,
        n_threads: int = 1,
        fallback: str | None = None,
        compat: str = "onnxruntime",
    ) -> InferenceSession:
        if isinstance(n_threads, bool) or not isinstance(n_threads, Integral):
            raise ArsenalTypeError(f"n_threads is {n_threads!r}, wanted a whole number")
        if n_threads >= 2**31:
            raise ArsenalValueError(
                f"n_threads is {n_threads}, wanted a positive number below 2**31, or -1 for all cores"
            )
        if fallback not in (None, "onnxruntime"):
            raise ArsenalValueError(f"fallback is {fallback!r}, wanted 'onnxruntime' or None")
        if compat not in ("onnxruntime", "spec"):
            raise ArsenalValueError(f"compat is {compat!r}, wanted 'onnxruntime' or 'spec'")
        if fallback is not None and compat == "spec":
            raise ArsenalValueError("fallback is 'onnxruntime' and compat is 'spec', which onnxruntime does not have")
        try:
            return cls._loaded(model, int(n_threads), compat)
        except UnsupportedModelError as error:
            if fallback is None:
                raise
            reason = str(error)
        from arsenal.deployment.fallback import OnnxRuntimeSession

        kept = model if isinstance(model, str | os.PathLike) else bytes(memoryview(model))
        # The same methods on another engine: no subclass, which would be a loaded model of ours.
        return cast(InferenceSession, OnnxRuntimeSession(kept, int(n_threads), reason))

    @classmethod
    def _loaded(
        cls, model: str | os.PathLike[str] | bytes | bytearray | memoryview, n_threads: int, compat: str
    ) -> InferenceSession:
        if isinstance(model, str | os.PathLike):
            return super().__new__(cls, Path(model).read_bytes(), n_threads, os.fspath(model), compat)
        if not isinstance(model, bytes):
            try:
                model = bytes(memoryview(model))
            except TypeError:
                raise ArsenalTypeError(f"model is a {type(model).__name__}, wanted a path or bytes") from None
        return super().__new__(cls, model, n_threads, "the model", compat)

    def __getnewargs_ex__(self) -> tuple[tuple[bytes], dict[str, int | str]]:
        return (self.model_bytes,), {"n_threads": self.n_threads, "compat": self.compat}

    def __repr__(self) -> str:
        inputs = ", ".join(f"{name}: {type}{shape}" for name, type, shape in self.inputs()[:4])
        more = ", …" if len(self.inputs()) > 4 else ""
        outputs = ", ".join(f"{name}: {type}{shape}" for name, type, shape in self.outputs())
        return f"InferenceSession(({inputs}{more}) -> ({outputs}))"

    def get_inputs(self) -> list[NodeArg]:
        """Say what the model takes.

        Returns
        -------
        list of NodeArg
            Name, type and shape of every input, in the order of the file.
        """
        return [NodeArg(*info) for info in self.inputs()]

    def get_outputs(self) -> list[NodeArg]:
        """Say what the model gives.

        Returns
        -------
        list of NodeArg
            Name, type and shape of every output, in the order of the file.
        """
        return [NodeArg(*info) for info in self.outputs()]

    def get_modelmeta(self) -> ModelMetadata:
        """Read the model file's metadata.

        Returns
        -------
        ModelMetadata
            Producer, names, description, version and the custom entries.
        """
        facts = self.facts()
        return ModelMetadata(
            producer_name=facts["producer_name"],
            producer_version=facts["producer_version"],
            domain=facts["domain"],
            graph_name=facts["graph_name"],
            description=facts["description"],
            version=facts["model_version"],
            custom_metadata_map=facts["metadata"],
        )

    def describe(self) -> dict[str, Any]:
        """Describe the model and how it is run, as ``arsenal inspect`` shows it.

        Returns
        -------
        dict
            ``inputs`` and ``outputs`` (dicts of name, type and shape), ``score_output``, ``opsets`` (version by
            domain), ``operators`` (dicts of domain, op_type, version and count), ``trees``, ``nodes``, ``leaves``,
            ``depth``, ``engine``, ``isa``, ``threads``, ``bytes``, ``ir_version``, ``producer_name``,
            ``producer_version``, ``domain``, ``graph_name``, ``description``, ``model_version`` and ``metadata``. All
            of it can be written as JSON.
        """
        values = {"inputs": self.inputs(), "outputs": self.outputs()}
        described = {
            kind: [{"name": name, "type": type, "shape": shape} for name, type, shape in infos]
            for kind, infos in values.items()
        }
        return {**described, **self.facts()}


__all__ = ["InferenceSession"]
