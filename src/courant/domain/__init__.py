"""Plain Python: contracts, the calendar, the generator. No Spark, no client, no I/O but reading a contract."""
