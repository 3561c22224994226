"""Telling people, by Apprise: mail, Slack, webhook and others, one URL each."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from apprise import Apprise, NotifyFormat, NotifyType

from courant.domain.alert import Change, Urgency
from courant.errors import SettingsError
from courant.settings import Settings

# It would log addresses; what failed is said by channel.
logging.getLogger("apprise").setLevel(logging.CRITICAL)

_TYPES = {
    Urgency.INFO: NotifyType.INFO,
    Urgency.WARNING: NotifyType.WARNING,
    Urgency.CRITICAL: NotifyType.FAILURE,
}
_ORDER = list(_TYPES)
Channels = Mapping[str, Apprise]


def open_channels(settings: Settings) -> dict[str, Apprise]:
    """Give what sends to each address of the settings, by channel.

    Raises
    ------
    SettingsError
        If an address is none that Apprise knows; it names the channel, and never the address.
    """
    channels = {}
    for name, url in settings.alerts.urls.items():
        channels[name] = Apprise()
        if not channels[name].add(url.get_secret_value()) or "," in name:
            raise SettingsError(
                f"The address of the alerts' channel {name} is none that Apprise understands",
                remedy="mend it in COURANT_ALERTS_URLS or secrets.json; https://github.com/caronc/apprise/wiki lists"
                " the forms",
            )
    return channels


def tell(channels: Channels, names: Sequence[str], alerts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Send alerts as one message to each of these channels; give the names of those that did not take it.

    Parameters
    ----------
    alerts
        Rows of `alert`, with `alerts`: how many there were since it was raised.
    """
    title, body, urgency = to_text(alerts)
    failed = []
    for name in names:
        channel = channels.get(name)  # one that is no longer set is owed nothing
        if channel is not None and not channel.notify(
            title=title, body=body, notify_type=_TYPES[urgency], body_format=NotifyFormat.TEXT
        ):
            failed.append(name)
    return failed


def to_text(alerts: Sequence[Mapping[str, Any]]) -> tuple[str, str, Urgency]:
    """Write a message: its title, a line for each alert, and how urgent the most urgent one is."""
    raised = [Urgency(row["severity"]) for row in alerts if row["state"] == Change.RAISED]
    urgency = max(raised, key=_ORDER.index, default=Urgency.INFO)
    if len(alerts) == 1:
        [row] = alerts
        what = str(urgency).upper() if row["state"] == Change.RAISED else "recovered"
        title = f"Courant {what}: {row['rule']}"
    else:
        title = f"Courant: {len(raised)} alerts, {len(alerts) - len(raised)} recovered"
    return title, "\n".join(_line(row) for row in alerts), urgency


def _line(row: Mapping[str, Any]) -> str:
    moment: datetime = row["raised_at"]
    more = (row["alerts"] or 1) - 1 if row["state"] == Change.RAISED else 0
    again = f" ({more:,} more since)" if more else ""
    return (
        f"[{row['severity']}] {row['rule']} {row['state']} at {moment:%H:%M:%S} UTC: {row['message']}{again}"
    )
