"""What clients ask of an Account: cancel, answer a modal, ask for a seed, upload pictures."""

from collections.abc import Awaitable, Callable, Sequence

import structlog

from midway.discord.errors import DiscordError, FileTooLarge, Rejected, UnknownMessage
from midway.discord.interaction import ButtonPress
from midway.discord.partial_file import PartialFile
from midway.discord.port import Connection
from midway.domain.errors import Conflict, NotFound, Reason, Unavailable
from midway.domain.ids import ChannelId, TaskId
from midway.domain.image import Image, InputImage
from midway.domain.lifecycle import Restyled, SeedLearnt
from midway.domain.task import Task
from midway.engine.core.core import Core
from midway.engine.core.effects import Outside
from midway.engine.limits import Limits
from midway.engine.worker.account_queries import ask_seed
from midway.engine.worker.upstream import Upstream
from midway.store.port import RequestKey

log = structlog.get_logger(__name__)

# Lets the Account's loop decide about a Task; returns it as stored when the decision is durable; None when the Task is
# not this Account's.
Decide = Callable[[TaskId, Callable[[Core], list[Outside]]], Awaitable[Task | None]]


class AccountService:
    """Takes requests from any asyncio task, and lets the worker's loop decide them. Owned by one worker."""

    def __init__(self, decide: Decide, connection: Connection, upstream: Upstream, limits: Limits) -> None:
        self._decide = decide
        self._connection = connection
        self._upstream = upstream
        self._limits = limits

    async def cancel(self, task_id: TaskId) -> Task | None:
        """End a Task as CANCELLED, with a notice on whether Midjourney may still draw it; keep one that has ended.

        Returns the Task; None when it is no longer this Account's.
        """
        return await self._decide(task_id, lambda core: core.cancel(task_id))

    async def give_input(
        self, task_id: TaskId, prompt: str, mask: InputImage | None, request: RequestKey | None
    ) -> Task:
        """Give an AWAITING_INPUT Task its input; it becomes QUEUED. Raises Conflict in another state, NotFound."""
        return await self._decide_about_ours(task_id, lambda core: core.give_input(task_id, prompt, mask, request))

    async def seed(self, task: Task) -> str:
        """Return a finished Task's seed; Midjourney is asked only the first time. Raises NotFound, Unavailable."""
        if task.seed:
            return task.seed
        try:
            upstream = self._upstream
            seed = await ask_seed(task, self._connection, upstream.expected_messages, upstream.interact, self._limits)
        except DiscordError as err:
            raise Unavailable(Reason.ACCOUNT_UNAVAILABLE, f"Discord did not answer: {err}") from err
        await self._decide_about_ours(task.id, lambda core: core.tell(task.id, SeedLearnt(seed)))
        return seed

    async def press(self, press: ButtonPress) -> None:
        """Press a button that starts no job (the bookmark). Raises Conflict when its message is gone, Unavailable."""
        try:
            await self._upstream.interact(press)
        except UnknownMessage as err:
            raise Conflict(Reason.PARENT_EXPIRED, f"the message with the button is gone: {err}") from err
        except DiscordError as err:
            raise Unavailable(Reason.ACCOUNT_UNAVAILABLE, f"Discord did not take it: {err}") from err

    async def upload(self, channel_id: ChannelId, images: Sequence[InputImage]) -> list[str]:
        """Post pictures to a channel; return their links on Discord's CDN, in order. Raises Unavailable."""
        try:
            return await self._connection.post_images(channel_id, images)
        except DiscordError as err:
            raise Unavailable(Reason.UPLOAD_FAILED, str(err)) from err

    async def fetch_picture(self, task: Task, file: PartialFile) -> None:
        """Download a Task's picture from the CDN to a file; an expired link is renewed by reading the message again.

        Raises NotFound (IMAGE_NOT_AVAILABLE) when there is no picture or it is gone, OSError when the disk fails, and
        Unavailable; after that another try continues from what was downloaded.
        """
        if task.image is None:
            raise NotFound(Reason.IMAGE_NOT_AVAILABLE, f"task {task.id} has no picture yet", task_id=task.id)
        try:
            await self._download(task, task.image, file)
        except Rejected:
            await self._fetch_again(task, file)
        except DiscordError as err:
            raise Unavailable(Reason.IMAGE_NOT_AVAILABLE, f"the picture could not be read: {err}") from err

    async def _fetch_again(self, task: Task, file: PartialFile) -> None:
        gone = NotFound(Reason.IMAGE_NOT_AVAILABLE, f"the picture of task {task.id} is gone", task_id=task.id)
        if task.message_id is None or task.channel_id is None:
            raise gone
        try:
            message = await self._connection.message(task.channel_id, task.message_id)
            if message is None or not message.attachments:
                raise gone
            image = message.attachments[0]
            await self._download(task, image, file)
        except DiscordError as err:
            raise Unavailable(Reason.IMAGE_NOT_AVAILABLE, f"the picture could not be read: {err}") from err
        restyled = Restyled(image, message.buttons)
        await self._decide_about_ours(task.id, lambda core: core.tell(task.id, restyled))

    async def _download(self, task: Task, image: Image, file: PartialFile) -> None:
        try:
            await self._connection.download(image.url, file)
        except FileTooLarge as err:
            raise NotFound(Reason.IMAGE_NOT_AVAILABLE, f"task {task.id}: {err}", task_id=task.id) from err
        if image.size_bytes not in {0, file.size}:
            # Not an error: the transfer was complete, and Discord's media host may have recompressed the file.
            log.warning(
                "picture is not as long as Discord said", task_id=task.id, said=image.size_bytes, came=file.size
            )

    async def _decide_about_ours(self, task_id: TaskId, decision: Callable[[Core], list[Outside]]) -> Task:
        """Let the loop decide about a Task. Raises NotFound when it is not this Account's."""
        task = await self._decide(task_id, decision)
        if task is None:
            raise NotFound(Reason.TASK_NOT_FOUND, f"there is no task {task_id}", task_id=task_id)
        return task
