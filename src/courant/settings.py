"""Settings: loaded once in main, frozen, and passed down."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    JsonConfigSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from courant.errors import SettingsError

PROJECT_ROOT = Path(__file__).resolve().parents[2]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KafkaSettings(_Section):
    """Where the broker is and how topics are made."""

    bootstrap_servers: str = ""
    port: int = Field(0, ge=0, le=65535)
    partitions: int = Field(4, ge=1)
    max_message_bytes: int = Field(4_194_304, ge=1024)


class MySQLSettings(_Section):
    """Where the database is and the three accounts' passwords."""

    host: str = "127.0.0.1"
    port: int = Field(0, ge=0, le=65535)
    database: str = "courant"
    root_password: SecretStr = SecretStr("")
    owner_password: SecretStr = SecretStr("")
    writer_password: SecretStr = SecretStr("")
    reader_password: SecretStr = SecretStr("")


class MongoSettings(_Section):
    """Where the document store is."""

    uri: str = ""
    port: int = Field(0, ge=0, le=65535)
    database: str = "courant"
    timeout_s: float = Field(5, gt=0)


class LakeSettings(_Section):
    """Where the Delta tables are."""

    root: Path = Path()


class SparkSettings(_Section):
    """Which cluster runs the jobs, and where a driver shows what it does."""

    master: str = "local[*]"
    ui_port: int = Field(0, ge=0, le=65535)  # of a driver's page and its metrics; 0: none
    event_log: Path | None = None  # the folder that a History Server reads; none: not kept


class IngestSettings(_Section):
    """Triggers and patience of the streaming job."""

    mysql_trigger_ms: int = Field(0, ge=0)
    bronze_trigger_ms: int = Field(5000, ge=0)
    max_offsets_per_trigger: int = Field(250_000, ge=1)
    wait_for_server_s: int = Field(300, ge=0)


class ScheduleSettings(_Section):
    """When the schedule runs what, and where its UI is."""

    port: int = Field(3000, ge=0, le=65535)
    cache_minutes: int = Field(10, ge=1, le=60)
    daily_at: str = Field("02:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")


class DashboardSettings(_Section):
    """Where the dashboard listens."""

    port: int = Field(8501, ge=0, le=65535)


class LabSettings(_Section):
    """Where JupyterLab listens, and where notebooks save their models."""

    models: Path = Path()
    port: int = Field(8888, ge=0, le=65535)

    def model_uri(self, name: str) -> str:
        """Give the address of a model's folder, as Spark takes it."""
        return (self.models.absolute() / name).as_uri()


class MlflowSettings(_Section):
    """Where the models' runs and registry are, and where their UI listens."""

    root: Path = Path()
    port: int = Field(5000, ge=0, le=65535)

    @property
    def tracking_uri(self) -> str:
        """The address of the runs' database."""
        return f"sqlite:///{self.root.absolute() / 'mlflow.db'}"

    @property
    def artifacts_uri(self) -> str:
        """The address of the folder of models and plots."""
        return (self.root.absolute() / "artifacts").as_uri()


class AlertsSettings(_Section):
    """When somebody is told, and where."""

    rules: Path = PROJECT_ROOT / "conf" / "alerts.toml"
    urls: dict[str, SecretStr] = {}  # by channel, as Apprise writes them: they hold passwords and tokens


class NifiSettings(_Section):
    """Where NiFi is, and how its flow takes in files and answers."""

    url: str = "http://127.0.0.1:8080"
    username: str = ""
    password: SecretStr = SecretStr("")
    kafka_bootstrap_servers: str = ""  # where NiFi sees the broker elsewhere than we do
    folder: Path = Path()  # a folder per data set below it
    calendar: Path = Path()
    rate: float = Field(0, ge=0)  # rows a second and data set; 0 as fast as can be
    look_every_s: int = Field(5, ge=1)
    polled: dict[str, str] = {}  # by data set: "portal", or the address of a CSV export
    poll_every_s: int = Field(900, ge=1)
    poll_rows: int = Field(1000, ge=1)
    dead_letter_topic: str = "dead-letters"


class PortalSettings(_Section):
    """Where the published files are downloaded from."""

    url: str = "https://opendata.enedis.fr"
    timeout_s: float = Field(60, gt=0)
    attempts: int = Field(4, ge=1)


class Settings(BaseSettings):
    """Everything a command may need to know, from (strongest first) variables, the stack, courant.toml."""

    model_config = SettingsConfigDict(
        env_prefix="COURANT_",
        env_nested_delimiter="_",
        env_nested_max_split=1,
        frozen=True,
        extra="forbid",
    )

    home: Path
    listen_on: str = "127.0.0.1"  # the address of our own web pages
    contracts_dir: Path = PROJECT_ROOT / "contracts"
    kafka: KafkaSettings = KafkaSettings()
    mysql: MySQLSettings = MySQLSettings()
    mongo: MongoSettings = MongoSettings()
    lake: LakeSettings = LakeSettings()
    spark: SparkSettings = SparkSettings()
    ingest: IngestSettings = IngestSettings()
    portal: PortalSettings = PortalSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    dashboard: DashboardSettings = DashboardSettings()
    lab: LabSettings = LabSettings()
    alerts: AlertsSettings = AlertsSettings()
    mlflow: MlflowSettings = MlflowSettings()
    nifi: NifiSettings = NifiSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, variables, what `up` wrote, the file, the defaults by home."""
        assert isinstance(init_settings, InitSettingsSource)  # noqa: S101 - narrows pydantic's type
        home = home_folder(init_settings.init_kwargs.get("home"))
        return (
            init_settings,
            env_settings,
            JsonConfigSettingsSource(settings_cls, endpoints_file(home)),
            JsonConfigSettingsSource(settings_cls, secrets_file(home)),
            TomlConfigSettingsSource(settings_cls, _config_file()),
            InitSettingsSource(settings_cls, {"home": home, **_default_roots(home)}),
        )


def load_settings(**overrides: Any) -> Settings:  # noqa: ANN401 - any field of Settings
    """Load the settings of the stack in COURANT_HOME.

    Raises
    ------
    SettingsError
        If a value is malformed; the message names the setting.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)
        )
        raise SettingsError(
            f"The settings do not hold: {faults}",
            remedy=f"mend it in {_config_file()} or in the variable COURANT_<SECTION>_<NAME>",
        ) from error
    except ValueError as error:
        raise SettingsError(
            f"A settings file cannot be read: {error}", remedy=f"mend {_config_file()}"
        ) from error


def home_folder(chosen: str | Path | None = None) -> Path:
    """Give the folder that holds one embedded stack: its data, addresses and secrets."""
    return Path(chosen or os.environ.get("COURANT_HOME") or PROJECT_ROOT / ".courant").expanduser().resolve()


def endpoints_file(home: Path) -> Path:
    """Give the file in which `courant up` leaves the addresses of its servers (settings-shaped JSON)."""
    return home / "endpoints.json"


def secrets_file(home: Path) -> Path:
    """Give the file (mode 600) that holds the generated passwords (settings-shaped JSON)."""
    return home / "secrets.json"


def _config_file() -> Path:
    return Path(os.environ.get("COURANT_CONFIG") or PROJECT_ROOT / "conf" / "courant.toml")


def _default_roots(home: Path) -> dict[str, Any]:
    """Give each stack a lake, runs and models of its own: folders here for the project's, inside HOME for any other."""
    folder = PROJECT_ROOT if home == PROJECT_ROOT / ".courant" else home
    return {
        "lake": {"root": folder / "lake"},
        "mlflow": {"root": folder / "mlruns"},
        "lab": {"models": folder / "models"},
        "nifi": {"folder": home / "nifi" / "in", "calendar": home / "nifi" / "calendar.csv"},
    }
