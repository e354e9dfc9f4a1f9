"""Midjourney and Discord's channels, as far as interleavings need them: jobs that are drawn, and what tells of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from midway.discord.event import Embed, Event, Message, MessageCreated
from midway.discord.interaction import MIDJOURNEY_APPLICATION_ID
from midway.domain.ids import ChannelId, JobId, MessageId, Nonce, TaskId, UserId
from midway.engine.core.classify import EPHEMERAL
from msgspec.structs import replace

from tests.engine.drawing import Drawing, Snowflakes
from tests.support.clocks import StillMachine

# At most, between two things that the bot does about a job until it shows in the channel, and from the end of its
# progress message to its picture.
QUICK_SECONDS = 1.5
STEP_SECONDS = 8.0  # and after that
QUEUE_FULL = Embed(title="Queue full", description="Please wait for other jobs to finish first", color=0xFF0000)
JOB_QUEUED = Embed(title="Job queued", description="There are currently 3 jobs running", color=0xFFCC00)

Tell = Callable[[Event], None]


@dataclass(eq=False)
class Job:
    """One job, and what is still to be told about it."""

    drawing: Drawing
    task_id: TaskId | None  # None: another session's, or a stranger's
    user_id: UserId
    tell: Tell  # the session that asked for it
    steps: list[str]
    due: float = 0.0
    is_waiting: bool = False  # behind others, and without a trace


@dataclass
class Midjourney:
    """Draws so many jobs of each user at once; the others wait, and the channel shows nothing of them."""

    random: Random
    machine: StillMachine
    slots: int
    tell_channel: Callable[[ChannelId, Event], None]
    step_seconds: float = STEP_SECONDS
    ids: Snowflakes = field(init=False)
    jobs: list[Job] = field(default_factory=list)  # that are not done
    nonce_of: dict[JobId, Nonce | None] = field(default_factory=dict)
    made_for: dict[TaskId, list[Nonce]] = field(default_factory=dict)
    channels: dict[ChannelId, dict[MessageId, Message]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ids = Snowflakes(self.machine)

    def take(
        self, prompt: str, nonce: Nonce, channel_id: ChannelId, user_id: UserId, task_id: TaskId | None, tell: Tell
    ) -> Job:
        """Take an Interaction: a job begins, or waits behind others."""
        drawing = Drawing(
            self.ids,
            self.machine,
            len(self.nonce_of) + 1,
            prompt,
            nonce,
            channel_id,
            user_id,
            final_is_edit=self.random.random() < 0.3,
            final_has_interaction=self.random.random() < 0.3,
        )
        self.nonce_of[drawing.job_id] = nonce
        if task_id is not None:
            self.made_for.setdefault(task_id, []).append(nonce)
        job = Job(drawing, task_id, user_id, tell, self._plan(), self.machine.monotonic() + QUICK_SECONDS)
        drawn = sum(other.user_id == user_id and not other.is_waiting for other in self.jobs)
        if drawn >= self.slots:
            job.is_waiting = True
            tell(self._says(JOB_QUEUED, nonce, channel_id))
        self.jobs.append(job)
        return job

    def refuse(self, nonce: Nonce, channel_id: ChannelId, tell: Tell) -> None:
        """Say that too many wait; no job is made."""
        tell(self._says(QUEUE_FULL, nonce, channel_id))

    def hurry(self) -> None:
        """Be quick with everything from now on."""
        self.step_seconds = QUICK_SECONDS
        for job in self.jobs:
            job.due = min(job.due, self.machine.monotonic() + QUICK_SECONDS)

    def step(self, job: Job) -> str:
        """Do the next thing about a job; return what."""
        name = job.steps.pop(0)
        is_quick = name == "deleted" or "started" in job.steps
        job.due = self.machine.monotonic() + (QUICK_SECONDS if is_quick else self.step_seconds)
        drawing = job.drawing
        match name:
            case "created":
                job.tell(drawing.created())
            case "succeeded":
                job.tell(drawing.succeeded())
            case "started":
                self._show(drawing, drawing.started())
            case "deleted":
                if drawing.progress is not None:
                    self.channels[drawing.channel_id].pop(drawing.progress.id, None)
                    self.tell_channel(drawing.channel_id, drawing.deleted())
            case "finished":
                self._show(drawing, drawing.finished())
            case _:
                self._show(drawing, drawing.progressed(int(name)))
        if not job.steps:
            self._done(job)
        return name

    def history(self, channel_id: ChannelId, after: MessageId | None, limit: int) -> list[Message]:
        """Return what a channel shows now, oldest first; nonces it does not show."""
        messages = self.channels.get(channel_id, {})
        found = [messages[each] for each in sorted(messages, key=int) if after is None or int(each) > int(after)]
        return found[-limit:]

    def _plan(self) -> list[str]:
        chance = self.random.random
        acknowledged = [name for name in ("created", "succeeded") if chance() < 0.9]
        progress = [percent for percent in ("0", "31", "93") if chance() < 0.7]
        end = ["finished", "deleted"] if chance() < 0.6 else ["deleted", "finished"]
        begun = [*acknowledged, "started"] if chance() < 0.8 else ["started", *acknowledged]
        return [*begun, *progress, *end]

    def _show(self, drawing: Drawing, event: Event) -> None:
        shown = getattr(event, "message")  # noqa: B009 - the union of events has no common field
        self.channels.setdefault(drawing.channel_id, {})[shown.id] = replace(shown, nonce=None)
        self.tell_channel(drawing.channel_id, event)

    def _done(self, job: Job) -> None:
        self.jobs.remove(job)
        waiting = next((other for other in self.jobs if other.user_id == job.user_id and other.is_waiting), None)
        if waiting is not None and not job.is_waiting:
            waiting.is_waiting, waiting.due = False, self.machine.monotonic() + QUICK_SECONDS

    def _says(self, embed: Embed, nonce: Nonce, channel_id: ChannelId) -> MessageCreated:
        message = Message(
            id=MessageId(self.ids.next()),
            channel_id=channel_id,
            author_id=UserId(MIDJOURNEY_APPLICATION_ID),
            embeds=(embed,),
            nonce=nonce,
            flags=EPHEMERAL,
            created_at=self.machine.now(),
        )
        return MessageCreated(message)
