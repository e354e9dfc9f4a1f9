"""Discord's names are looked up without libcurl's threads, for which a closed session would keep the event loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from discord_simulator.app import Simulator
from midway.discord.client import DiscordClient
from midway.discord.endpoints import Endpoints
from midway.discord.event import Connected, Disconnected
from midway.outbound.names import NameRules, Names
from midway.outbound.proxy import Proxy, ProxyKind

from tests.discord.connected import CHANNEL, GUILD, PATIENCE, QUICK, TOKEN, Linked, Seen, picture
from tests.support.name_server import SilentNameServer
from tests.support.proxies import DISCORD, LoopbackProxy, discord_behind


@asynccontextmanager
async def named(
    names: SilentNameServer, patience: timedelta = timedelta(hours=1), proxy: Proxy | None = None
) -> AsyncIterator[Linked]:
    """Run a client of a simulator that has a name, connected or not."""
    async with (
        discord_behind(Simulator(accounts=1, seed=1, speed=200)) as simulator,
        Names(NameRules(timeout=patience, servers=(names.address,))) as resolver,
    ):
        endpoints = Endpoints.simulator(simulator.url)
        client = DiscordClient(TOKEN, GUILD, endpoints=endpoints, settings=QUICK, proxy=proxy, names=resolver)
        seen = Seen()
        task = asyncio.create_task(client.run(seen), name="client")
        try:
            yield Linked(client, simulator, seen, task)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_everything_goes_to_the_looked_up_address():
    """Login, gateway, commands, an upload, and a picture from the CDN."""
    async with SilentNameServer.running({DISCORD: "127.0.0.1"}) as names, named(names) as linked:
        await linked.seen.wait(Connected)
        assert await linked.client.upload(CHANNEL, [picture()])
        grid = await linked.grid()
        assert await linked.fetch(grid.attachments[0].url)

        assert set(names.asked) == {DISCORD}


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_of_a_proxy_its_own_name_is_looked_up(scheme: str):
    async with LoopbackProxy.running() as proxy, SilentNameServer.running({"proxy.test": "127.0.0.1"}) as names:
        by_name = Proxy(ProxyKind(scheme), "proxy.test", proxy.port)
        async with named(names, proxy=by_name) as linked:
            await linked.seen.wait(Connected)
            assert await linked.client.upload(CHANNEL, [picture()])

        assert set(names.asked) == {"proxy.test"}
        assert {target.rpartition(":")[0] for target in proxy.targets} == {DISCORD}


async def test_a_name_that_does_not_resolve_is_told_and_tried_again():
    async with SilentNameServer.running() as names, named(names, patience=timedelta(seconds=1)) as linked:
        down = await linked.seen.wait(Disconnected)
        names.answer_late(DISCORD, "127.0.0.1")
        await linked.seen.wait(Connected)

        assert down.reason == f"Discord cannot be reached: Could not resolve host: {DISCORD}"


async def test_a_proxys_name_that_does_not_resolve_is_told_and_tried_again():
    async with LoopbackProxy.running() as proxy, SilentNameServer.running() as names:
        by_name = Proxy(ProxyKind.HTTP, "proxy.test", proxy.port)
        async with named(names, patience=timedelta(seconds=1), proxy=by_name) as linked:
            down = await linked.seen.wait(Disconnected)
            names.answer_late("proxy.test", "127.0.0.1")
            await linked.seen.wait(Connected)

        assert down.reason.endswith("its name cannot be resolved")


async def test_a_client_that_waits_for_a_name_can_be_ended():
    async with SilentNameServer.running() as names, named(names) as linked:
        await names.until_asked_for({DISCORD})
        linked.running.cancel()
        done, _ = await asyncio.wait([linked.running], timeout=PATIENCE)

        assert done
