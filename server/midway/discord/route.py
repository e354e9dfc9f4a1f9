"""libcurl's route to Discord: direct or through a proxy, with host names resolved beforehand."""

from dataclasses import dataclass
from typing import Any

import yarl
from aiohttp.abc import AbstractResolver
from curl_cffi import CurlOpt

from midway.discord.errors import Unreachable
from midway.discord.proxy import curl_options
from midway.outbound.address import is_literal
from midway.outbound.proxy import Proxy, trouble


@dataclass(frozen=True, slots=True)
class Way:
    """How libcurl reaches Discord.

    Without `names`, libcurl resolves host names itself, in a thread for each look-up. Closing a session during one
    waits for that thread and blocks the event loop. So a server must set `names`.
    """

    proxy: Proxy | None = None
    names: AbstractResolver | None = None

    async def to(self, url: str) -> dict[CurlOpt, Any]:
        """Return libcurl's options for a request to this address. Raises Unreachable."""
        options: dict[CurlOpt, Any] = {**curl_options(self.proxy)}
        host, port = self._next_hop(yarl.URL(url))
        if self.names is None or is_literal(host):
            return options
        try:
            found = await self.names.resolve(host, port)
        except OSError as err:
            if self.proxy:
                raise Unreachable(trouble("name resolution"), str(self.proxy)) from err
            raise Unreachable(f"Could not resolve host: {host}") from err
        addresses = ",".join(f"[{each['host']}]" if ":" in each["host"] else each["host"] for each in found)
        # With the plus, libcurl's cache entry expires after a minute, like one of its own look-ups.
        return options | {CurlOpt.RESOLVE: [f"+{host}:{port}:{addresses}"]}

    def _next_hop(self, url: yarl.URL) -> tuple[str, int]:
        """Return the host and port to resolve here: the proxy's if there is one, as it resolves Discord's itself."""
        if self.proxy:
            return self.proxy.host, self.proxy.port
        return url.raw_host or "", url.port or 0
