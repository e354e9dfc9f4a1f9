"""Hears what Discord says to one Account and writes down what it means for whom.

Event -> `correlate` (which Attempt?) -> `classify` (what does it mean?) -> `Ledger.change`. Only the worker's loop
calls it, one event at a time, in the order Discord sent them.
"""

import time
from collections.abc import Callable

import structlog
from msgspec.structs import replace

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
from midway.discord.message import parse_content
from midway.domain.account import AccountState
from midway.domain.action import Speed, Verb
from midway.domain.attempt import Attempt, AttemptKind
from midway.domain.errors import Reason
from midway.domain.ids import InteractionId, Nonce, TaskId, UserId
from midway.domain.lifecycle import Accepted, Failed, Noticed, Progressed, Requeued, Restyled, Result, Succeeded, failed
from midway.domain.lifecycle import Event as LifeEvent
from midway.domain.task import Remark, State, Task
from midway.engine import classify
from midway.engine.classify import Finished, Rejected, Trouble
from midway.engine.clock import Clock
from midway.engine.correlate import Keys, keys_from_message, match, press_answered
from midway.engine.deadline import waits_for_modal
from midway.engine.dispatch import BOTS
from midway.engine.ledger import Ledger
from midway.engine.limits import Limits
from midway.engine.lot import ParkingLot
from midway.engine.mailbox import Mailbox

log = structlog.get_logger(__name__)

MODAL_SKIPPED = "Midjourney opened no modal; it draws with its own prompt"


class Listener:
    """Applies Discord's events to the ledger. Owned by one worker."""

    def __init__(self, ledger: Ledger, limits: Limits, clock: Clock) -> None:
        self._ledger = ledger
        self._limits = limits
        self._clock = clock
        self._lot = ParkingLot(limits.park_time, limits.max_parked_messages)
        self.mailbox = Mailbox()
        self.user_id: UserId | None = None
        # Progress message deleted: look at the history then (monotonic).
        self.awaiting_final: dict[TaskId, float] = {}
        # Set by the worker: what to do about an Account's trouble, an open modal, a full queue, a seen Remix setting,
        # a job that was drawn fast, words that nobody knows.
        self.on_trouble: Callable[[Trouble], None]
        self.on_modal: Callable[[Attempt, ModalOpened | IframeOpened], None]
        self.on_queue_full: Callable[[], None]
        self.on_remix: Callable[[bool], None]
        self.on_fast: Callable[[], None]
        self.on_unknown: Callable[[str], None]

    async def hear(self, event: Event) -> None:
        """Apply one event; what matches nothing yet is parked."""
        match event:
            case MessageCreated(message) | MessageUpdated(message):
                await self._message(message)
            case MessageDeleted():
                self._deleted(event)
            case InteractionCreated(id=id_, nonce=nonce) | InteractionSucceeded(id=id_, nonce=nonce):
                await self._acknowledged(id_, nonce)
            case InteractionFailed():
                await self._interaction_failed(event)
            case ModalOpened() | IframeOpened():
                await self._window_opened(event)

    async def read_history(self, messages: list[Message]) -> list[Message]:
        """Apply messages read from the channel, oldest first; return those of jobs that match nothing we know."""
        return [message for message in messages if not await self._message(message, live=False)]

    def wake_at(self) -> float | None:
        """Return when (monotonic) something parked is over."""
        return self._lot.wake_at()

    def expire(self) -> None:
        """Give up on messages that matched nothing in time."""
        for message in self._lot.expired(time.monotonic()):
            log.warning("a message of the bot matched no task", message_id=message.id, buttons=len(message.buttons))

    async def _message(self, message: Message, *, live: bool = True) -> bool:
        """Apply one message; tell whether it is accounted for: ours, or certainly not ours, or no job's at all."""
        self.mailbox.offer(message)
        bot = BOTS.get(message.author_id)
        if bot is None or not self._concerns_us(message):
            return True
        self._see_settings(message)
        keys = keys_from_message(message, bot)
        attempt = await self._pressed_panel(message) or self._match(message, keys)
        if attempt is not None:
            await self._take(attempt, message, keys, live=live)
            await self._try_parked()
        elif self._is_foreign(keys, live=live):
            self._ledger.index.disown(keys)
            if live:  # what the history tells may have been settled since by a person
                self._see_trouble(message)
        elif live:
            self._see_trouble(message)
            self._lot.park(message, time.monotonic())
        return attempt is not None or not _tells_of_a_job(message)

    def _match(self, message: Message, keys: Keys) -> Attempt | None:
        found = match(keys, self._ledger.index)
        if found is None and self._is_meant_for_us(message) and parse_content(message.content) is None:
            found = press_answered(keys, self._ledger.index)
        return found

    def _is_meant_for_us(self, message: Message) -> bool:
        """Tell whether a message speaks to this Account's user for certain.

        A text may quote a stranger's prompt, and so mention anybody.
        """
        mentioned = not message.content and self.user_id in message.mentions
        return self._is_private(message) or mentioned

    def _is_private(self, message: Message) -> bool:
        """Tell whether only this Account sees a message, or made its Interaction."""
        is_own = self.user_id is not None and message.interaction_user_id == self.user_id
        return bool(message.flags & classify.EPHEMERAL) or is_own

    def _is_foreign(self, keys: Keys, *, live: bool) -> bool:
        """Tell whether another session of the Account made it; the history shows no nonce, only an Interaction."""
        index = self._ledger.index
        return index.is_foreign(keys) or (not live and index.is_of_another_session(keys.interaction_id))

    def _concerns_us(self, message: Message) -> bool:
        """Tell whether a message speaks to this Account's user; one that names nobody might."""
        content = parse_content(message.content)
        named = content.user_id if content else message.interaction_user_id
        return named is None or self.user_id is None or named == self.user_id

    async def _pressed_panel(self, message: Message) -> Attempt | None:
        """Find the one open press that this panel answers by having been edited in place (retry, show details).

        An edit that leaves the text as it was only restyles a button and answers nothing.
        """
        if not message.written_embeds:
            return None  # no panel, as most messages
        pressed = [a for a in self._ledger.index.open() if a.parent_message_id == message.id and not a.takes_slot]
        meaning = classify.meaning(message) if len(pressed) == 1 else None
        if not isinstance(meaning, Finished) or meaning.verb is not Verb.PANEL:
            return None
        parent = await self._ledger.known(self._parent_id(pressed[0]))
        is_new = parent is None or parent.result_text != meaning.event.result.result_text
        return pressed[0] if is_new else None

    def _parent_id(self, attempt: Attempt) -> TaskId:
        task = self._ledger.tasks.get(attempt.task_id)
        return task.ask.parent_id if task and task.ask.parent_id else attempt.task_id

    async def _try_parked(self) -> None:
        """Match again what was parked: a key was just learnt."""
        for parked in self._lot.take_all():
            bot = BOTS.get(parked.message.author_id)
            keys = keys_from_message(parked.message, bot)
            attempt = self._match(parked.message, keys)
            if attempt is None:
                self._lot.put_back(parked)
            else:
                await self._take(attempt, parked.message, keys)

    async def _take(self, attempt: Attempt, message: Message, keys: Keys, *, live: bool = True) -> None:
        """Write down what a message tells about its Attempt and its Task."""
        task = self._ledger.tasks.get(attempt.task_id)
        if task is None:
            return
        learnt = self._learnt(attempt, keys)
        match classify.meaning(message):
            case Finished(event):
                await self._finished(task, learnt, message, event.result)
            case Rejected() as rejected if not (attempt.settled and message.id in attempt.message_ids):
                await self._rejected(task, learnt, rejected)
            case Accepted() | Progressed() | Noticed() as said:
                news = _news(task, said, message, is_known=message.id in attempt.message_ids, live=live)
                self._see_unknown(message, news)
                events = [*self._modal_skipped(task, attempt), news] if news else []
                await self._ledger.change(task.id, *events, attempts=[learnt])
            case _:
                await self._ledger.learn(learnt)

    def _modal_skipped(self, task: Task, attempt: Attempt) -> list[LifeEvent]:
        return [Noticed(MODAL_SKIPPED)] if waits_for_modal(task, attempt) else []

    def _learnt(self, attempt: Attempt, keys: Keys) -> Attempt:
        """Add every id in the message to the Attempt."""
        known = attempt.message_ids
        has_news = (keys.interaction_id and not attempt.interaction_id) or (keys.job_id and not attempt.job_id)
        if keys.message_id in known and attempt.accepted_at and not has_news:
            return attempt  # as at most edits of a progress message
        return replace(
            attempt,
            accepted_at=attempt.accepted_at or self._clock.now(),
            interaction_id=attempt.interaction_id or keys.interaction_id,
            message_ids=known if keys.message_id in known else (*known, keys.message_id),
            job_id=attempt.job_id or keys.job_id,
        )

    async def _finished(self, task: Task, attempt: Attempt, message: Message, result: Result) -> None:
        """Take a final message: the end of the Task, its late picture, or new buttons on a finished one."""
        self.awaiting_final.pop(task.id, None)
        if task.message_id == message.id and _is_restyled(task, result):
            await self._ledger.change(task.id, Restyled(result.image, result.buttons), attempts=[attempt])
            return
        if task.message_id is not None:
            await self._ledger.learn(attempt)  # told again, or a second final: the first one stands
            return
        if result.speed in {Speed.FAST, Speed.TURBO}:
            self.on_fast()
        now = self._clock.now()
        ended = [a for a in self._ledger.ended(task.id, settled=True) if a.nonce != attempt.nonce]
        settled = replace(attempt, ended_at=attempt.ended_at or now, settled=True)
        await self._ledger.change(task.id, Succeeded(result), attempts=[*ended, settled])

    async def _rejected(self, task: Task, attempt: Attempt, rejected: Rejected) -> None:
        now = self._clock.now()
        ended = [a for a in self._ledger.ended(task.id, settled=True) if a.nonce != attempt.nonce]
        settled = replace(attempt, ended_at=now, settled=True)
        event: LifeEvent = self._retried(task, rejected) or rejected.event
        await self._ledger.change(task.id, event, attempts=[*ended, settled])
        if rejected.retry:
            self.on_queue_full()
        if rejected.trouble:
            self.on_trouble(rejected.trouble)

    def _retried(self, task: Task, rejected: Rejected) -> Requeued | None:
        """Send a certainly refused Task back to the queue, unless it went back too often."""
        if not rejected.retry or len(self._ledger.attempts(task.id)) > self._limits.max_requeues:
            return None
        return Requeued(rejected.event.failure.message)

    def _see_trouble(self, message: Message) -> None:
        """Notice trouble that is told outside any of our jobs; only what is certainly meant for this Account."""
        meaning = classify.meaning(message) if self._is_private(message) else None
        if isinstance(meaning, Rejected) and meaning.trouble:
            self.on_trouble(meaning.trouble)
        if message.written_embeds:  # a plain text may answer any command that a person gives by hand
            self._see_unknown(message, meaning)

    def _see_unknown(self, message: Message, meaning: object) -> None:
        """Have words counted that the table of headings does not hold; each message once, not at each edit."""
        if isinstance(meaning, Noticed) and meaning.remark is Remark.UNKNOWN and message.edited_at is None:
            self.on_unknown(meaning.notice)

    def _see_settings(self, message: Message) -> None:
        remix = classify.remix_from_panel(message)
        if remix is not None:
            self.on_remix(remix)

    def _deleted(self, event: MessageDeleted) -> None:
        nonce = self._ledger.index.by_message.get(event.id)
        attempt = self._ledger.attempt(nonce)
        if attempt is not None and attempt.is_open:
            look_at = time.monotonic() + self._limits.final_grace.total_seconds()
            self.awaiting_final.setdefault(attempt.task_id, look_at)

    async def _acknowledged(self, interaction_id: InteractionId, nonce: Nonce | None) -> None:
        attempt = self._ledger.attempt(nonce)
        if attempt is not None:
            await self._ledger.change(attempt.task_id, Accepted(), attempts=[self._accepted(attempt, interaction_id)])
            await self._try_parked()

    def _accepted(self, attempt: Attempt, interaction_id: InteractionId) -> Attempt:
        return replace(attempt, accepted_at=attempt.accepted_at or self._clock.now(), interaction_id=interaction_id)

    async def _interaction_failed(self, event: InteractionFailed) -> None:
        attempt = self._by_window(event.nonce, event.id)
        if attempt is None or not attempt.is_open:
            return
        code = f" (reason {event.reason_code})" if event.reason_code is not None else ""
        failure: Failed = failed(Reason.INTERACTION_FAILED, f"Midjourney did not answer the interaction{code}")
        # Unsettled: a bot that answers too late may draw all the same.
        ended = self._ledger.ended(attempt.task_id, settled=False)
        await self._ledger.change(attempt.task_id, failure, attempts=ended)

    async def _window_opened(self, event: ModalOpened | IframeOpened) -> None:
        attempt = self._by_window(event.nonce, event.id)
        if isinstance(event, IframeOpened) and classify.is_human_check(event):
            await self._human_check(event, attempt)
        elif attempt is not None and attempt.is_open and attempt.kind is not AttemptKind.MODAL:
            await self._ledger.change(attempt.task_id, Accepted(), attempts=[self._accepted(attempt, event.id)])
            self.on_modal(attempt, event)

    async def _human_check(self, event: IframeOpened, attempt: Attempt | None) -> None:
        reason = f"Discord asks for a person: {event.title or event.iframe_path}"
        self.on_trouble(Trouble(AccountState.PAUSED, reason))
        if attempt is not None:
            ended = self._ledger.ended(attempt.task_id, settled=True)
            await self._ledger.change(
                attempt.task_id, failed(Reason.VERIFICATION_REQUIRED, reason, event.title), attempts=ended
            )

    def _by_window(self, nonce: Nonce | None, interaction_id: InteractionId) -> Attempt | None:
        index = self._ledger.index
        return self._ledger.attempt(nonce or index.by_interaction.get(interaction_id))


def _tells_of_a_job(message: Message) -> bool:
    """Tell whether a job is behind a message; of one that failed nothing but an embed may be left."""
    meaning = classify.meaning(message)
    is_panel = isinstance(meaning, Finished) and meaning.verb is Verb.PANEL
    return parse_content(message.content) is not None or (meaning is not None and not is_panel)


def _news(
    task: Task, said: Accepted | Progressed | Noticed, message: Message, *, is_known: bool, live: bool
) -> Accepted | Progressed | Noticed | None:
    """Tell what a message says that was not said before; `is_known`: it is not seen for the first time.

    Read again, it is no sign of life: a hung job would live for ever. An edit that shows no progress may hold words.
    """
    if not isinstance(said, Noticed):
        if _is_news(task, said) or (live and not is_known):
            return said
        words = classify.unknown_words(message) if is_known else None
        if words is None:
            return said if live else None
        said = words
    if is_known and said.notice in task.notices:
        return None
    # The history does not tell whether they came before what was drawn since.
    return said if live or task.state is not State.IN_PROGRESS else Noticed(said.notice)


def _is_news(task: Task, sign: Accepted | Progressed) -> bool:
    """Tell whether a message says more than its Task knows."""
    if isinstance(sign, Accepted):
        return task.state is State.SUBMITTING
    return task.state is not State.IN_PROGRESS or (sign.percent or 0) > task.progress


def _is_restyled(task: Task, result: Result) -> bool:
    """Tell whether a final message that was told before has changed.

    A link that was only signed anew is no change: each start reads the history, and would tell every watcher and
    webhook of each of its Tasks again.
    """
    known = task.image.unsigned_url if task.image else ""
    told = result.image.unsigned_url if result.image else known
    return told != known or (bool(result.buttons) and result.buttons != task.buttons)
