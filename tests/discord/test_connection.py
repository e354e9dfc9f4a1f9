"""The client stays connected through everything that passes, and stops at what is final."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from discord_simulator.app import Simulator
from discord_simulator.fault import Fault
from discord_simulator.faults.answers import AccessLost, ServerError
from discord_simulator.faults.handshake import (
    ConnectionRefused,
    HeartbeatUnanswered,
    HelloDelayed,
    IdentifyRefused,
    ReadyDelayed,
    ReadyHuge,
    ResumeRefused,
)
from discord_simulator.faults.sockets import (
    ReconnectAsked,
    SessionInvalidated,
    SocketClosed,
    SocketDropped,
    UnknownEvent,
    UnknownOpcode,
)
from midway.discord.client import DiscordClient
from midway.discord.endpoints import Endpoints
from midway.discord.errors import NotConnected
from midway.discord.event import Connected, Disconnected, MessageCreated, TokenRefused
from midway.domain.ids import GuildId, Nonce, UserId

from tests.discord.connected import CHANNEL, PATIENCE, QUICK, TOKEN, Seen, connected, imagine, running
from tests.support.cycles import errors_in_cycles
from tests.support.downloads import downloaded


async def test_login_tells_whose_token_it_is():
    async with connected() as linked:
        assert linked.seen.events == [Connected(UserId("100000000000000001"), "user1", resumed=False)]
        assert linked.client.is_connected


async def test_hearing_events_leaves_nothing_to_the_garbage_collector():
    async with connected() as linked:
        with errors_in_cycles("curl_cffi") as left:
            await linked.imagine("a red fox")
            await linked.seen.wait(MessageCreated)

    assert left == []


def name_of(fault: Fault) -> str:
    return f"{type(fault).__name__}{getattr(fault, 'code', '')}"


async def test_login_asks_nobody_but_discord():
    """The endpoint guard would have refused the library's third parties, and the journal holds all of the rest."""
    async with connected() as linked:
        assert {line["path"] for line in linked.journal("request")} == {"/api/v9/users/@me"}


@pytest.mark.parametrize(
    "fault",
    [
        SocketDropped(event=""),
        ReconnectAsked(event=""),
        SessionInvalidated(event="", resumable=True),
        *(SocketClosed(event="", code=code) for code in (4000, 4001, 4002, 4003, 4005, 4008)),
    ],
    ids=name_of,
)
async def test_a_broken_socket_is_resumed(fault):
    async with connected() as linked:
        linked.arm(fault)
        await linked.seen.wait(Connected, count=2)

        assert [event.resumed for event in linked.seen.of(Connected)] == [False, True]
        assert len(linked.seen.of(Disconnected)) == 1


async def test_a_resumed_session_misses_no_message():
    async with connected() as linked:
        linked.arm(SocketDropped(event="MESSAGE_CREATE"))
        await linked.imagine("a red fox")

        start = await linked.seen.wait(MessageCreated)
        await linked.seen.wait(Connected, count=2)
        assert "a red fox" in start.message.content
        assert [event.resumed for event in linked.seen.of(Connected)] == [False, True]


@pytest.mark.parametrize(
    "fault",
    [SessionInvalidated(event=""), *(SocketClosed(event="", code=code) for code in (1000, 1001, 4007, 4009))],
    ids=name_of,
)
async def test_a_session_that_discord_ended_is_begun_anew(fault):
    async with connected() as linked:
        linked.arm(fault)
        await linked.seen.wait(Connected, count=2)

        assert [event.resumed for event in linked.seen.of(Connected)] == [False, False]


async def test_a_socket_that_says_nothing_any_more_is_replaced_and_the_session_resumed():
    """A router forgot the connection: no close, no answer to a heartbeat, nothing."""
    async with Simulator(accounts=1) as simulator:
        simulator.world.options.heartbeat_interval_ms = 100
        settings = replace(QUICK, silence_timeout=timedelta(milliseconds=500))
        async with running(simulator, settings=settings) as linked:
            await linked.seen.wait(Connected)
            linked.arm(HeartbeatUnanswered(times=20))
            await linked.seen.wait(Connected, count=2)

            assert [event.resumed for event in linked.seen.of(Connected)][:2] == [False, True]


async def test_a_refused_resume_ends_in_a_new_session():
    async with connected() as linked:
        linked.arm(ResumeRefused())
        linked.arm(SocketDropped(event=""))
        await linked.seen.wait(Connected, count=2)

        assert [event.resumed for event in linked.seen.of(Connected)] == [False, False]


async def test_a_gateway_outage_does_not_cost_the_session():
    """The library begins with a fresh client after it, and still resumes."""
    async with connected() as linked:
        linked.arm(ConnectionRefused(times=3))
        linked.arm(SocketDropped(event=""))
        await linked.seen.wait(Connected, count=2)

        assert [event.resumed for event in linked.seen.of(Connected)] == [False, True]
        assert len(linked.seen.of(Disconnected)) == 1


async def test_interactions_work_after_a_new_session():
    async with connected() as linked:
        linked.arm(SessionInvalidated(event=""))
        await linked.seen.wait(Connected, count=2)
        await linked.imagine("a red fox")

        assert (await linked.seen.wait(MessageCreated)).message.nonce is not None


@pytest.mark.parametrize("code", [4004, 4010, 4011, 4012, 4013, 4014])
async def test_a_final_close_code_refuses_the_token(code):
    async with connected() as linked:
        linked.arm(SocketClosed(event="", code=code))
        await asyncio.wait_for(linked.running, PATIENCE)

        assert isinstance(linked.seen.events[-1], TokenRefused)
        assert str(code) in linked.seen.events[-1].reason


async def test_a_refused_identify_is_final():
    async with Simulator(accounts=1) as simulator:
        simulator.world.faults.arm(IdentifyRefused(code=4004))
        async with running(simulator) as linked:
            await asyncio.wait_for(linked.running, PATIENCE)

            assert [type(event) for event in linked.seen.events] == [TokenRefused]


async def test_an_unknown_token_is_refused_at_login():
    async with Simulator(accounts=1) as simulator, running(simulator, token="wrong") as linked:
        await asyncio.wait_for(linked.running, PATIENCE)

        assert [type(event) for event in linked.seen.events] == [TokenRefused]


@pytest.mark.parametrize("fault", [ServerError(route="me", status=500), AccessLost(route="me")], ids=["500", "403"])
async def test_a_login_that_fails_otherwise_is_tried_again(fault):
    async with Simulator(accounts=1) as simulator:
        simulator.world.faults.arm(fault)
        async with running(simulator) as linked:
            await linked.seen.wait(Connected)

            assert [type(event) for event in linked.seen.events] == [Disconnected, Connected]


async def test_a_refused_first_connection_is_tried_until_it_works():
    async with Simulator(accounts=1) as simulator:
        simulator.world.faults.arm(ConnectionRefused(times=3))
        async with running(simulator) as linked:
            await linked.seen.wait(Connected)

            assert [type(event) for event in linked.seen.events] == [Disconnected, Connected]


async def test_a_closed_port_is_tried_until_somebody_listens():
    async with Simulator(accounts=1) as first:
        port = int(first.url.rsplit(":", 1)[1])
    client = DiscordClient(TOKEN, GuildId("1"), endpoints=Endpoints.simulator(first.url), settings=QUICK)
    seen = Seen()
    task = asyncio.create_task(client.run(seen), name="client")
    try:
        await seen.wait(Disconnected)
        async with Simulator(accounts=1, port=port):
            await seen.wait(Connected)
            assert client.is_connected
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    "fault",
    [HelloDelayed(seconds=0.05), ReadyDelayed(seconds=0.05), ReadyHuge(channels=12_000)],
    ids=lambda fault: type(fault).__name__,
)
async def test_a_slow_or_odd_handshake_succeeds(fault):
    async with Simulator(accounts=1) as simulator:
        simulator.world.faults.arm(fault)
        async with running(simulator) as linked:
            await linked.seen.wait(Connected)

            assert len(linked.seen.events) == 1


async def test_a_session_that_never_gets_ready_is_given_up():
    async with Simulator(accounts=1) as simulator:
        simulator.world.faults.arm(ReadyDelayed(seconds=3600))
        settings = replace(QUICK, ready_timeout=timedelta(milliseconds=200))
        async with running(simulator, settings=settings) as linked:
            await linked.seen.wait(Connected)

            assert [type(event) for event in linked.seen.events] == [Disconnected, Connected]


@pytest.mark.parametrize(
    "fault", [UnknownOpcode(event=""), UnknownEvent(event="")], ids=lambda fault: type(fault).__name__
)
async def test_news_of_an_unknown_kind_is_passed_over(fault):
    async with connected() as linked:
        linked.arm(fault)
        await linked.imagine("a red fox")
        await linked.seen.wait(MessageCreated)

        assert len(linked.seen.of(Connected)) == 1


@pytest.mark.parametrize("guild", [GuildId("999"), None])
async def test_messages_of_other_guilds_are_dropped(guild):
    async with Simulator(accounts=1, seed=1, speed=200) as simulator:
        endpoints = Endpoints.simulator(simulator.url)
        client = DiscordClient(TOKEN, guild, endpoints=endpoints, settings=QUICK)
        seen = Seen()
        task = asyncio.create_task(client.run(seen), name="client")
        await seen.wait(Connected)
        account = simulator.world.accounts[0]
        simulator.world.post(account.channels[CHANNEL], account.user, "in the guild")
        direct = next(channel for channel in account.channels.values() if channel.is_dm)
        simulator.world.post(direct, account.user, "in person")
        await seen.wait(MessageCreated)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

        assert [event.message.content for event in seen.of(MessageCreated)] == ["in person"]


async def test_nothing_can_be_sent_before_the_client_runs():
    client = DiscordClient("token", GuildId("1"), endpoints=Endpoints.simulator("http://127.0.0.1:9"))
    press_nothing = client.interact(imagine("a red fox"), Nonce("1"))

    with pytest.raises(NotConnected):
        await press_nothing
    with pytest.raises(NotConnected):
        await client.history(CHANNEL)
    with pytest.raises(NotConnected):
        await downloaded(partial(client.download, "http://127.0.0.1:9/x.png"))


async def test_cancelling_ends_the_client():
    async with connected() as linked:
        linked.running.cancel()
        await asyncio.gather(linked.running, return_exceptions=True)

        assert linked.running.cancelled()
        assert not linked.client.is_connected


async def test_neither_token_nor_prompt_is_logged(caplog: pytest.LogCaptureFixture):
    async with connected() as linked:
        with caplog.at_level("DEBUG"):
            await linked.imagine("a very private fox")
            linked.arm(SocketDropped(event=""))
            await linked.seen.wait(Connected, count=2)

    assert "connected to Discord" in caplog.text
    assert "private" not in caplog.text
    assert TOKEN not in caplog.text


async def test_a_gateway_that_finds_us_too_fast_is_given_a_pause():
    """4008: the session is resumed, but not at once as after another break."""
    async with connected() as linked:
        linked.arm(SocketClosed(event="", code=4008))
        await linked.seen.wait(Connected, count=2)

        assert [event.resumed for event in linked.seen.of(Connected)] == [False, True]
        assert linked.seen.of(Disconnected)[0].reason.startswith("SessionLost")
