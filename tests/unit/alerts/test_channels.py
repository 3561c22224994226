"""What a message to people says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from courant.alerts.channels import open_channels, to_text
from courant.domain.alert import Urgency
from courant.errors import SettingsError
from courant.settings import AlertsSettings, load_settings

ROW = {
    "rule": "high", "severity": "critical", "state": "raised", "message": "58 GW", "alerts": 1,
    "raised_at": datetime(2026, 1, 5, 12, 0, 7, tzinfo=UTC),
}  # fmt: skip


def test_one_alert_is_named_in_the_title() -> None:
    title, body, urgency = to_text([ROW])

    assert title == "Courant CRITICAL: high"
    assert body == "[critical] high raised at 12:00:07 UTC: 58 GW"
    assert urgency is Urgency.CRITICAL


def test_a_recovery_is_no_emergency() -> None:
    title, _, urgency = to_text([ROW | {"state": "recovered"}])

    assert (title, urgency) == ("Courant recovered: high", Urgency.INFO)


def test_several_are_one_message_as_urgent_as_the_most_urgent() -> None:
    title, body, urgency = to_text(
        [ROW | {"severity": "info"}, ROW | {"alerts": 1001}, ROW | {"state": "recovered"}]
    )

    assert title == "Courant: 2 alerts, 1 recovered"
    assert body.splitlines()[1].endswith("58 GW (1,000 more since)")
    assert len(body.splitlines()) == 3
    assert urgency is Urgency.CRITICAL


@pytest.mark.parametrize("name", ["ops", "a,b"])
def test_an_address_that_cannot_work_is_named_by_its_channel_alone(name: str) -> None:
    url = "nowhere://secret" if name == "ops" else "json://127.0.0.1:1/secret"
    settings = load_settings().model_copy(update={"alerts": AlertsSettings(urls={name: SecretStr(url)})})

    with pytest.raises(SettingsError, match=name) as error:
        open_channels(settings)
    assert "secret@" not in str(error.value) and "nowhere" not in str(error.value)
