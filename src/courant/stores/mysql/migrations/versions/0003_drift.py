"""Which features of which series drifted: a row for each that was compared."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_OPTIONS = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"

_TABLES = {
    "drift": """
        series VARCHAR(191) NOT NULL,
        last_day DATE NOT NULL,
        feature VARCHAR(64) NOT NULL,
        dataset VARCHAR(64) NOT NULL,
        ks_statistic DOUBLE NOT NULL,
        p_adjusted DOUBLE NOT NULL,
        psi DOUBLE NOT NULL,
        is_drift BOOLEAN NOT NULL,
        verdict VARCHAR(16) NOT NULL,
        checked_at DATETIME(3) NOT NULL,
        PRIMARY KEY (series, last_day, feature),
        KEY dataset_day (dataset, last_day)""",
}


def upgrade() -> None:
    """Create them; IF NOT EXISTS because a server killed between two statements keeps the first."""
    for name, columns in _TABLES.items():
        op.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns}) {_OPTIONS}")


def downgrade() -> None:
    """Drop them; the checks of days that are no longer the last are lost."""
    for name in reversed(_TABLES):
        op.execute(f"DROP TABLE IF EXISTS {name}")
