"""Kafka records become typed fields with a verdict: the one place where a contract is applied to data."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from courant.domain.contract import Contract, Dimension, Field, FieldType, KeyedBy, Severity

DataFrameTransform = Callable[[DataFrame], DataFrame]

#: Kafka's columns as every transform here expects them; the underscore keeps them apart from a contract's fields.
RECORD_COLUMNS = ("_partition", "_offset", "_timestamp", "_key", "_value")

_NO_OBJECT = "_is_no_object"
_END = "courant:end"
_JSON_BLANKS = " \t\r\n"
_SHORT_BYTES = 64  # beyond it, an object without a field is taken for no object
_OFFSET_AT_END = r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"


def to_records(kafka: DataFrame) -> DataFrame:
    """Give Kafka's source columns the names in `RECORD_COLUMNS`."""
    return kafka.select(*[F.col(name[1:]).alias(name) for name in RECORD_COLUMNS])


def from_bronze(bronze: DataFrame) -> DataFrame:
    """Give bronze's columns the names in `RECORD_COLUMNS`, behind `topic_id` and `epoch`."""
    named = bronze.withColumnRenamed("broker_time_utc", "timestamp")
    return named.select("topic_id", "epoch", *[F.col(name[1:]).alias(name) for name in RECORD_COLUMNS])


def with_typed_fields(contract: Contract) -> DataFrameTransform:
    """Parse `_value` as JSON and add one typed column per field of the contract.

    Adds
    ----
    _text : struct of string
        Each field as it arrived, under its API name; null where it is absent or a null token.
    _is_no_object : boolean
        The value is anything but exactly one JSON object.
    one column per field
        string, bigint, decimal(p, s) or timestamp; null where the text is none of that type.
    """
    names = [field.name for field in contract.fields]
    schema = T.StructType([T.StructField(name, T.StringType()) for name in (*names, _END)])
    options = {"mode": "PERMISSIVE", "allowSingleQuotes": "false"}

    def transform(records: DataFrame) -> DataFrame:
        parsed = records.withColumn("_json", F.from_json(_with_end(F.col("_value")), schema, options))
        text = F.struct(*[_arrived_text(field).alias(field.name) for field in contract.fields])
        parsed = parsed.select(
            *records.columns,
            F.col("_json").getField(_END).isNull().alias(_NO_OBJECT),
            text.alias("_text"),
        )
        return parsed.select("*", *[_typed(field).alias(field.name) for field in contract.fields])

    return transform


def with_verdict(contract: Contract, *, compiles_names: bool = True) -> DataFrameTransform:
    """Judge each record by the contract.

    Parameters
    ----------
    compiles_names
        Whether Spark writes code for the names of broken rules, which few records need; see `interpreted`.

    Adds
    ----
    _broken_rules : string
        Names of the broken rules of severity `reject`, joined by commas; null for an accepted record.
    _warnings : bigint
        A bit for each broken rule of severity `warn`, in the order of `warning_names`.
    """

    def transform(typed: DataFrame) -> DataFrame:
        structural, by_field = _structural_faults(), _reject_conditions(contract)
        named = F.coalesce(
            *[F.when(condition, name) for name, condition in structural.items()],
            F.concat_ws(",", *[F.when(condition, name) for name, condition in by_field.items()]),
        )
        # Unknown, as of a value that is missing, is not broken: `when` takes it for false.
        is_rejected = reduce(Column.__or__, [*structural.values(), *by_field.values()])
        bits = [
            F.when(c, F.lit(1 << i)).otherwise(F.lit(0))
            for i, c in enumerate(_warn_conditions(contract).values())
        ]
        return typed.withColumns(
            {
                "_broken_rules": F.when(is_rejected, named if compiles_names else interpreted(named)),
                "_warnings": reduce(Column.__add__, bits, F.lit(0).cast("bigint")),
            }
        )

    return transform


def with_dimension_keys(contract: Contract) -> DataFrameTransform:
    """Add the key of each dimension: the natural key itself, or a 63-bit hash of it made here, never looked up."""

    def transform(typed: DataFrame) -> DataFrame:
        return typed.withColumns({d.key: dimension_key(d, contract) for d in contract.dimensions})

    return transform


def interpreted(rare: Column) -> Column:
    """Have Spark walk an expression that few records need, where it would write code for it in each task.

    A higher-order function is never compiled, nor is what stands in it. Null stays null.
    """
    return F.get(F.filter(F.array(rare), F.isnotnull), F.lit(0))


def warning_names(contract: Contract) -> tuple[str, ...]:
    """Name the warnings, in the order of their bits in `_warnings`."""
    return tuple(_warn_conditions(contract))


def dimension_key(dimension: Dimension, contract: Contract) -> Column:
    """Give the key of one dimension as an expression over the contract's typed fields."""
    if dimension.keyed_by is KeyedBy.NATURAL:
        field = next(f for f in contract.fields if f.column == dimension.key)
        return F.col(field.name)
    return F.shiftrightunsigned(F.xxhash64(F.lit(dimension.table), *_natural_key(dimension, contract)), 1)


def dimension_members(dimension: Dimension, contract: Contract) -> list[Column]:
    """Give the columns of one dimension's table, parents' keys first, as expressions over the typed fields."""
    return [
        dimension_key(dimension, contract).alias(dimension.key),
        *[
            dimension_key(contract.dimension(p), contract).alias(contract.dimension(p).key)
            for p in dimension.parents
        ],
        *[F.expr(column.expression).alias(column.name) for column in dimension.columns],
    ]


def _natural_key(dimension: Dimension, contract: Contract) -> list[Column]:
    """Give what makes a member unique; a missing part is the empty string, never null."""
    own = [
        F.coalesce(F.expr(c.expression).cast("string"), F.lit(""))
        for c in dimension.columns
        if c.is_natural_key
    ]
    inherited = [part for p in dimension.parents for part in _natural_key(contract.dimension(p), contract)]
    return own + inherited


def _with_end(value: Column) -> Column:
    """Add a last field: the parser stops where the first object ends, and finds it only if nothing comes after.

    Null where the last character is no closing brace: the record was cut short.
    """
    bare = F.when(F.endswith(value, F.lit(b"}")), value).otherwise(
        F.rtrim(value.cast("string"), F.lit(_JSON_BLANKS)).cast("binary")
    )
    is_empty = (F.octet_length(bare) < _SHORT_BYTES) & bare.cast("string").rlike(r"^\s*\{\s*\}$")
    open_object = F.substring(bare, F.lit(1), F.octet_length(bare) - 1)
    return (
        F.when(is_empty, F.lit(f'{{"{_END}":0}}'))
        .when(F.endswith(bare, F.lit(b"}")), F.concat(open_object, F.lit(f',"{_END}":0}}'.encode())).cast("string"))
    )  # fmt: skip


def _arrived_text(field: Field) -> Column:
    """Take the field's text as it arrived, null tokens made null."""
    text = F.col("_json").getField(field.name)
    return F.when(~text.isin(*field.null_tokens), text) if field.null_tokens else text


def _text(field: Field) -> Column:
    return F.col("_text").getField(field.name)


def _typed(field: Field) -> Column:
    text = _text(field)
    if field.type is FieldType.STRING:
        # A part of the natural key that is missing is the empty string, so that a UNIQUE key can hold it.
        return F.coalesce(text, F.lit("")) if field.key_position and not field.required else text
    if field.type is FieldType.INTEGER:
        whole = F.regexp_replace(text, r"\.0+$", "")  # some exports write integers as 12.0
        return F.coalesce(text.try_cast("bigint"), whole.try_cast("bigint"))
    if field.type is FieldType.DECIMAL:
        to = f"decimal({field.precision},{field.scale})"
        return F.replace(text, F.lit(","), F.lit(".")).try_cast(to)
    return F.when(_has_utc_offset(text) & _begins_with_a_year(text), text.try_cast("timestamp"))


def _structural_faults() -> dict[str, Column]:
    """Name what keeps a record from being read at all; the first that holds is the only one named."""
    value = F.col("_value")
    return {
        "tombstone": value.isNull(),
        "empty": F.length(value) == 0,
        "utf8": ~F.is_valid_utf8(value.cast("string")),
        "json": F.col(_NO_OBJECT),
    }


def _reject_conditions(contract: Contract) -> dict[str, Column]:
    conditions: dict[str, Column] = {}
    for field in contract.fields:
        conditions |= _field_faults(field, contract)
    conditions |= _membership_faults(contract, closed=True)
    return conditions | _row_rule_faults(contract, Severity.REJECT)


def _warn_conditions(contract: Contract) -> dict[str, Column]:
    return _membership_faults(contract, closed=False) | _row_rule_faults(contract, Severity.WARN)


def _row_rule_faults(contract: Contract, severity: Severity) -> dict[str, Column]:
    return {
        rule.name: ~F.expr(f"({rule.expression})") for rule in contract.rules if rule.severity is severity
    }


def _field_faults(field: Field, contract: Contract) -> dict[str, Column]:
    """Name what can be wrong with one field by itself."""
    text, typed = _text(field), F.col(field.name)
    faults: dict[str, Column] = {}
    if field.required:
        faults[f"required:{field.name}"] = text.isNull()
    if field.type is FieldType.INSTANT:
        has_offset = _has_utc_offset(text)
        faults[f"no_utc_offset:{field.name}"] = ~has_offset
        faults[f"type:{field.name}"] = has_offset & (typed.isNull() | ~_fits_datetime(typed))
        if field is contract.instant:
            faults[f"off_step:{field.name}"] = _off_step(typed, contract.steps_minutes)
    elif field.type is not FieldType.STRING:
        faults[f"type:{field.name}"] = text.isNotNull() & typed.isNull()
    if field.max_length is not None:
        # Characters are never more than bytes, and bytes need no counting.
        is_longer = (F.octet_length(text) > field.max_length) & (F.length(text) > field.max_length)
        faults[f"length:{field.name}"] = is_longer
    if field.pattern is not None:
        faults[f"pattern:{field.name}"] = ~text.rlike(f"^(?:{field.pattern})$")
    if field.minimum is not None or field.maximum is not None:
        faults[f"range:{field.name}"] = _out_of_range(typed, field)
    return faults


def _membership_faults(contract: Contract, *, closed: bool) -> dict[str, Column]:
    """Name members that the contract does not list: a reject where the dimension is closed, else a warning."""
    faults = {}
    for dimension in contract.dimensions:
        if dimension.is_closed is closed and dimension.members and dimension.field is not None:
            known = [member[0] for member in dimension.members]
            faults[f"unknown_member:{dimension.field}"] = ~F.col(dimension.field).isin(known)
    return faults


def _has_utc_offset(text: Column) -> Column:
    """Tell whether a timestamp says its offset; the common form is seen without a regular expression."""
    return F.endswith(text, F.lit("+00:00")) | text.rlike(_OFFSET_AT_END)


def _begins_with_a_year(text: Column) -> Column:
    """Tell a timestamp from a time of day, which a cast would take for today's."""
    return (F.substring(text, 5, 1) == "-") & F.substring(text, 1, 4).try_cast("int").isNotNull()


def _off_step(instant: Column, steps_minutes: tuple[int, ...]) -> Column:
    on_a_step = [F.unix_micros(instant) % (minutes * 60_000_000) == 0 for minutes in steps_minutes]
    return ~reduce(Column.__or__, on_a_step)


def _fits_datetime(instant: Column) -> Column:
    """Tell whether MySQL's DATETIME holds it, which begins with the year 1000 and ends with 9999."""
    return (instant >= F.expr("timestamp'1000-01-01 00:00:00Z'")) & (
        instant < F.expr("timestamp'+10000-01-01 00:00:00Z'")
    )


def _out_of_range(typed: Column, field: Field) -> Column:
    below = typed < F.lit(field.minimum) if field.minimum is not None else F.lit(False)
    above = typed > F.lit(field.maximum) if field.maximum is not None else F.lit(False)
    return below | above
