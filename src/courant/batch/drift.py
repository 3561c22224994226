"""Drift of the features that forecasts are made from: each series judged, its check kept, an alert raised once."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from courant.domain.alert import Alert, Change, Urgency
from courant.domain.feature_matrix import Grid
from courant.errors import NotEnoughDataError
from courant.ml.drift import RECENT_DAYS, Feature, FeatureDrift, days_needed, find_drift
from courant.settings import Settings
from courant.stores import mongo
from courant.stores.kafka.alerts import send_alerts
from courant.stores.mongo_features import Series, list_series, read_features
from courant.stores.mysql.connection import LoadConnection, session
from courant.stores.mysql.drift import DRIFT, is_known_drift, replace_check
from courant.stores.mysql.migrate import upgrade
from courant.transforms.day_grid import DayGrid, to_grid
from courant.transforms.day_variables import variables

log = logging.getLogger(__name__)

_CALENDAR = ("is_", "was_", "before_", "year_", "trend_")  # these move with the clock, and are meant to
_LOAD, _OF_TEMPERATURE = "load_1d_w", ("heating_1d", "cooling_1d")


@dataclass(frozen=True, slots=True)
class SeriesCheck:
    """One series judged; no features where its history is too short."""

    series: str
    dataset: str
    days: int  # with a document
    last_day: date
    features: tuple[FeatureDrift, ...]

    @property
    def drifted(self) -> tuple[FeatureDrift, ...]:
        """The features that drifted."""
        return tuple(feature for feature in self.features if feature.is_drift)


def detect_drift(
    settings: Settings, datasets: Sequence[str], *, now: datetime, recent_days: int = RECENT_DAYS
) -> list[SeriesCheck]:
    """Judge every series of data sets; keep each check, and raise an alert for days that had none.

    Raises
    ------
    NotEnoughDataError
        If no series has enough history; then nothing is kept.
    MongoDownError, MySQLDownError, KafkaDownError, AccessDeniedError
        If a server is away or refuses the account. Kafka is asked only where there is an alert to raise.
    """
    upgrade(settings)
    with mongo.session(settings) as database:
        found = list_series(database, datasets)
        checks = [check_series(one, read_features(database, one.name), recent_days) for one in found]
    if not any(check.features for check in checks):
        raise _not_enough(checks, datasets, recent_days)
    with session(settings, "writer") as connection:
        for check in checks:
            if check.features:
                _keep(settings, connection, check, now)
    return checks


def check_series(series: Series, documents: Sequence[mongo.Document], recent_days: int) -> SeriesCheck:
    """Judge the last days of a series' documents."""
    last_day = max(date.fromisoformat(document["day"]) for document in documents)
    grid = to_grid(documents, until=last_day)
    found = find_drift(grid.days, daily_features(grid), recent_days=recent_days)
    return SeriesCheck(series.name, series.dataset, len(documents), last_day, tuple(found))


def daily_features(grid: DayGrid) -> dict[str, Feature]:
    """Give one value a day of each feature, since half hours of a day are not independent of each other.

    Returns
    -------
    dict
        The day's mean of each variable of a forecast but the calendar's; its range, as `<name>_range`, where it has
        one, for a field that is stuck keeps its mean; and the load that its temperature does not explain.
    """
    named = {
        name: values
        for name, values in variables(grid, weather="known").items()
        if not name.startswith(_CALENDAR)
    }
    means = {name: values.mean(axis=1) for name, values in named.items()}
    ranges = {f"{name}_range": np.ptp(values, axis=1) for name, values in named.items()}
    moving = {name: values for name, values in ranges.items() if np.nansum(values) > 0}
    features = {name: Feature(values) for name, values in _distinct(means | moving).items()}
    if all(name in means for name in _OF_TEMPERATURE):
        given = tuple(means[name] for name in _OF_TEMPERATURE)
        features[f"{_LOAD}_given_temperature"] = Feature(means[_LOAD], given)
    return features


def to_document(checks: Sequence[SeriesCheck], datasets: Sequence[str]) -> dict[str, Any]:
    """Give plain values: per data set the series that were checked, with what drifted, and those that were skipped."""
    return {dataset: _of_dataset([c for c in checks if c.dataset == dataset]) for dataset in datasets}


def to_alert(check: SeriesCheck, now: datetime) -> Alert:
    """Give the alert that says what drifted."""
    return Alert(
        alert_id=f"drift:{check.series}:{check.last_day}",
        rule="drift",
        kind="drift",
        dataset=check.dataset,
        subject=check.series,
        severity=Urgency.WARNING,
        state=Change.RAISED,
        raised_at=now.astimezone(UTC),
        text=f"{DRIFT} {', '.join(one.feature for one in check.drifted)}",
        details={
            "last_day": check.last_day.isoformat(),
            "features": [asdict(one) for one in check.drifted],
        },
    )


def _keep(settings: Settings, connection: LoadConnection, check: SeriesCheck, now: datetime) -> None:
    """Keep a check and raise its alert.

    The alert goes first: a job killed before its commit raises it again, where the other order could lose it.
    """
    is_new = not is_known_drift(connection, check.series, check.last_day)
    same = {"dataset": check.dataset, "checked_at": now.astimezone(UTC).replace(tzinfo=None)}
    rows = [{**same, **asdict(one), "is_drift": one.is_drift} for one in check.features]
    replace_check(connection, check.series, check.last_day, rows)
    if check.drifted and is_new:
        alert = to_alert(check, now)
        log.warning("%s: %s", check.series, alert.text)
        send_alerts(settings, [alert])
    connection.commit()


def _distinct(features: Mapping[str, Grid]) -> dict[str, Grid]:
    """Leave out features that are an earlier one by another name: the mean of a curve is its mean."""
    kept: dict[str, Grid] = {}
    for name, values in features.items():
        if not any(np.allclose(values, other, rtol=1e-9, atol=0, equal_nan=True) for other in kept.values()):
            kept[name] = values
    return kept


def _of_dataset(checks: Sequence[SeriesCheck]) -> dict[str, Any]:
    return {
        "checked": {
            check.series: {
                "last_day": check.last_day.isoformat(),
                "features": len(check.features),
                "drifted": [one.feature for one in check.drifted],
            }
            for check in checks
            if check.features
        },
        "skipped": {check.series: f"{check.days} days are too few" for check in checks if not check.features},
    }


def _not_enough(
    checks: Sequence[SeriesCheck], datasets: Sequence[str], recent_days: int
) -> NotEnoughDataError:
    longest = max((check.days for check in checks), default=0)
    return NotEnoughDataError(
        f"Drift is judged by the same season a year before: {days_needed(recent_days)} days of a series are needed,"
        f" but the longest of {', '.join(datasets)} has {longest}",
        remedy="ingest and publish older files: `courant replay FILE --dataset NAME`, then the layers up to `publish`",
    )
