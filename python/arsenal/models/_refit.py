"""Fitting again: all of the new model, or all of the old one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

_Fit = TypeVar("_Fit", bound=Callable[..., Any])


def all_or_nothing(fit: _Fit) -> _Fit:
    """A fit that fails or is interrupted leaves the estimator's attributes as they were."""

    @functools.wraps(fit)
    def fit_or_leave(self: Any, *args: Any, **options: Any) -> Any:
        before = dict(vars(self))
        try:
            return fit(self, *args, **options)
        except BaseException:
            self.__dict__ = before
            raise

    return cast(_Fit, fit_or_leave)
