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
