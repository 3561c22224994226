# NiFi for machines that cannot pull its official image: an unpacked NiFi 2 with its script `nifi-start`, on Debian's Java.
ARG SID=courant-base:sid
FROM ${SID}
# a mirror of sid may lag behind by weeks
RUN apt-get -o Acquire::Check-Valid-Until=false update \
    && apt-get install -y --no-install-recommends ca-certificates openjdk-25-jre-headless tini \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 1000 --create-home nifi \
    && install -d -o nifi /opt/nifi /opt/nifi/nifi-current
WORKDIR /opt/nifi/nifi-current
RUN install -d -o nifi conf content_repository database_repository flowfile_repository provenance_repository state
COPY --chown=1000 nifi /opt/nifi/bundle
COPY nifi.sh /start.sh
USER 1000
ENTRYPOINT ["tini", "--", "sh", "/start.sh"]
