"""The demo's charts as SVG: light and dark by themselves, readable alone and inside the report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from arsenal.demo.figures import PSI_LARGE, PSI_SOME, Month

MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

STYLE = """
.chart{font:12px system-ui,-apple-system,"Segoe UI",sans-serif;--ink:#1c2330;--soft:#687385;--line:#dfe4ea;
--ours:#c2410c;--theirs:#64748b;--some:#f3b98f;--on:#ffffff;--ground:#ffffff}
@media(prefers-color-scheme:dark){.chart{--ink:#e6eaf0;--soft:#9aa5b4;--line:#303947;--ours:#fb923c;--theirs:#94a3b8;
--some:#7c4a25;--on:#12161d;--ground:#12161d}}
.chart text{fill:var(--ink)}.chart .soft{fill:var(--soft)}.chart .grid{stroke:var(--line);stroke-width:1}
.chart .ours{stroke:var(--ours);fill:none;stroke-width:2.5;stroke-linejoin:round}
.chart .theirs{stroke:var(--theirs);fill:none;stroke-width:1.5;stroke-dasharray:5 4;stroke-linejoin:round}
.chart .dot{fill:var(--ours)}.chart .ring{fill:var(--ground);stroke:var(--theirs);stroke-width:1.5}
.chart .some{fill:var(--some)}.chart .large{fill:var(--ours)}
.chart .on{fill:var(--on)}.chart .halo{paint-order:stroke;stroke:var(--ground);stroke-width:4px}
.chart .title{font-weight:600}
.chart .small{font-size:11px}
"""


def auc_and_drift(months: Sequence[Month], standalone: bool = False) -> str:
    """AUC of both libraries over the months, and below it how many columns shifted.

    Parameters
    ----------
    months
        The months after training.
    standalone
        Carry the style and a ground of its own, for a file; else the page brings the style.
    """
    width, height, left, right = 760, 400, 52, 118
    top, middle, low, bottom = 42, 236, 282, 364
    step = (width - left - right) / max(len(months), 1)
    x = [left + step * (i + 0.5) for i in range(len(months))]
    ours = [month.auc for month in months if month.auc is not None]
    theirs = [month.lightgbm_auc for month in months if month.lightgbm_auc is not None]
    floor = math.floor(min(ours + theirs) * 50 - 0.2) / 50
    ceiling = math.ceil(max(ours + theirs) * 50 + 0.2) / 50

    def y(auc: float) -> float:
        return middle - (auc - floor) / (ceiling - floor) * (middle - top)

    parts = [f'<text class="title" x="{left}" y="20">AUC by month, trained on January to March</text>']
    for i in range(round((ceiling - floor) * 50) + 1):
        auc = floor + i / 50
        parts.append(f'<line class="grid" x1="{left}" x2="{width - right}" y1="{y(auc):.1f}" y2="{y(auc):.1f}"/>')
        parts.append(f'<text class="soft small" x="{left - 8}" y="{y(auc) + 4:.1f}" text-anchor="end">{auc:.2f}</text>')
    parts.append(_line(x, [y(auc) for auc in theirs], "theirs"))
    parts.append(_line(x, [y(auc) for auc in ours], "ours"))
    for at, month in zip(x, months, strict=True):
        name = MONTH_NAMES[month.month - 1]
        if month.lightgbm_auc is not None:
            parts.append(f'<circle class="ring" cx="{at:.1f}" cy="{y(month.lightgbm_auc):.1f}" r="4.5"/>')
        if month.auc is not None:
            tip = f"<title>{name}: arsenal {month.auc:.4f}, LightGBM {month.lightgbm_auc:.4f}</title>"
            parts.append(f'<circle class="dot" cx="{at:.1f}" cy="{y(month.auc):.1f}" r="3.5">{tip}</circle>')
            label = y(max(month.auc, month.lightgbm_auc or 0.0)) - 9
            parts.append(
                f'<text class="small halo" x="{at:.1f}" y="{label:.1f}" text-anchor="middle">{month.auc:.3f}</text>'
            )
        parts.append(f'<text class="soft" x="{at:.1f}" y="{bottom + 18}" text-anchor="middle">{name}</text>')
    key = width - right + 14
    parts += [
        f'<line class="ours" x1="{key}" x2="{key + 22}" y1="60" y2="60"/>'
        f'<circle class="dot" cx="{key + 11}" cy="60" r="3.5"/>',
        f'<text x="{key + 30}" y="64">arsenal</text>',
        f'<line class="theirs" x1="{key}" x2="{key + 22}" y1="82" y2="82"/>'
        f'<circle class="ring" cx="{key + 11}" cy="82" r="4.5"/>',
        f'<text x="{key + 30}" y="86">LightGBM</text>',
    ]
    parts += _drift_bars(months, x, step, (left, width - right, low, bottom), key)
    return _svg(width, height, parts, "AUC and drift by month", standalone)


def _drift_bars(
    months: Sequence[Month], x: Sequence[float], step: float, area: tuple[float, float, float, float], key: float
) -> list[str]:
    """Columns beyond both PSI limits as bars, the larger shift in front."""
    left, right, low, bottom = area
    drifts = [month.drift for month in months if month.drift is not None]
    most = max(len(drift.columns) for drift in drifts)
    parts = [f'<text class="title" x="{left}" y="{low - 12}">Shifted columns of {most}</text>']
    parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}"/>')
    tallest = max(max(drift.beyond(PSI_SOME) for drift in drifts), 1)
    bar = step * 0.5
    for at, drift in zip(x, drifts, strict=True):
        for limit, kind in ((PSI_SOME, "some"), (PSI_LARGE, "large")):
            count = drift.beyond(limit)
            tall = (bottom - low - 8) * count / tallest
            parts.append(
                f'<rect class="{kind}" x="{at - bar / 2:.1f}" y="{bottom - tall:.1f}" '
                f'width="{bar:.1f}" height="{tall:.1f}" rx="2">'
                f"<title>{count} columns with PSI above {limit}</title></rect>"
            )
        above = bottom - (bottom - low - 8) * drift.beyond(PSI_SOME) / tallest - 4
        parts.append(
            f'<text class="small" x="{at:.1f}" y="{above:.1f}" text-anchor="middle">{drift.beyond(PSI_SOME)}</text>'
        )
    parts += [
        f'<rect class="some" x="{key}" y="{low + 8}" width="14" height="12" rx="2"/>',
        f'<text x="{key + 22}" y="{low + 18}">PSI &gt; {PSI_SOME}</text>',
        f'<rect class="large" x="{key}" y="{low + 30}" width="14" height="12" rx="2"/>',
        f'<text x="{key + 22}" y="{low + 40}">PSI &gt; {PSI_LARGE}</text>',
    ]
    return parts


def drift_map(months: Sequence[Month], rows: int = 20) -> str:
    """PSI of the most shifted columns, one row each, over the months."""
    drifts = {
        month.month: {s.column: s.psi for s in month.drift.columns} for month in months if month.drift is not None
    }
    columns = {name for shifts in drifts.values() for name in shifts}
    peak = {name: max(shifts[name] for shifts in drifts.values()) for name in columns}
    shown = sorted(columns, key=lambda name: (-peak[name], name))[:rows]
    left, cell_width, cell_height, top = 128, 62, 22, 30
    parts = []
    for i, month in enumerate(drifts):
        at = left + cell_width * (i + 0.5)
        parts.append(f'<text class="soft" x="{at}" y="{top - 10}" text-anchor="middle">{MONTH_NAMES[month - 1]}</text>')
    for j, name in enumerate(shown):
        y = top + cell_height * j
        parts.append(f'<text class="small" x="{left - 10}" y="{y + 15}" text-anchor="end">{escape(name)}</text>')
        for i, (month, shifts) in enumerate(drifts.items()):
            # The square root spreads small shifts; 2 and more is full colour.
            strength = min(math.sqrt(max(shifts[name], 0.0) / 2.0), 1.0)
            x = left + cell_width * i
            box = f'x="{x + 1}" y="{y + 1}" width="{cell_width - 2}" height="{cell_height - 2}" rx="3"'
            ink = "small on" if strength > 0.7 else "small"
            parts.append(
                f"<g><title>{escape(name)}, {MONTH_NAMES[month - 1]}: PSI {shifts[name]:.3f}</title>"
                f'<rect class="grid" fill="none" {box}/><rect class="large" fill-opacity="{strength:.2f}" {box}/>'
                f'<text class="{ink}" x="{x + cell_width / 2}" y="{y + 15}" text-anchor="middle">'
                f"{shifts[name]:.2f}</text></g>"
            )
    return _svg(
        left + cell_width * len(drifts) + 8, top + cell_height * len(shown) + 8, parts, "PSI by column and month"
    )


def bars(rows: Sequence[tuple[str, float, str, bool]]) -> str:
    """Horizontal bars on one scale from zero: name, value, what to write behind it, whether it is ours."""
    left, room, width, tall = 110, 180, 680, 26
    longest = max(value for _, value, _, _ in rows)
    parts = []
    for i, (name, value, label, is_ours) in enumerate(rows):
        y = 6 + i * (tall + 6)
        length = max((width - left - room) * value / longest, 2.0)
        parts.append(f'<text x="{left - 10}" y="{y + 17}" text-anchor="end">{escape(name)}</text>')
        colour = "large" if is_ours else "some"
        parts.append(f'<rect class="{colour}" x="{left}" y="{y}" width="{length:.1f}" height="{tall}" rx="3"/>')
        parts.append(f'<text x="{left + length + 8:.1f}" y="{y + 17}">{escape(label)}</text>')
    return _svg(width, 6 + len(rows) * (tall + 6), parts, ", ".join(f"{name} {label}" for name, _, label, _ in rows))


def _line(x: Sequence[float], y: Sequence[float], kind: str) -> str:
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return f'<polyline class="{kind}" points="{points}"/>'


def _svg(width: float, height: float, parts: Sequence[str], label: str, standalone: bool = False) -> str:
    ground = f'<style>{STYLE}</style><rect width="100%" height="100%" fill="var(--ground)"/>' if standalone else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{escape(label, quote=True)}">{ground}{"".join(parts)}</svg>'
    )
