"""Monotonic and interaction constraints in scikit-learn's forms, as the learning core takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np

from arsenal.exceptions import ArsenalValueError


def monotonic_signs(monotonic: Any, names: Sequence[str], width: int) -> list[int]:
    """``monotonic_cst`` as one of -1, 0 and 1 per column; empty where no column is bound."""
    if monotonic is None:
        return []
    if isinstance(monotonic, Mapping):
        unknown = [name for name in monotonic if name not in names]
        if unknown:
            raise ArsenalValueError(f"monotonic_cst names {unknown[0]!r}, the columns are {list(names)}")
        given = [monotonic.get(name, 0) for name in names]
    else:
        given = np.asarray(monotonic).tolist()
        if not isinstance(given, list) or len(given) != width:
            raise ArsenalValueError(
                f"monotonic_cst has shape {np.shape(monotonic)}, wanted one entry per column: {width}"
            )
    for name, sign in zip(names, given, strict=True):
        if sign not in (-1, 0, 1):
            raise ArsenalValueError(f"monotonic_cst is {sign!r} for column {name!r}, wanted -1, 0 or 1")
    return [int(sign) for sign in given]


def interactions(groups: Any, names: Sequence[str], width: int) -> int | list[list[int]] | None:
    """``interaction_cst`` as the most columns that may meet, or as groups of columns; None where all may."""
    if groups is None:
        return None
    if isinstance(groups, str):
        if groups in _BY_NAME:
            return _BY_NAME[groups]
        raise ArsenalValueError(
            f"interaction_cst is {groups!r}, "
            "wanted None, 'pairwise', 'no_interactions' or a sequence of groups of columns"
        )
    if not isinstance(groups, Sequence) or not all(isinstance(group, (Sequence, Set)) for group in groups):
        raise ArsenalValueError(
            "interaction_cst is not understood, wanted a sequence of tuples, lists or sets of columns"
        )
    chosen = [sorted({_column(member, names, width) for member in group}) for group in groups]
    rest = set(range(width)).difference(*chosen)
    return [*chosen, sorted(rest)] if rest else chosen


_BY_NAME = {"no_interactions": 1, "pairwise": 2}


def _column(member: Any, names: Sequence[str], width: int) -> int:
    if isinstance(member, str):
        if member not in names:
            raise ArsenalValueError(f"interaction_cst names {member!r}, the columns are {list(names)}")
        return names.index(member)
    if isinstance(member, bool) or not isinstance(member, (int, np.integer)) or not 0 <= member < width:
        raise ArsenalValueError(f"interaction_cst has column {member!r}, X has {width} columns")
    return int(member)
