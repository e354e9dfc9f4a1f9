"""One worker for each Account. Its loop is the only place where that Account's state changes.

Discord's events, what clients want and what helpers beside the loop found out all come through the inbox. What the
parts do: `sender` sends, `listener` hears, `lookback` looks after what is late, `standing` knows whether it may act.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import structlog
from msgspec.structs import replace

from midway.discord.errors import DiscordError
from midway.discord.event import Connected, Disconnected, Event, IframeOpened, ModalOpened, TokenRefused
from midway.discord.interaction import Interaction
from midway.discord.port import Connection
from midway.domain.account import Account, AccountState
from midway.domain.attempt import Attempt, AttemptKind
from midway.domain.errors import NoAccount, Reason, Refusal, Unavailable
from midway.domain.ids import AccountId, Nonce, Nonces, TaskId
from midway.domain.lifecycle import Accepted, Assigned, Failed, Noticed, Requeued, failed
from midway.domain.task import Task
from midway.engine.account import AccountConfig
from midway.engine.assign import is_bound
from midway.engine.classify import Trouble
from midway.engine.clock import Clock
from midway.engine.desk import Desk
from midway.engine.dispatch import APPLICATION_IDS, answer, mask_as_sent
from midway.engine.errand import ask_settings
from midway.engine.inbox import Inbox
from midway.engine.ledger import Ledger
from midway.engine.limits import Limits
from midway.engine.listener import Listener
from midway.engine.lookback import Lookback
from midway.engine.outgoing import Outgoing, RegionSubmit, Verdict, verdict
from midway.engine.sender import Sender
from midway.engine.standing import NEEDS_PERSON, Standing
from midway.store.port import AccountMark, Store, TaskUnreadable

log = structlog.get_logger(__name__)

IDLE_NAP = timedelta(minutes=1)  # the longest wait for something to happen while nothing is unfinished
DRAIN_LOOK_SECONDS = 0.02
IFRAME_PREFIX = "MJ::iframe::"

# Given a Task that its Account cannot run now: the Account that takes it instead, or None.
Relocate = Callable[[Task], "Worker | None"]


class Worker:
    """Runs one Account. Made and run by the Engine."""

    def __init__(
        self, config: AccountConfig, connection: Connection, store: Store, limits: Limits, clock: Clock, nonces: Nonces
    ) -> None:
        self.config = config
        self.connection = connection
        self._store = store
        self._limits = limits
        self._clock = clock
        self._nonces = nonces
        self._inbox = Inbox()
        self._ledger = Ledger(store, config.id, limits, clock)
        self._standing = Standing(config, store, clock)
        self._sender = Sender(config, connection, store, self._ledger, limits, clock, nonces)
        self._listener = Listener(self._ledger, limits, clock)
        self._lookback = Lookback(config, connection, self._ledger, self._listener, self._sender, limits, clock)
        self.desk = Desk(self._inbox, self._ledger, store, connection, self._listener.mailbox, self._interact, limits)
        self._answered: set[Nonce] = set()  # presses whose modal was answered; a modal that comes twice is not
        self._asked_settings = False
        self._has_missed = False  # events, because too many waited
        self.relocate: Relocate = lambda _task: None
        self._wire()

    @property
    def id(self) -> AccountId:
        """The Account this worker runs."""
        return self.config.id

    def account(self) -> Account:
        """Return the Account as people see it."""
        running = len(self._ledger.occupied(drawing=True))
        return self._standing.snapshot(running, self.waiting_count)

    @property
    def waiting_count(self) -> int:
        """How many of its Tasks are QUEUED."""
        return self._ledger.waiting_count

    def take(self, task: Task) -> None:
        """Take over a stored Task of this Account."""
        self._ledger.add(task)
        self._inbox.put(_nothing)

    async def load(self, mark: AccountMark | None) -> None:
        """Read what an earlier run left; before `run`."""
        if mark is not None:
            self._standing.restore(mark)
        await self._ledger.load()

    async def recover(self) -> None:
        """Begin anew from the Store, after a defect ended `run` somewhere in the middle."""
        self._sender.reset()
        self._lookback.reset()
        await self._ledger.reload()

    def clock_was_set(self) -> None:
        """Go on with the times that the Store has for what is unfinished since the wall clock was set."""
        self._inbox.put(self._read_times_anew)

    async def _read_times_anew(self) -> None:
        await self._ledger.reload()
        self._lookback.clock_was_set()

    async def resume(self) -> Account:
        """Let a paused Account act again: the operator says that a person has seen to it."""
        await self._inbox.ask(self._resume)
        return self.account()

    async def pause(self, reason: str) -> Account:
        """Let the Account send nothing more until it is resumed; what it has running goes on."""
        await self._inbox.ask(lambda: self._pause(reason))
        return self.account()

    async def run(self) -> None:
        """Connect and work until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._connect()
            while True:
                await self._inbox.run_waiting(self._nap())
                self._make_good()
                await self._inbox.surely(self._look_around)

    def _connect(self) -> None:
        connecting = self.connection.run(self._receive)
        self._connecting = self._group.create_task(connecting, name=f"connection {self.id}")

    def _receive(self, event: Event) -> None:
        """Take an event from the connection. While too many wait, the channel's history must do instead of them."""
        is_of_channel = not isinstance(event, Connected | Disconnected | TokenRefused)
        if is_of_channel and self._inbox.waiting >= self._limits.max_waiting_events:
            if not self._has_missed:
                log.warning("too many events wait; the history is read when they are done", account_id=self.id)
            self._has_missed = True
            return
        self._inbox.put(lambda: self._hear(event))

    def _make_good(self) -> None:
        """Look for what was missed, once nothing waits any more."""
        if self._has_missed and not self._inbox.waiting:
            self._has_missed = False
            self._lookback.look()

    async def _resume(self) -> None:
        await self._standing.become(AccountState.ACTIVE, "")
        if self._connecting.done():  # the token was refused; a person may have seen to that too
            self._connect()

    async def _pause(self, reason: str) -> None:
        if not self._standing.needs_person:
            await self._standing.become(AccountState.PAUSED, reason)

    async def drain(self) -> None:
        """Send nothing more, and return when what was sent has its answer written down."""
        self._sender.is_closing = True
        await self._inbox.ask(_nothing)  # what was about to be sent is on its way now
        while not self._sender.is_idle:  # noqa: ASYNC110 - seconds at most, once in a process
            await asyncio.sleep(DRAIN_LOOK_SECONDS)
        await self._inbox.ask(_nothing)  # comes after what the sender reported

    def _wire(self) -> None:
        """Let the parts report to the loop."""
        put = self._inbox.put
        self._sender.serially = self._lookback.serially = put
        self._sender.spawn = self._lookback.spawn = self._spawn
        self._sender.on_sent = self._sent
        self._sender.on_unprepared = self._unprepared
        self._listener.on_trouble = lambda trouble: put(lambda: self._trouble(trouble))
        self._listener.on_modal = lambda attempt, event: put(lambda: self._answer(attempt, event))
        self._listener.on_queue_full = lambda: self._sender.pause(self._limits.queue_full_pause.total_seconds())
        self._listener.on_fast = lambda: put(self._standing.drew_fast)
        self._listener.on_remix = self._see_remix
        self._listener.on_unknown = self._standing.puzzled

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._group.create_task(self._supervised(work, name), name=name)

    async def _supervised(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run a helper beside the loop; its defect must not end the loop, or the connection with it."""
        try:
            await work
        except Exception:
            log.exception("work beside the loop broke", account_id=self.id, work=name)

    async def _interact(self, interaction: Interaction) -> None:
        """Send an Interaction outside any Task, at the Account's pace. Raises Unavailable or NoAccount."""
        await self._sender.turn()
        if not self._standing.takes_work:
            account = self.account()
            raise _unavailable(account)
        await self.connection.interact(interaction, self._nonces.next())

    def _nap(self) -> timedelta:
        """Return how long nothing has to be looked at."""
        nap = self._limits.sweep_period if self._ledger.has_unfinished() else IDLE_NAP
        now = time.monotonic()
        waits = [at - now for at in (self._sender.wake_at(), self._listener.wake_at()) if at is not None]
        return min([nap, *(timedelta(seconds=wait) for wait in waits)])

    async def _look_around(self) -> None:
        """Do what is due: deadlines, expired messages, and whatever may be sent now."""
        self._listener.expire()
        if self._lookback.is_due():
            await self._lookback.sweep()
            self._forget_old()
        if self._standing.takes_work:
            await self._sender.pump()
        elif self._standing.needs_person:
            self._sender.recall()
            await self._relocate_waiting()

    def _forget_old(self) -> None:
        """Let go of what no late picture can need any more."""
        self._ledger.forget_old()
        self._lookback.forget_old()
        self._sender.forget_old(self._ledger.index.by_nonce)
        self._answered = {nonce for nonce in self._answered if nonce in self._ledger.index.by_nonce}

    async def _hear(self, event: Event) -> None:
        match event:
            case Connected():
                await self._standing.connected(event.user_id, event.user_name)
                self._listener.user_id = event.user_id
                if not event.resumed:
                    self._lookback.look()
                    self._ask_settings()
            case Disconnected():
                self._standing.disconnected(event.reason)
            case TokenRefused():
                self._standing.disconnected(event.reason)
                await self._trouble(Trouble(AccountState.INVALID, event.reason))
            case _:
                await self._listener.hear(event)

    async def _sent(self, nonce: Nonce, error: DiscordError | None) -> None:
        """Take the outcome of a POST. An event that proves acceptance counts more than an error."""
        attempt = self._ledger.attempt(nonce)
        if attempt is None:
            return
        if error is None:
            accepted = replace(attempt, accepted_at=attempt.accepted_at or self._clock.now())
            await self._ledger.change(attempt.task_id, Accepted(), attempts=[accepted])
            return
        found = verdict(error)
        if attempt.interaction_id is None or attempt.kind is AttemptKind.REGION:
            await self._refused(attempt, found)
        await self._consequences(found)

    async def _refused(self, attempt: Attempt, found: Verdict) -> None:
        if found.event is not None:
            event: Requeued | Failed = found.event
            tries = len(self._ledger.attempts(attempt.task_id))
            if isinstance(event, Requeued) and tries > self._limits.max_requeues:
                event = failed(Reason.UPSTREAM_REJECTED, f"given up after {tries} tries: {event.notice}")
            ended = self._ledger.ended(attempt.task_id, settled=True)
            await self._ledger.change(attempt.task_id, event, attempts=ended)

    async def _unprepared(self, task_id: TaskId, error: DiscordError) -> None:
        """Take the failure of an upload: the Task fails, or stays in the queue for another try."""
        found = verdict(error)
        if isinstance(found.event, Failed):
            await self._ledger.change(task_id, found.event)
        self._sender.pause(self._limits.sweep_period.total_seconds())
        await self._consequences(found)

    async def _consequences(self, found: Verdict) -> None:
        if found.pause_seconds:
            self._sender.pause(found.pause_seconds)
        if found.trouble:
            await self._trouble(found.trouble)

    async def _trouble(self, trouble: Trouble) -> None:
        """Enter the state; a need for a person is never softened to LIMITED."""
        if not (self._standing.needs_person and trouble.state is AccountState.LIMITED):
            await self._standing.become(trouble.state, trouble.reason)

    async def _relocate_waiting(self) -> None:
        """Give waiting Tasks to Accounts that can run them; those bound to this one wait, and say for what."""
        for task in [*self._ledger.waiting(drawing=True), *self._ledger.waiting(drawing=False)]:
            if self._sender.is_busy(task.id):
                continue
            other = None if is_bound(task.ask) else self.relocate(task)
            if other is None:
                await self._tell_why(task)
                continue
            moved = await self._ledger.change(task.id, Assigned(other.id, other.config.channel_id))
            self._ledger.drop(task.id)
            if moved is not None:
                other.take(moved)

    async def _tell_why(self, task: Task) -> None:
        notice = f"the account waits for a person: {self._standing.reason}"
        if notice not in task.notices:
            await self._ledger.change(task.id, Noticed(notice))

    async def _answer(self, attempt: Attempt, event: ModalOpened | IframeOpened) -> None:
        """Answer the window that a press opened, once."""
        task = self._ledger.tasks.get(attempt.task_id)
        if task is None or attempt.nonce in self._answered:
            return
        if task.state.is_terminal:  # cancelled meanwhile: left unanswered, the window makes no job
            await self._ledger.learn(*self._ledger.ended(task.id, settled=True))
            return
        application_id = APPLICATION_IDS[task.ask.bot]
        if isinstance(event, ModalOpened):
            submit = answer(task, event, application_id, self._sender.place)
            self._sender.submit(Outgoing(task.id, AttemptKind.MODAL, submit))
        else:
            await self._answer_iframe(task, event, application_id)
        self._answered.add(attempt.nonce)  # only now: until then a refusing Store makes this step run again

    async def _answer_iframe(self, task: Task, event: IframeOpened, application_id: str) -> None:
        try:
            inputs = await self._store.inputs(task.id)
        except TaskUnreadable:
            lost = failed(Reason.UPLOAD_FAILED, "its mask cannot be read any more")
            await self._ledger.change(task.id, lost, attempts=self._ledger.ended(task.id, settled=True))
            return
        mask = mask_as_sent(inputs[-1]) if task.ask.has_mask and inputs else ""
        prompt = task.ask.modal_prompt if task.ask.modal_prompt is not None else task.ask.prompt_en
        submit = RegionSubmit(application_id, event.custom_id.removeprefix(IFRAME_PREFIX), mask, prompt)
        self._sender.submit(Outgoing(task.id, AttemptKind.REGION, submit, interaction_id=event.id))

    def _see_remix(self, remix: bool) -> None:
        self._standing.remix = remix

    def _ask_settings(self) -> None:
        """Ask once in a process whether Remix is on; the panel that answers is read by the listener."""
        if self._limits.sync_settings and not self._asked_settings and self._standing.takes_work:
            self._asked_settings = True
            self._spawn(self._settings_errand(), f"settings {self.id}")

    async def _settings_errand(self) -> None:
        try:
            await ask_settings(self._sender.place, self._interact)
        except (DiscordError, Refusal) as err:
            log.info("the account's settings could not be read", account_id=self.id, error=str(err))


def _unavailable(account: Account) -> Refusal:
    """Say why an Account may not act now: a lost connection comes back, a need for a person does not go away."""
    told = {"account_id": account.id, "state": account.state.value}
    if account.state in NEEDS_PERSON:
        message = "the account takes no work"
        return NoAccount(Reason.ACCOUNT_UNAVAILABLE, message, [account.hindrance], **told)
    return Unavailable(Reason.ACCOUNT_UNAVAILABLE, f"account {account.hindrance}", **told)


async def _nothing() -> None:
    """Be a step that only marks its place in the inbox."""
