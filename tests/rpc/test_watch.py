"""Streams over a real channel: ordered, unique, resumable, and ended in a way that can be resumed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from midjourney.v1 import query_pb2, task_pb2
from midway.app.metrics import Metrics
from midway.domain.ids import Revision

from tests.rpc.served import Served, rejected, serving, stream_rejected
from tests.support.processes import PATIENCE_SECONDS
from tests.support.rig import engine_running, simulator_running

BLINK = timedelta(milliseconds=20)


def watch(served: Served, task_id: str, after: int = 0):
    """Open a watch of one Task."""
    return served.tasks.WatchTask(query_pb2.WatchTaskRequest(task_id=task_id, after_revision=after))


def watch_all(served: Served, **fields: Any) -> Any:
    """Open a watch of every Task."""
    return served.tasks.WatchTasks(query_pb2.WatchTasksRequest(**fields))


async def test_a_watch_begins_with_the_present_and_ends_with_the_end(served: Served) -> None:
    task = await served.imagine()
    seen = [message.task async for message in watch(served, task.id)]

    assert seen[0].id == task.id
    assert seen[-1].state == task_pb2.Task.STATE_SUCCEEDED
    assert [each.revision for each in seen] == sorted({each.revision for each in seen})


async def test_a_resumed_watch_misses_no_state_and_repeats_none(served: Served) -> None:
    task = await served.imagine()
    before = []
    stream = watch(served, task.id)
    async for message in stream:
        before.append(message)
        if message.task.state == task_pb2.Task.STATE_SUBMITTED:
            break
    stream.cancel()
    after = [message async for message in watch(served, task.id, before[-1].revision)]
    revisions = [message.revision for message in (*before, *after)]

    assert revisions == sorted(set(revisions))
    assert after[-1].task.state == task_pb2.Task.STATE_SUCCEEDED


async def test_a_watch_of_an_end_that_was_seen_is_empty(served: Served) -> None:
    grid = await served.grid()
    seen = [message async for message in watch(served, grid.id, grid.revision)]

    assert seen == []


async def test_a_watch_of_no_task_is_not_found(served: Served) -> None:
    error = await stream_rejected(watch(served, "1705514776143750"))

    assert (error.code.name, error.reason) == ("NOT_FOUND", "TASK_NOT_FOUND")


@pytest.mark.parametrize("after", [-1, 1_000_000])
async def test_a_revision_that_never_was_is_refused(served: Served, after: int) -> None:
    task = await served.imagine()
    error = await stream_rejected(watch(served, task.id, after))

    assert error.fields == ["after_revision"]


async def test_a_quiet_watch_carries_heartbeats(tmp_path: Path) -> None:
    async with (
        simulator_running() as simulator,
        engine_running(simulator, tmp_path) as rig,
        serving(rig, heartbeat=BLINK) as served,
    ):
        stream = watch_all(served)
        first, second = await stream.read(), await stream.read()
        stream.cancel()

    assert first.heartbeat
    assert second.heartbeat
    assert not second.HasField("task")
    assert second.revision == first.revision


async def test_a_watch_of_all_begins_with_the_present_revision(served: Served) -> None:
    grid = await served.grid()
    stream = watch_all(served)
    first = await stream.read()
    task = await served.imagine("a blue fox")
    second = await stream.read()
    stream.cancel()

    assert first.heartbeat
    assert first.revision >= grid.revision
    assert second.task.id == task.id


async def test_a_watch_from_a_list_misses_nothing(served: Served) -> None:
    listed = await served.tasks.ListTasks(query_pb2.ListTasksRequest())
    task = await served.imagine()
    stream = watch_all(served, after_revision=listed.revision)
    seen = await stream.read()
    while seen.heartbeat:
        seen = await stream.read()
    stream.cancel()

    assert seen.task.id == task.id


async def test_a_watch_of_some_tells_of_no_other(served: Served) -> None:
    wanted = query_pb2.TaskFilter(states=[task_pb2.Task.STATE_SUCCEEDED])
    stream = watch_all(served, filter=wanted)
    await stream.read()
    task = await served.imagine()
    seen = await stream.read()
    stream.cancel()

    assert seen.task.id == task.id
    assert seen.task.state == task_pb2.Task.STATE_SUCCEEDED


@pytest.fixture
async def patient(served: Served) -> AsyncIterator[Served]:
    """The same, in a server that gives calls time to end: without any it may cut off a status that is on its way."""
    async with serving(served.rig, shutdown_grace=timedelta(seconds=PATIENCE_SECONDS)) as patient:
        yield patient


async def test_a_stopping_server_ends_watches_so_that_they_can_be_resumed(patient: Served) -> None:
    stream = watch_all(patient)
    await stream.read()
    await patient.doors.stop()
    error = await stream_rejected(stream)

    assert (error.code.name, error.reason) == ("UNAVAILABLE", "SHUTTING_DOWN")
    assert error.detail(error_details_pb2.RetryInfo()) is not None


async def test_a_reader_that_lags_is_told_of_the_stop_too(served: Served) -> None:
    stream = watch_all(served)
    await stream.read()
    for number in range(3):
        await served.imagine(f"fox {number}")
    await served.doors.stop()

    assert (await stream_rejected(stream)).code.name == "UNAVAILABLE"


async def test_a_stopped_server_lets_nobody_in(served: Served) -> None:
    await served.doors.stop()
    error = await rejected(served.imagine())

    assert error.code.name == "UNAVAILABLE"


async def test_a_watch_whose_client_does_not_read_is_slow_until_it_reads(tmp_path: Path) -> None:
    """The prompts are more than the client's window holds. The server's own streams do not count."""
    tasks = 40
    async with (
        simulator_running() as simulator,
        engine_running(simulator, tmp_path, slots=0, max_queued=tasks) as rig,
        serving(rig) as served,
        # A window that does not grow: gRPC takes some megabytes for a client that does not read, otherwise.
        grpc.aio.insecure_channel(f"127.0.0.1:{served.doors.grpc_port}", [("grpc.http2.bdp_probe", 0)]) as channel,
    ):
        metrics = Metrics()
        metrics.watch_streams(rig.engine.watch, slow_after=BLINK)
        first = await rig.imagine("a fox")
        for number in range(tasks - 1):
            await rig.imagine(f"{number} " + "foxes " * 950)
        own = rig.engine.watch.watch_all(Revision(0))
        await anext(own)
        slow = watch_all(Served(rig, served.doors, channel), after_revision=first.revision)
        reading = watch_all(served)
        await reading.read()

        await gauged(metrics, watchers=2, slow=1)
        for _ in range(tasks - 1):
            await slow.read()
        await gauged(metrics, watchers=2, slow=0)
        slow.cancel()
        reading.cancel()
        await gauged(metrics, watchers=0, slow=0)


async def gauged(metrics: Metrics, *, watchers: int, slow: int) -> None:
    """Return when the gauges show this."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        # No stream tells of them, so this asks until it is true.
        while gauges(metrics) != (watchers, slow):  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.01)


def gauges(metrics: Metrics) -> tuple[float | None, float | None]:
    """Return how many watchers there are, and how many of them are slow."""
    value = metrics.registry.get_sample_value
    return value("midway_watchers"), value("midway_slow_watchers")
