"""Handles Discord's events of one Account, and returns their effects.

A message goes through `reading` (what does it say?), `correlate` (which Attempt?) and `job_news` (what follows?).
Only two things change here: the parked messages, which match no Attempt yet, and the id of the newest message.
"""

from collections.abc import Iterable
from datetime import timedelta
from functools import partial

import structlog

from midway.discord.event import (
    Event,
    IframeOpened,
    InteractionCreated,
    InteractionFailed,
    InteractionSucceeded,
    Message,
    MessageCreated,
    MessageDeleted,
    MessageUpdated,
    ModalOpened,
)
from midway.domain.attempt import Attempt
from midway.domain.ids import MessageId, Nonce, TaskId, UserId, time_of_snowflake
from midway.engine.clock import SteadyClock
from midway.engine.core import classify
from midway.engine.core.classify import Finished, Rejected
from midway.engine.core.correlate import is_guess, match, press_answered
from midway.engine.core.effects import Disown, Effect, ExpectFinal, Recall, SawRemix
from midway.engine.core.interaction_news import InteractionNews
from midway.engine.core.job_news import JobNews, count_unknown, enters
from midway.engine.core.ledger import Ledger
from midway.engine.core.outcomes import Outcomes
from midway.engine.core.parked_messages import ParkedMessages
from midway.engine.core.reading import Reading, read
from midway.engine.interactions import ChannelRef
from midway.engine.limits import Limits

log = structlog.get_logger(__name__)

# By an Attempt's nonce and a job's name: the messages that match the Attempt by a weak key only.
Guesses = dict[Nonce, dict[str, list[MessageId]]]


class Listener:
    """Matches Discord's events with the ledger's Attempts. Owned by one core."""

    def __init__(
        self, ledger: Ledger, channel: ChannelRef, outcomes: Outcomes, limits: Limits, clock: SteadyClock
    ) -> None:
        self._ledger = ledger
        self._outcomes = outcomes
        self._clock = clock
        self._job_news = JobNews(ledger, channel, limits, clock)
        self._interaction_news = InteractionNews(ledger, clock)
        self._parked = ParkedMessages(limits.park_time, limits.max_parked_messages)
        self._user_id: UserId | None = None

    def connected(self, user_id: UserId) -> None:
        """Record the session's user."""
        self._user_id = user_id

    def hear(self, event: Event) -> list[Effect]:
        """Return the effects of one event; a message that matches no Attempt yet is parked."""
        match event:
            case MessageCreated(message) | MessageUpdated(message):
                reading = self.read(message)
                return self._message(reading) if reading else []
            case MessageDeleted():
                return self._deleted(event)
            case InteractionCreated() | InteractionSucceeded() | InteractionFailed() | ModalOpened() | IframeOpened():
                return self._interaction_news.hear(event)
            case _:
                return []

    def read(self, message: Message) -> Reading | None:
        """Read a message; None if it is not from a Midjourney bot, or certainly meant for another user."""
        reading = read(message)
        if time_of_snowflake(message.id) < self._clock.now() + timedelta(days=1):  # ignore an absurdly large id
            self._ledger.index.saw(message.id)
        is_ours = reading is not None and (self._user_id is None or reading.user_id in {None, self._user_id})
        return reading if is_ours else None

    def wake_at(self) -> float | None:
        """Return when the next parked message expires, in monotonic seconds; None when there is none."""
        return self._parked.wake_at()

    def expire(self) -> None:
        """Drop and log parked messages that matched nothing within the park time."""
        for reading in self._parked.expired(self._clock.monotonic()):
            message = reading.message
            log.warning("a message of the bot matched no task", message_id=message.id, buttons=len(message.buttons))

    def note_guesses(self, readings: Iterable[Reading], guesses: Guesses) -> None:
        """Add those of these messages to `guesses` that match an Attempt by a weak key only."""
        for reading in readings:
            may_be_guessed = reading.has_grammar and is_guess(reading.keys, self._ledger.index)
            attempt = self._match(reading) if may_be_guessed else None
            if attempt is not None:
                jobs = guesses.setdefault(attempt.nonce, {})
                jobs.setdefault(reading.keys.job_name, []).append(reading.message.id)

    def doubtful(self, guesses: Guesses) -> set[MessageId]:
        """Return the messages whose Attempt is also matched by messages of another job."""
        several = (jobs for jobs in guesses.values() if len(jobs) > 1)
        return {message_id for jobs in several for messages in jobs.values() for message_id in messages}

    def read_again(self, reading: Reading, *, in_doubt: bool) -> tuple[list[Effect], bool]:
        """Return the effects of a message of the history, and whether it is about a job that matches no Attempt.

        `in_doubt`: weak keys must not be used, because another job matches the same Attempt.
        """
        effects = _settings(reading)
        if self._pressed_panel(reading):
            return [*effects, *self._message(reading)], False
        attempt = None if in_doubt and is_guess(reading.keys, self._ledger.index) else self._match(reading)
        if attempt is not None:
            return [*effects, *self._taken(attempt, reading, live=False)], False
        # The history has no nonces, only Interactions. Old problems of the Account are ignored: they may be solved.
        index = self._ledger.index
        if index.is_foreign(reading.keys) or index.is_of_another_session(reading.keys.interaction_id):
            effects.append(Disown(reading.keys))
        return effects, reading.tells_of_a_job

    def woken(self, names: Iterable[str]) -> list[int]:
        """Return the numbers of the messages parked under one of these names that now match, oldest first."""
        parked = self._parked.named(names)
        guesses: Guesses = {}
        if len(parked) > 1:
            self.note_guesses((reading for _, reading in parked), guesses)
        in_doubt = self.doubtful(guesses)
        return [n for n, reading in parked if reading.message.id not in in_doubt and self._match(reading) is not None]

    def unparked(self, number: int) -> list[Effect]:
        """Return the effects of a parked message, if it still matches after the messages before it were handled."""
        reading = self._parked.get(number)
        attempt = self._match(reading) if reading else None
        if reading is None or attempt is None:
            return []
        self._parked.take(number)
        return self._taken(attempt, reading)

    def recalled(self, reading: Reading) -> list[Effect]:
        """Return the effects of a message whose Task has been read into memory, if it exists."""
        return self._matched_or_parked(reading, self._pressed_panel(reading))

    def _message(self, reading: Reading) -> list[Effect]:
        pressed = self._pressed_panel(reading)
        if pressed and self._parent_id(pressed) not in self._ledger.tasks:
            return [Recall(self._parent_id(pressed), reading)]
        return self._matched_or_parked(reading, pressed)

    def _matched_or_parked(self, reading: Reading, pressed: Attempt | None) -> list[Effect]:
        """Return the effects of a message, or park it if it matches no Attempt. `pressed`: the press it may answer."""
        is_answer = pressed is not None and self._is_new_panel(pressed, reading)
        attempt = pressed if is_answer else self._match(reading)
        effects = _settings(reading)
        if attempt is not None:
            return [*effects, *self._taken(attempt, reading)]
        effects += self._trouble(reading)
        if self._ledger.index.is_foreign(reading.keys):
            return [*effects, Disown(reading.keys)]
        self._parked.park(reading, self._clock.monotonic())
        return effects

    def _match(self, reading: Reading) -> Attempt | None:
        found = match(reading.keys, self._ledger.index)
        if found is None and self._is_meant_for_us(reading.message) and not reading.has_grammar:
            found = press_answered(reading.keys, self._ledger.index)
        return found

    def _is_meant_for_us(self, message: Message) -> bool:
        """Tell whether a message is certainly meant for this Account's user.

        Mentions count only without text, as a text may quote another user's prompt, with any mention in it.
        """
        mentioned = not message.content and self._user_id in message.mentions
        return self._is_private(message) or mentioned

    def _is_private(self, message: Message) -> bool:
        """Tell whether only this Account sees a message, or its user made the message's Interaction."""
        is_own = self._user_id is not None and message.interaction_user_id == self._user_id
        return bool(message.flags & classify.EPHEMERAL) or is_own

    def _pressed_panel(self, reading: Reading) -> Attempt | None:
        """Return the only open press that a panel may answer by being edited in place (retry, show details)."""
        if not reading.is_panel or not reading.message.written_embeds:
            return None  # the case for most messages
        message_id = reading.message.id
        pressed = [a for a in self._ledger.index.open() if a.parent_message_id == message_id and not a.takes_slot]
        return pressed[0] if len(pressed) == 1 else None

    def _is_new_panel(self, pressed: Attempt, reading: Reading) -> bool:
        """Tell whether a panel's text has changed: an edit of its buttons alone is no answer to the press."""
        parent = self._ledger.tasks.get(self._parent_id(pressed))
        text = reading.meaning.event.result.result_text if isinstance(reading.meaning, Finished) else ""
        return parent is None or parent.result_text != text

    def _parent_id(self, attempt: Attempt) -> TaskId:
        task = self._ledger.tasks.get(attempt.task_id)
        return task.ask.parent_id if task and task.ask.parent_id else attempt.task_id

    def _taken(self, attempt: Attempt, reading: Reading, *, live: bool = True) -> list[Effect]:
        """Return the effects of a message that belongs to this Attempt."""
        taken = partial(self._job_news.taken, attempt, reading, live=live)
        return list(self._outcomes.unless_it_breaks(attempt.task_id, taken))

    def _trouble(self, reading: Reading) -> list[Effect]:
        """Return the effects of an Account's problem in a message of no job; only if it is meant for this Account."""
        meaning = reading.meaning if self._is_private(reading.message) else None
        effects: list[Effect] = enters(meaning) if isinstance(meaning, Rejected) else []
        if reading.message.written_embeds:  # a plain text may answer a command that a person sent by hand
            effects += count_unknown(reading, meaning)
        return effects

    def _deleted(self, event: MessageDeleted) -> list[Effect]:
        attempt = self._ledger.attempt(self._ledger.index.by_message.get(event.id))
        return [ExpectFinal(attempt.task_id)] if attempt is not None and attempt.is_open else []


def _settings(reading: Reading) -> list[Effect]:
    return [] if reading.remix is None else [SawRemix(reading.remix)]
