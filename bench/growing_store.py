"""The topic and both sinks of one ingest, which grow from one measurement to the next."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import ours
from figures import WARM_UP, Commit, end_of_warm_up
from machine import console, describe_machine
from records import DATASET, FIRST_DAY, fill_topic
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from servers import ask, bench_stack, settle

from courant.domain.contract import find_contract
from courant.settings import Settings

FEWEST_A_DAY = 45_264  # records of the day that has 46 half hours
BYTES_A_RECORD = 600  # of disk, at most: MySQL 320, Kafka 170, bronze 25, and its log
LEFT_FREE = 2 * 2**30
BARS = (TextColumn("{task.description:22}"), BarColumn(), TextColumn("{task.completed:,}/{task.total:,}"))


def check_disk(records: int) -> None:
    """End the bench before it begins where the stores of so many records would not find room."""
    folder, wanted = tempfile.gettempdir(), records * BYTES_A_RECORD + LEFT_FREE
    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise SystemExit(
            f"{records:,} records want {wanted / 2**30:.1f} GiB in {folder}, and {free / 2**30:.1f} are free: "
            "set TMPDIR to a larger disk, or measure fewer"
        )


@dataclass(frozen=True, slots=True)
class Steady:
    """One sink from the end of its warm-up to its last commit."""

    record_us: float
    batch_s: float


@dataclass(frozen=True, slots=True)
class Drained:
    """What a fresh ingest did with records that were waiting for it."""

    mysql: Steady
    bronze: Steady
    load_us: float  # a record, of MySQL's transaction up to its COMMIT
    wall_s: float  # of its whole process
    machine: str

    @property
    def record_us(self) -> float:
        """What a record costs in the slower sink: both work at the same time, on the same cores."""
        return max(self.mysql.record_us, self.bronze.record_us)


class GrowingStore:
    """A running stack with a topic and sinks that nobody used before."""

    def __init__(self, settings: Settings, progress: Progress) -> None:
        self.settings = settings
        self.rows = 0  # in both sinks
        self._contract = find_contract(settings.contracts_dir, DATASET)
        self._next_day = FIRST_DAY
        self._machine = describe_machine(settings)
        self._progress = progress

    def take(self, rows: int, *, batch: int, warm_up: float = WARM_UP, what: str = "measuring") -> Drained:
        """Send records of days that were not sent yet, and let a fresh ingest bring them into both sinks.

        Spark shares a batch over the partitions and rounds down, which would leave a last batch of a handful:
        it may take one more of each.
        """
        self._send(rows)
        settle(self.settings)
        bar = self._progress.add_task(what, total=rows)
        before, self.rows = self.rows, self.rows + rows
        wall = ours.drain(
            with_batch(self.settings, batch + self.settings.kafka.partitions),
            self.rows,
            warm_up=warm_up,
            on_progress=lambda done: self._progress.update(bar, completed=done - before),
        ).wall_s
        mysql = _since(ours.mysql_commits(self.settings), before)
        bronze = _since(ours.bronze_commits(self.settings), before)
        return Drained(
            mysql=_steady(mysql, share=warm_up),
            bronze=_steady(bronze, share=warm_up),
            load_us=self._load_us(since=end_of_warm_up(mysql, share=warm_up).at_s),
            wall_s=wall,
            machine=self._machine,
        )

    def check_rows(self) -> None:
        """End the bench unless each record made a row of its own: else the index did not grow as said."""
        found = ask(self.settings, f"SELECT COUNT(*) AS n FROM `{self._contract.table}`")[0]["n"]
        if found != self.rows:
            raise SystemExit(f"MySQL has {found} rows of {self.rows} records: no figure means anything")

    def _send(self, rows: int) -> None:
        bar = self._progress.add_task("producing", total=rows)
        fill_topic(
            self.settings,
            self._contract,
            rows,
            on_progress=lambda sent: self._progress.update(bar, completed=sent),
            first_day=self._next_day,
        )
        self._next_day += timedelta(days=rows // FEWEST_A_DAY + 1)

    def _load_us(self, *, since: float) -> float:
        answer = ask(
            self.settings,
            "SELECT SUM(load_ms) * 1000 / SUM(rows_in) AS us FROM ingest_batch"
            f" WHERE UNIX_TIMESTAMP(committed_at) > {since:.3f}",
        )[0]["us"]
        return float("nan") if answer is None else float(str(answer))


@contextmanager
def growing_store(*, partitions: int = 0) -> Iterator[GrowingStore]:
    """Give an empty store on a stack of its own; its topic has the usual number of partitions if none is given."""
    with bench_stack(console) as started, bars() as progress:
        kafka = started.kafka.model_copy(update={"partitions": partitions or started.kafka.partitions})
        yield GrowingStore(started.model_copy(update={"kafka": kafka}), progress)


def with_batch(settings: Settings, records: int) -> Settings:
    """Give settings with which a batch has at most so many records."""
    ingest = settings.ingest.model_copy(update={"max_offsets_per_trigger": records})
    return settings.model_copy(update={"ingest": ingest})


def bars() -> Progress:
    """Give bars for work that is counted in records."""
    return Progress(*BARS, TimeElapsedColumn(), console=console, refresh_per_second=1)


def _since(commits: Sequence[Commit], before: int) -> list[Commit]:
    """Give the commits that came after so many rows, and count theirs alone."""
    return [Commit(commit.at_s, commit.rows - before) for commit in commits if commit.rows > before]


def _steady(commits: Sequence[Commit], *, share: float) -> Steady:
    warm, last = end_of_warm_up(commits, share=share), commits[-1]
    batches, seconds = sum(commit.at_s > warm.at_s for commit in commits), last.at_s - warm.at_s
    if not batches:
        return Steady(float("nan"), float("nan"))
    return Steady(seconds * 1e6 / (last.rows - warm.rows), seconds / batches)
