"""The engine: one worker for each Account, and the interface through which the rest of the server uses them."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

import structlog
from msgspec import Struct
from msgspec.structs import replace

from midway.discord.partial_file import PartialFile
from midway.discord.port import Connection
from midway.domain.account import Account
from midway.domain.clock_step import Boot, step_between
from midway.domain.errors import NoAccount, NotFound, Reason
from midway.domain.ids import AccountId, Nonces, TaskId, TaskIds
from midway.domain.image import InputImage
from midway.domain.lifecycle import Assigned, apply, failed
from midway.domain.notice import deserves_notice
from midway.domain.task import UNFINISHED, Ask, State, Task
from midway.engine.account_config import AccountConfig
from midway.engine.assign import USABLE, is_bound
from midway.engine.banned import BannedWords
from midway.engine.buttons import usable_parent
from midway.engine.clock import Clock, SteadyClock, SystemClock
from midway.engine.first_frame import Frames
from midway.engine.intake import Intake
from midway.engine.limits import Limits
from midway.engine.placing import Placed
from midway.engine.region import Regions
from midway.engine.translate import Translator
from midway.engine.wording import Wording
from midway.engine.worker.stored_tasks import UNBOUNDED
from midway.engine.worker.worker import Worker
from midway.pictures.checks import PictureLimits
from midway.pictures.decoder import Decoder, DecoderRules
from midway.store.port import Entry, RequestKey, Store, StoreUnavailable, TaskQuery
from midway.store.watch import Watch

log = structlog.get_logger(__name__)

DRAIN_SECONDS = 3.0  # at shutdown, to wait for answers to Interactions that were sent; a shutdown has 10 s in all
CLOCK_LOOK_SECONDS = 1.0  # between two checks whether the machine's clock was set
WORKER_RESTART_SECONDS = 1.0  # before a worker that ended by a defect is restarted; its Tasks are in the Store


# Refuses an address by its text alone. Raises InvalidField.
CheckUrl = Callable[[str], None]


class Uploads(Struct, frozen=True):
    """Links to uploaded pictures, and the Account in whose channel they are."""

    urls: tuple[str, ...]
    account_id: AccountId


class Engine:
    """The interface to all Accounts and Tasks. Use as an async context manager: it runs while the context is open."""

    def __init__(  # noqa: PLR0913 - puts the whole engine together, with keyword arguments only
        self,
        *,
        store: Store,
        watch: Watch,
        connections: Mapping[AccountId, Connection],
        accounts: Sequence[AccountConfig],
        limits: Limits,
        banned: BannedWords,
        translator: Translator,
        pictures: PictureLimits,
        notify_url: str = "",
        check_notify_url: CheckUrl = lambda _url: None,
        decoding: DecoderRules | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.store = store
        self.watch = watch
        self.pictures = pictures
        self.decoder = Decoder(decoding)
        self._notify_url = notify_url  # for Tasks without their own
        self._check_notify_url = check_notify_url  # checks those that have their own
        self._limits = limits
        self.clock = SteadyClock.of(clock or SystemClock())
        self._is_followed = False  # whether the Store has the clock's boot, and stored times go by it
        wording = Wording(banned, translator, limits.max_prompt_characters, limits.max_jobs_per_prompt)
        nonces = Nonces()
        self._workers = {
            config.id: Worker(config, connections[config.id], store, limits, self.clock, nonces, self._find_other)
            for config in accounts
        }
        self._ids = TaskIds()
        regions = Regions(self.fetch_picture, pictures, self.decoder.mask)
        frames = Frames(self.fetch_picture, pictures, self.decoder.quadrant, limits.max_first_frames)
        self._intake = Intake(store, self._workers, wording, limits, self.clock, self._ids, regions, frames)
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Load what an earlier run left, and start the workers."""
        self._ids.go_on_after(await self.store.last_task_id())
        # Go by the last process' boot first, so that a step since then is handled like one from now on.
        self.clock.go_on_from(await self.store.boot(self.clock.boot.id) or self.clock.boot)
        await self._take_step()
        marks = {mark.account_id: mark for mark in await self.store.marks()}
        for worker in self._workers.values():
            await worker.load(marks.get(worker.id))
        await self._adopt_orphans()
        self._running = asyncio.create_task(self._run(), name="engine")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop; unfinished Tasks continue after the next start."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._intake.settle()
                await asyncio.gather(*(worker.drain() for worker in self._workers.values()))
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])
        await self.decoder.close()

    async def submit(self, ask: Ask, inputs: Sequence[InputImage] = (), request: RequestKey | None = None) -> Placed:
        """Accept a Task; it is on disk when this returns. Raises what `Intake.admit` raises."""
        if not ask.notify_url:
            ask = replace(ask, notify_url=self._notify_url)
        else:
            self._check_notify_url(ask.notify_url)
        return await self._intake.admit(ask, inputs, request)

    async def answer_modal(
        self, task_id: TaskId, prompt: str, mask: InputImage | None, request: RequestKey | None = None
    ) -> Placed:
        """Give an AWAITING_INPUT Task its prompt (blank: the proposed one) and mask. Raises as `Intake.answer`."""
        return await self._intake.answer(task_id, prompt, mask, request)

    async def cancel(self, task_id: TaskId) -> Task:
        """End a Task as CANCELLED; return it unchanged if it has ended. Raises NotFound."""
        while True:
            task = await self._task(task_id)
            if task.state.is_terminal:
                return task
            cancelled = await self._intake.worker_of(task).service.cancel(task_id)
            if cancelled is not None:  # None: it moved to another Account meanwhile
                return cancelled

    async def image_seed(self, task_id: TaskId) -> str:
        """Return the seed of a finished Task's job, decimal. Raises NotFound, Conflict, Unavailable."""
        task = usable_parent(await self._task(task_id), task_id)
        return await self._intake.worker_of(task).service.seed(task)

    async def upload_images(self, images: Sequence[InputImage], account_id: AccountId | None) -> Uploads:
        """Upload pictures to an Account's channel (None: any). Raises NotFound, NoAccount, Unavailable."""
        worker = self._usable_worker(account_id)
        urls = await worker.service.upload(worker.config.channel_id, images)
        return Uploads(tuple(urls), worker.id)

    async def fetch_picture(self, task: Task, file: PartialFile) -> None:
        """Download a Task's picture from Discord to a file. Raises what `AccountService.fetch_picture` raises."""
        await self._intake.worker_of(task).service.fetch_picture(task, file)

    def accounts(self) -> list[Account]:
        """Return every Account, in the order configured."""
        return [worker.account() for worker in self._workers.values()]

    def account(self, account_id: AccountId) -> Account:
        """Return one Account. Raises NotFound."""
        return self._worker(account_id).account()

    async def resume_account(self, account_id: AccountId) -> Account:
        """Let a paused Account send again, after a person has dealt with its problem. Raises NotFound."""
        return await self._worker(account_id).resume()

    async def pause_account(self, account_id: AccountId, reason: str) -> Account:
        """Stop an Account from sending until it is resumed; running jobs continue. Raises NotFound."""
        return await self._worker(account_id).pause(reason.strip() or "paused by the operator")

    def _find_other(self, task: Task) -> Worker | None:
        return self._intake.relocate(task)

    async def _task(self, task_id: TaskId) -> Task:
        task = await self.store.get(task_id)
        if task is None:
            raise NotFound(Reason.TASK_NOT_FOUND, f"there is no task {task_id}", task_id=task_id)
        return task

    def _worker(self, account_id: AccountId) -> Worker:
        worker = self._workers.get(account_id)
        if worker is None:
            raise NotFound(Reason.ACCOUNT_NOT_FOUND, f"there is no account {account_id}", account_id=account_id)
        return worker

    def _usable_worker(self, account_id: AccountId | None) -> Worker:
        """Return the worker of this Account (None: of any) if it may send. Raises NotFound, NoAccount."""
        wanted = [self._worker(account_id)] if account_id else list(self._workers.values())
        usable = [worker for worker in wanted if worker.account().state in USABLE]
        if not usable:
            hindrances = [worker.account().hindrance for worker in wanted]
            raise NoAccount(Reason.NO_ACCOUNT, "no account can take work", hindrances)
        return usable[0]

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for worker in self._workers.values():
                group.create_task(self._supervise(worker), name=f"worker {worker.id}")
            group.create_task(self._follow_clock(), name="clock")

    async def _supervise(self, worker: Worker) -> None:
        """Run a worker for ever, restarting it after a defect, which must not stop other Accounts."""
        while True:
            try:
                await worker.run()
            except Exception:  # supervised: logged, and the worker restarts from the Store
                log.exception("a worker ended by a defect; it is restarted", account_id=worker.id)
            await asyncio.sleep(WORKER_RESTART_SECONDS)
            await self._recovered(worker)

    async def _follow_clock(self) -> None:
        while True:
            await asyncio.sleep(CLOCK_LOOK_SECONDS)
            await self._take_step()

    async def _take_step(self) -> None:
        """If the wall clock was set, adopt the new time, and shift the stored times of unfinished work.

        Workers stand still meanwhile. Submits continue: the Store writes in order, so what waits to be written now has
        the old time and is shifted, and what comes later has the new time.
        """
        now = self.clock.look()
        if self._is_followed and not step_between(self.clock.boot, now):
            return
        young = self.clock.now() - self._limits.late_window
        try:
            moved = await self._follow(now, young)
        except Exception as err:  # noqa: BLE001 - supervised: nothing was shifted; it is tried again soon
            if self._is_followed:
                log.warning("the machine's clock was set; stored times could not be shifted yet", error=repr(err))
            self._is_followed = False
            return
        self._is_followed = True
        if moved:
            log.warning(
                "the machine's clock was set; stored times were shifted with it", by_seconds=moved.total_seconds()
            )

    async def _follow(self, boot: Boot, young: datetime) -> timedelta:
        """Shift stored times while all workers stand still."""
        async with contextlib.AsyncExitStack() as standing_still:
            for worker in self._workers.values() if self._running is not None else ():
                await standing_still.enter_async_context(worker.standing_still())
            with self.clock.taken_over(boot):
                return await self.store.follow_clock(boot, young)

    async def _recovered(self, worker: Worker) -> None:
        while True:
            try:
                return await worker.recover()
            except StoreUnavailable:
                await asyncio.sleep(WORKER_RESTART_SECONDS)

    async def _adopt_orphans(self) -> None:
        """Give the waiting Tasks of Accounts that are no longer configured to others; fail their other Tasks."""
        query = TaskQuery(states=UNFINISHED, limit=UNBOUNDED)
        for task in await self.store.find(query):
            if task.account_id not in self._workers:
                await self._adopt(task)

    async def _adopt(self, task: Task) -> None:
        movable = task.state is State.QUEUED and not is_bound(task.ask)
        other = self._intake.relocate(task) if movable else None
        event = (
            Assigned(other.id, other.config.channel_id)
            if other
            else failed(Reason.ACCOUNT_UNAVAILABLE, f"its account {task.account_id} is configured no longer")
        )
        changed = replace(apply(task, event, self.clock.now()), version=task.version + 1)
        [adopted] = await self.store.append(Entry(task=changed, notify=deserves_notice(task, changed)))
        if other:
            other.take(adopted)
