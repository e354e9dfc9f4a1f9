"""`midway serve`: the server alone."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from tests.support.processes import PATIENCE_SECONDS, tied
from tests.support.stack import FREE_PORTS, MIDWAY, ready_line


@contextmanager
def serving(data_dir: Path, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """Run `midway serve`; it is stopped at the end if it has not ended by itself."""
    environment = os.environ | FREE_PORTS | {"MIDWAY_DATA_DIR": str(data_dir), **settings}
    with subprocess.Popen(
        tied(*MIDWAY, "serve"), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def refused(process: subprocess.Popen[str]) -> str:
    """Return what a server says that cannot start."""
    _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 4, said
    return said


# Nothing answers there: the server serves all the same, and connects when it can.
NO_SIMULATOR = {"MIDWAY_SIMULATOR_URL": "http://127.0.0.1:1"}


def test_it_serves_until_told_to_stop(tmp_path):
    with serving(tmp_path, **NO_SIMULATOR) as server:
        target = ready_line(server).split("grpc=")[1].split()[0]
        with grpc.insecure_channel(target) as channel:
            grpc.channel_ready_future(channel).result(timeout=PATIENCE_SECONDS)

        server.send_signal(signal.SIGTERM)

        assert server.wait(PATIENCE_SECONDS) == 0


def test_what_it_writes_is_its_owners_only(tmp_path):
    with serving(tmp_path / "data", **NO_SIMULATOR) as server:
        ready_line(server)

        made = [tmp_path / "data", *(tmp_path / "data").rglob("*")]
        assert {path.name: path.stat().st_mode & 0o077 for path in made} == {path.name: 0 for path in made}


def test_without_an_account_it_says_how_to_give_one(tmp_path):
    with serving(tmp_path) as server:
        assert "[[accounts]]" in refused(server)


def test_a_second_server_on_the_same_data_is_refused(tmp_path):
    with serving(tmp_path, **NO_SIMULATOR) as first:
        ready_line(first)
        with serving(tmp_path, **NO_SIMULATOR) as second:
            assert f"in use by process {first.pid}" in refused(second)


def test_a_list_of_banned_words_that_is_missing_is_refused(tmp_path):
    with serving(tmp_path, **NO_SIMULATOR, MIDWAY_BANNED_WORDS_FILE=str(tmp_path / "none.txt")) as server:
        assert "none.txt" in refused(server)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
def test_it_listens_where_it_is_told(tmp_path, host):
    with serving(tmp_path, **NO_SIMULATOR, MIDWAY_HOST=host) as server:
        target = ready_line(server).split("grpc=")[1].split()[0]
        assert target.startswith(f"{host}:")
        with grpc.insecure_channel(target) as channel:
            grpc.channel_ready_future(channel).result(timeout=PATIENCE_SECONDS)
