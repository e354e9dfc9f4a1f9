"""`midway stack` comes up whole, goes down whole, and leaves no process whatever happens to it."""

import json
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import grpc
import pytest
from midjourney.v1.midjourney_service_pb2_grpc import MidjourneyServiceStub
from midjourney.v1.query_pb2 import WatchTaskRequest
from midjourney.v1.submit_pb2 import SubmitImagineRequest
from midway.app.client import Client, code_of

from tests.support.processes import PATIENCE_SECONDS
from tests.support.stack import FREE_PORTS, MIDWAY, marked, running_stack, wait_gone


def test_every_part_answers_once_it_says_ready(tmp_path):
    with running_stack(tmp_path) as stack:
        for url in (f"{stack.rest}/health", f"{stack.simulator}/__sim/journal", stack.metrics):
            with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
                assert answer.status == 200


def test_the_simulator_draws_in_the_size_that_the_settings_say(tmp_path):
    with (
        running_stack(tmp_path, MIDWAY_SIMULATOR_PICTURES="real") as stack,
        urllib.request.urlopen(f"{stack.simulator}/__sim/state", timeout=PATIENCE_SECONDS) as answer,
    ):
        assert json.load(answer)["options"]["pictures"] == "real"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_every_part(tmp_path, number):
    with running_stack(tmp_path) as stack:
        assert len(stack.pids()) == 4

        assert stack.end(number) == 0
        assert marked(stack.mark) == []


def test_sigterm_ends_it_also_when_a_shell_started_it_in_the_background(tmp_path):
    """A shell without job control lets its background jobs ignore Ctrl-C; SIGTERM asks all the same."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with running_stack(tmp_path) as stack:
            assert stack.end(signal.SIGTERM) == 0
            assert marked(stack.mark) == []
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_parts_that_read_no_settings_know_no_secrets(tmp_path):
    with running_stack(tmp_path, MIDWAY_API_KEYS="hush-hush") as stack:
        for part in ("discord_simulator", "_bin/envoy"):
            (pid,) = stack.pids(part)
            assert "hush-hush" not in Path(f"/proc/{pid}/environ").read_text()


def test_what_it_writes_is_its_owners_only(tmp_path):
    with running_stack(tmp_path / "data"):
        made = [tmp_path / "data", *(tmp_path / "data").rglob("*")]
        assert {path.name: path.stat().st_mode & 0o077 for path in made} == {path.name: 0 for path in made}


def test_no_part_outlives_a_stack_that_is_killed(tmp_path):
    with running_stack(tmp_path) as stack:
        pids = stack.pids()

        stack.end(signal.SIGKILL)

        wait_gone(pids)
        assert marked(stack.mark) == []


@pytest.mark.parametrize("part", ["discord_simulator", "midway.app.cli serve", "envoy"])
def test_a_part_that_dies_brings_the_others_down_and_is_named(tmp_path, part):
    with running_stack(tmp_path) as stack:
        os.kill(next(pid for pid in stack.pids(part) if pid != stack.process.pid), signal.SIGKILL)

        said, _ = stack.process.communicate(timeout=PATIENCE_SECONDS)

        assert stack.process.returncode == 4
        assert "ended with exit code -9; its last lines:" in said
        assert marked(stack.mark) == []


@pytest.mark.parametrize("part", ["HTTP", "GRPC", "SIMULATOR", "METRICS"])
def test_a_port_that_is_taken_is_named(tmp_path, part):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        environment = os.environ | FREE_PORTS | {"MIDWAY_DATA_DIR": str(tmp_path), f"MIDWAY_{part}_PORT": str(port)}

        done = subprocess.run(
            (*MIDWAY, "stack"), env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )

    assert (done.returncode, done.stderr) == (4, f"port {port} on 127.0.0.1 is in use\n")


def test_another_address_is_listened_on_and_reached(tmp_path):
    with running_stack(tmp_path, MIDWAY_HOST="127.0.0.2") as stack:
        assert stack.rest.startswith("http://127.0.0.2:")
        with urllib.request.urlopen(f"{stack.rest}/mj/task/list", timeout=PATIENCE_SECONDS) as answer:
            assert answer.read() == b"[]"


def test_with_a_key_nobody_comes_in_without_it(tmp_path):
    with running_stack(tmp_path, MIDWAY_API_KEYS="hush-hush") as stack:
        request = urllib.request.Request(f"{stack.rest}/mj/task/list", headers={"mj-api-secret": "hush-hush"})
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            assert answer.read() == b"[]"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{stack.rest}/mj/task/list", timeout=PATIENCE_SECONDS)


def test_open_watches_end_so_that_they_can_be_resumed(tmp_path):
    with running_stack(tmp_path) as stack, Client.connected(stack.grpc) as client:
        task_id = client.submit(SubmitImagineRequest(prompt="a cat __hang")).id
        with (
            grpc.insecure_channel(stack.grpc) as channel,
            urllib.request.urlopen(f"{stack.rest}/v1/tasks/{task_id}:watch", timeout=PATIENCE_SECONDS) as events,
        ):
            updates = MidjourneyServiceStub(channel).WatchTask(WatchTaskRequest(task_id=task_id))
            assert next(updates).task.id == task_id
            assert events.readline().startswith(b"id: ")

            assert stack.end() == 0

            with pytest.raises(grpc.RpcError) as caught:
                list(updates)
            assert code_of(caught.value) is grpc.StatusCode.UNAVAILABLE
            # A stream that was cut, not ended, raises IncompleteRead.
            events.read()
