"""Half hours by SQL, in figures that are written out; and which days a batch says it changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from ingesting import CONTRACTS, own_sinks

from courant.settings import Settings
from courant.stores.mysql import aggregates, migrate
from courant.stores.mysql.connection import LoadConnection, connect
from courant.stores.mysql.day_changes import Batch, Changes, keep_changes, read_changes, read_days
from courant.stores.mysql.schema import create_tables

BALANCE, INF36 = CONTRACTS["balance"], CONTRACTS["consumption_inf36"]
MONDAY = date(2026, 1, 5)  # begins at 23:00 UTC of the day before
SEGMENTS = {1: "P0: Total <= 36 kVA", 2: "P1: ]0-3] kVA", 3: "P2: ]3-6] kVA"}
SOURCE = {"source_epoch": 0, "source_partition": 0, "source_offset": 0}


@pytest.fixture(scope="module")
def connection(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoadConnection]:
    """Give the owner's connection to a database with all tables and no facts."""
    settings = own_sinks(stack, "aggregates", tmp_path_factory.mktemp("aggregates"))
    owner = prepared(settings)
    yield owner
    owner.close()


def prepared(settings: Settings) -> LoadConnection:
    migrate.upgrade(settings)
    owner = connect(settings, "owner")
    for contract in (BALANCE, INF36):
        create_tables(owner, contract)
    insert(owner, "region", [{"region_code": "84", "region": "Auvergne-Rhône-Alpes"}])
    insert(owner, "profile", [{"profile_id": 1, "profil": "RES1 (+ RES1WE)"}])
    insert(owner, "sector", [{"sector_id": 1, "secteur_activite": ""}])
    for number, name in SEGMENTS.items():
        range_ = {"power_range_id": number, "plage_de_puissance_souscrite": name, "is_total": number == 1}
        insert(owner, "power_range", [range_])
        ids = {"segment_id": number, "profile_id": 1, "power_range_id": number, "sector_id": 1}
        insert(owner, "segment", [ids | {"dataset": "consumption_inf36"}])
        insert(owner, "segment", [ids | {"segment_id": 10 + number, "dataset": "consumption_sup36"}])
    return owner


def insert(connection: LoadConnection, table: str, rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        names, places = ", ".join(row), ", ".join(["%s"] * len(row))
        with connection.cursor() as cursor:
            cursor.execute(f"REPLACE INTO `{table}` ({names}) VALUES ({places})", tuple(row.values()))


@pytest.fixture(autouse=True)
def nothing_stays(connection: LoadConnection) -> Iterator[None]:
    """Take each test's facts back."""
    connection.begin()
    yield
    connection.rollback()


def at(hour: int, minute: int = 0, day: int = 5) -> datetime:
    return datetime(2026, 1, day, hour, minute, tzinfo=UTC)


def test_steps_are_averaged_exactly_and_a_day_with_a_quarter_needs_all_its_quarters(
    connection: LoadConnection,
) -> None:
    powers = [
        (at(23, 0, day=4), 100, "-0.25"), (at(23, 15, day=4), 201, "1.00"),  # slot 1
        (at(23, 45, day=4), 7, None),  # slot 2, half of it
        (at(0, 0), 3, None), (at(0, 15), 4, "2.50"),  # slot 3
        (at(23, 0), 9, None),  # slot 1 of Tuesday, which has half hours
    ]  # fmt: skip
    rows = [
        {"slot_start_utc": start, "consommation_totale": watts, "temperature_reelle_lissee": degrees} | SOURCE
        for start, watts, degrees in powers
    ]
    insert(connection, "balance", rows)

    table = aggregates.balance_half_hours(connection, BALANCE, [date(2026, 1, 6), MONDAY])

    names = ("paris_day", "month", "slot", "slot_start_utc", "step_minutes", "steps", "is_complete",
             "consommation_totale", "temperature_reelle_lissee", "pertes")  # fmt: skip
    month, tuesday = date(2026, 1, 1), date(2026, 1, 6)
    expected = [
        (MONDAY, month, 1, at(23, 0, day=4), 15, 2, True, Decimal("150.5"), Decimal("0.375"), None),
        (MONDAY, month, 2, at(23, 30, day=4), 15, 1, False, Decimal("7.0"), None, None),
        (MONDAY, month, 3, at(0, 0), 15, 2, True, Decimal("3.5"), Decimal("2.500"), None),
        (tuesday, month, 1, at(23, 0), 30, 1, True, Decimal("9.0"), None, None),
    ]
    found = table.select(names).to_pylist()
    assert sorted(tuple(row[name] for name in names) for row in found) == sorted(expected)


def test_a_total_is_never_added_to_its_parts_and_is_at_least_their_sum(connection: LoadConnection) -> None:
    energies = {  # by slot: the total, and the two parts
        1: (10, 3, 4),
        2: (None, 3, None),
        3: (5, 4, 4),
        4: (None, None, None),
    }
    starts = {1: at(23, 0, day=4), 2: at(23, 30, day=4), 3: at(0, 0), 4: at(0, 30)}
    rows = [
        {"slot_start_utc": starts[slot], "region_code": "84", "segment_id": segment,
         "total_energie_soutiree_wh": energy, "nb_points_soutirage": 100 * segment} | SOURCE
        for slot, row in energies.items() for segment, energy in zip(SEGMENTS, row, strict=True)
    ]  # fmt: skip
    others = {"segment_id": 11, "total_energie_soutiree_wh": 999}  # of the other data set
    insert(connection, "consumption", [*rows, rows[0] | others])

    table = aggregates.consumption_half_hours(connection, INF36, [MONDAY])

    names = ("slot", "energy_wh", "parts_wh", "totals_wh", "segments", "masked", "sites", "is_complete")
    assert sorted(tuple(row[name] for name in names) for row in table.to_pylist()) == [
        (1, 10, 7, 10, 3, 0, 500, True),
        (2, 3, 3, None, 3, 2, 500, False),
        (3, 8, 8, 5, 3, 0, 500, True),
        (4, None, None, None, 3, 3, 500, False),
    ]
    assert set(table["dataset"].to_pylist()) == {"consumption_inf36"}


def test_the_newest_slot_is_the_data_sets_own(connection: LoadConnection) -> None:
    own = {"slot_start_utc": at(1), "region_code": "84", "segment_id": 1} | SOURCE
    insert(connection, "consumption", [own, own | {"slot_start_utc": at(9), "segment_id": 11}])

    assert aggregates.newest_slot(connection, INF36) == at(1)
    assert aggregates.newest_slot(connection, BALANCE) is None


def test_a_day_is_changed_by_the_last_batch_that_touched_it(connection: LoadConnection) -> None:
    for number, run in ((1, "a"), (2, "b")):
        batch = {"ingest_batch_id": number, "dataset": "balance", "run_id": run, "batch_id": 0,
                 "committed_at": at(0), "rows_in": 1, "accepted": 1, "rejected": 0, "warnings": "{}",
                 "load_ms": 1}  # fmt: skip
        insert(connection, "ingest_batch", [batch])
    keep_changes(connection, "balance", [date(2026, 1, 4), MONDAY], 1)
    keep_changes(connection, "balance", [MONDAY], 2)
    last = Batch(2, "b")

    assert read_changes(connection, "balance", Batch(1, "a")) == Changes(frozenset({MONDAY}), last)
    assert read_changes(connection, "balance", last) == Changes(frozenset(), last)
    assert read_changes(connection, "balance", None) == Changes(None, last)
    assert read_changes(connection, "balance", Batch(1, "another database")) == Changes(None, last)
    assert read_changes(connection, "consumption_inf36", last) == Changes(None, None)


def test_days_with_facts_are_found_one_by_one(connection: LoadConnection) -> None:
    insert(connection, "balance", [{"slot_start_utc": at(h, day=d), "consommation_totale": 1} | SOURCE
                                   for h, d in ((23, 4), (0, 9), (12, 9))])  # fmt: skip

    assert list(read_days(connection, BALANCE)) == [date(2026, 1, 4), date(2026, 1, 9)]
