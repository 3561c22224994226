"""The model against the real server: each table and column is there, of its type, and may be read by the reader."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal

import pymysql
import pytest
from ingesting import CONTRACTS, ask, own_sinks
from powerbi_projects import columns_read, mysql_item, query_of, river_contract, table_nodes
from powerbi_rows import statements

from courant.powerbi.project import project_files
from courant.settings import Settings
from courant.stores.mysql.aggregates import balance_half_hours, consumption_half_hours
from courant.stores.mysql.connection import connect, session
from courant.stores.mysql.migrate import upgrade
from courant.stores.mysql.schema import create_tables

#: The model's types, by what information_schema calls MySQL's.
MODEL_TYPES = {
    "bigint": "int64", "int": "int64", "smallint": "int64", "tinyint": "int64", "decimal": "double",
    "double": "double", "varchar": "string", "datetime": "dateTime", "date": "dateTime", "tinyint(1)": "boolean",
}  # fmt: skip
BALANCE, CONSUMPTION = CONTRACTS["balance"], CONTRACTS["consumption_inf36"]
DAY = date(2024, 10, 27)


@pytest.fixture(scope="module")
def database(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Give a database with the tables of all contracts and of the README's own, and a few rows."""
    folder = tmp_path_factory.mktemp("powerbi")
    settings = own_sinks(stack, "powerbi", folder)
    upgrade(settings)
    with session(settings, "owner") as connection:
        for contract in (*CONTRACTS.values(), river_contract(folder)):
            create_tables(connection, contract)
    for statement in statements():
        ask(settings, statement, account="owner")
    return settings


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give the project of all contracts and of the README's own."""
    return project_files(CONTRACTS | {"river": river_contract(tmp_path_factory.mktemp("contract"))})


def columns_of(settings: Settings) -> dict[str, dict[str, str]]:
    rows = ask(
        settings,
        "SELECT table_name, column_name, data_type, column_type FROM information_schema.columns"
        " WHERE table_schema = DATABASE()",
    )
    found: dict[str, dict[str, str]] = {}
    for table, column, kind, whole in rows:
        found.setdefault(table, {})[column] = "tinyint(1)" if whole == "tinyint(1)" else kind
    return found


def test_every_column_of_the_model_is_in_mysql_with_its_type(
    database: Settings, files: dict[str, str]
) -> None:
    there, compared = columns_of(database), 0
    for table in table_nodes(files).values():
        item = mysql_item(table)
        if item is None:
            continue
        for column in table.find("column"):
            source = column.properties["sourceColumn"]
            assert source in there[item], (table.name, item, source)
            assert column.properties["dataType"] == MODEL_TYPES[there[item][source]], (item, source)
            compared += 1
    assert compared > 80


def test_every_column_that_a_query_names_is_in_mysql(database: Settings, files: dict[str, str]) -> None:
    there = columns_of(database)
    for table in table_nodes(files).values():
        if item := mysql_item(table):
            query = query_of(table)
            conditions = re.findall(r"each (.*)\)", query)
            (chosen,) = re.findall(r"Table\.SelectColumns\(\w+, \{(.*?)\}\)", query)
            names = re.findall(r"\[(\w+)\]", " ".join(conditions)) + re.findall(r'"(\w+)"', chosen)
            assert set(names) <= set(there[item]), table.name
    flags = [there[item]["is_total"] for item in ("v_consumption", "power_range")]
    assert flags == ["tinyint(1)"] * 2  # what Power BI's connector reads as true and false


def test_a_column_that_mysql_lacks_is_noticed(database: Settings, files: dict[str, str]) -> None:
    ask(
        database,
        "CREATE OR REPLACE VIEW v_river AS SELECT slot_start_utc, station FROM river",
        account="owner",
    )
    try:
        with pytest.raises(AssertionError, match="level_cm"):
            test_every_column_of_the_model_is_in_mysql_with_its_type(database, files)
    finally:
        ask(database, "CREATE OR REPLACE VIEW v_river AS SELECT * FROM river", account="owner")


def test_the_reader_can_read_what_the_model_reads(database: Settings, files: dict[str, str]) -> None:
    """As Power BI asks: the columns, the condition on a row, and the first instant as a value."""
    read = {}
    for table in table_nodes(files).values():
        if item := mysql_item(table):
            columns = ", ".join(f"`{source}`" for source in columns_read(table).values())
            totals = " AND is_total = FALSE" * ("[is_total] = false" in query_of(table))
            instant = " AND slot_start_utc >= %s" * ("[slot_start_utc] >= ImportFrom" in query_of(table))
            bound = (datetime(2020, 12, 31, 23),) * bool(instant)  # noqa: DTZ001 - MySQL has UTC without saying so
            read[table.name] = len(
                ask(database, f"SELECT {columns} FROM `{item}` WHERE TRUE{totals}{instant}", bound)
            )
    assert read == {
        "Bilan": 3, "Consommation": 4, "Consommation par segment": 5, "river": 0, "Prévision": 4,
        "Qualité des prévisions": 2, "Région": 2, "Profil": 2, "Plage de puissance souscrite": 2,
        "Secteur activité": 1, "Série": 4,
    }  # fmt: skip


def test_a_half_hour_of_the_balance_is_the_mean_of_its_steps(database: Settings) -> None:
    rows = ask(
        database,
        "SELECT DATE_FORMAT(slot_start_utc, '%%d %%H:%%i'), steps, consommation_totale, temperature_reelle_lissee"
        " FROM v_balance_half_hour WHERE steps > %s ORDER BY slot_start_utc",
        (0,),
    )
    assert rows == [
        (
            "27 00:00",
            2,
            Decimal("50000000.0"),
            Decimal("10.000"),
        ),  # a step without a temperature does not count
        ("27 01:00", 2, Decimal("70000000.0"), None),
        ("28 00:00", 1, Decimal("90000000.0"), Decimal("8.000")),
    ]


def test_a_half_hour_of_consumption_counts_its_total_or_its_parts_and_never_both(database: Settings) -> None:
    rows = ask(
        database,
        "SELECT MINUTE(slot_start_utc), series, energy_wh, totals_wh, parts_wh, sites, segments, masked"
        " FROM v_consumption_half_hour",
    )
    mwh = 1_000_000
    assert set(rows) == {
        (0, "consumption_inf36|11|RES1", 100 * mwh, 100 * mwh, (30 + 60) * mwh, 9, 3, 0),
        (30, "consumption_inf36|11|RES1", 40 * mwh, None, 40 * mwh, 4, 2, 1),
        (0, "consumption_inf36|84|RES1", 50 * mwh, None, 50 * mwh, 2, 1, 0),
        (0, "consumption_inf36|11|PRO1", 10 * mwh, 10 * mwh, 10 * mwh, 4, 2, 0),
    }


def test_the_views_give_what_the_publisher_of_documents_reads(database: Settings) -> None:
    with closing(connect(database, "reader")) as connection:
        balance = balance_half_hours(connection, BALANCE, [DAY])
        consumption = consumption_half_hours(connection, CONSUMPTION, [DAY])
    names = ("steps", "consommation_totale", "temperature_reelle_lissee")
    shown = ask(
        database,
        f"SELECT {', '.join(names)} FROM v_balance_half_hour WHERE slot_start_utc < '2024-10-27 23:00'",
    )
    assert len(shown) == 2
    assert set(zip(*[balance[name].to_pylist() for name in names], strict=True)) == set(shown)
    names = (
        "dataset",
        "region_code",
        "profil",
        "energy_wh",
        "totals_wh",
        "parts_wh",
        "sites",
        "segments",
        "masked",
    )
    shown = ask(database, f"SELECT {', '.join(names)} FROM v_consumption_half_hour")
    assert len(shown) == 4
    assert set(zip(*[consumption[name].to_pylist() for name in names], strict=True)) == set(shown)


def test_a_dimensions_key_is_unique(database: Settings, files: dict[str, str]) -> None:
    """Power BI refuses to refresh a table whose key comes twice."""
    keys = {("Région", "region_code"), ("Profil", "profil"), ("Secteur activité", "secteur_activite"),
            ("Plage de puissance souscrite", "plage_de_puissance_souscrite")}  # fmt: skip
    for name, key in keys:
        table = mysql_item(table_nodes(files)[name])
        unique = ask(
            database,
            "SELECT index_name, COUNT(*), MAX(column_name) FROM information_schema.statistics"
            " WHERE table_schema = DATABASE() AND table_name = %s AND non_unique = 0 GROUP BY index_name",
            (table,),
        )
        assert (1, key) in {(columns, column) for _, columns, column in unique}, name


@pytest.mark.parametrize(("client", "without_id"), [("pymysql", True), ("mysql-connector-net", False)])
def test_power_bis_driver_sees_no_collation_without_an_id(
    database: Settings, client: str, without_id: bool
) -> None:
    """Connector/NET lists the collations at each log-in and fails on such; MariaDB hides them from it, by its name."""
    mysql = database.mysql
    connection = pymysql.connections.Connection(
        host=mysql.host, port=mysql.port, user="courant_reader", database=mysql.database,
        password=mysql.reader_password.get_secret_value(), defer_connect=True,
    )  # fmt: skip
    connection._connect_attrs = {"_client_name": client}
    connection.connect()
    with closing(connection), connection.cursor() as cursor:
        cursor.execute("SHOW COLLATION")
        assert any(row[2] is None for row in cursor.fetchall()) == without_id
