"""The limit of one connection: LOAD DATA LOCAL of rows that are typed already, into the empty table."""

from __future__ import annotations

import os

from typed_rows import connect, report, start

LOAD = "LOAD DATA LOCAL INFILE %s INTO TABLE consumption CHARACTER SET utf8mb4"


def main() -> None:
    settings, _, rows = start()
    connection = connect(settings)
    report(0)
    with connection.cursor() as cursor:
        loaded = cursor.execute(LOAD, (os.environ["BENCH_ROWS_FILE"],))
        connection.commit()
        report(loaded)
        cursor.execute("SHOW WARNINGS LIMIT 1")
        warning = cursor.fetchone()
    if loaded != rows or warning:
        raise SystemExit(f"{loaded} of {rows} rows are loaded; {warning or 'no warning'}")


if __name__ == "__main__":
    main()
