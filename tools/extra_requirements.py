"""Print the requirements of one extra of this project, one a line, with extras of the project itself opened up."""

import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"


def requirements(extra: str, extras: dict[str, list[str]]) -> list[str]:
    own = "arsenal-ml["
    opened: list[str] = []
    for requirement in extras[extra]:
        nested = requirement.removeprefix(own).rstrip("]") if requirement.startswith(own) else None
        opened += requirements(nested, extras) if nested else [requirement]
    return opened


if __name__ == "__main__":
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    print("\n".join(requirements(sys.argv[1], project["optional-dependencies"])))
