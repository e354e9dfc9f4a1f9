"""One Account's decisions, without an event loop, a disk or a socket.

Each method takes one thing that happened and returns the effects to be carried out, in order. Memory has changed by
then, before the Store: except for the Account's state, no decision may become visible before its `Write` is durable.
Not reentrant; the caller (`worker`) carries out all effects before the next call. The clock is passed to the
constructor.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from midway.discord.errors import DiscordError
from midway.discord.event import Connected, Disconnected, Event, IframeOpened, Message, TokenRefused
from midway.domain.account import Account, AccountState
from midway.domain.attempt import Attempt, AttemptKind
from midway.domain.ids import AccountId, ChannelId, Nonce, Nonces, TaskId
from midway.domain.image import InputImage
from midway.domain.lifecycle import Assigned
from midway.domain.lifecycle import Event as LifeEvent
from midway.domain.task import Task
from midway.engine.account_config import AccountConfig
from midway.engine.clock import SteadyClock
from midway.engine.core.account_status import AccountStatus
from midway.engine.core.applier import Applier
from midway.engine.core.channel_history import ChannelHistory
from midway.engine.core.client_requests import ClientRequests, known_task
from midway.engine.core.effects import AskSettings, Change, Enter, Outside
from midway.engine.core.ledger import Ledger
from midway.engine.core.listener import Listener
from midway.engine.core.lookback import Lookback
from midway.engine.core.outcomes import Outcomes
from midway.engine.core.reading import Reading
from midway.engine.core.reassignment import Reassignment
from midway.engine.core.send_queue import SendQueue
from midway.engine.core.windows import Windows
from midway.engine.interactions import Prepared
from midway.engine.limits import Limits
from midway.store.port import AccountMark, RequestKey

PORTION = 20  # messages of the history that are handled at a time, which takes a few milliseconds

FORGET_SECONDS = 10.0  # between two removals of what is too old for a late picture
IDLE_NAP = timedelta(minutes=1)  # the longest time between two calls of `look_around` while nothing is unfinished


class Core:
    """Decides for one Account. Owned by its worker."""

    def __init__(self, config: AccountConfig, limits: Limits, clock: SteadyClock, nonces: Nonces) -> None:
        self._limits = limits
        self._sweep_period = limits.sweep_period
        self._clock = clock
        self.ledger = Ledger(limits, clock)
        self.status = AccountStatus(config, clock)
        self._outcomes = Outcomes(self.ledger, limits, clock)
        self.send_queue = SendQueue(config, self.ledger, self._outcomes, limits, clock, nonces)
        self._listener = Listener(self.ledger, self.send_queue.channel, self._outcomes, limits, clock)
        self._lookback = Lookback(config, self.ledger, self.send_queue, self._outcomes, limits, clock)
        self._windows = Windows(self.ledger, self.send_queue.channel)
        self._reassignment = Reassignment(self.ledger, self.send_queue, self.status)
        self._applier = Applier(
            self.ledger,
            self.status,
            self.send_queue,
            self._outcomes,
            self._listener,
            self._lookback,
            self._windows,
        )
        self._history = ChannelHistory(self._listener, self._lookback, self._applier)
        self._requests = ClientRequests(self.ledger, self.send_queue)
        self._has_asked_settings = False
        self._forget_at = 0.0

    def load(self, mark: AccountMark | None, tasks: Iterable[Task], attempts: Iterable[Attempt]) -> None:
        """Load what an earlier run stored."""
        if mark is not None:
            self.status.restore(mark)
        self.ledger.load(tasks, attempts)

    def recover(self, tasks: Iterable[Task], attempts: Iterable[Attempt]) -> None:
        """Restart with what the Store has, after a defect ended the worker."""
        self.send_queue.reset()
        self._lookback.reset()
        self._windows.forget_old(())
        self._requests.reset()
        self.ledger.load(tasks, attempts)

    def clock_was_set(self, tasks: Iterable[Task], attempts: Iterable[Attempt]) -> None:
        """Load Tasks and Attempts again, after their stored times were shifted because the wall clock was set."""
        self.ledger.load(tasks, attempts)
        self._lookback.clock_was_set()

    def account(self, expected: int) -> Account:
        """Return the Account as shown to clients and operators; `expected` Tasks are on their way to it."""
        return self.status.snapshot(self.ledger.drawing_count, self.ledger.waiting_count + expected)

    def take(self, task: Task) -> None:
        """Accept a stored Task of this Account, unless memory has the same version or a newer one."""
        known = self.ledger.tasks.get(task.id)
        if known is None or known.version < task.version:
            self.ledger.add(task)

    def lose(self, task_id: TaskId) -> None:
        """Drop a Task and what was decided about it; nothing is decided about it until `regain`."""
        self._requests.lose(task_id)
        self._windows.forget(self.ledger.attempts(task_id))
        self.ledger.lose(task_id)

    def regain(self, task_id: TaskId, task: Task | None, attempts: Iterable[Attempt]) -> None:
        """Load what the Store has of a lost Task; None: it is another Account's now."""
        if task_id not in self.ledger.lost:
            return  # everything was read again meanwhile
        self.ledger.replace(task_id, task, attempts)

    def left_over(self) -> list[Outside]:
        """Return effects from before a defect ended a decision: memory has changed, so they must be carried out."""
        return self._applier.handed_out()

    # Events of Discord.

    def hear(self, event: Event) -> list[Outside]:
        """Handle an event."""
        match event:
            case Connected():
                return self._connected(event)
            case Disconnected():
                self.status.disconnected(event.reason)
                return []
            case TokenRefused():
                self.status.disconnected(event.reason)
                return self._applier.follow([Enter(AccountState.INVALID, event.reason)])
            case _:
                return self._applier.follow(self._listener.hear(event))

    def recalled(self, reading: Reading) -> list[Outside]:
        """Handle a message that waited for a Recall; its Task is in memory now, if it exists."""
        return self._applier.follow(self._listener.recalled(reading))

    def history_read(self, messages: Sequence[Message] | None, limit: int) -> Iterator[list[Outside]]:
        """Handle the messages of a read of the channel's history, oldest first; None: Discord did not deliver it.

        Yields effects in portions, as it may be long. Between two portions the event loop may run other tasks, but no
        other method of this core may be called.
        """
        return self._history.hear(messages, limit, PORTION)

    def look(self) -> list[Outside]:
        """Read the channel's history, because something was missed."""
        return self._applier.follow(self._lookback.look())

    # Outcomes of effects.

    def prepared(self, task_id: TaskId, kind: AttemptKind, prepared: Prepared) -> list[Outside]:
        """Handle a Task's Interaction that is ready to be sent."""
        return self._applier.follow(self.send_queue.prepared(task_id, kind, prepared))

    def unprepared(self, task_id: TaskId, error: DiscordError | None) -> list[Outside]:
        """Handle a failed preparation; `error` None: the Task is not to blame."""
        self.send_queue.unprepared(task_id)
        return self._applier.follow(self._outcomes.unprepared(task_id, error))

    def broke(self, task_id: TaskId, error: str) -> list[Outside]:
        """Fail a Task because of a defect in the server; `error` is the exception's class name."""
        self.send_queue.unprepared(task_id)
        return self._applier.follow(self._outcomes.broke(task_id, error))

    def mask_loaded(self, task_id: TaskId, event: IframeOpened, inputs: Sequence[InputImage] | None) -> list[Outside]:
        """Handle the input pictures of a Task whose region window waits for its mask; None: they cannot be read."""
        return self._applier.follow(self._windows.answer_region(task_id, event, inputs))

    def may_leave(self, nonce: Nonce) -> bool:
        """Tell whether an Interaction is still to be sent, now that it is stored."""
        return self._outcomes.is_wanted(nonce) and not self.status.needs_person

    def waited_long(self, nonce: Nonce, postponed: int) -> bool:
        """Tell whether storing an Attempt took so long that it must be `postponed` (again) before it is sent.

        The limit is 3 s, and doubles each time that it was postponed.
        """
        return self._outcomes.waited_long(nonce, postponed)

    def postponed(self, nonce: Nonce) -> list[Outside]:
        """Set an Attempt's time of sending to now; it may be sent when that is stored."""
        return self._applier.follow(self._outcomes.postponed(nonce))

    def left(self, nonce: Nonce) -> None:
        """Record that an Interaction is being sent to Discord now."""
        self.send_queue.left(nonce)

    def unsent(self, nonce: Nonce) -> list[Outside]:
        """Handle that an Interaction was not sent and will not be."""
        self.send_queue.concluded(nonce)
        return self._applier.follow(self._outcomes.unsent(nonce))

    def sent(self, nonce: Nonce, error: DiscordError | None) -> list[Outside]:
        """Handle the outcome of a POST; `error` None: Discord accepted it."""
        self.send_queue.concluded(nonce)
        return self._applier.follow(self._outcomes.sent(nonce, error))

    # Requests of clients and operators.

    def cancel(self, task_id: TaskId) -> list[Outside]:
        """End a Task as CANCELLED, with a notice on whether Midjourney may still draw it. An ended one is unchanged."""
        return self._applier.follow(self._requests.cancel(task_id))

    def give_input(
        self, task_id: TaskId, prompt: str, mask: InputImage | None, request: RequestKey | None
    ) -> list[Outside]:
        """Give an AWAITING_INPUT Task its input; it becomes QUEUED. Raises Conflict in another state."""
        return self._applier.follow(self._requests.give_input(task_id, prompt, mask, request))

    def tell(self, task_id: TaskId, event: LifeEvent) -> list[Outside]:
        """Apply an event to a Task, if its state allows it."""
        return self._applier.follow([Change(task_id=task_id, events=(event,))])

    def pause(self, reason: str) -> list[Outside]:
        """Send nothing more until `resume`. If the Account already needs a person, its state and reason stay."""
        return [] if self.status.needs_person else self._applier.follow([Enter(AccountState.PAUSED, reason)])

    def resume(self) -> list[Outside]:
        """Let a paused Account send again."""
        self._applier.keep(self.status.become(AccountState.ACTIVE, ""))
        return self._applier.handed_out()

    # Work that is due by time.

    def look_around(self, *, is_connected: bool) -> list[Outside]:
        """Do what is due: check deadlines, expire parked messages, and send what may be sent now."""
        self._listener.expire()
        if self._lookback.is_due():
            self._reassignment.renew()
            # Before the first session it is not known which user's messages are this Account's.
            has_session = is_connected and self.status.is_connected
            self._applier.apply(self._lookback.sweep(is_connected=has_session))
        if self._clock.monotonic() >= self._forget_at:
            self._forget_at = self._clock.monotonic() + FORGET_SECONDS
            self._forget_old()
        if self.status.needs_person:
            self.send_queue.withdraw()
            self._applier.apply(self._reassignment.made())
        while is_connected and self.status.takes_work and (effects := self.send_queue.next()):
            self._applier.apply(effects)
            if not any(isinstance(effect, Change) for effect in effects):
                break  # only Prepare effects: the slots are taken now
        return self._applier.handed_out()

    def nap(self) -> timedelta:
        """Return how long `look_around` need not be called, if nothing happens."""
        nap = self._sweep_period if self.ledger.has_unfinished() else IDLE_NAP
        now = self._clock.monotonic()
        waits = [at - now for at in (self.send_queue.wake_at(), self._listener.wake_at()) if at is not None]
        return min([nap, *(timedelta(seconds=wait) for wait in waits)])

    def give_away(self, task_id: TaskId, account_id: AccountId, channel_id: ChannelId) -> list[Outside]:
        """Assign a waiting Task to another Account, whose worker writes it from then on."""
        self._applier.apply([Change(task_id=task_id, events=(Assigned(account_id, channel_id),))])
        self.ledger.drop(task_id)
        return self._applier.handed_out()

    def keep_waiting(self, task_id: TaskId) -> list[Outside]:
        """Add a notice, once, to a Task that no other Account can run: what it waits for."""
        return self._applier.follow(self._reassignment.told_to_wait(known_task(self.ledger, task_id)))

    def _connected(self, event: Connected) -> list[Outside]:
        self._applier.keep(self.status.connected(event.user_id, event.user_name))
        self._listener.connected(event.user_id)
        if event.resumed:
            return self._applier.handed_out()
        wants_settings = self._limits.sync_settings and not self._has_asked_settings and self.status.takes_work
        self._has_asked_settings = self._has_asked_settings or wants_settings
        return self._applier.follow([*self._lookback.look(), *([AskSettings()] if wants_settings else [])])

    def _forget_old(self) -> None:
        """Remove what is too old for a late picture."""
        self.ledger.forget_old()
        kept = self.ledger.index.by_nonce
        self.send_queue.forget_old(kept)
        self._outcomes.forget_old(self.ledger.tasks.keys() | self.ledger.lost)
        self._windows.forget_old(kept)
        self._requests.forget_old()
