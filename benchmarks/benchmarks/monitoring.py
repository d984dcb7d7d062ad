"""`arsenal.monitoring`: what changed between two tables, and how long it takes to say."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.sizes import by_size
from benchmarks.tables import normals, with_categories

ROWS = by_size([1_000], [10_000, 100_000], [100_000, 1_000_000])
# Both samples large enough that a shift of this size is beyond doubt and small enough that the statistics stay small.
SHIFT = 0.1


class KS2Samp:
    """Kolmogorov-Smirnov on two float64 samples, exact up to 10,000 rows; SciPy's p-value stands beside the time."""

    params = (ROWS,)
    param_names = ("n_rows",)

    def setup(self, n_rows: int) -> None:
        random = np.random.default_rng(0)
        self.reference = random.standard_normal(n_rows)
        self.current = random.standard_normal(n_rows) + SHIFT

    def time_test(self, n_rows: int) -> None:
        from arsenal.monitoring import ks_2samp

        ks_2samp(self.reference, self.current)

    def peakmem_test(self, n_rows: int) -> None:
        self.time_test(n_rows)

    def track_relative_difference_from_scipy(self, n_rows: int) -> float:
        from arsenal.monitoring import ks_2samp
        from scipy import stats

        ours = ks_2samp(self.reference, self.current).pvalue
        theirs = stats.ks_2samp(self.reference, self.current).pvalue
        return float(abs(ours - theirs) / theirs)


class PSI:
    """Population stability index of two float64 samples."""

    params = (ROWS,)
    param_names = ("n_rows",)

    def setup(self, n_rows: int) -> None:
        random = np.random.default_rng(0)
        self.reference = random.standard_normal(n_rows)
        self.current = random.standard_normal(n_rows) + SHIFT

    def time_psi(self, n_rows: int) -> None:
        from arsenal.monitoring import psi

        psi(self.reference, self.current)

    def peakmem_psi(self, n_rows: int) -> None:
        self.time_psi(n_rows)

    def track_psi(self, n_rows: int) -> float:
        from arsenal.monitoring import psi

        return float(psi(self.reference, self.current))


class DriftReport:
    """28 columns, two of them strings; one column is shifted."""

    params = (ROWS,)
    param_names = ("n_rows",)
    timeout = 600

    def setup(self, n_rows: int) -> None:
        reference, current = normals(n_rows)[0], normals(n_rows, seed=1)[0]
        current[:, 5] += 3 * SHIFT
        self.reference, self.current = with_categories(reference), with_categories(current)

    def report(self) -> Any:
        from arsenal.monitoring import DriftReport

        return DriftReport(self.reference, self.current)

    def time_to_dict(self, n_rows: int) -> None:
        self.report().to_dict()

    def time_to_html(self, n_rows: int) -> None:
        self.report().to_html()

    def peakmem_to_html(self, n_rows: int) -> None:
        self.report().to_html()

    def track_columns_found(self, n_rows: int) -> int:
        """One column drifted; more are false alarms."""
        return sum(bool(column["drift"]) for column in self.report().to_dict()["columns"].values())
