"""The demo's report as one HTML page: no script, no request, light and dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from arsenal.cli.look import number
from arsenal.demo.charts import MONTH_NAMES, STYLE, auc_and_drift, bars, drift_map
from arsenal.demo.figures import PSI_LARGE, PSI_SOME, Figures, Month

PAGE_STYLE = """
:root{color-scheme:light dark;--ink:#1c2330;--soft:#5d6878;--line:#dfe4ea;--ground:#ffffff;--card:#f6f7f9;
--accent:#c2410c}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#9aa5b4;--line:#303947;--ground:#12161d;--card:#1a2029;
--accent:#fb923c}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:880px;margin:0 auto;padding:40px 24px 64px}
h1{font-size:30px;line-height:1.2;margin:0 0 6px}h2{font-size:20px;margin:44px 0 6px}p{margin:6px 0 14px}
a{color:var(--accent)}.soft{color:var(--soft)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(240px,1fr));gap:12px;margin:24px 0}
.tile{background:var(--card);border-radius:10px;padding:14px 16px}.tile span{font-size:14px;color:var(--soft)}
.tile b{display:block;font-size:22px;white-space:nowrap;color:var(--accent);font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto;margin:14px 0}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:14px}
th,td{padding:6px 10px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th{font-weight:600;color:var(--soft)}th:first-child,td:first-child,.left{text-align:left}
tr.soft td{color:var(--soft)}tr.ours td{font-weight:600}
svg.chart{width:100%;height:auto;display:block}
"""


def html(figures: Figures) -> str:
    """The whole page."""
    body = "".join(
        (_head(figures), _year(figures), _drift(figures), _speed(figures), _training(figures), _notes(figures))
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><title>arsenal demo</title>'
        f"<style>{PAGE_STYLE}{STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )


def _head(figures: Figures) -> str:
    ours, theirs = figures.speeds[0], figures.speeds[-1]
    fit, rival = figures.training
    gaps = [m.auc - m.lightgbm_auc for m in figures.walked if m.auc is not None and m.lightgbm_auc is not None]
    agreement = figures.agreement
    tiles = (
        (
            f"{fit.seconds:.2f} s",
            f"to learn from {figures.data.training_rows:,} flights; LightGBM {rival.seconds:.2f}\N{NO-BREAK SPACE}s",
        ),
        (f"{min(gaps):+.4f} … {max(gaps):+.4f}", "AUC beside LightGBM's, month by month"),
        (f"{ours.p50_us:.1f} µs", f"for one row (p50); onnxruntime {theirs.p50_us:.1f} µs"),
        (
            f"{ours.rows_per_second / 1e6:.2f} M rows/s",
            f"in batch, one thread; onnxruntime {theirs.rows_per_second / 1e6:.2f} M",
        ),
        (f"{agreement.other_labels} of {agreement.rows:,}", "flights with another label in onnxruntime"),
        (number(agreement.max_difference), "largest difference of a probability"),
    )
    shown = "".join(
        f'<div class="tile"><b>{escape(value)}</b><span>{escape(label)}</span></div>' for value, label in tiles
    )
    return (
        "<h1>Will it arrive late?</h1>"
        f'<p class="soft">{figures.data.rows_read:,} flights out of New York in 2013, with weather, planes and '
        "destinations. A model learned January to March, was carried as ONNX, and met the rest of the year. "
        f"arsenal {escape(figures.versions['arsenal'])}: {figures.seconds:.0f} s, {figures.machine['cores']} cores.</p>"
        f'<div class="tiles">{shown}</div>'
    )


def _year(figures: Figures) -> str:
    rows = []
    for month in figures.months:
        scores = ["trained", "", ""]
        if month.auc is not None and month.lightgbm_auc is not None:
            scores = [f"{month.auc:.4f}", f"{month.lightgbm_auc:.4f}", f"{month.auc - month.lightgbm_auc:+.4f}"]
        agreement = month.agreement
        cells = [_name(month), f"{month.flights:,}", f"{month.late_share:.1%}", *scores]
        cells += [number(agreement.max_difference), str(agreement.other_labels)]
        rows.append(("soft" if month.auc is None else "", cells))
    headers = ("month", "flights", "late", "AUC", "LightGBM", "Δ", "max |Δp|", "other labels")
    return (
        "<h2>The year, month by month</h2>"
        f"{auc_and_drift(figures.walked)}"
        "<p class='soft'>max |Δp| and other labels compare the two runtimes, arsenal's and onnxruntime, on the same "
        f"file and the same rows.</p>{_table(headers, rows)}"
    )


def _drift(figures: Figures) -> str:
    rows = []
    for month in figures.walked:
        if month.drift is None or month.auc is None:
            continue
        shifts = month.drift
        top = ", ".join(f"{shift.column} {shift.psi:.2f}" for shift in shifts.columns[:3])
        counts = [
            f"{shifts.drifted} of {len(shifts.columns)}",
            str(shifts.beyond(PSI_SOME)),
            str(shifts.beyond(PSI_LARGE)),
        ]
        rows.append(("", [_name(month), f"{month.auc:.4f}", *counts, top]))
    headers = ("month", "AUC", "drifted (tests)", f"PSI > {PSI_SOME}", f"PSI > {PSI_LARGE}", "most shifted, by PSI")
    return (
        "<h2>Drift beside AUC</h2>"
        "<p>Every column of a month against January to March. With so many rows the tests (Holm's correction, α 0.05) "
        "see the smallest shift, so PSI says how large it is. "
        f'The report of the month with most drift is <a href="drift.html">drift.html</a> '
        f"({MONTH_NAMES[figures.drift_report_month - 1]}).</p>"
        f'<div class="scroll">{drift_map(figures.walked)}</div>{_table(headers, rows, left_last=True)}'
    )


def _speed(figures: Figures) -> str:
    file = figures.model
    latency = [
        (s.engine, s.p50_us, f"{s.p50_us:.1f} µs (p99 {s.p99_us:.1f})", s is figures.speeds[0]) for s in figures.speeds
    ]
    batch = [
        (s.engine, s.rows_per_second, f"{s.rows_per_second:,.0f} rows/s", s is figures.speeds[0])
        for s in figures.speeds
    ]
    return (
        "<h2>One file, two runtimes</h2>"
        f"<p>{file.bytes:,} bytes of ONNX: {file.trees} trees with {file.tree_nodes:,} nodes. "
        f"Engine {escape(file.engine)} ({escape(file.isa)}). Loaded in {file.load_seconds * 1e3:.1f} ms; "
        f"onnxruntime {file.onnxruntime_load_seconds * 1e3:.1f} ms.</p>"
        f"<p><strong>One row</strong>, shorter is better</p>{bars(latency)}"
        f"<p><strong>Batch of {figures.batch_rows:,} rows</strong>, longer is better</p>{bars(batch)}"
        f'<p class="soft">{escape(figures.timing_method)}</p>'
    )


def _training(figures: Figures) -> str:
    rows = [
        (
            "ours" if fit.library == "arsenal" else "",
            [
                f"{fit.library} {figures.versions[fit.library]}",
                f"{fit.seconds:.2f} s",
                ", ".join(f"{seconds:.2f}" for seconds in fit.all_seconds),
            ],
        )
        for fit in figures.training
    ]
    settings = figures.settings
    n_fits = len(figures.training[0].all_seconds)
    turns = "The two took turns. "
    if n_fits > 1:
        turns += f"arsenal's {n_fits} fits {'gave' if figures.same_bytes else 'did not give'} the same bytes."
    return (
        "<h2>Training</h2>"
        f"<p>{figures.data.training_rows:,} rows, {figures.data.numeric_features} numeric and "
        f"{figures.data.string_features} string columns; {settings['n_estimators']} trees of "
        f"{settings['max_leaf_nodes']} leaves, at least {settings['min_samples_leaf']:,} rows in each, "
        f"learning rate {settings['learning_rate']}, "
        f"{settings['n_jobs']} threads. "
        f"{turns}</p>"
        f"{_table(('library', 'median', 'each fit, s'), rows)}"
    )


def _notes(figures: Figures) -> str:
    return (
        "<h2>How to read this</h2><ul>"
        "<li>Weather is what was observed in the scheduled hour, not a forecast: a live system would know less.</li>"
        "<li>One year only: season and drift cannot be told apart.</li>"
        "<li>Nothing known after departure is a feature, and cancelled or diverted flights are left out.</li>"
        f"<li>{escape(figures.machine['processor'])}, {figures.machine['cores']} cores, "
        f"Python {escape(figures.machine['python'])}, LightGBM {escape(figures.versions['lightgbm'])}, "
        f"onnxruntime {escape(figures.versions['onnxruntime'])}.</li></ul>"
    )


def _table(headers: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]], left_last: bool = False) -> str:
    def mark(i: int) -> str:
        return ' class="left"' if left_last and i == len(headers) - 1 else ""

    head = "".join(f"<th{mark(i)}>{escape(header)}</th>" for i, header in enumerate(headers))
    body = "".join(
        f'<tr class="{kind}">' + "".join(f"<td{mark(i)}>{escape(cell)}</td>" for i, cell in enumerate(cells)) + "</tr>"
        for kind, cells in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _name(month: Month) -> str:
    return MONTH_NAMES[month.month - 1]
