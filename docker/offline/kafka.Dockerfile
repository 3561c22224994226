# Kafka of conf/ivy.xml, as the embedded stack has it, for machines that cannot pull the official image.
ARG COURANT=courant:latest
FROM ${COURANT}
USER 0
RUN java -jar "$SPARK_HOME"/jars/ivy-*.jar -ivy conf/ivy.xml -confs kafka -cache /tmp/ivy \
    -retrieve '.jars/[conf]/[artifact]-[revision].[ext]' \
    && rm -rf /tmp/ivy \
    && install -d -o courant /var/lib/kafka/data
COPY kafka.sh /start.sh
USER 10001
CMD ["sh", "/start.sh"]
