"""A worker's requests to Discord: prepares Tasks, sends Interactions, reads the history; reports all outcomes."""

import asyncio
from collections.abc import Awaitable

import structlog

from midway.discord.errors import DiscordError, UploadFailed
from midway.discord.event import IframeOpened, Message
from midway.discord.interaction import Interaction
from midway.discord.port import Connection
from midway.domain.account import Account
from midway.domain.attempt import AttemptKind
from midway.domain.errors import NoAccount, Reason, Refusal, Unavailable
from midway.domain.ids import ChannelId, MessageId, Nonce, Nonces, TaskId
from midway.domain.image import InputImage
from midway.domain.task import Task
from midway.engine.core.account_status import NEEDS_PERSON
from midway.engine.core.core import Core
from midway.engine.core.effects import Post
from midway.engine.core.pending import RegionSubmit
from midway.engine.interactions import prepare
from midway.engine.store_retry import read_patiently
from midway.engine.worker.account_queries import ask_settings
from midway.engine.worker.decisions import Decisions
from midway.engine.worker.expected_messages import ExpectedMessages
from midway.store.port import Store, StoreUnavailable, TaskUnreadable

log = structlog.get_logger(__name__)

MOST_POSTPONED = 3  # times that an Interaction's Attempt is stored again, before its Task goes back to the queue


class Upstream:
    """Carries out a core's effects at Discord. Owned by one worker, whose loop handles what is reported."""

    def __init__(
        self,
        channel_id: ChannelId,
        connection: Connection,
        store: Store,
        core: Core,
        nonces: Nonces,
        decisions: Decisions,
    ) -> None:
        self._channel_id = channel_id
        self._connection = connection
        self._store = store
        self._core = core
        self._nonces = nonces
        self._decisions = decisions
        self.expected_messages = ExpectedMessages()

    async def send(self, post: Post, durable: Awaitable[None]) -> None:
        """Send an Interaction when its Attempt is stored; report the outcome."""
        nonce, task_id = post.nonce, post.outgoing.task_id
        try:
            await durable
            is_stored = await self._is_stored_as_of_now(nonce, task_id)
        except Exception as err:  # noqa: BLE001 - after any error it must not be sent, as it may not be stored
            log.warning("an interaction is not sent: it could not be stored", task_id=task_id, problem=repr(err))
            self._core.send_queue.concluded(nonce)
            return
        if not is_stored:
            self._decisions.report(lambda core: core.unsent(nonce))
            return
        self._core.left(nonce)
        outcome: DiscordError | None = None
        try:
            await self._transmit(post)
        except DiscordError as err:
            outcome = err.with_traceback(None)  # the traceback would keep this call's frames alive
        except Exception as err:  # supervised: the Interaction may have been sent
            log.exception("a defect ended the sending of an interaction", nonce=nonce)
            self._report_defect(task_id, err)
            self._core.send_queue.concluded(nonce)
            return
        self._decisions.report(lambda core: core.sent(nonce, outcome))

    async def _is_stored_as_of_now(self, nonce: Nonce, task_id: TaskId) -> bool:
        """Store an Interaction's Attempt again if storing it took long; return False when it must not be sent."""
        postponed = 0
        while self._core.may_leave(nonce):
            if not self._core.waited_long(nonce, postponed):
                return True
            if postponed == MOST_POSTPONED:
                return False
            await self._decisions.decide_in_turn(task_id, lambda core: core.postponed(nonce))
            postponed += 1
        return False

    async def _transmit(self, post: Post) -> None:
        interaction = post.outgoing.interaction
        if isinstance(interaction, RegionSubmit):
            await self._connection.submit_region(
                interaction.application_id, interaction.custom_id, interaction.mask_base64, interaction.prompt
            )
        else:
            await self._connection.interact(interaction, post.nonce)

    def _report_defect(self, task_id: TaskId, err: Exception) -> None:
        name = type(err).__name__
        self._decisions.report(lambda core: core.broke(task_id, name))

    async def prepare(self, task: Task, kind: AttemptKind) -> None:
        """Load a Task's pictures, upload them and build its Interaction; report the outcome."""
        try:
            inputs = await self._inputs(task)
            prepared = await prepare(task, inputs, self._connection, self._core.send_queue.channel)
        except DiscordError as err:
            # A new name, as `err` is unbound when the lambda runs; no traceback, as it would keep the pictures alive.
            error = err.with_traceback(None)
            self._decisions.report(lambda core: core.unprepared(task.id, error))
        except StoreUnavailable as err:
            log.warning("a task's pictures could not be read; trying again", task_id=task.id, problem=str(err))
            self._decisions.report(lambda core: core.unprepared(task.id, None))
        except Exception as err:  # supervised: nothing was sent
            log.exception("a defect prevented a task from being prepared", task_id=task.id)
            self._report_defect(task.id, err)
        else:
            self._decisions.report(lambda core: core.prepared(task.id, kind, prepared))

    async def _inputs(self, task: Task) -> list[InputImage]:
        """Read a Task's input pictures. Raises UploadFailed when not all of them can be read."""
        count = task.ask.image_count
        try:
            inputs = await self._store.inputs(task.inputs_of) if count else []
        except TaskUnreadable:
            inputs = []
        if len(inputs) < count:
            raise UploadFailed("its input pictures cannot be read any more")
        return inputs[:count]

    async def load_mask(self, task: Task, event: IframeOpened) -> None:
        inputs: list[InputImage] | None = None
        try:
            inputs = await read_patiently(lambda: self._store.inputs(task.id))
        except TaskUnreadable:
            pass  # the core fails the Task
        except Exception as err:
            log.exception("a defect prevented a task's mask from being read", task_id=task.id)
            self._report_defect(task.id, err)
            return
        self._decisions.report(lambda core: core.mask_loaded(task.id, event, inputs))

    async def read_history(self, after: MessageId | None, limit: int) -> None:
        messages: list[Message] | None = None
        try:
            messages = await self._connection.history(self._channel_id, after=after, limit=limit)
        except DiscordError as err:
            log.warning("the channel's history could not be read", error=str(err))
        finally:
            self._decisions.report_portions(lambda core: core.history_read(messages, limit))
            for message in messages or ():
                self.expected_messages.offer(message)

    async def interact(self, interaction: Interaction) -> None:
        """Send an Interaction outside any Task, at the Account's pace. Raises Unavailable or NoAccount."""
        while wait := self._core.send_queue.wait_beside():  # noqa: ASYNC110 - waits for a time, not for an event
            await asyncio.sleep(wait)
        self._core.send_queue.keep_pace()
        if not self._core.status.takes_work:
            raise _unavailable(self._core.account(0))
        await self._connection.interact(interaction, self._nonces.next())

    async def ask_settings(self) -> None:
        try:
            await ask_settings(self._core.send_queue.channel, self.interact)
        except (DiscordError, Refusal) as err:
            log.info("the account's settings could not be read", error=str(err))


def _unavailable(account: Account) -> Refusal:
    """Return why an Account may not send now: NoAccount when it needs a person, Unavailable when it is disconnected."""
    details = {"account_id": account.id, "state": account.state.value}
    if account.state in NEEDS_PERSON:
        message = "the account takes no work"
        return NoAccount(Reason.ACCOUNT_UNAVAILABLE, message, [account.hindrance], **details)
    return Unavailable(Reason.ACCOUNT_UNAVAILABLE, f"account {account.hindrance}", **details)
