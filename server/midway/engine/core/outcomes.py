"""What became of a Task's preparation and of its Interactions, and what follows for the Task and the Account."""

from collections.abc import Callable, Container, Sequence
from datetime import timedelta

import structlog
from msgspec.structs import replace

from midway.discord.errors import DiscordError
from midway.domain.attempt import Attempt, AttemptKind
from midway.domain.errors import Reason
from midway.domain.ids import Nonce, TaskId
from midway.domain.lifecycle import Accepted, Failed, Requeued, failed
from midway.engine.clock import SteadyClock
from midway.engine.core.effects import Change, Effect, Enter, Learn, SlowDown
from midway.engine.core.ledger import Ledger
from midway.engine.core.pending import Verdict, tries, verdict
from midway.engine.limits import Limits

log = structlog.get_logger(__name__)

NOT_SENT = "it was stored, and was not sent"
LONG_ON_DISK = timedelta(seconds=3)  # a wait for the disk that an Attempt's times must not count; each costs a write


class Outcomes:
    """Reads outcomes against the ledger. Owned by one core."""

    def __init__(self, ledger: Ledger, limits: Limits, clock: SteadyClock) -> None:
        self._ledger = ledger
        self._limits = limits
        self._clock = clock
        self.broken: set[TaskId] = set()  # failed by a defect, or should have been

    def unprepared(self, task_id: TaskId, error: DiscordError | None) -> list[Effect]:
        """Take the failure of an upload: the Task fails, or stays in the queue for another try (None: for no fault)."""
        slower = SlowDown(self._limits.sweep_period.total_seconds())
        if error is None:
            return [slower]
        found = verdict(error)
        fails = [Change(task_id=task_id, events=(found.event,))] if isinstance(found.event, Failed) else []
        return [slower, *fails, *_consequences(found)]

    def broke(self, task_id: TaskId, error: str) -> list[Effect]:
        """Fail a Task by a defect of ours, named by its class. What was sent for it may still bring a picture.

        Once: the failure may break as well, or not be stored.
        """
        if task_id in self.broken or task_id not in self._ledger.tasks:
            return []
        self.broken.add(task_id)
        failure = failed(Reason.INTERNAL, f"a defect of the server: {error}; its log has more")
        ended = self._ledger.ended(task_id, settled=False)
        return [Change(task_id=task_id, events=(failure,), attempts=ended)]

    def unless_it_breaks(self, task_id: TaskId, decide: Callable[[], Sequence[Effect]]) -> Sequence[Effect]:
        """Return what is decided about one of many Tasks; where that breaks, it fails and holds up no other."""
        try:
            return decide()
        except Exception as error:  # noqa: BLE001 - supervised: a defect costs the Task that it is about
            return self.break_off(task_id, error)

    def break_off(self, task_id: TaskId, error: Exception) -> list[Effect]:
        """Fail a Task by a defect, then pause: it may show for others, too."""
        if task_id in self.broken:
            return []
        log.error("a defect ends a task", task_id=task_id, exc_info=error)
        pause = SlowDown(self._limits.sweep_period.total_seconds())  # else all of them would fail at once
        return [*self.broke(task_id, type(error).__name__), pause]

    def forget_old(self, kept: Container[TaskId]) -> None:
        """Forget defects of all Tasks but those that are kept."""
        self.broken = {task_id for task_id in self.broken if task_id in kept}

    def is_wanted(self, nonce: Nonce) -> bool:
        """Tell whether an Interaction is still to be sent, now that it is stored; much may have happened meanwhile."""
        attempt = self._ledger.attempt(nonce)
        task = self._ledger.tasks.get(attempt.task_id) if attempt else None
        return attempt is not None and attempt.is_open and task is not None and not task.state.is_terminal

    def waited_long(self, nonce: Nonce, postponed: int) -> bool:
        """Tell whether an Interaction, `postponed` so often, is much younger than its Attempt: the disk takes long.

        After a crash, the Attempt would look as if the bot had had its time to answer, and the Interaction, still on
        its way, would be sent again.
        """
        attempt = self._ledger.attempt(nonce)
        return attempt is not None and self._clock.now() - attempt.sent_at > LONG_ON_DISK * 2**postponed

    def postponed(self, nonce: Nonce) -> list[Effect]:
        """Count an Interaction's times from now."""
        attempt = self._ledger.attempt(nonce)
        return [Learn((replace(attempt, sent_at=self._clock.now()),))] if attempt else []

    def unsent(self, nonce: Nonce) -> list[Effect]:
        """Have a Task whose Interaction was not sent, and will not be, wait anew if it has not ended."""
        attempt = self._ledger.attempt(nonce)
        if attempt is None or not attempt.is_open:
            return []
        ended = self._ledger.ended(attempt.task_id, settled=True)
        return [Change(task_id=attempt.task_id, events=(Requeued(NOT_SENT),), attempts=ended)]

    def sent(self, nonce: Nonce, error: DiscordError | None) -> list[Effect]:
        """Take the outcome of a POST. An event that proves acceptance counts more than an error.

        One that comes when its Task has gone on with another Attempt tells only of the Account.
        """
        attempt = self._ledger.attempt(nonce)
        if attempt is None:
            return []
        is_current = not attempt.settled and self._ledger.attempts(attempt.task_id)[-1] == attempt
        if error is None:
            accepted = replace(attempt, accepted_at=attempt.accepted_at or self._clock.now())
            events = (Accepted(),) if is_current else ()
            return [Change(task_id=attempt.task_id, events=events, attempts=(accepted,))]
        found = verdict(error)
        has_own_interaction = attempt.interaction_id is not None and attempt.kind is not AttemptKind.REGION
        is_proven = bool(attempt.message_ids) or has_own_interaction
        is_refused = is_current and not is_proven and found.event is not None
        refused = [self._refused(attempt, found.event)] if is_refused and found.event else []
        return [*refused, *_consequences(found)]

    def _refused(self, attempt: Attempt, event: Requeued | Failed) -> Change:
        made = tries(self._ledger.attempts(attempt.task_id))
        if isinstance(event, Requeued) and made > self._limits.max_requeues:
            event = failed(Reason.UPSTREAM_REJECTED, f"given up after {made} tries: {event.notice}")
        ended = self._ledger.ended(attempt.task_id, settled=True)
        return Change(task_id=attempt.task_id, events=(event,), attempts=ended)


def _consequences(found: Verdict) -> list[Effect]:
    """Tell what an error means for the Account."""
    effects: list[Effect] = [SlowDown(found.pause_seconds)] if found.pause_seconds else []
    return [*effects, Enter(found.trouble.state, found.trouble.reason)] if found.trouble else effects
