"""Why something was refused or failed.

    Refusal                 a request that is answered with an error and changes nothing
    +-- InvalidField        the request itself is wrong; names the field
    |   +-- TooLong         it has more characters than allowed
    +-- NotFound            there is no such Task or Account
    +-- Conflict            the current state does not allow it (Task's state, reused request id)
    |   +-- NoAccount       every Account that may do it needs a person first
    +-- Exhausted           a limit is reached; retry later
    +-- Unavailable         this server cannot do it now; retry later
    +-- Unsupported         this server does not support it
    +-- Unreadable          it is stored, but cannot be read

A Task that fails after it was accepted carries a `Failure` with a `Reason` instead.
"""

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct


class Reason(StrEnum):
    """Machine-readable reasons; the names are those of the contract's ErrorReason."""

    FIELD_INVALID = "FIELD_INVALID"
    INVALID_IMAGE = "INVALID_IMAGE"
    IMAGE_TOO_LARGE = "IMAGE_TOO_LARGE"
    BANNED_PROMPT = "BANNED_PROMPT"
    TASK_NOT_FOUND = "TASK_NOT_FOUND"
    PARENT_NOT_FOUND = "PARENT_NOT_FOUND"
    ACCOUNT_NOT_FOUND = "ACCOUNT_NOT_FOUND"
    PARENT_NOT_SUCCEEDED = "PARENT_NOT_SUCCEEDED"
    ACTION_NOT_ALLOWED = "ACTION_NOT_ALLOWED"
    BUTTON_NOT_FOUND = "BUTTON_NOT_FOUND"
    TASK_NOT_AWAITING_INPUT = "TASK_NOT_AWAITING_INPUT"
    REQUEST_ID_REUSED = "REQUEST_ID_REUSED"
    QUEUE_FULL = "QUEUE_FULL"
    NO_ACCOUNT = "NO_ACCOUNT"
    ACCOUNT_UNAVAILABLE = "ACCOUNT_UNAVAILABLE"
    STORE_UNAVAILABLE = "STORE_UNAVAILABLE"
    SHUTTING_DOWN = "SHUTTING_DOWN"
    TOO_MANY_CALLS = "TOO_MANY_CALLS"
    NOT_IMPLEMENTED = "NOT_IMPLEMENTED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    IMAGE_NOT_AVAILABLE = "IMAGE_NOT_AVAILABLE"
    SEED_NOT_FOUND = "SEED_NOT_FOUND"
    DEAD_LETTER_NOT_FOUND = "DEAD_LETTER_NOT_FOUND"
    TASK_UNREADABLE = "TASK_UNREADABLE"
    # Reasons why an accepted Task failed:
    UPSTREAM_REJECTED = "UPSTREAM_REJECTED"
    MODERATED = "MODERATED"
    INVALID_PROMPT = "INVALID_PROMPT"
    INVALID_LINK = "INVALID_LINK"
    DUPLICATE_IMAGES = "DUPLICATE_IMAGES"
    UPSTREAM_QUEUE_FULL = "UPSTREAM_QUEUE_FULL"
    INTERACTION_FAILED = "INTERACTION_FAILED"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    QUEUE_TIMEOUT = "QUEUE_TIMEOUT"
    ACK_TIMEOUT = "ACK_TIMEOUT"
    IDLE_TIMEOUT = "IDLE_TIMEOUT"
    TOTAL_TIMEOUT = "TOTAL_TIMEOUT"
    INPUT_TIMEOUT = "INPUT_TIMEOUT"
    MODAL_NOT_OPENED = "MODAL_NOT_OPENED"
    UPLOAD_FAILED = "UPLOAD_FAILED"
    PARENT_EXPIRED = "PARENT_EXPIRED"
    ACCOUNT_PAUSED = "ACCOUNT_PAUSED"
    ACCOUNT_INVALID = "ACCOUNT_INVALID"
    CREDITS_EXHAUSTED = "CREDITS_EXHAUSTED"
    VERIFICATION_REQUIRED = "VERIFICATION_REQUIRED"
    CANCELLED_BY_CLIENT = "CANCELLED_BY_CLIENT"
    INTERNAL = "INTERNAL"  # a bug in the server


class Refusal(Exception):
    """A request was refused and changed nothing."""

    def __init__(self, reason: Reason, message: str, **metadata: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.metadata = metadata


class InvalidField(Refusal):
    """A field of the request is wrong; the caller corrects it."""

    def __init__(self, field: str, message: str, reason: Reason = Reason.FIELD_INVALID, **metadata: str) -> None:
        super().__init__(reason, f"{field}: {message}", field=field, **metadata)
        self.field = field
        self.problem = message


class TooLong(InvalidField):
    """A text has more characters than allowed."""

    def __init__(self, field: str, length: int, most: int) -> None:
        super().__init__(field, f"has {length} characters, at most {most} are taken")


class NotFound(Refusal):
    """There is nothing with this id."""


class Conflict(Refusal):
    """The current state does not allow the request; the caller should read it first."""


class Hindrance(Struct, frozen=True):
    """Why one Account takes no work."""

    account_id: str
    state: str
    why: str

    def __str__(self) -> str:
        return f"{self.account_id} is {self.state}" + (f" ({self.why})" if self.why else "")


class NoAccount(Conflict):
    """No Account can do it until a person has acted; waiting does not help."""

    def __init__(self, reason: Reason, message: str, hindrances: Sequence[Hindrance], **metadata: str) -> None:
        told = "; ".join(map(str, hindrances))
        super().__init__(reason, f"{message}: {told or 'none is set up'}", **metadata)
        self.hindrances = tuple(hindrances)


class Exhausted(Refusal):
    """A limit is reached; the caller retries later."""


class Unavailable(Refusal):
    """This server cannot do it now; the caller retries with back-off."""


class Unsupported(Refusal):
    """This server does not support the request at all."""


class Unreadable(Refusal):
    """It is stored, but cannot be read by this version; a retry does not help."""
