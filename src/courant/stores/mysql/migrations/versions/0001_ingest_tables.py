"""The tables of the ingest itself: positions, batches, rejects."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_OPTIONS = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"

_TABLES = {
    "topic_epoch": """
        dataset VARCHAR(64) NOT NULL,
        epoch SMALLINT UNSIGNED NOT NULL,
        topic_id VARCHAR(32) NOT NULL,
        first_seen_at DATETIME(3) NOT NULL,
        PRIMARY KEY (dataset, epoch),
        UNIQUE KEY topic_id (dataset, topic_id)""",
    "ingest_offset": """
        dataset VARCHAR(64) NOT NULL,
        topic_id VARCHAR(32) NOT NULL,
        partition_id INT NOT NULL,
        next_offset BIGINT NOT NULL,
        updated_at DATETIME(3) NOT NULL,
        PRIMARY KEY (dataset, topic_id, partition_id)""",
    "ingest_batch": """
        ingest_batch_id BIGINT NOT NULL AUTO_INCREMENT,
        dataset VARCHAR(64) NOT NULL,
        run_id VARCHAR(32) NOT NULL,
        batch_id BIGINT NOT NULL,
        committed_at DATETIME(3) NOT NULL,
        rows_in INT NOT NULL,
        accepted INT NOT NULL,
        rejected INT NOT NULL,
        warnings TEXT NOT NULL,
        load_ms INT NOT NULL,
        latency_p50_ms DOUBLE NULL,
        latency_p95_ms DOUBLE NULL,
        latency_max_ms DOUBLE NULL,
        PRIMARY KEY (ingest_batch_id),
        KEY dataset_time (dataset, committed_at)""",
    "reject": """
        dataset VARCHAR(64) NOT NULL,
        topic_id VARCHAR(32) NOT NULL,
        partition_id INT NOT NULL,
        record_offset BIGINT NOT NULL,
        broker_time_utc DATETIME(3) NOT NULL,
        message_key VARBINARY(1024) NULL,
        raw MEDIUMBLOB NULL,
        rules TEXT NOT NULL,
        contract_version VARCHAR(32) NOT NULL,
        rejected_at DATETIME(3) NOT NULL,
        replayed_at DATETIME(3) NULL,
        PRIMARY KEY (dataset, topic_id, partition_id, record_offset)""",
}


def upgrade() -> None:
    """Create them; IF NOT EXISTS because a server killed between two statements keeps the first."""
    for name, columns in _TABLES.items():
        op.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns}) {_OPTIONS}")


def downgrade() -> None:
    """Drop them; everything in them can be had again from the topic and bronze."""
    for name in reversed(_TABLES):
        op.execute(f"DROP TABLE IF EXISTS {name}")
