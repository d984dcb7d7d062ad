"""What the demo's tests share: the flights, read once, and made-up figures to render (no number there was measured)."""

from __future__ import annotations

import pytest
from arsenal.cli.engines import Agreement, Speed
from arsenal.demo.figures import Data, Drift, Figures, ModelFile, Month, Shift, Training
from arsenal.demo.flights import Flights, load_flights

COLUMNS = ("temp", "dewp", "wind_dir", "pressure", "humid", "plane_year", "<script>alert(1)</script>", "distance")
AUCS = {4: 0.654, 5: 0.73, 6: 0.716, 7: 0.709, 8: 0.691, 9: 0.662, 10: 0.646, 11: 0.664, 12: 0.706}


@pytest.fixture(scope="session")
def flights() -> Flights:
    """The flights of 2013."""
    return load_flights()


@pytest.fixture(scope="session")
def figures() -> Figures:
    """Figures of a run that never was."""
    return Figures(
        versions={"arsenal": "0.1.0", "lightgbm": "4.7.0", "onnxruntime": "1.32.0"},
        machine={"processor": "A & B <cpu>", "cores": 2, "python": "3.11.7"},
        settings={
            "n_estimators": 100,
            "max_leaf_nodes": 31,
            "learning_rate": 0.1,
            "min_samples_leaf": 20,
            "random_state": 0,
            "n_jobs": 2,
        },
        data=Data(336_776, 40, 327_346, 22, 7, 77_911, 0.228, 0.91),
        training=[Training("arsenal", 0.61, [0.6, 0.61, 0.65]), Training("lightgbm", 0.92, [0.9, 0.92, 0.98])],
        same_bytes=True,
        model=ModelFile("demo-out/model.onnx", 412_345, 0.02, 0.0012, 0.0151, 100, 6100, "bitmask", "avx512"),
        months=[_month(number) for number in range(1, 13)],
        drift_report_month=7,
        speeds=[
            Speed("arsenal", 1.9, 2.6, 2_412_345.6),
            Speed("arsenal run()", 7.2, 9.9, 2_300_111.2),
            Speed("onnxruntime", 28.4, 44.1, 151_234.5),
        ],
        batch_rows=27_110,
        timing_method="Engines take turns.",
        seconds=41.7,
        files={"report": "demo-out/report.html", "figures": "demo-out/demo.json"},
    )


def _month(number: int) -> Month:
    agreement = Agreement(27_000 + number, 6e-8 if number % 2 else 0.0, 0)
    if number < 4:
        return Month(number, 27_000 + number, 0.228, agreement)
    warmth = 1.0 - abs(number - 7.5) / 4.5
    shifts = [
        Shift(name, "ks", 0.9 * warmth / (i + 1), 0.0, 0.0, i < 6, 3.0 * warmth / (i + 1) ** 2)
        for i, name in enumerate(COLUMNS)
    ]
    return Month(number, 27_000 + number, 0.25, agreement, AUCS[number], AUCS[number] - 0.001, Drift(shifts))
