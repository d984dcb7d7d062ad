"""What the demo measured. Every figure that it prints, plots or writes comes from here."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from arsenal.cli.engines import Agreement, Speed

# PSI: below the first nothing to speak of, above the second a shift to act on; the usual reading of the measure.
PSI_SOME, PSI_LARGE = 0.1, 0.25


@dataclass(frozen=True)
class Data:
    """What was read."""

    rows_read: int
    columns_read: int
    rows_arrived: int
    numeric_features: int
    string_features: int
    training_rows: int
    training_late_share: float
    seconds: float


@dataclass(frozen=True)
class Training:
    """One library's fit on January to March: the median of interleaved fits."""

    library: str
    seconds: float
    all_seconds: list[float]


@dataclass(frozen=True)
class ModelFile:
    """The ONNX file."""

    path: str
    bytes: int
    export_seconds: float
    load_seconds: float
    onnxruntime_load_seconds: float
    trees: int
    tree_nodes: int
    engine: str
    isa: str


@dataclass(frozen=True)
class Shift:
    """One column in one month beside January to March."""

    column: str
    test: str
    statistic: float
    p_value: float
    p_adjusted: float
    drift: bool
    psi: float


@dataclass(frozen=True)
class Drift:
    """All columns in one month beside January to March, most shifted first by PSI."""

    columns: list[Shift]

    @property
    def drifted(self) -> int:
        """Columns that the tests call drifted."""
        return sum(shift.drift for shift in self.columns)

    @property
    def share(self) -> float:
        """Share of columns that the tests call drifted."""
        return self.drifted / len(self.columns)

    def beyond(self, psi: float) -> int:
        """Columns whose PSI is beyond a limit."""
        return sum(shift.psi > psi for shift in self.columns)


@dataclass(frozen=True)
class Month:
    """One month: scores are None for January to March, which the model was trained on."""

    month: int
    flights: int
    late_share: float
    agreement: Agreement
    auc: float | None = None
    lightgbm_auc: float | None = None
    drift: Drift | None = None


@dataclass(frozen=True)
class Figures:
    """The whole run."""

    versions: dict[str, str]
    machine: dict[str, Any]
    settings: dict[str, Any]
    data: Data
    training: list[Training]
    same_bytes: bool
    model: ModelFile
    months: list[Month]
    drift_report_month: int
    speeds: list[Speed]
    batch_rows: int
    timing_method: str
    seconds: float
    files: dict[str, str] = field(default_factory=dict)

    @property
    def walked(self) -> list[Month]:
        """The months after training."""
        return [month for month in self.months if month.auc is not None]

    @property
    def agreement(self) -> Agreement:
        """All months together."""
        each = [month.agreement for month in self.months]
        return Agreement(
            sum(a.rows for a in each), max(a.max_difference for a in each), sum(a.other_labels for a in each)
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts and lists, as they are written to ``demo.json``."""
        plain = asdict(self)
        plain["agreement"] = asdict(self.agreement)
        for month, written in zip(self.months, plain["months"], strict=True):
            if month.drift is not None:
                written["drift"] |= {"drifted": month.drift.drifted, "share": month.drift.share}
        return plain
