"""The command `arsenal`. Only what a command needs is imported, when it runs."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with one of :class:`arsenal.cli.outcome.ExitCode`."""
    from arsenal.cli.outcome import ending

    try:
        from arsenal.cli.app import run

        run()
    except (Exception, KeyboardInterrupt) as error:
        code, line = ending(error)
        if line:
            print(line, file=sys.stderr)
        sys.exit(code)


__all__ = ["main"]
