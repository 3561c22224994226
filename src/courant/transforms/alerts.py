"""Readings beyond a limit become alerts, one for each rule that a reading breaks: projections alone, no state."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from courant.domain.alert import Change
from courant.domain.alert_rules import ThresholdRule, subject_fields
from courant.domain.contract import Contract
from courant.transforms.records import DataFrameTransform, with_typed_fields, with_verdict


def to_alerts(contract: Contract, rules: Sequence[ThresholdRule], *, topic_id: str) -> DataFrameTransform:
    """Judge records by the rules of their data set.

    Parameters
    ----------
    topic_id
        Of the topic that is read; with a record's place it makes an alert's id, so that a record that is read twice
        makes the same alert.

    Returns
    -------
    callable
        From records (`RECORD_COLUMNS`) to `key` (rule|subject) and `value` (an alert as JSON), both text: a row for
        each rule that a record breaks. Records that the contract rejects make none: they are no readings.
    """

    def transform(records: DataFrame) -> DataFrame:
        judged = records.transform(with_typed_fields(contract)).transform(with_verdict(contract))
        found = F.filter(F.array(*[_alert(contract, rule, topic_id) for rule in rules]), F.isnotnull)
        broken = judged.where(F.col("_broken_rules").isNull()).select(F.explode(found).alias("alert"))
        return broken.select(
            F.concat_ws("|", "alert.rule", "alert.subject").alias("key"), F.to_json("alert").alias("value")
        )

    return transform


def _alert(contract: Contract, rule: ThresholdRule, topic_id: str) -> Column:
    """Give the alert of one rule; null for a record that does not break it."""
    value, place = F.col(rule.field), (F.col("_partition"), F.col("_offset"))
    field = contract.field(rule.field)
    alert = F.struct(
        F.concat_ws(":", F.lit(rule.name), F.lit(topic_id), *place).alias("alert_id"),
        F.lit(rule.name).alias("rule"),
        F.lit(rule.kind).alias("kind"),
        F.lit(contract.name).alias("dataset"),
        _subject(contract).alias("subject"),
        F.lit(str(rule.severity)).alias("severity"),
        F.lit(str(Change.RAISED)).alias("state"),
        _text_of(F.col("_timestamp")).alias(
            "raised_at"
        ),  # the record's own: in this mode "now" is the batch's start
        F.lit(rule.field).alias("field"),
        value.cast("double").alias("value"),
        _limit(rule, value).alias("threshold"),
        F.lit(field.unit).alias("unit"),
        _text_of(F.col(contract.instant.name)).alias("slot_start"),
    )
    meant = [F.col(name) == F.lit(text) for name, text in rule.where.items()]
    return F.when(reduce(Column.__and__, meant, _limit(rule, value).isNotNull()), alert)


def _limit(rule: ThresholdRule, value: Column) -> Column:
    """Give the limit that a value lies beyond; null where it lies within, or there is none."""
    above = F.when(value > F.lit(rule.above), F.lit(rule.above)) if rule.above is not None else None
    below = F.when(value < F.lit(rule.below), F.lit(rule.below)) if rule.below is not None else None
    return F.coalesce(*[one for one in (above, below) if one is not None])


def _subject(contract: Contract) -> Column:
    names = subject_fields(contract)
    parts = [F.coalesce(F.col(name).cast("string"), F.lit("")) for name in names]
    return F.concat_ws("|", *parts) if parts else F.lit(contract.name)


def _text_of(instant: Column) -> Column:
    return F.date_format(instant, "yyyy-MM-dd'T'HH:mm:ss.SSSXXX")
