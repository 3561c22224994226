"""What the daily model leaves for people to watch, for tests of the dashboard."""

from __future__ import annotations

from datetime import UTC, date, datetime

from courant.domain.calendar import slots_of_day
from courant.settings import Settings
from courant.stores import mongo
from courant.stores.mysql.connection import session
from courant.stores.mysql.migrate import upgrade

NOW = datetime(2026, 3, 31, 4, 0, tzinfo=UTC).replace(tzinfo=None)


def add_models(settings: Settings, day: date, member: str) -> None:
    """Keep what the daily model would: a day's forecast, its score, two segments."""
    upgrade(settings)
    starts = slots_of_day(day)
    with session(settings, "writer") as connection, connection.cursor() as cursor:
        cursor.executemany(
            "REPLACE INTO forecast (series, slot_start_utc, dataset, paris_day, slot, power_w, low_w, high_w, model,"
            " model_version, made_at) VALUES ('balance', %s, 'balance', %s, %s, 5e10, 4e10, 6e10, 'ridge', 3, %s)",
            [(start.replace(tzinfo=None), day, slot, NOW) for slot, start in enumerate(starts, start=1)],
        )
        cursor.execute(
            "REPLACE INTO forecast_score (series, paris_day, dataset, model, model_version, mape_percent, mae_w,"
            " rmse_w, inside_interval, scored_at)"
            " VALUES ('balance', %s, 'balance', 'ridge', 3, 2.5, 1e9, 1e9, 0.75, %s)",
            (day, NOW),
        )
        connection.commit()
    members = [{"series": member, "days": 3}]
    with mongo.session(settings) as database:
        for number in (1, 2):
            shape = [1.0 + 0.1 * number] * 48
            one = {
                "dataset": "consumption_inf36",
                "segment": number,
                "shape": shape,
                "days": 3,
                "series": members,
            }
            database["segments"].replace_one({"_id": str(number)}, one | {"made_at_utc": NOW}, upsert=True)
