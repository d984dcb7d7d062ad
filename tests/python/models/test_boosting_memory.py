"""What a fit takes of memory at most, beside LightGBM, and what it keeps afterwards."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

MEASURED = """
import gc, json, sys
from pathlib import Path
import numpy as np

def resident(name):
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024

rng = np.random.default_rng(0)
X = rng.random((300_000, 28), dtype=np.float32)
y = (X[:, 0] > X[:, 1]).astype(np.int64)
if sys.argv[1] == "arsenal":
    from arsenal.models import GradientBoostingClassifier
    model = GradientBoostingClassifier(n_estimators=5, n_jobs=2, random_state=0)
else:
    from lightgbm import LGBMClassifier
    model = LGBMClassifier(n_estimators=5, n_jobs=2, verbose=-1)
model.fit(X[:500], y[:500])
before = resident("VmRSS")
peaks = []
for _ in range(2):
    Path("/proc/self/clear_refs").write_text("5")
    model.fit(X, y)
    peaks.append(resident("VmHWM") - before)
gc.collect()
print(json.dumps([max(peaks), resident("VmRSS") - before]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells resident memory on Linux alone")
def test_a_fit_takes_four_fifths_of_lightgbms_memory_and_gives_it_back():
    def measured(library: str) -> tuple[float, float]:
        done = subprocess.run([sys.executable, "-c", MEASURED, library], check=True, capture_output=True, text=True)
        peak, kept = json.loads(done.stdout)
        return peak, kept

    peak, kept = measured("arsenal")
    rival, _ = measured("lightgbm")
    assert peak <= 0.8 * rival, f"{peak:.0f} MiB, LightGBM {rival:.0f} MiB"
    assert kept <= 0.6 * peak, f"{kept:.0f} of {peak:.0f} MiB"
