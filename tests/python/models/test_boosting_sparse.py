"""Sparse matrices: broken ones are refused before any kernel reads them, and the caller's arrays stay as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from arsenal.exceptions import ArsenalTypeError, ArsenalValueError
from arsenal.models import GradientBoostingClassifier, GradientBoostingRegressor
from scipy import sparse


def random_csr(n_rows: int = 300) -> sparse.csr_array:
    return sparse.random_array((n_rows, 6), density=0.4, rng=np.random.default_rng(0), format="csr")


Y = np.arange(300) % 2
MODEL = GradientBoostingClassifier(n_estimators=5).fit(random_csr(), Y)


def damaged(form: str, name: str, place: int, value: int) -> Any:
    X = random_csr().tobsr((3, 2)) if form == "bsr" else random_csr().asformat(form)
    part = X.coords[0] if name == "row" else X.coords[1] if name == "col" else getattr(X, name)
    part[place] = value
    return X


@pytest.mark.parametrize(
    ("form", "name", "place", "value", "message"),
    [
        ("csr", "indices", 0, 99, "X names column 99, it has 6"),
        ("csr", "indices", 5, -1, "X names column -1, it has 6"),
        ("csr", "indptr", 0, 1, "row 0 has the values 1 to .* wanted indptr to rise from 0"),
        ("csr", "indptr", 3, 10**8, "row 3 has the values 100000000 to"),
        ("csr", "indptr", -1, 10**8, "row 299 has the values .* to 100000000"),
        ("csr", "indptr", 7, -5, "row 6 has the values .* to -5"),
        ("csc", "indices", 0, 10**7, "X names row 10000000, it has 300"),
        ("csc", "indptr", 2, 10**7, "column 2 has the values 10000000 to"),
        ("bsr", "indices", 0, 10**7, "X names block column 10000000, it has 3"),
        ("coo", "row", 0, 10**7, "X names row 10000000, it has 300"),
        ("coo", "col", 0, -(10**7), "X names column -10000000, it has 6"),
    ],
)
def test_broken_matrices_are_refused_by_fit_and_predict(
    form: str, name: str, place: int, value: int, message: str
) -> None:
    X = damaged(form, name, place, value)
    for use in (MODEL.predict_proba, lambda X: GradientBoostingClassifier(n_estimators=5).fit(X, Y)):
        with pytest.raises(ArsenalValueError, match=message):
            use(X)


def test_broken_matrices_of_rows_of_lists_and_lengths_that_do_not_agree() -> None:
    X = random_csr().tolil()
    X.rows[0], X.data[0] = [77], [1.0]
    with pytest.raises(ArsenalValueError, match="X names column 77, it has 6"):
        MODEL.predict(X)
    X = random_csr()
    X.indptr = X.indptr[:-1]
    with pytest.raises(ArsenalValueError, match="indptr has 300 entries, wanted one more than the 300 rows"):
        MODEL.predict(X)
    X = random_csr()
    X.indices = X.indices.astype(np.float64)
    with pytest.raises(ArsenalTypeError, match=r"indices has .* dtype float64, wanted whole numbers"):
        MODEL.predict(X)
    X = random_csr().tocoo()
    X.data = X.data[:-1]
    with pytest.raises(ArsenalValueError, match=r"row numbers and .* values, wanted as many"):
        MODEL.predict(X)


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil", "dok", "bsr"])
def test_every_format_scores_as_the_dense_table_does(form: str) -> None:
    np.testing.assert_array_equal(
        MODEL.predict_proba(random_csr().asformat(form)), MODEL.predict_proba(random_csr().toarray())
    )


def test_duplicates_are_summed_without_touching_the_callers_arrays() -> None:
    """Two entries in one place, places out of order, in arrays that nobody may write to."""
    rng = np.random.default_rng(1)
    places = np.array([1, 1, 0, 5, 3, 3])
    X = sparse.csr_array((rng.normal(size=600), np.tile(places, 100), np.arange(201) * 3), shape=(200, 6))
    arrays = (X.data, X.indices, X.indptr)
    before = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    y = np.arange(200.0)
    model, of_dense = (
        GradientBoostingRegressor(n_estimators=5, min_samples_leaf=2).fit(table, y) for table in (X, X.toarray())
    )
    assert model._onnx_bytes() == of_dense._onnx_bytes()
    np.testing.assert_array_equal(model.predict(X), model.predict(X.toarray()))
    assert all(now is then for now, then in zip((X.data, X.indices, X.indptr), arrays, strict=True))
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_order_that_scipy_remembers_from_before_is_not_believed() -> None:
    X = random_csr()
    assert X.has_canonical_format
    X.indices[X.indptr[0] : X.indptr[1]] = X.indices[X.indptr[0] : X.indptr[1]][::-1].copy()
    dense = sparse.csr_array((X.data, X.indices, X.indptr), shape=X.shape).toarray()
    np.testing.assert_array_equal(MODEL.predict_proba(X), MODEL.predict_proba(dense))
    fitted = [GradientBoostingClassifier(n_estimators=5).fit(table, Y)._onnx_bytes() for table in (X, dense)]
    assert fitted[0] == fitted[1]


def test_float64_entries_take_the_branch_that_float64_would_take_in_a_float32_model() -> None:
    rng = np.random.default_rng(2)
    X = (rng.integers(0, 12, size=(400, 3)) / 4).astype(np.float32)
    y = X[:, 0] + (X[:, 2] == 1)
    model = GradientBoostingRegressor(n_estimators=5, categorical_features=[2]).fit(X, y)
    just_above = np.nextafter(X.astype(np.float64), np.inf) * (X != 0)
    for table in (X, X.astype(np.float64), just_above):
        np.testing.assert_array_equal(model.predict(sparse.csr_array(table)), model.predict(table))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.uint8, bool])
def test_sparse_and_dense_give_the_same_model_in_every_dtype(dtype: type) -> None:
    rng = np.random.default_rng(3)
    X = rng.integers(0, 4, size=(500, 4)).astype(dtype)
    y = X[:, 0] * 2.0 + X[:, 1] * X[:, 2] + rng.normal(size=500)
    model, of_dense = (
        GradientBoostingRegressor(n_estimators=5, random_state=0).fit(table, y) for table in (sparse.csr_array(X), X)
    )
    assert model._onnx_bytes() == of_dense._onnx_bytes()
    assert model.predict(sparse.csr_array(X)).dtype == of_dense.predict(X).dtype
    np.testing.assert_array_equal(model.predict(sparse.csr_array(X)), of_dense.predict(X))
    # A model of float64 takes float32 rows, too.
    wide = GradientBoostingRegressor(n_estimators=5).fit(X.astype(np.float64), y)
    np.testing.assert_array_equal(wide.predict(sparse.csr_array(X)), wide.predict(X))
    np.testing.assert_array_equal(wide.shap_values(sparse.csr_array(X)), wide.shap_values(X))


def test_categories_of_large_sparse_tables_are_those_of_the_dense_table() -> None:
    """More rows than the sample that bounds are learned from, and more categories than are kept."""
    rng = np.random.default_rng(4)
    X = (rng.zipf(1.3, size=210_000) % 400)[:, None] * np.array([1.0, 0.5])
    y = np.sin(X[:, 0]) + rng.normal(size=len(X))
    model, of_dense = (
        GradientBoostingRegressor(n_estimators=2, categorical_features=[0], random_state=0).fit(table, y)
        for table in (sparse.csr_array(X), X)
    )
    assert model._onnx_bytes() == of_dense._onnx_bytes()
