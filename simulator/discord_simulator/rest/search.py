"""The search for messages, in a server or in one channel."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from aiohttp import web

from discord_simulator.entities import Channel, Message
from discord_simulator.errors import json_response
from discord_simulator.json_types import Json
from discord_simulator.message_payloads import message_payload

from .bodies import read_query
from .context import API, WORLD, account_of, channel_of
from .form import Form
from .guilds import check_guild

PAGE, MAX_OFFSET = 25, 9_975
MAX_WORDS = 1_024  # characters of `content`
HAS: dict[str, Callable[[Message], bool]] = {
    "file": lambda message: bool(message.attachments),
    "image": lambda message: _has_type(message, "image/"),
    "video": lambda message: _has_type(message, "video/"),
    "sound": lambda message: _has_type(message, "audio/"),
    "embed": lambda message: bool(message.embeds),
    "link": lambda message: "://" in message.content,
}
routes = web.RouteTableDef()


@routes.get(API + "/guilds/{guild}/messages/search", name="search_guild")
async def search_guild(request: web.Request) -> web.Response:
    """Find messages in the account's server; `channel_id` may name its channels."""
    account = account_of(request)
    check_guild(request, account)
    wanted = request.query.getall("channel_id", [])
    channels = [c for c in account.channels.values() if not c.is_dm and (not wanted or c.id in wanted)]
    return _answer(request, channels)


@routes.get(API + "/channels/{channel}/messages/search", name="search_channel")
async def search_channel(request: web.Request) -> web.Response:
    """Find messages in one channel, which may be a DM."""
    return _answer(request, [channel_of(request, account_of(request))])


def _answer(request: web.Request, channels: Iterable[Channel]) -> web.Response:
    """Return a page of hits, each in a list of its own, and how many there are."""
    query, links = read_query(request), request.app[WORLD].files.links
    offset = query.number("offset", lowest=0, highest=MAX_OFFSET) or 0
    limit = query.number("limit", lowest=1, highest=PAGE) or PAGE
    fits = _filter(query, request.query.getall("author_id", []), request.query.getall("has", []))
    hits = [message for channel in channels for message in channel.messages.values() if fits(message)]
    hits.sort(key=lambda message: int(message.id), reverse=query.text("sort_order") != "asc")
    page = [[message_payload(hit, links) | {"hit": True}] for hit in hits[offset : offset + limit]]
    body: Json = {"analytics_id": "", "doing_deep_historical_index": False, "total_results": len(hits)}
    return json_response(body | {"messages": page, "threads": [], "members": []})


def _filter(query: Form, authors: list[str], has: list[str]) -> Callable[[Message], bool]:
    """Make the test that a hit passes: every word of `content`, one of the authors, everything that it shall have."""
    words = (query.text("content", longest=MAX_WORDS) or "").casefold().split()
    above, below = int(query.snowflake("min_id") or 0), int(query.snowflake("max_id") or 1 << 63)
    mentioned, pinned = query.snowflake("mentions"), query.flag("pinned") if "pinned" in query.values else None

    def fits(message: Message) -> bool:
        text = message.content.casefold()
        return (
            all(word in text for word in words)
            and (not authors or message.author.id in authors)
            and above < int(message.id) < below
            and (mentioned is None or f"<@{mentioned}>" in message.content)
            and (pinned is None or (message.pinned_at is not None) is pinned)
            and all(HAS[what](message) for what in has if what in HAS)
        )

    return fits


def _has_type(message: Message, prefix: str) -> bool:
    return any(attachment.picture.content_type.startswith(prefix) for attachment in message.attachments)
