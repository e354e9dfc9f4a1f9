"""What anybody does with discord.py-self, by the library's own methods, unchanged."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import discord as discord_py
import pytest

from tests.simulator.conftest import MJ, Discord
from tests.simulator.discord_client import LocalClient, logged_in
from tests.support.processes import PATIENCE_SECONDS

USER, GUILD, CHANNEL = 100000000000000001, 200000000000000001, 300000000000000001


@pytest.fixture
async def client(discord: Discord) -> AsyncIterator[LocalClient]:
    async with logged_in(discord.simulator.url) as client:
        yield client


@pytest.fixture
def channel(client: LocalClient) -> discord_py.TextChannel:
    return client.guilds[0].text_channels[0]


async def test_it_fetches_users_and_their_profiles(client: LocalClient):
    bot, own = await client.fetch_user(int(MJ)), await client.fetch_user(USER)
    profile = await client.fetch_user_profile(int(MJ), with_mutual_friends=True)
    own_profile = await own.profile()

    assert (bot.name, bot.bot, own.name) == ("Midjourney Bot", True, "user1")
    assert [guild.id for guild in profile.mutual_guilds or []] == [GUILD]
    assert (own_profile.id, own_profile.bio) == (USER, None)
    with pytest.raises(discord_py.NotFound) as unknown:
        await client.fetch_user(1)
    assert unknown.value.code == 10013


async def test_it_fetches_servers_channels_and_members(client: LocalClient):
    guild = await client.fetch_guild(GUILD)
    listed = await client.fetch_guilds()
    channels = await guild.fetch_channels()
    member = await guild.fetch_member(int(MJ))
    place = await client.fetch_channel(CHANNEL)
    dms = await client.fetch_private_channels()

    assert (guild.name, guild.owner_id, guild.approximate_member_count) == ("server1", USER, 3)
    assert [(g.id, g.owner) for g in listed] == [(GUILD, True)]
    assert [c.id for c in channels] == [CHANNEL] == [place.id]
    assert member.name == "Midjourney Bot"
    assert sorted(dm.id for dm in dms) == [400000000000000001, 500000000000000001]
    with pytest.raises(discord_py.NotFound) as unknown:
        await client.fetch_guild(1)
    assert unknown.value.code == 10004


async def test_it_sends_edits_and_deletes_its_own_message(client: LocalClient, channel: discord_py.TextChannel):
    message = await channel.send("hello")
    reply = await message.reply("and more")
    edited = await message.edit(content="hello again")
    fetched = await channel.fetch_message(message.id)
    await message.delete()

    assert (reply.reference and reply.reference.message_id, reply.type) == (message.id, discord_py.MessageType.reply)
    assert edited.content == fetched.content == "hello again"
    assert fetched.edited_at
    with pytest.raises(discord_py.NotFound):
        await channel.fetch_message(message.id)


async def test_it_cannot_edit_the_bots_message(discord: Discord, client: LocalClient, channel: discord_py.TextChannel):
    posted = await discord.sim("messages", {"account": 1, "content": "job", "bot": "mj"})
    with pytest.raises(discord_py.Forbidden) as refused:
        await channel.get_partial_message(int(posted["id"])).edit(content="mine")

    assert refused.value.code == 50005


async def test_it_reacts_and_takes_it_back(client: LocalClient, channel: discord_py.TextChannel):
    message = await channel.send("hello")
    await message.add_reaction("🦊")
    await message.add_reaction("🐇")
    seen = await channel.fetch_message(message.id)
    users = [user async for user in seen.reactions[0].users()]
    await message.remove_reaction("🦊", users[0])
    left = await channel.fetch_message(message.id)
    await message.clear_reaction("🐇")
    await message.clear_reactions()
    none = await channel.fetch_message(message.id)

    assert [(str(r.emoji), r.count, r.me) for r in seen.reactions] == [("🦊", 1, True), ("🐇", 1, True)]
    assert [user.id for user in users] == [USER]
    assert [str(r.emoji) for r in left.reactions] == ["🐇"]
    assert none.reactions == []


async def test_it_pins_and_lists_pins(client: LocalClient, channel: discord_py.TextChannel):
    message = await channel.send("hello")
    await message.pin()
    pins = [pin async for pin in channel.pins()]
    await message.unpin()
    later = [pin async for pin in channel.pins()]

    assert [pin.id for pin in pins] == [message.id]
    assert later == []


async def test_it_types_acknowledges_and_opens_a_dm(client: LocalClient, channel: discord_py.TextChannel):
    message = await channel.send("hello")
    async with channel.typing():
        await message.ack()
    dm = await (await client.fetch_user(int(MJ))).create_dm()
    history = [m.content async for m in channel.history(limit=10)]

    assert dm.id == 400000000000000001
    assert history == ["hello"]


async def test_it_searches_messages(client: LocalClient, channel: discord_py.TextChannel):
    for content in ("a red fox", "a blue fox", "a red hare"):
        await channel.send(content)
    red = [m.content async for m in channel.search("red", limit=10)]
    foxes = [m.content async for m in client.guilds[0].search("FOX", limit=10)]

    assert red == ["a red hare", "a red fox"]
    assert foxes == ["a blue fox", "a red fox"]


async def test_it_reads_what_clients_read_at_their_start(client: LocalClient):
    assert await client.fetch_relationships() == []
    assert await client.fetch_notes() == {}
    assert await client.fetch_note(int(MJ)) is None
    assert await client.fetch_connections() == []
    assert (await client.user_affinities()) == []
    assert (await client.guild_affinities()) == []
    assert (await client.fetch_experiments()) == []


async def test_it_finds_commands_by_search_and_index(client: LocalClient, channel: discord_py.TextChannel):
    found = await client.http.search_application_commands(channel.id, 1, query="im", include_applications=True)
    own = await client.http.get_application_commands(int(MJ))
    listed = await channel.application_commands()

    assert {command["name"] for command in found["application_commands"]} == {"imagine"}
    assert "imagine" in {command["name"] for command in own}
    assert "imagine" in {command.name for command in listed}


@asynccontextmanager
async def started(call: Coroutine[Any, Any, Any]) -> AsyncIterator[None]:
    """Let the library act without waiting for what it gives.

    It misses a success that comes before the answer to its POST, and every one that comes after a modal.
    """
    task = asyncio.ensure_future(call)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_it_invokes_a_command_presses_a_button_and_answers_a_form(
    discord: Discord, client: LocalClient, channel: discord_py.TextChannel
):
    commands = await channel.application_commands()
    imagine: Any = next(c for c in commands if c.name == "imagine" and str(c.application_id) == MJ)
    async with started(imagine(channel, prompt="a red fox")):
        final = await client.raw_event("MESSAGE_CREATE", "attachments")
        await client.raw_events("INTERACTION_SUCCESS", 1)
    message = await channel.fetch_message(int(final["id"]))
    rows: Any = message.components
    buttons = {button.label: button for row in rows for button in row.children}
    async with started(buttons["again"].click()):
        await client.raw_events("INTERACTION_SUCCESS", 2)
    opened = asyncio.ensure_future(client.wait_for("modal", timeout=PATIENCE_SECONDS))
    async with started(buttons["modal"].click()):
        modal: Any = await opened
        await client.raw_events("INTERACTION_SUCCESS", 3)
    modal.components[0].children[0].answer("a blue fox")
    async with started(modal.submit()):
        await client.raw_events("INTERACTION_SUCCESS", 4)

    heard = discord.bot.heard
    assert [i.options.get("prompt") or i.custom_id for i in heard[:3]] == ["a red fox", "small::again", "small::modal"]
    assert heard[3].fields == {"small::prompt": "a blue fox"}
