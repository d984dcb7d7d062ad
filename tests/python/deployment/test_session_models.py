"""From a table through learner, file and runtime: the session and onnxruntime agree on what Arsenal exports."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from arsenal.deployment import InferenceSession, export_onnx
from arsenal.models import GradientBoostingClassifier, GradientBoostingRegressor


def flights(n: int, dtype: str) -> tuple[pd.DataFrame, Any]:
    rng = np.random.default_rng(n)
    carrier = rng.choice(["UA", "AA", "nan", "None", "日本航空"], n).astype(object)
    carrier[rng.random(n) < 0.1] = None
    frame = pd.DataFrame(
        {
            "distance": rng.integers(80, 5000, n).astype(dtype),
            "carrier": carrier,
            "wind": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)).astype(dtype),
            "origin": pd.Categorical(rng.choice(["EWR", "JFK", "LGA"], n)),
        }
    )
    score = (frame["distance"] < 1500) * 1.0 + frame["carrier"].isin(["UA", "nan"]) + frame["wind"].fillna(1)
    return frame, (score + rng.normal(size=n) / 2).to_numpy()


def feed(model: InferenceSession, frame: pd.DataFrame) -> dict[str, Any]:
    """What a user of onnxruntime has to do by hand: columns as tensors, None and NaN as ""."""
    tensors = {}
    for argument in model.get_inputs():
        column = frame[argument.name]
        if argument.type == "tensor(string)":
            tensors[argument.name] = column.astype(object).where(column.notna(), "").to_numpy(object).reshape(-1, 1)
        else:
            kind = np.float32 if argument.type == "tensor(float)" else np.float64
            tensors[argument.name] = column.to_numpy(kind).reshape(-1, 1)
    return tensors


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("task", ["binary", "three classes", "regression"])
def test_tables_with_text(rival: Any, task: str, dtype: str) -> None:
    frame, score = flights(600, dtype)
    params: dict[str, Any] = {"n_estimators": 15, "max_leaf_nodes": 8, "random_state": 0}
    if task == "regression":
        model = GradientBoostingRegressor(**params).fit(frame, score)
    else:
        cuts = [0.8] if task == "binary" else [0.5, 1.5]
        model = GradientBoostingClassifier(**params).fit(
            frame, np.array(["on time", "late", "very late"])[np.digitize(score, cuts)]
        )
    file = export_onnx(model)
    session = InferenceSession(file)
    unseen, _ = flights(5000, dtype)
    unseen.loc[::7, "carrier"] = "never seen"
    ours = session.run(None, unseen)
    theirs = rival(file).run(None, feed(session, unseen))
    for our, their in zip(ours, theirs, strict=True):
        if our.dtype.kind == "f":
            np.testing.assert_allclose(our, their, rtol=1e-5, atol=1e-6)
        else:
            np.testing.assert_array_equal(our, their)
    scores = session(unseen)
    np.testing.assert_array_equal(scores, ours[-1])
    for table in (pl.from_pandas(unseen), pa.Table.from_pandas(unseen), dict(unseen.items())):
        np.testing.assert_array_equal(session(table), scores)
    for i in (0, 7, 8, 4999):
        np.testing.assert_array_equal(session(unseen.iloc[i].to_dict()), scores[i : i + 1])
    predicted = model.predict(unseen) if task == "regression" else model.predict_proba(unseen)
    np.testing.assert_array_equal(predicted, scores[:, 0] if task == "regression" else scores)
