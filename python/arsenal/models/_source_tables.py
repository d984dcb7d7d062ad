"""Tables of which only the bins are held: a fit reads them in passes, from sources."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import _num_samples

from arsenal._native import _rust
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.models import _tables
from arsenal.models._estimator import given
from arsenal.models._sources import Source, in_slices, is_source, opened

if TYPE_CHECKING:
    import pyarrow as pa

_Fit = TypeVar("_Fit", bound=Callable[..., Any])
_Rows = npt.NDArray[np.intp]


class SourceTable:
    """Some columns of a source as a table: it has a length, names and an Arrow stream, but no values in memory.

    Parameters
    ----------
    source : Source
        Where the rows come from.
    columns : sequence of str
        The table's columns, in order.
    n_rows : int
        Rows of the source; each pass must find as many.
    name : str
        What the table is called in messages.
    rows : ndarray of int, optional
        The source's rows that the table has, rising; all by default.
    """

    def __init__(
        self, source: Source, columns: Sequence[str], n_rows: int, name: str, rows: _Rows | None = None
    ) -> None:
        self._source = source
        self.columns = list(columns)
        self._n_rows = n_rows
        self.name = name
        self._rows = rows

    def __len__(self) -> int:
        return self._n_rows if self._rows is None else len(self._rows)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self), len(self.columns)

    @property
    def schema(self) -> pa.Schema:
        import pyarrow as pa

        return pa.schema([self._source.schema.field(name) for name in self.columns])

    def without_rows(self) -> pa.Table:
        """What scikit-learn reads the names from."""
        return self.schema.empty_table()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        import pyarrow as pa

        return pa.RecordBatchReader.from_batches(self.schema, self.batches()).__arrow_c_stream__(requested_schema)

    def take(self, rows: _Rows) -> SourceTable:
        """The table of some rows, which rise."""
        chosen = rows if self._rows is None else self._rows[rows]
        return SourceTable(self._source, self.columns, self._n_rows, self.name, chosen)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """One pass over the rows."""
        first = 0
        for batch in read_all(self._source, self.columns, self._n_rows, self.name):
            last = first + batch.num_rows
            if self._rows is None:
                yield batch
            else:
                low, high = np.searchsorted(self._rows, [first, last])
                if low < high:
                    yield batch.take(self._rows[low:high] - first)
            first = last

    def marked_categories(self, marks: list[bool] | None) -> list[bool]:
        """Which columns are categories: those marked, or where there are no marks those that are by their types."""
        import pyarrow as pa

        if marks is not None:
            return marks
        return [pa.types.is_dictionary(field.type) or _is_text(field.type) for field in self.schema]

    def learn_bins(
        self, weights: npt.NDArray[np.float64] | None, categories: list[bool], params: Mapping[str, Any]
    ) -> _rust.TableBins:
        """The first pass: what bins are learned from."""
        import pyarrow as pa

        sketch = _rust.TableSketch(len(self), weights, categories, params["seed"], params["n_jobs"])
        for batch in self.batches():
            sketch.add(pa.Table.from_batches([batch]))
        return sketch.learn(params["max_bins"])

    def binned(self, bins: _rust.TableBins, n_jobs: int | None, *, for_training: bool) -> _rust.BinnedRows:
        """The second pass: the rows in bins."""
        import pyarrow as pa

        rows = _rust.BinnedRows(bins, self.columns, len(self), for_training, n_jobs)
        for batch in self.batches():
            rows.add(pa.Table.from_batches([batch]))
        return rows


def read_all(source: Source, columns: Sequence[str], n_rows: int | None, name: str) -> Iterator[pa.RecordBatch]:
    """One pass, which must find ``n_rows`` rows if that is known."""
    import pyarrow as pa

    n_seen = 0
    try:
        for batch in in_slices(source.read(columns)):
            n_seen += batch.num_rows
            if n_rows is not None and n_seen > n_rows:
                break
            yield batch
    except pa.ArrowException as error:
        raise ArsenalValueError(f"{name} cannot be read: {error}") from error
    if n_rows is not None and n_seen != n_rows:
        got = f"at least {n_seen}" if n_seen > n_rows else n_seen
        raise ArsenalValueError(f"{name} has {got} rows in this pass, wanted {n_rows}: the same in each")


def reads_sources(fit: _Fit) -> _Fit:
    """A ``fit(X, y, …)`` that also takes a source as X and names of its columns: ``y``, ``sample_weight``, ``qid``.

    The same holds for each entry of ``eval_set``, with ``eval_qid``. Temporary files go when the fit ends, however it
    ends.
    """
    signature = inspect.signature(fit)

    @functools.wraps(fit)
    def fit_from_sources(self: Any, *args: Any, **options: Any) -> Any:
        bound = signature.bind(self, *args, **options)
        arguments = bound.arguments
        with ExitStack() as stack:
            features = None
            roles = {role: arguments.get(role) for role in ("y", "sample_weight", "qid")}
            if is_source(arguments["X"]):
                table, found = _open_table(stack, arguments["X"], "X", roles, None)
                arguments |= {"X": table} | found
                features = table.columns
            else:
                for role, values in roles.items():
                    if isinstance(values, str):
                        raise ArsenalTypeError(
                            f"{role} is {values!r}, the name of a column, and X a table in memory: wanted its values"
                        )
            _open_evaluations(stack, arguments, features)
            return fit(*bound.args, **bound.kwargs)

    return cast(_Fit, fit_from_sources)


def tables_for_core(
    tables: Sequence[Any],
    weights: npt.NDArray[np.float64] | None,
    categories: list[bool] | None,
    params: Mapping[str, Any],
    learner: bytes | None,
) -> list[Any]:
    """A fit's tables as the core takes them, of which the first is the training's: those of sources in bins.

    ``weights`` are the training rows', ``learner`` is the state that the fit goes on from, whose bins stay.
    """
    training, *others = tables
    if not isinstance(training, SourceTable):
        return [_tables.for_core(training, "X"), *(_tables.for_core(table, "eval_set") for table in others)]
    import pyarrow as pa

    _rust.check_boosting_params(params)  # before anything is read
    bins = (
        _rust.TableBins.of_learner(learner)
        if learner
        else training.learn_bins(weights, training.marked_categories(categories), params)
    )
    n_jobs = params["n_jobs"]
    read = [
        training.binned(bins, n_jobs, for_training=True),
        *(
            table.binned(bins, n_jobs, for_training=False)
            if isinstance(table, SourceTable)
            else _tables.for_core(table, "eval_set")
            for table in others
        ),
    ]
    pa.default_memory_pool().release_unused()  # the fit needs what the reader keeps
    return read


def _open_table(
    stack: ExitStack, X: Any, name: str, roles: Mapping[str, Any], features: list[str] | None
) -> tuple[SourceTable, dict[str, Any]]:
    """A source's table, and the columns that ``roles`` names as arrays; ``features`` are the table's, if known."""
    source = stack.enter_context(opened(X, name))
    names = source.schema.names
    by_role = {role: value for role, value in roles.items() if isinstance(value, str)}
    for role, wanted in [*by_role.items(), *(("a column", feature) for feature in features or ())]:
        if names.count(wanted) != 1:
            problem = f"{names.count(wanted)} columns" if wanted in names else "no column"
            raise ArsenalValueError(f"{name} has {problem} {wanted!r} ({role}), its columns are {names}")
    columns = features or [column for column in names if column not in by_role.values()]
    repeated = next((column for column in columns if columns.count(column) > 1), None)
    if repeated is not None:
        raise ArsenalValueError(f"{name} has {columns.count(repeated)} columns {repeated!r}, wanted one")
    labels = _read_labels(source, list(dict.fromkeys(by_role.values())), name)
    n_rows = len(next(iter(labels.values()))) if labels else _num_samples(given(roles["y"]))
    table = SourceTable(source, columns, n_rows, name)
    return table, {role: labels[column] for role, column in by_role.items()}


def _open_evaluations(stack: ExitStack, arguments: dict[str, Any], features: list[str] | None) -> None:
    """Open what ``eval_set`` has of sources, in place."""
    eval_set = arguments.get("eval_set")
    parts = eval_set if isinstance(eval_set, list) else [eval_set]
    is_open = [isinstance(part, tuple) and len(part) in (2, 3) and is_source(part[0]) for part in parts]
    if not any(is_open):
        return
    if features is None:
        raise ArsenalTypeError(
            "eval_set holds a source and X is a table in memory: wanted X as a source too, or eval_set in memory"
        )
    qids = arguments.get("eval_qid")
    qids = list(qids) if isinstance(qids, list) and len(qids) == len(parts) else [qids] * len(parts)
    opened_parts = list(parts)
    for place, part in enumerate(parts):
        if not is_open[place]:
            continue
        roles = dict(zip(("y", "sample_weight"), part[1:], strict=False)) | {"qid": qids[place]}
        table, found = _open_table(stack, part[0], "eval_set", roles, features)
        opened_parts[place] = (
            table,
            *(found.get(role, roles[role]) for role in ("y", "sample_weight") if role in roles),
        )
        qids[place] = found.get("qid", qids[place])
    arguments["eval_set"] = opened_parts
    if arguments.get("eval_qid") is not None:
        arguments["eval_qid"] = qids


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _read_labels(source: Source, names: list[str], name: str) -> dict[str, npt.NDArray[Any]]:
    """Whole columns as arrays, read in one pass."""
    if not names:
        return {}
    texts: dict[str, str] = {}
    parts: dict[str, list[npt.NDArray[Any]]] = {column: [] for column in names}
    for batch in read_all(source, names, None, name):
        for column in names:
            parts[column].append(_values(batch.column(column), column, name, texts))
    if not parts[names[0]]:
        raise ArsenalValueError(f"{name} has 0 sample(s) (shape=(0, ...)) while a minimum of 1 is required.")
    return {column: np.concatenate(parts.pop(column)) for column in names}


def _values(array: pa.Array, column: str, name: str, texts: dict[str, str]) -> npt.NDArray[Any]:
    """A label column's values; rows of equal text share one object of ``texts``."""
    import pyarrow as pa

    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if array.null_count:
        raise ArsenalValueError(f"column {column!r} of {name} has nulls, wanted a value in every row")
    if _is_text(array.type):
        encoded = array.dictionary_encode()
        levels = np.empty(len(encoded.dictionary), dtype=object)
        levels[:] = [texts.setdefault(text, text) for text in encoded.dictionary.to_pylist()]
        return np.asarray(levels[encoded.indices.to_numpy()])
    if not (pa.types.is_floating(array.type) or pa.types.is_integer(array.type) or pa.types.is_boolean(array.type)):
        raise ArsenalTypeError(f"column {column!r} of {name} has type {array.type}, wanted numbers, booleans or text")
    return np.asarray(array.to_numpy(zero_copy_only=False))
