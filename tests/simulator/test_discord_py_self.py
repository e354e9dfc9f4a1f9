"""The client library that Midway uses, unchanged, over real sockets."""

import asyncio
import io
from typing import Any

import discord as discord_py
import pytest
from discord_simulator.tokens import user_token

from tests.simulator.conftest import MJ, Discord
from tests.simulator.discord_client import LocalClient, logged_in
from tests.simulator.small_bot import png
from tests.support.processes import PATIENCE_SECONDS


def server_channel(client: LocalClient) -> discord_py.TextChannel:
    return client.guilds[0].text_channels[0]


async def interact(client: LocalClient, kind: int, data: dict[str, Any], **more: Any) -> None:
    """Post an interaction without the library's own wrapper, as Midway does."""
    channel = server_channel(client)
    body = {
        "type": kind,
        "application_id": MJ,
        "channel_id": str(channel.id),
        "guild_id": str(channel.guild.id),
        "session_id": client._connection.session_id,
        "nonce": str(len(client.raw) + 1),
        "data": data,
    }
    await client.http.request(discord_py.http.Route("POST", "/interactions"), json=body | more)


async def imagine(client: LocalClient) -> None:
    commands = await server_channel(client).application_commands()
    command: Any = next(command for command in commands if command.name == "imagine")
    async with asyncio.timeout(PATIENCE_SECONDS):
        interaction = await command(server_channel(client), prompt="a red fox")
    assert interaction.successful


async def test_it_logs_in_and_knows_its_server_channel_and_dms(discord: Discord):
    async with logged_in(discord.simulator.url, 2) as client:
        user, channel = client.user, server_channel(client)
        dms = [dm.id for dm in client.private_channels]

    assert user
    assert user.id == 100000000000000002
    assert (channel.id, channel.guild.name) == (300000000000000002, "server2")
    assert sorted(dms) == [400000000000000002, 500000000000000002]


async def test_it_finds_the_commands_in_a_server_and_in_a_dm(discord: Discord):
    async with logged_in(discord.simulator.url) as client:
        in_server = await server_channel(client).application_commands()
        in_dm = await client.private_channels[0].application_commands()

    assert "imagine" in {command.name for command in in_server}
    assert "show" in {command.name for command in in_dm}


async def test_its_slash_command_is_accepted_and_answered(discord: Discord):
    async with logged_in(discord.simulator.url) as client:
        await imagine(client)
        final = await client.raw_event("MESSAGE_CREATE", "attachments")

    assert final["content"] == "**a red fox** - <@100000000000000001> (fast)"
    assert discord.bot.heard[0].options == {"prompt": "a red fox"}


async def test_its_button_press_opens_a_modal_and_its_submit_is_accepted(discord: Discord):
    async with logged_in(discord.simulator.url) as client:
        await imagine(client)
        final = await client.raw_event("MESSAGE_CREATE", "attachments")
        press = {"component_type": 2, "custom_id": "small::modal"}
        await interact(client, 3, press, message_id=final["id"], message_flags=0)
        modal = await client.raw_event("INTERACTION_MODAL_CREATE")
        field = {"type": 4, "custom_id": "small::prompt", "value": "a blue fox"}
        submit = {
            "id": modal["id"],
            "custom_id": modal["custom_id"],
            "components": [{"type": 1, "components": [field]}],
        }
        await interact(client, 5, submit)

    assert discord.bot.heard[-1].fields == {"small::prompt": "a blue fox"}


async def test_its_raw_events_show_the_iframe_that_it_has_no_parser_for(discord: Discord):
    async with logged_in(discord.simulator.url) as client:
        await imagine(client)
        final = await client.raw_event("MESSAGE_CREATE", "attachments")
        await interact(client, 3, {"component_type": 2, "custom_id": "small::iframe"}, message_id=final["id"])
        iframe = await client.raw_event("INTERACTION_IFRAME_MODAL_CREATE")

    assert (iframe["custom_id"], iframe["application"]["id"]) == ("MJ::iframe::token-1", MJ)


async def test_its_upload_is_stored_and_posted(discord: Discord):
    async with logged_in(discord.simulator.url) as client:
        file = discord_file("x.png")
        [uploaded] = await server_channel(client).upload_files(file)
        message = await server_channel(client).send(file=uploaded)
        content = await message.attachments[0].read()

    assert content == png()


def discord_file(name: str) -> discord_py.File:
    return discord_py.File(io.BytesIO(png()), name)


async def test_it_reads_the_history_and_one_message(discord: Discord):
    posted = [await discord.sim("messages", {"account": 1, "content": c, "bot": "mj"}) for c in "abc"]
    async with logged_in(discord.simulator.url) as client:
        history = [message.content async for message in server_channel(client).history(limit=2)]
        one = await server_channel(client).fetch_message(int(posted[0]["id"]))

    assert (history, one.content) == (["c", "b"], "a")


async def test_its_reaction_in_the_dm_reaches_the_bot(discord: Discord):
    posted = await discord.sim("messages", {"account": 1, "content": "job", "bot": "mj", "dm": True})
    async with logged_in(discord.simulator.url) as client:
        dm = client.get_channel(int(posted["channel_id"]))
        assert isinstance(dm, discord_py.DMChannel)
        await dm.get_partial_message(int(posted["id"])).add_reaction("✉️")
        answers = [message.content async for message in dm.history(limit=1)]

    assert answers == ["seen ✉️"]


async def test_after_a_dropped_socket_it_resumes_and_gets_what_it_missed(discord: Discord):
    async with logged_in(discord.simulator.url) as client:
        session = client._connection.session_id
        await discord.fault("SocketDropped", event="MESSAGE_CREATE")
        await discord.sim("messages", {"account": 1, "content": "missed", "bot": "mj"})
        missed = await client.raw_event("MESSAGE_CREATE")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await client.resumed.wait()

        assert (missed["content"], client._connection.session_id) == ("missed", session)


@pytest.mark.parametrize("code", [4004, 4010])
async def test_a_final_close_code_ends_its_connection(discord: Discord, code: int):
    client = LocalClient(discord.simulator.url)
    await client.login(user_token(1))
    await discord.fault("IdentifyRefused", code=code)

    with pytest.raises(discord_py.ConnectionClosed) as closed:
        await client.connect()
    assert (closed.value.code, client.is_closed()) == (code, True)
