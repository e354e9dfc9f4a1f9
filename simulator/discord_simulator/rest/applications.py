"""Routes about the bots' applications and their commands, besides the index that users.py serves."""

from __future__ import annotations

from aiohttp import web

from discord_simulator.commands import Command, application_payload
from discord_simulator.entities import Account, Channel
from discord_simulator.errors import BotsOnly, Unknown, json_response
from discord_simulator.json_types import Json
from discord_simulator.users import BOTS
from discord_simulator.world import World

from .bodies import read_query
from .context import API, WORLD, account_of, channel_of, path_id

CHAT_INPUT = 1  # the type of slash commands
DEFAULT_LIMIT, MAX_LIMIT = 10, 25
APPLICATION = API + "/applications/{application}"
routes = web.RouteTableDef()


@routes.get(API + "/applications/@me", name="own_application")
@routes.get(API + "/oauth2/applications/@me", name="own_application_oauth2")
async def own(request: web.Request) -> web.Response:
    """Show a bot its own application."""
    account = account_of(request)
    if not account.user.bot:
        raise BotsOnly
    return json_response(_own_payload(account))


@routes.get(API + "/applications/public", name="applications_public")
async def several(request: web.Request) -> web.Response:
    """Show those of the applications in `application_ids` that there are."""
    account_of(request)
    asked = ",".join(request.query.getall("application_ids", [])).split(",")
    return json_response([application_payload(application_id) for application_id in BOTS if application_id in asked])


@routes.get(API + "/applications/detectable", name="applications_detectable")
async def detectable(request: web.Request) -> web.Response:
    """List the games that a client may look for on its machine: none."""
    account_of(request)
    return json_response([])


@routes.get(APPLICATION, name="application")
@routes.get(APPLICATION + "/public", name="application_public")
@routes.get(APPLICATION + "/rpc", name="application_rpc")
@routes.get(API + "/oauth2/applications/{application}/rpc", name="application_rpc_oauth2")
async def one(request: web.Request) -> web.Response:
    """Show what everybody may see of an application."""
    account_of(request)
    return json_response(application_payload(_application_id(request)))


@routes.get(APPLICATION + "/commands", name="commands")
async def commands(request: web.Request) -> web.Response:
    """List one bot's commands, with their present versions."""
    user = account_of(request).user
    is_own = user.bot and path_id(request, "application") == user.id  # a listener's, which has none
    return json_response([] if is_own else [command.payload() for command in _commands(request)])


@routes.get(APPLICATION + "/commands/{command}", name="command")
async def command(request: web.Request) -> web.Response:
    """Show one command."""
    account_of(request)
    wanted = path_id(request, "command")
    found = next((command for command in _commands(request) if command.id == wanted), None)
    if found is None:
        raise Unknown("Application Command")
    return json_response(found.payload())


@routes.get(APPLICATION + "/guilds/{guild}/commands", name="guild_commands")
async def guild_commands(request: web.Request) -> web.Response:
    """List the commands that a bot has in one server only: none."""
    user = account_of(request).user
    if not user.bot or path_id(request, "application") != user.id:
        _application_id(request)
    return json_response([])


@routes.get(APPLICATION + "/application-command-index", name="command_index_of_application")
async def index(request: web.Request) -> web.Response:
    """Return one bot's part of the command index."""
    account_of(request)
    listed = [command.payload() for command in _commands(request)]
    applications = [application_payload(_application_id(request))]
    return json_response({"applications": applications, "application_commands": listed, "version": "1"})


@routes.get(API + "/channels/{channel}/application-commands/search", name="search_commands")
async def search(request: web.Request) -> web.Response:
    """Find commands for a channel by the beginning of their name, as clients did before there was an index."""
    channel, query = channel_of(request, account_of(request)), read_query(request)
    limit = query.number("limit", lowest=0, highest=MAX_LIMIT)
    begin = (query.text("query") or "").casefold()
    ids = {word for word in (query.text("command_ids") or "").split(",") if word}
    application_id = query.snowflake("application_id")
    found = [
        command
        for command in _offered(request.app[WORLD], channel)
        if query.number("type") in (None, CHAT_INPUT)
        and command.name.startswith(begin)
        and (not ids or command.id in ids)
        and application_id in (None, command.application_id)
    ][: DEFAULT_LIMIT if limit is None else limit]
    applications = {command.application_id: application_payload(command.application_id) for command in found}
    body = {"application_commands": [command.payload() for command in found]}
    cursor = {"previous": None, "next": None, "repaired": False}
    return json_response(body | {"applications": list(applications.values()), "cursor": cursor})


def _own_payload(account: Account) -> Json:
    """Show a listener's application to itself."""
    user, owner = account.user, account.owner.user
    return {
        "id": user.id,
        "name": user.username,
        "description": "",
        "icon": None,
        "cover_image": None,
        "bot": user.payload(),
        "bot_public": True,
        "bot_require_code_grant": False,
        "owner": owner.payload(),
        "team": None,
        "summary": "",
        "verify_key": "0" * 64,
        "flags": 0,
        "tags": [],
        "rpc_origins": [],
        "redirect_uris": [],
        "integration_types_config": {},
        "approximate_guild_count": 1,
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
    }


def _offered(world: World, channel: Channel) -> list[Command]:
    """List what can be used in a channel."""
    here = {bot.id for bot in channel.bots}
    return [command for command in world.commands.commands if command.application_id in here]


def _commands(request: web.Request) -> list[Command]:
    application_id = _application_id(request)
    return [c for c in request.app[WORLD].commands.commands if c.application_id == application_id]


def _application_id(request: web.Request) -> str:
    application_id = path_id(request, "application")
    if application_id not in BOTS:
        raise Unknown("Application")
    return application_id
