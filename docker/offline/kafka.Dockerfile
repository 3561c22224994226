# Kafka and the embedded stack's document store, for machines that cannot pull the official images.
ARG COURANT=courant:latest
FROM ${COURANT}
USER 0
RUN java -jar "$SPARK_HOME"/jars/ivy-*.jar -ivy conf/ivy.xml -confs kafka mongo -cache /tmp/ivy \
    -retrieve '.jars/[conf]/[artifact]-[revision].[ext]' \
    && rm -rf /tmp/ivy \
    && install -d -o courant /var/lib/kafka/data /data/db
COPY kafka.sh mongo.sh /opt/offline/
USER 10001
