"""More than 255 bins: two bytes per value, the same trees whoever computes them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import lightgbm
import numpy as np
import onnxruntime
import pyarrow as pa
import pytest
from arsenal.models import GradientBoostingClassifier, GradientBoostingRegressor
from scipy import sparse
from sklearn.tree import DecisionTreeRegressor


def smooth(n_rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of many distinct values, and a target that asks for fine cuts of the first column."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 4))
    y = np.sin(40 * X[:, 0]) + 0.3 * X[:, 1] * (X[:, 2] > 0.123) + 0.05 * rng.normal(size=n_rows)
    return X, y


@pytest.mark.parametrize("max_bins", [20_000, 65_535])
def test_with_a_bin_per_value_a_tree_is_the_exact_one(max_bins):
    X, y = smooth(6_000, seed=0)
    limits = {"max_leaf_nodes": 25, "min_samples_leaf": 10}
    model = GradientBoostingRegressor(
        n_estimators=1, learning_rate=1.0, max_bins=max_bins, min_child_weight=0.0, random_state=0, **limits
    ).fit(X, y)
    exact = DecisionTreeRegressor(random_state=0, **limits).fit(X, y)
    np.testing.assert_allclose(model.predict(X), exact.predict(X), atol=1e-9)


@pytest.mark.parametrize("max_bins", [256, 1_000, 65_535])
def test_fine_bins_follow_fine_targets_as_well_as_lightgbm(max_bins):
    X, y = smooth(30_000, seed=1)
    X_new, y_new = smooth(10_000, seed=2)
    model = GradientBoostingRegressor(n_estimators=60, max_bins=max_bins, random_state=0).fit(X, y)
    rival = lightgbm.LGBMRegressor(n_estimators=60, max_bin=max_bins, verbose=-1, n_jobs=1).fit(X, y)
    errors = [np.mean((one.predict(X_new) - y_new) ** 2) for one in (model, rival)]
    assert errors[0] < 1.05 * errors[1]
    exported = onnxruntime.InferenceSession(model._onnx_bytes()).run(None, {"X": X_new})[0]
    np.testing.assert_allclose(exported[:, 0], model.predict(X_new), atol=1e-12)


@pytest.mark.parametrize(
    "way",
    [
        {},
        {"grow_policy": "oblivious", "max_leaf_nodes": 32},
        {"monotonic_cst": [0, 1, 0, 0]},
        {"subsample": 0.5, "colsample_bytree": 0.5},
        {"boosting": "dart", "drop_rate": 0.5},
        {"l1_regularization": 0.5},
    ],
    ids=str,
)
def test_columns_of_few_values_are_as_they_were_beside_wide_ones(way):
    X, y = smooth(3_000, seed=3)
    X = np.round(X, 1)
    X[::17, 1] = np.nan
    few, many = (
        GradientBoostingRegressor(n_estimators=15, max_bins=max_bins, random_state=0, **way).fit(X, y)
        for max_bins in (255, 65_535)
    )
    assert few._onnx_bytes() == many._onnx_bytes()
    X[:, 3] = np.arange(len(X))  # a wide column that says nothing
    wide = GradientBoostingRegressor(n_estimators=15, max_bins=65_535, random_state=0, **way).fit(X, y)
    assert len(np.unique(X[:, 3])) > 256
    assert np.mean((wide.predict(X) - y) ** 2) < 1.1 * np.mean((many.predict(X) - y) ** 2)


def test_missing_values_have_their_own_side_in_wide_columns():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(4_000, 1))
    X[rng.random(4_000) < 0.3] = np.nan
    y = np.where(np.isnan(X[:, 0]), 5.0, np.round(X[:, 0]))
    model = GradientBoostingRegressor(n_estimators=80, learning_rate=0.3, max_bins=5_000, random_state=0).fit(X, y)
    np.testing.assert_allclose(model.predict([[np.nan]]), 5.0, atol=1e-3)
    np.testing.assert_allclose(model.predict([[-1.0], [0.0], [1.0]]), [-1.0, 0.0, 1.0], atol=1e-3)


def test_categories_stay_categories_beside_wide_columns():
    rng = np.random.default_rng(5)
    texts = rng.choice([f"c{k}" for k in range(40)], 3_000)
    table = pa.table({"text": texts, "number": rng.normal(size=3_000)})
    y = np.array([int(text[1:]) % 7 for text in texts]) + (table["number"].to_numpy() > 0.01)
    model = GradientBoostingRegressor(n_estimators=60, max_bins=2_000, min_category_group=10, random_state=0)
    assert model.fit(table, y).score(table, y) > 0.97


def test_an_evaluation_and_a_warm_start_see_the_same_bins():
    X, y = smooth(3_000, seed=6)
    whole = GradientBoostingRegressor(n_estimators=20, max_bins=1_000, random_state=0).fit(X, y, eval_set=(X, y))
    assert whole.evaluation_losses_[0][-1] == pytest.approx(np.mean((whole.predict(X) - y) ** 2) / 2)
    parts = GradientBoostingRegressor(n_estimators=8, max_bins=1_000, random_state=0, warm_start=True).fit(X, y)
    assert parts.set_params(n_estimators=20).fit(X, y)._onnx_bytes() == whole._onnx_bytes()


BYTES = """
import hashlib
import numpy as np
from arsenal.models import GradientBoostingClassifier
rng = np.random.default_rng(0)
X = rng.normal(size=(40_000, 3))
X[::13, 1] = np.nan
y = (np.sin(20 * X[:, 0]) + X[:, 2] > 0).astype(int)
for max_bins in (1_000, 65_535):
    fits = [
        GradientBoostingClassifier(n_estimators=4, max_bins=max_bins, random_state=0, n_jobs=n_jobs).fit(X, y)
        for n_jobs in (1, 3)
    ]
    assert fits[0]._onnx_bytes() == fits[1]._onnx_bytes()
    print(hashlib.sha256(fits[0]._onnx_bytes()).hexdigest())
"""


def test_threads_and_instruction_sets_decide_nothing():
    def digests(isa: str) -> str:
        environment = {**os.environ, "ARSENAL_FORCE_ISA": isa}
        command = [sys.executable, "-c", BYTES]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    assert len({digests(isa) for isa in ("", "scalar", "avx2")}) == 1


def test_layouts_decide_nothing():
    X, y = smooth(4_000, seed=7)
    X[X < -1.5] = 0.0
    tables = [X, np.asfortranarray(X), sparse.csr_array(X), pa.table({f"x{j}": X[:, j] for j in range(4)})]
    digests = set()
    for table in tables:
        model = GradientBoostingClassifier(n_estimators=5, max_bins=3_000, random_state=0).fit(table, y > 0)
        digests.add(hashlib.sha256(model._learner).hexdigest())
    assert len(digests) == 1
