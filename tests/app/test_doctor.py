"""`midway doctor` finds what commonly goes wrong."""

import socket
from pathlib import Path

import pytest
from midway.app.doctor import Finding, examine


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty directory, where no server runs and every port is free."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MIDWAY_SERVER", "127.0.0.1:1")
    for part in ("HTTP", "GRPC", "SIMULATOR", "METRICS"):
        monkeypatch.setenv(f"MIDWAY_{part}_PORT", "0")


def bad() -> list[Finding]:
    """Return what the doctor does not like."""
    return [finding for finding in examine() if not finding.is_good]


def test_a_fresh_installation_is_healthy():
    assert bad() == []


def test_wrong_settings_are_told():
    Path("midway.toml").write_text("prot = 1")

    assert [finding.subject for finding in bad()] == ["settings"]


def test_a_variable_that_nobody_reads_is_told(monkeypatch):
    monkeypatch.setenv("MIDWAY_HTPP_PORT", "1")

    assert "MIDWAY_HTPP_PORT" in bad()[0].what


def test_a_port_that_is_taken_is_told_with_its_variable(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("MIDWAY_HTTP_PORT", str(server.getsockname()[1]))

        assert [finding.what.rpartition("; ")[2] for finding in bad()] == ["set MIDWAY_HTTP_PORT to another"]


def test_a_data_directory_that_it_makes_is_its_owners_only():
    examine()

    assert Path("data").stat().st_mode & 0o777 == 0o700


def test_a_data_directory_that_cannot_be_written_is_told(monkeypatch):
    Path("file").touch()
    monkeypatch.setenv("MIDWAY_DATA_DIR", "file")

    assert [finding.subject for finding in bad()] == ["data directory"]


def test_a_proxy_is_looked_at_and_shown_without_its_password(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("MIDWAY_DISCORD_PROXY", f"socks5://operator:hush@{address}")
        found = [finding for finding in examine() if "proxy" in finding.subject]

    assert found == [Finding(f"proxy {address}", True, "socks5, accepts connections")]


def test_a_proxy_that_takes_no_connections_is_told(monkeypatch):
    monkeypatch.setenv("MIDWAY_DISCORD_PROXY", "http://operator:hush@127.0.0.1:1")

    assert [(finding.subject, "hush" in finding.what) for finding in bad()] == [("proxy 127.0.0.1:1", False)]


def test_the_proxy_of_other_programs_is_named_when_an_account_goes_without(monkeypatch):
    Path("midway.toml").write_text('[[accounts]]\ntoken = "x"\nchannel_id = "300000000000000009"')
    monkeypatch.setenv("HTTPS_PROXY", "http://operator:hush@127.0.0.1:1")
    found = [finding for finding in examine() if finding.subject == "proxy variables"]

    assert [(finding.is_good, finding.what.partition(":")[0]) for finding in found] == [(True, "HTTPS_PROXY")]
