"""What happens around every handler: the journal's line, faults, refusals as JSON."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from discord_simulator.entities import Account
from discord_simulator.errors import DiscordError, TooLarge, http_error
from discord_simulator.fault import Fault

from .context import WORLD

UNRECORDED = {
    "interactions",
    "inpaint",
    "gateway",
    "gateway_slash",
    "control",
}  # they write lines of their own, or none
CONTROL_PREFIX = "/__sim"


@dataclass(kw_only=True)
class AnswerFault(Fault, ABC):
    """Picks requests by the name of their route."""

    route: str = "interactions"

    def matches(self, route: str) -> bool:
        """Tell whether this is the route meant."""
        return route == self.route

    @abstractmethod
    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer in the handler's place; most faults never call it."""


@web.middleware
async def record_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Write a journal line for every call but those that have a kind of their own."""
    response = await handler(request)
    if route_name(request) not in UNRECORDED:
        _write_line(request, response.status)
    return response


def _write_line(request: web.Request, status: int) -> None:
    journal, account = request.app[WORLD].journal, _account(request)
    route = route_name(request)
    path = request.path.encode(errors="replace").decode()  # bytes that are no UTF-8 come as lone surrogates
    journal.write("request", account, method=request.method, path=path, route=route, status=status)


@web.middleware
async def inject_fault(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let an armed fault answer in the handler's place, or spoil the handler's answer."""
    world, account, route = request.app[WORLD], _account(request), route_name(request)
    fault = world.faults.take(AnswerFault, account.number if account else None, route=route)
    if fault is None:
        return await handler(request)
    world.journal.write("fault", account, fault=type(fault).__name__, route=route)
    return await fault.answer(request, handler)


@web.middleware
async def refuse_as_discord(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn refusals, also aiohttp's own, into Discord's error bodies."""
    try:
        return await handler(request)
    except DiscordError as refusal:
        return refusal.response()
    except web.HTTPRequestEntityTooLarge:
        return TooLarge().response()
    except web.HTTPClientError as error:
        return http_error(error.status, error.reason)


def route_name(request: web.Request) -> str:
    """Name the route as faults and the journal do; an unknown path has the name `unknown`."""
    if request.path.startswith(CONTROL_PREFIX):
        return "control"
    return request.match_info.route.name or "unknown"


def _account(request: web.Request) -> Account | None:
    """Find whose request it is: by token, or on the CDN by the channel in the path."""
    world = request.app[WORLD]
    account = world.account_by_authorization(request.headers.get("Authorization", ""))
    channel = world.channel(request.match_info.get("channel", ""))
    return account or (channel.account if channel else None)
