"""POST /interactions: checked, answered 204, handed to the bot."""

from __future__ import annotations

import base64
import binascii
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from discord_simulator.entities import COMMAND, Account, Interaction
from discord_simulator.errors import VIA, DiscordError, InvalidForm, RateLimited
from discord_simulator.fault import Fault
from discord_simulator.json_types import Json
from discord_simulator.rate_limit import RateLimit
from discord_simulator.world import World

from .bodies import read_form, read_form_and_files
from .context import API, BOT, WORLD, account_of, objects
from .form import Form
from .interaction_checks import accept

JOB_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
routes = web.RouteTableDef()


@dataclass(kw_only=True)
class InteractionFault(Fault, ABC):
    """Picks accepted interactions by a regular expression on the command's name or the custom id."""

    name: str = ""

    def __post_init__(self) -> None:
        re.compile(self.name)  # a wrong pattern is refused when the fault is posted, not when it should happen

    def matches(self, interaction: Interaction) -> bool:
        """Tell whether this is the interaction meant."""
        return bool(re.search(self.name, interaction.name or interaction.custom_id or ""))

    @abstractmethod
    def apply(self, interaction: Interaction, world: World) -> None:
        """Answer in place of the bot, which never receives the interaction."""


@routes.post(API + "/interactions", name="interactions")
async def interact(request: web.Request) -> web.Response:
    """Accept a command, a component press or a modal submit; 204 means only that the bot will receive it."""
    world = request.app[WORLD]
    account = account_of(request, verified=True)
    form, files = await read_form_and_files(request)
    try:
        limits = _take_from_limit(world, account)
        interaction = accept(world, account, form, files)
    except DiscordError as refusal:
        _record(world, account, form.values, status=refusal.status, error=refusal.code)
        raise
    _record(world, account, form.values, status=204, interaction_id=interaction.id)
    _hand_over(request, interaction)
    return web.Response(status=204, headers=VIA | limits)


def _take_from_limit(world: World, account: Account) -> dict[str, str]:
    """Count the request against the account's rate limit, if one is set; return its headers."""
    if not world.options.interactions_per_second:
        return {}
    limit = world.rate_limits.setdefault(account.number, RateLimit())
    wait = limit.take(world.options.interactions_per_second)
    headers = limit.headers(world.options.interactions_per_second)
    if wait:
        refusal = RateLimited(wait)
        refusal.headers |= headers
        raise refusal
    return headers


def _hand_over(request: web.Request, interaction: Interaction) -> None:
    """Pass it to the bot, unless a fault prevents that."""
    world = request.app[WORLD]
    fault = world.faults.take(InteractionFault, interaction.account.number, interaction=interaction)
    if fault is None:
        request.app[BOT].interaction(interaction)
    else:
        world.journal.write("fault", interaction.account, fault=type(fault).__name__, nonce=interaction.nonce)
        fault.apply(interaction, world)


def _record(world: World, account: Account, body: Json, **outcome: object) -> None:
    """Write the journal's line about a request, well-formed or not."""
    data = body["data"] if isinstance(body.get("data"), dict) else {}
    custom_id = data.get("custom_id")
    parent_job = JOB_ID.search(str(custom_id))
    told = {
        "type": body.get("type"),
        "name": data.get("name") if body.get("type") == COMMAND else None,
        "custom_id": custom_id,
        "prompt": _prompt(data),
        "nonce": body.get("nonce"),
        "job_id": parent_job.group() if parent_job else None,
        "application_id": body.get("application_id"),
        "channel_id": body.get("channel_id"),
        "message_id": body.get("message_id"),
    }
    line = {key: None if isinstance(value, (dict, list)) else value for key, value in told.items()}
    world.journal.write("interaction", account, **line | {"interaction_id": None} | outcome)


def _prompt(data: Json) -> Any:
    """Find the text in a command's `prompt` option or in a modal's first field."""
    options = [o.get("value") for o in objects(data.get("options")) if o.get("name") == "prompt"]
    fields = [f.get("value") for row in objects(data.get("components")) for f in objects(row.get("components"))]
    return next(iter(options + fields), None)


@routes.post("/inpaint/api/submit-job", name="inpaint")
async def submit_inpaint(request: web.Request) -> web.Response:
    """Accept the mask of Vary Region from its embedded page; the token takes the place of a login."""
    form = await read_form(request)
    token, mask, prompt = form.text("customId") or "", _mask(form), form.text("prompt") or ""
    size = [int.from_bytes(mask[at : at + 4]) for at in (16, 20)]  # as its header says
    request.app[WORLD].journal.write("inpaint", None, token=token, prompt=prompt, mask_bytes=len(mask), mask_size=size)
    if not request.app[BOT].inpaint(token, mask, prompt):
        return web.json_response({"status": "error", "message": "unknown token"}, status=404)
    return web.json_response({"status": "success"})


def _mask(form: Form) -> bytes:
    """Decode the mask; only a PNG in base64 without a data URL's prefix is one."""
    try:
        mask = base64.b64decode(form.need("mask", form.text).encode(), validate=True)
    except binascii.Error:
        mask = b""
    if not mask.startswith(PNG_SIGNATURE):
        raise InvalidForm("mask", "BASE_TYPE_BAD_VALUE", "The mask must be a PNG")
    return mask
