"""From a model's inputs to columns of a table, and from rows to the arrays of its inputs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from arsenal.cli.signature import CLASSES, FEATURE_NAMES, Column, class_names, feature_names, signature
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError

DATA = Path("t.csv")


@dataclass
class Input:
    name: str
    type: str = "tensor(float)"
    shape: Any = ("N", 1)


def names(*values: str) -> dict[str, str]:
    return {FEATURE_NAMES: json.dumps(values)}


def test_one_input_per_column() -> None:
    takes = signature([Input("b"), Input("a", "tensor(string)"), Input("c", "tensor(int64)")], {})
    assert takes.columns == (Column("b", "float32"), Column("a", "str"), Column("c", "int64"))
    assert takes.place(["c", "x", "a", "b"], DATA) == ["b", "a", "c"]
    feed = takes.feed(pa.record_batch({"b": pa.array([1, None], pa.float32()), "a": ["x", None], "c": [1, 2]}))
    assert [(name, array.shape, array.dtype) for name, array in feed.items()] == [
        ("b", (2, 1), np.dtype("float32")),
        ("a", (2, 1), np.dtype(object)),
        ("c", (2, 1), np.dtype("int64")),
    ]
    np.testing.assert_array_equal(feed["b"][:, 0], np.float32([1, np.nan]))
    assert feed["a"][:, 0].tolist() == ["x", ""]


def test_one_wide_input_with_names() -> None:
    takes = signature([Input("X", "tensor(double)", ["N", 2])], names("b", "a"))
    assert takes.place(["a", "b", "z"], DATA) == ["b", "a"]
    feed = takes.feed(pa.table({"b": [1.0, None], "a": [3.0, 4.0]}))
    np.testing.assert_array_equal(feed["X"], [[1.0, 3.0], [np.nan, 4.0]])
    assert feed["X"].dtype == np.float64


def test_one_wide_input_without_names_takes_columns_by_position() -> None:
    takes = signature([Input("X", shape=[None, 2])], {})
    assert takes.place(["p", "q"], DATA) == ["p", "q"]
    with pytest.raises(ArsenalValueError, match="has 3 columns, the model takes 2 by position"):
        takes.place(["p", "q", "r"], DATA)


def test_a_model_of_an_array_takes_columns_by_their_number_or_by_position() -> None:
    takes = signature([Input("X", shape=["N", 2])], names("x0", "x1"))
    assert takes.place(["x1", "z", "x0"], DATA) == ["x0", "x1"]
    assert takes.place(["p", "q"], DATA) == ["p", "q"]
    with pytest.raises(ArsenalValueError, match="takes 2 by position"):
        takes.place(["p", "q", "r"], DATA)
    with pytest.raises(ArsenalValueError, match="lacks a column that the model takes: 'x1'"):
        takes.place(["x0", "q"], DATA)


def test_names_of_another_number_are_not_used() -> None:
    assert not signature([Input("X", shape=["N", 3])], names("a", "b")).named


def test_names_tell_the_width_if_the_shape_does_not() -> None:
    takes = signature([Input("X", shape=["N", "F"])], names("a", "b"))
    assert [column.name for column in takes.columns] == ["a", "b"]
    with pytest.raises(ArsenalTypeError, match="how many columns it takes is not said"):
        signature([Input("X", shape=["N", "F"])], {})


def test_one_narrow_input_is_a_column_of_its_name() -> None:
    takes = signature([Input("city", "tensor(string)")], {})
    assert takes.place(["x", "city"], DATA) == ["city"]
    assert takes.feed(pa.table({"city": ["a", None]}))["city"].tolist() == [["a"], [""]]


def test_missing_whole_numbers_are_refused() -> None:
    takes = signature([Input("c", "tensor(int64)"), Input("d")], {})
    with pytest.raises(ArsenalValueError, match="column 'c' has 1 missing values, the model takes int64"):
        takes.feed(pa.table({"c": [1, None], "d": pa.array([1, 2], pa.float32())}))


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ([Input("X", "seq(map(string,tensor(float)))")], "only tensors of columns"),
        ([Input("X", shape=["N", 3, 8, 8])], "rows and columns were wanted"),
        ([Input("X", shape=["N"])], "rows and columns were wanted"),
        ([Input("a"), Input("b", shape=["N", 2])], r"a column \[N, 1\] was wanted"),
    ],
)
def test_what_no_table_can_feed_is_refused(inputs: list[Input], said: str) -> None:
    with pytest.raises(ArsenalTypeError, match=said):
        signature(inputs, {})


def test_names_and_classes_are_read_or_not_there() -> None:
    assert feature_names(names("a")) == ["a"]
    assert class_names({CLASSES: "[0, 1]"}) == ["0", "1"]
    for broken in ("not json", '{"a": 1}', "3"):
        assert feature_names({FEATURE_NAMES: broken}) == []
    assert class_names({}) == []
