"""The gateway's encodings: zlib-stream, zstd-stream, payloads packed one by one, plain text; the rest is refused."""

import json
import zlib

import aiohttp
import pytest
import zstandard
from discord import utils
from discord_simulator.tokens import user_token

from tests.simulator.conftest import Discord
from tests.simulator.discord_client import logged_in


@pytest.mark.parametrize("compress", ["zlib-stream", "zstd-stream"])
async def test_a_stream_has_one_context_and_each_payload_can_be_read_at_once(discord: Discord, compress: str):
    async with discord.connect(compress) as client:
        await client.identify()
        for number in range(20):
            await discord.sim("messages", {"account": 1, "content": f"message {number}"})
            assert (await client.event("MESSAGE_CREATE"))["d"]["content"] == f"message {number}"

    assert all(isinstance(frame, bytes) for frame in client.frames)
    assert len(client.frames) == len(client.seen)
    assert len(client.frames[-1]) < len(json.dumps(client.seen[-1])) / 4  # what was said before is not said again


async def test_a_zstd_stream_is_one_frame_that_never_ends(discord: Discord):
    async with discord.connect("zstd-stream") as client:
        await client.identify()
    whole = b"".join(frame for frame in client.frames if isinstance(frame, bytes))
    text = zstandard.ZstdDecompressor().decompressobj().decompress(whole)

    assert zstandard.get_frame_parameters(whole).window_size <= 8 << 20  # what every decoder allows
    assert text.count(b'"op"') == len(client.frames)
    with pytest.raises(zstandard.ZstdError):
        zstandard.ZstdDecompressor().decompress(whole)


async def test_the_library_reads_zstd(discord: Discord):
    """discord.py-self asks for it wherever it finds a decompressor, as on Python 3.14."""
    assert utils._ActiveDecompressionContext.COMPRESSION_TYPE == "zstd-stream"
    async with logged_in(discord.simulator.url) as client:
        for number in range(20):
            await discord.sim("messages", {"account": 1, "content": f"message {number}", "bot": "mj"})
        while (await client.raw_event("MESSAGE_CREATE"), len(client.raw))[1] < 20:
            await discord.sim("messages", {"account": 1, "content": "more", "bot": "mj"})

    assert [data["content"] for _, data in client.raw[:20]] == [f"message {number}" for number in range(20)]


async def test_zstd_payloads_come_whole_although_frames_are_split(discord: Discord):
    """Only zlib-stream marks the end of a payload."""
    await discord.fault("FrameSplit", times=None)
    async with discord.connect("zstd-stream") as client:
        await client.identify()

    assert len(client.frames) == len(client.seen)


async def test_identifys_compress_packs_large_payloads_only(discord: Discord):
    async with discord.connect() as client:
        await client.identify_with(user_token(1), compress=True)
        await discord.sim("messages", {"account": 1, "content": "short"})
        await client.event("MESSAGE_CREATE")
    hello, ready, message = client.frames

    assert isinstance(hello, str)
    assert isinstance(ready, bytes)
    assert json.loads(zlib.decompress(ready))["t"] == "READY"
    assert isinstance(message, str)


async def test_identifys_compress_does_not_pack_a_stream_again(discord: Discord):
    async with discord.connect("zstd-stream") as client:
        await client.identify_with(user_token(1), compress=True)

    assert [payload["t"] for payload in client.seen] == [None, "READY"]


@pytest.mark.parametrize("query", ["compress=brotli", "encoding=etf", "encoding=json&compress=gzip"])
async def test_another_encoding_is_refused_at_the_handshake(discord: Discord, query: str):
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await discord.http.ws_connect(f"{discord.simulator.gateway_url}?{query}")

    assert refused.value.status == 400


@pytest.mark.parametrize("query", ["", "?v=6", "?v=7", "?v=8", "?v=9", "?v=10", "?v=9&encoding=json&compress="])
async def test_versions_six_to_ten_are_served_and_ready_tells_which(discord: Discord, query: str):
    async with discord.http.ws_connect(discord.simulator.gateway_url + query) as socket:
        await socket.receive_json()
        await socket.send_json({"op": 2, "d": {"token": user_token(1)}})
        ready = await socket.receive_json()

    assert ready["d"]["v"] == (int(query[3:].partition("&")[0]) if query else 9)


@pytest.mark.parametrize("version", ["5", "11", "x", "9" * 5000], ids=["5", "11", "x", "endless"])
async def test_another_version_is_closed_with_4012(discord: Discord, version: str):
    async with discord.http.ws_connect(f"{discord.simulator.gateway_url}?v={version}") as socket:
        await socket.receive()

    assert socket.close_code == 4012
