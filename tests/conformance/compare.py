"""Whether outputs are what the specification says: shape, dtype, and values within the case's tolerance."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.case import Case


def difference(case: Case, got: list[Any], wanted: list[Any]) -> str | None:
    """What differs, or None. A wanted None is something the text does not say."""
    if len(got) != len(wanted):
        return f"{len(got)} outputs, wanted {len(wanted)}"
    for k, (ours, right) in enumerate(zip(got, wanted, strict=True)):
        text = None if right is None else _difference(case, ours, right)
        if text:
            return f"output {k}: {text}"
    return None


def _difference(case: Case, ours: Any, right: Any) -> str | None:
    if isinstance(right, list):  # maps, which have no order
        if [set(one) for one in ours] != [set(one) for one in right]:
            return f"keys of {ours}, wanted those of {right}"
        ours, right = (np.float32([[one[key] for key in sorted(one)] for one in maps]) for maps in (ours, right))
    ours = np.asarray(ours)
    if ours.shape != right.shape:
        return f"shape {ours.shape}, wanted {right.shape}"
    if right.dtype == object:
        is_same = [str(one) for one in ours.ravel()] == [str(one) for one in right.ravel()]
    elif ours.dtype != right.dtype:
        return f"dtype {ours.dtype}, wanted {right.dtype}"
    else:
        with np.errstate(invalid="ignore"):
            is_same = np.allclose(ours, right, rtol=case.rtol, atol=case.atol, equal_nan=True)
    return None if is_same else f"{ours.tolist()}, wanted {right.tolist()}"
