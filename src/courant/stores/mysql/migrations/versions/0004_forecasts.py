"""What the daily model leaves: forecasts, and how they fared."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_OPTIONS = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"

_TABLES = {
    "forecast": """
        series VARCHAR(191) NOT NULL,
        slot_start_utc DATETIME NOT NULL,
        dataset VARCHAR(64) NOT NULL,
        paris_day DATE NOT NULL,
        slot TINYINT UNSIGNED NOT NULL,
        power_w DOUBLE NOT NULL,
        low_w DOUBLE NOT NULL,
        high_w DOUBLE NOT NULL,
        model VARCHAR(64) NOT NULL,
        model_version INT NOT NULL,
        made_at DATETIME(3) NOT NULL,
        PRIMARY KEY (series, slot_start_utc),
        KEY dataset_day (dataset, paris_day)""",
    "forecast_score": """
        series VARCHAR(191) NOT NULL,
        paris_day DATE NOT NULL,
        dataset VARCHAR(64) NOT NULL,
        model VARCHAR(64) NOT NULL,
        model_version INT NOT NULL,
        mape_percent DOUBLE NULL,
        mae_w DOUBLE NOT NULL,
        rmse_w DOUBLE NOT NULL,
        inside_interval DOUBLE NOT NULL,
        scored_at DATETIME(3) NOT NULL,
        PRIMARY KEY (series, paris_day),
        KEY dataset_day (dataset, paris_day)""",
}


def upgrade() -> None:
    """Create them; IF NOT EXISTS because a server killed between two statements keeps the first."""
    for name, columns in _TABLES.items():
        op.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns}) {_OPTIONS}")


def downgrade() -> None:
    """Drop them; MongoDB has the forecasts too, and the next daily run scores the last days again."""
    for name in reversed(_TABLES):
        op.execute(f"DROP TABLE IF EXISTS {name}")
