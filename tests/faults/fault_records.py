"""The records that the fault tests stream: enough for three batches, some corrected later, some bad."""

from __future__ import annotations

from datetime import date

import polars as pl
from ingesting import consumption_messages

BATCH_RECORDS = 5_000
NEWER = 3_000
BAD_RECORDS = 30


def records(seed: int = 7) -> pl.DataFrame:
    """Give 14,808 messages: a day of three regions, 3,000 of them again with another value, 0.2 % bad."""
    day = consumption_messages(first_day=date(2026, 3, 10), days=1, regions=["84", "11", "75"], seed=seed)
    corrected = day.head(NEWER).with_columns(
        pl.col("value").str.replace(r'"nb_points_soutirage":\d+', '"nb_points_soutirage":4242')
    )
    both = pl.concat([day, corrected]).with_row_index()
    cut_short = pl.col("value").str.head(40)
    bad = pl.when(pl.col("index") % 500 == 17).then(cut_short).otherwise(pl.col("value"))
    return both.select("key", bad.alias("value"))
