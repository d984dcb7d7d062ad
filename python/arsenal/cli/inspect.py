"""``arsenal inspect``: what a model takes, gives and holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from arsenal.cli.signature import CLASSES, FEATURE_NAMES, class_names, feature_names

if TYPE_CHECKING:
    from rich.console import RenderableType

    from arsenal.deployment import InferenceSession

MOST_ROWS = 60
LONGEST_VALUE = 160


def inspect(path: Path, session: InferenceSession) -> dict[str, Any]:
    """Facts about a loaded model as plain dicts and lists."""
    facts = session.describe()
    metadata = facts["metadata"]
    return {
        "model": str(path),
        "feature_names": feature_names(metadata),
        "classes": class_names(metadata),
        **facts,
    }


def screen(facts: dict[str, Any]) -> RenderableType:
    """The facts as tables."""
    from rich.console import Group

    from arsenal.cli.look import grid, table, title

    about = grid()
    about.add_row("file", f"{facts['bytes']:,} bytes, ONNX IR {facts['ir_version']}")
    about.add_row("opsets", ", ".join(f"{domain} {version}" for domain, version in facts["opsets"].items()))
    about.add_row("made by", f"{facts['producer_name'] or 'unknown'} {facts['producer_version']}".strip())
    if facts["trees"]:
        size = f"{facts['trees']:,} trees, {facts['nodes']:,} nodes, {facts['leaves']:,} leaves, depth {facts['depth']}"
        about.add_row("trees", size)
    about.add_row("runs on", f"engine {facts['engine']}, {facts['isa']}, {facts['threads']} thread(s)")
    if facts["classes"]:
        about.add_row("classes", _short(", ".join(facts["classes"])))

    values = table("", "name", "type", "shape", left=4)
    for kind in ("inputs", "outputs"):
        arguments = facts[kind]
        for i, argument in enumerate(arguments[:MOST_ROWS]):
            shape = " × ".join("?" if extent is None else str(extent) for extent in argument["shape"])
            values.add_row(kind[:-1] if i == 0 else "", argument["name"], argument["type"], shape)
        if len(arguments) > MOST_ROWS:
            values.add_row("", f"and {len(arguments) - MOST_ROWS} more", "", "")

    operators = table("operator", "domain", "version", "count", left=2)
    for operator in facts["operators"]:
        operators.add_row(operator["op_type"], operator["domain"], str(operator["version"]), f"{operator['count']:,}")

    parts: list[RenderableType] = [title(facts["model"], ""), about, "", title("Signature", ""), values]
    names = facts["feature_names"]
    if len(facts["inputs"]) == 1 and names:
        parts += [title("Columns", f"{len(names)}, in the order of the input"), _short(", ".join(names), 2000), ""]
    parts += [title("Operators", ""), operators]
    rest = {key: value for key, value in facts["metadata"].items() if key not in (FEATURE_NAMES, CLASSES)}
    if rest:
        entries = grid()
        for key, value in rest.items():
            entries.add_row(key, _short(value))
        parts += [title("Metadata", ""), entries]
    return Group(*parts)


def _short(text: str, longest: int = LONGEST_VALUE) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
