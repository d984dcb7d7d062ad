"""A drift report as one page: inline style and SVG, light and dark, nothing fetched."""

from __future__ import annotations

from html import escape
from typing import Any

from arsenal.monitoring.wording import number_label, p_value_label, share_label, shortened, time_label

_STYLE = """
:root{color-scheme:light dark;--ink:#1d2433;--soft:#5d6779;--line:#d9dee7;--page:#fff;
--a:#8a94a6;--b:#2f6fde;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#e7eaf0;--soft:#9aa4b5;--line:#353c49;--page:#14181f;--a:#6c7687;
--b:#7aa7ff;--bad:#ff8a80}}
.arsenal-drift{font:15px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--page);
max-width:72rem;margin:0 auto;padding:1.5rem}
.arsenal-drift table{border-collapse:collapse;width:100%}
.arsenal-drift th,.arsenal-drift td{padding:.35rem .6rem;border-bottom:1px solid var(--line);text-align:right}
.arsenal-drift th:first-child,.arsenal-drift td:first-child{text-align:left;overflow-wrap:anywhere}
.arsenal-drift .drift{color:var(--bad);font-weight:600}
.arsenal-drift .soft{color:var(--soft)}
.arsenal-drift rect.a{fill:var(--a)}.arsenal-drift rect.b{fill:var(--b)}
"""


def drift_html(report: dict[str, Any]) -> str:
    """The page for what :meth:`DriftReport.to_dict` gives."""
    columns = sorted(report["columns"].items(), key=lambda item: (not item[1]["drift"], -(item[1]["psi"] or 0.0)))
    rows = "\n".join(_row(name, column) for name, column in columns)
    corrected = {"holm": "Holm", "bh": "Benjamini-Hochberg", None: "no"}[report["correction"]]
    n_rows = report["n_rows"]
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Drift report</title><style>{_STYLE}</style></head><body><main class="arsenal-drift">
<h1>{report["n_drifted"]} of {report["n_columns"]} columns drifted</h1>
<p class="soft">{n_rows["reference"]:,} reference rows, {n_rows["current"]:,} current rows; alpha {report["alpha"]:g},
{corrected} correction. Grey: reference. Blue: current.</p>
<table><thead><tr><th scope="col">Column</th><th scope="col">Both samples</th><th scope="col">Test</th>
<th scope="col">Statistic</th><th scope="col">p</th><th scope="col">p adjusted</th><th scope="col">PSI</th>
<th scope="col">PSI threshold</th><th scope="col">Missing</th><th scope="col">Drift</th></tr></thead>
<tbody>
{rows}
</tbody></table></main></body></html>
"""


def _row(name: str, column: dict[str, Any]) -> str:
    missing = " → ".join(
        share_label(n / rows if rows else None) for n, rows in zip(column["n_missing"], column["n_rows"], strict=True)
    )
    verdict = '<td class="drift">yes</td>' if column["drift"] else "<td>no</td>"
    cells = [
        _chart(name, column),
        escape(column["test"] or "nothing to test"),
        number_label(column["statistic"]),
        p_value_label(column["p_value"]),
        p_value_label(column["p_adjusted"]),
        number_label(column["psi"]),
        number_label(column["psi_threshold"]),
        missing,
    ]
    return (
        f'<tr><th scope="row">{escape(shortened(name, 80))}</th>'
        + "".join(f"<td>{c}</td>" for c in cells)
        + verdict
        + "</tr>"
    )


def _chart(name: str, column: dict[str, Any]) -> str:
    """Bars of both samples' shares side by side, with a title for those who do not see them."""
    bars = _bars(column)
    totals = [sum(counts[side] for _, counts in bars) or 1 for side in (0, 1)]
    shares = [(label, [counts[side] / totals[side] for side in (0, 1)]) for label, counts in bars]
    highest = max((share for _, pair in shares for share in pair), default=0) or 1
    width = 180 / max(len(shares), 1)
    drawn = "".join(
        f'<rect class="{"ab"[side]}" x="{place * width + side * width / 2:.2f}" y="{40 - 40 * share / highest:.2f}" '
        f'width="{max(width / 2 - 0.3, 0.3):.2f}" height="{40 * share / highest:.2f}"></rect>'
        for place, (_, pair) in enumerate(shares)
        for side, share in enumerate(pair)
    )
    ends = f" from {shares[0][0]} to {shares[-1][0]}" if shares else ""
    title = escape(shortened(f"Shares of {name}{ends}, reference and current", 160))
    return f'<svg role="img" viewBox="0 0 180 40" width="180" height="40"><title>{title}</title>{drawn}</svg>'


def _bars(column: dict[str, Any]) -> list[tuple[str, list[int]]]:
    if "categories" in column:
        found = column["categories"]
        bars = [(name, counts) for name, counts in found["listed"]]
        return [*bars, ("(other)", found["other"])] if found["n_other"] else bars
    histogram = column["histogram"]
    if histogram is None:
        return []
    label = time_label if column["kind"] == "time" else number_label
    if "values" in histogram:
        return [(label(value), counts) for value, counts in zip(histogram["values"], histogram["counts"], strict=True)]
    edges = histogram["edges"]
    inner = [(label(edge), counts) for edge, counts in zip(edges, histogram["counts"], strict=False)]
    return [("below", histogram["below"]), *inner, ("above", histogram["above"])]
