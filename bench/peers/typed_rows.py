"""What the two tutorial consumers share: the statement, a record's row, and how they report a commit."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from uuid import uuid4

import pymysql

from courant.domain.contract import find_contract
from courant.settings import Settings, load_settings

COMMIT_EVERY = 1_000

UPSERT = """
INSERT INTO consumption (
    slot_start_utc, region_code, segment_id, nb_points_soutirage, total_energie_soutiree_wh,
    courbe_moyenne_ndeg1_wh, indice_representativite_courbe_ndeg1,
    courbe_moyenne_ndeg2_wh, indice_representativite_courbe_ndeg2,
    courbe_moyenne_ndeg1_ndeg2_wh, indice_representativite_courbe_ndeg1_ndeg2,
    jour_max_du_mois_0_1, semaine_max_du_mois_0_1, source_epoch, source_partition, source_offset
) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON DUPLICATE KEY UPDATE
    nb_points_soutirage = VALUES(nb_points_soutirage),
    total_energie_soutiree_wh = VALUES(total_energie_soutiree_wh),
    courbe_moyenne_ndeg1_wh = VALUES(courbe_moyenne_ndeg1_wh),
    indice_representativite_courbe_ndeg1 = VALUES(indice_representativite_courbe_ndeg1),
    courbe_moyenne_ndeg2_wh = VALUES(courbe_moyenne_ndeg2_wh),
    indice_representativite_courbe_ndeg2 = VALUES(indice_representativite_courbe_ndeg2),
    courbe_moyenne_ndeg1_ndeg2_wh = VALUES(courbe_moyenne_ndeg1_ndeg2_wh),
    indice_representativite_courbe_ndeg1_ndeg2 = VALUES(indice_representativite_courbe_ndeg1_ndeg2),
    jour_max_du_mois_0_1 = VALUES(jour_max_du_mois_0_1),
    semaine_max_du_mois_0_1 = VALUES(semaine_max_du_mois_0_1),
    source_epoch = VALUES(source_epoch),
    source_partition = VALUES(source_partition),
    source_offset = VALUES(source_offset)
"""


def start() -> tuple[Settings, str, int]:
    """Give the addresses, the topic's name and the number of rows to take."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, required=True)
    rows = parser.parse_args().rows
    settings = load_settings()
    return settings, find_contract(settings.contracts_dir, "consumption_inf36").topic, rows


def new_group() -> str:
    """Name a consumer group that has read nothing yet: each run begins at the topic's start."""
    return f"tutorial-{uuid4()}"


def connect(settings: Settings) -> pymysql.Connection:
    """Open a connection as the writer."""
    mysql = settings.mysql
    return pymysql.connect(
        host=mysql.host,
        port=mysql.port,
        user="courant_writer",
        password=mysql.writer_password.get_secret_value(),
        database=mysql.database,
        charset="utf8mb4",
        local_infile=True,
    )


def read_segments(connection: pymysql.Connection) -> dict[tuple[str, str], int]:
    """Read the segments' keys once: nothing is looked up in the database per record."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT profil, plage_de_puissance_souscrite, segment_id FROM segment"
            " JOIN profile USING (profile_id) JOIN power_range USING (power_range_id)"
        )
        return {(profile, power_range): segment for profile, power_range, segment in cursor}


def row_maker(segments: dict[tuple[str, str], int]) -> Callable[[dict, int, int], tuple]:
    """Give the function that makes a record's row."""

    def to_row(record: dict, partition: int, offset: int) -> tuple:
        return (
            record["horodate"][:19],  # the records are in UTC
            record["code_region"],
            segments[record["profil"], record["plage_de_puissance_souscrite"]],
            record["nb_points_soutirage"],
            record["total_energie_soutiree_wh"],
            record["courbe_moyenne_ndeg1_wh"],
            record["indice_representativite_courbe_ndeg1"],
            record["courbe_moyenne_ndeg2_wh"],
            record["indice_representativite_courbe_ndeg2"],
            record["courbe_moyenne_ndeg1_ndeg2_wh"],
            record["indice_representativite_courbe_ndeg1_ndeg2"],
            record["jour_max_du_mois_0_1"],
            record["semaine_max_du_mois_0_1"],
            0,
            partition,
            offset,
        )

    return to_row


def report(rows: int, *, at_s: float | None = None) -> None:
    """Tell the bench that so many rows are committed by now."""
    sys.stdout.write(f"commit {at_s or time.time():.4f} {rows}\n")
    sys.stdout.flush()
