"""Alerts for people and programs: one JSON message each, on a topic that all kinds of them share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from courant.settings import Settings
from courant.stores.kafka.client import down
from courant.stores.kafka.sending import RecordSender
from courant.stores.kafka.topics import ensure_named

ALERTS = "alerts"


def send_alert(settings: Settings, key: str, alert: Mapping[str, Any]) -> None:
    """Send an alert and wait until the broker has it; makes the topic if it is missing.

    Parameters
    ----------
    key
        What the alert is about; alerts of one key stay in order.

    Raises
    ------
    KafkaDownError
        If the broker does not take it.
    """
    ensure_named(settings, [ALERTS])
    with RecordSender(settings, ALERTS) as sender:
        sender.send([key], [json.dumps(alert, ensure_ascii=False)])
    if sender.failed:
        raise down(settings, sender.first_failure)
