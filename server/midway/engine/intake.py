"""Accepts what clients ask for: checks it, chooses the Account, stores the Task, and passes it to its worker.

`admit` returns only when the Task is on disk. Asks for a slash command are checked by `commands`; the others press a
parent's button and are checked by `buttons`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from weakref import WeakValueDictionary

import structlog
from msgspec.structs import replace

from midway.discord.interaction import ButtonPress
from midway.domain.account import Account
from midway.domain.action import Action, ModalKind, press_from_custom_id
from midway.domain.errors import InvalidField, NoAccount, NotFound, Reason, Refusal, Unavailable
from midway.domain.ids import AccountId, RequestId, TaskId, TaskIds
from midway.domain.image import InputImage
from midway.domain.prompt import speed_from_prompt
from midway.domain.task import Ask, State, Task
from midway.engine.assign import USABLE, choose, choose_all
from midway.engine.buttons import IMAGINE_ALL, button_of, extension, pressed, usable_parent, wanted_input
from midway.engine.clock import Clock
from midway.engine.commands import COMMANDS, check_lengths
from midway.engine.first_frame import Frames
from midway.engine.interactions import APPLICATION_IDS
from midway.engine.limits import Limits
from midway.engine.placing import Placed, Placer
from midway.engine.region import Regions
from midway.engine.wording import Wording
from midway.engine.worker.worker import Worker
from midway.store.port import RequestKey, Store, TaskQuery

log = structlog.get_logger(__name__)


class Intake:
    """Accepts Tasks and input for them. Owned by the Engine."""

    def __init__(
        self,
        store: Store,
        workers: Mapping[AccountId, Worker],
        wording: Wording,
        limits: Limits,
        clock: Clock,
        ids: TaskIds,
        regions: Regions,
        frames: Frames,
    ) -> None:
        self._store = store
        self._workers = workers
        self._wording = wording
        self._limits = limits
        self._regions = regions
        self._frames = frames
        self._placer = Placer(store, limits, clock, ids)
        self._repeats = WeakValueDictionary[
            RequestId, asyncio.Lock
        ]()  # an entry lasts while its lock is held or awaited

    async def admit(self, ask: Ask, inputs: Sequence[InputImage], request: RequestKey | None) -> Placed:
        """Accept a Task durably. Raises a Refusal, RequestIdReused or StoreUnavailable; then nothing was stored.

        A repeat of a request that is being stored waits for it and returns its Task, so it needs no room in a queue.
        """
        if request is None:
            return await self._admit(ask, inputs, None)
        async with self._repeats.setdefault(request.id, asyncio.Lock()):
            return await self._admit(ask, inputs, request)

    async def _admit(self, ask: Ask, inputs: Sequence[InputImage], request: RequestKey | None) -> Placed:
        if request is not None:
            earlier = await self._store.by_request(request)
            if earlier is not None and (whole := await self._whole(earlier)):
                return whole
        check_lengths(ask, self._limits)
        if ask.parent_id is not None and (ask.action is not Action.VIDEO or ask.video.extends):
            return await self._admit_press(ask, inputs, request)
        parent = await self._parent(ask) if ask.parent_id is not None else None
        asks = await COMMANDS[ask.action].check(ask, inputs, self._wording, self._limits)
        asks = [replace(each, speed=each.speed or speed_from_prompt(each.prompt_en)) for each in asks]
        if len(asks) > 1:
            return await self._placer.place_batch(asks, inputs, request, self._choose_all)
        [worker] = self._choose_all(asks)
        [only] = asks
        if parent is None:
            return await self._placer.place(only, worker, inputs, request)
        async with self._frames.of(parent, only.index) as frame:  # last, as it costs a download
            film = replace(only, bot=parent.ask.bot, image_count=only.image_count + 1)
            return await self._placer.place(film, worker, [frame, *inputs], request)

    async def _whole(self, first: Task) -> Placed | None:
        """Return the Tasks that a request made; None when Tasks of its batch are missing."""
        if not first.batch:
            return Placed(first, created=False)
        tasks = await self._store.get_many(first.batch)
        if len(tasks) < len(first.batch):
            return None
        return Placed(first, created=False, others=tuple(tasks[1:]))

    async def answer(self, task_id: TaskId, prompt: str, mask: InputImage | None, request: RequestKey | None) -> Placed:
        """Give a Task the input that it waits for. Raises a Refusal naming `task_id`, `prompt` or `mask`."""
        if request is None:
            return await self._answer(task_id, prompt, mask, None)
        async with self._repeats.setdefault(request.id, asyncio.Lock()):
            return await self._answer(task_id, prompt, mask, request)

    async def _answer(
        self, task_id: TaskId, prompt: str, mask: InputImage | None, request: RequestKey | None
    ) -> Placed:
        if request is not None:
            earlier = await self._store.by_request(request)
            if earlier is not None:
                return Placed(earlier, created=False)
        task = await self._store.get(task_id)
        if task is None:
            raise NotFound(Reason.TASK_NOT_FOUND, f"there is no task {task_id}", task_id=task_id)
        if task.state is State.AWAITING_INPUT:
            mask = await self._fitting_mask(task, mask)
            prompt = await self._wording.english(prompt.strip() or (task.modal.prompt if task.modal else ""), "prompt")
        worker = self.worker_of(task)
        ahead = worker.waiting_count
        answered = await worker.service.give_input(task_id, prompt, mask, request)
        return Placed(answered, created=True, ahead=ahead)

    def worker_of(self, task: Task) -> Worker:
        """Return the worker of a Task's Account. Raises Unavailable when that Account is no longer configured."""
        worker = self._workers.get(task.account_id) if task.account_id else None
        if worker is None:
            raise Unavailable(
                Reason.ACCOUNT_UNAVAILABLE, f"the account of task {task.id} is not configured", task_id=task.id
            )
        return worker

    def relocate(self, task: Task) -> Worker | None:
        """Find the worker of another Account for a Task that its own cannot run now; None when there is none."""
        others = [account for account in self._accounts() if account.id != task.account_id and account.state in USABLE]
        try:
            return self._workers[choose(task.ask, others).id]
        except Refusal:
            return None

    def _accounts(self) -> list[Account]:
        return [worker.account() for worker in self._workers.values()]

    def _choose_all(self, asks: Sequence[Ask]) -> list[Worker]:
        """Choose workers for the Tasks of one request, which all name the same Account, or none."""
        named = self._workers.get(asks[0].account_id) if asks and asks[0].account_id else None
        accounts = [named.account()] if named else self._accounts()  # there may be hundreds
        return [self._workers[account.id] for account in choose_all(asks, accounts)]

    async def settle(self) -> None:
        """Return when every Task that was being stored has been passed to its worker."""
        await self._placer.settle()

    async def _admit_press(self, ask: Ask, inputs: Sequence[InputImage], request: RequestKey | None) -> Placed:
        """Accept a press of a parent's button (SubmitAction, SubmitChange)."""
        parent = await self._parent(ask)
        if ask.video.extends:
            return await self._extend(ask, parent, request)
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
        # U, V and R by index are older than modals, so they never wait for a modal's input.
        plain = filled if ask.custom_id else replace(filled, remix=False)
        wanted = wanted_input(plain, press, remix=worker.account().remix)
        if plain.has_mask and inputs:
            inputs = [*inputs[:-1], await self._regions.fitted(inputs[-1], parent)]
        return await self._placer.place(plain, worker, inputs, request, wanted)

    async def _extend(self, ask: Ask, parent: Task, request: RequestKey | None) -> Placed:
        """Accept an Ask to extend a film of the parent."""
        worker = self._parents_worker(parent)
        found = extension(ask, parent)
        press = replace(press_from_custom_id(found.then_press or found.custom_id), index=found.index)
        filled = await self._with_given_prompt(pressed(found, parent, found.custom_id, press))
        remix = worker.account().remix
        if filled.modal_prompt is None or (filled.remix is None and not remix):
            filled = replace(filled, modal_prompt=None, remix=False)  # keep the film's own prompt
        wanted_input(filled, press, remix=remix)  # only for its refusals: an extension never waits for input
        return await self._placer.place(filled, worker, (), request)

    async def _parent(self, ask: Ask) -> Task:
        found = await self._store.get(ask.parent_id) if ask.parent_id else None
        return usable_parent(found, ask.parent_id)

    async def _with_given_prompt(self, ask: Ask) -> Ask:
        if ask.modal_prompt is None:
            return ask
        text = ask.modal_prompt.strip() or ask.prompt_en  # blank: the modal's own text
        return replace(ask, modal_prompt=await self._wording.english(text, "prompt"))

    def _parents_worker(self, parent: Task, room_for: int = 1) -> Worker:
        """Return the worker of the parent's Account; no other Account can press its buttons.

        Raises NoAccount, or Exhausted when its queue has no room for `room_for` Tasks.
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
        choose(Ask(action=Action.PRESS), [account], {account.id: room_for - 1})  # raises when its queue is full
        return worker

    async def _earlier_upscale(self, ask: Ask, parent: Task) -> Task | None:
        """Find a SUCCEEDED Task that upscaled the same picture."""
        if ask.action is not Action.UPSCALE:
            return None
        query = TaskQuery(states=frozenset({State.SUCCEEDED}), actions=frozenset({Action.UPSCALE}), parent_id=parent.id)
        return next((task for task in await self._store.find(query) if task.ask.index == ask.index), None)

    async def _press_only(self, parent: Task, worker: Worker, custom_id: str) -> Placed:
        press = ButtonPress(
            application_id=APPLICATION_IDS[parent.ask.bot],
            channel_id=worker.config.channel_id,
            guild_id=worker.config.guild_id,
            message_id=parent.message_id,  # type: ignore[arg-type]  # not None: `usable_parent` checked it
            message_flags=parent.message_flags,
            custom_id=custom_id,
        )
        await worker.service.press(press)
        return Placed(parent, created=False)

    async def _imagine_all(self, ask: Ask, parent: Task, request: RequestKey | None) -> Placed:
        """Make an imagine Task of each proposed prompt: jobs started by one press could not be told apart."""
        asks = [await self._imagined(ask, parent, number) for number in range(1, len(parent.result_prompts) + 1)]
        if not asks:
            raise InvalidField("custom_id", "the parent proposes no prompts")

        def assign(missing: Sequence[Ask]) -> list[Worker]:
            return [self._parents_worker(parent, room_for=len(missing))] * len(missing) if missing else []

        return await self._placer.place_batch(asks, (), request, assign)

    async def _imagined(self, ask: Ask, parent: Task, number: int) -> Ask:
        """Return the Ask to imagine the proposed prompt with this number (from 1)."""
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

    async def _fitting_mask(self, task: Task, mask: InputImage | None) -> InputImage | None:
        """Return the mask scaled to its picture's size. Raises InvalidField when it is missing, or not wanted."""
        wants_region = task.modal is not None and task.modal.kind is ModalKind.REGION
        if mask is None:
            if wants_region and not task.ask.has_mask:
                raise InvalidField("mask", "must be given for Vary (Region)", Reason.INVALID_IMAGE)
            return None
        if not wants_region:
            raise InvalidField("mask", "only Vary (Region) takes a mask")
        parent = await self._store.get(task.ask.parent_id) if task.ask.parent_id else None
        return await self._regions.fitted(mask, parent)
