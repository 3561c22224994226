#!/bin/sh
# Starts FerretDB as the official image starts MongoDB: its root user has the password of its file.
set -eu
bin=/usr/lib/postgresql/18/bin
data=/data/db/postgres
if [ ! -d "$data" ]; then
    "$bin/initdb" --pgdata="$data.new" --auth=trust --encoding=UTF8 --locale=C.UTF-8 > /dev/null
    cat >> "$data.new/postgresql.conf" <<END
listen_addresses = '127.0.0.1' # DocumentDB's own second connection; nobody outside of the container reaches it
unix_socket_directories = '/run/ferretdb'
shared_preload_libraries = 'pg_cron,pg_documentdb_core,pg_documentdb'
cron.database_name = 'postgres'
password_encryption = 'scram-sha-256'
END
    mv "$data.new" "$data"
fi
rm -f "$data/postmaster.pid" # of a container that was killed: this one runs alone on its volume
"$bin/postgres" -D "$data" &
postgres=$!
until "$bin/pg_isready" -q -h /run/ferretdb; do
    kill -0 "$postgres" || exit 1 # it said why; the container is started again
    sleep 0.2
done
ask() { "$bin/psql" -q -v ON_ERROR_STOP=1 -h /run/ferretdb -d postgres "$@"; }
ask -c 'CREATE EXTENSION IF NOT EXISTS documentdb CASCADE'
# bound as a variable of psql, and read from the file: on no command line
ask <<END
\set name '$MONGO_INITDB_ROOT_USERNAME'
\set secret \`cat "$MONGO_INITDB_ROOT_PASSWORD_FILE"\`
SELECT format('CREATE ROLE %I SUPERUSER LOGIN', :'name')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \gexec
SELECT format('ALTER ROLE %I PASSWORD %L', :'name', :'secret') \gexec
END
exec ferretdb --listen-addr=0.0.0.0:27017 --debug-addr=- --telemetry=disable --state-dir=/data/db \
    --postgresql-url="postgres:///postgres?host=/run/ferretdb&user=postgres" --log-level=warn
