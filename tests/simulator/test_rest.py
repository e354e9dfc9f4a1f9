"""The rest of the REST API: history, messages, reactions, DMs, the CDN, refusals."""

import re
from typing import Any

import pytest
from discord_simulator.tokens import user_token

from tests.simulator.conftest import MJ, NIJI, Discord
from tests.simulator.small_bot import png

CHANNEL = "/api/v9/channels/300000000000000001"


async def say(discord: Discord, *contents: str) -> list[dict[str, Any]]:
    return [await discord.sim("messages", {"account": 1, "content": content}) for content in contents]


async def send_picture(discord: Discord) -> dict[str, Any]:
    """Upload a picture and post it; give the message."""
    body = {"files": [{"filename": "x.png", "file_size": len(png()), "id": "0"}]}
    _, reserved = await discord.call("POST", CHANNEL + "/attachments", json=body)
    slot = reserved["attachments"][0]
    async with discord.http.put(slot["upload_url"], data=png()) as response:
        assert response.status == 200
    attachment = {"id": "0", "filename": "x.png", "uploaded_filename": slot["upload_filename"]}
    _, message = await discord.call("POST", CHANNEL + "/messages", json={"content": "", "attachments": [attachment]})
    assert isinstance(message, dict)
    return message


async def download(discord: Discord, url: str) -> tuple[int, bytes]:
    async with discord.http.get(url) as response:
        return response.status, await response.read()


async def test_history_is_newest_first_and_pages_by_id(discord: Discord):
    ids = [message["id"] for message in await say(discord, "a", "b", "c", "d")]

    async def page(query: str) -> str:
        _, messages = await discord.call("GET", f"{CHANNEL}/messages?{query}")
        return "".join(message["content"] for message in messages)

    assert await page("limit=50") == "dcba"
    assert await page("limit=2") == "dc"
    assert await page(f"limit=2&before={ids[3]}") == "cb"
    assert await page(f"limit=2&after={ids[0]}") == "cb"
    assert await page(f"limit=1&around={ids[1]}") == "b"


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "before=x"])
async def test_a_history_query_out_of_range_is_refused(discord: Discord, query: str):
    assert (await discord.call("GET", f"{CHANNEL}/messages?{query}"))[0] == 400


async def test_both_api_versions_are_served(discord: Discord):
    await say(discord, "a")

    assert (await discord.call("GET", f"{CHANNEL.replace('v9', 'v10')}/messages?limit=1"))[1][0]["content"] == "a"


async def test_one_message_can_be_read_until_it_is_deleted(discord: Discord):
    message = (await say(discord, "a"))[0]
    world = discord.simulator.world
    before = await discord.call("GET", f"{CHANNEL}/messages/{message['id']}")
    world.delete(world.accounts[0].channel.messages[message["id"]])
    after = await discord.call("GET", f"{CHANNEL}/messages/{message['id']}")

    assert (before[0], before[1]["content"]) == (200, "a")
    assert (after[0], after[1]["code"]) == (404, 10008)


async def test_an_own_message_comes_back_with_its_nonce(discord: Discord):
    async with discord.connect() as client:
        await client.identify()
        status, message = await discord.call("POST", CHANNEL + "/messages", json={"content": "hi", "nonce": "9"})
        event = (await client.event("MESSAGE_CREATE"))["d"]

    assert (status, message["nonce"], event["nonce"], event["author"]["id"]) == (200, "9", "9", "100000000000000001")


async def test_an_empty_message_is_refused(discord: Discord):
    assert (await discord.call("POST", CHANNEL + "/messages", json={"content": ""}))[1]["code"] == 50006


async def test_a_posted_picture_gets_a_signed_link_and_its_size(discord: Discord):
    attachment = (await send_picture(discord))["attachments"][0]

    assert (attachment["width"], attachment["height"], attachment["content_type"]) == (8, 4, "image/png")
    signed = re.search(r"/attachments/\d+/\d+/x\.png\?ex=([0-9a-f]+)&is=([0-9a-f]+)&hm=[0-9a-f]+&$", attachment["url"])
    assert signed
    assert int(signed[1], 16) - int(signed[2], 16) == 86_400
    assert await download(discord, attachment["url"]) == (200, png())
    assert await download(discord, attachment["proxy_url"]) == (200, png())


@pytest.mark.parametrize("spoil", [lambda u: u.replace("hm=", "hm=0"), lambda u: u.partition("?")[0]])
async def test_a_link_with_a_wrong_signature_is_gone(discord: Discord, spoil):
    url = (await send_picture(discord))["attachments"][0]["url"]

    assert await download(discord, spoil(url)) == (404, b"This content is no longer available.")


@pytest.mark.parametrize("how", ["expired by its time", "expired by control"])
async def test_an_expired_link_is_gone_and_a_re_read_gives_a_good_one(discord: Discord, how: str):
    options = discord.simulator.world.options
    options.link_lifetime_seconds = -1 if "time" in how else 86_400
    message = await send_picture(discord)
    options.link_lifetime_seconds = 86_400
    if "control" in how:
        await discord.sim("links/expire", {})
    _, again = await discord.call("GET", f"{CHANNEL}/messages/{message['id']}")

    assert (await download(discord, message["attachments"][0]["url"]))[0] == 404
    assert (await download(discord, again["attachments"][0]["url"]))[0] == 200


async def test_the_bot_reads_good_links_of_the_simulator_only(discord: Discord):
    url = (await send_picture(discord))["attachments"][0]["url"]
    fetch = discord.simulator.world.fetch_picture

    assert fetch(url) == fetch(f"<{url}>") == png()
    assert fetch("https://example.invalid/x.png") is None
    assert fetch(url.replace("hm=", "hm=0")) is None


async def test_an_upload_of_another_size_than_announced_is_refused(discord: Discord):
    body = {"files": [{"filename": "x.png", "file_size": 5, "id": "0"}]}
    _, reserved = await discord.call("POST", CHANNEL + "/attachments", json=body)
    async with discord.http.put(reserved["attachments"][0]["upload_url"], data=b"four") as response:
        assert response.status == 400


@pytest.mark.parametrize(("size", "status"), [(0, 400), (26 << 20, 413)])
async def test_a_file_size_out_of_range_is_refused(discord: Discord, size: int, status: int):
    body = {"files": [{"filename": "x.png", "file_size": size, "id": "0"}]}

    assert (await discord.call("POST", CHANNEL + "/attachments", json=body))[0] == status


async def test_a_dm_is_found_by_its_bot(discord: Discord):
    found = await discord.call("POST", "/api/v9/users/@me/channels", json={"recipients": [MJ]})
    missing = await discord.call("POST", "/api/v9/users/@me/channels", json={"recipients": ["1"]})

    assert (found[0], found[1]["id"], found[1]["type"]) == (200, "400000000000000001", 1)
    assert (missing[0], missing[1]["code"]) == (400, 50033)


async def test_a_reaction_is_announced_and_seen_by_the_bot(discord: Discord):
    message = (await say(discord, "a"))[0]
    async with discord.connect() as client:
        await client.identify()
        path = f"{CHANNEL}/messages/{message['id']}/reactions/%E2%9C%89%EF%B8%8F/%40me?location=Message&type=0"
        status, _ = await discord.call("PUT", path)
        reaction = (await client.event("MESSAGE_REACTION_ADD"))["d"]
        answer = (await client.event("MESSAGE_CREATE"))["d"]

    assert (status, reaction["emoji"]["name"], answer["content"]) == (204, "✉️", "seen ✉️")


INDEXES = ("users/@me", "guilds/200000000000000001", "channels/300000000000000001")
BOTH = {MJ, NIJI}


async def index_of(discord: Discord, place: str) -> tuple[set[str], set[str]]:
    """Read a command index: whose applications it names, and whose commands it lists."""
    _, index = await discord.call("GET", f"/api/v9/{place}/application-command-index")
    applications = {application["id"] for application in index["applications"]}
    return applications, {command["application_id"] for command in index["application_commands"]}


@pytest.mark.parametrize(("bots", "there"), [("both", BOTH), ("mj", {MJ}), ("niji", {NIJI})])
async def test_the_command_index_lists_the_bots_that_are_installed(discord: Discord, bots: str, there: set[str]):
    await discord.sim("accounts/1", {"bots": bots})

    assert [await index_of(discord, place) for place in INDEXES] == [(there, there)] * 3


@pytest.mark.parametrize("bots", ["both", "mj", "niji"])
async def test_a_dms_command_index_lists_that_bot_only(discord: Discord, bots: str):
    await discord.sim("accounts/1", {"bots": bots})

    assert await index_of(discord, "channels/400000000000000001") == ({MJ}, {MJ})
    assert await index_of(discord, "channels/500000000000000001") == ({NIJI}, {NIJI})


async def test_the_command_index_of_a_server_that_the_account_is_not_in_is_refused(discord: Discord):
    path = "/api/v9/guilds/200000000000000002/application-command-index"

    assert (await discord.call("GET", path))[1]["code"] == 10004


async def test_a_revoked_token_is_unauthorized_everywhere(discord: Discord):
    async with discord.connect() as client:
        await client.identify()
        await discord.sim("accounts/1", {"access": "revoked"})
        assert await client.close_code() == 4004

    for path in ("/api/v9/users/@me", "/api/v9/users/@me/billing/country-code", CHANNEL + "/messages"):
        assert await discord.call("GET", path) == (401, {"message": "401: Unauthorized", "code": 0})


async def test_an_unverified_account_may_read_and_not_act(discord: Discord):
    await discord.sim("accounts/1", {"access": "unverified"})

    assert (await discord.call("GET", "/api/v9/users/@me"))[0] == 200
    assert (await discord.call("GET", "/api/v9/users/@me/billing/country-code"))[1]["code"] == 40002
    assert (await discord.interact(discord.imagine()))[1]["code"] == 40002


async def test_a_body_that_is_no_json_object_is_refused_in_discords_words(discord: Discord):
    for body in (b"{", b"[]", b""):
        assert (await discord.call("POST", "/api/v9/interactions", data=body))[1]["code"] == 50109


async def test_json_answers_carry_no_charset(discord: Discord):
    headers = {"Authorization": user_token(1)}
    async with discord.http.get(discord.simulator.url + "/api/v9/users/@me", headers=headers) as response:
        assert response.headers["Content-Type"] == "application/json"


async def test_an_unknown_path_is_a_404_in_json(discord: Discord):
    assert await discord.call("GET", "/api/v9/nothing") == (404, {"message": "404: Not Found", "code": 0})
