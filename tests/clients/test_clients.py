"""Clients in other languages, each generated from proto/ by its language's ordinary tools."""

import asyncio
import json
import os
from itertools import groupby
from typing import Any

import pytest
from midjourney.v1 import query_pb2

from tests.clients.conftest import API_KEY
from tests.clients.toolchain import BUILD_SECONDS, GO, JAVA, NODE, Toolchain
from tests.rpc.served import Served

RUN_SECONDS = 90  # a client gives up after 60
LIFE = ["STATE_QUEUED", "STATE_SUBMITTING", "STATE_SUBMITTED", "STATE_IN_PROGRESS", "STATE_SUCCEEDED"]
CLASS_PATH = os.pathsep.join((str(JAVA.output / "classes"), str(JAVA.output / "dependency" / "*")))

LANGUAGES = [
    pytest.param(GO, (str(GO.output / "client"),), id="go"),
    pytest.param(NODE, ("node", str(NODE.folder / "client.js")), id="node"),
    pytest.param(JAVA, ("java", "-cp", CLASS_PATH, "midway.client.Client"), id="java"),
]


@pytest.mark.timeout(BUILD_SECONDS + RUN_SECONDS)
@pytest.mark.parametrize(("toolchain", "command"), LANGUAGES)
async def test_a_generated_client_submits_once_watches_resumes_and_reads_errors(
    guarded: Served, toolchain: Toolchain, command: tuple[str, ...]
) -> None:
    await asyncio.to_thread(toolchain.build)

    saw = await output_of(*command, f"127.0.0.1:{guarded.doors.grpc_port}", API_KEY)

    assert saw["same_task"]
    assert await stored_tasks(guarded) == [saw["task_id"]]
    assert_resumed_without_gap(saw)
    assert saw["unknown_task"]["code"] == "NOT_FOUND"
    assert saw["unknown_task"]["reason"] == "ERROR_REASON_TASK_NOT_FOUND"
    assert saw["unknown_task"]["domain"] == "midway"
    assert saw["empty_prompt"]["code"] == "INVALID_ARGUMENT"
    assert saw["empty_prompt"]["field"] == "prompt"


async def output_of(*command: str) -> dict[str, Any]:
    """Run a client; return the line of JSON that it prints, or fail with what it complains of."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(RUN_SECONDS):
            output, complaints = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, complaints.decode()
    return dict(json.loads(output))


async def stored_tasks(served: Served) -> list[str]:
    """List the Tasks that the server has, with the client's key."""
    listed = await served.tasks.ListTasks(
        query_pb2.ListTasksRequest(), metadata=(("authorization", f"Bearer {API_KEY}"),)
    )
    return [task.id for task in listed.tasks]


def assert_resumed_without_gap(saw: dict[str, Any]) -> None:
    """Two streams told one life: revisions rise over the break, and no change of state is left out."""
    revisions, states = saw["revisions"], [state for state, _ in groupby(saw["states"])]
    assert revisions == sorted(set(revisions))
    assert saw["resumed_after"] == revisions[1]
    assert len(revisions) > 2
    assert states == LIFE[LIFE.index(states[0]) :]
