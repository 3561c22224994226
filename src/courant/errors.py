"""The error tree. Each error is one sentence for a person and one exit code for a script."""

from __future__ import annotations


class CourantError(Exception):
    """A failure that we understand: what was expected, what was found, where, and what to do.

    Parameters
    ----------
    message
        What was expected and what was found instead.
    remedy
        What the reader can do now, as a command where there is one.
    """

    exit_code = 70

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  What to do: {self.remedy}" if self.remedy else self.message


class SettingsError(CourantError):
    """A setting is missing or has a value that cannot work."""

    exit_code = 10


class ContractError(CourantError):
    """A contract file is missing, malformed or contradicts itself."""

    exit_code = 11


class UnknownDatasetError(CourantError):
    """No contract has this name."""

    exit_code = 12


class JavaError(CourantError):
    """Java is missing or too old."""

    exit_code = 13


class PortInUseError(CourantError):
    """A port that the settings ask for belongs to another process."""

    exit_code = 14


class DiskFullError(CourantError):
    """There is not enough disk left to go on safely."""

    exit_code = 15


class StackError(CourantError):
    """An embedded server did not start, stop or answer."""

    exit_code = 16


class KafkaDownError(CourantError):
    """No Kafka broker answers at the address of the settings."""

    exit_code = 17


class MySQLDownError(CourantError):
    """No MySQL server answers at the address of the settings."""

    exit_code = 18


class AccessDeniedError(CourantError):
    """The server refused the account or its password."""

    exit_code = 19


class AnotherWriterError(CourantError):
    """The sink moved without this driver: a second driver writes to it."""

    exit_code = 20


class OffsetsLostError(CourantError):
    """Retention removed records that a sink has not read yet."""

    exit_code = 21


class TopicRecreatedError(CourantError):
    """The topic is not the one whose offsets a sink has stored."""

    exit_code = 22


class PartitionsChangedError(CourantError):
    """The topic has other partitions than a sink has stored."""

    exit_code = 23


class SchemaConflictError(CourantError):
    """A contract asks for a change of a table that cannot be made additively."""

    exit_code = 24


class InputFileError(CourantError):
    """A published file cannot be read as its data set."""

    exit_code = 25


class PortalError(CourantError):
    """The open-data portal did not deliver."""

    exit_code = 26


class IngestError(CourantError):
    """A streaming query ended for a reason that has no error of its own."""

    exit_code = 27


class TopicMissingError(CourantError):
    """The broker has no topic of this name."""

    exit_code = 28


class ReconcileError(CourantError):
    """The layers differ."""

    exit_code = 1


class SqlError(CourantError):
    """A person's SQL statement is not one that the database understands."""

    exit_code = 29


class MongoDownError(CourantError):
    """No MongoDB server answers at the address of the settings."""

    exit_code = 30


class ParityError(CourantError):
    """Engines that were given the same work did not do the same."""

    exit_code = 31


class AlertFormatError(CourantError):
    """A record of the alerts' topic is no alert."""


class NotEnoughDataError(CourantError):
    """There are too few days to learn or to judge from."""

    exit_code = 32


class NifiDownError(CourantError):
    """No NiFi answers at the address of the settings."""

    exit_code = 33


class NifiFlowError(CourantError):
    """NiFi refuses the flow, or the flow does not fit what it is given."""

    exit_code = 34


class ClusterDownError(CourantError):
    """No Spark master answers at the address of the settings."""

    exit_code = 35


class NotWritableError(CourantError):
    """A folder or a file system may not be written to."""

    exit_code = 36


class JobError(CourantError):
    """A job that was started as a process of its own failed; the exit code is the job's."""

    def __init__(self, message: str, *, exit_code: int, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.exit_code = exit_code
