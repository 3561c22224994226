"""Parts of our own ingest alone: how fast it could be if the rest cost nothing."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from pyspark.sql import DataFrame
from typed_rows import report

from courant.domain.contract import Contract, find_contract
from courant.session import get_spark
from courant.settings import Settings, load_settings
from courant.stores import delta
from courant.stores.delta_bronze import BronzeSink
from courant.stores.kafka import describe_topic, stream_options
from courant.transforms.bronze import to_bronze
from courant.transforms.load_lines import LOAD_COLUMNS, to_load_lines
from courant.transforms.records import to_records


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["kafka_read", "parse", "bronze"])
    parser.add_argument("--rows", type=int, help="not used: it reads the whole topic")
    arguments = parser.parse_args()
    settings = load_settings()
    contract = find_contract(settings.contracts_dir, "consumption_inf36")
    spark = get_spark(arguments.part)
    take, ended_at = writer(settings, contract, arguments.part), {}

    def write(batch: DataFrame, batch_id: int) -> None:
        take(batch)
        ended_at[batch_id] = time.time()

    start = describe_topic(settings, contract.topic).log_start
    options = stream_options(settings, contract.topic, start) | {"includeHeaders": "true"}
    stream = spark.readStream.format("kafka").options(**options).load().writeStream.foreachBatch(write)
    checkpoint = str(settings.lake.root / f"_{arguments.part}")
    query = stream.option("checkpointLocation", checkpoint).trigger(availableNow=True).start()
    query.awaitTermination()
    rows = {progress.batchId: progress.numInputRows for progress in query.recentProgress}
    for batch_id, at_s in ended_at.items():
        report(sum(n for earlier, n in rows.items() if earlier <= batch_id), at_s=at_s)


def writer(settings: Settings, contract: Contract, part: str) -> Callable[[DataFrame], None]:
    """Give what is done with a batch."""
    if part == "kafka_read":
        return discard
    if part == "parse":
        transform = to_load_lines(contract, epoch=0)
        return lambda kafka: discard(kafka.transform(to_records).transform(transform).select(*LOAD_COLUMNS))
    path = delta.bronze_path(settings.lake.root, contract.name)
    delta.create_bronze(path)
    sink = BronzeSink(
        path=path,
        dataset=contract.name,
        topic_id="bench",
        run_id="bench",
        scratch=settings.lake.root / "scratch",
        transform=lambda kafka: to_bronze(kafka, topic_id="bench", epoch=0),
        version=-1,
    )
    return lambda kafka: sink.write(kafka, 0)


def discard(frame: DataFrame) -> None:
    """Compute every row and keep none."""
    frame.write.format("noop").mode("append").save()


if __name__ == "__main__":
    main()
