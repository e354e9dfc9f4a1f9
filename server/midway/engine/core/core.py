"""One Account's decisions, without a loop, a disk or a socket: what happened goes in, what follows comes out.

Each method takes one thing that happened and returns what is to be done about it, in order. Memory is changed by then,
and ahead of the Store: nothing that was decided here may be told to anybody before its `Write` is durable, but for the
Account's state. Not reentrant; whoever calls (`worker`) carries everything out before the next call. The clock comes
by constructor.
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
from midway.engine.account import AccountConfig
from midway.engine.clock import SteadyClock
from midway.engine.core.account_status import AccountStatus
from midway.engine.core.applier import Applier
from midway.engine.core.channel_history import ChannelHistory
from midway.engine.core.client_requests import ClientRequests, known_task
from midway.engine.core.effects import AskSettings, Change, Enter, Outside
from midway.engine.core.ledger import Ledger
from midway.engine.core.listener import Listener
from midway.engine.core.lookback import Lookback
from midway.engine.core.offers import Offers
from midway.engine.core.outcomes import Outcomes
from midway.engine.core.reading import Reading
from midway.engine.core.send_queue import SendQueue
from midway.engine.core.windows import Windows
from midway.engine.interactions import Prepared
from midway.engine.limits import Limits
from midway.store.port import AccountMark, RequestKey

PORTION = 20  # messages of the history at a time; what is done with them takes some milliseconds

FORGET_SECONDS = 10.0  # between two looks for what no late picture can need any more
IDLE_NAP = timedelta(minutes=1)  # the longest wait for something to happen while nothing is unfinished


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
        self._offers = Offers(self.ledger, self.send_queue, self.status)
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
        """Take over what an earlier run left."""
        if mark is not None:
            self.status.restore(mark)
        self.ledger.load(tasks, attempts)

    def recover(self, tasks: Iterable[Task], attempts: Iterable[Attempt]) -> None:
        """Begin anew with what the Store has, after a defect ended the worker somewhere in the middle."""
        self.send_queue.reset()
        self._lookback.reset()
        self._windows.forget_old(())
        self._requests.reset()
        self.ledger.load(tasks, attempts)

    def clock_was_set(self, tasks: Iterable[Task], attempts: Iterable[Attempt]) -> None:
        """Go on with the times that the Store has for what is unfinished since the wall clock was set."""
        self.ledger.load(tasks, attempts)
        self._lookback.clock_was_set()

    def account(self, expected: int) -> Account:
        """Return the Account as people see it; `expected` Tasks are on their way to it."""
        return self.status.snapshot(self.ledger.drawing_count, self.ledger.waiting_count + expected)

    def take(self, task: Task) -> None:
        """Take over a stored Task of this Account; one that is known is newer here."""
        known = self.ledger.tasks.get(task.id)
        if known is None or known.version < task.version:
            self.ledger.add(task)

    def lose(self, task_id: TaskId) -> None:
        """Drop all that was decided about a Task, until `regain`."""
        self._requests.lose(task_id)
        self._windows.forget(self.ledger.attempts(task_id))
        self.ledger.lose(task_id)

    def regain(self, task_id: TaskId, task: Task | None, attempts: Iterable[Attempt]) -> None:
        """Take over what the Store has of a Task that was lost; None: it is another Account's now."""
        if task_id not in self.ledger.lost:
            return  # all was read anew meanwhile
        self.ledger.replace(task_id, task, attempts)

    def left_over(self) -> list[Outside]:
        """Return what was decided before a defect ended a decision: memory has it, so it is to be carried out."""
        return self._applier.handed_out()

    # What Discord says.

    def hear(self, event: Event) -> list[Outside]:
        """Take an event."""
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
        """Take a message whose Task was asked for, and is in memory now if there is one."""
        return self._applier.follow(self._listener.recalled(reading))

    def history_read(self, messages: Sequence[Message] | None, limit: int) -> Iterator[list[Outside]]:
        """Take what a look at the channel's history gave, oldest first; None: Discord did not give it.

        In portions, as it may be long: others may have the event loop between two of them, but no event or wish comes
        to this core.
        """
        return self._history.hear(messages, limit, PORTION)

    def look(self) -> list[Outside]:
        """Look at the channel's history: something was missed."""
        return self._applier.follow(self._lookback.look())

    # What became of what was asked for.

    def prepared(self, task_id: TaskId, kind: AttemptKind, prepared: Prepared) -> list[Outside]:
        """Take a Task's Interaction, ready to be sent."""
        return self._applier.follow(self.send_queue.prepared(task_id, kind, prepared))

    def unprepared(self, task_id: TaskId, error: DiscordError | None) -> list[Outside]:
        """Take the failure of an upload; None: for no fault of the Task's."""
        self.send_queue.unprepared(task_id)
        return self._applier.follow(self._outcomes.unprepared(task_id, error))

    def broke(self, task_id: TaskId, error: str) -> list[Outside]:
        """Fail a Task by a defect of ours, named by its class."""
        self.send_queue.unprepared(task_id)
        return self._applier.follow(self._outcomes.broke(task_id, error))

    def mask_loaded(self, task_id: TaskId, event: IframeOpened, inputs: Sequence[InputImage] | None) -> list[Outside]:
        """Take the pictures of a Task whose region window waits for its mask; None: they cannot be read."""
        return self._applier.follow(self._windows.answer_region(task_id, event, inputs))

    def may_leave(self, nonce: Nonce) -> bool:
        """Tell whether an Interaction is still to be sent, now that it is stored."""
        return self._outcomes.is_wanted(nonce) and not self.status.needs_person

    def waited_long(self, nonce: Nonce, postponed: int) -> bool:
        """Tell whether an Interaction waited so long for the disk that it must be `postponed` (again) before it leaves.

        Each time it may wait twice as long as before, from three seconds on.
        """
        return self._outcomes.waited_long(nonce, postponed)

    def postponed(self, nonce: Nonce) -> list[Outside]:
        """Count an Interaction's times from now; it may leave when that is stored."""
        return self._applier.follow(self._outcomes.postponed(nonce))

    def left(self, nonce: Nonce) -> None:
        """Note that an Interaction goes to Discord now."""
        self.send_queue.left(nonce)

    def unsent(self, nonce: Nonce) -> list[Outside]:
        """Note that an Interaction was not sent and will not be."""
        self.send_queue.concluded(nonce)
        return self._applier.follow(self._outcomes.unsent(nonce))

    def sent(self, nonce: Nonce, error: DiscordError | None) -> list[Outside]:
        """Take the outcome of a POST."""
        self.send_queue.concluded(nonce)
        return self._applier.follow(self._outcomes.sent(nonce, error))

    # What clients and operators want.

    def cancel(self, task_id: TaskId) -> list[Outside]:
        """End a Task as CANCELLED, saying honestly what goes on upstream; one that has ended stays as it is."""
        return self._applier.follow(self._requests.cancel(task_id))

    def give_input(
        self, task_id: TaskId, prompt: str, mask: InputImage | None, request: RequestKey | None
    ) -> list[Outside]:
        """Answer what an AWAITING_INPUT Task waits for; it goes to the queue. Raises Conflict in another state."""
        return self._applier.follow(self._requests.give_input(task_id, prompt, mask, request))

    def tell(self, task_id: TaskId, event: LifeEvent) -> list[Outside]:
        """Apply an event to a Task, if its state has a move for it."""
        return self._applier.follow([Change(task_id=task_id, events=(event,))])

    def pause(self, reason: str) -> list[Outside]:
        """Send nothing more until resumed; why the Account is paused already stays."""
        return [] if self.status.needs_person else self._applier.follow([Enter(AccountState.PAUSED, reason)])

    def resume(self) -> list[Outside]:
        """Let a paused Account act again."""
        self._applier.keep(self.status.become(AccountState.ACTIVE, ""))
        return self._applier.handed_out()

    # Time passes.

    def look_around(self, *, is_connected: bool) -> list[Outside]:
        """Do what is due: deadlines, expired messages, and whatever may be sent now."""
        self._listener.expire()
        if self._lookback.is_due():
            self._offers.renew()
            # Before the first session it is not known to whom messages speak.
            has_session = is_connected and self.status.is_connected
            self._applier.apply(self._lookback.sweep(is_connected=has_session))
        if self._clock.monotonic() >= self._forget_at:
            self._forget_at = self._clock.monotonic() + FORGET_SECONDS
            self._forget_old()
        if self.status.needs_person:
            self.send_queue.withdraw()
            self._applier.apply(self._offers.made())
        while is_connected and self.status.takes_work and (effects := self.send_queue.next()):
            self._applier.apply(effects)
            if not any(isinstance(effect, Change) for effect in effects):
                break  # what is being prepared takes its slots from now on
        return self._applier.handed_out()

    def nap(self) -> timedelta:
        """Return how long nothing has to be looked at."""
        nap = self._sweep_period if self.ledger.has_unfinished() else IDLE_NAP
        now = self._clock.monotonic()
        waits = [at - now for at in (self.send_queue.wake_at(), self._listener.wake_at()) if at is not None]
        return min([nap, *(timedelta(seconds=wait) for wait in waits)])

    def give_away(self, task_id: TaskId, account_id: AccountId, channel_id: ChannelId) -> list[Outside]:
        """Give a waiting Task to another Account, which writes it from then on."""
        self._applier.apply([Change(task_id=task_id, events=(Assigned(account_id, channel_id),))])
        self.ledger.drop(task_id)
        return self._applier.handed_out()

    def keep_waiting(self, task_id: TaskId) -> list[Outside]:
        """Say for what a Task waits that no other Account can run; once."""
        return self._applier.follow(self._offers.told_to_wait(known_task(self.ledger, task_id)))

    def _connected(self, event: Connected) -> list[Outside]:
        self._applier.keep(self.status.connected(event.user_id, event.user_name))
        self._listener.connected(event.user_id)
        if event.resumed:
            return self._applier.handed_out()
        wants_settings = self._limits.sync_settings and not self._has_asked_settings and self.status.takes_work
        self._has_asked_settings = self._has_asked_settings or wants_settings
        return self._applier.follow([*self._lookback.look(), *([AskSettings()] if wants_settings else [])])

    def _forget_old(self) -> None:
        """Let go of what no late picture can need any more."""
        self.ledger.forget_old()
        kept = self.ledger.index.by_nonce
        self.send_queue.forget_old(kept)
        self._outcomes.forget_old(self.ledger.tasks.keys() | self.ledger.lost)
        self._windows.forget_old(kept)
        self._requests.forget_old()
