"""Every screen on real servers: with data, with none, with a server away, and whole again when it is back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import streamlit as st
from ingesting import (
    CONTRACTS,
    ROOT,
    ask,
    contracts_folder,
    create_topic,
    drain,
    environment_of,
    own_sinks,
    own_topic,
    produce,
    send,
)
from publishing import generated
from pyspark.sql import SparkSession
from streamlit.testing.v1 import AppTest
from waiting import wait_until
from watched import add_models

from courant.batch.publish import publish
from courant.domain.contract import Contract
from courant.settings import Settings
from courant.stores.kafka.tail import Tail
from courant.stores.mongo_curves import Chosen, curves
from courant.stores.mysql.watching import segments_of_day
from dashboard import reading, shaping

MEMBER = "consumption_inf36|11|RES1"
SCREENS = ("live", "explore", "forecast", "segments", "health")
DAY = date(2026, 3, 28)  # the day before a clock change
NOW = datetime(2026, 3, 31, 4, 0, tzinfo=UTC).replace(tzinfo=None)
AWAY = {
    "COURANT_MYSQL_PORT": ("MySQL", {"live", "forecast", "health"}),
    "COURANT_MONGO_URI": ("MongoDB", {"explore", "forecast", "segments", "health"}),
    "COURANT_KAFKA_BOOTSTRAP_SERVERS": ("Kafka", {"live", "health"}),
}


@dataclass(frozen=True)
class Scene:
    """A stream in MySQL and MongoDB, and where its contracts are."""

    settings: Settings
    contracts: Path
    balance: Contract
    inf36: Contract


@pytest.fixture(scope="module")
def filled(stack: Settings, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Give three days of the nation and of two regions, the last of 23 hours."""
    folder = tmp_path_factory.mktemp("dashboard")
    settings = own_sinks(stack, "dashboard", folder)
    balance, inf36 = (
        own_topic(CONTRACTS[name], settings, f"tests.dashboard.{name}")
        for name in ("balance", "consumption_inf36")
    )
    for contract in (balance, inf36):
        contracts_folder(folder / "contracts", contract)
    send(settings, balance.topic, generated(balance, DAY, 3))
    send(settings, inf36.topic, generated(inf36, DAY, 3, regions=["11", "84"]))
    produce(settings, balance.topic, [b"no JSON at all"])
    drain(spark, settings, balance, inf36)
    publish(spark, settings, [balance, inf36], source="mysql")
    add_models(settings, DAY, MEMBER)
    return Scene(settings, folder / "contracts", balance, inf36)


@pytest.fixture
def opened(filled: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Point the screens to the scene, and forget what an earlier test was shown."""
    yield from pointed(monkeypatch, filled.settings, filled.contracts)


@pytest.fixture
def opened_empty(stack: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Point the screens to databases in which nothing is."""
    settings = own_sinks(stack, "dashboard_empty", tmp_path)
    settings = settings.model_copy(
        update={"mlflow": settings.mlflow.model_copy(update={"root": tmp_path / "mlruns"})}
    )
    yield from pointed(monkeypatch, settings, ROOT / "contracts")


def pointed(monkeypatch: pytest.MonkeyPatch, settings: Settings, contracts: Path) -> Iterator[None]:
    for name, value in environment_of(settings, contracts).items():
        monkeypatch.setenv(name, value)
    yield
    reading.tail().close()
    st.cache_resource.clear()
    st.cache_data.clear()


def open_screen(name: str) -> AppTest:
    """Draw a screen, which must not fail whatever is missing."""
    screen = AppTest.from_file(str(ROOT / "dashboard" / "screens" / f"{name}.py"), default_timeout=60).run()
    assert not screen.exception, screen.exception
    assert screen.title[0].value == name.capitalize()
    return screen


def missing(screen: AppTest) -> str:
    """Give what the screen says that it cannot show."""
    return " ".join(one.value for one in screen.warning)


def figures(screen: AppTest) -> dict[str, str]:
    return {one.label: one.value for one in screen.metric}


def captions(screen: AppTest) -> str:
    return " ".join(one.value for one in screen.caption)


@pytest.mark.usefixtures("opened_empty")
@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_opens_with_nothing_to_show_and_says_how_to_get_something(name: str) -> None:
    screen = open_screen(name)

    assert missing(screen) == ""
    assert "No data yet" in captions(screen)
    told = " ".join(one.value for one in screen.info)
    assert name == "health" or "`" in told  # a command to type


@pytest.mark.usefixtures("opened")
def test_the_nations_last_day_is_on_the_live_screen(filled: Scene) -> None:
    [(power, slot)] = ask(
        filled.settings,
        "SELECT consommation_totale, slot_start_utc FROM balance ORDER BY slot_start_utc DESC LIMIT 1",
    )

    found = figures(open_screen("live"))

    assert found["National power"] == f"{power / 1e9:.1f} GW"
    assert slot.hour == 21  # 30 March ends at 22:00 UTC
    assert found["Temperature"].endswith(" °C")


@pytest.mark.usefixtures("opened")
def test_a_record_that_arrives_is_on_the_live_screen_before_mysql_has_it(filled: Scene) -> None:
    assert figures(open_screen("live"))["Messages a second"] == "0"
    wait_until(lambda: not reading.tail().problem)
    key, value = generated(filled.balance, DAY + timedelta(days=3), 1).row(0)
    power = 123_400_000_000
    value = value.replace('"consommation_totale":', f'"consommation_totale":{power},"replaced":')

    produce(filled.settings, filled.balance.topic, [value.encode()], key=key.encode())

    wait_until(lambda: figures(open_screen("live"))["National power"] == "123.4 GW", within_s=30)
    screen = open_screen("live")
    assert float(figures(screen)["Messages a second"]) >= 0
    assert "2026-03-31 00:00" in captions(screen)  # the first slot of the day after, by the clock in Paris
    assert screen.dataframe[0].value["topic"].iloc[0] == filled.balance.topic
    assert ask(filled.settings, "SELECT COUNT(*) FROM balance WHERE consommation_totale = %s", (power,)) == [
        (0,)
    ]


@pytest.mark.usefixtures("opened")
def test_what_people_explore_is_what_sql_says(filled: Scene) -> None:
    days = {"first": DAY, "last": DAY + timedelta(days=2)}
    documents = reading.from_mongo(curves, Chosen("consumption_inf36"), **days)
    by_profile = (
        "SELECT region, slot_start_utc, profil, GREATEST("
        " SUM(CASE WHEN is_total THEN total_energie_soutiree_wh ELSE 0 END),"
        " SUM(CASE WHEN is_total THEN 0 ELSE total_energie_soutiree_wh END)) AS energy_wh"
        " FROM v_consumption GROUP BY region, slot_start_utc, profil"
    )
    expected = ask(
        filled.settings,
        f"SELECT region, SUM(energy_wh) / 1e9 AS gwh FROM ({by_profile}) p GROUP BY region ORDER BY gwh DESC",
    )

    found = shaping.ranking(documents, by=("region",))

    assert found["region"].tolist() == [region for region, _ in expected]
    assert found["energy_gwh"].tolist() == pytest.approx([float(energy) for _, energy in expected])
    ranges = shaping.range_table(
        reading.from_mysql(
            segments_of_day, filled.inf36, DAY + timedelta(days=1), region="11", profile="RES1 (+ RES1WE)"
        )
    )
    assert ranges["slot"].nunique() == 46  # the clock was put forward
    assert len(open_screen("explore").get("download_button")) == 1


@pytest.mark.usefixtures("opened")
def test_a_screen_shows_a_profiles_power_ranges_when_it_is_chosen() -> None:
    screen = open_screen("explore")
    [region, profile] = screen.selectbox
    region.select("11")
    profile.select("RES1 (+ RES1WE)").run()

    assert not screen.exception
    assert "Choose a region" not in captions(screen)
    assert f"Power ranges on {DAY + timedelta(days=2)}" in [one.value for one in screen.subheader]


@pytest.mark.usefixtures("opened")
def test_forecasts_stand_beside_what_happened_and_segments_beside_their_profiles() -> None:
    forecast, segments = open_screen("forecast"), open_screen("segments")

    assert "Saturday 28 March 2026" in [one.value for one in forecast.subheader]
    assert "forecast by ridge 3" in captions(forecast)
    assert "75% of half hours, over 1 days" in captions(forecast)
    assert segments.dataframe[0].value.to_dict() == {
        "1": {MEMBER: 3},
        "2": {MEMBER: 3},
    }


@pytest.mark.usefixtures("opened")
def test_health_shows_layers_rejects_and_alerts(filled: Scene) -> None:
    screen = open_screen("health")

    [layers, rejects, samples] = [one.value for one in screen.dataframe][:3]
    of_mysql = layers[(layers["data set"] == "balance") & (layers["layer"] == "mysql")]
    assert of_mysql["rows"].tolist() == [f"{ask(filled.settings, 'SELECT COUNT(*) FROM balance')[0][0]:,}"]
    assert rejects["records"].tolist() == [1]
    assert samples["raw"].tolist() == ["no JSON at all"]
    assert "No alert was ever kept." in captions(screen)


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("variable", list(AWAY))
def test_with_a_server_away_each_screen_opens_says_so_and_is_whole_when_it_is_back(variable: str) -> None:
    server, screens = AWAY[variable]
    nowhere = {"COURANT_MYSQL_PORT": "1", "COURANT_MONGO_URI": "mongodb://127.0.0.1:1"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(variable, nowhere.get(variable, "127.0.0.1:1"))
        reading.tail()
        if server == "Kafka":
            wait_until(lambda: reading.tail().problem, within_s=30)
        for name in SCREENS:
            screen = open_screen(name)
            assert (server in missing(screen)) == (name in screens), (name, missing(screen))
            assert name not in screens or "courant up" in captions(screen) or name == "health"
    st.cache_data.clear()  # what was found away is remembered for some seconds by the layers

    wait_until(lambda: not reading.tail().problem, within_s=30)
    for name in SCREENS:
        assert missing(open_screen(name)) == ""


def test_the_tail_goes_on_where_it_stood_and_keeps_no_more_than_it_may(filled: Scene) -> None:
    topic = "tests.dashboard.tail"
    create_topic(filled.settings, topic, 1)
    produce(filled.settings, topic, [b"%d" % number for number in range(50)])
    tail = Tail(lambda: filled.settings, [topic], lambda _topic: {0: 20}, kept=10)
    try:
        wait_until(lambda: len(tail.newest(topic)) == 10 and tail.newest(topic)[-1].offset == 49)
        assert [one.value for one in tail.newest(topic, 2)] == [b"48", b"49"]
        assert tail.per_second() == 3.0  # thirty, in ten seconds
    finally:
        tail.close()
