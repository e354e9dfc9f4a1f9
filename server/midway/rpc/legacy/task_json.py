"""A Task as the old API shows it, as a message and as JSON."""

from datetime import datetime

import orjson
from google.protobuf import json_format
from google.protobuf.message import Message
from midjourney.legacy.v1 import legacy_pb2

from midway.domain.action import Action
from midway.domain.image import Button
from midway.domain.task import State, Task
from midway.rpc.legacy import texts
from midway.rpc.legacy.results import Property
from midway.rpc.legacy.status import action_name, status_from

NOT_BEGUN = frozenset({State.QUEUED, State.AWAITING_INPUT, State.SUBMITTING})
FOUND_IN_PANEL = frozenset({Action.DESCRIBE, Action.SHORTEN})


def render(task: Task) -> bytes:
    """Return the Task's JSON, as fetch answers it and webhooks carry it."""
    return json_from(old_task(task))


def json_from(*messages: Message, array: bool = False) -> bytes:
    """Return messages as compact JSON, numbers without a fraction as integers: old clients decode them as such."""
    plain = [_plain(json_format.MessageToDict(message)) for message in messages]
    return orjson.dumps(plain if array else plain[0])


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def old_task(task: Task) -> legacy_pb2.Task:
    """Return the Task as the old API's message."""
    found = _found_text(task)
    message = legacy_pb2.Task(
        id=task.id,
        action=action_name(task.action),
        status=status_from(task.state),
        prompt=found if task.action is Action.DESCRIBE and found else task.ask.modal_prompt or task.ask.prompt,
        prompt_en=found if task.action is Action.DESCRIBE and found else task.ask.modal_prompt or task.ask.prompt_en,
        description=task.ask.description,
        state=task.ask.client_state,
        submit_time=_milliseconds(task.created_at),
        start_time=_milliseconds(task.started_at) if task.started_at else None,
        finish_time=_milliseconds(task.finished_at) if task.finished_at else None,
        progress=progress_text(task),
        fail_reason=fail_reason(task),
        buttons=map(_button, task.buttons),
        parent_id=task.ask.parent_id,
        bot_type=task.ask.bot.value,
        job_id=task.job_id,
    )
    if speed := task.actual_speed or task.ask.speed:
        message.mode = speed.name
    _add_picture(message, task)
    message.properties.update(_properties(task, found))
    return message


def _found_text(task: Task) -> str:
    """Return what a describe or shorten found, as one text."""
    return task.result_text or "\n\n".join(task.result_prompts)


def progress_text(task: Task) -> str:
    """Return the progress: clients end at exactly "100%", and take "" after a failure."""
    if task.state in NOT_BEGUN or task.failure or task.state is State.CANCELLED:
        return ""
    return f"{task.progress}%"


def fail_reason(task: Task) -> str:
    """Return why a Task failed, never blank then: clients refund on it, and wait for ever without it."""
    if task.state is State.CANCELLED:
        return texts.CANCELLED
    if task.failure is None:
        return ""
    message, title = task.failure.message or task.failure.reason.value, task.failure.upstream_title
    return message if title in message else f"[{title}] {message}"


def _milliseconds(moment: datetime) -> float:
    # Whole ones: a fraction makes a client that decodes an integer drop its whole batch.
    return float(round(moment.timestamp() * 1000))


def _button(button: Button) -> legacy_pb2.Button:
    return legacy_pb2.Button(
        custom_id=button.custom_id, emoji=button.emoji, label=button.label, type=button.type, style=button.style
    )


def _add_picture(message: legacy_pb2.Task, task: Task) -> None:
    image = task.image
    if image is None:
        return
    message.image_url = image.url
    if image.width and image.height:
        message.image_width, message.image_height = image.width, image.height
    if task.action is Action.VIDEO and task.state is State.SUCCEEDED:
        message.video_url = image.url
        message.video_urls.add(url=image.url, thumbnail=image.url)


def _properties(task: Task, found: str) -> dict[str, Property]:
    ask = task.ask
    known: dict[str, Property | None] = {
        "discordInstanceId": task.account_id,
        "discordChannelId": task.channel_id,
        "messageId": task.message_id,
        "messageHash": task.job_id,
        "finalPrompt": task.final_prompt or (found if task.action in FOUND_IN_PANEL else ""),
        "messageContent": task.result_text,
        "notifyHook": ask.notify_url,
        "custom_id": ask.custom_id,
        "action_index": ask.index,
    }
    properties: dict[str, Property] = {key: value for key, value in known.items() if value}
    if task.message_id:
        properties["flags"] = task.message_flags
    if task.action is Action.SHORTEN:
        properties["finalZhPrompt"] = ""  # one client falls back to finalPrompt only when it is exactly this
    return properties | {"botType": ask.bot.value}
