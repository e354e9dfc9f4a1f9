"""The gateway as Discord documents it: handshake, compression, resume, who hears what."""

import pytest

from tests.simulator.conftest import Discord


async def test_hello_comes_first_and_names_the_heartbeat_interval(discord: Discord):
    async with discord.connect() as client:
        hello = await client.payload(bool)

    assert hello == {"op": 10, "s": None, "t": None, "d": {"heartbeat_interval": 41250, "_trace": []}}


@pytest.mark.parametrize("compress", [None, "zlib-stream"])
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


@pytest.mark.parametrize("payload", ["{", "[]", '{"op": 2}', '{"op": 6, "d": 1}'])
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
        await client.send(6, {"token": "simulator-account-1", "session_id": "nobody", "seq": 1})

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


async def test_an_ephemeral_message_reaches_the_invoking_session_and_no_history(discord: Discord):
    async with discord.connect() as client:
        await client.identify()
        discord.session_id = client.session_id
        settings = {"id": "1000850743479255081", "version": "1493662068581077053", "name": "settings", "type": 1}
        await discord.interact(discord.frame(2, settings))
        shown = (await client.event("MESSAGE_CREATE"))["d"]

    _, history = await discord.call("GET", "/api/v9/channels/300000000000000001/messages")
    assert (shown["flags"], history) == (64, [])


async def test_stopping_the_simulator_closes_open_sockets_with_1001(discord: Discord):
    async with discord.connect() as client:
        await client.identify()
        await discord.simulator.stop()

        assert await client.close_code() == 1001
