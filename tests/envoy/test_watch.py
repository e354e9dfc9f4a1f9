"""WatchTask as server-sent events."""

import json
from typing import Any

import aiohttp
import pytest

from tests.envoy.conftest import Door

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def next_event(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    """Read one event: its data line, and the blank line behind."""
    line = await answer.content.readline()
    assert await answer.content.readline() == b"\n"
    event: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
    return event


async def test_events_come_while_the_stream_is_open_and_it_ends_with_the_last(door):
    door.tasks.go_on.clear()

    async with door.http.get("/v1/tasks/17:watch", params={"after_revision": "5"}) as answer:
        first = await next_event(answer)
        door.tasks.go_on.set()
        second = await next_event(answer)

        assert answer.content_type == "text/event-stream"
        assert (first["revision"], second["revision"]) == ("6", "7")
        assert await answer.content.read() == b""


async def test_a_reader_that_leaves_ends_the_call(door):
    door.tasks.go_on.clear()
    door.tasks.cancelled.clear()

    async with door.http.get("/v1/tasks/17:watch") as answer:
        await next_event(answer)
        answer.close()

    assert await door.tasks.cancelled.wait()


async def first_task(door: Door, path: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    door.tasks.go_on.set()
    async with door.http.get(path, headers=headers) as answer:
        task: dict[str, Any] = (await next_event(answer))["task"]
        return task


async def test_a_watch_takes_the_key_from_the_query_since_eventsource_sets_no_headers(door):
    task = await first_task(door, "/v1/tasks/17:watch?x=1&api_key=a%2Bb&y=2")

    assert task["clientState"] == "a+b"
    assert "api_key" not in task["prompt"]


async def test_an_authorization_header_beats_the_key_in_the_query(door):
    task = await first_task(door, "/v1/tasks/17:watch?api_key=query", {"Authorization": "header"})

    assert "clientState" not in task


async def test_no_other_path_takes_a_key_from_the_query(door):
    async with door.http.get("/v1/tasks/17?api_key=hush") as answer:
        assert "prompt" not in (await answer.json())["task"]
