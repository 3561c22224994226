# MySQL for machines that cannot pull its official image: Debian's build of the real server, on Debian sid.
ARG SID=courant-base:sid
FROM ${SID}
# a mirror of sid may lag behind by weeks
RUN apt-get -o Acquire::Check-Valid-Until=false update \
    && apt-get install -y --no-install-recommends mysql-server-core mysql-client-core tini \
    && rm -rf /var/lib/apt/lists/*
RUN (id mysql || useradd --system mysql) && usermod --uid 999 mysql && install -d -o mysql /var/lib/mysql /run/mysqld
COPY mysql.sh /start.sh
USER 999
ENTRYPOINT ["tini", "--", "sh", "/start.sh"]
CMD ["mysqld"]
