"""Links to finished pictures: whom they open what, and where they stand."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from google.protobuf.descriptor import MethodDescriptor
from midjourney.legacy.v1 import legacy_request_pb2, legacy_service_pb2
from midjourney.v1 import account_service_pb2, midjourney_service_pb2, query_pb2, submit_pb2
from midway.domain.action import Action
from midway.domain.ids import TaskId
from midway.domain.image import Image
from midway.domain.lifecycle import new_task
from midway.domain.task import Ask, State, Task
from midway.rpc.picture_links import PictureLinks
from msgspec.structs import replace

from tests.rpc.served import Served, rejected, serving, stream_rejected
from tests.support.rig import engine_running, simulator_running

ADDRESS = "https://pictures.example.org/midway"
LINKS = PictureLinks(b"k" * 32, ADDRESS + "/")
KEY = (("mj-api-secret", "hush"),)
FIRST, SECOND = TaskId("1705514776143750"), TaskId("1705514776143751")
DISCORDS = "https://cdn.discordapp.example/fox.png?ex=1&is=2&hm=3"
SERVICES = (
    midjourney_service_pb2.DESCRIPTOR.services_by_name["MidjourneyService"],
    account_service_pb2.DESCRIPTOR.services_by_name["AccountService"],
    legacy_service_pb2.DESCRIPTOR.services_by_name["LegacyService"],
)
OTHER_METHODS = [method for service in SERVICES for method in service.methods if method.name != "GetTaskImage"]


def pictured(task_id: TaskId = FIRST, **fields: Any) -> Task:
    """A Task with a picture, as it may stand in the Store."""
    task = new_task(Ask(action=Action.IMAGINE, prompt="a fox"), task_id=task_id, now=datetime(2024, 1, 17, tzinfo=UTC))
    return replace(replace(task, image=Image(DISCORDS), state=State.SUCCEEDED), **fields)


def link_of(task: Task, links: PictureLinks = LINKS) -> str:
    """The link that clients get for a Task's picture."""
    shown = links.shown(task)
    assert shown.image is not None
    return shown.image.url


def signature_of(link: str) -> str:
    """The signature in a link."""
    return parse_qs(urlsplit(link).query)["signature"][0]


def asking(task_id: str, signature: str, index: int = 0) -> query_pb2.GetTaskImageRequest:
    return query_pb2.GetTaskImageRequest(task_id=task_id, index=index, signature=signature)


RIGHT = signature_of(link_of(pictured(FIRST)))


@pytest.fixture
async def locked(tmp_path: Path) -> AsyncIterator[Served]:
    """A server that asks for a key and gives links of its own."""
    async with (
        simulator_running() as simulator,
        engine_running(simulator, tmp_path) as rig,
        serving(rig, links=LINKS, api_keys=("hush",)) as served,
    ):
        yield served


@pytest.fixture
async def grid(locked: Served) -> Task:
    """A finished grid."""
    return await locked.rig.succeeded(await locked.rig.imagine("a red fox"))


def test_a_link_is_the_address_the_task_and_a_signature_of_128_bits() -> None:
    link, _, signature = link_of(pictured(FIRST)).partition("?signature=")

    assert link == f"{ADDRESS}/v1/tasks/{FIRST}/image"
    assert len(bytes.fromhex(signature)) == 16


def test_a_link_stays_the_same_as_long_as_the_key_does() -> None:
    assert link_of(pictured()) == link_of(pictured(), PictureLinks(b"k" * 32, ADDRESS))
    assert link_of(pictured()) != link_of(pictured(), PictureLinks(b"l" * 32, ADDRESS))


def test_a_signature_opens_what_it_was_made_for() -> None:
    assert LINKS.opens(asking(FIRST, RIGHT))


@pytest.mark.parametrize(
    "request_message",
    [
        asking(FIRST, ""),
        asking(FIRST, "0" * 32),
        asking(FIRST, RIGHT[:-1]),
        asking(FIRST, RIGHT.upper() + "é"),
        asking(FIRST, RIGHT, index=1),
        asking(SECOND, RIGHT),
        asking("", RIGHT),
        query_pb2.GetTaskRequest(task_id=FIRST),
        None,
    ],
    ids=["none", "wrong", "shortened", "no-ascii", "other-index", "other-task", "no-task", "other-request", "unread"],
)
def test_a_signature_opens_nothing_else(request_message: Any) -> None:
    assert not LINKS.opens(request_message)


@pytest.mark.parametrize("state", [State.IN_PROGRESS, State.FAILED, State.CANCELLED])
def test_a_preview_keeps_the_link_of_discord(state: State) -> None:
    assert link_of(pictured(state=state)) == DISCORDS


def test_a_late_picture_has_a_link_of_ours() -> None:
    assert link_of(pictured(state=State.FAILED, late=True)) == link_of(pictured())


def test_without_an_address_links_are_those_of_discord() -> None:
    assert PictureLinks(b"k" * 32).shown(pictured()) == pictured()


class Day:
    """A clock for links, set by the test."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 28, 13, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def path_of(task: Task, links: PictureLinks) -> str:
    """The path that clients get for a Task's picture."""
    return links.path(task, links.ends_at())


@pytest.mark.parametrize("address", [None, ADDRESS], ids=["without-address", "with-address"])
@pytest.mark.parametrize("state", [State.IN_PROGRESS, State.SUCCEEDED])
def test_every_picture_has_a_path_that_works_for_thirty_days(address: str | None, state: State) -> None:
    day = Day()
    links = PictureLinks(b"k" * 32, address, now=day)
    path = path_of(pictured(state=state), links)
    request = asking(FIRST, signature_of(path))
    begun = day.now

    assert path.startswith(f"/v1/tasks/{FIRST}/image?signature=")
    assert links.opens(request)
    day.now = begun + timedelta(days=30)
    assert links.opens(request)
    day.now = begun + timedelta(days=31)
    assert not links.opens(request)
    assert links.opens(asking(FIRST, signature_of(path_of(pictured(), links))))  # made when the Task is read again


def test_a_path_stays_the_same_all_day_and_changes_with_the_picture() -> None:
    day = Day()
    links = PictureLinks(b"k" * 32, now=day)
    first = path_of(pictured(), links)
    day.now += timedelta(hours=10)
    assert path_of(pictured(), links) == first
    assert path_of(pictured(image=Image(DISCORDS.replace("?ex=1", "?ex=2"))), links) == first  # signed anew
    assert path_of(pictured(image=Image(DISCORDS.replace("fox", "fox-2"))), links) != first
    day.now += timedelta(hours=2)
    assert path_of(pictured(), links) != first


def test_the_end_of_a_path_cannot_be_moved() -> None:
    day = Day()
    links = PictureLinks(b"k" * 32, ADDRESS, now=day)
    end, _, digest = signature_of(path_of(pictured(), links)).partition("-")
    for moved in (f"{int(end, 16) + 86400:08x}-{digest}", digest, f"-{digest}", f"x-{digest}", f"{end}--{digest}"):
        assert not links.opens(asking(FIRST, moved)), moved


def test_a_task_without_a_picture_has_no_path() -> None:
    assert path_of(pictured(image=None), LINKS) == ""


def test_without_an_address_no_link_is_permanent() -> None:
    assert not PictureLinks(b"k" * 32).opens(asking(FIRST, RIGHT))


async def test_a_right_signature_needs_no_key(locked: Served, grid: Task) -> None:
    call = locked.tasks.GetTaskImage(asking(grid.id, signature_of(link_of(grid))))
    body = await call

    assert (body.content_type, body.data) == ("image/png", await locked.rig.picture(grid))
    assert ("cache-control", "private, max-age=31536000, immutable") in tuple(await call.initial_metadata())


@pytest.mark.parametrize("signature", ["", "0" * 32, RIGHT], ids=["none", "wrong", "of-another-task"])
async def test_any_other_signature_is_unauthenticated(locked: Served, grid: Task, signature: str) -> None:
    error = await rejected(locked.tasks.GetTaskImage(asking(grid.id, signature)))

    assert (error.code.name, error.reason) == ("UNAUTHENTICATED", "UNAUTHENTICATED")


async def test_a_key_opens_whatever_the_signature(locked: Served, grid: Task) -> None:
    assert (await locked.tasks.GetTaskImage(asking(grid.id, "0" * 32), metadata=KEY)).data


async def test_a_picture_without_an_address_needs_a_key(tmp_path: Path) -> None:
    async with (
        simulator_running() as simulator,
        engine_running(simulator, tmp_path) as rig,
        serving(rig, api_keys=("hush",)) as served,
    ):
        error = await rejected(served.tasks.GetTaskImage(asking(FIRST, RIGHT)))

    assert error.code.name == "UNAUTHENTICATED"


@pytest.mark.parametrize("method", OTHER_METHODS, ids=lambda method: method.full_name)
async def test_a_signature_opens_no_other_call(locked: Served, method: MethodDescriptor) -> None:
    """Not even when the request of a picture is sent there byte by byte."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    request = asking(FIRST, RIGHT).SerializeToString()
    raw: Any = locked.channel  # the stubs know messages only

    if method.server_streaming:
        error = await stream_rejected(raw.unary_stream(path)(request))
    else:
        error = await rejected(raw.unary_unary(path)(request))

    assert error.code.name == "UNAUTHENTICATED"


async def test_every_call_that_shows_a_task_shows_the_same_link(locked: Served, grid: Task) -> None:
    tasks, legacy, link = locked.tasks, locked.legacy, link_of(grid)
    read = (await tasks.GetTask(query_pb2.GetTaskRequest(task_id=grid.id), metadata=KEY)).task
    [listed] = (await tasks.ListTasks(query_pb2.ListTasksRequest(), metadata=KEY)).tasks
    watch = tasks.WatchTask(query_pb2.WatchTaskRequest(task_id=grid.id), metadata=KEY)
    watched = [message.task async for message in watch][-1]
    ended = (await tasks.CancelTask(query_pb2.CancelTaskRequest(task_id=grid.id), metadata=KEY)).task
    old = await legacy.GetTask(legacy_request_pb2.GetTaskRequest(id=grid.id), metadata=KEY)
    old_list = await legacy.ListTasks(legacy_request_pb2.ListTasksRequest(), metadata=KEY)

    seen = [(task.image.url, task.images[0].url) for task in (read, listed, watched, ended)]
    assert seen == [(link, link)] * 4
    assert [each["imageUrl"] for each in (json.loads(old.data), *json.loads(old_list.data))] == [link, link]


async def test_a_submit_that_finds_a_finished_task_shows_the_link_too(locked: Served) -> None:
    request = submit_pb2.SubmitImagineRequest(prompt="a red fox", request_id="order-1")
    first = (await locked.tasks.SubmitImagine(request, metadata=KEY)).task
    done = await locked.rig.until(TaskId(first.id), State.SUCCEEDED)
    again = await locked.tasks.SubmitImagine(request, metadata=KEY)

    assert (again.existing, again.task.image.url) == (True, link_of(done))


async def test_a_change_that_was_made_before_shows_the_link_in_the_old_api(locked: Served, grid: Task) -> None:
    request = legacy_request_pb2.SubmitSimpleChangeRequest(content=f"{grid.id} U1")
    first = await locked.legacy.SubmitSimpleChange(request, metadata=KEY)
    done = await locked.rig.until(TaskId(first.result.string_value), State.SUCCEEDED)
    again = await locked.legacy.SubmitSimpleChange(request, metadata=KEY)

    assert (again.code, again.properties["imageUrl"]) == (21, link_of(done))
