"""Pictures as files over HTTP: whole, in parts, not again, and what happens when something goes wrong meanwhile."""

import asyncio
import os
from pathlib import Path

import aiohttp
import pytest
from midjourney.v1 import query_pb2
from midway.domain.task import State

from tests.rest.conftest import Door, door_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

DATA = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
SIZE = len(DATA)
LARGE = os.urandom(1 << 20) * 24  # more than sockets and windows hold


@pytest.fixture
def picture(door: Door) -> bytes:
    door.shelf.path.write_bytes(DATA)
    return DATA


async def test_a_picture_comes_with_what_a_browser_wants_to_know(door: Door, picture: bytes) -> None:
    async with door.http.get(door.image) as answer:
        assert await answer.read() == picture

    headers = answer.headers
    assert (answer.status, answer.content_type, answer.content_length) == (200, "image/png", SIZE)
    assert headers["accept-ranges"] == "bytes"
    assert headers["cache-control"] == "private, max-age=31536000, immutable"
    assert headers["x-content-type-options"] == "nosniff"
    day = door.grid.finished_at.strftime("%Y-%m-%d")  # type: ignore[union-attr]  # the grid has finished
    assert headers["content-disposition"] == (
        f'inline; filename="{day}-red-fox-jumps-{door.grid.id}.png"; '
        f"filename*=UTF-8''{day}-%E4%B8%80%E5%8F%AA-red-fox-jumps-{door.grid.id}.png"
    )


async def test_a_download_is_the_same_file_for_a_browser_to_save(door: Door, picture: bytes) -> None:
    async with door.http.get(f"{door.image}:download", headers={"range": "bytes=5-"}) as answer:
        assert (answer.status, await answer.read()) == (206, picture[5:])
    async with door.http.get(f"{door.image}:download?offset=5") as refused:
        assert (refused.status, "Range" in (await refused.json())["message"]) == (400, True)

    assert answer.headers["content-disposition"].startswith("attachment; filename=")


async def test_head_tells_the_same_and_sends_nothing(door: Door, picture: bytes) -> None:
    async with door.http.get(door.image) as whole, door.http.head(door.image) as head:
        assert await head.read() == b""

    told = ("content-length", "content-type", "etag", "accept-ranges", "content-disposition", "cache-control")
    assert [head.headers[name] for name in told] == [whole.headers[name] for name in told]


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-99", 0, 99),
        ("bytes=500-", 500, SIZE - 1),
        ("bytes=-10", SIZE - 10, SIZE - 1),
        ("bytes=-99999", 0, SIZE - 1),
        (f"bytes=1000-{SIZE + 5000}", 1000, SIZE - 1),
    ],
)
async def test_a_range_is_that_part_of_the_file(door: Door, picture: bytes, asked: str, first: int, last: int) -> None:
    async with door.http.get(door.image, headers={"range": asked}) as answer:
        assert await answer.read() == picture[first : last + 1]

    assert answer.status == 206
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{SIZE}"


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", f"bytes={SIZE + 10}-{SIZE + 20}", "bytes=-0"])
async def test_a_range_beyond_the_end_cannot_be(door: Door, picture: bytes, asked: str) -> None:
    async with door.http.get(door.image, headers={"range": asked}) as answer:
        assert (answer.status, await answer.read()) == (416, b"")

    assert answer.headers["content-range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "asked", ["bytes=a-b", "bytes=", "lines=0-5", "bytes=0-1,5-6", "bytes=-", "bytes=5-2", "bytes=" + "9" * 5000]
)
async def test_a_range_of_another_form_is_passed_over(door: Door, picture: bytes, asked: str) -> None:
    async with door.http.get(door.image, headers={"range": asked}) as answer:
        assert (answer.status, await answer.read()) == (200, picture)


async def test_what_the_client_has_is_not_sent_again(door: Door, picture: bytes) -> None:
    async with door.http.head(door.image) as known:
        etag = known.headers["etag"]
    async with door.http.get(door.image, headers={"if-none-match": f'"other", {etag}'}) as same:
        assert (same.status, await same.read(), same.headers["etag"]) == (304, b"", etag)
    async with door.http.get(door.image, headers={"if-none-match": '"other"'}) as other:
        assert (other.status, await other.read()) == (200, picture)


async def test_a_part_is_not_joined_to_a_picture_that_was_replaced(door: Door, picture: bytes) -> None:
    async with door.http.head(door.image) as known:
        etag = known.headers["etag"]
    async with door.http.get(door.image, headers={"range": "bytes=5-", "if-range": etag}) as part:
        assert part.status == 206
    for condition in ('"other"', f"W/{etag}", "abc", "Mon, 01 Jan 2024 00:00:00 GMT"):
        async with door.http.get(door.image, headers={"range": "bytes=5-", "if-range": condition}) as whole:
            assert (whole.status, await whole.read()) == (200, picture)


async def test_the_whole_by_a_range_is_the_whole(door: Door, picture: bytes) -> None:
    """Safari and Chromium begin a film so."""
    for asked in ("bytes=0-", f"bytes=0-{SIZE - 1}"):
        async with door.http.get(door.image, headers={"range": asked}) as answer:
            assert await answer.read() == picture
            assert answer.status == 206
            assert answer.headers["content-range"] == f"bytes 0-{SIZE - 1}/{SIZE}"


async def test_the_etag_stays_when_the_picture_is_fetched_again_and_grpc_tells_the_same(
    door: Door, picture: bytes
) -> None:
    request = query_pb2.DownloadTaskImageRequest(task_id=door.grid.id)
    tags = []
    for _ in range(2):
        door.shelf.path.unlink()
        door.shelf.path.write_bytes(picture)
        async with door.http.head(door.image) as answer:
            tags.append(answer.headers["etag"])
        first = await anext(aiter(door.served.tasks.DownloadTaskImage(request)))
        tags.append(f'"{first.file.etag}"')

    assert len(set(tags)) == 1


async def collect(answer: aiohttp.ClientResponse, seen: bytearray) -> None:
    """Add to `seen` whatever comes."""
    async for piece in answer.content.iter_any():
        seen += piece


async def test_a_file_that_cannot_be_read_to_its_end_breaks_off_and_never_looks_whole(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one byte of an error may stand in a picture."""
    door.shelf.path.write_bytes(LARGE)
    read, seen = os.pread, bytearray()

    def failing(descriptor: int, size: int, offset: int) -> bytes:
        if offset > len(LARGE) // 2:
            raise OSError(5, "Input/output error")
        return read(descriptor, size, offset)

    monkeypatch.setattr(os, "pread", failing)
    async with door.http.get(door.image) as answer:
        with pytest.raises(aiohttp.ClientError):
            await collect(answer, seen)

    assert LARGE.startswith(seen)
    assert await door.observed.first(1) == [("GetTaskImage", "INTERNAL")]


async def test_a_file_that_cannot_be_opened_is_no_picture_to_keep(door: Door) -> None:
    async with door.http.get(door.image) as answer:  # nothing lies on the shelf
        assert (answer.status, answer.content_type) == (500, "application/json")
        assert "cache-control" not in answer.headers


async def test_a_reader_keeps_the_picture_that_is_pruned_or_replaced_meanwhile(door: Door) -> None:
    door.shelf.path.write_bytes(LARGE)
    async with door.http.get(door.image) as pruned, door.http.get(door.image) as replaced:
        begun = [await answer.content.readexactly(1000) for answer in (pruned, replaced)]
        other = door.shelf.path.with_suffix(".new")
        other.write_bytes(DATA)
        other.replace(door.shelf.path)
        door.shelf.path.unlink()
        rest = [await answer.content.read() for answer in (pruned, replaced)]

    assert [first + then for first, then in zip(begun, rest, strict=True)] == [LARGE, LARGE]


async def until_closed(door: Door) -> None:
    """Return when the server holds no picture open."""
    async with asyncio.timeout(60):
        while door.shelf.is_open:  # noqa: ASYNC110 -- nothing tells of it
            await asyncio.sleep(0.01)


async def test_a_reader_that_hangs_up_frees_the_file_and_counts_as_cancelled(door: Door) -> None:
    door.shelf.path.write_bytes(LARGE)
    answer = await door.http.get(door.image)
    await answer.content.readexactly(1000)
    assert len(door.shelf.is_open) == 1
    answer.close()
    await until_closed(door)

    assert await door.observed.first(1) == [("GetTaskImage", "CANCELLED")]


async def test_slow_readers_hold_nobody_up(door: Door) -> None:
    door.shelf.path.write_bytes(LARGE)
    slow = [await door.http.get(door.image) for _ in range(20)]
    async with door.http.get(door.image) as quick:
        assert await quick.read() == LARGE
    assert len(door.shelf.is_open) == len(slow)
    for answer in slow:
        answer.close()
    await until_closed(door)


async def test_a_server_that_stops_leaves_no_short_picture(rig, tmp_path: Path) -> None:
    async with door_of(rig, tmp_path) as door:
        door.shelf.path.write_bytes(LARGE)
        async with door.http.get(door.image) as answer:
            await answer.content.readexactly(1000)
            await door.served.doors.stop()
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.content.read()


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/v1/tasks/17/image", 404, "ERROR_REASON_TASK_NOT_FOUND"),
        ("/v1/tasks/{task}/image?index=1", 404, "ERROR_REASON_IMAGE_NOT_AVAILABLE"),
        ("/v1/tasks/{task}/image?index=one", 400, "ERROR_REASON_FIELD_INVALID"),
        ("/v1/tasks/{task}/image?index=99999999999", 400, "ERROR_REASON_FIELD_INVALID"),
    ],
)
async def test_what_is_not_there_is_said_as_over_grpc(door: Door, path: str, status: int, reason: str) -> None:
    async with door.http.get(path.format(task=door.grid.id)) as answer:
        error = await answer.json()

    assert (answer.status, error["details"][0]["reason"]) == (status, reason)
    assert ("index" in error["message"]) == (status == 400)


async def test_a_preview_is_asked_for_again_each_time(door: Door, picture: bytes) -> None:
    hanging = await door.rig.imagine("a hare __hang_after_93")
    async with asyncio.timeout(60):
        async for task in door.rig.engine.watch.watch(hanging.id):
            if task.state is State.IN_PROGRESS and task.image is not None:
                break
    async with door.http.get(f"/v1/tasks/{hanging.id}/image") as answer:
        assert (answer.status, answer.headers["cache-control"]) == (200, "private, no-cache")
    await door.rig.engine.cancel(hanging.id)
