"""Print the requirements of one extra of this project, or of `all`, one a line; extras that name ours are opened."""

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


def everything(project: dict[str, list[str]], extras: dict[str, list[str]]) -> list[str]:
    """What the package needs and what each of its extras adds, each requirement once."""
    lines = project["dependencies"] + [line for extra in extras for line in requirements(extra, extras)]
    return list(dict.fromkeys(lines))


if __name__ == "__main__":
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = sys.argv[1]
    print("\n".join(everything(project, extras) if wanted == "all" else requirements(wanted, extras)))
