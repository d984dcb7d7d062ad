"""The cases of each operator, made from tables of forms and kinds of values; the same ones at each call."""

from __future__ import annotations

from functools import cache

from conformance.case import Case
from conformance.cases import columns, features, labels, linear, support_vectors, trees

ROOMS = (columns, features, labels, linear, support_vectors, trees)


@cache
def all_cases() -> tuple[Case, ...]:
    cases = tuple(case for room in ROOMS for case in room.cases())
    assert len({case.name for case in cases}) == len(cases), "a name belongs to one case"
    return cases
