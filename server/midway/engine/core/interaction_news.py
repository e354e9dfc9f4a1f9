"""Handles Discord's events about our Interactions: accepted, not answered by the bot, or a window opened."""

from msgspec.structs import replace

from midway.discord.event import (
    IframeOpened,
    InteractionCreated,
    InteractionFailed,
    InteractionSucceeded,
    ModalOpened,
)
from midway.domain.account import AccountState
from midway.domain.attempt import Attempt, AttemptKind
from midway.domain.errors import Reason
from midway.domain.ids import InteractionId, Nonce
from midway.domain.lifecycle import Accepted, failed
from midway.engine.clock import SteadyClock
from midway.engine.core import classify
from midway.engine.core.effects import AnswerWindow, Change, Effect, Enter
from midway.engine.core.ledger import Ledger

InteractionEvent = InteractionCreated | InteractionSucceeded | InteractionFailed | ModalOpened | IframeOpened


class InteractionNews:
    """Matches these events with the ledger's Attempts. Owned by one listener."""

    def __init__(self, ledger: Ledger, clock: SteadyClock) -> None:
        self._ledger = ledger
        self._clock = clock

    def hear(self, event: InteractionEvent) -> list[Effect]:
        """Return the effects of one event."""
        match event:
            case InteractionCreated(id=id_, nonce=nonce) | InteractionSucceeded(id=id_, nonce=nonce):
                return self._acknowledged(id_, nonce)
            case InteractionFailed():
                return self._failed(event)
            case ModalOpened() | IframeOpened():
                return self._window_opened(event)

    def _acknowledged(self, interaction_id: InteractionId, nonce: Nonce | None) -> list[Effect]:
        attempt = self._ledger.attempt(nonce)
        return [self._accepted(attempt, interaction_id)] if attempt else []

    def _accepted(self, attempt: Attempt, interaction_id: InteractionId) -> Change:
        accepted_at = attempt.accepted_at or self._clock.now()
        learnt = replace(attempt, accepted_at=accepted_at, interaction_id=interaction_id)
        return Change(task_id=attempt.task_id, events=(Accepted(),), attempts=(learnt,))

    def _failed(self, event: InteractionFailed) -> list[Effect]:
        attempt = self._by_window(event.nonce, event.id)
        if attempt is None or not attempt.is_open or attempt.message_ids:
            return []  # if it has messages, it was answered
        code = f" (reason {event.reason_code})" if event.reason_code is not None else ""
        failure = failed(Reason.INTERACTION_FAILED, f"Midjourney did not answer the interaction{code}")
        # Not settled: the bot may have answered too late for Discord and still draw the job.
        ended = self._ledger.ended(attempt.task_id, settled=False)
        return [Change(task_id=attempt.task_id, events=(failure,), attempts=ended)]

    def _window_opened(self, event: ModalOpened | IframeOpened) -> list[Effect]:
        attempt = self._by_window(event.nonce, event.id)
        if isinstance(event, IframeOpened) and classify.is_human_check(event):
            return self._human_check(event, attempt)
        if attempt is None or not attempt.is_open or attempt.kind is AttemptKind.MODAL:
            return []
        return [self._accepted(attempt, event.id), AnswerWindow(attempt, event)]

    def _human_check(self, event: IframeOpened, attempt: Attempt | None) -> list[Effect]:
        reason = f"Discord asks for a person: {event.title or event.iframe_path}"
        paused = Enter(AccountState.PAUSED, reason)
        if attempt is None:
            return [paused]
        ended = self._ledger.ended(attempt.task_id, settled=True)
        failure = failed(Reason.VERIFICATION_REQUIRED, reason, event.title)
        return [paused, Change(task_id=attempt.task_id, events=(failure,), attempts=ended)]

    def _by_window(self, nonce: Nonce | None, interaction_id: InteractionId) -> Attempt | None:
        index = self._ledger.index
        return self._ledger.attempt(nonce or index.by_interaction.get(interaction_id))
