"""/__sim/*: the API by which tests and people observe and control the simulator; real Discord has none."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from .entities import Account
from .errors import json_response
from .fault import Fault
from .faults.registry import BadFault, fault_from_json
from .faults.sockets import SocketClosed
from .json_fields import BadChange, set_fields
from .json_types import Json
from .message_payloads import message_payload
from .rest.bodies import read_form
from .rest.context import BOT, WORLD, json_body
from .rest.form import Form
from .rest.interaction_checks import SELECT
from .sessions import Event
from .users import BOTS, MJ_BOT, NIJI_BOT, Access, Installed, User
from .world import World

PREFIX = "/__sim"
BOT_WORDS = {"mj": MJ_BOT, "niji": NIJI_BOT} | BOTS
ACCOUNT_FIELDS = frozenset({"bots", "has_listener", "plan", "fast_minutes", "access", "standing"})
MAX_LEVELS_AROUND = 20  # of a payload, around a message or an event's data
STRANGER = User("199999999999999999", "stranger")
routes = web.RouteTableDef()


@dataclass
class Pace:
    """What can be said of the clock."""

    speed: float
    skew_seconds: float


@web.middleware
async def explain_mistakes(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a wrong control request with 400 and the reason."""
    if not request.path.startswith(PREFIX):
        return await handler(request)
    try:
        return await handler(request)
    except (BadChange, BadFault, KeyError, ValueError, OverflowError) as err:
        return json_response({"error": f"{type(err).__name__}: {err}"}, status=400)


@routes.get(PREFIX + "/journal")
async def journal(request: web.Request) -> web.Response:
    """Return the journal as JSON lines: those numbered above `after`, optionally of one `kind`."""
    after, kind = int(request.query.get("after", "0")), request.query.get("kind")
    lines = request.app[WORLD].journal.lines(after=after, kind=kind)
    return web.Response(
        body=b"".join(orjson.dumps(line) + b"\n" for line in lines), content_type="application/x-ndjson"
    )


@routes.get(PREFIX + "/state")
async def state(request: web.Request) -> web.Response:
    """Show speed, options, accounts and armed faults."""
    world = request.app[WORLD]
    return json_response(
        {
            "speed": world.clock.speed,
            "options": asdict(world.options),
            "accounts": [_account_payload(world, account) for account in world.accounts],
            "faults": [fault.payload() for fault in world.faults.armed],
        }
    )


def _account_payload(world: World, account: Account) -> Json:
    return {
        "account": account.number,
        "token": account.token,
        "user_id": account.user.id,
        "guild_id": account.guild_id,
        "channel_ids": list(account.channels),
        "listener": _listener_payload(account),
        "sessions": [session.id for session in world.sessions.of(account)],
        "connected": any(session.connection for session in world.sessions.of(account)),
        "settings": {bot_id: asdict(settings) for bot_id, settings in account.settings.items()},
    } | {name: getattr(account, name) for name in sorted(ACCOUNT_FIELDS)}


def _listener_payload(account: Account) -> Json | None:
    listener = account.listener
    return {"user_id": listener.user.id, "token": listener.token} if listener else None


@routes.post(PREFIX + "/reset")
async def reset(request: web.Request) -> web.Response:
    """Forget jobs, messages, settings, faults and the journal; connections stay."""
    request.app[BOT].reset()
    request.app[WORLD].reset()
    return json_response({})


@routes.post(PREFIX + "/options")
async def set_options(request: web.Request) -> web.Response:
    """Set options by name."""
    set_fields(request.app[WORLD].options, await json_body(request))
    return json_response(asdict(request.app[WORLD].options))


@routes.post(PREFIX + "/clock")
async def set_clock(request: web.Request) -> web.Response:
    """Set `speed` for what is scheduled from now on, and `skew_seconds` of the simulator's clock."""
    body, clock = await json_body(request), request.app[WORLD].clock
    present = Pace(clock.speed, clock.skew.total_seconds())
    set_fields(present, body)
    if present.speed <= 0:
        raise BadChange(f"speed must be above 0, not {present.speed}")
    clock.speed, clock.skew = present.speed, timedelta(seconds=present.skew_seconds)
    return json_response({"speed": clock.speed, "skew_seconds": clock.skew.total_seconds()})


@routes.post(PREFIX + "/accounts")
async def add_account(request: web.Request) -> web.Response:
    """Add one account, with the `bots` of its server; its token and ids follow from its number."""
    world, body = request.app[WORLD], await json_body(request)
    return json_response(_account_payload(world, world.add_account(Installed(body.get("bots", Installed.BOTH)))))


@routes.post(PREFIX + "/accounts/{number}")
async def set_account(request: web.Request) -> web.Response:
    """Set bots, has_listener, plan, fast_minutes, access, standing, and per bot under `mj` and `niji` its settings."""
    body, account = await json_body(request), _account(request.app[WORLD], request.match_info["number"])
    for word, bot in BOT_WORDS.items():
        set_fields(account.settings[bot.id], body.pop(word, {}))
    bots = account.bots
    set_fields(account, body, only=ACCOUNT_FIELDS)
    if account.bots is not bots:
        place: Json = {"guild_id": account.guild_id}
        request.app[WORLD].sessions.emit(Event("GUILD_APPLICATION_COMMAND_INDEX_UPDATE", account, place))
    if account.access is Access.REVOKED:
        request.app[WORLD].inject(SocketClosed(code=4004, account=account.number))
    return json_response(_account_payload(request.app[WORLD], account))


def _account(world: World, number: object) -> Account:
    for account in world.accounts:
        if account.number == int(str(number)):
            return account
    raise BadChange(f"there is no account {number}")


@routes.post(PREFIX + "/faults")
async def arm_fault(request: web.Request) -> web.Response:
    """Arm one fault; one that strikes sockets and names no event strikes at once."""
    fault = fault_from_json(await json_body(request))
    request.app[WORLD].inject(fault)
    return json_response(fault.payload())


@routes.delete(PREFIX + "/faults")
async def clear_faults(request: web.Request) -> web.Response:
    """Disarm every fault; return those that never occurred."""
    unused: list[Fault] = list(request.app[WORLD].faults.armed)
    request.app[WORLD].faults.clear()
    return json_response({"unused": [fault.payload() for fault in unused]})


@routes.post(PREFIX + "/events")
async def emit(request: web.Request) -> web.Response:
    """Send an arbitrary `event` with `data` to an `account`, or to one `session_id` of it."""
    form, world = await read_form(request), request.app[WORLD]
    _check_depth(form)
    account, data = _account(world, form.need("account", form.number)), form.need("data", form.child)
    world.sessions.emit(Event(form.need("event", form.text), account, data.values, form.text("session_id")))
    return json_response({})


@routes.post(PREFIX + "/messages")
async def post_message(request: web.Request) -> web.Response:
    """Post `content` to an `account`'s channel, as another user or as `bot` (`mj`, `niji`), `dm` in its DM."""
    form, world = await read_form(request), request.app[WORLD]
    _check_depth(form)
    account, bot = _account(world, form.need("account", form.number)), BOT_WORDS.get(form.text("bot") or "")
    channel = account.dm((bot or MJ_BOT).id) if form.flag("dm") else account.channel
    message = world.post(
        channel,
        bot or STRANGER,
        form.need("content", form.text),
        nonce=form.text("nonce"),
        embeds=[_embed(embed) for embed in form.children("embeds")],
        components=[_component(row) for row in form.children("components")],
    )
    return json_response(message_payload(message, world.files.links))


def _embed(form: Form) -> Json:
    """Check the fields of an embed that the simulator reads; the others are passed on unchanged."""
    if image := form.child("image"):
        image.text("url")
    return form.values


def _component(form: Form) -> Json:
    """Check the fields of a component, and of nested ones, that the simulator reads; others are passed on unchanged."""
    if form.text("custom_id") is not None and form.need("type", form.number) == SELECT:
        for option in form.children("options"):
            option.need("value", option.text)
    for nested in form.children("components"):
        _component(nested)
    return form.values


def _check_depth(form: Form) -> None:
    """Raise ValueError for what is nested so deeply that no payload around it could be written."""
    around: object = form.values
    for _ in range(MAX_LEVELS_AROUND):
        around = [around]
    try:
        orjson.dumps(around)
    except orjson.JSONEncodeError as err:
        raise ValueError(str(err)) from err


@routes.post(PREFIX + "/commands/bump")
async def bump_commands(request: web.Request) -> web.Response:
    """Give the commands of this `name`, or all, a new version and, with `new_ids`, a new id."""
    form = await read_form(request)
    request.app[WORLD].commands.bump(form.text("name"), new_ids=form.flag("new_ids"))
    return json_response({})


@routes.post(PREFIX + "/links/expire")
async def expire_links(request: web.Request) -> web.Response:
    """Make every CDN link given out so far invalid."""
    request.app[WORLD].files.expire_links()
    return json_response({})
