"""Pictures over gRPC: in one message while they are small, in pieces whatever their size."""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from midjourney.v1 import query_pb2
from midway.domain.action import Action
from midway.domain.ids import TaskId
from midway.domain.lifecycle import new_task
from midway.domain.task import Ask, Task
from midway.rpc.task_images import CHUNK_BYTES, file_name

from tests.rest.conftest import Shelf
from tests.rpc.served import Served, rejected, serving, stream_rejected
from tests.support.rig import engine_running, simulator_running

DATA = b"\x89PNG\r\n\x1a\n" + os.urandom(3 * CHUNK_BYTES)


@pytest.fixture
async def gallery(tmp_path: Path) -> AsyncIterator[tuple[Served, Task, Shelf]]:
    """A server that takes its pictures from a shelf, and a finished grid."""
    shelf = Shelf(tmp_path / "picture.png")
    shelf.path.write_bytes(DATA)
    async with (
        simulator_running() as simulator,
        engine_running(simulator, tmp_path) as rig,
        serving(rig, open_picture=shelf.open, max_unary_image_bytes=len(DATA)) as served,
    ):
        yield served, await rig.succeeded(await rig.imagine("a red fox --ar 3:2")), shelf


def download(served: Served, task: Task, **fields: Any) -> Any:
    return served.tasks.DownloadTaskImage(query_pb2.DownloadTaskImageRequest(task_id=task.id, **fields))


async def test_a_download_says_what_the_file_is_and_gives_all_of_it_in_pieces(
    gallery: tuple[Served, Task, Shelf],
) -> None:
    served, task, _ = gallery
    first, *rest = [message async for message in download(served, task)]

    assert (first.file.content_type, first.file.size_bytes, first.data) == ("image/png", len(DATA), b"")
    assert first.file.name.endswith(f"-a-red-fox-{task.id}.png")
    assert b"".join(message.data for message in rest) == DATA
    assert max(len(message.data) for message in rest) <= CHUNK_BYTES
    assert not any(message.HasField("file") for message in rest)


@pytest.mark.parametrize("offset", [0, 1, CHUNK_BYTES, len(DATA) - 1, len(DATA)])
async def test_a_download_goes_on_where_it_broke_off(gallery: tuple[Served, Task, Shelf], offset: int) -> None:
    served, task, _ = gallery
    messages = [message async for message in download(served, task, offset=offset)]

    assert messages[0].file.size_bytes == len(DATA)
    assert b"".join(message.data for message in messages) == DATA[offset:]


@pytest.mark.parametrize("offset", [-1, len(DATA) + 1])
async def test_a_place_outside_the_file_names_the_field(gallery: tuple[Served, Task, Shelf], offset: int) -> None:
    served, task, _ = gallery
    error = await stream_rejected(download(served, task, offset=offset))

    assert (error.code.name, error.fields) == ("INVALID_ARGUMENT", ["offset"])


async def test_the_etag_is_that_of_the_file(gallery: tuple[Served, Task, Shelf]) -> None:
    served, task, shelf = gallery
    same = [(await download(served, task).read()).file.etag for _ in range(2)]
    shelf.path.write_bytes(DATA + b"!")
    other = (await download(served, task).read()).file.etag

    assert same[0] == same[1] != other


async def test_a_reader_keeps_the_picture_that_is_replaced_meanwhile(gallery: tuple[Served, Task, Shelf]) -> None:
    served, task, shelf = gallery
    messages = aiter(download(served, task))
    await anext(messages)
    shelf.path.unlink()
    rest = [message.data async for message in messages]

    assert b"".join(rest) == DATA


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"task_id": "17"}, "TASK_NOT_FOUND"),
        ({"index": 1}, "IMAGE_NOT_AVAILABLE"),
        ({"index": -1}, "IMAGE_NOT_AVAILABLE"),
    ],
)
async def test_what_is_not_there_is_not_found(
    gallery: tuple[Served, Task, Shelf], fields: dict[str, Any], reason: str
) -> None:
    served, task, _ = gallery
    wanted = query_pb2.DownloadTaskImageRequest(**({"task_id": task.id} | fields))
    error = await stream_rejected(served.tasks.DownloadTaskImage(wanted))

    assert (error.code.name, error.reason) == ("NOT_FOUND", reason)


async def test_one_message_holds_a_small_picture_and_names_the_stream_for_a_large_one(
    gallery: tuple[Served, Task, Shelf],
) -> None:
    served, task, shelf = gallery
    request = query_pb2.GetTaskImageRequest(task_id=task.id)
    assert (await served.tasks.GetTaskImage(request)).data == DATA
    shelf.path.write_bytes(DATA + b"!")
    error = await rejected(served.tasks.GetTaskImage(request))

    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "IMAGE_TOO_LARGE")
    assert "DownloadTaskImage" in str(error.message)


def named(**ask: Any) -> str:
    """The file name of a Task with this ask."""
    at = datetime(2026, 11, 28, 23, 59, tzinfo=UTC)
    return file_name(new_task(Ask(**({"action": Action.IMAGINE} | ask)), task_id=TaskId("17"), now=at), "image/png")


@pytest.mark.parametrize(
    ("ask", "name"),
    [
        ({"prompt": "a red fox --ar 3:2 --v 7"}, "2026-11-28-a-red-fox-17.png"),
        ({"prompt": "一只红色的狐狸 🦊 in snow"}, "2026-11-28-一只红色的狐狸-in-snow-17.png"),
        ({"prompt": "../../etc/passwd\n\x00C:\\x"}, "2026-11-28-etc-passwd-c-x-17.png"),
        ({"prompt": "--ar 3:2"}, "2026-11-28-ar-3-2-17.png"),
        ({"prompt": "🦊"}, "2026-11-28-17.png"),
        ({"prompt": "नमस्ते fox"}, "2026-11-28-नमस्ते-fox-17.png"),
        ({"prompt": "fox " * 500}, f"2026-11-28-{'-'.join(['fox'] * 15)}-17.png"),
        ({"prompt": "a fox", "action": Action.UPSCALE, "index": 2}, "2026-11-28-a-fox-u2-17.png"),
    ],
    ids=str,
)
def test_a_files_name_tells_what_it_is_and_is_safe_anywhere(ask: dict[str, Any], name: str) -> None:
    assert named(**ask) == name


async def test_a_picture_may_be_larger_than_the_messages_that_the_server_takes(tmp_path: Path) -> None:
    """Each has a setting of its own."""
    shelf = Shelf(tmp_path / "picture.png")
    shelf.path.write_bytes(DATA)
    async with (
        simulator_running() as simulator,
        engine_running(simulator, tmp_path) as rig,
        serving(
            rig, open_picture=shelf.open, max_unary_image_bytes=len(DATA), max_message_bytes=len(DATA) // 2
        ) as served,
    ):
        task = await rig.succeeded(await rig.imagine("a red fox"))

        answer = await served.tasks.GetTaskImage(query_pb2.GetTaskImageRequest(task_id=task.id))

    assert answer.data == DATA
