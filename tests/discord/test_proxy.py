"""All that goes to Discord goes through the Account's proxy; what goes wrong on that way is told for what it is.

Discord has a name here that only the proxy resolves.
"""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from discord_simulator.app import Simulator
from discord_simulator.faults.answers import ConnectionCut
from discord_simulator.faults.events import EventLost
from midway.discord.endpoints import Endpoints
from midway.discord.errors import NotConnected, Unknown, Unreachable
from midway.discord.event import Connected, Disconnected, IframeOpened, Message, MessageCreated
from midway.discord.interaction import MIDJOURNEY_APPLICATION_ID
from midway.discord.partial_file import PartialFile
from midway.discord.proxy import Proxy
from midway.discord.settings import ClientSettings
from midway.discord.transfer import Transfer

from tests.discord.connected import CHANNEL, QUICK, TOKEN, Linked, picture, press, running
from tests.support.cdn import Cdn, cdn_running
from tests.support.pictures import mask_for
from tests.support.processes import PATIENCE_SECONDS
from tests.support.proxies import DISCORD, LoopbackProxy, discord_behind

SCHEMES = ["http", "socks5"]
CREDENTIALS = "operator:hush-hush"
FILM = bytes(range(256)) * 8192  # 2 MiB


@pytest.fixture(params=SCHEMES)
def scheme(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def proxy() -> AsyncIterator[LoopbackProxy]:
    async with LoopbackProxy.running(CREDENTIALS) as proxy:
        yield proxy


@asynccontextmanager
async def linked_through(proxy: Proxy, settings: ClientSettings = QUICK) -> AsyncIterator[Linked]:
    async with (
        discord_behind(Simulator(accounts=1, seed=1, speed=200)) as simulator,
        running(simulator, settings=settings, proxy=proxy) as linked,
    ):
        yield linked


@asynccontextmanager
async def connected_through(proxy: Proxy, settings: ClientSettings = QUICK) -> AsyncIterator[Linked]:
    async with linked_through(proxy, settings) as linked:
        await linked.seen.wait(Connected)
        yield linked


def told_down(linked: Linked) -> list[str]:
    return [event.reason for event in linked.seen.of(Disconnected)]


async def test_everything_goes_through_the_proxy(proxy, scheme):
    """Login, gateway, commands, an upload, a picture from the CDN, and the page of Vary (Region)."""
    async with connected_through(proxy.proxy(scheme)) as linked:
        assert await linked.client.upload(CHANNEL, [picture()])
        grid = await linked.grid()
        picked = await pressed(
            linked, grid, "U1", lambda message: message.id != grid.id and has(message, "MJ::Inpaint")
        )
        assert await linked.fetch(picked.attachments[0].url)

        await linked.client.interact(press(picked.id, custom_id(picked, "MJ::Inpaint")), linked.nonces.next())
        iframe = await linked.seen.wait(IframeOpened)
        image = picked.attachments[0]
        mask = base64.b64encode(mask_for(image.width, image.height).data).decode()
        await linked.client.submit_region(MIDJOURNEY_APPLICATION_ID, iframe.custom_id, mask, "a blue fox")
        await linked.seen.wait(MessageCreated, lambda event: "(Region)" in event.message.content)

        port = linked.simulator.url.rpartition(":")[2]
        assert set(proxy.targets) == {f"{DISCORD}:{port}"}


async def pressed(linked: Linked, message: Message, label: str, wanted: Callable[[Message], bool]) -> Message:
    """Press a button, and return the message that is wanted."""
    await linked.client.interact(press(message.id, custom_id(message, label)), linked.nonces.next())
    return (await linked.seen.wait(MessageCreated, lambda event: wanted(event.message))).message


def custom_id(message: Message, name: str) -> str:
    """Find a button by its label, or by how its custom id begins."""
    return next(b.custom_id for b in message.buttons if b.label == name or b.custom_id.startswith(name))


def has(message: Message, name: str) -> bool:
    return any(button.custom_id.startswith(name) for button in message.buttons)


async def test_the_token_and_requests_are_not_shown_to_the_proxy(proxy):
    async with connected_through(proxy.proxy("http")) as linked:
        await linked.grid()

    assert proxy.heads
    assert all(head.startswith(b"CONNECT ") and TOKEN.encode() not in head for head in proxy.heads)


async def test_the_variables_of_other_programs_count_for_nothing(proxy, scheme, monkeypatch):
    async with LoopbackProxy.running() as another:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, another.url("http"))
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.setenv(name, "*")
        async with connected_through(proxy.proxy(scheme)) as linked:
            assert await linked.client.upload(CHANNEL, [picture()])

        monkeypatch.setenv("no_proxy", "")
        monkeypatch.setenv("NO_PROXY", "")
        async with Simulator(accounts=1, seed=1, speed=200) as simulator, running(simulator) as direct:
            await direct.seen.wait(Connected)
            assert await direct.client.upload(CHANNEL, [picture()])

        assert another.targets == []


@pytest.mark.parametrize("credentials", ["operator:wrong-word", ""])
async def test_refused_credentials_are_the_reason_and_are_not_shown(proxy, scheme, credentials, caplog):
    caplog.set_level(logging.DEBUG)
    async with linked_through(proxy.proxy(scheme, credentials)) as linked:
        reason = (await linked.seen.wait(Disconnected)).reason

        assert f"127.0.0.1:{proxy.port}" in reason
        assert "refuses the user and password" in reason

        proxy.credentials = credentials
        await linked.seen.wait(Connected)

    shown = reason + caplog.text
    assert "wrong-word" not in shown
    assert "hush-hush" not in shown


async def test_a_proxy_that_does_not_reach_discord_is_the_reason(proxy, scheme):
    proxy.is_open = False
    async with linked_through(proxy.proxy(scheme)) as linked:
        reason = (await linked.seen.wait(Disconnected)).reason

        assert f"127.0.0.1:{proxy.port}: it does not reach Discord" in reason

        proxy.is_open = True
        await linked.seen.wait(Connected)


async def test_a_name_that_the_proxy_cannot_resolve_is_the_reason(proxy, scheme):
    proxy.names.clear()
    async with linked_through(proxy.proxy(scheme)) as linked:
        reason = (await linked.seen.wait(Disconnected)).reason

        assert f"127.0.0.1:{proxy.port}: it does not reach Discord" in reason


async def test_a_silent_proxy_is_given_up_in_time(proxy, scheme):
    proxy.is_deaf = True
    hurried = replace(QUICK, connect_timeout=timedelta(seconds=3))
    async with linked_through(proxy.proxy(scheme), hurried) as linked:
        reason = (await linked.seen.wait(Disconnected)).reason

        assert f"127.0.0.1:{proxy.port}" in reason
        assert "in time" in reason

        proxy.is_deaf = False
        await linked.seen.wait(Connected)


async def test_a_proxy_that_dies_is_the_reason_until_it_comes_back(proxy, scheme):
    async with connected_through(proxy.proxy(scheme)) as linked:
        await proxy.down()
        await linked.seen.wait(Disconnected, lambda event: f"the proxy 127.0.0.1:{proxy.port}" in event.reason)
        assert not linked.client.is_connected

        await proxy.up()
        await linked.seen.wait(Connected, count=2)

        assert [event.resumed for event in linked.seen.of(Connected)] == [False, True]
        assert told_down(linked)[-1].endswith("it takes no connections")
        assert len(told_down(linked)) == 2  # that the socket broke, and why it stays so; not one for each try
        await linked.imagine("a red fox")


async def test_what_could_not_be_connected_was_not_sent(proxy, scheme):
    async with connected_through(proxy.proxy(scheme)) as linked:
        await linked.imagine("a first fox")
        proxy.is_open = False
        with pytest.raises(Unreachable) as raised:
            await linked.imagine("a second fox")

        assert str(proxy.port) not in str(raised.value)  # it may reach clients
        proxy.is_open = True
        await linked.imagine("a third fox")
        assert len(linked.journal("interaction")) == 2


async def test_what_a_silent_proxy_was_not_asked_to_pass_on_was_not_sent(proxy, scheme):
    async with connected_through(proxy.proxy(scheme), replace(QUICK, reach_timeout=timedelta(seconds=3))) as linked:
        await linked.imagine("a first fox")
        proxy.is_deaf = True
        with pytest.raises(Unreachable):
            await linked.imagine("a second fox")

        assert len(linked.journal("interaction")) == 1


async def test_what_the_proxy_had_in_its_hands_is_in_doubt(proxy, scheme):
    """It took the request and hung up; nobody can tell here whether it had passed it on."""
    async with connected_through(proxy.proxy(scheme)) as linked:
        await linked.imagine("a first fox")
        proxy.swallows = b"POST /api/v9/interactions"
        with pytest.raises(Unknown):
            await linked.imagine("a second fox")


async def test_what_discord_took_before_the_way_broke_is_in_doubt(proxy, scheme):
    async with connected_through(proxy.proxy(scheme)) as linked:
        await linked.imagine("a first fox")
        linked.arm(ConnectionCut(times=None, accepted=True))
        proofs = ("INTERACTION_CREATE", "INTERACTION_SUCCESS", "MESSAGE_CREATE")
        linked.arm(*(EventLost(event=name, times=None) for name in proofs))
        with pytest.raises(Unknown):
            await linked.imagine("a second fox")

        assert len(linked.journal("interaction")) == 2


async def test_an_upload_that_could_not_be_connected_is_worth_another_try(proxy, scheme):
    async with connected_through(proxy.proxy(scheme)) as linked:
        proxy.is_open = False
        with pytest.raises(NotConnected):
            await linked.client.upload(CHANNEL, [picture()])


async def test_a_region_that_could_not_be_connected_was_not_sent(proxy, scheme):
    async with connected_through(proxy.proxy(scheme)) as linked:
        proxy.is_open = False
        with pytest.raises(Unreachable):
            await linked.client.submit_region(MIDJOURNEY_APPLICATION_ID, "MJ::iframe::x", "", "a fox")


async def test_a_download_goes_on_when_the_proxy_is_back(proxy, scheme, tmp_path):
    path = tmp_path / "film.part"
    path.touch()
    file = PartialFile(path)
    async with cdn_running(Cdn(FILM)) as cdn:
        url = cdn.url.replace("127.0.0.1", DISCORD)
        async with Transfer(Endpoints.simulator(url), "test", QUICK, proxy.proxy(scheme)) as transfer:
            proxy.holds_after = len(FILM) // 2
            begun = asyncio.create_task(transfer.download(url, file))
            await asyncio.wait_for(proxy.is_holding.wait(), PATIENCE_SECONDS)
            await proxy.down()
            with pytest.raises(Unreachable):
                await begun
            kept = file.size

            proxy.holds_after = None
            await proxy.up()
            await transfer.download(url, file)

        assert kept
        assert path.read_bytes() == FILM
        assert cdn.asked[-1][0] == f"bytes={kept}-"
