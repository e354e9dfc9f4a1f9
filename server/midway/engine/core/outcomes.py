"""Handles the outcomes of preparing Tasks and sending Interactions: what follows for the Task and the Account."""

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
LONG_ON_DISK = timedelta(seconds=3)  # storing an Attempt may take this long before its `sent_at` must be stored anew


class Outcomes:
    """Decides about outcomes. Owned by one core."""

    def __init__(self, ledger: Ledger, limits: Limits, clock: SteadyClock) -> None:
        self._ledger = ledger
        self._limits = limits
        self._clock = clock
        self.broken: set[TaskId] = set()  # Tasks failed by a defect, even if failing them raised, too

    def unprepared(self, task_id: TaskId, error: DiscordError | None) -> list[Effect]:
        """Handle a failed preparation: the Task fails, or stays QUEUED. `error` None: the Task is not to blame."""
        slower = SlowDown(self._limits.sweep_period.total_seconds())
        if error is None:
            return [slower]
        found = verdict(error)
        fails = [Change(task_id=task_id, events=(found.event,))] if isinstance(found.event, Failed) else []
        return [slower, *fails, *_consequences(found)]

    def broke(self, task_id: TaskId, error: str) -> list[Effect]:
        """Fail a Task because of a defect in the server; `error` is the exception's class name.

        What was sent for it may still bring a picture. Only once for a Task: failing it may raise or not be stored.
        """
        if task_id in self.broken or task_id not in self._ledger.tasks:
            return []
        self.broken.add(task_id)
        failure = failed(Reason.INTERNAL, f"a defect of the server: {error}; its log has more")
        ended = self._ledger.ended(task_id, settled=False)
        return [Change(task_id=task_id, events=(failure,), attempts=ended)]

    def unless_it_breaks(self, task_id: TaskId, decide: Callable[[], Sequence[Effect]]) -> Sequence[Effect]:
        """Return the effects of `decide`; if it raises, fail the Task, so that no other Task is affected."""
        try:
            return decide()
        except Exception as error:  # noqa: BLE001 - supervised: a defect fails only the Task that it is about
            return self.break_off(task_id, error)

    def break_off(self, task_id: TaskId, error: Exception) -> list[Effect]:
        """Log a defect and fail its Task, then pause: other Tasks may have the same defect."""
        if task_id in self.broken:
            return []
        log.error("a task fails by a defect", task_id=task_id, exc_info=error)
        pause = SlowDown(
            self._limits.sweep_period.total_seconds()
        )  # otherwise all Tasks with this defect would fail at once
        return [*self.broke(task_id, type(error).__name__), pause]

    def forget_old(self, kept: Container[TaskId]) -> None:
        """Forget the defects of Tasks that are not kept."""
        self.broken = {task_id for task_id in self.broken if task_id in kept}

    def is_wanted(self, nonce: Nonce) -> bool:
        """Tell whether an Interaction is still to be sent: its Attempt is open, and its Task has not ended."""
        attempt = self._ledger.attempt(nonce)
        task = self._ledger.tasks.get(attempt.task_id) if attempt else None
        return attempt is not None and attempt.is_open and task is not None and not task.state.is_terminal

    def waited_long(self, nonce: Nonce, postponed: int) -> bool:
        """Tell whether storing an Attempt, which was `postponed` so many times, took too long for its `sent_at`.

        With a `sent_at` too early, after a crash it would look as if the bot had had time to answer, and the
        Interaction, which may still be on its way, would be sent again.
        """
        attempt = self._ledger.attempt(nonce)
        return attempt is not None and self._clock.now() - attempt.sent_at > LONG_ON_DISK * 2**postponed

    def postponed(self, nonce: Nonce) -> list[Effect]:
        """Set an Attempt's `sent_at` to now."""
        attempt = self._ledger.attempt(nonce)
        return [Learn((replace(attempt, sent_at=self._clock.now()),))] if attempt else []

    def unsent(self, nonce: Nonce) -> list[Effect]:
        """Requeue a Task whose Interaction was not sent and will not be, if its Attempt is still open."""
        attempt = self._ledger.attempt(nonce)
        if attempt is None or not attempt.is_open:
            return []
        ended = self._ledger.ended(attempt.task_id, settled=True)
        return [Change(task_id=attempt.task_id, events=(Requeued(NOT_SENT),), attempts=ended)]

    def sent(self, nonce: Nonce, error: DiscordError | None) -> list[Effect]:
        """Handle the outcome of a POST. If an event has proved acceptance, an error does not affect the Task.

        If the Task has another Attempt by then, an error affects only the Account.
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
    """Return the effects of an error on the Account."""
    effects: list[Effect] = [SlowDown(found.pause_seconds)] if found.pause_seconds else []
    return [*effects, Enter(found.trouble.state, found.trouble.reason)] if found.trouble else effects
