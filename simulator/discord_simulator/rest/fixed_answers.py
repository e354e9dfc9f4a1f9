"""Routes that clients call, mostly at their start, and that change nothing here: the answer is always the same."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from aiohttp import web

from discord_simulator.errors import VIA, Unknown, json_response
from discord_simulator.json_types import Json

from .bodies import read_optional_form
from .context import API, account_of, channel_of
from .form import Form
from .guilds import check_guild

NOTHING_LISTED = (
    "/users/@me/relationships",
    "/users/@me/affinities/channels",
    "/users/@me/mentions",
    "/users/@me/connections",
    "/users/@me/devices",
    "/users/@me/library",
    "/users/@me/entitlements",
    "/users/@me/entitlements/gifts",
    "/users/@me/scheduled-events",
    "/users/@me/billing/payment-sources",
    "/users/@me/billing/payments",
    "/users/@me/billing/subscriptions",
    "/users/@me/guilds/premium/subscription-slots",
    "/users/@me/activities/statistics/applications",
    "/users/@me/outbound-promotions/codes",
    "/users/@me/applications/{application}/entitlements",
    "/users/{user}/relationships",
    "/applications",
    "/applications/{application}/entitlements",
    "/applications/{application}/skus",
    "/oauth2/tokens",
    "/teams",
    "/voice/regions",
    "/gifs/trending-gifs",
    "/guilds/{guild}/emojis",
    "/guilds/{guild}/stickers",
    "/guilds/{guild}/invites",
    "/guilds/{guild}/integrations",
    "/guilds/{guild}/webhooks",
    "/guilds/{guild}/bans",
    "/guilds/{guild}/templates",
    "/guilds/{guild}/scheduled-events",
    "/guilds/{guild}/regions",
    "/channels/{channel}/invites",
    "/channels/{channel}/webhooks",
    "/channels/{channel}/users/@me/threads/archived/private",
)
OBJECTS: dict[str, Json] = {
    "/experiments": {"assignments": [], "guild_experiments": [], "fingerprint": "0.simulator"},
    "/users/@me/affinities/users": {"user_affinities": [], "inverse_user_affinities": []},
    "/users/@me/affinities/v2/users": {"user_affinities": []},
    "/users/@me/affinities/guilds": {"guild_affinities": []},
    "/users/@me/notes": {},
    "/users/@me/settings": {"locale": "en-US", "theme": "dark", "status": "online", "custom_status": None},
    "/users/@me/consent": {"usage_statistics": {"consented": False}, "personalization": {"consented": False}},
    "/users/@me/email-settings": {"categories": {}, "initialized": False},
    "/users/@me/burst-credits": {"amount": 0, "replenished_today": False},
    "/users/@me/survey": {"survey": None},
    "/users/@me/billing/location-info": {"country_code": "US", "subdivision_code": None},
    "/users/@me/billing/localized-pricing-promo": {"country_code": "US", "localized_pricing_promo": None},
    "/users/@me/billing/perks-relevance": {"relevance": {}},
    "/quests/@me": {"quests": [], "excluded_quests": []},
    "/sticker-packs": {"sticker_packs": []},
    "/auth/sessions": {"user_sessions": []},
    "/guilds/{guild}/threads/active": {"threads": [], "members": [], "has_more": False},
    "/guilds/{guild}/audit-logs": {"audit_log_entries": [], "users": [], "webhooks": []},
    "/channels/{channel}/threads/archived/public": {"threads": [], "members": [], "has_more": False},
    "/channels/{channel}/threads/archived/private": {"threads": [], "members": [], "has_more": False},
    "/channels/{channel}/threads/search": {"threads": [], "members": [], "has_more": False, "total_results": 0},
}
TAKEN = (
    ("POST", "/science"),
    ("POST", "/metrics"),
    ("POST", "/metrics/v2"),
    ("POST", "/read-states/ack-bulk"),
    ("POST", "/guilds/{guild}/ack"),
    ("POST", "/guilds/{guild}/ack/{type}/{entity}"),
    ("POST", "/users/@me/{type}/{entity}/ack"),
    ("POST", "/auth/logout"),
    ("PUT", "/users/@me/notes/{user}"),
    ("PUT", "/tutorial/indicators/{indicator}"),
    ("POST", "/tutorial/indicators/suppress"),
    ("DELETE", "/users/@me/mentions/{message}"),
)
SETTINGS = "/users/@me/settings-proto/{number:[123]}"
WITHOUT_LOGIN = frozenset({"/experiments", "/science", "/metrics", "/metrics/v2"})


Handler = Callable[[web.Request], Awaitable[web.Response]]


def _answering(path: str, body: object) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        await _check(request, path)
        return json_response(body)

    return answer


def _taking(path: str) -> Handler:
    async def take(request: web.Request) -> web.Response:
        await _check(request, path)
        return web.Response(status=204, headers=VIA)

    return take


async def _check(request: web.Request, path: str) -> Form:
    """Refuse what a real route would: no login, a body that is none, another's server or channel."""
    account = account_of(request) if path not in WITHOUT_LOGIN else None
    form = await read_optional_form(request)
    if account and "guild" in request.match_info:
        check_guild(request, account)
    if account and "channel" in request.match_info:
        channel_of(request, account)
    return form


async def _settings(request: web.Request) -> web.Response:
    """Return the settings that a PATCH brings, or none: they are a protocol buffer in base64."""
    form = await _check(request, SETTINGS)
    return json_response({"settings": form.text("settings") or ""})


async def _note(request: web.Request) -> web.Response:
    """Say that there is no note about a user."""
    account_of(request)
    raise Unknown("User")


def _name(path: str) -> str:
    """Name a route as faults and the journal do."""
    return re.sub(r"\W+", "_", path).strip("_")


routes = [
    *(web.get(API + path, _answering(path, []), name=_name(path)) for path in NOTHING_LISTED),
    *(web.get(API + path, _answering(path, body), name=_name(path)) for path, body in OBJECTS.items()),
    *(web.route(method, API + path, _taking(path), name=_name(path)) for method, path in TAKEN),
    web.get(API + "/users/@me/notes/{user}", _note, name="note"),
    web.get(API + SETTINGS, _settings, name="settings_proto"),
    web.patch(API + SETTINGS, _settings, name="settings_proto"),
]
