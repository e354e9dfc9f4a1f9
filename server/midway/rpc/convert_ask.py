"""What a Submit request asks for, in the domain's words."""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any, Protocol

from google.protobuf.descriptor import FieldDescriptor
from midjourney.v1 import input_pb2, submit_pb2
from msgspec.structs import replace

from midway.domain.action import Action, Bot
from midway.domain.errors import InvalidField
from midway.domain.ids import AccountId, JobId, RequestId, TaskId
from midway.domain.task import END_IMAGE, END_LOOP, Ask, VideoAsk
from midway.rpc.enums import BOTS, CHANGES, MOTIONS, SPEEDS, dimensions_from
from midway.rpc.messages import carries_picture
from midway.rpc.request_pictures import Pictures
from midway.store.port import RequestKey

MAX_REQUEST_ID_CHARACTERS = 64


def ask_imagine(request: submit_pb2.SubmitImagineRequest, pictures: Pictures) -> Ask:
    """Read an imagine."""
    return with_pictures(_ask(Action.IMAGINE, request.options, prompt=request.prompt), pictures)


def ask_change(request: submit_pb2.SubmitChangeRequest) -> Ask:
    """Read a change by index."""
    action = CHANGES.chosen(request.kind, "kind")
    index = None if action is Action.REROLL else request.index
    return _ask(action, request.options, parent_id=TaskId(request.task_id), index=index)


def ask_describe(request: submit_pb2.SubmitDescribeRequest, pictures: Pictures) -> Ask:
    """Read a describe."""
    return with_pictures(_ask(Action.DESCRIBE, request.options), pictures)


def ask_press(request: submit_pb2.SubmitActionRequest, *, has_mask: bool) -> Ask:
    """Read a button press; a mask without a prompt takes the modal's own text."""
    answers_modal = has_mask or request.HasField("prompt")
    return _ask(
        Action.PRESS,
        request.options,
        parent_id=TaskId(request.task_id),
        custom_id=request.custom_id,
        modal_prompt=request.prompt if answers_modal else None,
        has_mask=has_mask,
    )


def ask_blend(request: submit_pb2.SubmitBlendRequest, pictures: Pictures) -> Ask:
    """Read a blend."""
    dimensions = dimensions_from(request.dimensions)
    return with_pictures(_ask(Action.BLEND, request.options, dimensions=dimensions), pictures)


def ask_shorten(request: submit_pb2.SubmitShortenRequest) -> Ask:
    """Read a shorten."""
    return _ask(Action.SHORTEN, request.options, prompt=request.prompt)


def ask_show(request: submit_pb2.SubmitShowRequest) -> Ask:
    """Read a show."""
    return _ask(Action.SHOW, request.options, show_job_id=JobId(request.job_id.strip().lower()))


def ask_video(request: submit_pb2.SubmitVideoRequest, first: Pictures, end: Pictures) -> Ask:
    """Read a video request. `first` is the first frame, unless a Task has it; `end` the last one, a picture or link."""
    if request.loop and end:
        raise InvalidField("loop", "must not be set together with end_image")
    if request.extend:
        return _ask_extension(request, first, end)
    if request.index and not request.task_id:
        raise InvalidField("index", "must not be set without task_id")
    video = VideoAsk(
        motion=MOTIONS.word(request.motion, "motion"),
        batch_size=request.batch_size,
        end=end_of_film(end, loops=request.loop),
    )
    ask = _ask(
        Action.VIDEO,
        request.options,
        prompt=request.prompt,
        parent_id=TaskId(request.task_id) if request.task_id else None,
        index=request.index or None,
        video=video,
    )
    return with_pictures(ask, frames_of_film(first, end))


def _ask_extension(request: submit_pb2.SubmitVideoRequest, first: Pictures, end: Pictures) -> Ask:
    unfit = {"image": first, "end_image": end, "loop": request.loop, "batch_size": request.batch_size}
    if wrong := next((field for field, value in unfit.items() if value), None):
        raise InvalidField(wrong, "must not be set with extend")
    if not request.task_id:
        raise InvalidField("task_id", "must name the task whose film is to be extended")
    has_prompt = bool(request.prompt.strip())
    ask = _ask(
        Action.VIDEO,
        request.options,
        parent_id=TaskId(request.task_id),
        index=request.index or None,
        modal_prompt=request.prompt if has_prompt else None,
        video=VideoAsk(motion=MOTIONS.word(request.motion, "motion"), extends=True),
    )
    return replace(ask, remix=True) if has_prompt else ask


def end_of_film(end: Pictures, *, loops: bool) -> str:
    """Return the value of `VideoAsk.end`."""
    if end.links:
        return end.links[0]
    return END_IMAGE if end.files else END_LOOP if loops else ""


def frames_of_film(first: Pictures, end: Pictures) -> Pictures:
    """Return the pictures of a film's Task: both frames' files to upload, and the link of the first frame."""
    return Pictures((*first.files, *end.files), first.links)


def with_pictures(ask: Ask, pictures: Pictures) -> Ask:
    """Return the Ask with the number of its pictures and their links."""
    if not pictures.files and not pictures.links:
        return ask
    return replace(ask, image_count=len(pictures.files), links=pictures.links)


def _ask(action: Action, options: input_pb2.SubmitOptions, **asked: Any) -> Ask:
    return Ask(
        action=action,
        bot=BOTS.word(options.bot_type, "options.bot_type") or Bot.MIDJOURNEY,
        speed=SPEEDS.word(options.speed, "options.speed"),
        account_id=AccountId(options.account_id) if options.account_id else None,
        remix=options.remix if options.HasField("remix") else None,
        client_state=options.client_state,
        notify_url=options.notify_url,
        **asked,
    )


class _Identified(Protocol):
    """A request with an AIP-155 id."""

    request_id: str

    def ListFields(self) -> Sequence[tuple[FieldDescriptor, Any]]:
        """Return the fields that are set, with their values."""

    def SerializeToString(self, *, deterministic: bool = ...) -> bytes:
        """Return the wire encoding."""


async def request_key(request: _Identified) -> RequestKey | None:
    """Return the request's id with a digest of its other fields; None when it has no id.

    The digest covers the message type: one id cannot be used for both an imagine and a blend.
    """
    if not request.request_id:
        return None
    if len(request.request_id) > MAX_REQUEST_ID_CHARACTERS:
        raise InvalidField("request_id", f"has more than {MAX_REQUEST_ID_CHARACTERS} characters")
    if not any(carries_picture(field) for field, _ in request.ListFields()):
        return RequestKey(RequestId(request.request_id), _digest(request))
    # With pictures the digest takes 100 ms, so it runs in a thread. Even measuring their size first would take time.
    return RequestKey(RequestId(request.request_id), await asyncio.to_thread(_digest, request))


def _digest(request: _Identified) -> str:
    hashed = hashlib.sha256(type(request).__name__.encode() + b"\0")
    hashed.update(request.SerializeToString(deterministic=True))
    return hashed.hexdigest()
