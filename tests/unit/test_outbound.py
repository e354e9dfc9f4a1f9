"""Outgoing HTTP never reaches a private address, however it is named."""

import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer
from midway.outbound.address import is_public
from midway.outbound.client import FetchFailed, Outbound, UrlRefused, check_url
from yarl import URL

from tests.support.proxies import DISCORD, LoopbackProxy

TIMEOUT = timedelta(seconds=20)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ScriptedResolver(AbstractResolver):
    """Resolves every name to the next address of a list, then to the last one for ever."""

    def __init__(self, *addresses: str) -> None:
        self.asked = 0
        self._addresses = addresses

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        address = self._addresses[min(self.asked, len(self._addresses) - 1)]
        self.asked += 1
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing to close."""


class Site:
    """A web site on loopback that counts its visitors."""

    def __init__(self) -> None:
        self.visits: list[str] = []
        self.redirect_to = ""
        app = web.Application()
        app.router.add_route("*", "/file", self._file)
        app.router.add_route("*", "/moved", self._moved)
        app.router.add_get("/gone", self._gone)
        self.server = TestServer(app)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.server.port}{path}"

    async def _file(self, request: web.Request) -> web.Response:
        self.visits.append(request.method)
        return web.Response(body=b"picture", content_type="image/png")

    async def _moved(self, request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": self.redirect_to or "/file"})

    async def _gone(self, request: web.Request) -> web.Response:
        return web.Response(status=404)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    async with site.server:
        yield site


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:db8::1",
    ],
)
def test_address_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111"])
def test_address_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/hook",
        "http://127.0.0.1:8080/hook",
        "http://10.0.0.8/",
        "http://172.31.255.1/",
        "https://192.168.1.20/hook",
        "http://169.254.169.254/latest/meta-data",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://0/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://017700000001/",
        "http://192.168.010.1/",
        "http://10.0.0.8./",
        "http://①②⑦.⓪.⓪.①/",
        "http://１２７.0.0.1/",
        "http://127。0。0。1/",
        "http://%31%32%37.0.0.1/",
        "http://[::1]/",
        "http://[::1%25lo]/",
        "http://[0:0:0:0:0:0:0:1]:3000/",
        "http://[::ffff:10.0.0.8]/",
        "http://[::ffff:a00:8]/",
        "http://[64:ff9b::a00:8]/",
        "http://[fe80::1%25eth0]/",
        "http://[fd00::1]/",
        "http://localhost/",
        "http://LocalHost.:9000/",
        "http://hooks.localhost/",
        "http://localhost.localdomain/",
        "http://nas.local/hook",
        "http://hook.internal/",
        "http://router.home.arpa/",
        "http://user:pass@10.0.0.8/",
    ],
)
async def test_what_is_private_as_written_is_refused_unasked(url: str) -> None:
    with pytest.raises(UrlRefused, match="the address is private"):
        Outbound().check_written(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook",
        "http://8.8.8.8/hook",
        "http://[2606:4700:4700::1111]/",
        "http://134744072/",  # 8.8.8.8; refused when it is asked, as every number in disguise
        "http://localhost.example.com/",
        "http://mylocalhost/",
        "http://local.example/",
        "http://internal.example.com/",
        "http://1.2.3.4.5/",
        "http://999.1.1.1/",
        "http://10.0.0.8.example.com/",
        "not an address",
        "http://[::1",
        "",
        "http://example.com/" + "a" * 50_000,
    ],
)
async def test_what_is_not_private_as_written_is_seen_when_connecting(url: str) -> None:
    Outbound().check_written(url)


@pytest.mark.parametrize("url", ["http://10.0.0.8/x", "http://10.0.0.8:80/x", "http://nas.local:81/"])
async def test_what_the_operator_named_is_no_private_address(url: str) -> None:
    Outbound({"10.0.0.8", "NAS.local:81"}).check_written(url)


@pytest.mark.parametrize(
    ("url", "is_refused"),
    [
        ("http://127.0.0.1:3000/", False),
        ("http://127.9.9.9/", False),
        ("http://[::1]/", False),
        ("http://localhost:3000/", False),
        ("http://hooks.localhost/", False),
        ("http://127.1/", True),  # would be refused as a number in disguise when it is asked
        ("http://[::ffff:127.0.0.1]/", True),
        ("http://10.0.0.8/", True),
        ("http://0.0.0.0/", True),
        ("http://nas.local/", True),
    ],
)
async def test_this_machine_is_no_private_address_where_only_it_may_call(url: str, is_refused: bool) -> None:
    refused = pytest.raises(UrlRefused) if is_refused else contextlib.nullcontext()
    with refused:
        Outbound(allow_loopback=True).check_written(url)


async def test_this_machine_is_reached_where_only_it_may_call(site: Site) -> None:
    async with Outbound(allow_loopback=True) as outbound:
        for host in ("127.0.0.1", "localhost"):
            async with outbound.post(site.url("/file", host), b"x", headers={}, within=TIMEOUT) as answer:
                assert answer.status == 200


@pytest.mark.parametrize("address", ["10.1.2.3", "169.254.169.254", "::ffff:127.0.0.1", "fc00::1"])
async def test_no_other_private_address_is_reached_then(site: Site, address: str) -> None:
    async with Outbound(allow_loopback=True, resolver=ScriptedResolver(address)) as outbound:
        with pytest.raises(UrlRefused, match="not public"):
            async with outbound.post(site.url("/file", "hook.example"), b"x", headers={}, within=TIMEOUT):
                pass


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/x",
        "file:///etc/passwd",
        "example.com/x",
        "",
        "http://",
        "http:///path",
        "http://user@example.com/",
        "http://user:pass@example.com/",
        "http://:@example.com/",
        "http://example.com:0/",
        "http://example.com:99999/",
        "http://example.com:x/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://127.1/",
        "http://0177.0.0.1/",
        "http://127.0.0.1./",
        "http://[::1",
        "http://example.com/" + "a" * 2000,
    ],
)
def test_url_is_refused_unasked(url: str) -> None:
    with pytest.raises(UrlRefused):
        check_url(url)


def test_ordinary_url_keeps_its_path_and_query() -> None:
    assert str(check_url("https://example.com:8443/hook?a=1")) == "https://example.com:8443/hook?a=1"


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0"])
async def test_private_literal_is_refused_at_the_socket(site: Site, host: str) -> None:
    async with Outbound() as outbound:
        with pytest.raises(UrlRefused, match="not public"):
            await outbound.fetch(site.url("/file", host), max_bytes=100, within=TIMEOUT)

    assert site.visits == []


async def test_name_with_only_private_addresses_is_refused(site: Site) -> None:
    async with Outbound() as outbound:
        with pytest.raises(UrlRefused, match="not public"):
            await outbound.fetch(site.url("/file", "localhost"), max_bytes=100, within=TIMEOUT)

    assert site.visits == []


async def test_name_that_resolves_differently_the_second_time_reaches_nothing(site: Site) -> None:
    """Rebinding: whoever checked the name earlier saw a public address, the connection would go to loopback."""
    resolver = ScriptedResolver("93.184.216.34", "127.0.0.1")
    await resolver.resolve("rebind.example")
    async with Outbound(resolver=resolver) as outbound:
        with pytest.raises(UrlRefused):
            await outbound.fetch(site.url("/file", "rebind.example"), max_bytes=100, within=TIMEOUT)

    assert resolver.asked == 2
    assert site.visits == []


async def test_allowed_host_is_fetched(site: Site) -> None:
    async with Outbound({site.host}) as outbound:
        fetched = await outbound.fetch(site.url("/file"), max_bytes=100, within=TIMEOUT)

    assert (fetched.data, fetched.content_type) == (b"picture", "image/png")


async def test_allowing_one_port_allows_no_other(site: Site) -> None:
    async with Outbound({"127.0.0.1:1"}) as outbound:
        with pytest.raises(UrlRefused):
            await outbound.fetch(site.url("/file"), max_bytes=100, within=TIMEOUT)


async def test_redirect_within_an_allowed_host_is_followed(site: Site) -> None:
    async with Outbound({site.host}) as outbound:
        fetched = await outbound.fetch(site.url("/moved"), max_bytes=100, within=TIMEOUT)

    assert fetched.data == b"picture"


async def test_redirect_to_a_private_address_is_refused(site: Site) -> None:
    site.redirect_to = site.url("/file", "127.0.0.2")
    async with Outbound({site.host}) as outbound:
        with pytest.raises(UrlRefused, match="not public"):
            await outbound.fetch(site.url("/moved"), max_bytes=100, within=TIMEOUT)

    assert site.visits == []


@pytest.mark.parametrize("target", ["ftp://example.com/", "http://user@example.com/", "http://127.1/", "http://[::1"])
async def test_redirect_to_a_refused_url_is_refused(site: Site, target: str) -> None:
    site.redirect_to = target
    async with Outbound({site.host}) as outbound:
        with pytest.raises(UrlRefused):
            await outbound.fetch(site.url("/moved"), max_bytes=100, within=TIMEOUT)


async def test_redirect_in_a_circle_ends(site: Site) -> None:
    site.redirect_to = "/moved"
    async with Outbound({site.host}) as outbound:
        with pytest.raises(UrlRefused, match="too often"):
            await outbound.fetch(site.url("/moved"), max_bytes=100, within=TIMEOUT)


async def test_post_does_not_follow_a_redirect(site: Site) -> None:
    async with (
        Outbound({site.host}) as outbound,
        outbound.post(site.url("/moved"), b"{}", headers={}, within=TIMEOUT) as response,
    ):
        status = response.status

    assert status == 302
    assert site.visits == []


async def test_post_to_a_private_address_is_refused(site: Site) -> None:
    async with Outbound() as outbound:
        with pytest.raises(UrlRefused):
            async with outbound.post(site.url("/file"), b"{}", headers={}, within=TIMEOUT):
                pytest.fail("connected")

    assert site.visits == []


async def test_file_over_the_limit_is_not_read_to_its_end(site: Site) -> None:
    async with Outbound({site.host}) as outbound:
        with pytest.raises(FetchFailed, match="larger than 3 bytes"):
            await outbound.fetch(site.url("/file"), max_bytes=3, within=TIMEOUT)


async def test_status_that_is_no_success_is_told(site: Site) -> None:
    async with Outbound({site.host}) as outbound:
        with pytest.raises(FetchFailed) as failure:
            await outbound.fetch(site.url("/gone"), max_bytes=100, within=TIMEOUT)

    assert failure.value.status == 404


async def test_closed_port_is_a_failed_fetch() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        async with Outbound({"127.0.0.1"}) as outbound:
            with pytest.raises(FetchFailed):
                await outbound.fetch(f"http://127.0.0.1:{port}/", max_bytes=100, within=TIMEOUT)


async def test_only_what_leads_to_discord_goes_through_the_proxy(site: Site) -> None:
    """The check at the socket cannot see where a proxy connects to, so no other link may reach its network."""
    async with LoopbackProxy.running() as proxy, through(proxy) as outbound:
        fetched = await outbound.fetch(site.url("/file", DISCORD), max_bytes=100, within=TIMEOUT)
        for elsewhere in ("127.0.0.1", "localhost", "10.0.0.1", "[::1]"):
            with pytest.raises((UrlRefused, FetchFailed)):
                await outbound.fetch(site.url("/file", elsewhere), max_bytes=100, within=TIMEOUT)

        assert fetched.data == b"picture"
        assert proxy.targets == [f"{DISCORD}:{site.server.port}"]


async def test_a_redirect_does_not_lead_into_the_proxys_network(site: Site) -> None:
    site.redirect_to = site.url("/file")
    async with LoopbackProxy.running() as proxy, through(proxy) as outbound:
        with pytest.raises(UrlRefused, match="not public"):
            await outbound.fetch(site.url("/moved", DISCORD), max_bytes=100, within=TIMEOUT)

        assert proxy.targets == [f"{DISCORD}:{site.server.port}"]
        assert site.visits == []


async def test_a_proxy_that_is_down_is_a_failed_fetch(site: Site) -> None:
    async with LoopbackProxy.running() as proxy, through(proxy) as outbound:
        await proxy.down()
        with pytest.raises(FetchFailed):
            await outbound.fetch(site.url("/file", DISCORD), max_bytes=100, within=TIMEOUT)


def through(proxy: LoopbackProxy) -> Outbound:
    """Return an Outbound that takes one host for Discord's."""
    return Outbound(proxy=proxy.proxy("http"), is_discord=lambda url: URL(url).host == DISCORD)
