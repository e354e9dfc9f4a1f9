"""Pictures and films pass through as they are: whole or in parts, as fast as their reader, never cut short unseen."""

import socket
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest

from tests.envoy.backend import KERNELS_SHARE, LARGE, PICTURE
from tests.envoy.conftest import Door

pytestmark = pytest.mark.asyncio(loop_scope="session")

IMAGE = "/v1/tasks/17/image"
FILM = "/v1/tasks/large/image"
READERS = ("one", "two", "three")
# What the backend may get rid of before a reader takes it. Most of it waits in the kernel: it keeps up to 4 MB for
# Envoy's socket to the reader.
MOST_AHEAD = 8 * 1024 * 1024
ROUNDS = 100  # other calls in which a backend that still can write does so
OF_THE_FILE = (
    "Accept-Ranges",
    "Cache-Control",
    "Content-Disposition",
    "Content-Length",
    "Content-Range",
    "Content-Type",
    "ETag",
    "Last-Modified",
)


async def answer_of(
    door: Door, url: str, method: str, headers: dict[str, str]
) -> tuple[int, dict[str, str | None], bytes]:
    """Ask for the picture at Envoy or at the backend; return the status, what it says of the file, and the bytes."""
    async with door.http.request(method, url + IMAGE, headers=headers) as answer:
        return answer.status, {name: answer.headers.get(name) for name in OF_THE_FILE}, await answer.read()


async def etag_of(door: Door) -> str:
    async with door.http.head(IMAGE) as answer:
        return answer.headers["ETag"]


@pytest.mark.parametrize(
    ("method", "headers", "status", "size"),
    [
        ("GET", {}, 200, len(PICTURE)),
        ("HEAD", {}, 200, 0),
        ("GET", {"Range": "bytes=5-14"}, 206, 10),
        ("GET", {"Range": "bytes=-7"}, 206, 7),
        ("GET", {"Range": "bytes=4000-"}, 416, 0),
        ("GET", {"If-None-Match": "ETAG"}, 304, 0),
        ("HEAD", {"If-None-Match": "ETAG"}, 304, 0),
        ("GET", {"If-None-Match": '"another"'}, 200, len(PICTURE)),
        ("GET", {"Range": "bytes=5-14", "If-Range": "Thu, 01 Jan 1970 00:00:00 GMT"}, 200, len(PICTURE)),
    ],
    ids=str,
)
async def test_the_answer_is_the_backends(door, method, headers, status, size):
    etag = await etag_of(door)
    headers = {name: etag if value == "ETAG" else value for name, value in headers.items()}

    answer = await answer_of(door, door.url, method, headers)

    assert (answer[0], len(answer[2])) == (status, size)
    assert answer == await answer_of(door, f"http://127.0.0.1:{door.rest.port}", method, headers)


async def test_what_is_said_of_a_part_arrives(door):
    _, said, part = await answer_of(door, door.url, "GET", {"Range": "bytes=5-14"})

    assert part == PICTURE[5:15]
    assert (said["Content-Range"], said["Content-Length"]) == ("bytes 5-14/4000", "10")
    assert said["Content-Disposition"] == 'inline; filename="17.png"'
    assert said["ETag"]


async def test_what_a_browser_asks_for_arrives(door):
    headers = {"Range": "bytes=5-14", "If-Range": '"a"', "If-None-Match": '"b", W/"c"', "Accept": "image/*"}

    await answer_of(door, door.url, "GET", headers)

    assert door.rest.asked["path"] == IMAGE
    arrived = door.rest.asked["headers"]
    assert {name: arrived[name.lower()] for name in headers} == headers


async def test_index_and_signature_of_a_link_arrive(door):
    async with door.http.head(IMAGE + "?index=2&expires=9&signature=a%2Bb"):
        assert door.rest.asked["path"] == IMAGE + "?index=2&expires=9&signature=a%2Bb"


async def test_an_answer_that_breaks_off_is_an_error_and_no_short_picture(door):
    async with door.http.get("/v1/tasks/broken/image") as answer:
        assert (answer.status, answer.content_length) == (200, LARGE)
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def standstill(door: Door) -> dict[str, int]:
    """Return how much each reader was sent, once the backend sends no more while other calls come and go."""
    before: dict[str, int] = {}
    while (now := dict(door.rest.written)) != before or len(now) < len(READERS):
        before = now
        for _ in range(ROUNDS):
            async with door.http.head("/mj/task/17/fetch") as answer:
                assert answer.status == 200
    return now


def small_socket(address: Any) -> socket.socket:
    """Make a client's socket for which the kernel keeps little."""
    sock = socket.socket(address[0], address[1], address[2])
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNELS_SHARE)
    return sock


async def taken(answer: aiohttp.ClientResponse) -> int:
    """Read an answer to its end and count."""
    return sum([len(piece) async for piece in answer.content.iter_any()])


async def test_slow_readers_make_the_backend_wait_and_nobody_else(door):
    door.rest.written.clear()
    async with AsyncExitStack() as films:
        connector = aiohttp.TCPConnector(socket_factory=small_socket)
        http = await films.enter_async_context(aiohttp.ClientSession(door.url, connector=connector))
        answers = [await films.enter_async_context(http.get(FILM, params={"reader": name})) for name in READERS]

        sent = await standstill(door)

        assert sent.keys() == set(READERS)
        assert max(sent.values()) < MOST_AHEAD
        assert [await taken(answer) for answer in answers] == [LARGE] * len(READERS)


async def test_a_reader_that_leaves_in_the_middle_ends_the_sending(door):
    """Else the backend would hold the film open for as long as it runs."""
    door.rest.left.clear()

    async with door.http.get(FILM) as answer:
        await answer.content.readany()
        answer.close()

    assert await door.rest.left.wait()
