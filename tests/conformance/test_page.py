"""The published page is that of this suite."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from conformance.cases import all_cases
from conformance.differences import DIFFERENCES
from conformance.node_cases import node_cases
from conformance.page import differences, left_out, page, table
from conformance.scores import Score

PAGE = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text()


def test_it_counts_the_cases_of_the_suite() -> None:
    assert f"**{len(all_cases()):,} cases**" in PAGE
    for operator, count in Counter(case.operator for case in all_cases()).items():
        assert f"\n| {operator} | {count:,} | " in PAGE, operator


def test_it_counts_the_node_tests() -> None:
    cases, _ = node_cases()
    for operator, own in cases.items():
        assert f"\n| {operator} | {len(own):,} | {len(own):,} | " in PAGE, operator


def test_it_has_the_differences_and_the_rule() -> None:
    assert differences() in PAGE
    assert left_out() in PAGE
    assert all(one.title in PAGE for one in DIFFERENCES)


def test_a_page_is_made_of_scores() -> None:
    suite = {"arsenal": {"Scaler": Score(3, 2, 1, ["Scaler-1 x"])}, "other": {"Scaler": Score(3, 3)}}
    assert "| Scaler | 3 | 2 | 3 |" in table(suite)
    assert "**2** (66.7 %)" in table(suite)
    assert "arsenal ended the process in 1 cases of Scaler" in page(suite, suite)
