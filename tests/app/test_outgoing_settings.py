"""The settings of outgoing HTTP."""

from datetime import timedelta

import pytest
from midway.app.settings import SettingsInvalid, load_settings


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path):
    """No midway.toml, and no settings of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)


def test_name_servers_and_their_patience(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MIDWAY_DNS_SERVERS", "192.0.2.1:53, [2001:db8::1]:5353")
    monkeypatch.setenv("MIDWAY_DNS_TIMEOUT_SECONDS", "2.5")

    rules = load_settings().name_rules()

    assert rules.servers == ("192.0.2.1:53", "[2001:db8::1]:5353")
    assert rules.timeout == timedelta(seconds=2.5)


@pytest.mark.parametrize(
    "server", ["192.0.2.1", "dns.example:53", "192.0.2.1:0", "192.0.2.1:99999", "192.0.2.1:x", "2001:db8::1:53", "[::1"]
)
def test_what_is_no_name_servers_address_is_told(monkeypatch: pytest.MonkeyPatch, server: str):
    monkeypatch.setenv("MIDWAY_DNS_SERVERS", server)

    with pytest.raises(SettingsInvalid, match="server 1 is not an address:port") as refused:
        load_settings()

    assert "MIDWAY_DNS_SERVERS" in str(refused.value)


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("https://hooks.example/" + "a" * 2000, "longer than 2000 characters"),
        ("hooks.example", "neither http nor https"),
        ("ftp://hush@hooks.example", "neither http nor https"),
        ("https://user:hush@hooks.example", "carries credentials"),
    ],
)
def test_a_webhook_that_no_notice_could_reach_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch, address, problem):
    monkeypatch.setenv("MIDWAY_NOTIFY_URL", address)

    with pytest.raises(SettingsInvalid, match=rf"^MIDWAY_NOTIFY_URL .*{problem}") as refused:
        load_settings()

    assert "hush" not in str(refused.value)


def test_a_webhook_that_every_submit_would_refuse_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch):
    """Tasks that name none get this one, and are then checked like others."""
    monkeypatch.setenv("MIDWAY_NOTIFY_URL", "https://hooks.example/midway")
    assert load_settings().notify_url
    monkeypatch.setenv("MIDWAY_MAX_NOTIFY_URL_CHARACTERS", "20")

    with pytest.raises(SettingsInvalid, match="MIDWAY_NOTIFY_URL is longer than MIDWAY_MAX_NOTIFY_URL_CHARACTERS"):
        load_settings()
