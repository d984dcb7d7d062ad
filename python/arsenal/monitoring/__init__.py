"""Has the data changed? Two-sample tests that are exact or calibrated.

Examples
--------
>>> from arsenal.monitoring import ks_2samp
>>> result = ks_2samp([1.0, 2.0, 3.0, 4.0], [3.0, 4.0, 5.0, 6.0])
>>> float(result.statistic)
0.5
"""

from __future__ import annotations

from arsenal.monitoring.drift_report import DriftReport
from arsenal.monitoring.stability import PsiBin, PsiResult, psi
from arsenal.monitoring.two_sample import Chi2Result, KstestResult, chi2_2samp, ks_2samp

__all__ = ["Chi2Result", "DriftReport", "KstestResult", "PsiBin", "PsiResult", "chi2_2samp", "ks_2samp", "psi"]
