"""How numbers are written for people."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

NOTHING = "–"
# Control characters, halves of surrogate pairs, and what turns the direction of the text after it.
UNSHOWABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def number_label(value: float | None, digits: int = 6) -> str:
    """So many significant digits; whole numbers of up to 15 digits as they are."""
    if value is None or math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:.{digits}g}"
    return text.replace("-", "−", 1) if text.startswith("-") else text


def p_value_label(p: float | None) -> str:
    """Never 0: what a double cannot hold is smaller than the smallest that it can."""
    if p is None:
        return NOTHING
    if p < 1e-300:
        return "< 1e-300"
    return f"{p:.4f}" if p >= 1e-4 else f"{p:.1e}"


def share_label(share: float | None) -> str:
    """A percentage that is 0 or 100 only where the share is."""
    if share is None:
        return NOTHING
    if 0 < share < 0.0005:
        return "< 0.1 %"
    if 0.9995 <= share < 1:
        return "> 99.9 %"
    return f"{100 * share:.1f} %"


def time_label(seconds: float | None) -> str:
    """Seconds since 1970 as a date, with the time of day unless it is midnight."""
    if seconds is None:
        return NOTHING
    try:
        moment = datetime.fromtimestamp(seconds, tz=UTC).replace(tzinfo=None)
    except (OverflowError, OSError, ValueError):
        return f"{number_label(seconds)} s since 1970"
    return moment.date().isoformat() if seconds % 86_400 == 0 else moment.isoformat(sep=" ", timespec="seconds")


def shortened(text: str, length: int) -> str:
    """At most `length` characters, on one line, that change nothing around them."""
    line = UNSHOWABLE.sub("\ufffd", " ".join(text.split()) or repr(text))
    return line if len(line) <= length else line[: length - 1] + "…"
