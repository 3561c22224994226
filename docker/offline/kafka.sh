#!/bin/sh
# Starts Kafka as the official image does: KAFKA_LOG_DIRS becomes log.dirs, storage is formatted once.
set -eu
export CLASSPATH='/opt/courant/.jars/kafka/*'
java="java -Xms256m -Xmx512m -XX:+UseParallelGC -Dlog4j2.level=WARN"
properties=/tmp/server.properties
env | sed -n 's/^KAFKA_\([A-Z_]*\)=\(.*\)$/\1 \2/p' | grep -v '^HEAP_OPTS ' | while read -r name value; do
    printf '%s=%s\n' "$(echo "$name" | tr 'A-Z_' 'a-z.')" "$value"
done > $properties
[ -f "$KAFKA_LOG_DIRS/meta.properties" ] || $java kafka.tools.StorageTool format \
    --cluster-id="$($java kafka.tools.StorageTool random-uuid)" -c $properties
exec $java kafka.Kafka $properties
