"""ONNX's own node tests: all those of the operators and dtypes that the runtime has."""

from __future__ import annotations

import pytest
from arsenal.deployment import InferenceSession

from conformance.node_cases import OPERATORS, node_cases


@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_node_cases(operator: str) -> None:
    cases, _ = node_cases()
    faults = {case.name: case.fault(InferenceSession(case.model).run(None, case.feed)) for case in cases[operator]}
    assert not {name: fault for name, fault in faults.items() if fault}


def test_no_case_of_ai_onnx_ml_is_left_out() -> None:
    from onnx.backend.test.loader import load_model_tests

    cases, _ = node_cases()
    ours = {case.name for of_operator in cases.values() for case in of_operator}
    found = [case for case in load_model_tests(kind="node") if case.name.startswith("test_ai_onnx_ml_")]
    assert len(found) >= 8
    assert {case.name for case in found} <= ours


def test_few_cases_are_left_out_for_anything_but_their_types() -> None:
    _, left_out = node_cases()
    assert {name for name, reason in left_out.items() if reason == "training, not inference"} == {
        *(f"test_training_dropout{name}" for name in ("", "_default", "_mask", "_default_mask")),
        *(f"test_batchnorm_{name}_training_mode" for name in ("epsilon", "example")),
    }
