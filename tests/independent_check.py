"""A second opinion in plain Python, with none of the project's code: Kafka's records against MySQL and bronze.

It has its own consumer (kafka-python), its own idea of what a good record is, PyMySQL, and delta-rs.
`python tests/independent_check.py NAME` checks the stack of `courant status --json`, read as courant_reader.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pymysql
from deltalake import DeltaTable
from kafka import KafkaConsumer, TopicPartition

Place = tuple[int, int]  # partition, offset
Key = tuple[str, ...]

REGIONS = {"11", "24", "27", "28", "32", "44", "52", "53", "75", "76", "84", "93"}
SEGMENT = ("code_region", "profil", "plage_de_puissance_souscrite")
CURVES = ("courbe_moyenne_ndeg1_wh", "courbe_moyenne_ndeg2_wh", "courbe_moyenne_ndeg1_ndeg2_wh")
INDICES = (
    "indice_representativite_courbe_ndeg1",
    "indice_representativite_courbe_ndeg2",
    "indice_representativite_courbe_ndeg1_ndeg2",
)
COUNTS = (
    "nb_points_soutirage",
    "total_energie_soutiree_wh",
    "jour_max_du_mois_0_1",
    "semaine_max_du_mois_0_1",
)
POWERS = [
    "injection_rte",
    "soutirage_rte",
    "soutirage_vers_autres_grd",
    "pertes",
    "consommation_totale",
    "consommation_hta",
    "consommation_telerelevee_hta",
    "consommation_telerelevee_btsup",
    "consommation_telerelevee_professionnelle",
    "consommation_telerelevee_residentielle",
    "consommation_profilee_ent_hta",
    "consommation_profilee_ent_bt",
    "consommation_profilee_pro",
    "consommation_profilee_res",
    "production_totale",
    "production_telerelevee",
    "production_profilee",
    "production_photovoltaique",
    "production_eolien",
    "production_cogeneration",
    "production_autre",
    "production_profilee_photovoltaique",
    "production_profilee_cogeneration",
    "production_profilee_hydraulique",
    "production_profilee_aut",
]
WEATHER = ("temperature_reelle_lissee", "temperature_normale_lissee", "pseudo_rayonnement")


@dataclass(frozen=True)
class Shape:
    """What one data set's records and rows look like, as this check understands it."""

    view: str
    key: tuple[str, ...]  # fields of a record beside the slot
    key_columns: tuple[str, ...]  # the same in the view
    integers: tuple[str, ...]
    decimals: dict[str, int]  # digits behind the point
    texts: tuple[str, ...]
    step_minutes: int
    not_negative: tuple[str, ...]
    where: str = "1 = 1"


def _consumption(name: str, *more: str) -> Shape:
    return Shape(
        view="v_consumption",
        key=(*SEGMENT, *more),
        key_columns=("region_code", *SEGMENT[1:], *more),
        integers=COUNTS,
        decimals=dict.fromkeys(CURVES, 3),
        texts=INDICES,
        step_minutes=30,
        not_negative=("total_energie_soutiree_wh", *CURVES),
        where=f"dataset = '{name}'",
    )


SHAPES = {
    "consumption_inf36": _consumption("consumption_inf36"),
    "consumption_sup36": _consumption("consumption_sup36", "secteur_activite"),
    "balance": Shape(
        view="v_balance",
        key=(),
        key_columns=(),
        integers=tuple(POWERS),
        decimals=dict.fromkeys(WEATHER, 2),
        texts=(),
        step_minutes=15,
        not_negative=("consommation_totale",),
    ),
}


@dataclass(frozen=True)
class Findings:
    """How the sinks differ from the topic; all zero when they agree."""

    produced: int
    facts_missing: int  # keys that MySQL lacks
    facts_doubled: int  # keys that MySQL has and the topic has not, or has twice
    facts_stale: int  # keys with another value than their newest
    rejects_missing: int
    rejects_doubled: int
    bronze_missing: int
    bronze_doubled: int
    bronze_altered: int  # records whose bytes differ

    @property
    def agrees(self) -> bool:
        """Whether nothing is missing, doubled or stale."""
        return not any(getattr(self, field.name) for field in fields(self) if field.name != "produced")


def check(*, bootstrap: str, topic: str, dataset: str, mysql: dict[str, Any], bronze: Path) -> Findings:
    """Compare all committed records of a topic with what the two sinks hold now."""
    records = dict(read_topic(bootstrap, topic))
    newest, bad = newest_values(records, SHAPES[dataset])
    facts = read_facts(mysql, SHAPES[dataset])
    rejects = read_rejects(mysql, dataset)
    stored = read_bronze(bronze)
    shared = newest.keys() & facts.keys()
    return Findings(
        produced=len(records),
        facts_missing=len(newest.keys() - facts.keys()),
        facts_doubled=len(facts.keys() - newest.keys()) + sum(len(rows) - 1 for rows in facts.values()),
        facts_stale=sum(facts[key][0] != newest[key] for key in shared),
        rejects_missing=len(bad - rejects.keys()),
        rejects_doubled=len(rejects.keys() - bad) + sum(count - 1 for count in rejects.values()),
        bronze_missing=len(records.keys() - stored.keys()),
        bronze_doubled=len(stored.keys() - records.keys())
        + sum(len(values) - 1 for values in stored.values()),
        bronze_altered=sum(stored[place][0] != records[place] for place in stored.keys() & records.keys()),
    )


def read_topic(bootstrap: str, topic: str) -> Iterator[tuple[Place, bytes | None]]:
    """Read every committed record from the log's start to its end as it is now."""
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        check_crcs=False,
        max_partition_fetch_bytes=8 << 20,
        consumer_timeout_ms=30_000,
    )
    with closing(consumer):
        partitions = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic))]
        ends = consumer.end_offsets(partitions)
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            for partition, messages in consumer.poll(timeout_ms=1_000, max_records=5_000).items():
                for message in messages:
                    if message.offset < ends[partition]:
                        yield (partition.partition, message.offset), message.value


def newest_values(records: dict[Place, bytes | None], shape: Shape) -> tuple[dict[Key, Key], set[Place]]:
    """Give the newest good value of each key, and the places of the bad records."""
    newest: dict[Key, Key] = {}
    bad = set()
    for place in sorted(records):  # one key's records share a partition, so offsets order them
        good = read_record(records[place], shape)
        if good is None:
            bad.add(place)
        else:
            newest[good[0]] = good[1]
    return newest, bad


def read_record(value: bytes | None, shape: Shape) -> tuple[Key, Key] | None:
    """Read one record as (key, values); None where it is bad."""
    try:
        record = json.loads((value or b"").decode(), parse_float=Decimal)
        record = {name: None if given == "" else given for name, given in record.items()}
        slot = _instant(record["horodate"])
        key = tuple(str(record[name]) for name in shape.key if record[name] is not None)
        integers = [_integer(record.get(name)) for name in shape.integers]
        decimals = [_decimal(record.get(name), digits) for name, digits in shape.decimals.items()]
    except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation):
        return None
    numbers = dict(zip((*shape.integers, *shape.decimals), (*integers, *decimals), strict=True))
    is_good = (
        len(key) == len(shape.key)
        and (not key or key[0] in REGIONS)
        and slot.timestamp() % (shape.step_minutes * 60) == 0
        and all((numbers[name] or 0) >= 0 for name in shape.not_negative)
        and not (shape.view == "v_balance" and numbers["consommation_totale"] is None)
    )
    texts = [record.get(name) for name in shape.texts]
    return ((slot.strftime("%F %T"), *key), _values(*numbers.values(), *texts)) if is_good else None


def _instant(text: str) -> datetime:
    if not re.search(r"(Z|[+-]\d\d:?\d\d)$", text):
        raise ValueError(text)
    return datetime.fromisoformat(text).astimezone(UTC)


def _integer(given: object) -> int | None:
    if given is None:
        return None
    number = Decimal(str(given))
    if number != int(number) or abs(number) >= 2**63:
        raise ValueError(given)
    return int(number)


def _decimal(given: object, digits: int) -> Decimal | None:
    if given is None:
        return None
    return Decimal(str(given).replace(",", ".")).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def _values(*values: object) -> Key:
    return tuple("NULL" if value is None else str(value) for value in values)


def read_facts(mysql: dict[str, Any], shape: Shape) -> dict[Key, list[Key]]:
    """Give the rows of each key in the view."""
    columns = ("slot_start_utc", *shape.key_columns, *shape.integers, *shape.decimals, *shape.texts)
    rows = _rows(mysql, f"SELECT {', '.join(columns)} FROM {shape.view} WHERE {shape.where}")
    facts: dict[Key, list[Key]] = {}
    size = 1 + len(shape.key)
    for row in rows:
        facts.setdefault(tuple(str(part) for part in row[:size]), []).append(_values(*row[size:]))
    return facts


def read_rejects(mysql: dict[str, Any], dataset: str) -> Counter[Place]:
    """Count the rejects at each place."""
    sql = f"SELECT partition_id, record_offset FROM reject WHERE dataset = '{dataset}'"
    return Counter((partition, offset) for partition, offset in _rows(mysql, sql))


def _rows(mysql: dict[str, Any], sql: str) -> list[tuple[Any, ...]]:
    with closing(pymysql.connect(**mysql, charset="utf8mb4")) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def read_bronze(path: Path) -> dict[Place, list[bytes | None]]:
    """Give the raw values that bronze has at each place."""
    table = DeltaTable(str(path)).to_pyarrow_table(columns=["partition", "offset", "value"])
    stored: dict[Place, list[bytes | None]] = {}
    for partition, offset, value in zip(
        *(table[name].to_pylist() for name in table.column_names), strict=True
    ):
        stored.setdefault((partition, offset), []).append(value)
    return stored


def main(dataset: str) -> int:
    """Check the running stack."""
    status = json.loads(subprocess.check_output(["courant", "status", "--json"]))
    services, home = status["services"], Path(status["home"])
    secrets = json.loads((home / "secrets.json").read_text())["mysql"]
    mysql = {name: services["mysql"][name] for name in ("host", "port", "database")}
    findings = check(
        bootstrap=services["kafka"]["bootstrap_servers"],
        topic=status["datasets"][dataset]["topic"],
        dataset=dataset,
        mysql=mysql | {"user": "courant_reader", "password": secrets["reader_password"]},
        bronze=Path(status["lake"]["root"]) / "bronze" / dataset,
    )
    sys.stdout.write(f"{findings}\n")
    return 0 if findings.agrees else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
