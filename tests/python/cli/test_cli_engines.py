"""Timing in turn, and how far two engines are apart."""

from __future__ import annotations

import gc
import time

import numpy as np
import pytest
from arsenal.cli import timing
from arsenal.cli.engines import compare, onnxruntime_session
from arsenal.exceptions import ArsenalValueError


def test_latency_is_that_of_the_call() -> None:
    rows: dict[str, list[int]] = {"slow": [], "fast": []}

    def slow(row: int) -> None:
        rows["slow"].append(row)
        time.sleep(0.002)

    latency = timing.one_row({"slow": slow, "fast": rows["fast"].append}, n_rows=7, rounds=3, block=5)
    assert 2000 <= latency["slow"].p50_us <= latency["slow"].p99_us
    assert latency["fast"].p50_us < 1000
    assert rows["slow"] == rows["fast"] == [i % 7 for i in range(20)]  # the first block warms up


def test_engines_take_turns() -> None:
    order: list[str] = []
    timing.one_row({"a": lambda row: order.append("a"), "b": lambda row: order.append("b")}, 1, rounds=2, block=1)
    assert order == ["a", "b", "b", "a", "a", "b"]


def test_a_batch_is_timed_by_its_median() -> None:
    naps = iter([0.03, 0.001, 0.002, 0.03])  # the first call warms up
    seconds = timing.batch({"a": lambda: time.sleep(next(naps))}, repetitions=3)
    assert 0.002 <= seconds["a"] < 0.03


def test_garbage_is_not_collected_meanwhile() -> None:
    assert gc.isenabled()
    timing.batch({"a": lambda: None if not gc.isenabled() else pytest.fail("collecting")}, repetitions=1)
    assert gc.isenabled()
    gc.disable()
    try:
        timing.batch({"a": lambda: None}, repetitions=1)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_no_rows_cannot_be_timed() -> None:
    with pytest.raises(ArsenalValueError, match="no rows"):
        timing.one_row({"a": lambda row: None}, 0)


def test_equal_outputs_agree() -> None:
    label, scores = np.array([0, 1]), np.float32([[0.25, np.nan], [0.5, np.inf]])
    agreement = compare([label, scores], [label.copy(), scores.copy()])
    assert (agreement.rows, agreement.max_difference, agreement.other_labels) == (2, 0.0, 0)


def test_the_largest_difference_and_the_other_labels_are_counted() -> None:
    ours = [np.array(["a", "b", "c"], dtype=object), np.float32([0.25, 0.5, 1.0])]
    theirs = [np.array(["a", "x", "y"]), np.float64([0.25, 0.75, 1.0])]
    agreement = compare(ours, theirs)
    assert (agreement.max_difference, agreement.other_labels) == (0.25, 2)


def test_nan_against_a_number_is_no_agreement() -> None:
    assert compare([np.float32([np.nan, 1])], [np.float32([0, 1])]).max_difference == np.inf


def test_outputs_of_other_shapes_are_an_error() -> None:
    with pytest.raises(ArsenalValueError, match=r"shapes \(2,\) and \(2, 1\)"):
        compare([np.zeros(2)], [np.zeros((2, 1))])


def test_no_rows_agree() -> None:
    assert compare([np.zeros((0, 2), np.float32)], [np.zeros((0, 2), np.float32)]).max_difference == 0.0


def test_what_onnxruntime_refuses_is_an_error() -> None:
    with pytest.raises(ArsenalValueError, match="onnxruntime does not load the model"):
        onnxruntime_session(b"no model")


def test_without_onnxruntime_there_is_no_rival(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arsenal.cli.engines.installed", lambda package: None)
    assert onnxruntime_session(b"") is None
