"""Names are resolved without threads: one that never resolves keeps nobody else waiting."""

import asyncio
import socket
from datetime import timedelta

import aiohttp
import pytest
import uvloop
from aiohttp import web
from aiohttp.test_utils import TestServer
from midway.outbound.client import FetchFailed, Outbound, UrlRefused
from midway.outbound.connector import ProxyConnector, ProxyUnusable
from midway.outbound.names import NameRules, Names, NameUnreadable, NameUnresolved
from midway.outbound.proxy import Proxy, ProxyKind

from tests.support.name_server import SilentNameServer
from tests.support.processes import PATIENCE_SECONDS
from tests.support.proxies import DISCORD, LoopbackProxy

FOR_EVER = timedelta(hours=1)
PATIENCE = timedelta(seconds=PATIENCE_SECONDS)
KNOWN = {"alive.test": "127.0.0.1"}


def names_from(server: SilentNameServer, timeout: timedelta = FOR_EVER) -> Names:
    return Names(NameRules(timeout=timeout, servers=(server.address,)))


async def addresses(names: Names, host: str) -> set[str]:
    return {found["host"] for found in await names.resolve(host, 80)}


async def test_a_name_is_resolved_by_the_name_server_with_its_port():
    async with SilentNameServer.running(KNOWN) as server, names_from(server) as names:
        found = await names.resolve("alive.test", 8080)

    assert [(each["host"], each["port"], each["family"]) for each in found] == [("127.0.0.1", 8080, socket.AF_INET)]


@pytest.mark.parametrize("host", ["localhost", "LocalHost.", "hooks.localhost", "hooks.localhost."])
async def test_this_machine_is_known_without_asking(host: str):
    async with SilentNameServer.running() as server, names_from(server) as names:
        found = await addresses(names, host)

    assert found
    assert found <= {"127.0.0.1", "::1"}
    assert server.asked == []


async def test_names_that_never_resolve_delay_no_other():
    async with SilentNameServer.running(KNOWN) as server, names_from(server) as names:
        dead = {f"{number}.dead.test" for number in range(100)}
        waiting = [asyncio.create_task(names.resolve(name)) for name in dead]
        await server.until_asked_for(dead)
        found = await addresses(names, "alive.test")

        assert found == {"127.0.0.1"}
        assert not any(each.done() for each in waiting)
        for each in waiting:
            each.cancel()
        await asyncio.wait(waiting)


async def test_a_name_that_is_being_looked_up_is_not_looked_up_twice():
    async with SilentNameServer.running(KNOWN) as server, names_from(server) as names:
        waiting = [asyncio.create_task(names.resolve("slow.dead.test", port)) for port in range(1, 20)]
        await server.until_asked_for({"slow.dead.test"})
        await addresses(names, "alive.test")

        assert len(names._under_way) == 1
        assert server.asked.count("slow.dead.test") == 2  # for IPv4 and IPv6
        for each in waiting:
            each.cancel()
        await asyncio.wait(waiting)


async def test_who_gives_up_takes_no_answer_from_the_others():
    async with SilentNameServer.running() as server, names_from(server) as names:
        first, second = (asyncio.create_task(addresses(names, "late.test")) for _ in range(2))
        await server.until_asked_for({"late.test"})
        first.cancel()
        await asyncio.wait([first])
        server.answer_late("late.test", "127.0.0.1")

        assert await second == {"127.0.0.1"}


async def test_a_look_up_has_an_end():
    async with (
        SilentNameServer.running() as server,
        names_from(server, timeout=timedelta(seconds=1)) as names,
    ):
        with pytest.raises(NameUnresolved, match="in time"):
            await names.resolve("dead.test")

        assert names._under_way == {}


async def test_a_name_without_an_address_is_told():
    async with SilentNameServer.running({"empty.test": ""}) as server, names_from(server) as names:
        with pytest.raises(NameUnresolved):
            await names.resolve("empty.test")


@pytest.mark.parametrize("host", ["x" * 70 + ".test", "a..test", "a b.test"])
async def test_what_no_server_can_be_asked_is_no_name(host: str):
    async with SilentNameServer.running() as server, names_from(server) as names:
        with pytest.raises(NameUnreadable):
            await names.resolve(host)

        assert server.asked == []


async def test_who_waits_is_let_go_at_the_end():
    async with SilentNameServer.running() as server, names_from(server) as names:
        waiting = asyncio.create_task(names.resolve("dead.test"))
        await server.until_asked_for({"dead.test"})

    await asyncio.wait([waiting])
    assert waiting.cancelled()


async def test_the_resolved_address_is_the_checked_one():
    """The name server's word counts for nothing: the check stands where the socket is made."""
    async with (
        SilentNameServer.running(KNOWN) as server,
        names_from(server) as names,
        Outbound(resolver=names) as outbound,
    ):
        with pytest.raises(UrlRefused, match="not public"):
            await outbound.fetch("http://alive.test:1/", max_bytes=1, within=PATIENCE)


async def test_a_link_to_a_name_that_does_not_resolve_says_so():
    async with (
        SilentNameServer.running() as server,
        names_from(server, timeout=timedelta(seconds=1)) as names,
        Outbound(resolver=names) as outbound,
    ):
        with pytest.raises(FetchFailed, match="name of its host"):
            await outbound.fetch("http://dead.test/x", max_bytes=1, within=PATIENCE)


async def test_a_link_to_no_name_at_all_is_refused():
    async with SilentNameServer.running() as server, names_from(server) as names, Outbound(resolver=names) as outbound:
        with pytest.raises(UrlRefused, match="cannot be read"):
            await outbound.fetch(f"http://{'x' * 70}.test/x", max_bytes=1, within=PATIENCE)


def test_literal_addresses_are_reached_under_uvloop_while_names_never_resolve():
    """Uvloop resolves in a pool of two threads, through which aiohttp passes each connection."""
    uvloop.run(asyncio.wait_for(literals_while_names_wait(), PATIENCE_SECONDS))


async def literals_while_names_wait() -> None:
    app = web.Application()
    app.router.add_get("/x", _answered)
    async with (
        TestServer(app) as site,
        SilentNameServer.running(KNOWN) as server,
        names_from(server) as names,
        Outbound({"127.0.0.1", "alive.test"}, resolver=names) as outbound,
    ):
        dead = {f"{number}.dead{number}.test" for number in range(20)}
        waiting = [
            asyncio.create_task(outbound.fetch(f"http://{name}/", max_bytes=1, within=FOR_EVER)) for name in dead
        ]
        await server.until_asked_for(dead)
        for host in ("127.0.0.1", "alive.test"):
            fetched = await outbound.fetch(f"http://{host}:{site.port}/x", max_bytes=100, within=FOR_EVER)
            assert fetched.data == b"picture"
        assert not any(each.done() for each in waiting)
        for each in waiting:
            each.cancel()
        await asyncio.wait(waiting)


async def _answered(request: web.Request) -> web.Response:
    return web.Response(body=b"picture")


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_proxys_own_name_is_resolved_the_same_way(scheme: str):
    app = web.Application()
    app.router.add_get("/x", _answered)
    async with (
        TestServer(app) as site,
        LoopbackProxy.running() as proxy,
        SilentNameServer.running({"proxy.test": "127.0.0.1"}) as server,
        names_from(server) as names,
    ):
        by_name = Proxy(ProxyKind(scheme), "proxy.test", proxy.port)
        through = Outbound(resolver=names, proxy=by_name, is_discord=lambda _: True)
        async with through as outbound:
            fetched = await outbound.fetch(f"http://{DISCORD}:{site.port}/x", max_bytes=100, within=PATIENCE)

        assert fetched.data == b"picture"
        assert set(server.asked) == {"proxy.test"}
        assert proxy.targets == [f"{DISCORD}:{site.port}"]


async def test_a_proxys_name_that_does_not_resolve_is_told_as_such():
    async with (
        SilentNameServer.running() as server,
        names_from(server, timeout=timedelta(seconds=1)) as names,
    ):
        connector = ProxyConnector(Proxy(ProxyKind.HTTP, "proxy.test", 1), names)
        async with aiohttp.ClientSession(connector=connector) as session:
            with pytest.raises(ProxyUnusable) as failure:
                await session.get("http://discord.test/")

    assert failure.value.trouble == "its name cannot be resolved"
