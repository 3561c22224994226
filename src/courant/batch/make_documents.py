"""Which documents a data set has, and how they are made of a source's half hours."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from pyspark.sql import DataFrame, SparkSession

from courant.batch.half_hours import HalfHours
from courant.domain.contract import Contract
from courant.transforms import documents, latest
from courant.transforms.document_parts import CALENDAR_SCHEMA, calendar_row

_DAILY = {
    "balance": (documents.BALANCES, documents.FEATURES),
    "consumption": (documents.CURVES, documents.FEATURES),
}


def daily_collections(contract: Contract) -> tuple[str, ...]:
    """Name the collections that have the data set's daily documents; none for a table of neither kind."""
    return _DAILY.get(contract.table, ())


def daily_documents(
    spark: SparkSession, half_hours: HalfHours, contract: Contract, balance: Contract, days: Iterable[date]
) -> dict[str, DataFrame]:
    """Make the documents of Paris days, by collection.

    Parameters
    ----------
    balance
        The contract that the weather comes from; the data set's own where it is the balance.
    """
    chosen = tuple(days)
    rows = half_hours.read(contract, chosen)
    calendar = spark.createDataFrame([calendar_row(day) for day in chosen], CALENDAR_SCHEMA)
    if contract.table == "balance":
        return {
            documents.BALANCES: rows.transform(documents.to_daily_balance(contract)),
            documents.FEATURES: rows.transform(documents.to_balance_features(contract, calendar)),
        }
    weather = half_hours.read(balance, chosen)
    return {
        documents.CURVES: rows.transform(documents.to_daily_curves(contract)),
        documents.FEATURES: rows.transform(documents.to_consumption_features(weather, calendar)),
    }


def newest_document(half_hours: HalfHours, contract: Contract) -> DataFrame:
    """Make the one document of the data set's newest values; none where it has no rows."""
    newest = half_hours.newest_day(contract)
    days = [newest - timedelta(days=back) for back in range(latest.DAYS_LOOKED_AT)] if newest else []
    rows = half_hours.read(contract, days)
    if contract.table == "balance":
        return rows.transform(latest.to_balance_latest(contract))
    return rows.transform(latest.to_consumption_latest(contract))
