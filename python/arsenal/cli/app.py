"""The commands of `arsenal`: arguments in, one call, a table or JSON out."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

from arsenal.cli.extras import need
from arsenal.cli.outcome import ExitCode, Terminated, ending
from arsenal.exceptions import ArsenalValueError

need("typer", "rich", extra="cli", purpose="the command arsenal")
import typer  # noqa: E402  (after the line that says which extra brings it)

app = typer.Typer(
    name="arsenal",
    help="Machine learning for tables: learn, carry as ONNX, serve, watch.",
    epilog="Exit codes: 0 fine · 1 unexpected · 2 usage · 3 bad path, model, column or type · "
    "4 drift (with --fail-on-drift) · 5 package missing · 130 Ctrl-C",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="An ONNX file.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output, and nothing else.")]
Threads = Annotated[int, typer.Option("--threads", min=1, help="Threads that one call may use.")]


class Correction(StrEnum):
    """How p-values are corrected for the number of columns."""

    holm = "holm"
    bh = "bh"
    none = "none"


def run() -> None:
    """Run the command line; errors outside of a command are left to the caller."""
    signal.signal(signal.SIGTERM, _terminate)
    app(prog_name="arsenal")


def _terminate(number: int, frame: object) -> NoReturn:
    raise Terminated


def _command(work: Callable[..., ExitCode | None]) -> Callable[..., None]:
    """End a command with an exit code and at most one line on stderr."""

    @functools.wraps(work)
    def command(**arguments: Any) -> None:
        try:
            code = work(**arguments) or ExitCode.OK
            sys.stdout.flush()
        except (Exception, KeyboardInterrupt, Terminated) as error:
            code, line = ending(error)
            if code is ExitCode.BROKEN_PIPE:
                _forget_stdout()
            if line:
                print(line, file=sys.stderr)
        raise typer.Exit(int(code))

    return command


def _forget_stdout() -> None:
    """Nobody reads standard output any more: what is still to be flushed goes nowhere, in silence."""
    with contextlib.suppress(OSError), open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _print_version(wanted: bool) -> None:
    if wanted:
        import arsenal

        print(f"arsenal {arsenal.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


@app.command()
@_command
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder to write to; made if missing.")] = Path("demo-out"),
    as_json: AsJson = False,
) -> None:
    """Train, export, serve and watch a model on a year of real flights.

    Learns from January to March of 2013 which flights out of New York arrive late, carries the model as ONNX, and walks
    through the year: AUC beside LightGBM, agreement and speed beside onnxruntime, drift. Works offline, in under 90 s.
    """
    from arsenal.demo.command import demo as run_demo

    figures = run_demo(out, quiet=as_json)
    if as_json:
        _print_json(figures.to_dict())


@app.command()
@_command
def inspect(model: Model, as_json: AsJson = False) -> None:
    """Say what a model takes, gives and holds."""
    from arsenal.cli import inspect as inspecting
    from arsenal.cli.models import open_model

    facts = inspecting.inspect(model, open_model(model))
    if as_json:
        _print_json(facts)
    else:
        _print(inspecting.screen(facts))


@app.command()
@_command
def convert(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL",
            help="A model of LightGBM (text), XGBoost (JSON, UBJSON) or CatBoost (JSON).",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="The ONNX file to write.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Turn a model of another library into an ONNX file with the same predictions.

    Which library wrote it shows in the content of the file, whatever its name. Pickles are never loaded.
    """
    from arsenal.cli import convert as converting

    done = converting.convert(model, out)
    if as_json:
        _print_json(done)
    else:
        columns, trees = f"{done['columns']:,} columns", f"{done['trees']:,} trees"
        print(f"{done['learned_by']}, {columns}, {trees}, {done['bytes']:,} bytes: {out}", file=sys.stderr)


@app.command()
@_command
def predict(
    model: Model,
    data: Annotated[
        Path,
        typer.Argument(metavar="DATA", help="A .csv or .parquet file; columns are found by name.", show_default=False),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="A .csv or .parquet file, complete or not there. Without: CSV to standard output."),
    ] = None,
    keep: Annotated[
        list[str] | None, typer.Option("--keep", help="Copy this column to the output; may be repeated.")
    ] = None,
    threads: Threads = 1,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --out: a JSON summary. Without: one JSON object per row.")
    ] = False,
) -> None:
    """Score every row of a table, however long, in bounded memory.

    Writes one row per row of the table, in the same order. Columns that the model does not take are ignored, with a
    note on standard error; a missing one ends the command.
    """
    from dataclasses import asdict

    from arsenal.cli.models import open_model
    from arsenal.cli.predict import predict as score

    done = score(open_model(model, threads), data, out, keep or [], json_lines=as_json)
    if out is not None and as_json:
        _print_json({"model": str(model), "data": str(data), "out": str(out), **asdict(done)})
        return
    if done.ignored:
        shown = ", ".join(done.ignored[:8]) + (f" and {len(done.ignored) - 8} more" if len(done.ignored) > 8 else "")
        print(f"note: {data} has columns that the model does not take: {shown}", file=sys.stderr)
    if out is not None:
        print(f"{done.rows:,} rows scored in {done.seconds:.2f} s: {out}", file=sys.stderr)


@app.command()
@_command
def bench(
    model: Model,
    data: Annotated[
        Path | None, typer.Option("--data", help="Time rows of this .csv or .parquet file instead of random ones.")
    ] = None,
    rows: Annotated[int, typer.Option("--rows", min=1, help="Rows of the batch.")] = 10_000,
    threads: Threads = 1,
    as_json: AsJson = False,
) -> None:
    """Time one row and a batch, beside onnxruntime if it is installed."""
    from dataclasses import asdict

    from arsenal.cli import bench as benching
    from arsenal.cli.models import open_model

    timed = benching.bench(open_model(model, threads), model.read_bytes(), data, rows, threads)
    if as_json:
        _print_json({"model": str(model), **asdict(timed)})
    else:
        _print(benching.screen(timed))


@app.command()
@_command
def drift(
    reference: Annotated[
        Path, typer.Argument(metavar="REF", help="A .csv or .parquet file: how it was.", show_default=False)
    ],
    current: Annotated[
        Path, typer.Argument(metavar="CUR", help="A .csv or .parquet file: how it is.", show_default=False)
    ],
    html: Annotated[Path | None, typer.Option("--html", help="Write a report to this file too.")] = None,
    alpha: Annotated[float, typer.Option("--alpha", min=0.0, max=1.0, help="Significance level.")] = 0.05,
    correction: Annotated[
        Correction, typer.Option("--correction", help="For the number of columns.")
    ] = Correction.holm,
    fail_on_drift: Annotated[bool, typer.Option("--fail-on-drift", help="Exit with 4 if any column drifted.")] = False,
    as_json: AsJson = False,
) -> ExitCode:
    """Say which columns of a table drifted away from a reference."""
    from arsenal.cli import drift as drifting

    report = drifting.drift(reference, current, alpha, None if correction is Correction.none else correction.value)
    found = report.to_dict()
    if html is not None:
        from arsenal.cli.files import whole_file

        with whole_file(html) as unfinished:
            report.to_html(unfinished)
    if as_json:
        _print_json(found)
    else:
        _print(drifting.screen(found))
        if html is not None:
            print(f"report: {html}", file=sys.stderr)
    if found["drift"]:
        return ExitCode.DRIFT if fail_on_drift else ExitCode.OK
    if found["n_tested"] == 0:
        nothing = f"no column of {current} could be tested, so whether it drifted is not known"
        if fail_on_drift:
            raise ArsenalValueError(nothing)
        print(f"note: {nothing}", file=sys.stderr)
    return ExitCode.OK


def _print(screen: object) -> None:
    from rich.console import Console

    Console().print(screen)


def _print_json(plain: object) -> None:
    from arsenal.cli.files import json_text

    sys.stdout.write(json_text(plain))
