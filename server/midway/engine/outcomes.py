"""What became of a Task's preparation and of its Interactions, and what follows for the Task and the Account."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog
from msgspec.structs import replace

from midway.discord.errors import DiscordError
from midway.domain.attempt import Attempt, AttemptKind
from midway.domain.errors import Reason
from midway.domain.ids import Nonce, TaskId
from midway.domain.lifecycle import Accepted, Failed, Requeued, failed
from midway.engine.clock import SteadyClock
from midway.engine.effects import Change, Effect, Enter, Learn, SlowDown
from midway.engine.ledger import Ledger
from midway.engine.limits import Limits
from midway.engine.outgoing import Verdict, tries, verdict

log = structlog.get_logger(__name__)

NOT_SENT = "it was stored, and was not sent"
LONG_ON_DISK = timedelta(seconds=1)  # a wait for the disk that its times must not count; each costs a write


class Outcomes:
    """Reads outcomes against the ledger. Owned by one core."""

    def __init__(self, ledger: Ledger, limits: Limits, clock: SteadyClock) -> None:
        self._ledger = ledger
        self._limits = limits
        self._clock = clock
        self._broken: set[TaskId] = set()  # failed by a defect; once, as their failure may not be stored, either

    def unprepared(self, task_id: TaskId, error: DiscordError | None) -> list[Effect]:
        """Take the failure of an upload: the Task fails, or stays in the queue for another try (None: for no fault)."""
        slower = SlowDown(self._limits.sweep_period.total_seconds())
        if error is None:
            return [slower]
        found = verdict(error)
        fails = [Change(task_id=task_id, events=(found.event,))] if isinstance(found.event, Failed) else []
        return [slower, *fails, *_consequences(found)]

    def broke(self, task_id: TaskId, error: str) -> list[Effect]:
        """Fail a Task by a defect of ours, named by its class. What was sent for it may still bring a picture."""
        failure = failed(Reason.INTERNAL, f"a defect of the server: {error}; its log has more")
        ended = self._ledger.ended(task_id, settled=False)
        return [Change(task_id=task_id, events=(failure,), attempts=ended)]

    def unless_it_breaks(self, task_id: TaskId, decide: Callable[[], Sequence[Effect]]) -> Sequence[Effect]:
        """Return what is decided about one of many Tasks; where that breaks, it fails and holds up no other."""
        try:
            return decide()
        except Exception as error:  # supervised: a defect costs the Task that it is about
            if task_id in self._broken:
                return ()
            self._broken.add(task_id)
            log.exception("nothing can be decided about a task", task_id=task_id)
            # A pause, as the defect may show for others, too, and not all of them shall fail at once.
            pause = SlowDown(self._limits.sweep_period.total_seconds())
            return (*self.broke(task_id, type(error).__name__), pause)

    def is_wanted(self, nonce: Nonce) -> bool:
        """Tell whether an Interaction is still to be sent, now that it is stored; much may have happened meanwhile."""
        attempt = self._ledger.attempt(nonce)
        task = self._ledger.tasks.get(attempt.task_id) if attempt else None
        return attempt is not None and attempt.is_open and task is not None and not task.state.is_terminal

    def left(self, nonce: Nonce) -> list[Effect]:
        """Count an Interaction's times from now, as it goes now, when the disk was waited for long."""
        attempt, now = self._ledger.attempt(nonce), self._clock.now()
        if attempt is None or now - attempt.sent_at < LONG_ON_DISK:
            return []
        return [Learn((replace(attempt, sent_at=now),))]

    def unsent(self, nonce: Nonce) -> list[Effect]:
        """Have a Task whose Interaction was not sent, and will not be, wait anew if it has not ended."""
        attempt = self._ledger.attempt(nonce)
        if attempt is None or not attempt.is_open:
            return []
        ended = self._ledger.ended(attempt.task_id, settled=True)
        return [Change(task_id=attempt.task_id, events=(Requeued(NOT_SENT),), attempts=ended)]

    def sent(self, nonce: Nonce, error: DiscordError | None) -> list[Effect]:
        """Take the outcome of a POST. An event that proves acceptance counts more than an error."""
        attempt = self._ledger.attempt(nonce)
        if attempt is None:
            return []
        if error is None:
            accepted = replace(attempt, accepted_at=attempt.accepted_at or self._clock.now())
            return [Change(task_id=attempt.task_id, events=(Accepted(),), attempts=(accepted,))]
        found = verdict(error)
        is_open = attempt.interaction_id is None or attempt.kind is AttemptKind.REGION
        refused = [self._refused(attempt, found.event)] if is_open and found.event else []
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
