"""``arsenal drift``: whether one table comes from where another came from, column by column."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from arsenal.cli.tables import check_columns, is_number, read_table
from arsenal.exceptions import ArsenalTypeError

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.table import Table

    from arsenal.monitoring import DriftReport


def drift(reference: Path, current: Path, alpha: float, correction: str | None) -> DriftReport:
    """Compare two tables; the columns of the reference are looked for in the current one by name."""
    from arsenal.monitoring import DriftReport

    before, after = read_table(reference), read_table(current)
    check_columns(current, after.column_names, before.column_names, "the reference has")
    before, after = alike(before, after.select(before.column_names), reference, current)
    return DriftReport(before, after, alpha=alpha, correction=correction)


def alike(before: pa.Table, after: pa.Table, reference: Path, current: Path) -> tuple[pa.Table, pa.Table]:
    """Give columns whose types were read differently one type.

    A column of whole numbers in one file may hold fractions in the other, and one without any value has no type.
    """
    import pyarrow as pa

    for i, name in enumerate(before.column_names):
        types = {before.schema.types[i], after.schema.types[i]}
        if len(types) == 1:
            continue
        known = [dtype for dtype in types if not pa.types.is_null(dtype)]
        if all(is_number(dtype) for dtype in known) and len(known) == 2:
            wanted = pa.float64()
        elif len(known) == 1:
            wanted = known[0]
        else:
            first, second = before.schema.types[i], after.schema.types[i]
            raise ArsenalTypeError(f"column {name!r} holds {first} in {reference} and {second} in {current}")
        before = before.set_column(i, name, before[name].cast(wanted))
        after = after.set_column(i, name, after[name].cast(wanted))
    return before, after


def screen(found: dict[str, Any]) -> Table:
    """What :meth:`DriftReport.to_dict` found, as a table for the terminal; drifted columns first."""
    from arsenal.cli.look import number, table
    from arsenal.monitoring.wording import p_value_label

    made = table("column", "test", "statistic", "p", "p adjusted", "PSI", "drift", left=2)
    made.title = f"{found['n_drifted']} of {found['n_columns']} columns drifted, alpha {found['alpha']:g}"
    for name, column in sorted(found["columns"].items(), key=lambda item: not item[1]["drift"]):
        made.add_row(
            escape(name),
            column["test"] or "nothing to test",
            "–" if column["statistic"] is None else number(column["statistic"]),
            p_value_label(column["p_value"]),
            p_value_label(column["p_adjusted"]),
            "–" if column["psi"] is None else number(column["psi"]),
            "yes" if column["drift"] else "no",
        )
    return made
