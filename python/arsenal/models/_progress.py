"""A progress bar for long fits."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def iteration_bar(verbose: int, total: int, title: str) -> Iterator[Callable[[int], None] | None]:
    """Yield what to call with the number of iterations done, or None where nothing is to be shown.

    The bar is rich's where rich is installed, else one line on standard error that is rewritten.
    """
    if verbose <= 0:
        yield None
        return
    try:
        from rich.progress import Progress
    except ImportError:

        def rewrite(done: int) -> None:
            sys.stderr.write(f"\r{title}: {done}/{total} iterations")
            sys.stderr.flush()

        yield rewrite
        sys.stderr.write("\n")
        return
    with Progress() as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.update(task, completed=done)
        bar.update(task, completed=total)
