"""Statistics of a frame of any size, by Spark: each function gives a small frame, ready for a table or a plot."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

_PERCENTILES = {"p05": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95}


def explore_missing(frame: DataFrame, columns: Sequence[str], *, by: Sequence[str] = ()) -> DataFrame:
    """Count the nulls of columns of any type.

    Returns
    -------
    DataFrame
        `by`, `column`, `rows`, `missing` and `missing_share` (0 to 1), a row for each group and column.
    """
    flags = frame.select(*by, *[F.col(name).isNull().alias(name) for name in columns])
    return _long(flags, columns, by).groupBy(*by, "column").agg(
        F.count("*").alias("rows"),
        F.count_if("value").alias("missing"),
        F.avg(F.col("value").cast("int")).alias("missing_share"),
    )  # fmt: skip


def explore_numbers(frame: DataFrame, columns: Sequence[str], *, by: Sequence[str] = ()) -> DataFrame:
    """Sum up numeric columns; nulls count for nothing.

    Returns
    -------
    DataFrame
        `by`, `column`, `count`, `mean`, `deviation` (of the sample), `lowest`, `p05`, `p25`, `median`, `p75`, `p95` and
        `highest`, in the column's unit. Percentiles are values that occur; their rank is off by 1 in 10,000 at most.
    """
    numbers = frame.select(*by, *[F.col(name).cast("double") for name in columns])
    points = [F.percentile_approx("value", share).alias(name) for name, share in _PERCENTILES.items()]
    return _long(numbers, columns, by).groupBy(*by, "column").agg(
        F.count("value").alias("count"),
        F.avg("value").alias("mean"),
        F.stddev("value").alias("deviation"),
        F.min("value").alias("lowest"),
        *points,
        F.max("value").alias("highest"),
    )  # fmt: skip


def explore_histogram(
    frame: DataFrame, column: str, *, span: tuple[float, float], bins: int, by: Sequence[str] = ()
) -> DataFrame:
    """Count the values in bins of equal width; what lies outside of the span (its end included) is left out.

    Returns
    -------
    DataFrame
        `by`, `bin_start` (in the column's unit), `rows` and `row_share` (0 to 1, of the group's counted rows).
    """
    value, (low, high) = F.col(column).cast("double"), span
    inside = frame.where((value >= low) & (value < high))
    start = F.lit(low) + (F.width_bucket(value, F.lit(low), F.lit(high), F.lit(bins)) - 1) * (
        (high - low) / bins
    )
    counts = inside.groupBy(*by, start.alias("bin_start")).agg(F.count("*").alias("rows"))
    totals = inside.groupBy(*by).agg(F.count("*").alias("all_rows"))
    joined = counts.join(F.broadcast(totals), list(by)) if by else counts.crossJoin(totals)
    return joined.select(*by, "bin_start", "rows", (F.col("rows") / F.col("all_rows")).alias("row_share"))


def explore_correlations(frame: DataFrame, columns: Sequence[str]) -> DataFrame:
    """Correlate each numeric column with each (Pearson), over the rows in which both are known.

    Returns
    -------
    DataFrame
        `first`, `second` and `correlation` (-1 to 1; null where one of the two does not vary), both ways round.
    """
    pairs = list(product(columns, columns))
    found = frame.agg(F.array(*[_correlated(first, second) for first, second in pairs]).alias("pairs"))
    return found.select(F.inline("pairs"))


def explore_means(frame: DataFrame, value: str, *, by: Sequence[str], weight: str | None = None) -> DataFrame:
    """Average a numeric column in groups; nulls count for nothing.

    Parameters
    ----------
    weight
        The column that says how much each row counts; all count the same without it.

    Returns
    -------
    DataFrame
        `by`, `rows`, `mean` and `deviation` (of the rows, unweighted), in the value's unit.
    """
    known = frame.where(F.col(value).isNotNull())
    number = F.col(value).cast("double")
    mean = F.sum(number * F.col(weight)) / F.sum(weight) if weight else F.avg(number)
    return known.groupBy(*by).agg(
        F.count("*").alias("rows"), mean.alias("mean"), F.stddev(number).alias("deviation")
    )


def _long(frame: DataFrame, columns: Sequence[str], by: Sequence[str]) -> DataFrame:
    """Give a row for each row and column; the columns have one type."""
    return frame.unpivot(list(by), list(columns), "column", "value")


def _correlated(first: str, second: str) -> Column:
    numbers = [F.col(name).cast("double") for name in (first, second)]
    return F.struct(
        F.lit(first).alias("first"), F.lit(second).alias("second"), F.corr(*numbers).alias("correlation")
    )
