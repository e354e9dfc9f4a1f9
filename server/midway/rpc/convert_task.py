"""Converts Tasks and Accounts to the contract's messages."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp
from midjourney.v1 import account_pb2, task_pb2
from msgspec.structs import asdict

from midway.domain.account import Account
from midway.domain.action import ModalKind
from midway.domain.errors import Reason
from midway.domain.image import Image
from midway.domain.task import Failure, ModalAsk, State, Task
from midway.rpc.enums import ACCOUNT_STATES, ACTIONS, BOTS, REASONS, SPEEDS, STATES
from midway.rpc.picture_links import PictureLinks


def message_from_task(task: Task, links: PictureLinks, links_end: int) -> task_pb2.Task:
    """Return the Task as a message, with the clients' links; the path expires at `links_end` (Unix seconds)."""
    path, task = links.path(task, links_end), links.shown(task)
    message = task_pb2.Task(
        id=task.id,
        revision=task.revision,
        state=STATES.value(task.state),
        progress_percent=task.progress,
        final_prompt=task.final_prompt,
        result_prompts=task.result_prompts,
        buttons=map(asdict, task.buttons),  # type: ignore[arg-type]  # dicts take half the time of messages
        failure=_failure(task),
        notices=task.notices,
        late=task.late,
        account_id=task.account_id or "",
        channel_id=task.channel_id or "",
        message_id=task.message_id or "",
        message_flags=task.message_flags,
        job_id=task.job_id or "",
        seed=int(task.seed) if task.seed else None,
        modal=_modal(task.modal),
        batch_task_ids=task.batch,
    )
    _add_ask(message, task)
    _add_images(message, task, path)
    _add_times(message, task)
    return message


def _add_ask(message: task_pb2.Task, task: Task) -> None:
    ask = task.ask
    message.action = ACTIONS.value(ask.action)
    message.bot_type = BOTS.value(ask.bot)
    if speed := task.actual_speed or ask.speed:
        message.speed = SPEEDS.value(speed)
    message.prompt = ask.prompt
    message.prompt_en = ask.prompt_en
    message.description = ask.description
    message.parent_task_id = ask.parent_id or ""
    message.custom_id = ask.custom_id
    message.index = ask.index or 0
    message.client_state = ask.client_state
    message.notify_url = ask.notify_url


def _add_images(message: task_pb2.Task, task: Task, path: str) -> None:
    if task.image is None:
        return
    message.image.CopyFrom(_image(task.image, path, preview=not task.has_final_picture))
    if task.has_final_picture:
        message.images.append(message.image)


def _add_times(message: task_pb2.Task, task: Task) -> None:
    _set_time(message.create_time, task.created_at)
    _set_time(message.update_time, task.updated_at)
    if task.started_at:
        _set_time(message.start_time, task.started_at)
    if task.finished_at:
        _set_time(message.finish_time, task.finished_at)
    if task.input_deadline:
        _set_time(message.input_deadline, task.input_deadline)


def _set_time(field: Timestamp, moment: datetime) -> None:
    field.seconds = int(moment.timestamp())  # FromDatetime is ten times slower
    field.nanos = moment.microsecond * 1000


def _image(image: Image, path: str, *, preview: bool) -> task_pb2.Image:
    return task_pb2.Image(
        url=image.url,
        width=image.width,
        height=image.height,
        content_type=image.content_type,
        size_bytes=image.size_bytes,
        preview=preview,
        path=path,
    )


def _failure(task: Task) -> task_pb2.Failure | None:
    failure = task.failure or _cancelled(task)
    if failure is None:
        return None
    return task_pb2.Failure(
        reason=REASONS.value(failure.reason), message=failure.message, upstream_title=failure.upstream_title
    )


def _cancelled(task: Task) -> Failure | None:
    return Failure(Reason.CANCELLED_BY_CLIENT, "CancelTask ended it") if task.state is State.CANCELLED else None


def _modal(modal: ModalAsk | None) -> task_pb2.ModalPrompt | None:
    if modal is None:
        return None
    return task_pb2.ModalPrompt(title=modal.title, prompt=modal.prompt, needs_mask=modal.kind is ModalKind.REGION)


def message_from_account(account: Account) -> account_pb2.Account:
    """Return the Account as a message; it never holds the token."""
    message = account_pb2.Account(
        id=account.id,
        state=ACCOUNT_STATES.value(account.state),
        reason=account.reason,
        user_id=account.user_id or "",
        user_name=account.user_name,
        guild_id=account.guild_id or "",
        channel_id=account.channel_id,
        slot_count=account.slots,
        running_count=account.running,
        queued_count=account.queued,
        queue_limit=account.max_queued,
        remix=account.remix,
        unknown_remark_count=account.unknown_remarks,
    )
    _set_time(message.state_time, account.since)
    return message
