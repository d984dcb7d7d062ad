"""`arsenal.deployment`: the file of a model, and the runtime that runs it."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.sizes import by_size
from benchmarks.tables import normals

TREES = by_size([5], [100, 500], [100, 500])
TRAIN_ROWS = by_size([1_000], [20_000], [100_000])[0]
BATCH_ROWS = by_size([1_000], [100_000], [1_000_000])[0]


def fitted(n_trees: int) -> Any:
    from arsenal.models import GradientBoostingClassifier

    return GradientBoostingClassifier(n_estimators=n_trees, max_leaf_nodes=31, random_state=0).fit(*normals(TRAIN_ROWS))


class Exported:
    """The files that the classes below run, trained once for all of them."""

    params = (TREES,)
    param_names = ("n_trees",)
    timeout = 600

    def setup_cache(self) -> dict[int, bytes]:
        from arsenal.deployment import export_onnx

        return {n_trees: export_onnx(fitted(n_trees)) for n_trees in TREES}


class ExportOnnx(Exported):
    """From a fitted estimator to bytes."""

    def setup(self, files: dict[int, bytes], n_trees: int) -> None:
        self.model = fitted(n_trees)

    def time_export(self, files: dict[int, bytes], n_trees: int) -> None:
        from arsenal.deployment import export_onnx

        export_onnx(self.model)

    def track_file_bytes(self, files: dict[int, bytes], n_trees: int) -> int:
        return len(files[n_trees])


ExportOnnx.track_file_bytes.unit = "bytes"  # type: ignore[attr-defined]


class InferenceSession(Exported):
    """31 leaves, 28 float32 columns, one thread; the difference from onnxruntime stands beside the time."""

    def setup(self, files: dict[int, bytes], n_trees: int) -> None:
        from arsenal.deployment import InferenceSession

        self.file = files[n_trees]
        self.session = InferenceSession(self.file, n_threads=1)
        self.batch = normals(BATCH_ROWS, seed=1)[0]
        self.row = self.batch[:1].copy()
        self.session(self.row)

    def time_load(self, files: dict[int, bytes], n_trees: int) -> None:
        from arsenal.deployment import InferenceSession

        InferenceSession(self.file, n_threads=1)

    def time_one_row(self, files: dict[int, bytes], n_trees: int) -> None:
        self.session(self.row)

    def time_batch(self, files: dict[int, bytes], n_trees: int) -> None:
        self.session(self.batch)

    def peakmem_batch(self, files: dict[int, bytes], n_trees: int) -> None:
        self.session(self.batch)

    def track_difference_from_onnxruntime(self, files: dict[int, bytes], n_trees: int) -> float:
        import onnxruntime

        peer = onnxruntime.InferenceSession(self.file, providers=["CPUExecutionProvider"])
        _, theirs = peer.run(None, {"X": self.batch})
        _, ours = self.session.run(None, {"X": self.batch})
        return float(np.abs(np.asarray(ours, dtype=np.float64) - theirs).max())


class InferenceSessionInTwoThreads(InferenceSession):
    """The same with two threads."""

    def setup(self, files: dict[int, bytes], n_trees: int) -> None:
        from arsenal.deployment import InferenceSession

        super().setup(files, n_trees)
        self.session = InferenceSession(self.file, n_threads=2)
        self.session(self.batch)
