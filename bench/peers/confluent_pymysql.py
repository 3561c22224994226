"""The tutorial consumer with the fast client: confluent-kafka, executemany, a commit per 1,000 rows."""

from __future__ import annotations

import json

from confluent_kafka import Consumer, KafkaException
from typed_rows import COMMIT_EVERY, UPSERT, connect, new_group, read_segments, report, row_maker, start


def main() -> None:
    settings, topic, rows = start()
    connection = connect(settings)
    to_row = row_maker(read_segments(connection))
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka.bootstrap_servers,
            "group.id": new_group(),
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])
    done = 0
    while done < rows:
        batch = []
        for message in consumer.consume(min(COMMIT_EVERY, rows - done), timeout=1.0):
            if message.error():
                raise KafkaException(message.error())
            batch.append(to_row(json.loads(message.value()), message.partition(), message.offset()))
        if batch:
            with connection.cursor() as cursor:
                cursor.executemany(UPSERT, batch)
            connection.commit()
            consumer.commit(asynchronous=False)
            done += len(batch)
            report(done)
    consumer.close()


if __name__ == "__main__":
    main()
