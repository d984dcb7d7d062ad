"""What prediction must come to, table by table."""

from __future__ import annotations

from collections.abc import Iterable

from rivals.bars import Bar


def bars_of(endings: Iterable[str], isa: Iterable[str]) -> list[Bar]:
    """The bars of a table whose contestants' names end so; without AVX-512 trees must be half as fast."""
    wide = any(flag.startswith("avx512") for flag in isa)
    return [bar for ending in sorted(endings) for bar in _bars(ending, 1.0 if wide else 0.5)]


def _bars(ending: str, share: float) -> tuple[Bar, ...]:
    ours, theirs = (f"{name}, {ending}".removesuffix(", ") for name in ("arsenal", "onnxruntime"))
    tail = Bar("one row, p99 over p50", "tail", "at most", 2, 2, ours=ours)
    one_row = Bar("one row, times onnxruntime's speed", "p50_us", "times better", 8, 15, (theirs,), ours)
    if ending == "":
        return (
            _row("onnxruntime", 15 * share, 15),
            _row("LightGBM", 25 * share, 25),
            tail,
            _batch("onnxruntime", 35 * share, 75),
            _batch("XGBoost", 12 * share, 12),
            _batch("YDF", 9 * share, 9),
        )
    if ending == "LightGBM's model":
        return (_batch("lleaves, LightGBM's model", 15 * share, 15, ours), tail)
    if ending == "random forest":
        rivals = ((theirs, 5, 10), ("scikit-learn, random forest", 10, 10))
        return tuple(made(rival, must, aim, ours) for rival, must, aim in rivals for made in (_row, _batch))
    if ending.startswith("CatBoost's model"):
        return (_batch(f"CatBoost, {ending}", 1, 2, ours), tail)
    if ending == "flights":
        return (_row(theirs, 5, 15, ours), _batch(theirs, 5, 15, ours), tail)
    if ending == "the input":
        return (Bar("a call, µs", "p50_us", "at most", 0.5, 0.3, ours=ours),)
    if ending == "load":
        return (Bar("times onnxruntime's speed", "load_ms", "times better", 5, 10, (theirs,), ours),)
    if ending == "two threads":
        return (Bar("two threads over one", "scaling", "at least", 1.9, 1.98, ours=ours),)
    return () if ending in ("isolation forest", "from_lightgbm") else (one_row,)


def _row(rival: str, must: float, aim: float, ours: str = "arsenal") -> Bar:
    return Bar(f"one row, times {rival.partition(',')[0]}'s speed", "p50_us", "times better", must, aim, (rival,), ours)


def _batch(rival: str, must: float, aim: float, ours: str = "arsenal") -> Bar:
    return Bar(f"batch, times {rival.partition(',')[0]}'s speed", "batch_s", "times better", must, aim, (rival,), ours)
