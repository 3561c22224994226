"""Structured Streaming as tutorials show it: per batch, from_json, write.jdbc append, a Delta append."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from typed_rows import report, start

from courant.session import get_spark
from courant.settings import Settings

SCHEMA = (
    "horodate timestamp, code_region string, profil string, plage_de_puissance_souscrite string,"
    " nb_points_soutirage bigint, total_energie_soutiree_wh bigint,"
    " courbe_moyenne_ndeg1_wh decimal(14,3), indice_representativite_courbe_ndeg1 string,"
    " courbe_moyenne_ndeg2_wh decimal(14,3), indice_representativite_courbe_ndeg2 string,"
    " courbe_moyenne_ndeg1_ndeg2_wh decimal(14,3), indice_representativite_courbe_ndeg1_ndeg2 string,"
    " jour_max_du_mois_0_1 tinyint, semaine_max_du_mois_0_1 tinyint"
)
SEGMENTS = (
    "(SELECT profil, plage_de_puissance_souscrite, segment_id FROM segment"
    " JOIN profile USING (profile_id) JOIN power_range USING (power_range_id)) AS named"
)
NOT_IN_THE_FACT = ("horodate", "code_region", "profil", "plage_de_puissance_souscrite")


def main() -> None:
    settings, topic, _ = start()
    spark = get_spark("plain_spark")
    url, properties = jdbc(settings)
    segments = F.broadcast(spark.read.jdbc(url, SEGMENTS, properties=properties).cache())
    bronze, done = str(settings.lake.root / "plain"), [0]

    def write(batch: DataFrame, _batch_id: int) -> None:
        batch.persist()
        to_facts(batch, segments).write.jdbc(url, "consumption", mode="append", properties=properties)
        batch.select("topic", "partition", "offset", "timestamp", "key", "value").write.format("delta").mode(
            "append"
        ).save(bronze)
        done[0] += batch.count()
        batch.unpersist()
        report(done[0])

    checkpoint = str(settings.lake.root / "_plain_checkpoint")
    stream = read_topic(spark, settings, topic).writeStream.foreachBatch(write)
    stream.option("checkpointLocation", checkpoint).trigger(availableNow=True).start().awaitTermination()


def read_topic(spark: SparkSession, settings: Settings, topic: str) -> DataFrame:
    """Read with our own batch size."""
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.kafka.bootstrap_servers)
        .option("subscribe", topic)
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", settings.ingest.max_offsets_per_trigger)
        .load()
    )


def to_facts(batch: DataFrame, segments: DataFrame) -> DataFrame:
    """Parse, and put the segment's key in the place of its names."""
    parsed = batch.select(
        F.from_json(F.col("value").cast("string"), SCHEMA).alias("r"), "partition", "offset"
    ).select("r.*", "partition", "offset")
    named = parsed.join(segments, ["profil", "plage_de_puissance_souscrite"], "left")
    return named.select(
        F.col("horodate").alias("slot_start_utc"),
        F.col("code_region").alias("region_code"),
        "segment_id",
        *[name for name in parsed.columns[:-2] if name not in NOT_IN_THE_FACT],
        F.lit(0).alias("source_epoch"),
        F.col("partition").alias("source_partition"),
        F.col("offset").alias("source_offset"),
    )


def jdbc(settings: Settings) -> tuple[str, dict[str, str]]:
    """Give the connection's URL and properties; without rewriting batches it would be many times slower."""
    mysql = settings.mysql
    url = f"jdbc:mysql://{mysql.host}:{mysql.port}/{mysql.database}"
    return url, {
        "driver": "com.mysql.cj.jdbc.Driver",
        "user": "courant_writer",
        "password": mysql.writer_password.get_secret_value(),
        "rewriteBatchedStatements": "true",
        "batchsize": "10000",
        "connectionTimeZone": "UTC",
        "forceConnectionTimeZoneToSession": "true",
    }


if __name__ == "__main__":
    main()
