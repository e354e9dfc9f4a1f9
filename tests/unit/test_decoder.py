"""Pictures are decoded in processes of their own, which end with whoever wants their work."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import PIL.Image
import pytest
import uvloop
from midway.domain.errors import InvalidField, Reason, Unavailable
from midway.pictures import decoder as decoder_module
from midway.pictures.checks import PictureLimits, mask_from_bytes
from midway.pictures.decoder import MIB, Decoder, DecoderRules
from midway.pictures.thumbnail import NoThumbnail

from tests.support.decoders import decoders_of, until_gone, until_some
from tests.support.hostile_pictures import png_of
from tests.support.pictures import mask_for
from tests.support.processes import PATIENCE_SECONDS, slowness
from tests.unit.test_picture import drawn, painted

LIMITS = PictureLimits()
PATIENT = timedelta(seconds=PATIENCE_SECONDS)
MASK = mask_for(64, 64).data


_OTHERS: set[int] = set()  # decoding processes that were there before a test


@pytest.fixture(autouse=True)
def _others() -> None:
    """Tell a test's own processes from those of tests that ran in this process before."""
    _OTHERS.clear()
    _OTHERS.update(decoders_of(os.getpid()))


def own_decoders() -> list[int]:
    """List the living decoding processes that a test has started."""
    return [pid for pid in decoders_of(os.getpid()) if pid not in _OTHERS]


@pytest.fixture
async def decoder() -> AsyncIterator[Decoder]:
    decoder = Decoder(DecoderRules(time=PATIENT))
    yield decoder
    await decoder.close()


async def stopped(decoder: Decoder) -> int:
    """Start a process and hold it, as a picture without end would; return its id."""
    await decoder.mask(MASK, "mask", LIMITS, None)
    [pid] = own_decoders()
    os.kill(pid, signal.SIGSTOP)
    return pid


@pytest.mark.parametrize("size", [None, (1456, 816)])
async def test_a_mask_is_made_as_in_this_process(decoder: Decoder, size: tuple[int, int] | None) -> None:
    data = painted((10, 10, 60, 50))

    assert await decoder.mask(data, "mask", LIMITS, size) == mask_from_bytes(data, "mask", LIMITS, size)


@pytest.mark.parametrize(
    "data", [painted(), painted((0, 0, 50, 80), fill="red"), drawn("JPEG"), b"no picture", png_of(7000, 7000, 1)]
)
async def test_a_mask_is_refused_as_in_this_process(decoder: Decoder, data: bytes) -> None:
    with pytest.raises(InvalidField) as here:
        mask_from_bytes(data, "maskBase64", LIMITS, None)
    with pytest.raises(InvalidField) as there:
        await decoder.mask(data, "maskBase64", LIMITS, None)

    assert (there.value.field, there.value.problem, there.value.reason) == (
        here.value.field,
        here.value.problem,
        here.value.reason,
    )


async def test_processes_are_kept_and_no_more_than_allowed(decoder: Decoder) -> None:
    await asyncio.gather(*(decoder.mask(MASK, "mask", LIMITS, None) for _ in range(12)))
    pids = own_decoders()
    await asyncio.gather(*(decoder.mask(MASK, "mask", LIMITS, None) for _ in range(12)))

    assert len(pids) == 2
    assert own_decoders() == pids


async def test_a_process_is_replaced_after_many_jobs(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder_module, "JOBS_OF_A_PROCESS", 2)
    pids = []
    for _ in range(4):
        await decoder.mask(MASK, "mask", LIMITS, None)
        pids += own_decoders()

    assert len(pids) == len(set(pids)) == 2  # after each second job none is left


async def test_who_leaves_ends_the_process(decoder: Decoder) -> None:
    pid = await stopped(decoder)
    waiting = asyncio.create_task(decoder.mask(MASK, "mask", LIMITS, None))
    await until_busy(decoder)
    waiting.cancel()
    await asyncio.wait([waiting])

    await until_gone([pid])
    assert waiting.cancelled()
    assert (await decoder.mask(MASK, "mask", LIMITS, None)).width == 64


async def until_busy(decoder: Decoder) -> None:
    """Wait until no process waits for a picture."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while decoder.idle:  # noqa: ASYNC110 -- nothing tells of it
            await asyncio.sleep(0.01)


async def test_who_waits_for_a_turn_and_leaves_takes_none(decoder: Decoder) -> None:
    await asyncio.gather(*(decoder.mask(MASK, "mask", LIMITS, None) for _ in range(2)))
    pids = own_decoders()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    waiting = [asyncio.create_task(decoder.mask(MASK, "mask", LIMITS, None)) for _ in range(20)]
    await until_busy(decoder)
    for each in waiting:
        each.cancel()
    await asyncio.wait(waiting)

    await until_gone(pids)
    assert own_decoders() == []
    assert (await decoder.mask(MASK, "mask", LIMITS, None)).width == 64


async def test_a_picture_that_takes_too_long_is_refused_and_its_process_ended() -> None:
    decoder = Decoder(DecoderRules(time=timedelta(seconds=5 * slowness())))
    pid = await stopped(decoder)

    with pytest.raises(InvalidField, match=r"^mask: takes more than \d+(\.\d+)? s to decode$") as refusal:
        await decoder.mask(MASK, "mask", LIMITS, None)
    assert refusal.value.reason is Reason.IMAGE_TOO_LARGE
    await until_gone([pid])
    await decoder.close()


async def test_a_picture_that_takes_too_much_memory_is_refused() -> None:
    decoder = Decoder(DecoderRules(time=PATIENT, memory_bytes=256 * MIB))

    with pytest.raises(InvalidField, match=r"^mask: takes more than 256 MiB of memory to decode$"):
        await decoder.mask(png_of(5000, 5000, 8, 6), "mask", LIMITS, None)
    assert (await decoder.mask(MASK, "mask", LIMITS, None)).width == 64
    await decoder.close()


async def test_a_process_that_dies_refuses_its_picture_and_no_other(decoder: Decoder) -> None:
    pid = await stopped(decoder)
    waiting = asyncio.create_task(decoder.mask(MASK, "mask", LIMITS, None))
    await until_busy(decoder)
    os.kill(pid, signal.SIGKILL)

    with pytest.raises(InvalidField, match="cannot be decoded"):
        await waiting
    assert (await decoder.mask(MASK, "mask", LIMITS, None)).width == 64


async def test_a_process_that_died_while_it_waited_harms_nobody(decoder: Decoder) -> None:
    pid = await stopped(decoder)
    os.kill(pid, signal.SIGKILL)
    await until_busy(decoder)

    assert (await decoder.mask(MASK, "mask", LIMITS, None)).width == 64


async def test_the_end_leaves_no_process() -> None:
    decoder = Decoder()
    await asyncio.gather(*(decoder.mask(MASK, "mask", LIMITS, None) for _ in range(4)))
    await decoder.close()

    assert own_decoders() == []


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_killed_parent_leaves_no_process(loop: str) -> None:
    """Also when it is in the middle of a picture."""
    script = f"""
import asyncio, uvloop
from midway.pictures.decoder import Decoder
from midway.pictures.checks import PictureLimits
from tests.support.hostile_pictures import png_of

async def work():
    decoder, bomb = Decoder(), png_of(6000, 6000, 8, 6)
    async def again():
        while True:
            try:
                await decoder.mask(bomb, "mask", PictureLimits(), None)
            except Exception:
                print("decoded", flush=True)
    await asyncio.gather(again(), again())

{loop}.run(work())
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        pids = until_some(parent.pid, 2)
        parent.kill()

    assert len(pids) == 2
    asyncio.run(until_gone(pids))


def test_it_works_on_the_loop_of_the_server() -> None:
    async def work() -> int:
        decoder = Decoder(DecoderRules(time=PATIENT))
        masks = await asyncio.gather(*(decoder.mask(MASK, "mask", LIMITS, (2000, 2000)) for _ in range(5)))
        await decoder.close()
        return masks[0].width

    assert uvloop.run(work()) == 2000


async def test_a_process_is_told_no_secret(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIDWAY_API_KEYS", "sk-hush")
    monkeypatch.setenv("OTHER_TOKEN", "hush-hush")
    await decoder.mask(MASK, "mask", LIMITS, None)
    [pid] = own_decoders()

    environment = await asyncio.to_thread(Path(f"/proc/{pid}/environ").read_text)
    names = {entry.partition("=")[0] for entry in environment.split("\0") if entry}
    assert names == {"PYTHONPATH"}


@pytest.mark.parametrize(("width", "size"), [(320, (320, 213)), (1280, (900, 600))])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
async def test_a_thumbnail_is_never_wider_than_its_picture(
    decoder: Decoder, tmp_path: Path, width: int, size: tuple[int, int], kind: str, mode: str
) -> None:
    path = tmp_path / "picture"
    path.write_bytes(drawn(kind, (900, 600), "L" if (kind, mode) == ("JPEG", "P") else mode))
    thumbnail = tmp_path / "thumbnail"
    thumbnail.write_bytes(await decoder.thumbnail(path, width))

    with PIL.Image.open(thumbnail) as picture:
        assert (picture.format, picture.size) == ("WEBP", size)


async def test_a_thumbnail_keeps_what_is_transparent(decoder: Decoder, tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(painted((0, 0, 500, 800), size=(1000, 800), mode="RGBA", base=(0, 0, 0, 0), fill=(255, 0, 0, 255)))
    thumbnail = tmp_path / "thumbnail"
    thumbnail.write_bytes(await decoder.thumbnail(path, 320))

    with PIL.Image.open(thumbnail) as picture:
        assert [picture.getchannel("A").getpixel(place) for place in ((10, 10), (300, 10))] == [255, 0]


@pytest.mark.parametrize("data", [b"", b"\0\0\0\x20ftypisom....", drawn("PNG")[:900], drawn("BMP")])
async def test_no_thumbnail_is_made_of_what_is_no_picture(decoder: Decoder, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "picture"
    path.write_bytes(data)

    with pytest.raises(NoThumbnail, match="damaged"):
        await decoder.thumbnail(path, 320)


async def test_no_thumbnail_is_made_of_too_many_pixels(tmp_path: Path) -> None:
    decoder = Decoder(DecoderRules(time=PATIENT, max_pixels=2399))
    path = tmp_path / "picture"
    path.write_bytes(drawn(size=(60, 40)))

    with pytest.raises(NoThumbnail, match="more than 2399 pixels"):
        await decoder.thumbnail(path, 320)
    await decoder.close()


async def test_a_picture_that_was_thrown_away_is_not_found(decoder: Decoder, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await decoder.thumbnail(tmp_path / "gone", 320)


async def test_thumbnails_leave_a_process_for_masks(decoder: Decoder, tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(drawn())
    await decoder.thumbnail(path, 320)
    [pid] = own_decoders()
    os.kill(pid, signal.SIGSTOP)
    waiting = [asyncio.create_task(decoder.thumbnail(path, 320)) for _ in range(20)]
    await until_busy(decoder)

    assert (await decoder.mask(MASK, "mask", LIMITS, None)).width == 64
    assert not any(each.done() for each in waiting)
    os.kill(pid, signal.SIGCONT)
    await asyncio.gather(*waiting)


async def test_a_machine_without_room_for_a_process_says_so(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", full)
    with pytest.raises(Unavailable, match="no process can be started to decode the picture: Resource temporarily"):
        await decoder.mask(MASK, "mask", LIMITS, None)


async def test_the_end_waits_for_a_process_that_is_being_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its caller has left; a loop that ends before it is there could not end it."""
    start, is_starting, has_left = decoder_module._start, threading.Event(), threading.Event()
    processes: list[subprocess.Popen[bytes]] = []

    def slow_start(memory_bytes: int) -> decoder_module._Started:
        is_starting.set()
        has_left.wait(PATIENCE_SECONDS)
        started = start(memory_bytes)
        processes.append(started[0])
        return started

    monkeypatch.setattr(decoder_module, "_start", slow_start)
    decoder = Decoder()
    waiting = asyncio.create_task(decoder.mask(MASK, "mask", LIMITS, None))
    await asyncio.to_thread(is_starting.wait, PATIENCE_SECONDS)
    waiting.cancel()
    await asyncio.wait([waiting])
    asyncio.get_running_loop().call_soon(has_left.set)
    await decoder.close()

    [process] = processes  # it was there when the decoder had closed
    assert await asyncio.to_thread(process.wait, PATIENCE_SECONDS) == -signal.SIGKILL


async def test_a_picture_that_outlasts_the_end_leaves_no_process() -> None:
    decoder = Decoder(DecoderRules(time=PATIENT))
    pid = await stopped(decoder)
    waiting = asyncio.create_task(decoder.mask(MASK, "mask", LIMITS, None))
    while decoder.idle:  # noqa: ASYNC110 -- nothing tells of it
        await asyncio.sleep(0)
    await decoder.close()
    os.kill(pid, signal.SIGCONT)

    assert (await waiting).width == 64
    assert own_decoders() == []


async def test_who_leaves_while_a_process_starts_leaves_none(decoder: Decoder) -> None:
    for _ in range(5):
        waiting = asyncio.create_task(decoder.mask(MASK, "mask", LIMITS, None))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])

    assert (await decoder.mask(MASK, "mask", LIMITS, None)).width == 64
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(own_decoders()) > 1:  # noqa: ASYNC110 -- nothing tells of it
            await asyncio.sleep(0.01)
