"""Large bodies of strangers and of one bad client cost the others nothing: the real stack, with little room."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import aiohttp
import pytest

from tests.acceptance.client import client_of
from tests.support.http_head import begun, said_to_a_head
from tests.support.processes import PATIENCE_SECONDS
from tests.support.stack import StackProcess, running_stack

BAD, GOOD = "sk-of-a-bad-client", "sk-of-a-good-client"
MIB = 1024 * 1024
IMAGINE = "/mj/submit/imagine"
HELD = 26  # as many gave everybody 503 once


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackProcess]:
    """A stack with two keys, room for four bodies of a MiB, two of one client, and little patience."""
    with running_stack(
        tmp_path_factory.mktemp("bodies"),
        MIDWAY_API_KEYS=f"{BAD},{GOOD}",
        MIDWAY_MAX_UPLOAD_BYTES=str(4 * MIB),
        MIDWAY_MAX_CALLER_UPLOAD_BYTES=str(2 * MIB),
        MIDWAY_UPLOAD_PATIENCE_SECONDS="2",
    ) as running:
        yield running


@pytest.fixture
async def good(stack: StackProcess) -> AsyncIterator[aiohttp.ClientSession]:
    """The client whom nothing of this shall hurt."""
    timeout = aiohttp.ClientTimeout(PATIENCE_SECONDS)
    async with aiohttp.ClientSession(stack.rest, headers={"mj-api-secret": GOOD}, timeout=timeout) as http:
        yield http


async def test_large_bodies_of_strangers_are_refused_by_their_heads(stack, good):
    heads = (said_to_a_head(stack.rest, "POST", IMAGINE, length=45_000_000, key="wrong") for _ in range(HELD))
    statuses = await asyncio.gather(*heads)
    async with good.post(IMAGINE, json={"prompt": ""}) as answer:
        assert answer.status == 200

    assert statuses == [401] * HELD


async def test_held_bodies_of_one_key_leave_room_for_the_others(stack, good):
    async with AsyncExitStack() as held:
        for _ in range(HELD):
            await held.enter_async_context(begun(stack.rest, "POST", IMAGINE, length=MIB, beginning=b"{", key=BAD))
        statuses = []
        for _ in range(5):
            async with good.post(IMAGINE, json={"prompt": ""}) as submit, good.get("/mj/task/queue") as poll:
                statuses += [submit.status, poll.status]

    assert statuses == [200] * 10


async def test_a_body_of_small_elements_ends_at_its_beginning(stack, good):
    beginning = b'{"base64Array":[' + b'"",' * 20_000
    statuses = await asyncio.gather(
        *(said_to_a_head(stack.rest, "POST", IMAGINE, length=MIB, beginning=beginning, key=BAD) for _ in range(8))
    )
    async with good.get("/health") as health:
        assert health.status == 200

    assert set(statuses) <= {400, 429}
    assert 400 in statuses


@pytest.mark.parametrize("content_type", ["application/grpc-web", "application/grpcx", "application/grpc;x"])
async def test_a_body_that_only_looks_like_grpc_is_looked_at_all_the_same(stack, good, content_type):
    """Envoy made JSON of it, and looked at nothing before: ten million elements stopped it for everybody."""

    async def told(path: str, length: int, beginning: bytes = b"") -> int:
        return await said_to_a_head(
            stack.rest, "POST", path, length=length, beginning=beginning, key=BAD, content_types=[content_type]
        )

    statuses = [
        await told("/mj/submit/change", MIB),
        await told("/v1/tasks:change", MIB),
        await told("/mj/submit/change", 60_000, b'{"state":"\xff'),
        await told(IMAGINE, MIB, b'{"base64Array":[' + b'"",' * 20_000),
    ]
    async with good.get("/health") as health:
        assert health.status == 200

    assert statuses == [413, 413, 400, 400]


async def test_pictures_still_come_through(stack):
    async with client_of(stack, key=GOOD) as client:
        status, answer = await client.post(IMAGINE, {"prompt": "", "base64Array": ["A" * 1_000_000]})

    assert (status, answer["code"]) == (200, 4)


async def test_small_bodies_of_strangers_are_refused_by_their_heads_as_well(stack, good):
    """Each is small, and a few hundred connections held a gigabyte of them."""
    paths = ("/mj/submit/change", "/mj/submit/action", "/mj/task/list-by-condition", "/v1/tasks:change", "/mj/nothing")
    heads = (said_to_a_head(stack.rest, "POST", path, length=60_000, beginning=b"{", key="wrong") for path in paths)
    statuses = await asyncio.gather(*heads)

    assert statuses == [401] * len(paths)
