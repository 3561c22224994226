"""Records drawn from a seed, good and bad, and what each means: known without reading one back."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

Key = tuple[str, ...]  # slot, region, profile, power range
Values = tuple[str, ...]  # as text, in the order of the view that the independent check reads

REGIONS = {"11": "Île-de-France", "53": "Bretagne", "93": "Provence-Alpes-Côte d'Azur"}
PROFILES = ("RES1 (+ RES1WE)", "PRO1 (+ PRO1WE)", "ENT1 (+ ENT2)")
CURVES = ("ndeg1", "ndeg2", "ndeg1_ndeg2")
RANGES = ("P0: Total <= 36 kVA", "P2: ]3-6] kVA", "P3: ]6-9] kVA")
FIRST_SLOT = datetime(2026, 3, 28, 23, tzinfo=UTC)  # midnight in Paris, of a day with 46 half hours
STEP = timedelta(minutes=30)
#: Kafka's columns as the transforms of records take them.
RECORDS = "_partition int, _offset bigint, _timestamp timestamp, _key binary, _value binary"
#: What a record is, and how often of a hundred.
KINDS = {"new": 62, "newer": 18, "again": 8, "late": 6, "bad": 6}
_AHEAD = 24  # new records are sent in any order within a window of so many


@dataclass(frozen=True)
class Drawn:
    """Records in their order as (key, value), and what they mean."""

    records: list[tuple[bytes, bytes | None]]
    newest: dict[Key, Values]  # of a key's good records, the last one
    bad: set[int]  # places among the records


class Drawing:
    """Draws new records, newer values of their keys, old records once more, late ones and spoiled ones, for ever."""

    def __init__(self, seed: int) -> None:
        self.drawn = Drawn([], {}, set())
        self._chance = random.Random(seed)
        self._fresh = _in_any_order(_keys(), self._chance)
        self._good: list[tuple[Key, bytes, Values]] = []

    def draw(self, count: int) -> list[tuple[bytes, bytes | None]]:
        """Draw so many more; give them, and know what they mean."""
        for _ in range(count):
            self._draw_one()
        return self.drawn.records[len(self.drawn.records) - count :]

    def _draw_one(self) -> None:
        chance, good, drawn = self._chance, self._good, self.drawn
        kind = chance.choices(list(KINDS), list(KINDS.values()))[0] if good else "new"
        if kind == "bad":
            key, _, _ = chance.choice(good)
            drawn.bad.add(len(drawn.records))
            drawn.records.append((_message_key(key), chance.choice(_SPOILED)(key, chance)))
            return
        if kind == "again":
            key, value, values = chance.choice(good)
        else:
            key = _key_of(kind, self._fresh, good, chance)
            value, values = _reading(key, chance)
        good.append((key, value, values))
        drawn.records.append((_message_key(key), value))
        drawn.newest[key] = values


def draw_records(seed: int, count: int) -> Drawn:
    """Draw so many records from a seed."""
    drawing = Drawing(seed)
    drawing.draw(count)
    return drawing.drawn


def _key_of(
    kind: str, fresh: Iterator[Key], good: list[tuple[Key, bytes, Values]], chance: random.Random
) -> Key:
    if kind == "new":
        return next(fresh)
    return _long_ago(chance) if kind == "late" else chance.choice(good)[0]


def _keys() -> Iterator[Key]:
    """Go through the slots, and through all segments within each."""
    slot = FIRST_SLOT
    while True:
        for region in REGIONS:
            for profile in PROFILES:
                for power_range in RANGES:
                    yield f"{slot:%F %T}", region, profile, power_range
        slot += STEP


def _in_any_order(keys: Iterator[Key], chance: random.Random) -> Iterator[Key]:
    while True:
        window = [next(keys) for _ in range(_AHEAD)]
        chance.shuffle(window)
        yield from window


def _long_ago(chance: random.Random) -> Key:
    """Give a key of one of the three days before the first."""
    slot = FIRST_SLOT - STEP * chance.randrange(1, 3 * 48)
    return f"{slot:%F %T}", chance.choice(list(REGIONS)), chance.choice(PROFILES), chance.choice(RANGES)


def _message_key(key: Key) -> bytes:
    return "|".join(key[1:]).encode()


def _reading(key: Key, chance: random.Random) -> tuple[bytes, Values]:
    """Draw the numbers of a good record."""
    sites, energy = chance.randrange(1, 2_000_000), chance.randrange(10**9)
    curves = [f"{chance.randrange(10**6)}.{chance.randrange(10**3):03}" for _ in range(3)]
    is_top_day, is_top_week = chance.randrange(2), chance.randrange(2)
    shares = [str(chance.randrange(1, 100)) for _ in range(3)]
    numbers = {"nb_points_soutirage": sites, "total_energie_soutiree_wh": energy}
    flags = {"jour_max_du_mois_0_1": is_top_day, "semaine_max_du_mois_0_1": is_top_week}
    means = {f"courbe_moyenne_{name}_wh": float(curve) for name, curve in zip(CURVES, curves, strict=True)}
    parts = {
        f"indice_representativite_courbe_{name}": share for name, share in zip(CURVES, shares, strict=True)
    }
    value = _record(key, **numbers, **flags, **means, **parts)
    return value, tuple(map(str, (sites, energy, is_top_day, is_top_week, *curves, *shares)))


def _record(key: Key, **fields: object) -> bytes:
    slot, region, profile, power_range = key
    named = {
        "horodate": f"{slot.replace(' ', 'T')}+00:00",
        "region": REGIONS.get(region, ""),
        "code_region": region,
        "profil": profile,
        "plage_de_puissance_souscrite": power_range,
    }
    return json.dumps(named | fields, ensure_ascii=False).encode()


def _cut_short(key: Key, chance: random.Random) -> bytes:
    value, _ = _reading(key, chance)
    return value[: chance.randrange(1, len(value) - 1)]


def _off_the_step(key: Key, _chance: random.Random) -> bytes:
    return _record((f"{key[0][:-5]}07:00", *key[1:]), nb_points_soutirage=1)


def _unknown_region(key: Key, _chance: random.Random) -> bytes:
    return _record((key[0], "99", *key[2:]), nb_points_soutirage=1)


def _negative(key: Key, _chance: random.Random) -> bytes:
    return _record(key, total_energie_soutiree_wh=-1)


def _nothing(_key: Key, _chance: random.Random) -> None:
    return None


_SPOILED: tuple[Callable[[Key, random.Random], bytes | None], ...] = (
    _cut_short, _off_the_step, _unknown_region, _negative, _nothing,
)  # fmt: skip
