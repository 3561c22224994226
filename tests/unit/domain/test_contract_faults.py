"""A contract that cannot work is refused with one clear error: the file, the place and the mend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from courant.domain.contract import load_contract, load_contracts
from courant.errors import ContractError

Odcs = dict[str, Any]


def a_meter() -> Odcs:
    return yaml.safe_load(Path(__file__).with_name("meter.odcs.yaml").read_text(encoding="utf-8"))


def custom(odcs: Odcs, name: str) -> Any:
    return next(p["value"] for p in odcs["customProperties"] if p["property"] == name)


def set_custom(odcs: Odcs, name: str, value: object) -> None:
    next(p for p in odcs["customProperties"] if p["property"] == name)["value"] = value


def drop_custom(odcs: Odcs, name: str) -> None:
    odcs["customProperties"] = [p for p in odcs["customProperties"] if p["property"] != name]


def dimension(odcs: Odcs, table: str) -> Odcs:
    return next(d for d in custom(odcs, "dimensions") if d["table"] == table)


def prop(odcs: Odcs, name: str) -> Odcs:
    return next(p for p in odcs["schema"][0]["properties"] if p["name"] == name)


def rule(odcs: Odcs) -> Odcs:
    return odcs["schema"][0]["quality"][0]


def write(folder: Path, odcs: Odcs) -> Path:
    path = folder / f"{odcs['name']}.odcs.yaml"
    path.write_text(yaml.safe_dump(odcs, allow_unicode=True), encoding="utf-8")
    return path


FAULTS: list[tuple[str, Callable[[Odcs], object], str]] = [
    ("no topic", lambda o: drop_custom(o, "topic"), "topic: Field required"),
    ("bad topic", lambda o: set_custom(o, "topic", "a topic"), "topic 'a topic' is no Kafka topic name"),
    ("no steps", lambda o: drop_custom(o, "stepsMinutes"), "stepsMinutes: Field required"),
    ("empty steps", lambda o: set_custom(o, "stepsMinutes", []), r"stepsMinutes \[\] do not divide a day"),
    ("odd step", lambda o: set_custom(o, "stepsMinutes", [7]), r"stepsMinutes \[7\] do not divide a day"),
    (
        "text step",
        lambda o: set_custom(o, "stepsMinutes", ["30"]),
        "stepsMinutes.0: Input should be a valid integer",
    ),
    ("other kind", lambda o: o.update(kind="Data"), "it is not ODCS 3"),
    ("old ODCS", lambda o: o.update(apiVersion="v2.2.0"), "it is not ODCS 3"),
    ("unknown part", lambda o: o.update(colour="red"), "it is not ODCS: colour: Extra inputs"),
    ("no version", lambda o: o.pop("version"), "version is missing"),
    ("no table", lambda o: o.pop("schema"), "its schema has 0 tables instead of one"),
    ("two tables", lambda o: o["schema"].append(o["schema"][0]), "its schema has 2 tables instead of one"),
    ("no table name", lambda o: o["schema"][0].pop("physicalName"), "schema: physicalName is missing"),
    ("no field name", lambda o: prop(o, "index").pop("name"), "field number 6: name is missing"),
    ("not a name", lambda o: prop(o, "index").update(name="In dex"), "the field 'In dex' is not a name"),
    (
        "unknown type",
        lambda o: prop(o, "index").update(logicalType="money"),
        "field index: unknown logicalType 'money'",
    ),
    ("no type", lambda o: prop(o, "index").pop("logicalType"), "field index: unknown logicalType None"),
    (
        "no column type",
        lambda o: prop(o, "index").pop("physicalType"),
        "field index: physicalType is missing",
    ),
    (
        "wrong column type",
        lambda o: prop(o, "volume").update(physicalType="DOUBLE"),
        "field volume: physicalType DOUBLE cannot hold the type decimal",
    ),
    (
        "text for a number",
        lambda o: prop(o, "index").update(physicalType="VARCHAR(9)"),
        r"field index: physicalType VARCHAR\(9\) cannot hold the type integer",
    ),
    (
        "scale",
        lambda o: prop(o, "volume").update(physicalType="DECIMAL(2,3)"),
        r"DECIMAL\(2,3\) has no such scale",
    ),
    (
        "limits crossed",
        lambda o: prop(o, "volume")["logicalTypeOptions"].update(minimum=10),
        "field volume: minimum 10 is above maximum 9.5",
    ),
    (
        "limit nobody holds",
        lambda o: prop(o, "volume")["logicalTypeOptions"].update(exclusiveMinimum=0),
        "field volume: exclusiveMinimum is not enforced",
    ),
    (
        "rule at a field",
        lambda o: prop(o, "volume").update(quality=[rule(o)]),
        "field volume: rules at a field are not enforced",
    ),
    (
        "too long",
        lambda o: prop(o, "kind")["logicalTypeOptions"].update(maxLength=9),
        r"field kind: maxLength 9 does not fit VARCHAR\(8\)",
    ),
    (
        "bad pattern",
        lambda o: prop(o, "kind")["logicalTypeOptions"].update(pattern="(old"),
        "field kind: the pattern is no regular expression",
    ),
    (
        "unit not a text",
        lambda o: prop(o, "volume")["customProperties"][1].update(value=3),
        "field volume: unit: Input should be a valid string",
    ),
    (
        "name twice",
        lambda o: prop(o, "index").update(name="volume"),
        "field name or label 'volume' stands twice",
    ),
    (
        "label twice",
        lambda o: prop(o, "index").update(businessName="vol"),
        "field name or label 'vol' stands twice",
    ),
    (
        "column twice",
        lambda o: prop(o, "index").update(physicalName="volume"),
        "column 'volume' stands twice",
    ),
    (
        "no instant",
        lambda o: prop(o, "at").update(logicalType="string", physicalType="VARCHAR(25)"),
        r"it has 0 instants \(none\) instead of one",
    ),
    (
        "two instants",
        lambda o: prop(o, "index").update(logicalType="timestamp", physicalType="DATETIME"),
        r"it has 2 instants \(at, index\) instead of one",
    ),
    (
        "no key",
        lambda o: [p.pop("primaryKey", None) for p in o["schema"][0]["properties"]],
        "it has no key",
    ),
    (
        "no position",
        lambda o: prop(o, "kind").pop("primaryKeyPosition"),
        "field kind: primaryKeyPosition is missing",
    ),
    (
        "gap in the key",
        lambda o: prop(o, "kind").update(primaryKeyPosition=4),
        "the positions of its key are not 1, 2, 3",
    ),
    (
        "instant not first",
        lambda o: (prop(o, "at").update(primaryKeyPosition=2), prop(o, "town").update(primaryKeyPosition=1)),
        "its key does not begin with the instant at",
    ),
    ("optional key", lambda o: prop(o, "kind").update(required=False), "the key field kind is not required"),
    (
        "unknown message key",
        lambda o: set_custom(o, "messageKey", ["city"]),
        "messageKey: there is no field 'city'",
    ),
    (
        "message key outside the key",
        lambda o: set_custom(o, "messageKey", ["volume"]),
        "messageKey: volume is not part of the key",
    ),
    ("rule without name", lambda o: rule(o).pop("name"), "rule number 1: name is missing"),
    (
        "rule twice",
        lambda o: o["schema"][0]["quality"].append(rule(o)),
        "rule 'index_is_not_negative' stands twice",
    ),
    ("unknown severity", lambda o: rule(o).update(severity="error"), "unknown severity 'error'"),
    ("no severity", lambda o: rule(o).pop("severity"), "unknown severity None"),
    ("other engine", lambda o: rule(o).update(engine="soda"), "it is not of type custom, engine spark-sql"),
    ("no condition", lambda o: rule(o).pop("implementation"), "it is not of type custom, engine spark-sql"),
    (
        "dimension of an unknown field",
        lambda o: dimension(o, "kind").update(field="colour"),
        "dimension kind: there is no field 'colour'",
    ),
    (
        "column of an unknown field",
        lambda o: dimension(o, "town")["columns"][0].update(expression="city"),
        "dimension town, column town_name: there is no field 'city'",
    ),
    (
        "dimension's column type",
        lambda o: dimension(o, "kind")["columns"][1].update(type="BOOL"),
        "dimension kind: column is_old has no MySQL type we know: BOOL",
    ),
    (
        "closed without members",
        lambda o: dimension(o, "town").update(members=[]),
        "dimension town: it is closed but has no field or no members",
    ),
    (
        "member too short",
        lambda o: dimension(o, "town").update(members=[["38185"]]),
        "dimension town: the member 38185 has 1 values instead of 2",
    ),
    (
        "member twice",
        lambda o: dimension(o, "kind").update(members=[["old"], ["old"]]),
        "member of the dimension kind .* stands twice",
    ),
    (
        "natural key of another type",
        lambda o: dimension(o, "town").update(keyType="INT"),
        "dimension town: its key town_code INT is not the column of town",
    ),
    (
        "natural without field",
        lambda o: dimension(o, "town").pop("field"),
        "dimension town: it is keyed by a field but names none",
    ),
    (
        "hash that is no BIGINT",
        lambda o: dimension(o, "kind").update(keyType="INT"),
        "dimension kind: its key is a 63-bit hash but has the type INT",
    ),
    (
        "nothing to hash",
        lambda o: dimension(o, "maker")["columns"][0].update(naturalKey=False),
        "dimension maker: it has nothing to hash",
    ),
    (
        "unknown keyedBy",
        lambda o: dimension(o, "kind").update(keyedBy="uuid"),
        "dimension kind: unknown keyedBy 'uuid'",
    ),
    (
        "misspelt part",
        lambda o: dimension(o, "kind").update(close=True),
        "close: Extra inputs are not permitted",
    ),
    (
        "parents after children",
        lambda o: custom(o, "dimensions").reverse(),
        "dimension kind: no dimension maker stands before it",
    ),
    (
        "dimension twice",
        lambda o: dimension(o, "maker").update(table="town"),
        "dimension 'town' stands twice",
    ),
    (
        "column twice in a dimension",
        lambda o: dimension(o, "kind")["columns"][1].update(name="maker_id"),
        "column of the dimension kind 'maker_id' stands twice",
    ),
    (
        "fact of an unknown dimension",
        lambda o: set_custom(o, "factDimensions", ["shop"]),
        "factDimensions: no dimension is called shop",
    ),
]


@pytest.mark.parametrize(("spoil", "message"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_a_malformed_contract_gives_one_clear_error(
    tmp_path: Path, spoil: Callable[[Odcs], object], message: str
) -> None:
    odcs = a_meter()
    spoil(odcs)
    path = write(tmp_path, odcs)
    with pytest.raises(ContractError, match=message) as caught:
        load_contract(path)
    assert str(path) in caught.value.message, "the message names the file"
    assert caught.value.remedy, "and says what to do"
    assert caught.value.exit_code == 11


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name: [a", "it is not YAML"),
        (b"", "it is not ODCS: it holds no mapping"),
        (b"- a\n- b\n", "it is not ODCS: it holds no mapping"),
        (b"name: meter\nschema: water\n", "it is not ODCS: schema"),
        (b"name: R\xe9gion\n", "it is not UTF-8 text"),
    ],
)
def test_a_file_that_is_no_contract_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "meter.odcs.yaml"
    path.write_bytes(content)
    with pytest.raises(ContractError, match=message):
        load_contract(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="it cannot be read"):
        load_contract(tmp_path / "meter.odcs.yaml")


def test_a_file_has_the_name_of_its_data_set(tmp_path: Path) -> None:
    path = write(tmp_path, a_meter()).rename(tmp_path / "water.odcs.yaml")
    with pytest.raises(ContractError, match="it is named 'meter', so its file must be"):
        load_contract(path)


SHARED_FAULTS: list[tuple[str, Callable[[Odcs], object], str]] = [
    ("topic", lambda o: set_custom(o, "topic", "readings.meter"), "share the topic readings.meter"),
    (
        "fact",
        lambda o: prop(o, "index").update(physicalType="INT"),
        "describe the table water differently",
    ),
    (
        "dimension",
        lambda o: dimension(o, "town")["columns"][0].update(type="VARCHAR(99)"),
        "describe the dimension town differently",
    ),
]


@pytest.mark.parametrize(
    ("spoil", "message"), [f[1:] for f in SHARED_FAULTS], ids=[f[0] for f in SHARED_FAULTS]
)
def test_two_contracts_agree_on_what_they_share(
    tmp_path: Path, spoil: Callable[[Odcs], object], message: str
) -> None:
    other = a_meter() | {"name": "counter"}
    set_custom(other, "topic", "readings.counter")
    spoil(other)
    write(tmp_path, a_meter())
    write(tmp_path, other)
    with pytest.raises(ContractError, match=f"counter and meter {message}"):
        load_contracts(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no folder of contracts at"):
        load_contracts(tmp_path / "nowhere")
