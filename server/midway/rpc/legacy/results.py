"""SubmitResult: the old API's answer to everything but a read."""

from collections.abc import Mapping

from google.protobuf.struct_pb2 import Value
from midjourney.legacy.v1 import legacy_pb2

from midway.domain.task import State, Task
from midway.engine.buttons import IMAGINE_ALL
from midway.engine.placing import Placed
from midway.rpc.legacy import texts
from midway.rpc.legacy.status import status_from
from midway.rpc.legacy.texts import Code

Property = str | int | bool | list[str]


def result(
    code: Code,
    description: str,
    value: str | list[str] | None = None,
    properties: Mapping[str, Property] | None = None,
) -> legacy_pb2.SubmitResult:
    """Build an answer. All four keys are always there: clients read `properties`, and expect null, not a lack of it."""
    message = legacy_pb2.SubmitResult(code=code, description=description, result=_json_value(value))
    message.properties.SetInParent()  # an empty one would be left out of the JSON
    message.properties.update(dict(properties or {}))
    return message


def _json_value(value: str | list[str] | None) -> Value:
    if value is None:
        return Value(null_value=0)  # type: ignore[arg-type]  # the stubs want NullValue, which is the number 0
    if isinstance(value, str):
        return Value(string_value=value)
    message = Value()
    message.list_value.extend(value)
    return message


def result_from_placed(placed: Placed) -> legacy_pb2.SubmitResult:
    """Return the answer to a submit: existing, waiting for a modal, queued or submitted.

    `result` is one Task's id, which clients look up; only for "Imagine all" the old API lists every id there.
    """
    task = placed.task
    ids = ",".join(task.batch) if task.batch and task.ask.custom_id == IMAGINE_ALL else task.id
    place = _place(task)
    if placed.created and task.state is State.AWAITING_INPUT:
        proposed = task.modal.prompt if task.modal else ""
        return result(Code.EXISTED, texts.WAITING_FOR_MODAL, ids, place | {"finalPrompt": proposed, "remix": True})
    if placed.ahead > 0:
        return result(Code.IN_QUEUE, texts.queued(placed.ahead), ids, place | {"numberOfQueues": placed.ahead})
    return result(Code.SUCCESS, texts.SUBMITTED, ids, place)


def result_from_change(placed: Placed) -> legacy_pb2.SubmitResult:
    """Return the answer to a change: as for a submit, but code 21 for an upscale that already exists.

    A press never gets 21 for that: one client would take it for a waiting modal.
    """
    if placed.created:
        return result_from_placed(placed)
    task = placed.task
    image_url = task.image.url if task.image else ""
    return result(Code.EXISTED, texts.EXISTS, task.id, {"status": status_from(task), "imageUrl": image_url})


def _place(task: Task) -> dict[str, Property]:
    where: dict[str, Property | None] = {
        "discordInstanceId": task.account_id,
        "discordChannelId": task.channel_id,
        "taskIds": list(task.batch),
    }
    return {key: value for key, value in where.items() if value}
