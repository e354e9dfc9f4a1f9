"""One worker for each Account; its loop is the only place where the Account's state changes.

Discord's events, clients' requests and results of background work come through the inbox. `core` decides without
waiting for anything, and the worker carries out the effects. Writes go through the `journal` after the decision; what
is sent to Discord waits until they are durable.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import assert_never

import structlog

from midway.discord.event import Connected, Disconnected, Event, MessageCreated, MessageUpdated, TokenRefused
from midway.discord.port import Connection
from midway.domain.account import Account
from midway.domain.attempt import Attempt
from midway.domain.ids import AccountId, Nonces, TaskId
from midway.domain.task import Task
from midway.engine.account_config import AccountConfig
from midway.engine.clock import SteadyClock
from midway.engine.core.core import Core
from midway.engine.core.effects import (
    AskSettings,
    LoadMask,
    Outside,
    Post,
    Prepare,
    ReadHistory,
    Recall,
    Relocate,
    Write,
)
from midway.engine.limits import Limits
from midway.engine.store_retry import read_patiently
from midway.engine.worker.absent_tasks import AbsentTasks
from midway.engine.worker.account_service import AccountService
from midway.engine.worker.background_tasks import BackgroundTasks
from midway.engine.worker.decisions import Decision, Decisions
from midway.engine.worker.inbox import Inbox
from midway.engine.worker.journal import Journal
from midway.engine.worker.stored_tasks import StoredTasks
from midway.engine.worker.transfers import FindOther, Transfers
from midway.engine.worker.upstream import Upstream
from midway.store.port import AccountMark, Store, VersionConflict

log = structlog.get_logger(__name__)

DECISIONS = 3  # times that a request is decided, when another writer changes the Task meanwhile


class Worker:
    """Runs one Account. Made and run by the Engine."""

    def __init__(
        self,
        config: AccountConfig,
        connection: Connection,
        store: Store,
        limits: Limits,
        clock: SteadyClock,
        nonces: Nonces,
        find_other: FindOther,
    ) -> None:
        self.config = config
        self.connection = connection
        self._store = store
        self._limits = limits
        self._core = Core(config, limits, clock, nonces)
        self._ledger = self._core.ledger
        self._inbox = Inbox()
        self._journal = Journal(store, self._lost)
        self._background = BackgroundTasks(config.id)
        self._decisions = Decisions(config.id, self._core, self._inbox, self._journal, self._carry_out)
        self._upstream = Upstream(config.channel_id, connection, store, self._core, nonces, self._decisions)
        self._stored = StoredTasks(config.id, store, limits, clock)
        self._absent = AbsentTasks(self._core, self._stored, self._journal, self._background, self._decisions)
        self._transfers = Transfers(self._core, self._journal, self._background, find_other, self._carry_out)
        self.service = AccountService(self.decide, connection, self._upstream, limits)
        self._posts: set[asyncio.Task[None]] = set()
        self._expected = 0  # Tasks that are on their way to this Account
        self._taken_meanwhile: list[Task] | None = None  # Tasks taken while the Store is read again; None: it is not
        self._has_dropped_events = False  # because too many waited
        self._may_connect = asyncio.Event()  # set by `resume`, after a token was refused

    @property
    def id(self) -> AccountId:
        """The Account this worker runs."""
        return self.config.id

    def account(self) -> Account:
        """Return the Account as shown to clients and operators."""
        return self._core.account(self._expected)

    @property
    def waiting_count(self) -> int:
        """How many of its Tasks are QUEUED, or on their way to it."""
        return self._ledger.waiting_count + self._expected

    @contextmanager
    def expecting(self) -> Iterator[None]:
        """Count a Task as waiting here while the context is open."""
        self._expected += 1
        try:
            yield
        finally:
            self._expected -= 1

    def take(self, task: Task) -> None:
        """Accept a stored Task of this Account."""
        self._core.take(task)
        if self._taken_meanwhile is not None:
            self._taken_meanwhile.append(task)
        self._inbox.put(_nothing)

    async def load(self, mark: AccountMark | None) -> None:
        """Read what an earlier run left. Call it before `run`."""
        self._core.load(mark, *await self._stored.read_all())

    async def recover(self) -> None:
        """Restart from what is stored, after a defect ended `run`."""
        await self._journal.flush()
        await self._reloaded(self._core.recover)
        await self._transfers.finish()

    @asynccontextmanager
    async def standing_still(self) -> AsyncIterator[None]:
        """Make all decisions durable, and decide nothing while the context is open; then continue from the Store.

        Raises StoreUnavailable when the disk fails.
        """
        stopped, resume = asyncio.Event(), asyncio.Event()
        step = asyncio.ensure_future(self._inbox.ask(partial(self._stand_still, stopped, resume)))
        waiting = asyncio.ensure_future(stopped.wait())
        try:
            await asyncio.wait({step, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if step.done():
                step.result()
            yield
        finally:
            waiting.cancel()
            resume.set()
            if not stopped.is_set():
                step.cancel()  # the worker may have ended before it ran the step
            await asyncio.wait({step})

    async def _stand_still(self, stopped: asyncio.Event, resume: asyncio.Event) -> None:
        await self._journal.settled()
        stopped.set()
        await resume.wait()
        await read_patiently(partial(self._reloaded, self._core.clock_was_set))

    async def resume(self) -> Account:
        """Let a paused Account send again: the operator says that its problem is solved."""
        self._may_connect.set()
        await self._decisions.decide_durably(Core.resume)
        return self.account()

    async def pause(self, reason: str) -> Account:
        """Stop the Account from sending until it is resumed; running jobs continue."""
        await self._decisions.decide_durably(lambda core: core.pause(reason))
        return self.account()

    async def decide(self, task_id: TaskId, decision: Decision) -> Task | None:
        """Decide about a Task in the loop; return it as stored when that is durable; None: it is not this Account's.

        Raises what the decision raises, and StoreUnavailable when the disk fails; then the decision stands, and is
        written later.
        """
        for _ in range(DECISIONS - 1):
            with suppress(VersionConflict):
                return await self._decide_once(task_id, decision)
        return await self._decide_once(task_id, decision)

    async def run(self) -> None:
        """Connect and work until cancelled."""
        # Background work ends first: a connection that is closed during an upload may wait for it for ever.
        async with asyncio.TaskGroup() as group, self._background:
            group.create_task(self._stay_connected(), name=f"connection {self.id}")
            group.create_task(self._journal.run(), name=f"journal {self.id}")
            while True:
                await self._inbox.run_waiting(self._nap())
                self._catch_up()
                self._decisions.do(lambda core: core.look_around(is_connected=self.connection.is_connected))

    async def drain(self) -> None:
        """Send nothing more, and return when the outcomes of what was sent are stored."""
        self._core.send_queue.close()
        await self._inbox.ask(_nothing)  # by then, Interactions decided before are in `_posts`
        while self._posts:
            await asyncio.wait(self._posts)
        await self._inbox.ask(_nothing)  # by then, their outcomes have been handled
        await self._journal.settled(patient=True)

    async def _stay_connected(self) -> None:
        while True:
            await self.connection.run(self._receive)  # returns when the token was refused
            self._may_connect.clear()
            await self._may_connect.wait()

    def _receive(self, event: Event) -> None:
        """Queue an event of the connection. While too many wait, drop it: the channel's history is read later."""
        is_of_channel = not isinstance(event, Connected | Disconnected | TokenRefused)
        if is_of_channel and self._is_behind():
            if not self._has_dropped_events:
                log.warning("too many events wait; dropped ones are read from the history", account_id=self.id)
            self._has_dropped_events = True
            return
        self._inbox.put(partial(self._hear, event))

    def _is_behind(self) -> bool:
        return self._inbox.waiting + self._journal.waiting >= self._limits.max_waiting_events

    def _catch_up(self) -> None:
        """Read the history to catch up on dropped events, when there is room again."""
        if self._has_dropped_events and not self._inbox.waiting and not self._is_behind():
            self._has_dropped_events = False
            self._decisions.do(Core.look)

    def _nap(self) -> timedelta:
        return min(self._core.nap(), self._limits.sweep_period) if self._has_dropped_events else self._core.nap()

    def _carry_out(self, outside: Iterable[Outside]) -> None:
        """Carry out effects, in order."""
        for effect in outside:
            match effect:
                case Write(entry):
                    self._journal.put(entry)
                case Prepare(task, kind):
                    self._background.spawn(self._upstream.prepare(task, kind), f"prepare {task.id}")
                case Post():
                    self._send(effect)
                case ReadHistory(after, limit):
                    self._background.spawn(self._upstream.read_history(after, limit), f"history {self.id}")
                case LoadMask(task, event):
                    self._background.spawn(self._upstream.load_mask(task, event), f"mask {task.id}")
                case Recall(task_id, reading):
                    self._background.spawn(self._absent.recall(task_id, reading), f"recall {task_id}")
                case Relocate(tasks):
                    self._transfers.begin(tasks)
                case AskSettings():
                    self._background.spawn(self._upstream.ask_settings(), f"settings {self.id}")
                case _:
                    assert_never(effect)

    async def _hear(self, event: Event) -> None:
        if isinstance(event, MessageCreated | MessageUpdated):
            self._upstream.expected_messages.offer(event.message)
        self._decisions.do(lambda core: core.hear(event))

    async def _decide_once(self, task_id: TaskId, decision: Decision) -> Task | None:
        found: Task | None = None

        async def step() -> Awaitable[None] | None:
            if found is not None:
                self._core.take(found)
            if task_id not in self._ledger.tasks:
                return None
            self._carry_out(decision(self._core))
            return self._journal.settled(task_id)

        durable = await self._inbox.ask(step)
        if durable is None:
            found = await self._absent.find(task_id)
            durable = await self._inbox.ask(step) if found else None
        if durable is None:
            return None
        await durable
        return await self._store.get(task_id)

    async def read_task(self, task_id: TaskId) -> Task | None:
        """Read a Task; None when it is not this Account's, or cannot be read."""
        return await self._stored.read(task_id)

    def _lost(self, task_id: TaskId, error: Exception) -> None:
        self._absent.lose(task_id, error)

    async def _reloaded(self, load: Callable[[list[Task], list[Attempt]], None]) -> None:
        """Load what the Store has, and Tasks that were taken while it was read."""
        self._taken_meanwhile = []
        try:
            load(*await self._stored.read_all())
            for task in self._taken_meanwhile:
                self._core.take(task)
        finally:
            self._taken_meanwhile = None

    def _send(self, post: Post) -> None:
        # Called now and not in `send`: if the Task is lost before `send` runs, the future fails, and nothing is sent.
        durable = self._journal.settled(post.outgoing.task_id, patient=True)
        sending = self._background.spawn(self._upstream.send(post, durable), f"send {post.outgoing.task_id}")
        self._posts.add(sending)
        sending.add_done_callback(self._posts.discard)


async def _nothing() -> None:
    """Do nothing: a step to wake the loop, or to wait until it has run all steps before."""
