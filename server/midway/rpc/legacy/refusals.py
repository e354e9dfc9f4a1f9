"""Refusals as the old API reports them: a code and a sentence, with HTTP status 200."""

import functools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from midjourney.legacy.v1 import legacy_pb2

from midway.domain.errors import InvalidField, Reason, Refusal, TooLong
from midway.rpc.errors import refusal_from
from midway.rpc.interceptors import Context
from midway.rpc.legacy import texts
from midway.rpc.legacy.results import Property, result
from midway.rpc.legacy.texts import Code
from midway.store.port import TaskUnreadable

Text = str | Callable[[Refusal], str]


class BadParameter(Exception):
    """The old API refuses the request with code 4, before any other check."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True, slots=True)
class Told:
    """How a reason is reported; the sentence may depend on the refusal."""

    code: Code
    text: Text
    properties: Mapping[str, str] = field(default_factory=dict)  # key of the refusal's metadata -> old name


def _wrong_field(refusal: Refusal) -> str:
    if not isinstance(refusal, InvalidField):
        return texts.PARAMETERS_WRONG
    sentences = TOO_LONG_TEXTS if isinstance(refusal, TooLong) else FIELD_TEXTS
    return sentences.get(refusal.field) or _generic_sentence(refusal)


def _bad_picture(refusal: Refusal) -> str:
    if not isinstance(refusal, InvalidField):
        return texts.BASE64_WRONG
    field = old_field(refusal.field)
    return _generic_sentence(refusal) if field == MASK else PICTURE_TEXTS.get(field, texts.BASE64_WRONG)


def _generic_sentence(refusal: InvalidField) -> str:
    return f"{old_field(refusal.field)}参数错误: {refusal.problem}"


_PICTURE = {"field": "field"}  # tells which picture it is; an addition to the old API
# Without the cause: these sentences are shown to end users; the operator finds the cause with `midway accounts`.
_NO_ACCOUNT = Told(Code.FAILURE, texts.NO_ACCOUNT)
_BANNED = {"prompt_en": "promptEn", "banned_word": "bannedWord"}

MASK = "maskBase64"

# The engine's field names -> those of the old API, where they differ.
OLD_FIELDS: dict[str, str] = {
    "mask": MASK,
    "images": "base64Array",
    "batch_size": "batchSize",
    "custom_id": "customId",
    "task_id": "taskId",
    "parent_id": "taskId",
    "job_id": "jobId",
    "options.client_state": "state",
    "options.notify_url": "notifyHook",
    "options.account_id": "accountFilter.instanceId",
    "options.speed": "accountFilter.modes",
    "options.remix": "accountFilter.remix",
}

# The old API's own sentences. For other fields a sentence is made from the refusal's problem.
FIELD_TEXTS: dict[str, str] = {
    "index": texts.INDEX_WRONG,
    "image": texts.FIRST_FRAME_MISSING,
    "dimensions": texts.DIMENSIONS_WRONG,
    "job_id": texts.JOB_ID_WRONG,
}
TOO_LONG_TEXTS: dict[str, str] = {
    "options.client_state": texts.STATE_TOO_LONG,
    "options.notify_url": texts.NOTIFY_HOOK_TOO_LONG,
}
PICTURE_TEXTS: dict[str, str] = {"link": texts.LINK_WRONG}

# Reasons that are missing here are not decisions of the domain and stay gRPC errors (store down, missing key).
TOLD: dict[Reason, Told] = {
    Reason.FIELD_INVALID: Told(Code.VALIDATION_ERROR, _wrong_field),
    Reason.INVALID_IMAGE: Told(Code.VALIDATION_ERROR, _bad_picture, _PICTURE),
    Reason.IMAGE_TOO_LARGE: Told(Code.VALIDATION_ERROR, texts.PICTURE_TOO_LARGE, _PICTURE),
    Reason.BANNED_PROMPT: Told(Code.BANNED_PROMPT, texts.BANNED, _BANNED),
    Reason.TASK_NOT_FOUND: Told(Code.VALIDATION_ERROR, texts.NO_PARENT),
    Reason.PARENT_NOT_FOUND: Told(Code.VALIDATION_ERROR, texts.NO_PARENT),
    Reason.PARENT_EXPIRED: Told(Code.VALIDATION_ERROR, texts.NO_PARENT),
    Reason.TASK_UNREADABLE: Told(Code.VALIDATION_ERROR, texts.NO_PARENT),  # "does not exist, or is not valid any more"
    Reason.SEED_NOT_FOUND: Told(Code.NOT_FOUND, texts.NO_SEED),
    Reason.PARENT_NOT_SUCCEEDED: Told(Code.VALIDATION_ERROR, texts.WRONG_PARENT_STATE),
    Reason.TASK_NOT_AWAITING_INPUT: Told(Code.VALIDATION_ERROR, texts.WRONG_PARENT_STATE),
    Reason.ACTION_NOT_ALLOWED: Told(Code.VALIDATION_ERROR, texts.NO_CHANGE_OF_PARENT),
    Reason.BUTTON_NOT_FOUND: Told(Code.VALIDATION_ERROR, texts.NO_BUTTON),
    Reason.TOO_MANY_CALLS: Told(Code.QUEUE_REJECTED, texts.QUEUE_FULL),
    Reason.QUEUE_FULL: Told(Code.QUEUE_REJECTED, texts.QUEUE_FULL),
    Reason.ACCOUNT_NOT_FOUND: _NO_ACCOUNT,
    Reason.NO_ACCOUNT: _NO_ACCOUNT,
    Reason.ACCOUNT_UNAVAILABLE: _NO_ACCOUNT,
    Reason.ACCOUNT_INVALID: _NO_ACCOUNT,
    Reason.UPLOAD_FAILED: Told(Code.FAILURE, texts.UPLOAD_FAILED),
    Reason.IMAGE_NOT_AVAILABLE: Told(Code.VALIDATION_ERROR, texts.WRONG_PARENT_STATE),
    Reason.NOT_IMPLEMENTED: Told(Code.FAILURE, texts.NOT_SUPPORTED),
}


def old_field(name: str) -> str:
    """Return the old API's name of a field; an array index is kept."""
    field, bracket, place = name.partition("[")
    return OLD_FIELDS.get(field, field) + bracket + place


Service = TypeVar("Service")
Request = TypeVar("Request")
Method = Callable[[Service, Request, Context], Awaitable[legacy_pb2.SubmitResult]]


def answering(
    special: Mapping[Reason, Told] | None = None,
) -> Callable[[Method[Service, Request]], Method[Service, Request]]:
    """Decorate an RPC to answer refusals with the old codes and sentences; `special` overrides some of them."""
    told = {**TOLD, **(special or {})}

    def decorate(method: Method[Service, Request]) -> Method[Service, Request]:
        @functools.wraps(method)
        async def answered(self: Service, request: Request, context: Context) -> legacy_pb2.SubmitResult:
            try:
                return await method(self, request, context)
            except BadParameter as err:
                return result(Code.VALIDATION_ERROR, err.text)
            except (Refusal, TaskUnreadable) as outcome:
                # No local variable for the refusal: it and its traceback would form a cycle that keeps the request.
                answer = _answer(refusal_from(outcome), told)
                if answer is None:
                    raise
                return answer

        return answered

    return decorate


def _answer(refusal: Refusal, told_by_reason: Mapping[Reason, Told]) -> legacy_pb2.SubmitResult | None:
    told = told_by_reason.get(refusal.reason)
    if told is None:
        return None
    text = told.text if isinstance(told.text, str) else told.text(refusal)
    properties: dict[str, Property] = {
        told.properties[key]: old_field(value) if key == "field" else value
        for key, value in refusal.metadata.items()
        if key in told.properties
    }
    return result(told.code, text, properties=properties)
