"""How large the tables are: `ARSENAL_BENCH_SIZE` is quick (does it run), regular (the default) or large."""

from __future__ import annotations

import os

SIZE = os.environ.get("ARSENAL_BENCH_SIZE", "regular")
if SIZE not in ("quick", "regular", "large"):
    raise ValueError(f"ARSENAL_BENCH_SIZE is {SIZE!r}, wanted quick, regular or large")


def by_size(quick: list[int], regular: list[int], large: list[int]) -> list[int]:
    """The parameters of a benchmark at the size asked for."""
    return {"quick": quick, "regular": regular, "large": large}[SIZE]
