"""A full disk: logs are dropped and counted, submits are refused, and nothing ends. With room again, all goes on."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from midjourney.v1 import query_pb2, submit_pb2
from midjourney.v1.midjourney_service_pb2_grpc import MidjourneyServiceStub

from tests.support.processes import PATIENCE_SECONDS, tied
from tests.support.stack import FREE_PORTS, MIDWAY, running_stack

PARTS = ("server", "envoy", "simulator")
MIB = 1024 * 1024
PROMPT = "a red fox " * 500  # a few kB, so that a small disk is soon full


def logs_on_a_full_disk(data_dir: Path) -> list[Path]:
    """Let no byte fit into any log of the stack."""
    (data_dir / "logs").mkdir()
    logs = [data_dir / "logs" / f"{part}.log" for part in PARTS]
    for log in logs:
        log.symlink_to("/dev/full")
    return logs


async def submit(tasks: Any) -> str:
    """Submit a Task; return its id. Raises AioRpcError."""
    request = submit_pb2.SubmitImagineRequest(prompt=PROMPT)
    answer = await tasks.SubmitImagine(request, timeout=PATIENCE_SECONDS)
    return str(answer.task.id)


async def code_of_submit(tasks: Any, answered: list[str]) -> grpc.StatusCode:
    """Submit a Task, and note its id where it was taken."""
    try:
        answered.append(await submit(tasks))
    except grpc.aio.AioRpcError as err:
        return err.code()
    return grpc.StatusCode.OK


async def test_logs_that_no_disk_takes_end_nothing_and_are_counted(tmp_path):
    logs = logs_on_a_full_disk(tmp_path)
    with running_stack(tmp_path, MIDWAY_LOG_LEVEL="debug") as stack:
        async with grpc.aio.insecure_channel(stack.grpc) as channel, asyncio.timeout(PATIENCE_SECONDS):
            tasks: Any = MidjourneyServiceStub(channel)
            task_id = await submit(tasks)
            async for update in tasks.WatchTask(query_pb2.WatchTaskRequest(task_id=task_id)):
                assert update.task.id in {task_id, ""}
            assert len(stack.pids()) == 4

            for log in logs:
                log.unlink()
            while not logs[0].exists():  # each call is a line of debug
                await tasks.ListTasks(query_pb2.ListTasksRequest())
        first = logs[0].read_text().splitlines()[0]
        assert stack.end() == 0

    assert re.fullmatch(r"[1-9]\d* bytes of log were dropped", first)


def test_a_standard_output_that_takes_nothing_ends_nothing(tmp_path):
    """`midway serve > file` on a disk that is full."""
    environment = FREE_PORTS | {"MIDWAY_DATA_DIR": str(tmp_path), "MIDWAY_SIMULATOR_URL": "http://127.0.0.1:1"}
    with (
        Path("/dev/full").open("wb") as full,
        subprocess.Popen(
            tied(*MIDWAY, "serve"), env=_inherited() | environment, stdout=full, stderr=subprocess.PIPE
        ) as process,
    ):
        assert process.stderr is not None
        process.stderr.readline()  # that it asks for no key; a moment later it says that it is ready
        process.terminate()
        _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, said


def _inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("MIDWAY_")}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount, umount = (shutil.which(name) or name for name in ("mount", "umount"))
    try:
        subprocess.run((mount, "-t", "tmpfs", "-o", "size=6m", "tmpfs", disk), check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("may not mount a file system here")
    yield disk
    subprocess.run((umount, "--lazy", disk), check=True)


def fill(disk: Path) -> Path:
    """Take all the room of a disk; return the file that has it."""
    ballast = disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    return ballast


async def test_a_full_disk_refuses_submits_and_goes_on_when_there_is_room(small_disk):
    """No Task that was answered is lost, and every part lives on."""
    with running_stack(small_disk / "data", MIDWAY_LOG_LEVEL="debug") as stack:
        async with grpc.aio.insecure_channel(stack.grpc) as channel, asyncio.timeout(PATIENCE_SECONDS):
            tasks: Any = MidjourneyServiceStub(channel)
            answered: list[str] = []
            assert await code_of_submit(tasks, answered) is grpc.StatusCode.OK
            ballast = fill(small_disk)
            while (code := await code_of_submit(tasks, answered)) is not grpc.StatusCode.UNAVAILABLE:
                assert code in {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED}  # while the log has room
            assert len(stack.pids()) == 4

            ballast.unlink()
            while (code := await code_of_submit(tasks, answered)) is not grpc.StatusCode.OK:
                assert code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED}
            for task_id in answered:
                await tasks.GetTask(query_pb2.GetTaskRequest(task_id=task_id))
        assert stack.end() == 0


def test_a_disk_that_is_full_at_the_start_is_told_in_a_sentence(small_disk):
    fill(small_disk)
    environment = _inherited() | FREE_PORTS | {"MIDWAY_DATA_DIR": str(small_disk / "data")}

    done = subprocess.run(
        (*MIDWAY, "stack"), env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )

    assert done.returncode == 4
    assert "Traceback" not in done.stderr
    assert "No space left on device" in done.stderr or "disk is full" in done.stderr
