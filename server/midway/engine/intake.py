"""Takes what clients ask for: checks it, chooses the Account, stores the Task, and hands it to its worker.

Nothing is promised before it is on disk: `admit` returns after `Store.submit`. What stands on its own is checked by
`admission`; everything else begins with a parent's button and is checked by `press`.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import structlog
from msgspec import Struct
from msgspec.structs import replace

from midway.discord.interaction import ButtonPress
from midway.domain.account import Account
from midway.domain.action import Action, ModalKind, press_from_custom_id
from midway.domain.errors import InvalidField, NoAccount, NotFound, Reason, Refusal, Unavailable
from midway.domain.ids import AccountId, RequestId, TaskId, TaskIds
from midway.domain.image import InputImage
from midway.domain.lifecycle import Assigned, InputWanted, apply, new_task
from midway.domain.prompt import speed_from_prompt
from midway.domain.task import Ask, ModalAsk, State, Task
from midway.engine.admission import ADMISSIONS, check_lengths
from midway.engine.assign import USABLE, choose
from midway.engine.clock import Clock
from midway.engine.dispatch import APPLICATION_IDS
from midway.engine.limits import Limits
from midway.engine.press import IMAGINE_ALL, button_of, check_mask, pressed, usable_parent, wanted_input
from midway.engine.wording import Wording
from midway.engine.worker import Worker
from midway.store.port import RequestIdReused, RequestKey, RevisionConflict, Store, StoreUnavailable, TaskQuery

log = structlog.get_logger(__name__)


class Placed(Struct, frozen=True):
    """A Task as accepted. `ahead` Tasks wait before it on its Account. `created` is false when it was there already.

    `others` are the further Tasks that "Imagine all" makes.
    """

    task: Task
    created: bool
    ahead: int = 0
    others: tuple[Task, ...] = ()


class Intake:
    """The way into the engine. Owned by the Engine."""

    def __init__(
        self,
        store: Store,
        workers: Mapping[AccountId, Worker],
        wording: Wording,
        limits: Limits,
        clock: Clock,
        ids: TaskIds,
    ) -> None:
        self._store = store
        self._workers = workers
        self._wording = wording
        self._limits = limits
        self._clock = clock
        self._ids = ids
        self._arriving: Counter[AccountId] = Counter()  # chosen, not yet in their worker's hands
        self._placing: set[asyncio.Task[None]] = set()  # for clients that hung up

    async def admit(self, ask: Ask, inputs: Sequence[InputImage], request: RequestKey | None) -> Placed:
        """Accept a Task durably. Raises a Refusal, RequestIdReused or StoreUnavailable; then nothing was stored."""
        if request is not None:
            earlier = await self._store.by_request(request)
            if earlier is not None and earlier.ask.custom_id != IMAGINE_ALL:  # which looks for each of its Tasks
                return Placed(earlier, created=False)
        check_lengths(ask, self._limits)
        if ask.parent_id is not None:
            return await self._admit_press(ask, inputs, request)
        ask = await ADMISSIONS[ask.action](ask, inputs, self._wording, self._limits)
        if speed := ask.speed or speed_from_prompt(ask.prompt_en):
            ask = replace(ask, speed=speed)
        return await self._place(ask, inputs, request, self._choose(ask))

    async def answer(self, task_id: TaskId, prompt: str, mask: InputImage | None, request: RequestKey | None) -> Placed:
        """Answer what a Task waits for. Raises a Refusal naming `task_id`, `prompt` or `mask`."""
        if request is not None:
            earlier = await self._store.by_request(request)
            if earlier is not None:
                return Placed(earlier, created=False)
        task = await self._store.get(task_id)
        if task is None:
            raise NotFound(Reason.TASK_NOT_FOUND, f"there is no task {task_id}", task_id=task_id)
        if task.state is State.AWAITING_INPUT:
            await self._check_answer(task, mask)
            prompt = await self._wording.english(prompt.strip() or (task.modal.prompt if task.modal else ""), "prompt")
        worker = self.worker_of(task)
        answered = await worker.desk.give_input(task_id, prompt, mask, request)
        return Placed(answered, created=True, ahead=worker.account().queued - 1)

    def worker_of(self, task: Task) -> Worker:
        """Return the worker of a Task's Account. Raises Unavailable when that Account is configured no longer."""
        worker = self._workers.get(task.account_id) if task.account_id else None
        if worker is None:
            raise Unavailable(
                Reason.ACCOUNT_UNAVAILABLE, f"the account of task {task.id} is not configured", task_id=task.id
            )
        return worker

    def relocate(self, task: Task) -> Worker | None:
        """Find another Account for a Task that its own cannot run now."""
        others = [account for account in self._accounts() if account.id != task.account_id and account.state in USABLE]
        try:
            return self._workers[choose(task.ask, others, self._arriving).id]
        except Refusal:
            return None

    def _accounts(self) -> list[Account]:
        return [worker.account() for worker in self._workers.values()]

    def _choose(self, ask: Ask) -> Worker:
        return self._workers[choose(ask, self._accounts(), self._arriving).id]

    async def _place(
        self,
        ask: Ask,
        inputs: Sequence[InputImage],
        request: RequestKey | None,
        worker: Worker,
        wanted: ModalAsk | None = None,
    ) -> Placed:
        """Store the Task for this Account and hand it over."""
        now = self._clock.now()
        home = Assigned(worker.id, worker.config.channel_id)
        task = new_task(ask, task_id=self._ids.next(), now=now, home=home)
        if wanted is not None:
            task = apply(task, InputWanted(wanted, now + self._limits.input_timeout), now)
        with self._expected(worker.id) as ahead:
            try:
                submitted = await self._store.submit(task, inputs=inputs, request=request)
            except asyncio.CancelledError:
                self._see_to(task, inputs, request, worker)
                raise
            if submitted.created:
                worker.take(submitted.task)
        return Placed(submitted.task, submitted.created, ahead)

    @contextmanager
    def _expected(self, account_id: AccountId) -> Iterator[int]:
        """Count a Task for its Account until the worker has it; gives how many wait before it."""
        ahead = self._workers[account_id].waiting_count + self._arriving[account_id]
        self._arriving[account_id] += 1
        try:
            yield ahead
        finally:
            self._arriving[account_id] -= 1

    def _see_to(self, task: Task, inputs: Sequence[InputImage], request: RequestKey | None, worker: Worker) -> None:
        """Go on alone where a client hung up: a Task that was stored must not be left without a worker."""
        placing = asyncio.create_task(self._hand_over(task, inputs, request, worker), name=f"place {task.id}")
        self._placing.add(placing)
        placing.add_done_callback(self._placing.discard)

    async def _hand_over(
        self, task: Task, inputs: Sequence[InputImage], request: RequestKey | None, worker: Worker
    ) -> None:
        with self._expected(worker.id):
            try:
                stored: Task | None = (await self._store.submit(task, inputs=inputs, request=request)).task
            except (RevisionConflict, RequestIdReused, StoreUnavailable):
                stored = await self._stored_before(task.id)
            if stored and (stored.id, stored.account_id) == (task.id, worker.id):
                worker.take(stored)

    async def _stored_before(self, task_id: TaskId) -> Task | None:
        """Find a Task that was stored when its client hung up; None when it was not, and nobody was promised it."""
        try:
            return await self._store.get(task_id)
        except StoreUnavailable:
            log.warning("a client hung up, and the store refuses; the next start looks for its task", task_id=task_id)
            return None

    async def settle(self) -> None:
        """Return when every Task that was being stored while its client hung up is in its worker's hands."""
        if self._placing:
            await asyncio.wait(self._placing)

    async def _admit_press(self, ask: Ask, inputs: Sequence[InputImage], request: RequestKey | None) -> Placed:
        """Accept a press of a parent's button (SubmitAction, SubmitChange)."""
        found = await self._store.get(ask.parent_id) if ask.parent_id else None
        parent = usable_parent(found, ask.parent_id)
        custom_id = button_of(ask, parent)
        if custom_id == IMAGINE_ALL:
            return await self._imagine_all(ask, parent, request)
        worker = self._parents_worker(parent)
        press = press_from_custom_id(custom_id)
        if not press.is_task:
            return await self._press_only(parent, worker, custom_id)
        existing = None if ask.custom_id else await self._earlier_upscale(ask, parent)
        if existing is not None:
            return Placed(existing, created=False)
        filled = await self._with_given_prompt(pressed(ask, parent, custom_id, press))
        # U, V and R by index mean the plain button, as they did before there were modals.
        plain = filled if ask.custom_id else replace(filled, remix=False)
        wanted = wanted_input(plain, press, remix=worker.account().remix)
        if plain.has_mask and inputs:
            check_mask(inputs[-1], parent)
        return await self._place(plain, inputs, request, worker, wanted)

    async def _with_given_prompt(self, ask: Ask) -> Ask:
        if ask.modal_prompt is None:
            return ask
        text = ask.modal_prompt.strip() or ask.prompt_en  # blank: the window's own
        return replace(ask, modal_prompt=await self._wording.english(text, "prompt"))

    def _parents_worker(self, parent: Task, room_for: int = 1) -> Worker:
        """Return the worker of the Account that has the parent's message; no other can press its buttons.

        Raises NoAccount, or Exhausted when its queue has no room for so many.
        """
        worker = self.worker_of(parent)
        account = worker.account()
        if account.state not in USABLE:
            raise NoAccount(
                Reason.ACCOUNT_UNAVAILABLE,
                "the account that has the parent takes no work",
                [account.hindrance],
                account_id=account.id,
                state=account.state.value,
            )
        taken = self._arriving[account.id] + room_for - 1
        choose(Ask(action=Action.PRESS), [account], {account.id: taken})  # raises when its queue is full
        return worker

    async def _earlier_upscale(self, ask: Ask, parent: Task) -> Task | None:
        """Find the Task that upscaled the same picture already."""
        if ask.action is not Action.UPSCALE:
            return None
        query = TaskQuery(states=frozenset({State.SUCCEEDED}), actions=frozenset({Action.UPSCALE}), parent_id=parent.id)
        return next((task for task in await self._store.find(query) if task.ask.index == ask.index), None)

    async def _press_only(self, parent: Task, worker: Worker, custom_id: str) -> Placed:
        press = ButtonPress(
            application_id=APPLICATION_IDS[parent.ask.bot],
            channel_id=worker.config.channel_id,
            guild_id=worker.config.guild_id,
            message_id=parent.message_id,  # type: ignore[arg-type]  # `usable_parent` has one
            message_flags=parent.message_flags,
            custom_id=custom_id,
        )
        await worker.desk.press(press)
        return Placed(parent, created=False)

    async def _imagine_all(self, ask: Ask, parent: Task, request: RequestKey | None) -> Placed:
        """Imagine every proposed prompt, one Task each: one press would start jobs that nobody could tell apart."""
        asks = [await self._imagined(ask, parent, number) for number in range(1, len(parent.result_prompts) + 1)]
        if not asks:
            raise InvalidField("custom_id", "the parent proposes no prompts")
        keys = [request, *(_numbered(request, number) for number in range(2, len(asks) + 1))]
        made = [await self._store.by_request(key) if key else None for key in keys]
        if None not in made:
            return _all_made([task for task in made if task])
        worker = self._parents_worker(parent, room_for=made.count(None))  # all of them or none
        placed = [await self._place(each, (), key, worker) for each, key in zip(asks, keys, strict=True)]
        return replace(placed[0], others=tuple(other.task for other in placed[1:]))

    async def _imagined(self, ask: Ask, parent: Task, number: int) -> Ask:
        """Ask for the proposed prompt of this number (from 1)."""
        prompt = parent.result_prompts[number - 1]
        return replace(
            ask,
            action=Action.IMAGINE,
            bot=parent.ask.bot,
            prompt=prompt,
            prompt_en=await self._wording.english(prompt, "custom_id"),
            custom_id=IMAGINE_ALL,
            index=number,
            account_id=parent.account_id,
            description=f"/imagine {prompt}",
        )

    async def _check_answer(self, task: Task, mask: InputImage | None) -> None:
        wants_region = task.modal is not None and task.modal.kind is ModalKind.REGION
        if mask is not None and not wants_region:
            raise InvalidField("mask", "only Vary (Region) takes a mask")
        if wants_region and mask is None and not task.ask.has_mask:
            raise InvalidField("mask", "must be given for Vary (Region)", Reason.INVALID_IMAGE)
        if mask is not None:
            check_mask(mask, await self._store.get(task.ask.parent_id) if task.ask.parent_id else None)


def _all_made(tasks: Sequence[Task]) -> Placed:
    return Placed(tasks[0], created=False, others=tuple(tasks[1:]))


def _numbered(request: RequestKey | None, number: int) -> RequestKey | None:
    """Derive the key of a further Task that one request makes."""
    return RequestKey(RequestId(f"{request.id}#{number}"), request.payload_digest) if request else None
