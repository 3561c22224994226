"""The embedded stack: Kafka, MariaDB and a MongoDB-protocol server as real processes in user space."""
