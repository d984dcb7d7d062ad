"""LightGBM as the demo uses it: categories fixed in training, the settings of the model it stands beside."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from arsenal.demo.baseline import LightGBMBaseline


def table(rows: int, seed: int) -> tuple[pa.Table, np.ndarray]:
    rng = np.random.default_rng(seed)
    letter = rng.choice(np.array(["a", "b", "c"]), rows)
    number = rng.standard_normal(rows).astype(np.float32)
    late = ((letter == "a") ^ (number > 0.5)).astype(np.int64)
    missing = rng.random(rows) < 0.1
    return pa.table({"number": pa.array(number, mask=missing), "letter": pa.array(letter, mask=missing)}), late


def test_it_learns_numbers_and_strings_together() -> None:
    baseline = LightGBMBaseline(n_estimators=20, max_leaf_nodes=7, learning_rate=0.2, min_samples_leaf=10, n_jobs=1)
    features, late = table(2000, 0)
    baseline.fit(baseline.prepare(features), late)
    unseen, truth = table(500, 1)
    present = unseen["number"].is_valid().to_numpy()
    scores = baseline.score(unseen)
    assert np.mean((scores > 0.5) == truth, where=present) > 0.98
    parameters = baseline.model.get_params()
    assert (parameters["n_estimators"], parameters["num_leaves"], parameters["learning_rate"]) == (20, 7, 0.2)
    assert parameters["min_child_samples"] == 10


def test_an_unseen_category_is_missing() -> None:
    baseline = LightGBMBaseline(n_estimators=5, max_leaf_nodes=7, learning_rate=0.2, min_samples_leaf=10, n_jobs=1)
    frame = baseline.prepare(pa.table({"letter": ["a", None, "b", "a"]}))
    assert frame["letter"].cat.categories.tolist() == ["a", "b"]
    later = baseline.frame(pa.table({"letter": ["z", "b", None]}))
    assert later["letter"].cat.codes.tolist() == [-1, 1, -1]
