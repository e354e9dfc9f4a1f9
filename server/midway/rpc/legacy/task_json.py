"""A Task's JSON in the old API: the same bytes in fetch, lists and webhooks.

Every key of `midjourney.legacy.v1.Task` is there, in its order, and null while unknown. Old clients break on a missing
key, on "" as failReason, and on an empty `buttons` or `videoUrls`, which hides the picture; none breaks on null.
"""

from datetime import datetime

import orjson

from midway.domain.action import Action
from midway.domain.image import Button, Image
from midway.domain.notice import NOT_YET_TAKEN, told_state
from midway.domain.prompt import is_of_film
from midway.domain.task import State, Task
from midway.rpc.legacy.fail_reason import fail_reason
from midway.rpc.legacy.results import Property
from midway.rpc.legacy.status import action_name, status_from

FOUND_IN_PANEL = frozenset({Action.DESCRIBE, Action.SHORTEN})


def render(task: Task) -> bytes:
    """Return the Task as compact JSON, one object."""
    return orjson.dumps(old_task(task))


def old_task(task: Task) -> dict[str, object]:
    """Return the old API's keys with plain values; times are whole epoch milliseconds."""
    ask, found = task.ask, _found_text(task)
    described = found if task.action is Action.DESCRIBE else ""
    speed = task.actual_speed or ask.speed
    return {
        "id": task.id,
        "action": action_name(task.action),
        "status": status_from(task),
        "prompt": described or ask.modal_prompt or ask.prompt or None,
        "promptEn": described or ask.modal_prompt or ask.prompt_en or None,
        "description": ask.description or None,
        "state": ask.client_state or None,
        "submitTime": _milliseconds(task.created_at),
        "startTime": _milliseconds(task.started_at),
        "finishTime": _milliseconds(task.finished_at),
        "imageUrl": task.image.url if task.image else None,
        "progress": progress_text(task),
        "failReason": fail_reason(task),
        "properties": _properties(task, found),
        "buttons": [_button(button) for button in task.buttons] or None,
        "parentId": ask.parent_id,
        "botType": ask.bot.value,
        "jobId": task.job_id,
        "mode": speed.name if speed else None,
        **_size(task),
        **_film(task),
    }


def _found_text(task: Task) -> str:
    """Return what a describe or shorten found, as one text."""
    return task.result_text or "\n\n".join(task.result_prompts)


def progress_text(task: Task) -> str:
    """Return the progress, "" before the start and after a failure; clients stop polling at exactly "100%"."""
    if told_state(task) in NOT_YET_TAKEN or task.failure or task.state is State.CANCELLED:
        return ""
    return f"{task.progress}%"


def _milliseconds(moment: datetime | None) -> int | None:
    # Integers: one client decodes an integer, and on a fraction drops its whole batch.
    return round(moment.timestamp() * 1000) if moment else None


def _button(button: Button) -> dict[str, Property]:
    return {
        "customId": button.custom_id,
        "emoji": button.emoji,
        "label": button.label,
        "type": button.type,
        "style": button.style,
    }


def _size(task: Task) -> dict[str, int | None]:
    image = task.image
    if image is None or not (image.width and image.height):
        return {"imageWidth": None, "imageHeight": None}
    return {"imageWidth": image.width, "imageHeight": image.height}


def _film(task: Task) -> dict[str, object]:
    if task.image is None or not _is_film(task, task.image):
        return {"videoUrl": None, "videoUrls": None}
    url = task.image.url
    return {"videoUrl": url, "videoUrls": [{"url": url, "thumbnail": url}]}


def _is_film(task: Task, image: Image) -> bool:
    """Tell whether a Task's result is a film. Some films arrive as an animated picture, which counts as a picture."""
    is_asked_for = task.action is Action.VIDEO or is_of_film(task.final_prompt)
    return task.state is State.SUCCEEDED and is_asked_for and not image.content_type.startswith("image/")


def _properties(task: Task, found: str) -> dict[str, Property]:
    ask = task.ask
    known: dict[str, Property | None] = {
        "botType": ask.bot.value,
        "discordInstanceId": task.account_id,
        "discordChannelId": task.channel_id,
        "messageId": task.message_id,
        "messageHash": task.job_id,
        "finalPrompt": task.final_prompt or (found if task.action in FOUND_IN_PANEL else ""),
        "messageContent": task.result_text,
        "notifyHook": ask.notify_url,
        "custom_id": ask.custom_id,
        "action_index": ask.index,
        "taskIds": list(task.batch),
    }
    properties: dict[str, Property] = {key: value for key, value in known.items() if value}
    if task.message_id:
        properties["flags"] = task.message_flags
    if task.action is Action.SHORTEN:
        properties["finalZhPrompt"] = ""  # one client falls back to finalPrompt only when it is exactly this
    return properties
