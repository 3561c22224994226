"""The Paris days on which MySQL's side and the lake's side may rightly differ for now."""

from __future__ import annotations

from datetime import UTC, date

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from courant.domain.calendar import PARIS, paris_day
from courant.domain.contract import Contract
from courant.reconcile.records import is_below
from courant.reconcile.silver import Silver
from courant.reconcile.stream import SinksCompared, with_kept_rejects


def unsettled_days(
    spark: SparkSession, contract: Contract, judged: DataFrame, compared: SinksCompared, silver: Silver
) -> set[date]:
    """Give the days of records that one of MySQL and silver has and the other has not.

    These are what one of them has not taken yet, and what MySQL alone refused.
    """
    shared, instant = compared.shared, contract.instant.name
    is_in_both = is_below(shared.epoch, shared.ends) & is_below(*silver.position)
    records = with_kept_rejects(spark, judged, compared.held)
    refused_by_mysql = F.col("_is_rejected") & ~F.col("_is_broken")
    day = F.to_date(F.from_utc_timestamp(instant, PARIS.key)).alias("day")
    rows = records.where((~is_in_both | refused_by_mysql) & F.col(instant).isNotNull())
    ahead = {paris_day(key[instant].replace(tzinfo=UTC)) for key in compared.held.ahead}
    return {row["day"] for row in rows.select(day).distinct().collect()} | ahead
