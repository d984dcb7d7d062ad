"""What the demo shows: tables in a terminal, a page, a plot and a JSON file, from made-up figures."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from arsenal.cli.files import json_text
from arsenal.demo import charts, report, summary
from arsenal.demo.figures import Figures
from rich.console import Console


class Page(HTMLParser):
    """Checks that elements nest, and collects what would be fetched or run."""

    VOID = frozenset({"meta", "br", "hr", "img", "link", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: set[str] = set()
        self.links: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "xlink:href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture
def page(figures: Figures) -> Page:
    return Page(report.html(figures))


def screen(figures: Figures, width: int) -> str:
    out = io.StringIO()
    summary.show(figures, Console(file=out, width=width, color_system=None))
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_tables_fit_the_screen(figures: Figures, width: int) -> None:
    shown = screen(figures, width)
    assert max(map(len, shown.splitlines())) <= width
    for expected in ("336,776", "0.7300", "+0.0010", "6.0e-08", "6/8", "temp 2.67", "14.9×", "demo-out/report.html"):
        assert expected in shown
    assert "…" not in shown


def test_only_months_after_training_have_scores(figures: Figures) -> None:
    lines = [line.split() for line in screen(figures, 100).splitlines()]
    assert [line[3] for line in lines if line[:1] in (["Jan"], ["Feb"], ["Mar"])] == ["trained"] * 3
    assert [month.month for month in figures.walked] == list(range(4, 13))


def test_the_conclusion_says_where_the_model_is_worst(figures: Figures) -> None:
    assert "lowest AUC in Oct (0.646)" in summary.drift_sentence(figures)
    assert "most drift in Jul (3 columns" in summary.drift_sentence(figures)


def test_all_months_agree_as_their_worst(figures: Figures) -> None:
    months = list(figures.months)
    months[5] = replace(months[5], agreement=replace(months[5].agreement, max_difference=0.25, other_labels=3))
    whole = replace(figures, months=months).agreement
    assert whole.rows == sum(month.agreement.rows for month in months)
    assert (whole.max_difference, whole.other_labels) == (0.25, 3)


def test_the_page_stands_alone(page: Page) -> None:
    assert page.links == ["drift.html"]
    assert not page.elements & {"script", "link", "img", "iframe", "object"}
    assert {"svg", "table", "style", "h1"} <= page.elements


def test_the_page_escapes_what_it_was_given(figures: Figures, page: Page) -> None:
    raw = report.html(figures)
    assert "<script>" not in raw
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in raw
    assert "A & B <cpu>" in "".join(page.text)


def test_the_page_has_a_dark_side_and_no_request(figures: Figures) -> None:
    raw = report.html(figures)
    assert "prefers-color-scheme:dark" in raw
    assert set(re.findall(r"https?://[^\s\"'<>]+", raw)) <= {"http://www.w3.org/2000/svg"}
    assert "url(" not in raw
    assert len(raw.encode()) < 1_000_000


def test_the_page_shows_the_figures(page: Page) -> None:
    text = "".join(page.text)
    for expected in ("336,776", "0.7300", "+0.0010", "6 of 8", "1.9 µs", "2,412,346 rows/s", "412,345 bytes"):
        assert expected in text


def test_the_page_says_if_fits_differed(figures: Figures) -> None:
    assert "fits gave the same bytes" in report.html(figures)
    assert "did not give the same bytes" in report.html(replace(figures, same_bytes=False))
    once = [replace(fit, all_seconds=[fit.seconds]) for fit in figures.training]
    assert "the same bytes" not in report.html(replace(figures, training=once))


def test_the_plot_is_a_picture_of_its_own(figures: Figures) -> None:
    svg = charts.auc_and_drift(figures.walked, standalone=True)
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "prefers-color-scheme:dark" in svg
    dots = [e for e in root.iter("{http://www.w3.org/2000/svg}circle") if e.get("class") == "dot"]
    assert len(dots) == 1 + len(figures.walked)  # the key's and one for each month


def test_a_higher_auc_stands_higher(figures: Figures) -> None:
    root = ElementTree.fromstring(charts.auc_and_drift(figures.walked))
    circles = [e for e in root.iter("{http://www.w3.org/2000/svg}circle") if e.get("class") == "dot" and len(e)]
    heights = [float(circle.get("cy", "nan")) for circle in circles]
    aucs = [month.auc or 0.0 for month in figures.walked]
    assert sorted(range(9), key=lambda i: -heights[i]) == sorted(range(9), key=lambda i: aucs[i])


def test_the_drift_map_begins_with_the_largest_shift(figures: Figures) -> None:
    root = ElementTree.fromstring(charts.drift_map(figures.walked, rows=3))
    names = [e.text for e in root.iter("{http://www.w3.org/2000/svg}text") if e.get("text-anchor") == "end"]
    assert names == ["temp", "dewp", "wind_dir"]


def test_bars_are_as_long_as_their_values() -> None:
    root = ElementTree.fromstring(charts.bars([("a", 1.0, "1", True), ("b", 4.0, "4", False)]))
    widths = [float(e.get("width", "0")) for e in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert widths[1] == pytest.approx(4 * widths[0], rel=1e-3)


def test_the_figures_are_plain_json(figures: Figures) -> None:
    plain = json.loads(json_text(figures.to_dict()))
    assert plain["months"][6]["drift"]["drifted"] == 6
    assert plain["months"][6]["drift"]["share"] == 0.75
    assert plain["months"][0]["drift"] is None
    assert plain["agreement"]["other_labels"] == 0
    assert plain["speeds"][0]["p50_us"] == 1.9
