"""How the commands look in a terminal: one style of titles and tables for all."""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

ACCENT = "bold dark_orange"


def title(text: str, about: str) -> Text:
    """A heading, and what is to be said about it."""
    return Text.assemble((text, ACCENT), ("  " + about if about else "", "dim"))


def table(*headers: str, left: int = 1) -> Table:
    """A table whose first `left` columns are text, and whose others are numbers."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for i, header in enumerate(headers):
        made.add_column(header, justify="left" if i < left else "right")
    return made


def grid() -> Table:
    """Names and what belongs to them, without lines."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="dim", no_wrap=True)
    made.add_column()
    return made


def ratio(times: float) -> Text:
    """How many times better; marked where it is better at all."""
    return Text(f"{times:.1f}×", style=ACCENT if times >= 1 else "")


def number(value: float) -> str:
    """A small number to read: 0, 0.1234 or 6.0e-08."""
    if value == 0:
        return "0"
    return f"{value:.4f}" if abs(value) >= 1e-3 else f"{value:.1e}"
