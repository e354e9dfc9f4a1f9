"""Ways to have the simulator's gateway say something about a Task in flight."""

import json
from typing import Any

from midway.domain.attempt import Attempt
from midway.domain.task import State, Task

from tests.faults.other_session import MJ
from tests.faults.stage import has_message
from tests.payloads.expected import Payload
from tests.support.rig import Rig
from tests.support.upstream import eventually

USER_THERE = "100000000000000001"  # whoever asked for it, in the payloads
JOB = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
NAME = f"user_a_red_fox_{JOB}.png"
PICTURE = {"id": "1", "filename": NAME, "size": 1, "url": f"https://cdn.invalid/attachments/1/2/{NAME}"}


def row(*buttons: tuple[str, str]) -> dict[str, Any]:
    """Make a row of buttons of their custom ids and labels."""
    return {
        "type": 1,
        "components": [{"type": 2, "style": 2, "custom_id": id_, "label": text} for id_, text in buttons],
    }


def a_final(rig: Rig, **fields: Any) -> dict[str, Any]:
    """Make the last message of a job for "a red fox"."""
    user = rig.engine.accounts()[0].user_id
    components = [row((f"MJ::JOB::upsample::1::{JOB}", "U1"))]
    final = {"content": f"**a red fox** - <@{user}> (fast)", "attachments": [PICTURE], "components": components}
    return a_message(rig, **final | fields)


async def in_flight(rig: Rig) -> tuple[Task, Attempt]:
    """Start a job that shows its first message and nothing more."""
    task = await rig.imagine("a red fox __hang")
    task = await rig.until(task.id, State.SUBMITTED)
    await eventually(lambda: has_message(rig, task), "its first message is there")
    assert task.account_id is not None
    [attempt] = await rig.store.recent_attempts(task.account_id, task.created_at)
    return task, attempt


def about(rig: Rig, payload: Payload, attempt: Attempt) -> dict[str, Any]:
    """Say a payload about an Attempt: with its nonce, its Interaction, or as a reply to or an edit of its message.

    One that names neither comes as a reply.
    """
    data = addressed(rig, payload.data)
    progress, names_it = attempt.message_ids[0], False
    for key in ("interaction", "interaction_metadata"):
        if data.get(key):
            data[key], names_it = data[key] | {"id": attempt.interaction_id}, True
    if data.get("nonce"):
        data["nonce"], names_it = attempt.nonce, True
    if payload.event == "MESSAGE_UPDATE" and not names_it:
        return data | {"id": progress}
    if data.get("message_reference") or not names_it:
        data["message_reference"] = {"message_id": progress}
    return data


def addressed(rig: Rig, data: dict[str, Any]) -> dict[str, Any]:
    """Say a payload to the account's own user, in its channel, now."""
    account = rig.engine.accounts()[0]
    told = json.loads(json.dumps(data).replace(USER_THERE, str(account.user_id)))
    place = {"channel_id": account.channel_id, "guild_id": account.guild_id}
    return dict(told | place)


def a_message(rig: Rig, **fields: Any) -> dict[str, Any]:
    """Make a whole message of the bot in the account's channel."""
    account = rig.engine.accounts()[0]
    return {
        "id": rig.simulator.world.ids.next(),
        "type": 0,
        "channel_id": account.channel_id,
        "guild_id": account.guild_id,
        "author": {"id": MJ, "username": "Midjourney Bot", "discriminator": "9282", "bot": True},
        "content": "",
        "flags": 0,
        "embeds": [],
        "attachments": [],
        "components": [],
        "mentions": [],
        "mention_roles": [],
        "mention_everyone": False,
        "pinned": False,
        "tts": False,
        "timestamp": "2026-01-01T00:00:00+00:00",
        "edited_timestamp": None,
    } | fields


async def said(rig: Rig, event: str, data: dict[str, Any]) -> None:
    """Have the simulator's gateway send an event."""
    await rig.control("events", account=1, event=event, data=data)
