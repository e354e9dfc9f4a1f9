"""One row of the database that cannot be read: the server starts, names it, and serves the others."""

import asyncio
import json
import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from midjourney.v1 import query_pb2, submit_pb2
from midjourney.v1.midjourney_service_pb2_grpc import MidjourneyServiceStub
from midway.app.wiring import DATABASE

from tests.support.processes import PATIENCE_SECONDS
from tests.support.stack import FREE_PORTS, MIDWAY, StackProcess, running_stack

SETTINGS = {"MIDWAY_NOTIFY_URL": "http://127.0.0.1:9/"}  # nobody listens: notices stay in the outbox
SECRET = "a prompt that is nobody's business"
GARBLED = (b"\xff\xfe\x00", b'{"id": "17', b"", f'{{"prompt": "{SECRET}"}}'.encode())


def open_tasks(channel: grpc.aio.Channel) -> Any:
    return MidjourneyServiceStub(channel)


async def imagine(tasks: Any, prompt: str) -> str:
    answer = await tasks.SubmitImagine(submit_pb2.SubmitImagineRequest(prompt=prompt), timeout=PATIENCE_SECONDS)
    return str(answer.task.id)


async def finished(tasks: Any, task_id: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for _ in tasks.WatchTask(query_pb2.WatchTaskRequest(task_id=task_id)):
            pass


async def drawn(stack: StackProcess) -> tuple[list[str], list[str]]:
    """Have Tasks that are finished, and Tasks that run for ever."""
    async with grpc.aio.insecure_channel(stack.grpc) as channel:
        tasks = open_tasks(channel)
        ended = [await imagine(tasks, f"{number} red foxes") for number in range(3)]
        for task_id in ended:
            await finished(tasks, task_id)
        running = [await imagine(tasks, f"{number} blue cats __hang") for number in range(2)]
    return ended, running


def garble(database: Path, document: bytes, table: str, column: str, task_id: str) -> None:
    """Write into a row's document what nobody can read."""
    with closing(sqlite3.connect(database)) as connection, connection:
        sql = f"UPDATE {table} SET doc = CAST(? AS TEXT) WHERE {column} = ?"
        assert connection.execute(sql, [document, task_id]).rowcount > 0


def named(data_dir: Path) -> set[tuple[str, str]]:
    """Read from the server's log which rows were quarantined: table and Task."""
    lines = [json.loads(line) for line in _log(data_dir).splitlines() if line.startswith("{")]
    return {(line["table"], line["task_id"]) for line in lines if line["event"].startswith("a row cannot be read")}


def _log(data_dir: Path) -> str:
    return (data_dir / "logs" / "server.log").read_text()


async def listed(tasks: Any) -> list[str]:
    answer = await tasks.ListTasks(query_pb2.ListTasksRequest(), timeout=PATIENCE_SECONDS)
    return sorted(task.id for task in answer.tasks)


@pytest.mark.parametrize("document", GARBLED, ids=["no UTF-8", "cut off", "empty", "another shape"])
async def test_rows_that_cannot_be_read_cost_their_tasks_only(tmp_path, document):
    with running_stack(tmp_path, **SETTINGS) as stack:
        ended, running = await drawn(stack)
        stack.end()
    broken = {ended[0], running[0]}
    for task_id in broken:
        garble(tmp_path / DATABASE, document, "task", "id", task_id)
    for table in ("task_history", "attempt", "outbox"):
        garble(tmp_path / DATABASE, document, table, "task_id", ended[1])
    garble(tmp_path / DATABASE, document, "attempt", "task_id", running[1])

    with running_stack(tmp_path, **SETTINGS) as stack:
        async with grpc.aio.insecure_channel(stack.grpc) as channel, aiohttp.ClientSession(stack.rest) as http:
            tasks = open_tasks(channel)
            assert await listed(tasks) == sorted({*ended, *running} - broken)
            for task_id in broken:
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await tasks.GetTask(query_pb2.GetTaskRequest(task_id=task_id), timeout=PATIENCE_SECONDS)
                assert refused.value.code() is grpc.StatusCode.DATA_LOSS
                assert reason(refused.value) == "ERROR_REASON_TASK_UNREADABLE"
            async with http.get("/mj/task/list") as answer:
                assert sorted(task["id"] for task in await answer.json()) == sorted({*ended, *running} - broken)
            change = {"action": "UPSCALE", "index": 1, "taskId": ended[0]}
            async with http.post("/mj/submit/change", json=change) as answer:
                assert (answer.status, (await answer.json())["code"]) == (200, 4)
            await finished(tasks, await imagine(tasks, "a green dog"))
        stack.end()

    assert {("task", task_id) for task_id in broken} <= named(tmp_path)
    assert {("attempt", running[1]), ("outbox", ended[1])} <= named(tmp_path)
    assert SECRET not in _log(tmp_path)
    assert "Traceback" not in _log(tmp_path)


def reason(error: grpc.aio.AioRpcError) -> str:
    """Read the reason out of an error's details."""
    status: Any = rpc_status.from_call(error)  # type: ignore[arg-type]  # grpc_status knows the synchronous error only
    info = error_details_pb2.ErrorInfo()
    status.details[0].Unpack(info)
    return info.reason


def test_a_database_of_another_program_is_refused_by_name(tmp_path):
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection, connection:
        connection.execute("CREATE TABLE bookmark (url TEXT)")
    content = (tmp_path / DATABASE).read_bytes()

    done = subprocess.run(
        (*MIDWAY, "stack"),
        env=os.environ | FREE_PORTS | {"MIDWAY_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert done.returncode == 4
    assert f"{tmp_path / DATABASE}: another program's database (application id 0, tables: bookmark)" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / DATABASE).read_bytes() == content
