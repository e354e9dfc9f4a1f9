"""Maps the exceptions of the domain and the Store to gRPC statuses with AIP-193 details.

Every status carries an ErrorInfo. Where they apply, a BadRequest names the field, a ResourceInfo the missing resource,
a PreconditionFailure the reason why each Account takes no work, and a RetryInfo the time to wait.
"""

from collections.abc import Iterator
from datetime import timedelta

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from midway.domain.errors import (
    Conflict,
    Exhausted,
    InvalidField,
    NoAccount,
    NotFound,
    Reason,
    Refusal,
    Unavailable,
    Unreadable,
    Unsupported,
)
from midway.store.port import RequestIdReused, StoreUnavailable, TaskUnreadable, WriteInDoubt
from midway.store.watch import UnknownTask, WatchClosed

DOMAIN = "midway"
INTERNAL = "ERROR_REASON_INTERNAL"  # a bug, for which there is no Refusal; also the reason of Tasks that met one
Outcome = Refusal | StoreUnavailable | TaskUnreadable | RequestIdReused | UnknownTask | WatchClosed
OUTCOMES = (Refusal, StoreUnavailable, TaskUnreadable, RequestIdReused, UnknownTask, WatchClosed)

CODE_OF_CLASS: dict[type[Refusal], "code_pb2.Code.ValueType"] = {
    InvalidField: code_pb2.INVALID_ARGUMENT,
    NotFound: code_pb2.NOT_FOUND,
    Conflict: code_pb2.FAILED_PRECONDITION,
    Exhausted: code_pb2.RESOURCE_EXHAUSTED,
    Unavailable: code_pb2.UNAVAILABLE,
    Unsupported: code_pb2.UNIMPLEMENTED,
    Unreadable: code_pb2.DATA_LOSS,
}

# Reasons whose status code differs from that of their exception class.
CODE_OF_REASON: dict[Reason, "code_pb2.Code.ValueType"] = {
    Reason.BANNED_PROMPT: code_pb2.INVALID_ARGUMENT,
    Reason.REQUEST_ID_REUSED: code_pb2.ALREADY_EXISTS,
    Reason.UNAUTHENTICATED: code_pb2.UNAUTHENTICATED,
}

# How long a client should wait before it retries. For reasons without an entry, waiting does not help.
RETRY_AFTER: dict[Reason, timedelta] = {
    Reason.QUEUE_FULL: timedelta(seconds=10),  # about the time of one fast picture
    Reason.ACCOUNT_UNAVAILABLE: timedelta(seconds=30),
    Reason.STORE_UNAVAILABLE: timedelta(seconds=5),
    Reason.SHUTTING_DOWN: timedelta(seconds=2),  # a restart
    Reason.TOO_MANY_CALLS: timedelta(seconds=2),
    Reason.UPLOAD_FAILED: timedelta(seconds=5),
}

# Characters. A status is sent in trailers, of which clients accept 8 KiB. The message may quote what the client sent,
# percent-encoded and in several places; if the trailers were larger, clients would see a different error.
LONGEST_MESSAGE = 200
LONGEST_NAME = 64
MOST_HINDRANCES = 8

# Metadata key -> the resource's type as ResourceInfo names it.
RESOURCES = {
    "task_id": "midjourney.v1.Task",
    "account_id": "midjourney.v1.Account",
    "dead_letter_id": "midjourney.v1.DeadLetter",
}

# Metadata key -> the prefix that the contract's enum has and the domain's has not.
ENUM_PREFIXES = {"state": "STATE_", "action": "ACTION_"}


def shutting_down() -> Refusal:
    """Return the refusal for a server that is stopping; a client resumes its watch elsewhere or later."""
    return Unavailable(Reason.SHUTTING_DOWN, "the server is stopping; Tasks continue after its next start")


def refusal_from(error: Outcome) -> Refusal:
    """Convert what the Store raised to a Refusal; a Refusal is returned as it is."""
    match error:
        case NotFound() if any(len(name) > LONGEST_NAME for name in error.metadata.values()):
            return NotFound(error.reason, "there is nothing with so long an id")  # quoted, the id would fill the status
        case Refusal():
            return error
        case RequestIdReused():
            message = "request_id was already used with a different request; use a new one"
            return Conflict(Reason.REQUEST_ID_REUSED, message, task_id=error.task_id)
        case TaskUnreadable():
            message = "the stored data of this Task cannot be read and was set aside; see the server's log"
            return Unreadable(Reason.TASK_UNREADABLE, message, task_id=error.task_id)
        case UnknownTask():
            return task_not_found(error.task_id)
        case WatchClosed():
            return shutting_down()
        case WriteInDoubt():
            message = "the database file was removed during the write; retry with the same request_id"
            return Unavailable(Reason.STORE_UNAVAILABLE, message)
        case StoreUnavailable():
            return Unavailable(Reason.STORE_UNAVAILABLE, "the store is not available; nothing was stored")


def task_not_found(task_id: str) -> NotFound:
    """Return the refusal for an id that no Task has."""
    return NotFound(Reason.TASK_NOT_FOUND, f"there is no Task {task_id!r}", task_id=task_id)


def status_from(error: Outcome) -> status_pb2.Status:
    """Return the status that a client gets for this error."""
    refusal = refusal_from(error)
    return _status(_code(refusal), _shortened(refusal.message), *_details(refusal))


def internal_status() -> status_pb2.Status:
    """Return the status for a bug in this server; it reveals no internals."""
    return _status(code_pb2.INTERNAL, "internal error", _error_info(INTERNAL, {}))


async def abort(
    context: grpc.aio.ServicerContext[Message, Message], status: status_pb2.Status
) -> None:  # grpc.aio has no abort_with_status
    """End the call with this status; always raises."""
    rich = rpc_status.to_status(status)
    await context.abort(rich.code, rich.details, rich.trailing_metadata)


def _code(refusal: Refusal) -> "code_pb2.Code.ValueType":
    by_class = (code for kind, code in CODE_OF_CLASS.items() if isinstance(refusal, kind))
    return CODE_OF_REASON.get(refusal.reason) or next(by_class, code_pb2.FAILED_PRECONDITION)


def _details(refusal: Refusal) -> Iterator[Message]:
    yield _error_info(f"ERROR_REASON_{refusal.reason.name}", refusal.metadata)
    if isinstance(refusal, InvalidField):
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=refusal.field, description=_shortened(refusal.problem)
        )
        yield error_details_pb2.BadRequest(field_violations=[violation])
    if isinstance(refusal, NotFound):
        yield from _resource_info(refusal)
    if isinstance(refusal, NoAccount):
        yield _precondition_failure(refusal)
    elif refusal.reason in RETRY_AFTER:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromTimedelta(RETRY_AFTER[refusal.reason])
        yield retry


def _precondition_failure(refusal: NoAccount) -> error_details_pb2.PreconditionFailure:
    """List why each Account takes no work; only the first few if there are many."""
    failure = error_details_pb2.PreconditionFailure()
    for hindrance in refusal.hindrances[:MOST_HINDRANCES]:
        kind = ENUM_PREFIXES["state"] + hindrance.state
        failure.violations.add(type=kind, subject=hindrance.account_id, description=_shortened(hindrance.why))
    return failure


def _error_info(reason: str, metadata: dict[str, str]) -> error_details_pb2.ErrorInfo:
    return error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN, metadata=dict(_contract_words(metadata)))


def _contract_words(metadata: dict[str, str]) -> Iterator[tuple[str, str]]:
    for key, value in metadata.items():
        prefix = ENUM_PREFIXES.get(key, "")
        yield key, _shortened(prefix + value.removeprefix(prefix), LONGEST_NAME)


def _resource_info(refusal: NotFound) -> Iterator[error_details_pb2.ResourceInfo]:
    for key, kind in RESOURCES.items():
        if name := refusal.metadata.get(key):
            yield error_details_pb2.ResourceInfo(
                resource_type=kind,
                resource_name=_shortened(name, LONGEST_NAME),
                description=_shortened(refusal.message),
            )


def _shortened(text: str, longest: int = LONGEST_MESSAGE) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _status(code: "code_pb2.Code.ValueType", message: str, *details: Message) -> status_pb2.Status:
    status = status_pb2.Status(code=code, message=message)
    for detail in details:
        packed = Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status
