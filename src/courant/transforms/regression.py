"""The least-squares line through a group's points, from sums that are exact: the order of rows never shows in it."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

# Digits that hold a month of half hours of up to 100 GW, so that no product below is rounded.
_SUMS = {"x": "(12,3)", "y": "(18,1)", "xx": "(20,6)", "xy": "(26,4)", "yy": "(28,2)"}


def exact_sums(x: Column, y: Column) -> list[Column]:
    """Aggregate to what `line` needs: the decimals n, x, y, xx, xy and yy.

    Parameters
    ----------
    x
        Decimals below 1,000, with three digits after the point; not null.
    y
        Decimals of up to 10^11, with one digit after the point; not null.
    """
    x, y = x.cast("decimal(6,3)"), y.cast("decimal(16,1)")
    terms = {"x": x, "y": y, "xx": x * x, "xy": x * y, "yy": y * y}
    sums = [F.sum(term).cast(f"decimal{_SUMS[name]}").alias(name) for name, term in terms.items()]
    return [F.count("*").cast("decimal(6,0)").alias("n"), *sums]


def line() -> tuple[Column, Column, Column]:
    """Give slope, intercept and share of variance explained, as doubles; null where x (or, for r2, y) is constant."""
    n, x, y = F.col("n"), F.col("x"), F.col("y")
    xx, xy, yy = (
        (n * F.col(name) - one * other).cast("double")
        for name, one, other in (("xx", x, x), ("xy", x, y), ("yy", y, y))
    )
    slope = xy / F.when(xx != 0, xx)
    intercept = (y.cast("double") - slope * x.cast("double")) / n.cast("double")
    return slope, intercept, xy * xy / F.when((xx != 0) & (yy != 0), xx * yy)
