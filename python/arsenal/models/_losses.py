"""What a booster minimises, measures and tells: names for the core, and callables that check what comes back."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from arsenal.exceptions import ArsenalTypeError, ArsenalValueError

_Numbers = npt.NDArray[np.float64]
_Callable = Callable[..., Any]

#: As the core takes a loss: its name, its numbers, and a callable if the caller computes the derivatives.
Loss = tuple[str, list[float], _Callable | None]

_REGRESSION = ("squared_error", "absolute_error", "quantile", "huber", "poisson", "gamma", "tweedie")


def regression_loss(loss: Any, quantile: Any, alpha: float, tweedie_power: float) -> Loss:
    """The loss of a regressor, without the data that a callable needs (see :func:`with_data`)."""
    if callable(loss):
        return "custom", [], loss
    if loss == "quantile":
        if quantile is None:
            raise ArsenalValueError("quantile is None, loss='quantile' wants a number between 0 and 1, or several")
        return loss, _quantiles(quantile), None
    if not isinstance(loss, str) or loss not in _REGRESSION:
        raise ArsenalValueError(f"loss is {loss!r}, wanted one of {', '.join(map(repr, _REGRESSION))} or a callable")
    numbers = {"huber": [float(alpha)], "tweedie": [float(tweedie_power)]}
    return loss, numbers.get(loss, []), None


def _quantiles(quantile: Any) -> list[float]:
    """One level, or a list of them, whose range is the core's to check."""
    is_list = isinstance(quantile, Iterable) and not isinstance(quantile, (str, Set, Mapping))
    levels: list[Any] = list(quantile) if is_list else [quantile]
    for level in levels:
        if isinstance(level, (bool, np.bool_)) or not isinstance(level, Real):
            raise ArsenalTypeError(f"quantile is {quantile!r}, wanted a number between 0 and 1, or a list of them")
    return [float(level) for level in levels]


def in_words(loss: Loss) -> str:
    """The loss with its parameters, as messages and comparisons have it."""
    name, numbers, objective = loss
    if objective is not None:
        return "a callable"
    return f"{name!r} with {numbers}" if numbers else repr(name)


def with_data(loss: Loss, targets: _Numbers, weights: _Numbers | None) -> Loss:
    """The same loss, whose callable knows the training rows."""
    name, numbers, objective = loss
    return name, numbers, None if objective is None else _Objective(objective, targets, weights)


def _frozen(values: _Numbers) -> _Numbers:
    view = values.view()
    view.flags.writeable = False
    return view


def _takes_weights(call: _Callable) -> bool:
    """Whether a callable has a third positional parameter."""
    try:
        parameters = inspect.signature(call).parameters.values()
    except (TypeError, ValueError):  # built-in callables need not say what they take
        return False
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return len(positional) > 2 or any(p.kind == p.VAR_POSITIONAL for p in parameters)


def _ones(weights: _Numbers | None, n_rows: int) -> _Numbers:
    return np.ones(n_rows) if weights is None else weights


class _Objective:
    """``loss(y_true, raw_score[, sample_weight])`` as the core calls it: scores in, float32 derivatives out."""

    def __init__(self, call: _Callable, targets: _Numbers, weights: _Numbers | None) -> None:
        self._call = call
        self._targets = _frozen(targets)
        self._factor = weights
        self._weights: tuple[_Numbers, ...] = ()
        if _takes_weights(call):
            self._weights, self._factor = (_frozen(_ones(weights, len(targets))),), None

    def __call__(self, scores: _Numbers) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        found = self._call(self._targets, scores, *self._weights)
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            kind = f"{len(found)} values" if isinstance(found, (tuple, list)) else type(found).__name__
            raise ArsenalTypeError(f"loss returned {kind}, wanted a pair (gradient, hessian)")
        gradient, hessian = (self._read(name, part) for name, part in zip(("gradient", "hessian"), found, strict=True))
        if (hessian < 0).any():
            row = int(np.argmax(hessian < 0))
            raise ArsenalValueError(f"hessian {row} of loss is {hessian[row]}, wanted a number of at least 0")
        return gradient, hessian

    def _read(self, name: str, values: Any) -> npt.NDArray[np.float32]:
        read = np.asarray(values, dtype=np.float64)
        if read.shape != self._targets.shape:
            raise ArsenalValueError(f"{name} of loss has the shape {read.shape}, wanted {self._targets.shape}")
        if self._factor is not None:
            read = read * self._factor
        with np.errstate(over="ignore"):
            narrow = read.astype(np.float32)
        if not np.isfinite(narrow).all():
            row = int(np.argmin(np.isfinite(narrow)))
            raise ArsenalValueError(f"{name} {row} of loss is {read[row]}, wanted a number that float32 can hold")
        return np.ascontiguousarray(narrow)


class Metric:
    """``eval_metric(y_true, y_pred[, sample_weight])`` as the core calls it: with a set's number and its predictions.

    Parameters
    ----------
    call : callable
        The user's function; lower values are better.
    sets : sequence of (labels, weights)
        What is true of each set of rows; the first are the training rows.
    """

    def __init__(self, call: _Callable, sets: Sequence[tuple[npt.NDArray[Any], _Numbers | None]]) -> None:
        if not callable(call):
            raise ArsenalTypeError(
                f"eval_metric is of type {type(call).__name__}, wanted a callable (y_true, y_pred[, sample_weight])"
            )
        self._call = call
        takes_weights = _takes_weights(call)
        self._sets = [
            (labels, *((_frozen(_ones(weights, len(labels))),) if takes_weights else ())) for labels, weights in sets
        ]

    def __call__(self, index: int, predictions: _Numbers) -> float:
        labels, *weights = self._sets[index]
        value = self._call(labels, predictions, *weights)
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise ArsenalTypeError(f"eval_metric returned {value!r}, wanted a number") from None
        if not np.isfinite(number):
            raise ArsenalValueError(f"eval_metric returned {number}, wanted a finite number")
        return number


class Callbacks:
    """All of ``callbacks`` as the core calls them: one call per iteration, true to stop.

    Parameters
    ----------
    calls : sequence of callable
        Each is called as ``callback(iteration, losses)``.
    """

    def __init__(self, calls: Sequence[_Callable]) -> None:
        if not isinstance(calls, (list, tuple)):
            raise ArsenalTypeError(
                f"callbacks is of type {type(calls).__name__}, wanted a list of callables (iteration, losses)"
            )
        for call in calls:
            if not callable(call):
                raise ArsenalTypeError(
                    f"callbacks holds a value of type {type(call).__name__}, wanted callables (iteration, losses)"
                )
        self._calls = list(calls)

    def __call__(self, iteration: int, train_loss: float | None, evaluation_losses: list[float]) -> bool:
        losses = {"training": train_loss, "evaluation": evaluation_losses}
        is_over = False
        for call in self._calls:
            # Each hears of every iteration, also after one that stops.
            is_over |= self._read(call(iteration, dict(losses)))
        return is_over

    def _read(self, answer: Any) -> bool:
        try:
            return bool(answer)
        except (TypeError, ValueError) as error:
            raise ArsenalTypeError(
                f"a callback returned a value of type {type(answer).__name__}, wanted True to end the fit, else False"
            ) from error
