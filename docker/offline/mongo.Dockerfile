# FerretDB on PostgreSQL with DocumentDB, for machines that cannot pull MongoDB's official image, on Debian sid.
ARG SID=courant-base:sid
FROM ${SID} AS built
# a mirror of sid may lag behind by weeks
RUN apt-get -o Acquire::Check-Valid-Until=false update \
    && apt-get install -y --no-install-recommends ca-certificates golang-go \
    && rm -rf /var/lib/apt/lists/*
ARG GOPROXY=https://proxy.golang.org,direct
ARG FERRETDB=v2.7.0
RUN GOBIN=/usr/local/bin GOTOOLCHAIN=local go install "github.com/FerretDB/FerretDB/v2/cmd/ferretdb@${FERRETDB}" \
    && rm -rf /root/go /root/.cache

FROM ${SID}
RUN apt-get -o Acquire::Check-Valid-Until=false update \
    && apt-get install -y --no-install-recommends ca-certificates postgresql-18 postgresql-18-documentdb tini \
    && rm -rf /var/lib/apt/lists/* \
    && usermod --uid 999 postgres \
    && install -d -o postgres /data/db /run/ferretdb
COPY --from=built /usr/local/bin/ferretdb /usr/local/bin/ferretdb
COPY mongo.sh /start.sh
USER 999
ENTRYPOINT ["tini", "-g", "--", "sh", "/start.sh"]
