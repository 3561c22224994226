"""The watcher: keeps the alerts of the topic, checks the rules that need state, and has people told; one at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from courant.alerts import checks
from courant.alerts.channels import Channels, tell
from courant.alerts.findings import news
from courant.alerts.keep import keep, tell_overdue
from courant.domain.alert import Alert, Delivery
from courant.domain.alert_rules import AlertRules
from courant.domain.contract import Contract
from courant.errors import KafkaDownError, MySQLDownError, TopicRecreatedError
from courant.settings import Settings
from courant.stores.kafka.alerts import AlertReader, AlertRecord, alerts_topic, send_alerts
from courant.stores.mysql import alerts as store
from courant.stores.mysql.alone import alone
from courant.stores.mysql.connection import LoadConnection, session, translated
from courant.stores.mysql.migrate import upgrade

log = logging.getLogger(__name__)

_READ_AT_ONCE, _WAIT_S = 500, 0.2
_TOLD_AT_ONCE = 100
_TRY_AGAIN_S = 60.0  # after a channel did not take a message
_GIVE_UP = timedelta(days=1)
_SERVER_AGAIN_S = 2.0


@dataclass(slots=True)
class Watcher:
    """What the watcher knows while both servers are there; made anew after one was away."""

    settings: Settings
    rules: AlertRules
    contracts: Mapping[str, Contract]
    channels: Channels
    connection: LoadConnection
    topic: tuple[str, int]  # its id, and its number of partitions
    reader: AlertReader
    report: Callable[[Alert, Delivery], None]
    since: datetime  # when watching began
    _checked_s: float = field(default=float("-inf"))
    _failed_s: float = field(default=float("-inf"))

    def turn(self) -> None:
        """Keep what came; check the rules when it is time; tell what is owed."""
        records = self.reader.read(count=_READ_AT_ONCE, wait_s=_WAIT_S)
        if records:
            self._keep(records)
        if time.monotonic() - self._checked_s >= self.rules.check_every_s:
            self._checked_s = time.monotonic()
            self._check()
        if time.monotonic() - self._failed_s >= _TRY_AGAIN_S:
            self._tell()

    def _keep(self, records: list[AlertRecord]) -> None:
        kept = keep(
            self.connection, self.topic[0], records, now=datetime.now(UTC),
            cooldown=self.rules.cooldown, channels=list(self.channels),
        )  # fmt: skip
        for alert, delivery in kept:
            self.report(alert, delivery)

    def _check(self) -> None:
        """Send what changed to the topic, from where it comes back as any other alert."""
        if alerts_topic(self.settings) != self.topic:  # asks the broker, which reading alone would wait for
            raise TopicRecreatedError("The alerts' topic was made anew, or has other partitions")
        now = datetime.now(UTC)
        tell_overdue(self.connection, now=now, cooldown=self.rules.cooldown, channels=list(self.channels))
        sources = checks.Sources(self.settings, self.connection, self.contracts, now, self.since)
        found = checks.find(sources, self.rules, store.read_raised(self.connection))
        keys = list({(one.rule, one.subject) for one in found})
        standings = store.read_standings(self.connection, keys)
        self.connection.commit()  # ends the snapshot that these were read from
        send_alerts(self.settings, news(found, standings, now))

    def _tell(self) -> None:
        """Tell each channel what it is owed, in one message; what it does not take is owed on."""
        now, owed = datetime.now(UTC), store.read_owed(self.connection, count=_TOLD_AT_ONCE)
        failed = {
            name
            for name in sorted({name for row in owed for name in _names(row)})
            if tell(self.channels, [name], [row for row in owed if name in _names(row)])
        }
        for row in owed:
            left = [name for name in _names(row) if name in failed]
            is_over = now - row["kept_at"].replace(tzinfo=UTC) > _GIVE_UP
            delivery = Delivery.SENT if not left else Delivery.FAILED if is_over else Delivery.PENDING
            store.settle(self.connection, row["alert_id"], delivery, owed_to=",".join(left), now=now)
        self.connection.commit()
        if failed:
            self._failed_s = time.monotonic()
            log.warning("%s did not take alerts; tried again in %.0f s", ", ".join(failed), _TRY_AGAIN_S)


def watch(  # noqa: PLR0913 - an edge
    settings: Settings,
    rules: AlertRules,
    contracts: Mapping[str, Contract],
    channels: Channels,
    *,
    stop: threading.Event,
    report: Callable[[Alert, Delivery], None],
) -> None:
    """Watch until the event is set; a server that is away is waited for.

    Raises
    ------
    AnotherWriterError
        If another watcher is at work.
    AccessDeniedError, SettingsError
        If a server refuses the account, or no address is known.
    """
    since, is_away = datetime.now(UTC), False
    while not stop.is_set():
        try:
            with _watcher(settings, rules, contracts, channels, report=report, since=since) as watcher:
                if is_away:
                    log.info("watching again")
                is_away = False
                while not stop.is_set():
                    watcher.turn()
        except (KafkaDownError, MySQLDownError, TopicRecreatedError) as error:
            if not is_away:
                log.warning("%s; begun again as soon as it answers", error.message)
            is_away = True
            stop.wait(_SERVER_AGAIN_S)


@contextmanager
def _watcher(  # noqa: PLR0913 - an edge
    settings: Settings,
    rules: AlertRules,
    contracts: Mapping[str, Contract],
    channels: Channels,
    *,
    report: Callable[[Alert, Delivery], None],
    since: datetime,
) -> Iterator[Watcher]:
    upgrade(settings)
    with alone(settings, "alerts"), session(settings, "writer") as connection, translated(settings):
        topic = alerts_topic(settings)
        positions = store.read_positions(connection, topic[0])
        connection.commit()
        with closing(AlertReader(settings, positions)) as reader:
            yield Watcher(
                settings, rules, contracts, channels, connection, topic, reader, report, since=since
            )


def _names(row: Mapping[str, str]) -> list[str]:
    return [name for name in row["owed_to"].split(",") if name]
