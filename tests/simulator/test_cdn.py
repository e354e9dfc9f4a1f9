"""The CDN: parts of a file, its head alone, and what says that it is the same file."""

import hashlib

import pytest
from multidict import CIMultiDictProxy

from tests.simulator.conftest import Discord
from tests.simulator.small_bot import png
from tests.simulator.test_rest import send_picture

ETAG = f'"{hashlib.md5(png()).hexdigest()}"'
SIZE = len(png())


async def get(discord: Discord, method: str = "GET", **headers: str) -> tuple[int, CIMultiDictProxy[str], bytes]:
    """Post a picture and ask for it; give status, headers and body."""
    url = (await send_picture(discord))["attachments"][0]["url"]
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    async with discord.http.request(method, url, headers=fields) as response:
        return response.status, response.headers, await response.read()


async def test_a_file_says_its_length_its_etag_and_that_parts_can_be_had(discord: Discord):
    status, headers, body = await get(discord)

    assert (status, body) == (200, png())
    assert (headers["Content-Length"], headers["ETag"], headers["Accept-Ranges"]) == (str(SIZE), ETAG, "bytes")


async def test_head_gives_the_same_without_the_body(discord: Discord):
    status, headers, body = await get(discord, "HEAD")

    assert (status, body) == (200, b"")
    assert (headers["Content-Length"], headers["ETag"], headers["Content-Type"]) == (str(SIZE), ETAG, "image/png")


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("0-9", 0, 9), ("10-", 10, SIZE - 1), ("-5", SIZE - 5, SIZE - 1), ("20-99999", 20, SIZE - 1)],
)
async def test_a_part_can_be_had(discord: Discord, asked: str, first: int, last: int):
    status, headers, body = await get(discord, Range=f"bytes={asked}")

    assert (status, body) == (206, png()[first : last + 1])
    assert headers["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert headers["Content-Length"] == str(last + 1 - first)


async def test_a_part_beyond_the_end_is_refused(discord: Discord):
    status, headers, body = await get(discord, Range=f"bytes={SIZE}-")

    assert (status, headers["Content-Range"], body) == (416, f"bytes */{SIZE}", b"")


@pytest.mark.parametrize("asked", ["bytes=9-1", "lines=1-2", "bytes=0-1,4-5"])
async def test_a_range_that_makes_no_sense_is_passed_over(discord: Discord, asked: str):
    assert (await get(discord, Range=asked))[::2] == (200, png())


@pytest.mark.parametrize(("etag", "status"), [(ETAG, 206), ('"another"', 200)])
async def test_if_range_gives_the_whole_of_a_file_that_changed(discord: Discord, etag: str, status: int):
    assert (await get(discord, Range="bytes=4-", If_Range=etag))[0] == status


async def test_what_the_client_has_is_not_sent_again(discord: Discord):
    assert (await get(discord, If_None_Match=ETAG))[::2] == (304, b"")
