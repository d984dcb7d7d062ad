"""LightGBM on the same columns: numbers as they are, strings as pandas categories fixed in training."""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc


@dataclass
class LightGBMBaseline:
    """LightGBM with the settings of the model that it stands beside.

    Parameters
    ----------
    n_estimators, max_leaf_nodes, learning_rate, min_samples_leaf, n_jobs
        As in :class:`arsenal.models.GradientBoostingClassifier`.
    """

    n_estimators: int
    max_leaf_nodes: int
    learning_rate: float
    min_samples_leaf: int
    n_jobs: int

    def prepare(self, features: pa.Table) -> pd.DataFrame:
        """Remember the categories of a training table and give it as LightGBM takes it."""
        self.categories = {
            name: pc.drop_null(pc.unique(features[name]))
            for name, dtype in zip(features.column_names, features.schema.types, strict=True)
            if pa.types.is_string(dtype)
        }
        return self.frame(features)

    def frame(self, features: pa.Table) -> pd.DataFrame:
        """A table as LightGBM takes it; a category unseen in training is missing."""
        columns = {}
        for name in features.column_names:
            if name in self.categories:
                known = self.categories[name]
                codes = pc.fill_null(pc.index_in(features[name], value_set=known), -1).to_numpy()
                columns[name] = pd.Categorical.from_codes(codes, categories=known.to_pylist())
            else:
                columns[name] = features[name].to_numpy()
        return pd.DataFrame(columns)

    def fit(self, frame: pd.DataFrame, late: np.ndarray) -> LightGBMBaseline:
        """Train."""
        self.model = lightgbm.LGBMClassifier(
            n_estimators=self.n_estimators,
            num_leaves=self.max_leaf_nodes,
            learning_rate=self.learning_rate,
            min_child_samples=self.min_samples_leaf,
            n_jobs=self.n_jobs,
            verbosity=-1,
        ).fit(frame, late)
        return self

    def score(self, features: pa.Table) -> np.ndarray:
        """Probability of being late."""
        return np.asarray(self.model.predict_proba(self.frame(features)))[:, 1]
