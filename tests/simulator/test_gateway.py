"""The gateway as Discord documents it: handshake, compression, resume, who hears what."""

import json
from typing import Any

import pytest
from discord_simulator.tokens import user_token
from discord_simulator.users import MJ_BOT, NIJI_BOT

from tests.simulator.conftest import Discord

MJ_NAME, NIJI_NAME = MJ_BOT.username, NIJI_BOT.username


async def test_hello_comes_first_and_names_the_heartbeat_interval(discord: Discord):
    async with discord.connect() as client:
        hello = await client.payload(bool)

    assert hello == {"op": 10, "s": None, "t": None, "d": {"heartbeat_interval": 41250, "_trace": []}}


@pytest.mark.parametrize("compress", [None, "zlib-stream", "zstd-stream"])
async def test_ready_describes_the_account_with_or_without_compression(discord: Discord, compress: str | None):
    async with discord.connect(compress) as client:
        ready = await client.identify(2)

    assert ready["user"]["id"] == "100000000000000002"
    assert ready["guilds"][0]["channels"][0]["id"] == "300000000000000002"
    assert [dm["id"] for dm in ready["private_channels"]] == ["400000000000000002", "500000000000000002"]
    assert ready["resume_gateway_url"] == discord.simulator.gateway_url


async def test_a_wrong_token_is_closed_with_4004(discord: Discord):
    async with discord.connect() as client:
        await client.send(2, {"token": "nobody"})

        assert await client.close_code() == 4004


@pytest.mark.parametrize("payload", ["{", "[]", "{}", '{"op": 2}', '{"op": 6, "d": 1}', '{"op": [2]}', '{"op": {}}'])
async def test_a_payload_without_sense_is_closed_with_4002(discord: Discord, payload: str):
    async with discord.connect() as client:
        await client.socket.send_str(payload)

        assert await client.close_code() == 4002


async def test_a_heartbeat_is_acknowledged(discord: Discord):
    async with discord.connect() as client:
        await client.send(1, None)

        assert (await client.payload(lambda p: p["op"] == 11))["d"] is None


async def test_a_client_without_heartbeat_is_closed_with_4009(discord: Discord):
    discord.simulator.world.options.heartbeat_interval_ms = 20
    async with discord.connect() as client:
        await client.identify()

        assert await client.close_code() == 4009


async def test_resume_replays_exactly_what_was_missed(discord: Discord):
    async with discord.connect() as first:
        await first.identify()
        await discord.fault("SocketDropped")
        await first.close_code()
    await discord.sim("messages", {"account": 1, "content": "one"})
    await discord.sim("messages", {"account": 1, "content": "two"})

    async with discord.connect("zlib-stream") as second:
        await second.resume(first)
        await second.event("RESUMED")

    assert [p["d"]["content"] for p in second.seen if p["t"] == "MESSAGE_CREATE"] == ["one", "two"]
    assert [p["s"] for p in second.seen if p["op"] == 0] == [3, 4, 5]


async def test_resume_of_an_unknown_session_is_refused_as_not_resumable(discord: Discord):
    async with discord.connect() as client:
        await client.send(6, {"token": user_token(1), "session_id": "nobody", "seq": 1})

        assert (await client.payload(lambda p: p["op"] == 9))["d"] is False


async def test_resume_after_more_than_the_buffer_holds_is_refused(discord: Discord):
    discord.simulator.world.options.resume_buffer = 3
    async with discord.connect() as first:
        await first.identify()
    for number in range(4):
        await discord.sim("messages", {"account": 1, "content": str(number)})

    async with discord.connect() as second:
        await second.resume(first)

        assert (await second.payload(lambda p: p["op"] == 9))["d"] is False


async def test_a_session_that_the_client_closed_normally_cannot_be_resumed(discord: Discord):
    async with discord.connect() as first:
        await first.identify()
        await first.socket.close(code=1000)

    async with discord.connect() as second:
        await second.resume(first)

        assert (await second.payload(lambda p: p["op"] == 9))["d"] is False


async def test_a_socket_that_has_a_session_takes_up_no_other(discord: Discord):
    async with discord.connect() as first:
        await first.identify()
    async with discord.connect() as second:
        await second.identify()
        await second.resume(first)

        assert await second.close_code() == 4005


async def test_a_request_for_members_echoes_its_nonce_when_it_is_one(discord: Discord):
    deep = json.loads("[" * 300 + "]" * 300)
    async with discord.connect() as client:
        await client.identify()
        for nonce in ("n1", deep):
            await client.send(8, {"guild_id": "200000000000000001", "query": "", "limit": 1, "nonce": nonce})
        chunks = [(await client.event("GUILD_MEMBERS_CHUNK"))["d"] for _ in range(2)]

    assert [chunk["nonce"] for chunk in chunks] == ["n1", None]


@pytest.mark.parametrize(
    ("asked", "names", "missing"),
    [
        ({"query": "", "limit": 0}, ["user1", MJ_NAME, NIJI_NAME], []),
        ({"query": "USER", "limit": 5}, ["user1"], []),
        ({"query": "", "limit": 1}, ["user1"], []),
        ({"user_ids": ["100000000000000001", "1", 2, [3]]}, ["user1"], ["1", "2", "[3]"]),
        ({"user_ids": "100000000000000001"}, ["user1"], []),
        ({"guild_id": 200000000000000001, "query": ""}, ["user1", MJ_NAME, NIJI_NAME], []),
        ({"query": 5, "limit": "x"}, ["user1", MJ_NAME, NIJI_NAME], []),
    ],
)
async def test_members_are_found_by_name_or_id(
    discord: Discord, asked: dict[str, Any], names: list[str], missing: list[str]
):
    async with discord.connect() as client:
        await client.identify()
        await client.send(8, {"guild_id": "200000000000000001"} | asked)
        chunk = (await client.event("GUILD_MEMBERS_CHUNK"))["d"]

    assert [member["user"]["username"] for member in chunk["members"]] == names
    assert chunk["not_found"] == missing


async def test_an_account_hears_nothing_of_another(discord: Discord):
    async with discord.connect() as one, discord.connect() as two:
        await one.identify(1)
        await two.identify(2)
        await discord.sim("messages", {"account": 1, "content": "for one"})
        await discord.sim("messages", {"account": 2, "content": "for two"})

        assert (await two.event("MESSAGE_CREATE"))["d"]["content"] == "for two"


async def test_interaction_events_go_only_to_the_session_that_the_interaction_names(discord: Discord):
    async with discord.connect() as named, discord.connect() as other:
        await named.identify()
        await other.identify()
        discord.session_id = named.session_id
        await discord.interact(discord.imagine())
        await named.event("INTERACTION_SUCCESS")
        await other.event("MESSAGE_CREATE", lambda data: data["attachments"])

    assert not [p for p in other.seen if str(p["t"]).startswith("INTERACTION")]


SETTINGS = {"id": "1000850743479255081", "version": "1493662068581077053", "name": "settings", "type": 1}


async def test_an_ephemeral_message_reaches_every_session_of_the_user_and_no_history(discord: Discord):
    async with discord.connect() as named, discord.connect() as other, discord.connect() as stranger:
        await named.identify()
        await other.identify()
        await stranger.identify(2)
        discord.session_id = named.session_id
        await discord.interact(discord.frame(2, SETTINGS))
        shown = [(await client.event("MESSAGE_CREATE"))["d"] for client in (named, other)]
        await discord.sim("messages", {"account": 2, "content": "last"})
        await stranger.event("MESSAGE_CREATE", lambda data: data["content"] == "last")

    _, history = await discord.call("GET", "/api/v9/channels/300000000000000001/messages")
    assert shown[0] == shown[1]
    assert (shown[0]["flags"], shown[0]["channel_id"], history) == (64, "300000000000000001", [])
    assert len([payload for payload in stranger.seen if payload["t"] == "MESSAGE_CREATE"]) == 1


async def test_an_ephemeral_message_names_no_guild_whatever_becomes_of_it(discord: Discord):
    world = discord.simulator.world
    async with discord.connect() as client:
        await client.identify()
        await discord.interact(discord.frame(2, SETTINGS))
        created = (await client.event("MESSAGE_CREATE"))["d"]
        message = world.accounts[0].channel.ephemeral[created["id"]]
        world.edit(message, content="changed")
        updated = (await client.event("MESSAGE_UPDATE"))["d"]
        world.delete(message)
        deleted = (await client.event("MESSAGE_DELETE"))["d"]

    assert [data.keys() & {"guild_id", "member"} for data in (created, updated, deleted)] == [set()] * 3


async def test_an_ephemeral_messages_button_can_be_pressed_from_any_session(discord: Discord):
    async with discord.connect() as client:
        await client.identify()
        await discord.interact(discord.frame(2, SETTINGS))
        panel = (await client.event("MESSAGE_CREATE"))["d"]
        press = discord.press(panel["id"], "small::again", message_flags=64, session_id="another")

    assert await discord.interact(press) == (204, None)


async def test_message_events_name_guild_and_member_in_a_server_and_neither_in_a_dm(discord: Discord):
    async with discord.connect() as client:
        await client.identify()
        await discord.sim("messages", {"account": 1, "content": "server", "bot": "mj"})
        await discord.sim("messages", {"account": 1, "content": "dm", "bot": "mj", "dm": True})
        server = (await client.event("MESSAGE_CREATE"))["d"]
        dm = (await client.event("MESSAGE_CREATE"))["d"]

    assert (server["guild_id"], server["member"]["roles"]) == ("200000000000000001", [])
    assert not {"guild_id", "member"} & dm.keys()


WITHOUT_SESSION: list[dict[str, Any]] = [{}, {"session_id": None}, {"session_id": "nobody"}]


@pytest.mark.parametrize("named", WITHOUT_SESSION)
async def test_without_a_known_session_every_session_hears_what_becomes_of_an_interaction(
    discord: Discord, named: dict[str, Any]
):
    body = discord.imagine()
    del body["session_id"]
    async with discord.connect() as one, discord.connect() as two:
        await one.identify()
        await two.identify()
        assert await discord.interact(body | named) == (204, None)
        heard = [(await client.event("INTERACTION_SUCCESS"))["d"]["nonce"] for client in (one, two)]

    assert heard == [body["nonce"]] * 2


@pytest.mark.parametrize("named", WITHOUT_SESSION)
async def test_or_none_does_where_the_option_says_that_it_must_be_known(discord: Discord, named: dict[str, Any]):
    """Which of the two Discord does is not known."""
    await discord.sim("options", {"require_known_session": True})
    body = discord.imagine()
    del body["session_id"]
    async with discord.connect() as client:
        await client.identify()
        assert await discord.interact(body | named) == (204, None)
        await client.event("MESSAGE_DELETE")

    assert not [payload for payload in client.seen if str(payload["t"]).startswith("INTERACTION")]


async def test_what_bots_are_installed_is_announced(discord: Discord):
    async with discord.connect() as client:
        await client.identify()
        await discord.sim("accounts/1", {"bots": "niji"})

        told = await client.event("GUILD_APPLICATION_COMMAND_INDEX_UPDATE")
    assert told["d"] == {"guild_id": "200000000000000001"}


async def test_a_second_identify_is_closed_with_4005(discord: Discord):
    async with discord.connect() as client:
        await client.identify()
        await client.send(2, {"token": user_token(1)})

        assert await client.close_code() == 4005


async def test_the_heartbeat_of_todays_clients_is_acknowledged(discord: Discord):
    async with discord.connect() as client:
        await client.send(40, {"seq": None, "qos": {"ver": 27, "active": True, "reasons": ["foregrounded"]}})

        assert (await client.payload(lambda p: p["op"] == 11))["d"] is None


async def test_stopping_the_simulator_closes_open_sockets_with_1001(discord: Discord):
    async with discord.connect() as client:
        await client.identify()
        await discord.simulator.stop()

        assert await client.close_code() == 1001
