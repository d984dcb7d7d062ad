"""The flights that the demo learns from: joins, labels and features beside pandas, and what must never be a feature."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from arsenal.demo import flights as module
from arsenal.demo.flights import (
    FEATURES,
    LEAKS,
    NUMERIC_FEATURES,
    STRING_FEATURES,
    TRAIN_MONTHS,
    WALK_MONTHS,
    Flights,
    data_folder,
    joined_table,
    look_up,
)
from arsenal.exceptions import ArsenalValueError, MissingExtraError

# Of 336,776 flights, as counted with pandas on the package's own tables.
NULLS_IN_JOIN = {
    "dep_time": 8_255,
    "dep_delay": 8_255,
    "arr_time": 8_713,
    "arr_delay": 9_430,
    "air_time": 9_430,
    "tailnum": 2_512,
    "wind_gust": 256_391,
    "wind_dir": 9_796,
    "pressure": 38_788,
    "plane_year": 57_912,
    "manufacturer": 52_606,
    "model": 52_606,
    "type": 52_606,
    "engine": 52_606,
    "engines": 52_606,
    "seats": 52_606,
    "temp": 1_573,
    "dewp": 1_573,
    "humid": 1_573,
    "wind_speed": 1_634,
    "visib": 1_556,
    "precip": 1_556,
}


@pytest.fixture(scope="module")
def joined() -> pa.Table:
    return joined_table()


@pytest.fixture(scope="module")
def oracle() -> pd.DataFrame:
    """The same join by pandas."""
    folder = data_folder()
    flights, weather, planes, airports = (
        pd.read_csv(folder / name) for name in ("flights.csv.zip", "weather.csv", "planes.csv", "airports.csv")
    )
    weather = weather.drop(columns=["year", "month", "day", "hour"])
    planes = planes.rename(columns={"year": "plane_year"})
    airports = airports[["faa", "lat", "lon", "alt", "tz"]].add_prefix("dest_").rename(columns={"dest_faa": "dest"})
    return (
        flights.merge(weather, how="left", on=["origin", "time_hour"])
        .merge(planes, how="left", on="tailnum")
        .merge(airports, how="left", on="dest")
    )


def test_the_join_keeps_every_flight_once(joined: pa.Table) -> None:
    assert joined.shape == (336_776, 40)


def test_the_join_misses_what_is_missing(joined: pa.Table) -> None:
    assert {name: joined[name].null_count for name in NULLS_IN_JOIN} == NULLS_IN_JOIN


def test_the_join_is_that_of_pandas(joined: pa.Table, oracle: pd.DataFrame) -> None:
    assert len(oracle) == joined.num_rows
    compared = [name for name in joined.column_names if name not in ("time_hour", "weekday")]
    for name in compared:
        ours, theirs = joined[name], oracle[name]
        if pa.types.is_string(ours.type):
            assert ours.to_pylist() == [None if pd.isna(value) else value for value in theirs], name
        else:
            np.testing.assert_array_equal(ours.to_numpy().astype(float), theirs.to_numpy(dtype=float), err_msg=name)


def test_weekdays_are_those_of_the_calendar(joined: pa.Table, oracle: pd.DataFrame) -> None:
    dates = pd.to_datetime(oracle[["year", "month", "day"]])
    np.testing.assert_array_equal(joined["weekday"].to_numpy(), dates.dt.day_of_week.to_numpy())


def test_late_is_more_than_fifteen_minutes_of_those_that_arrived(flights: Flights, oracle: pd.DataFrame) -> None:
    arrived = oracle[oracle["arr_delay"].notna()]
    np.testing.assert_array_equal(flights.late, (arrived["arr_delay"] > 15).to_numpy(dtype=int))
    np.testing.assert_array_equal(flights.month, arrived["month"].to_numpy())
    assert len(flights.late) == 327_346
    assert flights.late.mean() == pytest.approx(0.2371, abs=1e-4)


def test_no_feature_is_known_only_after_departure(flights: Flights) -> None:
    assert not set(FEATURES) & set(LEAKS)
    assert set(flights.features.column_names) == set(FEATURES)
    # What leaks would give itself away: nothing alone ranks the flights that well (departure delay does, at .9).
    from sklearn.metrics import roc_auc_score

    for name in NUMERIC_FEATURES:
        values = np.nan_to_num(flights.features[name].to_numpy().astype(float), nan=-1.0)
        auc = roc_auc_score(flights.late, values)
        assert max(auc, 1 - auc) < 0.7, name


def test_strings_stay_strings_and_numbers_are_float32(flights: Flights) -> None:
    assert all(flights.features.schema.field(name).type == pa.string() for name in STRING_FEATURES)
    assert all(flights.features.schema.field(name).type == pa.float32() for name in NUMERIC_FEATURES)
    assert flights.features["manufacturer"].null_count > 0


def test_months_part_the_year(flights: Flights) -> None:
    train, walk = flights.of(TRAIN_MONTHS), flights.of(WALK_MONTHS)
    assert len(train.late) == 77_911
    assert len(train.late) + len(walk.late) == len(flights.late)
    assert set(np.unique(train.month)) == set(TRAIN_MONTHS)
    assert train.features.num_rows == len(train.late)


def test_a_subset_has_so_many_flights_of_each_month(flights: Flights) -> None:
    few = flights.first(50)
    assert np.unique(few.month, return_counts=True)[1].tolist() == [50] * 12
    assert few.features.num_rows == len(few.late) == 600


def test_a_key_that_occurs_twice_is_refused() -> None:
    left = pa.table({"k": ["a", "b"]})
    right = pa.table({"k": ["a", "a"], "v": [1, 2]})
    with pytest.raises(ArsenalValueError, match="not unique"):
        look_up(left, left["k"], right.select(["v"]), right["k"])


def test_a_key_that_is_missing_finds_nothing() -> None:
    left = pa.table({"k": ["b", None, "c", "a"]})
    right = pa.table({"k": ["a", None, "b"], "v": [1, 2, 3]})
    assert look_up(left, left["k"], right.select(["v"]), right["k"])["v"].to_pylist() == [3, None, None, 1]


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"arsenal-ml\[demo\]"):
        data_folder()


def test_the_data_is_found_without_importing_the_package() -> None:
    assert (data_folder() / "flights.csv.zip").is_file()
    assert isinstance(data_folder(), Path)
