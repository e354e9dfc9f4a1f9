"""Pictures that cost whoever decodes them minutes, and clients that hang up: nobody else waits, nothing works on."""

import asyncio
import base64
import io
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from tests.acceptance.client import Client, Json, client_of, mask, png
from tests.support.decoders import decoders_of, until_gone, until_some
from tests.support.hostile_pictures import animation, jpeg_of_scans, png_chunk, png_of
from tests.support.processes import PATIENCE_SECONDS
from tests.support.stack import StackProcess, running_stack

AT_ONCE = 20
MOST_SCANS, MOST_FRAMES, MEMORY = 20, 10, 384 * 1024 * 1024
SETTINGS = {
    "MIDWAY_MAX_IMAGE_SCANS": str(MOST_SCANS),
    "MIDWAY_MAX_IMAGE_FRAMES": str(MOST_FRAMES),
    "MIDWAY_DECODE_MEMORY_BYTES": str(MEMORY),
    "MIDWAY_DECODE_SECONDS": str(PATIENCE_SECONDS),
}
SLOW_MASK = png_of(6300, 6300, 1)
NOBODYS = "17"  # a Task that does not exist: masks are looked at before it is
NO_SUCH_TASK = "there is no task 17"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackProcess]:
    with running_stack(tmp_path_factory.mktemp("pictures"), **SETTINGS) as running:
        yield running


@pytest.fixture
async def client(stack: StackProcess) -> AsyncIterator[Client]:
    async with client_of(stack) as opened:
        yield opened


def server_of(stack: StackProcess) -> int:
    [pid] = stack.pids("midway.app.cli serve")
    return pid


def as_text(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


async def imagined(client: Client, *pictures: bytes) -> Json:
    """Submit pictures; return the answer, with its Task or its problem."""
    body = {"prompt": "a fox", "images": [{"base64_or_data_url": as_text(picture)} for picture in pictures]}
    return dict((await client.post("/v1/tasks:imagine", body))[1])


async def masked(client: Client, picture: bytes) -> str:
    """Answer a modal with a mask; return the problem that there is: without any of the mask's, that of the Task."""
    body = {"task_id": NOBODYS, "prompt": "a hat", "mask": {"data": as_text(picture)}}
    return str((await client.post("/v1/tasks:modal", body))[1]["message"])


def png_bomb() -> bytes:
    """Make a PNG of ten gigapixels in a few hundred bytes: its header alone says so."""
    return png_of(8, 8).replace(png_chunk(b"IHDR", b"\0\0\0\x08\0\0\0\x08\x08\0\0\0\0"), _huge_header())


def _huge_header() -> bytes:
    return png_chunk(b"IHDR", b"\0\x01\x86\xa0\0\x01\x86\xa0\x08\0\0\0\0")


@pytest.mark.parametrize(
    ("picture", "problem"),
    [
        pytest.param(jpeg_of_scans(5000), f"has more than {MOST_SCANS} scans", id="JPEG of many scans"),
        pytest.param(animation("GIF", 300), f"has more than {MOST_FRAMES} frames", id="GIF of many frames"),
        pytest.param(animation("WEBP", 300), f"has more than {MOST_FRAMES} frames", id="WebP of many frames"),
        pytest.param(animation("PNG", 300), f"has more than {MOST_FRAMES} frames", id="PNG of many frames"),
        pytest.param(png_bomb(), "has more than 40000000 pixels", id="PNG of many pixels"),
    ],
)
async def test_many_clients_send_a_bomb_at_once_and_another_one_draws(
    stack: StackProcess, client: Client, picture: bytes, problem: str
) -> None:
    before = decoders_of(server_of(stack))
    *answers, drawn = await asyncio.gather(
        *(imagined(client, png(), picture) for _ in range(AT_ONCE)),
        client.done("imagine", prompt="a hare", base64Array=[as_text(png())]),
    )

    assert drawn["status"] == "SUCCESS"
    assert {answer["message"] for answer in answers} == {f"images[1]: {problem}"}
    assert decoders_of(server_of(stack)) == before  # nobody decoded anything


async def test_a_jpeg_that_takes_a_decoder_long_is_passed_on_by_all_at_once(
    stack: StackProcess, client: Client
) -> None:
    """Twenty scans of sixteen million pixels in a few hundred kilobytes; within the limits, so Discord gets them."""
    picture = jpeg_of_scans(MOST_SCANS, (4000, 4000))
    before = decoders_of(server_of(stack))
    answers = await asyncio.gather(*(imagined(client, picture) for _ in range(AT_ONCE)))

    assert all("task" in answer for answer in answers), answers
    assert decoders_of(server_of(stack)) == before


async def test_a_mask_that_needs_too_much_memory_is_refused_and_the_next_one_taken(client: Client) -> None:
    refused = await masked(client, png_of(6300, 6300, 8, 6))
    taken = await masked(client, mask(640, 640))

    assert refused == "mask: takes more than 384 MiB of memory to decode"
    assert taken == NO_SUCH_TASK


async def test_clients_that_hang_up_leave_no_decoder_at_work(stack: StackProcess, tmp_path: Path) -> None:
    """Each of the many has a mask decoded, which is held as if it took for ever; then all hang up."""
    with running_stack(tmp_path, **SETTINGS) as alone:
        server = server_of(alone)
        async with client_of(alone) as bad, client_of(alone) as good:
            waiting = [asyncio.create_task(masked(bad, SLOW_MASK)) for _ in range(AT_ONCE)]
            held = await asyncio.to_thread(until_some, server, 2)
            for pid in held:
                os.kill(pid, signal.SIGSTOP)
            drawn = await good.done("imagine", prompt="a hare", base64Array=[as_text(png())])
            assert decoders_of(server) == held  # no more than these, however many wait
            for each in waiting:
                each.cancel()
            await asyncio.wait(waiting)
            await until_gone(held)
            await until_none(server)
            taken = await masked(good, mask(640, 640))

    assert drawn["status"] == "SUCCESS"
    assert taken == NO_SUCH_TASK


async def until_none(server: int) -> None:
    """Wait until no process decodes: who waits behind one that hung up may begin before its own end is heard of."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while decoders_of(server):  # noqa: ASYNC110 -- nothing tells of it
            await asyncio.sleep(0.01)


async def test_a_picture_held_for_ever_is_refused_when_its_time_is_over(tmp_path: Path) -> None:
    with running_stack(tmp_path, **SETTINGS | {"MIDWAY_DECODE_SECONDS": "5", "MIDWAY_DECODE_PROCESSES": "1"}) as alone:
        async with client_of(alone) as client:
            waiting = asyncio.create_task(masked(client, SLOW_MASK))
            held = await asyncio.to_thread(until_some, server_of(alone), 1)
            os.kill(held[0], signal.SIGSTOP)
            refused = await waiting
            await until_gone(held)

    assert refused == "mask: takes more than 5 s to decode"


async def test_a_killed_server_leaves_no_decoder(tmp_path: Path) -> None:
    with running_stack(tmp_path, **SETTINGS) as alone:
        server = server_of(alone)
        async with client_of(alone) as client:
            waiting = [asyncio.create_task(masked(client, SLOW_MASK)) for _ in range(AT_ONCE)]
            decoders = await asyncio.to_thread(until_some, server, 2)
            os.kill(server, signal.SIGKILL)
            await until_gone(decoders)
            for each in waiting:
                each.cancel()
            await asyncio.wait(waiting)

    assert len(decoders) == 2


async def test_many_who_want_thumbnails_and_hang_up_harm_nobody(tmp_path: Path) -> None:
    """Through Envoy, by signed links: no key is in them."""
    with running_stack(tmp_path, **SETTINGS | {"MIDWAY_API_KEYS": "sk-hush"}) as alone:
        async with client_of(alone, key="sk-hush") as owner, client_of(alone) as stranger:
            grid = await finished(owner, "a fox")
            path = (await owner.get(f"/v1/tasks/{grid}"))[1]["task"]["image"]["path"]
            waiting = [asyncio.create_task(shown(stranger, f"{path}&width=640")) for _ in range(AT_ONCE)]
            await asyncio.to_thread(until_some, server_of(alone), 1)
            for each in waiting[:-1]:
                each.cancel()
            last = await waiting[-1]
            others = [await shown(stranger, f"{path}&width={width}") for width in (320, 640)]
            status, _ = await owner.get(f"/v1/tasks/{grid}/image?width=641")

    assert others[1] == last
    assert [kind for _, kind in others] == [(320, "WEBP"), (640, "WEBP")]
    assert status == 400


async def finished(client: Client, prompt: str) -> str:
    task_id = await client.submit("imagine", prompt=prompt)
    async for _ in client.events(task_id):
        pass
    return task_id


async def shown(client: Client, path: str) -> tuple[bytes, Any]:
    async with client.http.get(path) as answer:
        data = await answer.read()
        assert (answer.status, answer.content_type) == (200, "image/webp"), data
    with PIL.Image.open(io.BytesIO(data)) as picture:
        return data, (picture.width, picture.format)
