"""Without a key nobody learns whether a Task is there, whose accounts these are, or what runs here."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import grpc
import pytest
from midjourney.v1 import query_pb2
from midjourney.v1.midjourney_service_pb2_grpc import MidjourneyServiceStub

from tests.acceptance.client import client_of
from tests.support.processes import PATIENCE_SECONDS
from tests.support.reflection import asked_in_one_piece
from tests.support.stack import StackProcess, running_stack

KEY = "key-of-the-client"
NO_TASK = "1234567890123456"
STRANGERS: dict[str, dict[str, str]] = {
    "no key": {},
    "a wrong key": {"authorization": "key-of-a-stranger"},
    "a part of the key": {"mj-api-secret": KEY[:-1]},
}
PATHS = [
    "/v1/tasks/{id}",
    "/v1/tasks/{id}:watch",
    "/v1/tasks/{id}/image",
    "/v1/tasks/{id}/image?signature=0123456789abcdef0123456789abcdef",
    "/mj/task/{id}/fetch",
    "/mj/task/{id}/image-seed",
    "/v1/accounts",
    "/mj/account/list",
    "/v1/dead-letters?task_id={id}",
    "/nothing/{id}",
]
TELLING = re.compile(r"envoy|aiohttp|python|grpcio|\d+\.\d+\.\d+|traceback|/work|user\d", re.IGNORECASE)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackProcess]:
    with running_stack(tmp_path_factory.mktemp("strangers"), MIDWAY_API_KEYS=KEY) as running:
        yield running


@pytest.fixture
async def task(stack: StackProcess) -> AsyncIterator[str]:
    """The id of a Task that is there."""
    async with client_of(stack, key=KEY) as client:
        yield await client.submit("imagine", prompt="a fox")


async def answered(stack: StackProcess, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], str]:
    """Ask over REST; return status, headers without the time, and body."""
    async with aiohttp.ClientSession(stack.rest, headers=headers) as http, http.get(path) as answer:
        shown = {name.lower(): value for name, value in answer.headers.items() if name.lower() != "date"}
        return answer.status, shown, await answer.text()


@pytest.mark.parametrize("headers", STRANGERS.values(), ids=STRANGERS)
@pytest.mark.parametrize("path", PATHS)
async def test_a_task_that_is_there_and_one_that_is_not_are_answered_alike(stack, task, path, headers):
    there = await answered(stack, path.format(id=task), headers)
    missing = await answered(stack, path.format(id=NO_TASK), headers)

    assert [there[0], there[1], there[2].replace(task, NO_TASK)] == list(missing)
    assert there[0] in {401, 404}


@pytest.mark.parametrize("headers", STRANGERS.values(), ids=STRANGERS)
@pytest.mark.parametrize("path", PATHS)
async def test_no_answer_tells_what_runs_here(stack, path, headers):
    _, shown, body = await answered(stack, path.format(id=NO_TASK), headers)

    assert TELLING.findall(f"{shown} {body}") == []


@pytest.mark.parametrize("headers", STRANGERS.values(), ids=STRANGERS)
async def test_the_same_over_grpc(stack, task, headers):
    async with grpc.aio.insecure_channel(stack.grpc) as channel:
        there, missing = [await refusal(channel, task_id, headers) for task_id in (task, NO_TASK)]

    assert there == missing
    assert there[0] is grpc.StatusCode.UNAUTHENTICATED
    assert TELLING.findall(str(there)) == []


async def refusal(channel: grpc.aio.Channel, task_id: str, headers: dict[str, str]) -> tuple[Any, ...]:
    """Ask for a Task; return code, words, and the metadata before and after."""
    request = query_pb2.GetTaskRequest(task_id=task_id)
    call = MidjourneyServiceStub(channel).GetTask(request, metadata=tuple(headers.items()), timeout=PATIENCE_SECONDS)
    first = tuple(await call.initial_metadata())
    return await call.code(), await call.details(), first, tuple(await call.trailing_metadata())


@pytest.mark.parametrize("headers", STRANGERS.values(), ids=STRANGERS)
async def test_reflection_tells_strangers_nothing(stack, headers):
    async with grpc.aio.insecure_channel(stack.grpc) as channel:
        call = asked_in_one_piece(channel, tuple(headers.items()))

        assert await call.code() is grpc.StatusCode.UNAUTHENTICATED
