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

    with pytest.raises(SettingsInvalid, match="server 1 is no address:port") as refused:
        load_settings()

    assert "MIDWAY_DNS_SERVERS" in str(refused.value)
