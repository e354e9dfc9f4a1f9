"""A Discord bot of the account's owner in the same channel: what it may hear, read and do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from discord_simulator.intents import Intent
from discord_simulator.tokens import user_token

from tests.simulator.conftest import Discord
from tests.simulator.gateway_client import GatewayClient
from tests.simulator.player import Player

CHANNEL = "/api/v10/channels/300000000000000001"
GUILD = "200000000000000001"
HEARS = Intent.GUILDS | Intent.GUILD_MESSAGES
READS = HEARS | Intent.MESSAGE_CONTENT
SETTINGS = {"id": "1000850743479255081", "version": "1493662068581077053", "name": "settings", "type": 1}


async def listener_of(discord: Discord, account: int = 1) -> dict[str, str]:
    """Put a listener into the account's server; give its user id and token."""
    await discord.sim(f"accounts/{account}", {"has_listener": True})
    _, state = await discord.call("GET", "/__sim/state")
    listener: dict[str, str] = state["accounts"][account - 1]["listener"]
    return listener


@asynccontextmanager
async def listening(discord: Discord, intents: int | None = READS, prefix: str = "") -> AsyncIterator[GatewayClient]:
    """Connect the listener of account 1."""
    async with discord.connect() as client:
        token = prefix + (await listener_of(discord))["token"]
        await client.identify_with(token, intents=intents)
        yield client


async def call(discord: Discord, method: str, path: str, *, prefix: str = "Bot ", **options: Any) -> tuple[int, Any]:
    """Send a request as the listener."""
    headers = {"Authorization": prefix + (await listener_of(discord))["token"]}
    async with discord.http.request(method, discord.simulator.url + path, headers=headers, **options) as answer:
        return answer.status, await answer.json() if answer.content_type == "application/json" else None


def names(client: GatewayClient) -> list[str]:
    return [payload["t"] for payload in client.seen if payload["t"]]


@pytest.mark.parametrize("prefix", ["", "Bot "])
async def test_its_ready_names_its_application_and_a_guild_that_comes_later(discord: Discord, prefix: str):
    async with listening(discord, prefix=prefix) as client:
        guild = (await client.event("GUILD_CREATE"))["d"]
    ready = next(payload["d"] for payload in client.seen if payload["t"] == "READY")

    assert ready["user"]["bot"] is True
    assert ready["application"]["id"] == ready["user"]["id"] == (await listener_of(discord))["user_id"]
    assert ready["guilds"] == [{"id": GUILD, "unavailable": True}]
    assert (ready["private_channels"], ready["relationships"]) == ([], [])
    assert (guild["name"], guild["owner_id"], guild["unavailable"]) == ("server1", "100000000000000001", False)
    assert [channel["id"] for channel in guild["channels"]] == ["300000000000000001"]
    assert len(guild["members"]) == guild["member_count"] == 4
    assert "READY_SUPPLEMENTAL" not in names(client)


async def test_without_the_guilds_intent_it_hears_of_no_guild(discord: Discord):
    async with listening(discord, Intent.GUILD_MESSAGES) as client:
        await discord.sim("messages", {"account": 1, "content": "hi"})
        await client.event("MESSAGE_CREATE")

    assert names(client) == ["READY", "MESSAGE_CREATE"]


async def test_without_intents_for_messages_it_hears_none(discord: Discord):
    async with listening(discord, Intent.GUILDS | Intent.GUILD_MESSAGE_REACTIONS) as client:
        message = await discord.sim("messages", {"account": 1, "content": "hi"})
        path = f"/api/v9/channels/300000000000000001/messages/{message['id']}/reactions/%E2%9C%89/%40me"
        await discord.call("PUT", path)
        await client.event("MESSAGE_REACTION_ADD")

    assert names(client) == ["READY", "GUILD_CREATE", "MESSAGE_REACTION_ADD"]


async def test_it_hears_a_job_from_start_to_picture(discord: Discord):
    async with listening(discord) as client:
        await discord.interact(discord.imagine())
        final = (await client.event("MESSAGE_CREATE", lambda data: data["attachments"]))["d"]
        await client.event("MESSAGE_DELETE")

    assert (final["content"], final["guild_id"]) == ("**a red fox** - <@100000000000000001> (fast)", GUILD)
    assert names(client)[2:] == ["MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_CREATE", "MESSAGE_DELETE"]


async def test_without_the_content_intent_what_others_wrote_is_empty(discord: Discord):
    async with listening(discord, HEARS) as client:
        await discord.interact(discord.imagine())
        await client.event("MESSAGE_DELETE")
    messages = [payload["d"] for payload in client.seen if payload["t"] in ("MESSAGE_CREATE", "MESSAGE_UPDATE")]

    assert len(messages) == 3
    for message in messages:
        emptied = [message[key] for key in ("content", "embeds", "attachments", "components")]
        assert emptied == ["", [], [], []]
    assert messages[-1]["author"]["username"] == "Midjourney Bot"


async def test_without_the_content_intent_it_reads_what_mentions_it(discord: Discord):
    mention = f"<@{(await listener_of(discord))['user_id']}> look"
    async with listening(discord, HEARS) as client:
        await discord.sim("messages", {"account": 1, "content": mention})
        message = (await client.event("MESSAGE_CREATE"))["d"]

    assert message["content"] == mention


async def test_a_pick_hides_the_grid_that_it_answers_too(player: Player):
    """Content is hidden in the message replied to as well."""
    account = player.simulator.world.accounts[0]
    account.has_listener, listener = True, account.listener
    assert listener
    async with GatewayClient(player.client._http, player.simulator.gateway_url) as client:
        await client.identify_with(listener.token, intents=HEARS)
        await player.pick(await player.imagine())
        pick = (await client.event("MESSAGE_CREATE", lambda data: bool(data.get("referenced_message"))))["d"]

    assert (pick["content"], pick["referenced_message"]["content"]) == ("", "")
    assert pick["referenced_message"]["attachments"] == []


async def test_ephemeral_messages_interactions_and_dms_are_not_for_it(discord: Discord):
    async with listening(discord) as client:
        await discord.interact(discord.frame(2, SETTINGS))
        await discord.sim("messages", {"account": 1, "content": "dm", "bot": "mj", "dm": True})
        await discord.sim("messages", {"account": 2, "content": "elsewhere"})
        await discord.sim("messages", {"account": 1, "content": "last"})
        await client.event("MESSAGE_CREATE", lambda data: data["content"] == "last")

    assert names(client) == ["READY", "GUILD_CREATE", "MESSAGE_CREATE"]


@pytest.mark.parametrize(("intents", "code"), [(None, 4013), ("all", 4013), (-1, 4013), (1 << 40, 4013)])
async def test_missing_or_senseless_intents_are_closed(discord: Discord, intents: Any, code: int):
    async with discord.connect() as client:
        await client.send(2, {"token": (await listener_of(discord))["token"], "intents": intents})

        assert await client.close_code() == code


async def test_intents_that_its_application_was_not_given_are_closed_with_4014(discord: Discord):
    await discord.sim("options", {"privileged_intents": False})
    async with discord.connect() as client:
        await client.send(2, {"token": (await listener_of(discord))["token"], "intents": READS})

        assert await client.close_code() == 4014


async def test_a_user_needs_no_intents_and_may_name_some(discord: Discord):
    async with discord.connect() as client:
        await client.identify_with(user_token(1), intents=HEARS)
        await discord.sim("messages", {"account": 1, "content": "dm", "bot": "mj", "dm": True})
        await discord.sim("messages", {"account": 1, "content": "hi"})
        message = (await client.event("MESSAGE_CREATE"))["d"]

    assert (message["guild_id"], message["content"]) == (GUILD, "")


async def test_its_session_can_be_resumed(discord: Discord):
    async with listening(discord) as first:
        pass
    await discord.sim("messages", {"account": 1, "content": "missed"})
    async with discord.connect() as second:
        token = (await listener_of(discord))["token"]
        await second.send(6, {"token": token, "session_id": first.session_id, "seq": first.sequence})
        assert (await second.event("MESSAGE_CREATE"))["d"]["content"] == "missed"
        await second.event("RESUMED")


async def test_it_reads_its_user_the_channel_and_its_messages(discord: Discord):
    posted = await discord.sim("messages", {"account": 1, "content": "hi", "bot": "mj"})
    _, user = await call(discord, "GET", "/api/v10/users/@me")
    _, channel = await call(discord, "GET", CHANNEL)
    _, history = await call(discord, "GET", CHANNEL + "/messages")
    _, message = await call(discord, "GET", f"{CHANNEL}/messages/{posted['id']}")

    assert (user["bot"], channel["id"]) == (True, "300000000000000001")
    assert [m["content"] for m in history] == [message["content"]] == ["hi"]


async def test_it_is_told_where_the_gateway_is_and_how_often_it_may_begin(discord: Discord):
    status, answer = await call(discord, "GET", "/api/v10/gateway/bot")

    assert (status, answer["url"], answer["shards"]) == (200, discord.simulator.gateway_url, 1)
    assert answer["session_start_limit"]["max_concurrency"] == 1


async def test_where_no_listener_was_put_there_is_none(discord: Discord):
    token = (await listener_of(discord))["token"]
    await discord.sim("accounts/1", {"has_listener": False})
    headers = {"Authorization": f"Bot {token}"}
    async with discord.http.get(discord.simulator.url + "/api/v10/users/@me", headers=headers) as answer:
        assert answer.status == 401
    async with discord.connect() as client:
        await client.send(2, {"token": token, "intents": READS})
        assert await client.close_code() == 4004


@pytest.mark.parametrize("prefix", ["", "Bearer ", "bot "])
async def test_its_token_needs_the_word_bot_before_it(discord: Discord, prefix: str):
    assert (await call(discord, "GET", "/api/v10/users/@me", prefix=prefix))[0] == 401


async def test_a_users_token_must_not_have_it(discord: Discord):
    headers = {"Authorization": f"Bot {user_token(1)}"}
    async with discord.http.get(discord.simulator.url + "/api/v9/users/@me", headers=headers) as answer:
        assert answer.status == 401


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("POST", "/api/v10/interactions", 20001),
        ("GET", f"/api/v10/guilds/{GUILD}/application-command-index", 20001),
        ("POST", "/api/v10/users/@me/channels", 20001),
        ("POST", CHANNEL + "/messages", 50013),
        ("GET", "/api/v10/channels/400000000000000001/messages", 50001),
        ("GET", "/api/v10/channels/300000000000000002/messages", 50001),
    ],
)
async def test_what_is_for_users_or_for_members_with_more_rights_is_refused(
    discord: Discord, method: str, path: str, code: int
):
    status, answer = await call(discord, method, path, json={"content": "hi"} if method == "POST" else None)

    assert (status, answer["code"]) == (403, code)


# What hikari 2, discord.py 2 and disnake 2 read without asking whether it is there.
GUILD_FIELDS = {
    "afk_channel_id", "afk_timeout", "application_id", "banner", "default_message_notifications", "description",
    "discovery_splash", "emojis", "explicit_content_filter", "features", "icon", "id", "max_members", "max_presences",
    "max_video_channel_users", "mfa_level", "name", "nsfw_level", "owner_id", "preferred_locale",
    "premium_subscription_count", "premium_tier", "public_updates_channel_id", "roles", "rules_channel_id", "splash",
    "stickers", "system_channel_flags", "system_channel_id", "vanity_url_code", "verification_level",
    "widget_channel_id", "widget_enabled",
}  # fmt: skip
ROLE_FIELDS = {"id", "name", "color", "colors", "hoist", "icon", "unicode_emoji", "position", "permissions", "managed"}
APPLICATION_FIELDS = {
    "approximate_guild_count", "bot_public", "bot_require_code_grant", "cover_image", "description", "flags", "icon",
    "id", "name", "owner", "summary", "team", "verify_key",
}  # fmt: skip
MEMBER_FIELDS = {"avatar", "communication_disabled_until", "deaf", "flags", "joined_at", "mute", "nick", "pending"}


async def test_strict_libraries_find_every_field(discord: Discord):
    async with listening(discord) as client:
        created = (await client.event("GUILD_CREATE"))["d"]
        components = [{"type": 1, "components": [{"type": 2, "style": 2, "label": "U1", "custom_id": "x"}]}]
        await discord.sim("messages", {"account": 1, "content": "a job", "bot": "mj", "components": components})
        message = (await client.event("MESSAGE_CREATE"))["d"]
    _, guild = await call(discord, "GET", f"/api/v10/guilds/{GUILD}")
    _, application = await call(discord, "GET", "/api/v10/oauth2/applications/@me")

    for shown in (created, guild):
        assert shown.keys() >= GUILD_FIELDS
        assert shown["roles"][0].keys() >= ROLE_FIELDS
    assert application.keys() >= APPLICATION_FIELDS
    assert message["member"].keys() >= MEMBER_FIELDS
    assert [(row["id"], row["components"][0]["id"]) for row in message["components"]] == [(1, 2)]


@pytest.mark.parametrize("place", ["", f"/guilds/{GUILD}"])
async def test_it_has_no_commands_of_its_own(discord: Discord, place: str):
    listener = await listener_of(discord)

    assert await call(discord, "GET", f"/api/v10/applications/{listener['user_id']}{place}/commands") == (200, [])
