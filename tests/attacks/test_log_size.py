"""What strangers and busy clients do fills no disk by its logs."""

from pathlib import Path
from typing import Any

import grpc
from midjourney.v1 import query_pb2
from midjourney.v1.midjourney_service_pb2_grpc import MidjourneyServiceStub

from tests.support.processes import PATIENCE_SECONDS
from tests.support.stack import StackProcess, running_stack

ASK = query_pb2.GetTaskRequest(task_id="1")


async def refused(stack: StackProcess, times: int, key: str = "") -> None:
    """Ask so many times for a Task that is not there."""
    metadata = [("mj-api-secret", key)] if key else []
    async with grpc.aio.insecure_channel(stack.grpc) as channel:
        tasks: Any = MidjourneyServiceStub(channel)
        for _ in range(times):
            assert await tasks.GetTask(ASK, metadata=metadata, timeout=PATIENCE_SECONDS).code() != grpc.StatusCode.OK


def lines(log: Path, word: str) -> int:
    return log.read_text().count(word)


async def test_strangers_calls_are_not_a_line_each(tmp_path):
    with running_stack(tmp_path, MIDWAY_API_KEYS="sk-open-sesame") as stack:
        await refused(stack, 300)
        await refused(stack, 1, key="sk-open-sesame")
        stack.end()

    log = tmp_path / "logs" / "server.log"
    assert 1 <= lines(log, "UNAUTHENTICATED") < 30  # a line a minute, however long it took
    assert lines(log, "NOT_FOUND") == 1


async def test_logs_keep_within_their_size_and_number(tmp_path):
    with running_stack(tmp_path, MIDWAY_LOG_MAX_BYTES="4096", MIDWAY_LOG_FILES="2") as stack:
        await refused(stack, 300)  # without keys, each is a line of some hundred bytes
        stack.end()

    logs = sorted((tmp_path / "logs").glob("server.log*"))
    assert [log.name for log in logs] == ["server.log", "server.log.1"]
    assert all(log.stat().st_size <= 4096 + 64 * 1024 for log in logs)
    assert {log.stat().st_mode & 0o777 for log in (tmp_path / "logs").iterdir()} == {0o600}
