"""Which days of a data set a batch has changed last: what the publisher of aggregates has to look at again."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create it; IF NOT EXISTS because a server killed before the revision is noted keeps the table."""
    op.execute("""
        CREATE TABLE IF NOT EXISTS day_change (
            dataset VARCHAR(64) NOT NULL,
            day_utc DATE NOT NULL,
            ingest_batch_id BIGINT NOT NULL,
            PRIMARY KEY (dataset, day_utc)
        ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin""")


def downgrade() -> None:
    """Drop it; a publisher that finds no changes it knows publishes all days."""
    op.execute("DROP TABLE IF EXISTS day_change")
