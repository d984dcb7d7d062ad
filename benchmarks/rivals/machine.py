"""What a figure depends on besides the code: the machine, the versions, the hour."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# Sets that change how tree code runs; the long list of a CPU's flags says less.
ISA_FLAGS = ("avx2", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512_vbmi", "asimd", "sve")


def facts(packages: list[str]) -> dict[str, Any]:
    """Machine facts as they go into a result file; `packages` are the distributions whose versions matter."""
    cpu = _read("/proc/cpuinfo")
    flags = set((_field(cpu, "flags") or _field(cpu, "Features") or "").split())
    memory = _field(_read("/proc/meminfo"), "MemTotal") or "0"
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _field(cpu, "model name") or platform.processor() or platform.machine(),
        "cpu_family_model_stepping": [_field(cpu, name) for name in ("cpu family", "model", "stepping")],
        "isa": [flag for flag in ISA_FLAGS if flag in flags],
        "cores": os.cpu_count(),
        "cores_allowed": len(os.sched_getaffinity(0)),
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip() or "not exposed",
        "load_before": os.getloadavg()[0],
        "memory_gib": round(int(memory.split()[0]) / 2**20, 1),
        "system": f"{platform.system()} {platform.release()}, {' '.join(platform.libc_ver())}".strip(),
        "python": platform.python_version(),
        "arsenal_commit": _commit(),
        "arsenal_environment": {name: value for name, value in os.environ.items() if name.startswith("ARSENAL_")},
        "versions": {package: version(package) for package in packages},
    }


def version(package: str) -> str | None:
    """The installed version of a distribution, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def in_words(facts: dict[str, Any]) -> str:
    """One line for a table's caption."""
    return (
        f"{facts['cpu']}, {facts['cores_allowed']} of {facts['cores']} cores, {facts['memory_gib']} GiB, "
        f"{'/'.join(facts['isa'])}, governor {facts['governor']}, {facts['system']}, Python {facts['python']}, "
        f"{facts['date'][:10]}, commit {facts['arsenal_commit']}"
    )


def _commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _field(text: str, name: str) -> str | None:
    found = re.search(rf"^{re.escape(name)}\s*:\s*(.*)$", text, re.MULTILINE)
    return found[1].strip() if found else None
