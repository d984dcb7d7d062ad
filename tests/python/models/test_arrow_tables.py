"""Every way in which Arrow can hold the same table trains the same model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from arsenal._native import _rust
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.models import GradientBoostingRegressor, _boosting_parameters

N = 300
RNG = np.random.default_rng(5)
TEXT = RNG.choice(["a", "b", "c", "", "é"], N).tolist()
TEXT = [None if i % 17 == 0 else text for i, text in enumerate(TEXT)]
NUMBER = [None if i % 13 == 0 else float(value) for i, value in enumerate(RNG.integers(0, 90, N))]
TARGET = np.array([(text == "a") * 2 + (number or 0) / 30 for text, number in zip(TEXT, NUMBER, strict=True)])


def trained(table: pa.Table) -> bytes:
    return GradientBoostingRegressor(n_estimators=5, random_state=0, n_jobs=1).fit(table, TARGET)._onnx_bytes()


def table(text_type: pa.DataType | None = None, number_type: pa.DataType | None = None) -> pa.Table:
    number = pa.array(NUMBER).cast(number_type or pa.float32())
    return pa.table({"text": pa.array(TEXT, text_type or pa.string()), "number": number})


WANTED = trained(table())


@pytest.mark.parametrize("text_type", [pa.large_string(), pa.string_view()])
def test_string_layouts(text_type):
    assert trained(table(text_type)) == WANTED


@pytest.mark.parametrize("value_type", [pa.string(), pa.large_string()])
@pytest.mark.parametrize(
    "index_type", [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
)
def test_dictionaries_of_text(index_type, value_type):
    levels = ["unused", "c", "b", None, "é", "a", ""]
    indices = [None if text is None else levels.index(text) for text in TEXT]
    column = pa.DictionaryArray.from_arrays(pa.array(indices, index_type), pa.array(levels, value_type))
    assert trained(table().set_column(0, "text", column)) == WANTED


@pytest.mark.parametrize(
    "number_type",
    [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()],
)
def test_whole_numbers_of_every_width(number_type):
    assert trained(table(number_type=number_type)) == WANTED


def test_chunks_and_slices():
    whole = table()
    chunked = pa.concat_tables([whole.slice(0, 1), whole.slice(1, 0), whole.slice(1, 200), whole.slice(201)])
    assert chunked.column(0).num_chunks > 2
    assert trained(chunked) == WANTED
    padded = pa.concat_tables([whole.slice(5, 3), whole]).combine_chunks()
    assert trained(padded.slice(3)) == WANTED


def test_dictionaries_of_numbers_are_categories_by_their_value():
    codes = RNG.integers(0, 3, N)
    by_dictionary = pa.table({"code": pa.DictionaryArray.from_arrays(codes, pa.array([10, 20, 30])), "other": NUMBER})
    by_pandas = pd.DataFrame({"code": pd.Categorical(np.array([10, 20, 30])[codes]), "other": NUMBER})
    model = GradientBoostingRegressor(n_estimators=5, random_state=0, n_jobs=1)
    files = [model.fit(table, TARGET)._onnx_bytes() for table in (by_dictionary, by_pandas)]
    assert files[0] == files[1]
    named = pa.table({"code": np.array([10.0, 20.0, 30.0])[codes], "other": NUMBER})
    assert model.set_params(categorical_features=["code"]).fit(named, TARGET).predict(named).shape == (N,)


def test_booleans_nulls_and_doubles():
    extra = table().append_column("flag", pa.array([i % 2 == 0 for i in range(N)]))
    extra = extra.append_column("nothing", pa.nulls(N))
    extra = extra.append_column("double", pa.array(RNG.normal(size=N)))
    model = GradientBoostingRegressor(n_estimators=5, random_state=0).fit(extra, TARGET)
    assert model.n_features_in_ == 5
    assert model.predict(extra).dtype == np.float64


def test_numbers_that_are_not_exact_and_types_that_are_not_numbers():
    for value, message in [(2**53 + 2, r"at most 2\*\*53"), (-(2**60), r"at most 2\*\*53")]:
        with pytest.raises(ArsenalValueError, match=message):
            trained(table().append_column("big", pa.array([value] * N)))
    for column, message in [
        (pa.array([b"x"] * N), 'column "odd" has type Binary'),
        (pa.array([[1]] * N), 'column "odd" has type List'),
        (pa.DictionaryArray.from_arrays([0] * N, pa.array([b"x"])), 'column "odd" has type Binary'),
    ]:
        with pytest.raises(ArsenalTypeError, match=message):
            trained(table().append_column("odd", column))


def test_tables_that_the_core_cannot_read_are_named():
    labels = np.zeros(3)
    description = {"name": "m", "columns": ["x0"], "categories": None, "classes": None, "metadata": []}
    params = _boosting_parameters.for_core(GradientBoostingRegressor(), 0, ["x0"])
    loss = ("squared_error", [], None)
    for bad, error, message in [
        (object(), ArsenalTypeError, "got a table of type object"),
        ((np.array([0, 9]), np.array([0]), np.array([1.0]), 1), ArsenalValueError, "CSR index pointer"),
        ((np.arange(8)[::2], np.array([0]), np.array([1.0]), 1), ArsenalValueError, "contiguous"),
        (np.zeros((3, 2)), ArsenalValueError, "X has 2 columns, got 1 names and 2 category marks"),
    ]:
        with pytest.raises(error, match=message):
            _rust.fit_gradient_boosting((bad, labels, None, None), [], params, description, loss, False)
    with pytest.raises(ArsenalValueError, match="must be contiguous"):
        _rust.fit_gradient_boosting(
            (np.zeros((3, 1)), np.zeros(6)[::2], None, None), [], params, description, loss, False
        )


def test_importances_refuse_other_bytes_and_names():
    with pytest.raises(ArsenalValueError, match="not the state of a gradient boosting learner"):
        _rust.tree_importances(b"junk", "gain")
    with pytest.raises(ArsenalValueError, match='importance is "weight", wanted "gain" or "split"'):
        _rust.tree_importances(b"junk", "weight")
