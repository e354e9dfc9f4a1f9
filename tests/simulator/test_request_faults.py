"""Faults of requests: refusals, lost answers, uploads and downloads, a bot that stays silent."""

import asyncio
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
from discord_simulator.tokens import user_token

from tests.simulator.conftest import Discord
from tests.simulator.small_bot import png

CHANNEL = "/api/v9/channels/300000000000000001"


@pytest.mark.parametrize(
    ("name", "fields", "status", "code"),
    [
        ("TokenRefused", {}, 401, 0),
        ("VerificationDemanded", {}, 403, 40002),
        ("AccessLost", {}, 403, 50001),
        ("MessageGone", {}, 404, 10008),
        ("CommandOutdated", {}, 400, 50035),
        ("TooManyRequests", {"is_global": True}, 429, 0),
        ("ServerError", {"status": 502}, 502, 0),
    ],
)
async def test_a_refusal_reaches_neither_discord_nor_the_bot(
    discord: Discord, name: str, fields: dict[str, Any], status: int, code: int
):
    await discord.fault(name, **fields)
    answer = await discord.interact(discord.imagine())

    assert (answer[0], answer[1]["code"]) == (status, code)
    assert discord.bot.heard == []
    assert (await discord.interact(discord.imagine()))[0] == 204


async def test_a_rate_limit_can_lack_its_header_and_a_ban_is_html(discord: Discord):
    url, headers = discord.simulator.url + "/api/v9/interactions", {"Authorization": user_token(1)}
    await discord.fault("TooManyRequests", with_header=False, retry_after=2)
    async with discord.http.post(url, json=discord.imagine(), headers=headers) as limited:
        assert ("Retry-After" in limited.headers, (await limited.json())["retry_after"]) == (False, 2.0)
        assert limited.headers["Via"]
    await discord.fault("CloudflareBan")
    async with discord.http.post(url, json=discord.imagine(), headers=headers) as banned:
        assert (banned.status, banned.content_type, "Via" in banned.headers) == (429, "text/html", False)


async def test_a_captcha_is_demanded_with_its_keys(discord: Discord):
    await discord.fault("CaptchaDemanded")
    status, answer = await discord.interact(discord.imagine())

    assert (status, answer["captcha_key"]) == (400, ["captcha-required"])


async def test_after_accept_the_job_runs_although_the_answer_is_an_error(discord: Discord):
    await discord.fault("ServerErrorAfterAccept", status=504)

    assert (await discord.interact(discord.imagine()))[0] == 504
    assert [i.options["prompt"] for i in discord.bot.heard] == ["a red fox"]
    assert [line["status"] for line in await discord.journal("interaction")] == [204]


async def test_after_accept_the_job_runs_although_no_answer_comes(discord: Discord):
    await discord.fault("TimeOutAfterAccept", seconds=3600)
    async with discord.connect() as client:
        await client.identify()
        discord.session_id = client.session_id
        post = asyncio.ensure_future(discord.interact(discord.imagine()))
        await client.event("MESSAGE_CREATE", lambda data: data["attachments"])

        assert not post.done()
        post.cancel()


@pytest.mark.parametrize("accepted", [True, False])
async def test_a_cut_connection_is_a_client_error(discord: Discord, accepted: bool):
    await discord.fault("ConnectionCut", accepted=accepted)
    with pytest.raises(aiohttp.ClientError):
        await discord.interact(discord.imagine())

    assert len(discord.bot.heard) == accepted


async def test_a_slow_answer_is_the_right_one(discord: Discord):
    await discord.fault("SlowAnswer", seconds=0.01)

    assert (await discord.interact(discord.imagine()))[0] == 204


async def test_the_command_index_can_be_still_warming(discord: Discord):
    await discord.fault("IndexWarming")
    path = "/api/v9/guilds/200000000000000001/application-command-index"

    assert [(await discord.call("GET", path))[0] for _ in range(2)] == [202, 200]


@pytest.mark.parametrize(
    ("name", "events"),
    [("NoEventAfterAccept", []), ("BotNeverAnswers", ["CREATE"]), ("BotTooLate", ["CREATE", "FAILURE"])],
)
async def test_an_accepted_interaction_can_end_in_silence_or_failure(discord: Discord, name: str, events: list[str]):
    await discord.fault(name, name="^imagine$")
    async with discord.connect() as client:
        await client.identify()
        discord.session_id = client.session_id
        await discord.interact(discord.imagine())
        if "FAILURE" in events:
            await client.event("INTERACTION_FAILURE")
        await discord.fault("UnknownOpcode")
        await client.payload(lambda p: p["op"] == 99)

    assert [p["t"].removeprefix("INTERACTION_") for p in client.seen if p["op"] == 0][2:] == events
    assert discord.bot.heard == []


async def reserve(discord: Discord) -> dict[str, Any]:
    body = {"files": [{"filename": "x.png", "file_size": len(png()), "id": "0"}]}
    _, answer = await discord.call("POST", CHANNEL + "/attachments", json=body)
    slot: dict[str, Any] = answer["attachments"][0]
    return slot


async def post_picture(discord: Discord, slot: dict[str, Any]) -> tuple[int, Any]:
    attachment = {"id": "0", "filename": "x.png", "uploaded_filename": slot["upload_filename"]}
    return await discord.call("POST", CHANNEL + "/messages", json={"attachments": [attachment]})


async def test_an_upload_can_be_refused(discord: Discord):
    await discord.fault("UploadRefused")
    slot = await reserve(discord)
    async with discord.http.put(slot["upload_url"], data=png()) as response:
        assert response.status == 403

    assert (await post_picture(discord, slot))[0] == 400


async def test_an_upload_can_be_lost_after_its_200(discord: Discord):
    await discord.fault("UploadLost")
    slot = await reserve(discord)
    async with discord.http.put(slot["upload_url"], data=png()) as response:
        assert response.status == 200

    assert (await post_picture(discord, slot))[0] == 400


@pytest.mark.parametrize(("name", "status"), [("LinkExpired", 404), ("DownloadRefused", 403)])
async def test_a_download_can_be_refused_once(discord: Discord, name: str, status: int):
    slot = await reserve(discord)
    await discord.http.put(slot["upload_url"], data=png())
    url = (await post_picture(discord, slot))[1]["attachments"][0]["url"]
    await discord.fault(name, account=1)
    async with discord.http.get(url) as first, discord.http.get(url) as second:
        assert (first.status, second.status) == (status, 200)


async def test_a_download_can_be_cut_half_way(discord: Discord):
    slot = await reserve(discord)
    await discord.http.put(slot["upload_url"], data=png())
    url = (await post_picture(discord, slot))[1]["attachments"][0]["url"]
    await discord.fault("DownloadTruncated")

    with pytest.raises(aiohttp.ClientPayloadError):
        async with discord.http.get(url) as response:
            await response.read()


async def posted(discord: Discord) -> str:
    """Post a picture; give its link."""
    slot = await reserve(discord)
    await discord.http.put(slot["upload_url"], data=png())
    url: str = (await post_picture(discord, slot))[1]["attachments"][0]["url"]
    return url


async def receive(discord: Discord, url: str, offset: int) -> bytes:
    """Ask for the file from an offset on; give what comes before the connection is cut."""
    got = b""
    async with discord.http.get(url, headers={"Range": f"bytes={offset}-"}) as response:
        assert response.status == 206
        with suppress(aiohttp.ClientPayloadError):
            async for piece in response.content.iter_any():
                got += piece
    return got


async def test_a_download_can_be_cut_again_and_again_and_still_be_put_together(discord: Discord):
    """Each transfer breaks off after so many bytes of the part that it was asked for; the last is short enough."""
    url = await posted(discord)
    await discord.fault("DownloadCut", after_bytes=30, times=None)
    pieces: list[bytes] = []
    while len(b"".join(pieces)) < len(png()):
        pieces.append(await receive(discord, url, len(b"".join(pieces))))

    assert b"".join(pieces) == png()
    assert [len(piece) for piece in pieces[:-1]] == [30] * (len(pieces) - 1)


async def test_a_download_can_be_cut_once(discord: Discord):
    url = await posted(discord)
    await discord.fault("DownloadCut", after_bytes=0)

    assert await receive(discord, url, 0) == b""
    assert await receive(discord, url, 0) == png()


async def test_the_cdn_can_pass_over_the_range(discord: Discord):
    """The whole file comes with 200 although a part was asked for; a client must not append it to what it has."""
    url = await posted(discord)
    await discord.fault("RangeIgnored")
    async with discord.http.get(url, headers={"Range": "bytes=10-"}) as response:
        assert (response.status, await response.read()) == (200, png())
        assert "Content-Range" not in response.headers
        assert response.headers["Content-Length"] == str(len(png()))
