"""The error map covers every word of the domain, and its details are those that AIP-193 asks for."""

import pytest
from google.rpc import code_pb2, error_details_pb2
from midjourney.v1 import error_reason_pb2
from midway.domain.errors import (
    Conflict,
    Exhausted,
    InvalidField,
    NotFound,
    Reason,
    Refusal,
    Unavailable,
    Unsupported,
)
from midway.domain.ids import TaskId
from midway.rpc.errors import Outcome, internal_status, status_from
from midway.store.port import RequestIdReused, StoreUnavailable
from midway.store.watch import UnknownTask, WatchClosed

BEYOND_THE_DOMAIN = {"ERROR_REASON_UNSPECIFIED"}


def test_the_domain_and_the_contract_know_the_same_reasons() -> None:
    contract = set(error_reason_pb2.ErrorReason.keys()) - BEYOND_THE_DOMAIN

    assert contract == {f"ERROR_REASON_{reason.name}" for reason in Reason}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidField("index", "must be 1 to 4"), code_pb2.INVALID_ARGUMENT),
        (InvalidField("prompt", "is banned", Reason.BANNED_PROMPT), code_pb2.INVALID_ARGUMENT),
        (NotFound(Reason.TASK_NOT_FOUND, "gone"), code_pb2.NOT_FOUND),
        (Conflict(Reason.PARENT_NOT_SUCCEEDED, "runs"), code_pb2.FAILED_PRECONDITION),
        (Exhausted(Reason.QUEUE_FULL, "full"), code_pb2.RESOURCE_EXHAUSTED),
        (Unavailable(Reason.NO_ACCOUNT, "none"), code_pb2.UNAVAILABLE),
        (Unsupported(Reason.NOT_IMPLEMENTED, "no"), code_pb2.UNIMPLEMENTED),
        (Refusal(Reason.UNAUTHENTICATED, "who"), code_pb2.UNAUTHENTICATED),
        (RequestIdReused(TaskId("1")), code_pb2.ALREADY_EXISTS),
        (UnknownTask(TaskId("1")), code_pb2.NOT_FOUND),
        (WatchClosed(), code_pb2.UNAVAILABLE),
        (StoreUnavailable(), code_pb2.UNAVAILABLE),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_class_has_its_code_and_an_error_info(error: Outcome, code: int) -> None:
    """Every status names its reason and our domain."""
    status = status_from(error)
    info = error_details_pb2.ErrorInfo()

    assert status.code == code
    assert status.details[0].Unpack(info)
    assert info.domain == "midway"
    assert info.reason in set(error_reason_pb2.ErrorReason.keys())


def test_metadata_uses_the_contracts_words() -> None:
    """The domain says QUEUED; a client compares with STATE_QUEUED."""
    refusal = Conflict(Reason.PARENT_NOT_SUCCEEDED, "waits", task_id="1", state="QUEUED", action="DESCRIBE")
    info = error_details_pb2.ErrorInfo()
    status_from(refusal).details[0].Unpack(info)

    assert dict(info.metadata) == {"task_id": "1", "state": "STATE_QUEUED", "action": "ACTION_DESCRIBE"}


def test_a_fault_tells_its_reason_only() -> None:
    assert internal_status().message == "internal error"
