"""Converts requests of the old API to Asks.

Raises BadParameter with the old API's own sentence for an invalid request, checking in the old API's order.
"""

import re
from collections.abc import Sequence

from google.protobuf.struct_pb2 import Value
from midjourney.legacy.v1 import legacy_request_pb2 as requests
from msgspec import Struct
from msgspec.structs import replace

from midway.domain.account import Account
from midway.domain.action import Action, Motion, Speed
from midway.domain.ids import JOB_ID, JobId, TaskId
from midway.domain.task import END_LOOP, Ask, VideoAsk
from midway.engine.commands import VIDEO_BATCHES
from midway.outbound.address import MAX_URL_CHARACTERS
from midway.rpc.enums import SQUARE
from midway.rpc.legacy import texts
from midway.rpc.legacy.refusals import BadParameter
from midway.rpc.legacy.values import (
    bot_from,
    filter_account,
    filter_remix,
    filter_speed,
    is_nested,
    number_from,
    text_from,
)

CHANGES = {"UPSCALE": Action.UPSCALE, "VARIATION": Action.VARIATION, "REROLL": Action.REROLL}
DIMENSIONS = {"": SQUARE, "PORTRAIT": "2:3", "SQUARE": SQUARE, "LANDSCAPE": "3:2"}
MOTIONS = {"": None, "low": Motion.LOW, "high": Motion.HIGH}
PICTURES_FROM_0 = range(4)
# Two words. The old API ignored everything after the first digit: "u12" is U1.
_SIMPLE_CHANGE = re.compile(r"(?P<task_id>\S+) (?:(?P<change>[uv])(?P<index>[1-4])\S*|(?P<reroll>r))", re.IGNORECASE)

Common = (
    requests.SubmitImagineRequest
    | requests.SubmitDescribeRequest
    | requests.SubmitBlendRequest
    | requests.SubmitShortenRequest
    | requests.SubmitShowRequest
    | requests.SubmitVideoRequest
)
FollowUp = requests.SubmitChangeRequest | requests.SubmitSimpleChangeRequest | requests.SubmitActionRequest


class Surroundings(Struct, frozen=True):
    """The context of a request: the speed in the path's prefix, and the Accounts."""

    speed: Speed | None
    accounts: Sequence[Account]


def ask_imagine(request: requests.SubmitImagineRequest, around: Surroundings) -> Ask:
    """Read an imagine, except its pictures."""
    _require(request.prompt, texts.PROMPT_BLANK)
    return replace(_ask(Action.IMAGINE, request, around), prompt=request.prompt)


def ask_shorten(request: requests.SubmitShortenRequest, around: Surroundings) -> Ask:
    """Read a shorten."""
    _require(request.prompt, texts.PROMPT_BLANK)
    return replace(_ask(Action.SHORTEN, request, around), prompt=request.prompt)


def ask_describe(request: requests.SubmitDescribeRequest, around: Surroundings) -> Ask:
    """Read a describe, except its picture."""
    if not request.link.strip():
        _require(request.base64, texts.BASE64_OR_LINK_BLANK)
    return _ask(Action.DESCRIBE, request, around)


def ask_blend(request: requests.SubmitBlendRequest, around: Surroundings) -> Ask:
    """Read a blend, except its pictures."""
    name = request.dimensions.strip().upper()
    if name not in DIMENSIONS:
        raise BadParameter(texts.DIMENSIONS_WRONG)
    return replace(_ask(Action.BLEND, request, around), dimensions=DIMENSIONS[name])


def ask_show(request: requests.SubmitShowRequest, around: Surroundings) -> Ask:
    """Read a show; the job's id may be given in a link."""
    _require(request.job_id, texts.JOB_ID_BLANK)
    found = JOB_ID.search(request.job_id[:MAX_URL_CHARACTERS])
    if found is None:
        raise BadParameter(texts.JOB_ID_WRONG)
    _require(request.account_filter.instance_id, texts.SHOW_NEEDS_INSTANCE)
    return replace(_ask(Action.SHOW, request, around), show_job_id=JobId(found[0].lower()))


def ask_video(request: requests.SubmitVideoRequest, around: Surroundings) -> Ask:
    """Read a video request, except its frames."""
    action, task_id = request.action.strip().lower(), text_from(request.task_id).strip()
    if is_nested(request.task_id):
        raise BadParameter(texts.TASK_ID_BLANK)
    if action not in {"", "extend"}:
        raise BadParameter(texts.ACTION_WRONG)
    if action:
        _require(task_id, texts.TASK_ID_BLANK)
    elif not (task_id or request.image.strip() or request.base64.strip()):
        _require(request.prompt, texts.PROMPT_BLANK)
    motion = request.motion.strip().lower()
    if motion not in MOTIONS:
        raise BadParameter(texts.MOTION_WRONG)
    index, batch_size = number_from(request.index, default=0), number_from(request.batch_size, default=0)
    if index is None or index not in PICTURES_FROM_0:
        raise BadParameter(texts.INDEX_WRONG)
    if batch_size is None or batch_size not in {0, *VIDEO_BATCHES}:
        raise BadParameter(texts.BATCH_SIZE_WRONG)
    ask = _ask(Action.VIDEO, request, around)
    if action:
        given = request.prompt if request.prompt.strip() else None
        video = VideoAsk(motion=MOTIONS[motion], extends=True)
        return replace(ask, parent_id=TaskId(task_id), index=index + 1, modal_prompt=given, video=video)
    has_own = bool(request.image.strip() or request.base64.strip())
    parent_id = TaskId(task_id) if task_id and not has_own else None
    video = VideoAsk(motion=MOTIONS[motion], batch_size=batch_size, end=END_LOOP if request.loop else "")
    return replace(ask, prompt=request.prompt, parent_id=parent_id, index=index + 1 if parent_id else None, video=video)


def ask_change(request: requests.SubmitChangeRequest, around: Surroundings) -> Ask:
    """Read a change; the index defaults to the first picture."""
    task_id = text_from(request.task_id).strip()
    _require(task_id, texts.TASK_ID_BLANK)
    if request.action not in CHANGES:
        raise BadParameter(texts.ACTION_WRONG)
    index = number_from(request.index, default=1)
    if index is None:
        raise BadParameter(texts.INDEX_WRONG)
    return _follow_up(CHANGES[request.action], task_id, index, request, around)


def ask_simple_change(request: requests.SubmitSimpleChangeRequest, around: Surroundings) -> Ask:
    """Read a change given as a single text, such as "1705514776143750 U2"."""
    said = _SIMPLE_CHANGE.fullmatch(request.content.strip())
    if said is None:
        raise BadParameter(texts.CONTENT_WRONG)
    if said["reroll"]:
        return _follow_up(Action.REROLL, said["task_id"], 0, request, around)
    action = Action.UPSCALE if said["change"].lower() == "u" else Action.VARIATION
    return _follow_up(action, said["task_id"], int(said["index"]), request, around)


def ask_press(request: requests.SubmitActionRequest, around: Surroundings) -> Ask:
    """Read a button press."""
    task_id = text_from(request.task_id).strip()
    if not task_id or not request.custom_id.strip():
        raise BadParameter(texts.PARAMETERS_WRONG)
    ask = _follow_up(Action.PRESS, task_id, 0, request, around)
    remix = True if request.enable_remix else filter_remix(request.account_filter)
    return replace(ask, custom_id=request.custom_id, remix=remix)


def modal_task_id(request: requests.SubmitModalRequest) -> TaskId:
    """Read the id of the Task whose modal is answered."""
    task_id = text_from(request.task_id).strip()
    _require(task_id, texts.PARAMETERS_WRONG)
    return TaskId(task_id)


def _ask(action: Action, request: Common, around: Surroundings) -> Ask:
    return Ask(
        action=action,
        bot=bot_from(request.bot_type),
        speed=around.speed or filter_speed(request.account_filter),
        account_id=filter_account(request.account_filter, around.accounts),
        client_state=_state(request.state),
        notify_url=request.notify_hook.strip(),
    )


def _follow_up(action: Action, task_id: str, index: int, request: FollowUp, around: Surroundings) -> Ask:
    return Ask(
        action=action,
        parent_id=TaskId(task_id),
        index=index if action in {Action.UPSCALE, Action.VARIATION} else None,
        speed=around.speed,
        client_state=_state(request.state),
        notify_url=request.notify_hook.strip(),
    )


def _state(value: Value) -> str:
    """Read the client's state, which is echoed in the Task. An object or array is refused: it could not be echoed."""
    if is_nested(value):
        raise BadParameter(texts.STATE_WRONG)
    return text_from(value)


def _require(text: str, problem: str) -> None:
    if not text.strip():
        raise BadParameter(problem)
