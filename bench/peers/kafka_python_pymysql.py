"""The tutorial consumer: kafka-python, json.loads, PyMySQL's executemany, a commit per 1,000 rows."""

from __future__ import annotations

import json

from kafka import KafkaConsumer
from typed_rows import COMMIT_EVERY, UPSERT, connect, new_group, read_segments, report, row_maker, start


def main() -> None:
    settings, topic, rows = start()
    connection = connect(settings)
    to_row = row_maker(read_segments(connection))
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=settings.kafka.bootstrap_servers,
        group_id=new_group(),
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        value_deserializer=json.loads,
    )
    batch, done = [], 0
    for message in consumer:
        batch.append(to_row(message.value, message.partition, message.offset))
        if len(batch) == COMMIT_EVERY or done + len(batch) == rows:
            with connection.cursor() as cursor:
                cursor.executemany(UPSERT, batch)
            connection.commit()
            consumer.commit()
            done += len(batch)
            batch.clear()
            report(done)
            if done == rows:
                break
    consumer.close()


if __name__ == "__main__":
    main()
