"""What the watcher of alerts keeps: every alert, how each rule stands, and how far the topic was read."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_OPTIONS = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"

_TABLES = {
    "alert": """
        alert_id VARCHAR(255) NOT NULL,
        rule VARCHAR(64) NOT NULL,
        kind VARCHAR(32) NOT NULL,
        dataset VARCHAR(64) NOT NULL,
        subject VARCHAR(255) NOT NULL,
        severity VARCHAR(16) NOT NULL,
        state VARCHAR(16) NOT NULL,
        value DOUBLE NULL,
        threshold DOUBLE NULL,
        unit VARCHAR(16) NULL,
        message TEXT NOT NULL,
        slot_start_utc DATETIME(3) NULL,
        raised_at DATETIME(3) NOT NULL,
        kept_at DATETIME(3) NOT NULL,
        delivery VARCHAR(16) NOT NULL,
        owed_to VARCHAR(255) NOT NULL DEFAULT '',
        delivered_at DATETIME(3) NULL,
        PRIMARY KEY (alert_id),
        KEY raised (raised_at),
        KEY owed (delivery, kept_at)""",
    "alert_standing": """
        rule VARCHAR(64) NOT NULL,
        subject VARCHAR(255) NOT NULL,
        kind VARCHAR(32) NOT NULL,
        dataset VARCHAR(64) NOT NULL,
        is_raised BOOLEAN NOT NULL,
        changed_at DATETIME(3) NOT NULL,
        last_alert_id VARCHAR(255) NOT NULL,
        last_slot DATETIME(3) NULL,
        alerts BIGINT NOT NULL,
        told_at DATETIME(3) NULL,
        is_told BOOLEAN NOT NULL,
        PRIMARY KEY (rule, subject),
        KEY raised (is_raised)""",
    "alert_position": """
        topic_id VARCHAR(32) NOT NULL,
        partition_id INT NOT NULL,
        next_offset BIGINT NOT NULL,
        PRIMARY KEY (topic_id, partition_id)""",
    "alert_unread": """
        topic_id VARCHAR(32) NOT NULL,
        partition_id INT NOT NULL,
        record_offset BIGINT NOT NULL,
        raw LONGBLOB NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (topic_id, partition_id, record_offset)""",
}


def upgrade() -> None:
    """Create them; IF NOT EXISTS because a server killed between two statements keeps the first."""
    for name, columns in _TABLES.items():
        op.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns}) {_OPTIONS}")


def downgrade() -> None:
    """Drop them; nothing else has what they hold but the topic, as far as it is kept."""
    for name in reversed(_TABLES):
        op.execute(f"DROP TABLE IF EXISTS {name}")
