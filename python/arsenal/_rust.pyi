from collections.abc import Callable
from typing import Any, final

import numpy as np
import numpy.typing as npt

__version__: str

def active_isa() -> str: ...
def append_onnx_metadata(model: bytes, entries: list[tuple[str, str]]) -> bytes: ...
def n_threads(n_jobs: int | None) -> int: ...

@final
class BoostingFit:
    @property
    def onnx(self) -> bytes: ...
    @property
    def state(self) -> bytes: ...
    @property
    def n_iterations(self) -> int: ...
    @property
    def train_losses(self) -> list[float]: ...
    @property
    def evaluation_losses(self) -> list[list[float]]: ...

def fit_gradient_boosting(
    training: tuple[Any, npt.NDArray[np.float64], npt.NDArray[np.float64] | None],
    evaluations: list[tuple[Any, npt.NDArray[np.float64], npt.NDArray[np.float64] | None]],
    n_classes: int | None,
    params: dict[str, Any],
    description: dict[str, Any],
    with_train_loss: bool,
    tick: Callable[[int], None] | None = None,
) -> BoostingFit: ...
def boosting_importances(state: bytes, by: str) -> npt.NDArray[np.float64]: ...
