"""Going on from an earlier fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from arsenal.exceptions import ArsenalValueError


class Earlier:
    """What a warm start goes on from: noted before a fit changes the estimator."""

    def __init__(self, model: Any) -> None:
        self.learner: bytes = model._learner
        self.seed: int = model._seed
        self.terms: dict[str, Any] = model._terms
        self.columns: list[str] = model._description["columns"]
        self.classes: npt.NDArray[Any] = getattr(model, "classes_", np.empty(0))
        self.n_losses: int = model.n_iter_ + 1
        self.losses = [model.train_losses_, *model.evaluation_losses_]

    def check_terms(self, terms: dict[str, Any]) -> None:
        """Raise unless the fit that goes on has the parameters that the bins and the trees were made by."""
        for name, got in terms.items():
            if got != self.terms[name]:
                raise ArsenalValueError(f"{name} is {got}, the model to continue was fitted with {self.terms[name]}")

    def check(self, columns: list[str], classes: npt.NDArray[Any] | None) -> None:
        if columns != self.columns:
            raise ArsenalValueError(f"X has the columns {columns}, the model to continue has {self.columns}")
        if classes is not None and not np.array_equal(classes, self.classes):
            raise ArsenalValueError(
                f"y has the classes {classes.tolist()}, the model to continue knows {self.classes.tolist()}"
            )

    def prepend_losses(self, model: Any) -> None:
        """Put the earlier losses before the new ones, whose first is the last of these, where both were measured."""

        def whole(earlier: npt.NDArray[np.float64], later: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            return np.concatenate([earlier[: self.n_losses], later[1:]]) if len(earlier) and len(later) else later

        model.train_losses_ = whole(self.losses[0], model.train_losses_)
        if len(self.losses) == 1 + len(model.evaluation_losses_):
            pairs = zip(self.losses[1:], model.evaluation_losses_, strict=True)
            model.evaluation_losses_ = [whole(earlier, later) for earlier, later in pairs]
