#!/bin/sh
# Starts MySQL as the official image does: root has the password of its file, from anywhere.
set -eu
data=/var/lib/mysql
[ -d "$data/mysql" ] || mysqld --no-defaults --initialize-insecure --datadir="$data"
password=$(cat "$MYSQL_ROOT_PASSWORD_FILE")
first=$(umask 077 && mktemp)
cat > "$first" <<END
ALTER USER root@localhost IDENTIFIED BY '$password';
CREATE USER IF NOT EXISTS root@'$MYSQL_ROOT_HOST';
ALTER USER root@'$MYSQL_ROOT_HOST' IDENTIFIED BY '$password';
GRANT ALL ON *.* TO root@'$MYSQL_ROOT_HOST' WITH GRANT OPTION;
END
program=$1
shift
exec "$program" --no-defaults --datadir="$data" --socket=/run/mysqld/mysqld.sock --mysqlx=OFF \
    --secure-file-priv=NULL --init-file="$first" "$@"
