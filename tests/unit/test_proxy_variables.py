"""The proxies that other programs take from their environment see nothing of what goes out."""

from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from midway.engine.translate import ChatTranslator
from midway.outbound.client import Outbound

from tests.support.processes import PATIENCE_SECONDS
from tests.support.proxies import LoopbackProxy

PATIENCE = timedelta(seconds=PATIENCE_SECONDS)


async def _translated(request: web.Request) -> web.Response:
    return web.json_response({"choices": [{"message": {"content": "a red fox"}}]})


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch):
    """Such a proxy would connect where the check of addresses cannot see it."""
    app = web.Application()
    app.router.add_post("/chat/completions", _translated)
    app.router.add_get("/x", _translated)
    async with TestServer(app) as site, LoopbackProxy.running() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url("http"))
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        host = f"127.0.0.1:{site.port}"
        async with Outbound({host}) as outbound:
            await outbound.fetch(f"http://{host}/x", max_bytes=1000, within=PATIENCE)
        async with (
            Outbound(allow_loopback=True) as outbound,
            outbound.post(f"http://{host}/chat/completions", b"", headers={}, within=PATIENCE) as answer,
        ):
            assert answer.status == 200
        async with ChatTranslator(f"http://{host}", "", "model", PATIENCE) as translator:
            assert await translator.to_english("一只红狐") == "a red fox"

        assert (proxy.heads, proxy.targets) == ([], [])
