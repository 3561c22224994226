"""Forecasts of the day that begins, in MySQL and MongoDB, and how those of the last days fared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from courant.batch.learning_data import LearningData, LearningSeries
from courant.batch.train_models import Trained
from courant.domain.calendar import slots_of_day
from courant.ml.engines.interface import Array
from courant.ml.model_set import DayForecast
from courant.ml.scores import mae, mape, rmse
from courant.settings import Settings
from courant.stores.mongo import Document, MongoDatabase
from courant.stores.mongo_forecasts import read_forecasts, write_forecasts
from courant.stores.mysql.connection import session
from courant.stores.mysql.forecasts import Row, replace_forecasts, replace_scores
from courant.transforms.day_grid import LOAD

SCORED_DAYS = 14  # late records change what happened; the scores of these days follow


def write_next_day(
    settings: Settings,
    database: MongoDatabase,
    data: LearningData,
    trained: Trained,
    now: datetime,
) -> list[DayForecast]:
    """Forecast the first day of each series that is not known yet; written again, it takes the earlier one's place."""
    made = [trained.models.forecast(one.next_rows(), one.name) for one in data.series]
    named = {
        "dataset": data.dataset,
        "model": trained.version.recipe,
        "model_version": trained.version.number,
    }
    # First where the scores of later days are read from.
    write_forecasts(database, [_document(one, now) | named for one in made])
    with session(settings, "writer") as connection:
        replace_forecasts(connection, [row | named for one in made for row in _rows(one, now)])
        connection.commit()
    return made


def score_last_days(
    settings: Settings, database: MongoDatabase, data: LearningData, now: datetime
) -> list[Row]:
    """Compare the forecasts of the last days with what happened, and keep the scores."""
    rows = [
        row
        for one in data.series
        for row in _scores(one, read_forecasts(database, one.name, days=_last_days(one)), now)
    ]
    with session(settings, "writer") as connection:
        replace_scores(connection, [{**row, "dataset": data.dataset} for row in rows])
        connection.commit()
    return rows


def _rows(made: DayForecast, now: datetime) -> Iterator[dict[str, Any]]:
    starts = slots_of_day(made.day)
    values = zip(
        made.slots.tolist(), *(a.tolist() for a in (made.power_w, made.low_w, made.high_w)), strict=True
    )
    for slot, power_w, low_w, high_w in values:
        yield {
            "series": made.series,
            "slot_start_utc": _naive(starts[slot - 1]),
            "paris_day": made.day,
            "slot": slot,
            "power_w": power_w,
            "low_w": low_w,
            "high_w": high_w,
            "made_at": _naive(now),
        }


def _document(made: DayForecast, now: datetime) -> Document:
    """Arrays by slot."""
    return {
        "_id": f"{made.day}|{made.series}",
        "day": made.day.isoformat(),
        "series": made.series,
        "power_w": made.power_w.tolist(),
        "low_w": made.low_w.tolist(),
        "high_w": made.high_w.tolist(),
        "made_at_utc": now.astimezone(UTC),
    }


def _scores(series: LearningSeries, forecasts: Sequence[Document], now: datetime) -> Iterator[Row]:
    happened = {document["day"]: document[LOAD] for document in series.documents[-SCORED_DAYS:]}
    for forecast in forecasts:
        actual = np.array(happened.get(forecast["day"], []), dtype=np.float64)  # null becomes NaN
        known = ~np.isnan(actual)
        if known.any():
            low, power, high = (np.array(forecast[name])[known] for name in ("low_w", "power_w", "high_w"))
            yield _score(forecast, actual[known], (low, power, high), now)


def _score(
    forecast: Mapping[str, Any], actual: Array, forecast_w: tuple[Array, Array, Array], now: datetime
) -> Row:
    low, power, high = forecast_w
    return {
        "series": forecast["series"],
        "paris_day": date.fromisoformat(forecast["day"]),
        "model": forecast["model"],
        "model_version": forecast["model_version"],
        "mape_percent": mape(actual, power) if actual.any() else None,
        "mae_w": mae(actual, power),
        "rmse_w": rmse(actual, power),
        "inside_interval": float(np.mean((low <= actual) & (actual <= high))),
        "scored_at": _naive(now),
    }


def _last_days(series: LearningSeries) -> list[date]:
    return [series.last_day - timedelta(days=k) for k in range(SCORED_DAYS)]


def _naive(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(tzinfo=None)
