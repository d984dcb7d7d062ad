"""Each case gives what the specification says, or belongs to a difference that is named and explained."""

from __future__ import annotations

import pytest
from arsenal.deployment import InferenceSession

from conformance.case import Case
from conformance.cases import all_cases
from conformance.compare import difference
from conformance.differences import DIFFERENCES, Difference, difference_of
from conformance.expected import expected

GROUPS: dict[str, list[Case]] = {}
for one in all_cases():
    GROUPS.setdefault(f"{one.operator}-{one.opset}", []).append(one)


def fault(case: Case, compat: str = "onnxruntime") -> str | None:
    try:
        session = InferenceSession(case.model(), compat=compat)
        return difference(case, session.run(None, case.feed()), expected(case))
    except ValueError as error:
        return str(error)


def test_there_are_enough_cases_of_every_operator() -> None:
    assert len(all_cases()) >= 1000
    assert len({case.operator for case in all_cases()}) == 17


@pytest.mark.parametrize("group", GROUPS)
def test_cases(group: str) -> None:
    faults = {case.name: fault(case) for case in GROUPS[group] if not difference_of(case.name)}
    assert not {name: text for name, text in faults.items() if text}


@pytest.mark.parametrize("group", GROUPS)
def test_cases_by_the_text(group: str) -> None:
    faults = {case.name: fault(case, "spec") for case in GROUPS[group]}
    assert not {name: text for name, text in faults.items() if text}


@pytest.mark.parametrize("named", DIFFERENCES, ids=lambda one: one.title)
def test_a_named_difference_is_one(named: Difference) -> None:
    for pattern in named.patterns:
        alone = Difference(named.title, (pattern,), "", "", "")
        assert any(fault(case) for case in all_cases() if alone.covers(case.name)), pattern


def test_the_comparison_sees_shape_dtype_and_value() -> None:
    case = next(case for case in all_cases() if case.name == "Scaler-1 one entry, float32, ordinary")
    (right,) = expected(case)
    assert difference(case, [right], [right]) is None
    assert "shape" in str(difference(case, [right[:1]], [right]))
    assert "dtype" in str(difference(case, [right.astype(float)], [right]))
    assert "wanted" in str(difference(case, [right + 1], [right]))
    assert "1 outputs" in str(difference(case, [right], [right, right]))
