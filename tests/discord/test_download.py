"""Files come from the CDN piece by piece, whole, and never as two halves of different ones."""

import asyncio
import random
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from midway.discord.download import PIECE_BYTES
from midway.discord.endpoints import Endpoints
from midway.discord.errors import FileTooLarge, Unknown
from midway.discord.partial_file import PartialFile
from midway.discord.settings import ClientSettings
from midway.discord.transfer import Transfer

from tests.support.cdn import Cdn, cdn_running

MIB = 1024 * 1024
FILM = random.Random(1).randbytes(3 * MIB)
OTHER_FILM = random.Random(2).randbytes(3 * MIB)
CUT = 2 * MIB
HURRIED = replace(ClientSettings(), stall_timeout=timedelta(seconds=1))


@pytest.fixture
async def cdn() -> AsyncIterator[Cdn]:
    async with cdn_running(Cdn(FILM)) as cdn:
        yield cdn


@pytest.fixture
def file(tmp_path: Path) -> PartialFile:
    path = tmp_path / "film.part"
    path.touch()
    return PartialFile(path)


async def download(cdn: Cdn, file: PartialFile, settings: ClientSettings | None = None) -> None:
    async with Transfer(Endpoints.simulator(cdn.url), "test", settings or ClientSettings()) as transfer:
        await transfer.download(cdn.url, file)


def is_whole(file: PartialFile, content: bytes = FILM) -> bool:
    return file.is_whole and file.path.read_bytes() == content and file.size == len(content)


async def test_a_file_comes_whole(cdn: Cdn, file: PartialFile):
    await download(cdn, file)

    assert is_whole(file)
    assert cdn.asked == [("", "")]


async def test_after_a_cut_the_rest_is_asked_for(cdn: Cdn, file: PartialFile):
    cdn.cuts = [CUT]
    await download(cdn, file)

    assert is_whole(file)
    first, (wanted, if_range) = cdn.asked
    assert first == ("", "")
    assert PIECE_BYTES <= int(wanted.removeprefix("bytes=").removesuffix("-")) <= CUT
    assert if_range == '"first"'


async def test_every_cut_is_followed_by_another_try_while_that_brings_something(cdn: Cdn, file: PartialFile):
    cdn.cuts = [3 * PIECE_BYTES] * 5
    await download(cdn, file)

    assert is_whole(file)
    assert len(cdn.asked) >= 5


async def test_a_cdn_that_gives_nothing_more_is_given_up(cdn: Cdn, file: PartialFile):
    cdn.cuts = [CUT, 0]
    with pytest.raises(Unknown):
        await download(cdn, file)

    assert len(cdn.asked) == 2
    assert 0 < file.size <= CUT
    assert not file.is_whole


async def test_a_later_try_goes_on_where_the_last_one_ended(cdn: Cdn, file: PartialFile):
    cdn.cuts = [CUT, 0]
    with pytest.raises(Unknown):
        await download(cdn, file)
    came = file.size
    await download(cdn, file)

    assert is_whole(file)
    assert cdn.asked[-1] == (f"bytes={came}-", '"first"')


async def test_what_is_whole_is_not_asked_for_again(cdn: Cdn, file: PartialFile):
    await download(cdn, file)
    await download(cdn, file)

    assert len(cdn.asked) == 1


async def test_a_cdn_without_ranges_begins_anew(cdn: Cdn, file: PartialFile):
    cdn.knows_ranges = False
    cdn.cuts = [CUT]
    await download(cdn, file)

    assert is_whole(file)
    assert len(cdn.asked) == 2


@pytest.mark.parametrize("heeds_if_range", [True, False])
async def test_two_files_are_never_spliced(cdn: Cdn, file: PartialFile, heeds_if_range: bool):
    """The file at the link was replaced meanwhile; a CDN that gives a part nevertheless is not believed."""
    cdn.cuts = [CUT, 0]
    with pytest.raises(Unknown):
        await download(cdn, file)
    cdn.content, cdn.etag, cdn.heeds_if_range = OTHER_FILM, '"second"', heeds_if_range
    await download(cdn, file)

    assert is_whole(file, OTHER_FILM)


@pytest.mark.parametrize("length", [MIB // 2, 2 * MIB + 1, 4 * MIB])
async def test_a_file_of_another_size_is_another_file_whatever_its_tag(cdn: Cdn, file: PartialFile, length: int):
    cdn.cuts = [CUT, 0]
    with pytest.raises(Unknown):
        await download(cdn, file)
    cdn.content = random.Random(3).randbytes(length)
    await download(cdn, file)

    assert is_whole(file, cdn.content)


@pytest.mark.parametrize("etag", ["", 'W/"first"'])
async def test_without_a_strong_etag_it_begins_anew(cdn: Cdn, file: PartialFile, etag: str):
    cdn.etag = etag
    cdn.cuts = [CUT]
    await download(cdn, file)

    assert is_whole(file)
    assert cdn.asked == [("", "")] * 2


async def test_a_file_that_is_too_short_is_not_whole(cdn: Cdn, file: PartialFile):
    """Content-Length promises more than comes, each time."""
    cdn.cuts = [len(FILM) - 1, 0]
    with pytest.raises(Unknown):
        await download(cdn, file)

    assert not file.is_whole


async def test_a_chunked_answer_needs_no_length(cdn: Cdn, file: PartialFile):
    cdn.says_length = False
    await download(cdn, file)

    assert is_whole(file)


async def test_a_chunked_answer_that_breaks_is_not_taken_for_its_end(cdn: Cdn, file: PartialFile):
    cdn.says_length = False
    cdn.cuts = [CUT]
    await download(cdn, file)

    assert is_whole(file)
    assert len(cdn.asked) == 2


async def test_an_answer_whose_end_looks_like_a_break_is_refused(file: PartialFile):
    """Neither a length nor chunks, as HTTP/1.0 did."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf a film")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        cdn = Cdn(b"", url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/film.mp4")
        with pytest.raises(Unknown, match="sent neither a length nor chunks"):
            await download(cdn, file)


@pytest.mark.parametrize("says_length", [True, False])
async def test_a_file_that_is_too_large_is_refused(cdn: Cdn, file: PartialFile, says_length: bool):
    cdn.says_length = says_length
    with pytest.raises(FileTooLarge):
        await download(cdn, file, replace(ClientSettings(), max_transfer_bytes=MIB))

    assert file.size <= (0 if says_length else MIB)
    assert file.path.stat().st_size == file.size


async def test_a_stalled_transfer_is_given_up_and_what_came_stays(cdn: Cdn, file: PartialFile):
    cdn.stalls_after = MIB
    with pytest.raises(Unknown):
        await download(cdn, file, HURRIED)

    assert file.size == MIB
    assert len(cdn.asked) == 2  # the second try brought nothing


async def test_a_server_error_is_told_at_once(cdn: Cdn, file: PartialFile):
    cdn.statuses = [502]
    with pytest.raises(Unknown):
        await download(cdn, file)

    assert len(cdn.asked) == 1


async def test_memory_does_not_grow_with_the_file(file: PartialFile):
    size = 64 * MIB
    async with cdn_running(Cdn(bytes(size))) as cdn:
        tracemalloc.start()
        try:
            await download(cdn, file)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert file.size == size
    assert peak < 8 * MIB  # the CDN's own buffers included
