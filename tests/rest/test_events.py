"""Watches as server-sent events: what each event carries, and in which way a stream ends or is refused."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from midway.domain.task import State

from tests.rest.conftest import Door, door_of
from tests.support.rig import Rig

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Event:
    """One event as an EventSource sees it."""

    id: str
    data: dict[str, Any]


async def events(answer: aiohttp.ClientResponse) -> AsyncIterator[Event]:
    """Read events until the stream ends."""
    assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream"), await answer.text()
    fields: dict[str, str] = {}
    async for line in answer.content:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            fields[name] = value
        else:
            yield Event(fields["id"], json.loads(fields["data"]))
            fields = {}
    assert not fields


async def whole(door: Door, task_id: str, **headers: str) -> list[Event]:
    """Watch a Task to its end."""
    async with door.http.get(f"/v1/tasks/{task_id}:watch", headers=headers) as answer:
        return [event async for event in events(answer)]


async def test_each_event_has_its_revision_as_id_and_the_json_of_the_contract(door: Door) -> None:
    task = await door.rig.imagine("a hare")
    seen = await whole(door, task.id)

    assert [event.id for event in seen] == [event.data["revision"] for event in seen]
    assert seen[-1].data["task"]["state"] == "STATE_SUCCEEDED"
    assert seen[-1].data["task"]["createTime"].endswith("Z")
    assert await door.observed.first(1) == [("WatchTask", "OK")]


async def test_a_browser_that_comes_back_goes_on_behind_the_last_event_it_has(door: Door) -> None:
    task = await door.rig.imagine("a hare")
    first = await whole(door, task.id)
    for seen in range(1, len(first)):
        rest = await whole(door, task.id, **{"last-event-id": first[seen - 1].id})
        # Of progress only the latest is kept; no state is left out, and nothing comes twice.
        assert rest[-1] == first[-1]
        assert int(rest[0].id) > int(first[seen - 1].id)


async def test_the_last_event_id_beats_the_address_that_a_browser_calls_again(door: Door) -> None:
    seen = await whole(door, (await door.rig.imagine("a hare")).id)
    path = f"/v1/tasks/{seen[-1].data['task']['id']}:watch?after_revision={seen[0].id}"
    async with door.http.get(path, headers={"last-event-id": seen[-1].id}) as answer:
        assert answer.status == 204


async def test_a_task_that_was_seen_to_end_is_204_so_that_a_browser_stops(door: Door) -> None:
    [end] = await whole(door, door.grid.id)
    async with door.http.get(f"/v1/tasks/{door.grid.id}:watch", headers={"last-event-id": end.id}) as answer:
        assert (answer.status, await answer.read()) == (204, b"")
    async with door.http.get(f"/v1/tasks/{door.grid.id}:watch?afterRevision={end.id}") as answer:
        assert answer.status == 204


async def test_an_event_that_the_server_does_not_know_of_begins_the_watch_anew(door: Door) -> None:
    """A database was put back: no browser can be made to forget."""
    [again] = await whole(door, door.grid.id, **{"last-event-id": "999999999999"})

    assert again.data["task"]["id"] == door.grid.id


@pytest.mark.parametrize(
    ("query", "headers", "named"),
    [
        ("after_revision=999999999999", {}, "after_revision"),
        ("after_revision=-1", {}, "after_revision"),
        ("afterRevision=soon", {}, "afterRevision"),
        ("", {"last-event-id": "soon"}, "Last-Event-ID"),
        ("", {"last-event-id": "-5"}, "Last-Event-ID"),
        ("", {"last-event-id": "9" * 30}, "Last-Event-ID"),
    ],
)
async def test_a_wrong_place_to_begin_names_the_field(
    door: Door, query: str, headers: dict[str, str], named: str
) -> None:
    async with door.http.get(f"/v1/tasks/{door.grid.id}:watch?{query}", headers=headers) as answer:
        error = await answer.json()

    assert (answer.status, error["code"]) == (400, 3)
    assert error["details"][1]["fieldViolations"][0]["field"] == named


async def test_a_task_that_is_not_there_is_404(door: Door) -> None:
    async with door.http.get("/v1/tasks/17:watch") as answer:
        assert (answer.status, (await answer.json())["details"][0]["reason"]) == (404, "ERROR_REASON_TASK_NOT_FOUND")


async def test_a_watch_of_all_begins_with_the_revision_and_takes_a_filter(door: Door) -> None:
    path = "/v1/tasks:watch?filter.states=state_succeeded&filter.states=STATE_FAILED&cache=buster&filter.none=1"
    async with door.http.get(path) as answer:
        stream = events(answer)
        first = await anext(stream)
        task = await door.rig.imagine("a hare")
        async with asyncio.timeout(60):
            second = await anext(stream)

    assert (first.data, first.id) == ({"revision": first.id, "heartbeat": True}, first.data["revision"])
    assert (second.data["task"]["id"], second.data["task"]["state"]) == (task.id, "STATE_SUCCEEDED")


async def test_a_watch_that_began_before_the_first_task_resumes_with_it(door: Door) -> None:
    """Its last event was the revision 0."""
    async with door.http.get("/v1/tasks:watch", headers={"last-event-id": "0"}) as answer:
        first = await anext(events(answer))

    assert first.data["task"]["createTime"]


@pytest.mark.parametrize("wrong", ["filter.states=DONE", "filter.actions=99"])
async def test_a_filter_that_cannot_be_names_the_field(door: Door, wrong: str) -> None:
    async with door.http.get(f"/v1/tasks:watch?{wrong}") as answer:
        error = await answer.json()

    assert (answer.status, error["details"][1]["fieldViolations"][0]["field"]) == (400, wrong.partition("=")[0])


async def test_a_quiet_watch_beats_with_the_revision_to_resume_after(rig: Rig, tmp_path: Path) -> None:
    async with (
        door_of(rig, tmp_path, heartbeat=timedelta(milliseconds=50)) as door,
        door.http.get("/v1/tasks:watch") as answer,
    ):
        stream = events(answer)
        beats = [await anext(stream) for _ in range(3)]

    assert [beat.data["heartbeat"] for beat in beats] == [True] * 3
    assert all(beat.id == beat.data["revision"] for beat in beats)


async def test_a_drain_ends_streams_well_and_tells_newcomers_to_try_again(rig: Rig, tmp_path: Path) -> None:
    async with door_of(rig, tmp_path) as door:
        task = await door.rig.imagine("a hare __hang")
        async with door.http.get(f"/v1/tasks/{task.id}:watch") as answer:
            stream = events(answer)
            seen = [await anext(stream)]
            door.served.doors.layers.drain.begin()
            seen += [event async for event in stream]
        for path in (f"/v1/tasks/{task.id}:watch", "/v1/tasks:watch"):
            async with door.http.get(path, headers={"last-event-id": seen[-1].id}) as refused:
                assert (refused.status, refused.content_type) == (200, "text/event-stream")
                assert await refused.read() == b"retry: 2000\n\n"
        async with door.http.get(door.image) as other:
            assert other.status == 503
    await rig.engine.cancel(task.id)

    assert [code for _, code in await door.observed.first(4)] == ["UNAVAILABLE"] * 4


async def test_one_call_too_many_is_told_to_come_again(rig: Rig, tmp_path: Path) -> None:
    async with (
        door_of(rig, tmp_path, max_concurrent_calls=1) as door,
        door.http.get("/v1/tasks:watch") as answer,
    ):
        await anext(events(answer))
        async with door.http.get("/v1/tasks:watch") as watch, door.http.get(door.image) as read:
            assert (watch.status, await watch.read()) == (200, b"retry: 2000\n\n")
            error = await read.json()

        assert (read.status, error["code"], error["details"][0]["reason"]) == (429, 8, "ERROR_REASON_TOO_MANY_CALLS")
        assert error["details"][1]["retryDelay"] == "2s"
        ended = await door.observed.first(2)
        assert ended == [("WatchTasks", "RESOURCE_EXHAUSTED"), ("GetTaskImage", "RESOURCE_EXHAUSTED")]


async def test_a_reader_that_hangs_up_ends_its_watch(door: Door) -> None:
    answer = await door.http.get("/v1/tasks:watch")
    await anext(events(answer))
    watched = door.rig.engine.watch.readers
    answer.close()

    assert await door.observed.first(1) == [("WatchTasks", "CANCELLED")]
    assert (watched, door.rig.engine.watch.readers) == (1, 0)


async def test_a_slow_reader_misses_no_end(door: Door) -> None:
    async with door.http.get("/v1/tasks:watch") as slow:
        stream = events(slow)
        await anext(stream)
        tasks = [await door.rig.imagine(f"hare {number}") for number in range(20)]
        missing = {task.id for task in [await door.rig.succeeded(task) for task in tasks]}
        async with asyncio.timeout(60):
            async for event in stream:
                if event.data.get("task", {}).get("state") == f"STATE_{State.SUCCEEDED.value}":
                    missing.discard(event.data["task"]["id"])
                if not missing:
                    break

    assert not missing
