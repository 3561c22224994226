"""A contract is read whole: every part of its file has a place in the values."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from courant.domain.contract import (
    Contract,
    Dimension,
    DimensionColumn,
    Field,
    FieldType,
    KeyedBy,
    Rule,
    Severity,
    find_contract,
    load_contract,
    load_contracts,
)
from courant.errors import UnknownDatasetError

METER = Path(__file__).with_name("meter.odcs.yaml")


@pytest.fixture
def meter() -> Contract:
    return load_contract(METER)


def test_a_contract_says_where_its_records_go(meter: Contract) -> None:
    assert (meter.name, meter.version, meter.description) == ("meter", "2.1.0", "Water meters.")
    assert (meter.topic, meter.table, meter.view) == ("readings.meter", "water", "v_meter")
    assert meter.portal_id is None
    assert meter.steps_minutes == (15, 60)
    assert meter.message_key == ("town",)
    assert meter.fact_dimensions == ("town", "kind")


def test_a_field_keeps_all_that_its_contract_says(meter: Contract) -> None:
    assert meter.field("volume") == Field(
        name="volume",
        labels=("Volume (m³)", "Volume", "vol"),
        type=FieldType.DECIMAL,
        column="volume",
        sql_type="DECIMAL(12,3)",
        required=False,
        key_position=None,
        null_tokens=("-",),
        unit="m³",
        max_length=None,
        pattern=None,
        minimum=0,
        maximum=9.5,
        description="Water used.",
    )


def test_a_field_takes_the_null_tokens_of_its_contract_unless_it_has_its_own(meter: Contract) -> None:
    assert meter.field("index").null_tokens == ("", "n/a")
    assert meter.field("volume").null_tokens == ("-",)


def test_a_text_is_as_long_as_its_column_unless_the_contract_says_less(meter: Contract) -> None:
    assert meter.field("town_name").max_length == 64
    assert meter.field("town").max_length == 5
    assert meter.field("kind").max_length == 3
    assert meter.field("index").max_length is None


@pytest.mark.parametrize(
    ("name", "precision", "scale"), [("volume", 12, 3), ("index", 19, 0), ("kind", 0, 0), ("at", 0, 0)]
)
def test_a_field_knows_its_digits(meter: Contract, name: str, precision: int, scale: int) -> None:
    assert (meter.field(name).precision, meter.field(name).scale) == (precision, scale)


def test_fields_keep_the_published_order_and_the_key_its_own(meter: Contract) -> None:
    assert [f.name for f in meter.fields] == ["at", "town_name", "kind", "town", "volume", "index"]
    assert [f.name for f in meter.key_fields] == ["at", "town", "kind"]
    assert (meter.instant.name, meter.instant.column) == ("at", "slot_start_utc")


def test_the_fact_holds_what_no_dimension_holds(meter: Contract) -> None:
    assert [f.name for f in meter.measures] == ["volume", "index"]


def test_a_rule_is_read_with_its_fate(meter: Contract) -> None:
    assert meter.rules == (
        Rule("index_is_not_negative", Severity.REJECT, "index >= 0", "A meter counts up."),
    )


def test_a_natural_dimension_is_keyed_by_its_field(meter: Contract) -> None:
    town = meter.dimension("town")
    assert town == Dimension(
        table="town",
        key="town_code",
        keyed_by=KeyedBy.NATURAL,
        key_sql_type="CHAR(5)",
        columns=(DimensionColumn("town_name", "VARCHAR(64)", "town_name", is_natural_key=False),),
        parents=(),
        field="town",
        is_closed=True,
        members=(("38185", "Grenoble"), ("69123", "Lyon")),
    )
    assert town.member_fields == ("town", "town_name")


def test_a_hashed_dimension_has_a_bigint_key_and_is_open(meter: Contract) -> None:
    kind = meter.dimension("kind")
    assert (kind.keyed_by, kind.key_sql_type, kind.is_closed) == (KeyedBy.HASH, "BIGINT", False)
    assert kind.parents == ("maker",)
    assert kind.member_fields == ("kind",)
    assert [c.source_field for c in kind.columns] == ["kind", None]


def test_an_unknown_field_or_dimension_is_a_key_error(meter: Contract) -> None:
    with pytest.raises(KeyError, match="colour"):
        meter.field("colour")
    with pytest.raises(KeyError, match="colour"):
        meter.dimension("colour")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with the contracts meter and counter, and a file that is none."""
    shutil.copy(METER, tmp_path)
    counter = METER.read_text(encoding="utf-8").replace("name: meter", "name: counter", 1)
    counter = counter.replace("readings.meter", "readings.counter")
    (tmp_path / "counter.odcs.yaml").write_text(counter, encoding="utf-8")
    (tmp_path / "README.md").write_text("not a contract")
    return tmp_path


def test_every_contract_of_a_folder_is_loaded_by_name(folder: Path) -> None:
    contracts = load_contracts(folder)
    assert list(contracts) == ["counter", "meter"]
    assert contracts["counter"].topic == "readings.counter"


def test_a_data_set_is_found_by_its_name(folder: Path) -> None:
    assert find_contract(folder, "meter").name == "meter"


@pytest.mark.parametrize("name", ["metre", "../meter", ""])
def test_an_unknown_data_set_is_told_the_known_ones(folder: Path, name: str) -> None:
    with pytest.raises(UnknownDatasetError, match="there are: counter, meter") as caught:
        find_contract(folder, name)
    assert caught.value.exit_code == 12


def test_a_contract_is_read_anew_each_time(folder: Path) -> None:
    path = folder / "meter.odcs.yaml"
    assert load_contract(path).version == "2.1.0"
    path.write_text(path.read_text(encoding="utf-8").replace("2.1.0", "2.2.0"), encoding="utf-8")
    assert load_contract(path).version == "2.2.0"
