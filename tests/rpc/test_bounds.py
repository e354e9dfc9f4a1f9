"""One client hurts no other: calls, watches and requests under way are bounded for each key and address."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from midjourney.v1 import input_pb2, query_pb2, submit_pb2

from tests.rpc.served import Rejected, Served, rejected, serving, stream_rejected
from tests.support.processes import PATIENCE_SECONDS
from tests.support.rig import engine_running, simulator_running

LIST = query_pb2.ListTasksRequest()
TASKS = "/midjourney.v1.MidjourneyService/"
KEYS = ("sk-one", "sk-two")
ONE, TWO = ([("mj-api-secret", key)] for key in KEYS)
ELSEWHERE = [*ONE, ("x-forwarded-for", "192.0.2.7")]
AT_ONCE = timedelta(seconds=1)
BURST, LONG_BURST = 1600, 3500  # grpc-core by itself turns some away from 1,000 on, and all from 3,000
LARGE = submit_pb2.SubmitDescribeRequest(image=input_pb2.InputImage(data=b"x" * (1 << 20)))


@asynccontextmanager
async def bounded(path: Path, **options: Any) -> AsyncIterator[Served]:
    """Serve with these bounds and two keys."""
    async with (
        simulator_running() as simulator,
        engine_running(simulator, path) as rig,
        serving(rig, api_keys=KEYS, **options) as served,
    ):
        yield served


async def watching(served: Served, metadata: Any) -> Any:
    """Open a watch."""
    watch = served.tasks.WatchTasks(query_pb2.WatchTasksRequest(), metadata=metadata)
    await watch.read()
    return watch


def held(served: Served, method: str, metadata: Any) -> Any:
    """Begin a call whose request does not come."""
    return served.channel.stream_stream(TASKS + method)(metadata=metadata)


async def told(call: Awaitable[Any]) -> str:
    """Await a call, or a stream's first message; return "OK", or why it was refused."""
    try:
        await call
    except grpc.RpcError as error:
        refused = Rejected(error)
        return refused.reason if refused.code is grpc.StatusCode.RESOURCE_EXHAUSTED else refused.code.name
    return "OK"


async def test_watches_opened_at_once_on_one_connection_are_all_open(tmp_path: Path) -> None:
    async with bounded(tmp_path, max_concurrent_calls_per_caller=LONG_BURST) as served:
        watches = [served.tasks.WatchTasks(query_pb2.WatchTasksRequest(), metadata=ONE) for _ in range(LONG_BURST)]
        answers = Counter(await asyncio.gather(*(told(watch.read()) for watch in watches)))
        for watch in watches:
            watch.cancel()

    assert answers == {"OK": LONG_BURST}


async def test_submits_sent_at_once_on_one_connection_are_all_answered(tmp_path: Path) -> None:
    async with bounded(tmp_path, call_patience=timedelta(hours=1)) as served:
        request = submit_pb2.SubmitImagineRequest(prompt="a red fox")
        submits = [served.tasks.SubmitImagine(request, metadata=ONE) for _ in range(BURST)]
        answers = Counter(await asyncio.gather(*map(told, submits)))

    assert set(answers) == {"OK", "QUEUE_FULL"}


async def test_watches_beyond_the_bound_are_refused_in_words(tmp_path: Path) -> None:
    most, of_one = 40, 20
    async with bounded(tmp_path, max_concurrent_calls=most) as served:
        watches = [served.tasks.WatchTasks(query_pb2.WatchTasksRequest(), metadata=ONE) for _ in range(BURST)]
        answers = Counter(await asyncio.gather(*(told(watch.read()) for watch in watches)))
        for watch in watches:
            watch.cancel()

    assert answers == {"OK": of_one, "TOO_MANY_CALLS": BURST - of_one}


@pytest.mark.parametrize("other", [TWO, ELSEWHERE], ids=["another key", "another address"])
async def test_one_client_has_half_of_all_calls_and_watches(tmp_path: Path, other: Any) -> None:
    async with bounded(tmp_path, max_concurrent_calls=4) as served:
        watches = [await watching(served, ONE) for _ in range(2)]
        third = await stream_rejected(served.tasks.WatchTasks(query_pb2.WatchTasksRequest(), metadata=ONE))
        poll = await rejected(served.tasks.ListTasks(LIST, metadata=ONE))

        assert [third.reason, poll.reason] == ["TOO_MANY_CALLS"] * 2
        assert third.detail(error_details_pb2.RetryInfo()) is not None
        await served.tasks.ListTasks(LIST, metadata=other)

        watches.pop().cancel()
        await eventually(served, ONE)


async def eventually(served: Served, metadata: Any) -> None:
    """Return when there is room for a call again."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                await served.tasks.ListTasks(LIST, metadata=metadata)
            except Exception:  # noqa: BLE001 - of which there is one, that it is full
                continue
            return


async def test_calls_of_one_client_wait_for_each_other_and_for_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bounded(tmp_path, max_running_calls_per_caller=1) as served:
        find, begun, go_on = served.rig.engine.store.find, asyncio.Event(), asyncio.Event()

        async def slow(query: Any) -> Any:
            begun.set()
            await go_on.wait()
            return await find(query)

        monkeypatch.setattr(served.rig.engine.store, "find", slow)
        first = asyncio.ensure_future(served.tasks.ListTasks(LIST, metadata=ONE))
        await begun.wait()
        task = query_pb2.GetTaskRequest(task_id="17")
        second = asyncio.ensure_future(served.tasks.GetTask(task, metadata=ONE))
        other = await rejected(served.tasks.GetTask(task, metadata=TWO))

        assert other.reason == "TASK_NOT_FOUND"
        assert not second.done()
        go_on.set()
        await first
        assert (await rejected(second)).reason == "TASK_NOT_FOUND"


async def test_who_waits_too_long_for_its_own_calls_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bounded(tmp_path, max_running_calls_per_caller=1, call_patience=AT_ONCE) as served:
        begun = asyncio.Event()

        async def stuck(_: Any) -> Any:
            begun.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(served.rig.engine.store, "find", stuck)
        first = served.tasks.ListTasks(LIST, metadata=ONE)
        await begun.wait()
        second = await rejected(served.tasks.ListTasks(LIST, metadata=ONE))
        first.cancel()

    assert (second.code.name, second.reason) == ("RESOURCE_EXHAUSTED", "TOO_MANY_CALLS")


async def test_a_request_with_pictures_that_does_not_arrive_holds_up_no_poll(tmp_path: Path) -> None:
    async with bounded(tmp_path, max_picture_requests=1) as served:
        upload = held(served, "SubmitDescribe", ONE)
        listed = await served.tasks.ListTasks(LIST, metadata=ONE)

        assert (len(listed.tasks), upload.done()) == (0, False)
        upload.cancel()


async def test_pictures_beyond_the_room_wait_and_are_then_refused(tmp_path: Path) -> None:
    async with bounded(tmp_path, max_picture_requests=1, call_patience=AT_ONCE) as served:
        upload = held(served, "SubmitDescribe", ONE)
        await upload.write(b"")  # begun at the server when the next call is, on the same connection
        error = await rejected(served.tasks.SubmitDescribe(LARGE, metadata=TWO))
        upload.cancel()

    assert (error.code.name, error.reason) == ("RESOURCE_EXHAUSTED", "TOO_MANY_CALLS")
    assert error.detail(error_details_pb2.RetryInfo()) is not None


async def test_one_client_leaves_room_for_the_pictures_of_others(tmp_path: Path) -> None:
    async with bounded(tmp_path, max_picture_requests=2, max_picture_requests_per_caller=1) as served:
        uploads = [held(served, "SubmitDescribe", ONE) for _ in range(3)]
        error = await rejected(served.tasks.SubmitDescribe(LARGE, metadata=TWO))
        for upload in uploads:
            upload.cancel()

    assert error.fields == ["image"]


async def test_strangers_that_wait_are_few(tmp_path: Path) -> None:
    here, too_many = 4, 16
    async with bounded(
        tmp_path,
        max_arriving_requests_of_strangers=1,
        max_running_calls_per_caller=here,
        call_patience=timedelta(hours=1),
        request_timeout=timedelta(hours=1),
    ) as served:
        calls = [held(served, "GetTaskImage", []) for _ in range(here + too_many)]
        ends = asyncio.as_completed([call.code() for call in calls], timeout=PATIENCE_SECONDS)

        assert [await end for end in islice(ends, too_many)] == [grpc.StatusCode.RESOURCE_EXHAUSTED] * too_many
        assert sum(call.done() for call in calls) == too_many
        for call in calls:
            call.cancel()


async def test_strangers_requests_that_do_not_arrive_keep_nobody_out_who_has_a_key(tmp_path: Path) -> None:
    async with bounded(tmp_path, max_arriving_requests_of_strangers=1, max_concurrent_calls=4) as served:
        waiting = [held(served, "GetTaskImage", []) for _ in range(20)]
        probes: list[Any] = [served.channel.stream_stream("/grpc.health.v1.Health/Check")() for _ in range(20)]
        image = query_pb2.GetTaskImageRequest(task_id="17")

        assert (await rejected(served.tasks.GetTaskImage(image, metadata=ONE))).reason == "TASK_NOT_FOUND"
        assert [await probe.read() for probe in probes] == [b"\x08\x01"] * 20
        for call in waiting:
            call.cancel()
