"""What a message to people says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr
from rich.console import Console
from webhook import webhook

from courant.alerting import try_channels
from courant.alerts.channels import open_channels, to_text
from courant.domain.alert import Urgency
from courant.errors import SettingsError
from courant.settings import AlertsSettings, Settings, load_settings

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


def settings_with(**urls: str) -> Settings:
    alerts = AlertsSettings(urls={name: SecretStr(url) for name, url in urls.items()})
    return load_settings().model_copy(update={"alerts": alerts})


def test_a_try_tells_each_channel_and_says_which_did_not_take_it(capsys: pytest.CaptureFixture[str]) -> None:
    with webhook() as good, webhook() as bad:
        bad.refuses = True
        assert try_channels(settings_with(good=good.url, bad=bad.url), Console()) == 1
        bad.refuses = False
        assert try_channels(settings_with(good=good.url, bad=bad.url), Console()) == 0

    assert capsys.readouterr().out.splitlines() == ["good: ok", "bad: did not take it", "good: ok", "bad: ok"]
    assert ["only a test" in one["message"] for one in good.taken] == [True, True]
    assert len(bad.taken) == 1


def test_a_try_without_a_channel_fails_and_says_where_to_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert try_channels(settings_with(), Console()) == 1
    assert "courant alerts --help" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["ops", "a,b"])
def test_an_address_that_cannot_work_is_named_by_its_channel_alone(name: str) -> None:
    url = "nowhere://secret" if name == "ops" else "json://127.0.0.1:1/secret"

    with pytest.raises(SettingsError, match=name) as error:
        open_channels(settings_with(**{name: url}))
    assert url not in str(error.value) and "/secret" not in str(error.value)
