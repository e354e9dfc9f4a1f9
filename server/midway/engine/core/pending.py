"""Interactions that wait to be sent, and what each error of sending means."""

from collections.abc import Callable, Iterable

from msgspec import Struct

from midway.discord.errors import (
    BotMissing,
    CaptchaWanted,
    DiscordError,
    Forbidden,
    ForeignHost,
    InvalidCommand,
    NotConnected,
    RateLimited,
    Rejected,
    Unauthorized,
    UnknownMessage,
    Unreachable,
    UploadFailed,
)
from midway.discord.interaction import Interaction
from midway.domain.account import AccountState
from midway.domain.attempt import Attempt, AttemptKind
from midway.domain.errors import Reason
from midway.domain.ids import InteractionId, TaskId
from midway.domain.lifecycle import Failed, Requeued, failed
from midway.engine.core.classify import Trouble

ANSWERS_WINDOW = frozenset({AttemptKind.MODAL, AttemptKind.REGION})
FOLLOWS_PRESS = ANSWERS_WINDOW | {AttemptKind.NEXT_PRESS}
UNREACHABLE_PAUSE_SECONDS = 5.0  # before the next try; each try counts for a Task's `max_requeues`


class RegionSubmit(Struct, frozen=True):
    """The mask and prompt that answer a Vary (Region) iframe."""

    application_id: str
    custom_id: str
    mask_base64: str
    prompt: str


class Outgoing(Struct, frozen=True):
    """One Interaction that waits for its Account's pace."""

    task_id: TaskId
    kind: AttemptKind
    interaction: Interaction | RegionSubmit
    interaction_id: InteractionId | None = None  # the press's, for a region submit, which has none of its own


def tries(attempts: Iterable[Attempt]) -> int:
    """Count how often a Task was sent; Interactions that follow a press are part of the same try."""
    return sum(attempt.kind not in FOLLOWS_PRESS for attempt in attempts)


class Verdict(Struct, frozen=True):
    """What an error means for the Task and for the Account, and for how many seconds to send nothing."""

    event: Requeued | Failed | None  # None: the outcome is not known, so the Task waits for its deadline
    trouble: Trouble | None = None
    pause_seconds: float = 0.0


def verdict(error: DiscordError) -> Verdict:
    """Return what an error means; the first row of VERDICTS with its class counts."""
    return next(read(error) for kind, read in VERDICTS if isinstance(error, kind))


def _needs_person(error: DiscordError) -> Verdict:
    return Verdict(Requeued(str(error)), Trouble(AccountState.PAUSED, str(error)))


VERDICTS: tuple[tuple[type[DiscordError], Callable[..., Verdict]], ...] = (
    (Unreachable, lambda _: Verdict(Requeued("Discord could not be reached"), pause_seconds=UNREACHABLE_PAUSE_SECONDS)),
    (NotConnected, lambda _: Verdict(Requeued("the connection to Discord was lost before it was sent"))),
    (UploadFailed, lambda e: Verdict(failed(Reason.UPLOAD_FAILED, str(e)))),
    (RateLimited, lambda e: Verdict(Requeued("Discord asked to slow down"), pause_seconds=e.retry_after)),
    (Unauthorized, lambda e: Verdict(Requeued(str(e)), Trouble(AccountState.INVALID, str(e)))),
    (Forbidden, _needs_person),
    (CaptchaWanted, _needs_person),
    (BotMissing, lambda e: Verdict(failed(Reason.UPSTREAM_REJECTED, str(e)))),
    (InvalidCommand, lambda e: Verdict(failed(Reason.UPSTREAM_REJECTED, f"the bot's command does not take it: {e}"))),
    (ForeignHost, lambda e: Verdict(failed(Reason.UPSTREAM_REJECTED, str(e)))),
    (UnknownMessage, lambda e: Verdict(failed(Reason.PARENT_EXPIRED, f"the message with the button is gone: {e}"))),
    (Rejected, lambda e: Verdict(failed(Reason.UPSTREAM_REJECTED, f"Discord refused it ({e.status}): {e}"))),
    (DiscordError, lambda _: Verdict(None)),
)
