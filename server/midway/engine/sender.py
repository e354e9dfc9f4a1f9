"""Sends what waits: one Account's Tasks in order, within its slots, at its pace, never two that look the same.

Slots are counted from the Tasks that are running, never incremented. Preparing (uploads) and sending run beside the
worker's loop; everything they find out comes back through `serially`, so state changes in one place only.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Container, Coroutine
from typing import Any

import structlog
from msgspec.structs import replace

from midway.discord.errors import DiscordError, NotConnected, Unknown, UploadFailed
from midway.discord.interaction import Interaction
from midway.discord.port import Connection
from midway.domain.attempt import Attempt, AttemptKind
from midway.domain.ids import Nonce, Nonces, TaskId
from midway.domain.image import InputImage
from midway.domain.lifecycle import Dispatched, Uploaded
from midway.domain.prompt import prompt_key
from midway.domain.task import State, Task
from midway.engine.account import AccountConfig
from midway.engine.clock import Clock
from midway.engine.dispatch import Place, Prepared, prepare, prompt_as_sent
from midway.engine.ledger import Ledger
from midway.engine.limits import Limits
from midway.engine.outgoing import Outgoing, RegionSubmit
from midway.store.port import Store, StoreUnavailable, TaskUnreadable

Serially = Callable[[Callable[[], Awaitable[None]]], None]
Spawn = Callable[[Coroutine[Any, Any, None], str], None]
OnSent = Callable[[Nonce, DiscordError | None], Awaitable[None]]
OnUnprepared = Callable[[TaskId, DiscordError], Awaitable[None]]

log = structlog.get_logger(__name__)

FOLLOWS_MODAL = frozenset({AttemptKind.MODAL, AttemptKind.REGION})


class Sender:
    """Chooses what is sent next and sends it. Owned by one worker; only its loop calls `pump` and `submit`."""

    def __init__(
        self,
        config: AccountConfig,
        connection: Connection,
        store: Store,
        ledger: Ledger,
        limits: Limits,
        clock: Clock,
        nonces: Nonces,
    ) -> None:
        self._config = config
        self._connection = connection
        self._store = store
        self._ledger = ledger
        self._limits = limits
        self._clock = clock
        self._nonces = nonces
        self.place = Place(config.guild_id, config.channel_id)
        self._busy: dict[TaskId, Attempt] = {}  # being prepared: the Attempt each will become, not stored yet
        self._ready: deque[Outgoing] = deque()
        self._in_flight: set[Nonce] = set()
        self.is_closing = False  # nothing new is sent; what was sent is waited for
        self._send_at = time.monotonic()  # not before; kept by the pace and by Discord's limits
        self.sent_here: set[Nonce] = set()  # by this process; an older one may have died before it sent
        # Set by the worker before its loop begins.
        self.serially: Serially
        self.spawn: Spawn
        self.on_sent: OnSent
        self.on_unprepared: OnUnprepared

    def wake_at(self) -> float | None:
        """Return when (monotonic) the pace lets the next Interaction go; None when only an event can change that."""
        return self._send_at if self._send_at > time.monotonic() else None

    def pause(self, seconds: float) -> None:
        """Send nothing for so long."""
        self._send_at = max(self._send_at, time.monotonic() + seconds)

    @property
    def is_idle(self) -> bool:
        """Whether no Interaction is on its way now."""
        return not self._in_flight

    def is_busy(self, task_id: TaskId) -> bool:
        """Tell whether a Task is being prepared or waits for the pace."""
        return task_id in self._busy

    def submit(self, outgoing: Outgoing) -> None:
        """Put an answer to a modal before everything else that waits."""
        self._ready.appendleft(outgoing)

    def recall(self) -> None:
        """Give up what is ready but not sent, so that its Tasks can go elsewhere; answers to modals stay."""
        for outgoing in [o for o in self._ready if o.kind not in FOLLOWS_MODAL]:
            self._forget(outgoing)

    def reset(self) -> None:
        """Begin anew after a defect ended the worker: what was being prepared or sent is known to the Store."""
        self._ready.clear()
        self._busy.clear()
        self._in_flight.clear()

    async def turn(self) -> None:
        """Take the next place in the Account's pace, for an Interaction outside any Task; return when it has come."""
        while (wait := self._send_at - time.monotonic()) > 0:  # noqa: ASYNC110 - a time, no event
            await asyncio.sleep(wait)
        self._keep_pace()

    def _keep_pace(self) -> None:
        self._send_at = time.monotonic() + self._limits.pace.total_seconds()

    def forget_old(self, kept: Container[Nonce]) -> None:
        """Forget which Interactions this process sent, save those that may still be asked for."""
        self.sent_here = {nonce for nonce in self.sent_here if nonce in kept}

    async def pump(self) -> None:
        """Send what the pace allows, and prepare what the slots allow."""
        if not self._connection.is_connected or self.is_closing:
            return
        while self._ready and time.monotonic() >= self._send_at:
            await self._send_first()
        if time.monotonic() >= self._send_at:
            self._fill_slots()

    def _fill_slots(self) -> None:
        """Prepare waiting Tasks, oldest first, while slots are free; a long queue costs nothing while none is."""
        for drawing in (True, False):
            free = self._free_slots(drawing=drawing)
            for task in self._ledger.waiting(drawing=drawing) if free > 0 else ():
                free -= task.id not in self._busy and self._begin(task)
                if free == 0:
                    break

    def _begin(self, task: Task) -> bool:
        """Prepare a Task unless it must be held back; tells which."""
        candidate = self._attempt(task, AttemptKind.PRESS if task.ask.custom_id else AttemptKind.COMMAND)
        if self._is_held(candidate):
            return False
        self._busy[task.id] = candidate
        self.spawn(self._prepare(task, candidate.kind), f"prepare {task.id}")
        return True

    def _free_slots(self, *, drawing: bool) -> int:
        preparing = {task_id for task_id, attempt in self._busy.items() if attempt.takes_slot is drawing}
        slots = self._config.slots if drawing else self._limits.beside_slots
        return slots - len(self._ledger.occupied(drawing=drawing) | preparing)

    def _is_held(self, candidate: Attempt) -> bool:
        """Tell whether its messages could be taken for those of a Task in flight, or about to be."""
        return self._ledger.index.rival(candidate, self._busy.values()) is not None

    async def _prepare(self, task: Task, kind: AttemptKind) -> None:
        """Run beside the loop: load, upload, build; report back."""
        try:
            prepared = await prepare(task, await self._inputs(task), self._connection, self.place)
        except DiscordError as err:
            # `err` is unbound when the callback runs; with its traceback it would keep this call, and the pictures.
            error = err.with_traceback(None)
            self.serially(lambda: self._unprepared(task.id, error))
            return
        except Exception as err:  # noqa: BLE001 - supervised: nothing was sent, so it stays in the queue
            log.warning("a task could not be prepared; it is tried again", task_id=task.id, error=repr(err))
            self.serially(lambda: self._unprepared(task.id, NotConnected("it could not be prepared")))
            return
        self.serially(lambda: self._prepared(task.id, kind, prepared))

    async def _inputs(self, task: Task) -> list[InputImage]:
        """Read the pictures that a Task is made of. Raises UploadFailed when they are not all there any more."""
        count = task.ask.image_count
        try:
            inputs = await self._store.inputs(task.inputs_of) if count else []
        except TaskUnreadable:
            inputs = []
        if len(inputs) < count:
            raise UploadFailed("its input pictures cannot be read any more")
        return inputs[:count]

    async def _unprepared(self, task_id: TaskId, error: DiscordError) -> None:
        self._busy.pop(task_id, None)
        await self.on_unprepared(task_id, error)

    async def _prepared(self, task_id: TaskId, kind: AttemptKind, prepared: Prepared) -> None:
        if prepared.urls:
            await self._ledger.change(task_id, Uploaded(prepared.urls))
        self._ready.append(Outgoing(task_id, kind, prepared.interaction))

    async def _send_first(self) -> None:
        """Send what is first; it stays first when the Store refuses, and is forgotten after any other end."""
        outgoing = self._ready[0]
        try:
            await self._send(outgoing)
        except StoreUnavailable:
            raise
        except Exception:
            self._forget(outgoing)
            raise
        self._forget(outgoing)

    def _forget(self, outgoing: Outgoing) -> None:
        self._ready.remove(outgoing)
        self._busy.pop(outgoing.task_id, None)

    async def _send(self, outgoing: Outgoing) -> None:
        """Store the Attempt, then send it; from here on its outcome is unknown until something proves it."""
        task = self._ledger.tasks.get(outgoing.task_id)
        follows_modal = outgoing.kind in FOLLOWS_MODAL
        if task is None or task.state.is_terminal or (task.state is not State.QUEUED and not follows_modal):
            return  # cancelled meanwhile
        attempt = replace(self._attempt(task, outgoing.kind), interaction_id=outgoing.interaction_id)
        before = self._ledger.ended(task.id, settled=True) if follows_modal else []
        await self._ledger.change(task.id, Dispatched(), attempts=[*before, attempt])
        self._keep_pace()
        self.sent_here.add(attempt.nonce)
        self._in_flight.add(attempt.nonce)
        self.spawn(self._transmit(attempt.nonce, outgoing.interaction), f"send {task.id}")

    async def _transmit(self, nonce: Nonce, interaction: Interaction | RegionSubmit) -> None:
        """Run beside the loop: one POST; report back."""
        outcome: DiscordError | None = None
        try:
            if isinstance(interaction, RegionSubmit):
                await self._connection.submit_region(
                    interaction.application_id, interaction.custom_id, interaction.mask_base64, interaction.prompt
                )
            else:
                await self._connection.interact(interaction, nonce)
        except DiscordError as err:
            outcome = err.with_traceback(None)  # which would keep this call
        except Exception as err:  # supervised: whatever broke, the Interaction may have been sent
            log.exception("sending failed in an unforeseen way", nonce=nonce)
            outcome = Unknown(str(err))
        finally:
            self._in_flight.discard(nonce)
        self.serially(lambda: self.on_sent(nonce, outcome))

    def _attempt(self, task: Task, kind: AttemptKind) -> Attempt:
        given = task.ask.modal_prompt
        text = given if given is not None and kind is not AttemptKind.PRESS else prompt_as_sent(task)
        return Attempt(
            nonce=self._nonces.next(),
            task_id=task.id,
            account_id=self._config.id,
            channel_id=self._config.channel_id,
            kind=kind,
            action=task.action,
            bot=task.ask.bot,
            sent_at=self._clock.now(),
            prompt_key=prompt_key(text),
            custom_id=task.ask.custom_id,
            parent_message_id=task.ask.parent_message_id,
            index=task.ask.index,
            job_id=task.ask.show_job_id,
        )
