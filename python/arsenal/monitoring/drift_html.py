"""A drift report as one page: inline style and SVG, light and dark, nothing fetched, no scripts."""

from __future__ import annotations

import hashlib
from html import escape
from importlib.resources import files
from typing import Any

from arsenal.monitoring.drift_figures import SIDES, figure, sparkline
from arsenal.monitoring.wording import NOTHING, number_label, p_value_label, share_label, shortened, time_label

MAX_BYTES = 1_000_000
# What the frame around rows and details may take.
FRAME_BYTES = 30_000
OVERVIEW_SHARE = 0.5
MAX_BINS = 12

CORRECTIONS = {"holm": "Holm", "bh": "Benjamini–Hochberg", None: "none"}
TESTS = {"ks_2samp": "Kolmogorov–Smirnov", "chi2_contingency": "χ² contingency"}

COUNTED = {"rows": "n_rows", "missing": "n_missing"}
TIME_FIGURES = {"min": "first", "median": "median", "max": "last"}
FIGURES = {
    "mean": "mean",
    "std": "standard deviation",
    "min": "minimum",
    "q25": "first quartile",
    "median": "median",
    "q75": "third quartile",
    "max": "maximum",
    "n_infinite": "infinite",
}


def drift_page(report: dict[str, Any]) -> str:
    """The page for what :meth:`DriftReport.to_dict` gives."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>Drift report: {escape(_verdict(report))}</title>\n"
        f'</head>\n<body style="margin:0">\n{drift_fragment(report)}\n</body>\n</html>\n'
    )


def drift_fragment(report: dict[str, Any]) -> str:
    """The same for a place inside another page; its style touches nothing else there."""
    style = files("arsenal.monitoring").joinpath("drift_report.css").read_text(encoding="utf-8")
    columns = sorted(report["columns"].items(), key=lambda item: (not item[1]["drift"], -(item[1]["psi"] or 0.0)))
    # Two reports in one notebook must not share anchors.
    key = hashlib.blake2s(repr(columns).encode("utf-8", "replace"), digest_size=4).hexdigest()
    rows, details = _fitting(columns, f"arsenal-{key}-")
    left_out = []
    if len(rows) < len(columns):
        left_out.append(f"{len(columns) - len(rows):,} columns that changed less are not shown")
    if len(details) < len(rows):
        left_out.append(f"details are shown of the first {len(details):,} columns")
    note = f'<p class="soft">To keep the page small, {" and ".join(left_out)}.</p>' if left_out else ""
    heads = "".join(
        f'<th scope="col"{css}>{head}</th>'
        for head, css in (
            ("Column", ""),
            ("Distribution", ""),
            ("Test", ""),
            ("Statistic", ' class="num"'),
            ("p adjusted", ' class="num"'),
            ("PSI", ' class="num"'),
            ("Missing", ' class="num"'),
            ("Verdict", ""),
        )
    )
    return f"""<style>{style}</style>
<main class="arsenal-drift">
{_head(report)}
<section>
<h2>Columns</h2>
<p class="legend"><svg width="22" height="12" aria-hidden="true"><path class="ref" d="M0 12V3H22V12Z"/></svg> reference
<svg width="22" height="12" aria-hidden="true"><path class="cur" d="M0 11V5H11V2H22V11"/></svg> current</p>
<div class="scroll" role="region" aria-label="All columns" tabindex="0">
<table>
<thead><tr>{heads}</tr></thead>
<tbody>
{"".join(rows)}</tbody>
</table>
</div>
{note}
</section>
<section>
<h2>Details</h2>
{"".join(details)}</section>
{_reading(report)}
</main>"""


def _fitting(columns: list[tuple[str, dict[str, Any]]], prefix: str) -> tuple[list[str], list[str]]:
    """Rows and details of as many columns as the page holds."""
    left = MAX_BYTES - FRAME_BYTES
    for_rows = left * OVERVIEW_SHARE
    rows: list[str] = []
    for place, (name, column) in enumerate(columns):
        row = _row(name, column, f"{prefix}{place}")
        for_rows -= len(row.encode("utf-8", "replace"))
        if for_rows < 0:
            break
        rows.append(row)
    left -= sum(len(row.encode("utf-8", "replace")) for row in rows)
    details: list[str] = []
    for place, (name, column) in enumerate(columns[: len(rows)]):
        part = _details(name, column, f"{prefix}{place}")
        left -= len(part.encode("utf-8", "replace"))
        if left < 0:
            break
        details.append(part)
    return rows, details


def _verdict(report: dict[str, Any]) -> str:
    n_drifted, n_columns = report["n_drifted"], report["n_columns"]
    if not n_drifted:
        return "no drift found" if report["n_tested"] else "nothing could be tested"
    return f"{n_drifted:,} of {n_columns:,} columns drifted"


def _head(report: dict[str, Any]) -> str:
    css = "bad" if report["drift"] else ("good" if report["n_tested"] else "plain")
    facts = (
        ("Reference rows", f"{report['n_rows']['reference']:,}"),
        ("Current rows", f"{report['n_rows']['current']:,}"),
        ("Columns tested", f"{report['n_tested']:,} of {report['n_columns']:,}"),
        ("Share drifted", share_label(report["share_drifted"])),
        ("Level α", number_label(report["alpha"])),
        ("Correction", CORRECTIONS[report["correction"]]),
    )
    listed = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    return (
        f'<header><h1>Drift report</h1><p class="verdict"><span class="badge {css}">{_verdict(report)}</span></p>'
        f"<dl>{listed}</dl></header>"
    )


def _row(name: str, column: dict[str, Any], anchor: str) -> str:
    test = column["test"]
    tested = (
        f'{TESTS[test]}<br><span class="soft">{column["method"]}</span>' if test else _soft(what_was_tested(column))
    )
    p = escape(p_value_label(column["p_adjusted"]))
    if column["p_value"] != column["p_adjusted"]:
        p += "<br>" + _soft(f"{p_value_label(column['p_value'])} before")
    rates = [share_label(column["missing_rate"][side]) for side in SIDES]
    missing = escape(rates[0] if rates[0] == rates[1] else " → ".join(rates))
    return (
        f'<tr><th scope="row"><a href="#{anchor}">{escape(shortened(name, 60))}</a><br>'
        f'<span class="soft">{escape(shortened(column["kind"] or "", 40))}</span></th>'
        f"<td>{sparkline(name, column)}</td><td>{tested}</td>"
        f'<td class="num">{number_label(column["statistic"], 4)}</td><td class="num">{p}</td>'
        f'<td class="num">{_psi_cell(column)}</td><td class="num">{missing}</td>'
        f"<td>{_badge(column)}</td></tr>\n"
    )


def what_was_tested(column: dict[str, Any]) -> str:
    """What stands in the place of a test's name where the values were not tested."""
    return "missing rates" if column["p_value"] is not None else str(column["status"])


def _psi_cell(column: dict[str, Any]) -> str:
    value, threshold = column["psi"], column["psi_threshold"]
    if value is None:
        return NOTHING
    css = ' class="over"' if column["psi_alert"] else ""
    said = f"{value:.3f}" if value >= 0.0005 or value == 0 else "&lt; 0.001"
    if not threshold:
        return f"<span{css}>{said}</span>"
    limit = f"{threshold:.3f}" if threshold >= 0.0005 else f"{threshold:.1e}"
    return f'<span{css}>{said}</span><br><span class="soft">limit {limit}</span>'


def _badge(column: dict[str, Any]) -> str:
    if column["drift"]:
        word = {"only in reference": "gone", "kind changed": "kind changed"}.get(column["status"], "drift")
        return f'<span class="badge bad">{word}</span>'
    if column["status"] == "only in current":
        return '<span class="badge plain">new</span>'
    return '<span class="badge good">stable</span>' if column["status"] == "tested" else _soft("not tested")


def _soft(text: str) -> str:
    return f'<span class="soft">{escape(text)}</span>'


def _details(name: str, column: dict[str, Any], anchor: str) -> str:
    parts = [figure(name, column), _summary(column), _facts(column)]
    note = f"<p>{escape(shortened(column['note'], 200))}.</p>" if column["note"] else ""
    body = "".join(f"<div>{part}</div>" for part in parts if part)
    return (
        f'<details><summary><span class="name">{escape(shortened(name, 80))}</span> {_badge(column)}</summary>'
        f'<div class="body" id="{anchor}">{note}<div class="panes">{body}</div>{_bins(column)}</div></details>\n'
    )


def _summary(column: dict[str, Any]) -> str:
    summary, shown = column.get("summary"), column.get("categories")
    if summary and any(summary.values()):
        is_time = column["kind"] == "time"
        label = time_label if is_time else number_label
        cells = [
            (name, [label((summary[side] or {}).get(part)) for side in SIDES])
            for part, name in (TIME_FIGURES if is_time else FIGURES).items()
        ]
    elif shown:
        cells = [
            ("categories", [f"{shown['n_categories'][side]:,}" for side in SIDES]),
            ("not in the other table", [f"{shown['n_gone']:,}", f"{shown['n_unseen']:,}"]),
        ]
    else:
        return ""
    counted = [(name, [f"{column[part][side]:,}" for side in SIDES]) for name, part in COUNTED.items()]
    return _table("", ("Reference", "Current"), counted + cells)


def _facts(column: dict[str, Any]) -> str:
    if column["p_value"] is None:
        return ""
    facts: list[tuple[str, list[str]]] = []
    if column["test"]:
        facts.append(("test", [f"{TESTS[column['test']]} ({column['method']})"]))
        facts.append(("statistic", [number_label(column["statistic"])]))
        if column["dof"] is not None:
            facts.append(("degrees of freedom", [f"{column['dof']:,}"]))
        facts.append(("p, values", [p_value_label(column["value_p_value"])]))
    if column["missing_p_value"] is not None:
        facts.append(("p, missing rates", [p_value_label(column["missing_p_value"])]))
    facts.append(("p, column", [p_value_label(column["p_value"])]))
    facts.append(("p, adjusted", [p_value_label(column["p_adjusted"])]))
    if column["psi"] is not None:
        facts.append(("PSI", [number_label(column["psi"], 4)]))
        facts.append(("PSI limit", [number_label(column["psi_threshold"], 4)]))
    return _table("", ("Result",), facts)


def _bins(column: dict[str, Any]) -> str:
    bins = column["psi_bins"]
    if not bins:
        return ""
    shown = bins
    if len(bins) > MAX_BINS:
        largest = sorted(range(len(bins)), key=lambda place: -bins[place]["contribution"])[:MAX_BINS]
        shown = [bins[place] for place in sorted(largest)]
    rows = [
        (
            shortened(found["label"], 40),
            [
                f"{found['reference']:,}",
                share_label(found["reference_share"]),
                f"{found['current']:,}",
                share_label(found["current_share"]),
                f"{found['contribution']:.4f}",
            ],
        )
        for found in shown
    ]
    more = f", {len(bins) - len(shown):,} bins that add less left out" if len(shown) < len(bins) else ""
    heads = ("Reference", "share", "Current", "share", "adds to PSI")
    return _table(f"Bins of the stability index (shares smoothed{more})", heads, rows)


def _table(caption: str, heads: tuple[str, ...], rows: list[tuple[str, list[str]]]) -> str:
    top = "".join(f'<th scope="col" class="num">{escape(head)}</th>' for head in heads)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f'<td class="num">{escape(cell)}</td>' for cell in cells)
        + "</tr>"
        for name, cells in rows
    )
    said = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{said}<thead><tr><td></td>{top}</tr></thead><tbody>{body}</tbody></table>"


def _reading(report: dict[str, Any]) -> str:
    decided = {
        "holm": "With Holm's correction any column is called drifted with probability α at most without a change.",
        "bh": "With Benjamini and Hochberg's correction at most a share α of these columns is expected to be stable.",
        None: "Without a correction every stable column is called drifted with probability α.",
    }[report["correction"]]
    return (
        "<section><h2>How to read this</h2><p>A column drifted if its adjusted p-value is at most α. "
        f"{decided} A p-value says how surely something has changed, not how much: with many rows even a change that "
        "does not matter is sure. How much is what the stability index (PSI) measures; its limit is what it exceeds by "
        "chance with probability α in samples of these sizes.</p>"
        f'<p class="soft">Written by Arsenal {escape(report["arsenal"])}.</p></section>'
    )
