"""Watches: server-sent events past the transcoder, and the stream of native gRPC."""

import json
from typing import Any

import aiohttp
import grpc
import pytest
from midjourney.v1 import query_pb2
from midjourney.v1.midjourney_service_pb2_grpc import MidjourneyServiceStub

from tests.envoy.backend import small_backend
from tests.envoy.conftest import Door

pytestmark = pytest.mark.asyncio(loop_scope="session")

WATCHES = pytest.mark.parametrize("path", ["/v1/tasks/17:watch", "/v1/tasks:watch"])
TRY_AGAIN = "retry: 2000\n\n"


async def next_event(answer: aiohttp.ClientResponse) -> tuple[bytes, dict[str, Any]]:
    """Read one event: its id, its data, and the blank line behind."""
    number = await answer.content.readline()
    data = await answer.content.readline()
    assert await answer.content.readline() == b"\n"
    return number, json.loads(data.removeprefix(b"data: "))


async def first_seen(door: Door, path: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """Watch and return what the backend saw of it."""
    door.rest.go_on.set()
    async with door.http.get(path, headers=headers) as answer:
        return (await next_event(answer))[1]


@WATCHES
async def test_events_come_while_the_stream_is_open_and_it_ends_with_the_last(door, path):
    door.rest.go_on.clear()

    async with door.http.get(path, params={"after_revision": "5"}) as answer:
        first, seen = await next_event(answer)
        door.rest.go_on.set()
        second, _ = await next_event(answer)

        assert (answer.content_type, answer.headers["Cache-Control"]) == ("text/event-stream", "no-cache")
        assert (first, second) == (b"id: 1\n", b"id: 2\n")
        assert seen["path"] == path + "?after_revision=5"
        assert await answer.content.read() == b""


@WATCHES
async def test_a_reader_that_leaves_ends_the_call(door, path):
    door.rest.go_on.clear()
    door.rest.left.clear()

    async with door.http.get(path) as answer:
        await next_event(answer)
        answer.close()

    assert await door.rest.left.wait()


@pytest.mark.parametrize(
    ("path", "arrives"),
    [
        ("/v1/tasks/17:watch?x=1&api_key=a%2Bb&y=2", "/v1/tasks/17:watch?x=1&y=2"),
        ("/v1/tasks:watch?api_key=a%2Bb&filter.states=1", "/v1/tasks:watch?filter.states=1"),
        ("/v1/tasks/17:watch?api_key=a%2Bb", "/v1/tasks/17:watch"),
    ],
)
async def test_a_watch_takes_the_key_from_the_query_since_eventsource_sets_no_headers(door, path, arrives):
    seen = await first_seen(door, path)

    assert (seen["path"], seen["headers"]["mj-api-secret"]) == (arrives, "a+b")
    assert "api_key" not in str(seen)


async def test_an_authorization_header_beats_the_key_in_the_query(door):
    seen = await first_seen(door, "/v1/tasks/17:watch?api_key=query", {"Authorization": "header"})

    assert (seen["headers"]["authorization"], "mj-api-secret" in seen["headers"]) == ("header", False)


async def test_no_other_path_takes_a_key_from_the_query(door):
    async with door.http.get("/v1/tasks/17?api_key=hush") as transcoded, door.http.get("/v1/tasks/17/image?api_key=x"):
        assert "prompt" not in (await transcoded.json())["task"]
        assert "mj-api-secret" not in door.rest.asked["headers"]


async def test_where_a_browser_left_off_reaches_the_backend(door):
    seen = await first_seen(door, "/v1/tasks/17:watch", {"Last-Event-ID": "4711", "Accept": "text/event-stream"})

    assert (seen["headers"]["last-event-id"], seen["headers"]["accept"]) == ("4711", "text/event-stream")


async def test_the_204_that_ends_an_eventsource_stays_204(door):
    async with door.http.get("/v1/tasks/ended:watch") as answer:
        assert (answer.status, await answer.read()) == (204, b"")


@pytest.mark.parametrize(
    ("name", "status"),
    [("invalid_argument", 400), ("unauthenticated", 401), ("not_found", 404), ("resource_exhausted", 429)],
)
async def test_a_refusal_of_a_watch_stays_one(door, name, status):
    async with door.http.get(f"/v1/tasks/{name}:watch") as answer:
        assert (answer.status, answer.content_type) == (status, "application/json")
        assert (await answer.json())["message"] == '任务 "不存在"'


async def test_a_watch_whose_server_dies_ends(door):
    door.rest.go_on.clear()

    async with door.http.get("/v1/tasks/dying:watch") as answer:
        await next_event(answer)
        door.rest.go_on.set()

        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.content.read()


# While the server is away an EventSource comes again by itself, if it is answered with events; an error ends it.


@WATCHES
async def test_a_watch_of_a_server_that_is_away_is_told_to_come_again(forsaken, path):
    async with forsaken.http.get(path + "?after_revision=5") as answer:
        assert (answer.status, answer.content_type) == (200, "text/event-stream")
        assert answer.headers["Cache-Control"] == "no-cache"
        assert await answer.text() == TRY_AGAIN


async def test_a_page_may_read_that_it_should_come_again(forsaken):
    headers = {"Origin": "http://localhost:5173"}
    async with forsaken.http.get("/v1/tasks:watch", headers=headers) as answer:
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, headers["Origin"])


async def test_a_watch_finds_the_server_that_has_come_back(forsaken, tmp_path):
    async with small_backend(tmp_path, forsaken.backend_port.number) as rest:
        rest.go_on.set()
        async with forsaken.http.get("/v1/tasks/17:watch") as answer:
            assert (await next_event(answer))[0] == b"id: 1\n"


async def test_a_watch_of_native_grpc_streams_and_ends_with_its_reader(door):
    door.tasks.cancelled.clear()

    async with grpc.aio.insecure_channel(door.grpc_target) as channel:
        call = MidjourneyServiceStub(channel).WatchTask(query_pb2.WatchTaskRequest(task_id="17", after_revision=5))
        first: Any = await call.read()
        assert first.revision == 6
        call.cancel()
        assert await door.tasks.cancelled.wait()
