"""What Discord says about one job of Midjourney's, as the events that a core hears; and ids that tell the time."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from midway.discord.event import (
    InteractionCreated,
    InteractionSucceeded,
    Message,
    MessageCreated,
    MessageDeleted,
    MessageUpdated,
)
from midway.discord.interaction import MIDJOURNEY_APPLICATION_ID
from midway.domain.ids import (
    DISCORD_EPOCH_MS,
    NONCE_TIME_SHIFT,
    ChannelId,
    InteractionId,
    JobId,
    MessageId,
    Nonce,
    Nonces,
    UserId,
)
from midway.domain.image import Button, Image
from msgspec.structs import replace

from tests.support.clocks import StillMachine
from tests.unit.making import CHANNEL, USER

EPOCH = datetime.fromtimestamp(DISCORD_EPOCH_MS / 1000, UTC)


class Snowflakes:
    """Makes ids as Discord does: they grow, and tell when they were made."""

    def __init__(self, machine: StillMachine) -> None:
        self._machine = machine
        self._last = 0

    def next(self) -> str:
        """Return a new id."""
        milliseconds = (self._machine.now() - EPOCH).total_seconds() * 1000
        self._last = max(self._last + 1, int(milliseconds) << NONCE_TIME_SHIFT)
        return str(self._last)


class CountedNonces(Nonces):
    """Nonces in order, the same in each run of a test."""

    def __init__(self) -> None:
        self._count = 0

    def next(self) -> Nonce:
        """Return a new nonce."""
        self._count += 1
        return Nonce(str(self._count))


@dataclass
class Drawing:
    """One job: who asked for what, and its messages as they stand. Each method is the next event."""

    ids: Snowflakes
    machine: StillMachine
    number: int
    prompt: str
    nonce: Nonce | None  # None: the session that hears of it is told none
    channel_id: ChannelId = CHANNEL
    user_id: UserId = USER
    verb: str = ""
    final_is_edit: bool = False
    final_has_interaction: bool = False
    interaction_id: InteractionId = field(init=False)
    job_id: JobId = field(init=False)
    progress: Message | None = None
    final: Message | None = None

    def __post_init__(self) -> None:
        self.interaction_id = InteractionId(self.ids.next())
        self.job_id = JobId(f"{self.number:08x}-0000-4000-8000-000000000000")

    def created(self) -> InteractionCreated:
        """Discord knows the Interaction."""
        return InteractionCreated(self.interaction_id, self.nonce or Nonce(f"other {self.number}"))

    def succeeded(self) -> InteractionSucceeded:
        """The bot answered it."""
        return InteractionSucceeded(self.interaction_id, self.nonce)

    def started(self) -> MessageCreated:
        """The job's first message."""
        self.progress = self._answering(self._message(" (Waiting to start)"))
        return MessageCreated(replace(self.progress, nonce=self.nonce))

    def progressed(self, percent: int) -> MessageUpdated:
        """The first message, edited: the job's id stands in its preview, of which 0 % has none."""
        assert self.progress is not None
        preview = (self._image(f"{self.job_id}_grid_0.webp"),) if percent else ()
        content = self._content(f" ({percent}%) (fast)")
        self.progress = replace(self.progress, content=content, attachments=preview, edited_at=self.machine.now())
        return MessageUpdated(self.progress)

    def deleted(self) -> MessageDeleted:
        """The first message is gone."""
        assert self.progress is not None
        message_id, self.progress = self.progress.id, None
        return MessageDeleted(message_id, self.channel_id)

    def finished(self) -> MessageCreated | MessageUpdated:
        """The job's result, in a message of its own, or in the first one by an edit."""
        picture, buttons = (
            (self._image(f"user_{self.job_id}.png"),),
            (self._button("upsample::1"), self._button("reroll::0")),
        )
        if self.final_is_edit and self.progress:
            content = self._content(" (fast)")
            self.final = replace(
                self.progress, content=content, attachments=picture, buttons=buttons, edited_at=self.machine.now()
            )
            self.progress = None
            return MessageUpdated(self.final)
        self.final = replace(self._message(" (fast)"), attachments=picture, buttons=buttons)
        if self.final_has_interaction:
            self.final = self._answering(self.final)
        return MessageCreated(self.final)

    def _content(self, tail: str) -> str:
        verb = f"{self.verb} " if self.verb else ""
        return f"**{self.prompt}** - {verb}<@{self.user_id}>{tail}"

    def _message(self, tail: str) -> Message:
        return Message(
            id=MessageId(self.ids.next()),
            channel_id=self.channel_id,
            author_id=UserId(MIDJOURNEY_APPLICATION_ID),
            content=self._content(tail),
            created_at=self.machine.now(),
        )

    def _answering(self, message: Message) -> Message:
        return replace(
            message,
            interaction_id=self.interaction_id,
            interaction_name="imagine",
            interaction_user_id=self.user_id,
        )

    def _image(self, filename: str) -> Image:
        return Image(
            f"https://cdn.discordapp.com/attachments/1/2/{filename}?ex=1", 1024, 1024, "image/png", 9, filename
        )

    def _button(self, name: str) -> Button:
        return Button(f"MJ::JOB::{name}::{self.job_id}")
