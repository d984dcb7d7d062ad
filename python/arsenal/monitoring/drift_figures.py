"""Pictures of two samples of a column as inline SVG; colours come from the page's style sheet."""

from __future__ import annotations

from html import escape
from typing import Any

from arsenal.monitoring.wording import number_label, share_label, shortened, time_label

SIDES = ("reference", "current")
MAX_ROWS = 10


def sparkline(name: str, column: dict[str, Any]) -> str:
    """A picture for a table cell: the reference as an area, the current sample as a line; categories as paired bars."""
    shares = _shares(column)
    if not shares:
        return '<span class="soft">no values</span>'
    drawn = (_pairs if column.get("categories") else _steps)(shares, 120, 31, 1)
    return f'<svg role="img" viewBox="0 0 120 32" width="120" height="32">{_title(name, column)}{drawn}</svg>'


def figure(name: str, column: dict[str, Any]) -> str:
    """A picture with labels and a caption."""
    if column.get("categories"):
        return _category_bars(name, column)
    shares = _shares(column)
    if not shares:
        return ""
    histogram = column["histogram"]
    label = time_label if column["kind"] == "time" else number_label
    bar = 480 / len(shares)
    if "values" in histogram:
        ends = histogram["values"]
        places = [bar * (place + 0.5) for place in range(len(ends))]
    else:
        # The outermost bars hold what lies beyond the scale.
        ends = histogram["edges"]
        places = [bar * (place + 1) for place in range(len(ends))]
    shown = sorted({0, len(ends) // 2, len(ends) - 1})
    anchors = {0: "start", len(ends) - 1: "end"} if len(ends) > 1 else {}
    texts = "".join(
        f'<text x="{places[place]:.0f}" y="146" text-anchor="{anchors.get(place, "middle")}">'
        f"{escape(label(ends[place]))}</text>"
        for place in shown
    )
    picture = (
        f'<svg role="img" viewBox="0 0 480 152">{_title(name, column)}{_steps(shares, 480, 126, 4)}'
        f'<path class="axis" d="M0 130.5H480"/>{texts}</svg>'
    )
    return f"<figure>{picture}<figcaption>{_caption(histogram)}</figcaption></figure>"


def _caption(histogram: dict[str, Any]) -> str:
    if "values" in histogram:
        n_values = len(histogram["values"])
        if n_values == 1:
            return "Both samples hold one value alone."
        return f"Share of each of {n_values} values, from the smallest to the largest."
    outside = []
    for side in SIDES:
        beyond = histogram["below"][side] + histogram["above"][side]
        total = beyond + sum(histogram[side])
        outside.append(f"{share_label(beyond / total if total else None)} of the {side}")
    return f"The outermost bars hold all that lies beyond the scale: {escape(' and '.join(outside))}."


def _shares(column: dict[str, Any]) -> list[tuple[float, float]]:
    """What share of each sample's values each bar holds, from left to right."""
    shown = column.get("categories")
    if shown:
        counts = [(row["reference"], row["current"]) for row in shown["listed"][:MAX_ROWS]]
        totals = [column["n_rows"][side] for side in SIDES]
    elif column.get("histogram"):
        histogram = column["histogram"]
        counts = list(zip(histogram["reference"], histogram["current"], strict=True))
        if "edges" in histogram:
            below, above = ((histogram[end]["reference"], histogram[end]["current"]) for end in ("below", "above"))
            counts = [below, *counts, above]
        totals = [column["n_rows"][side] - column["n_missing"][side] for side in SIDES]
    else:
        return []
    return [(a / (totals[0] or 1), b / (totals[1] or 1)) for a, b in counts]


def _steps(shares: list[tuple[float, float]], width: float, height: float, top: float) -> str:
    """Both samples as steps, on one scale."""
    highest = max(share for pair in shares for share in pair) or 1.0
    step = width / len(shares)
    tops = [[round(height - (height - top) * pair[side] / highest, 1) for pair in shares] for side in (0, 1)]
    lines = [
        "".join(f"V{y:g}H{round((place + 1) * step, 1):g}" for place, y in enumerate(side)) + f"V{height:g}"
        for side in tops
    ]
    return f'<path class="ref" d="M0 {height:g}{lines[0]}Z"/><path class="cur" d="M0 {height:g}{lines[1]}"/>'


def _pairs(shares: list[tuple[float, float]], width: float, height: float, top: float) -> str:
    """Both samples as bars side by side, on one scale."""
    highest = max(share for pair in shares for share in pair) or 1.0
    step = width / len(shares)
    bar = round(0.4 * step, 1)
    paths = ["", ""]
    for place, pair in enumerate(shares):
        for side in (0, 1):
            length = round((height - top) * pair[side] / highest, 1)
            paths[side] += (
                f"M{round((place + 0.08 + 0.42 * side) * step, 1):g} {height:g}v-{length:g}h{bar:g}v{length:g}Z"
            )
    return f'<path class="ref solid" d="{paths[0]}"/><path class="cur solid" d="{paths[1]}"/>'


def _category_bars(name: str, column: dict[str, Any]) -> str:
    shown = column["categories"]
    rows = [(row["name"], row["reference"], row["current"]) for row in shown["listed"][:MAX_ROWS]]
    beyond = shown["listed"][MAX_ROWS:]
    n_other = len(beyond) + shown["n_other"]
    if n_other:
        others = [sum(row[side] for row in beyond) + shown["other"][side] for side in SIDES]
        rows.append((f"({n_other:,} other)", *others))
    if any(column["n_missing"][side] for side in SIDES):
        rows.append(("(missing)", *(column["n_missing"][side] for side in SIDES)))
    totals = [column["n_rows"][side] or 1 for side in SIDES]
    highest = max((row[side + 1] / totals[side] for row in rows for side in (0, 1)), default=0.0) or 1.0
    bars = []
    for place, (label, *counts) in enumerate(rows):
        y = 24 * place
        bars.append(f'<text x="150" y="{y + 15}" text-anchor="end">{escape(shortened(label, 22))}</text>')
        for side, css in ((0, "ref"), (1, "cur")):
            share = counts[side] / totals[side]
            length = round(205 * share / highest, 1)
            top = y + 3 + 9 * side
            bars.append(f'<path class="{css} solid" d="M158 {top}h{length:g}v7h-{length:g}Z"/>')
            if side:
                both = f"{share_label(counts[0] / totals[0])} → {share_label(share)}"
                bars.append(f'<text class="soft" x="480" y="{y + 15}" text-anchor="end">{escape(both)}</text>')
    picture = f'<svg role="img" viewBox="0 0 480 {24 * len(rows)}">{_title(name, column)}{"".join(bars)}</svg>'
    return f"<figure>{picture}<figcaption>Share of rows, the most frequent categories first.</figcaption></figure>"


def _title(name: str, column: dict[str, Any]) -> str:
    """What someone who does not see the picture should know."""
    said = f"{shortened(name, 60)}: reference (area) and current (line)"
    summary = column.get("summary")
    if summary and all(summary[side] for side in SIDES):
        label = time_label if column["kind"] == "time" else number_label
        medians = [label(summary[side]["median"]) for side in SIDES]
        said += f"; median {medians[0]}, then {medians[1]}"
    elif column.get("categories") and column["categories"]["listed"]:
        first = column["categories"]["listed"][0]
        shares = [share_label(first[side] / (column["n_rows"][side] or 1)) for side in SIDES]
        said += f"; most frequent {shortened(first['name'], 30)}, {shares[0]}, then {shares[1]}"
    return f"<title>{escape(said)}</title>"
