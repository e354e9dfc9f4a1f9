"""A Task: one unit of work a client asked for and can watch to its end."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from midway.domain.action import Action, Bot, ModalKind, Motion, Speed
from midway.domain.errors import Reason
from midway.domain.ids import AccountId, ChannelId, JobId, MessageId, Revision, TaskId
from midway.domain.image import Button, Image


class State(StrEnum):
    """A Task's state. `lifecycle` has the table of transitions."""

    QUEUED = "QUEUED"
    AWAITING_INPUT = "AWAITING_INPUT"
    SUBMITTING = "SUBMITTING"
    SUBMITTED = "SUBMITTED"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_terminal(self) -> bool:
        """Whether the Task has ended; it ends exactly once."""
        return self in TERMINAL


TERMINAL = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})
UNFINISHED = frozenset(State) - TERMINAL
RUNNING = frozenset({State.SUBMITTING, State.SUBMITTED, State.IN_PROGRESS})  # holds a slot of its Account


END_IMAGE = "image"
END_LOOP = "loop"


class VideoAsk(Struct, frozen=True, kw_only=True):
    """What a VIDEO asks for, besides its prompt and first frame."""

    motion: Motion | None = None  # None: as the prompt says, else LOW
    batch_size: int = 0  # films to choose from; 0: Midjourney's default
    end: str = ""  # the last frame: END_LOOP, a link, or END_IMAGE, the last of the input pictures
    extends: bool = False  # extends a film of the parent, by its buttons


class Ask(Struct, frozen=True, kw_only=True):
    """What the client asked for; never changes, except that SubmitModal sets `modal_prompt`.

    `prompt` is as sent (if it makes several jobs, this job's part); `prompt_en` is what is sent to Midjourney
    (translated, or the same). `image_count` is the number of stored input pictures; `has_mask` means that one more
    follows them, the mask.
    """

    action: Action
    bot: Bot = Bot.MIDJOURNEY
    prompt: str = ""
    prompt_en: str = ""
    image_count: int = 0
    has_mask: bool = False
    links: tuple[str, ...] = ()  # pictures given as links, put before the prompt, or to be described
    dimensions: str = ""  # blend: "2:3", "1:1" or "3:2"
    video: VideoAsk = VideoAsk()
    parent_id: TaskId | None = None
    custom_id: str = ""  # the button pressed on the parent's message
    then_press: str = ""  # custom id prefix of the button to press on that result; "": that result is final
    parent_message_id: MessageId | None = None
    parent_message_flags: int = 0
    index: int | None = None
    show_job_id: JobId | None = None
    speed: Speed | None = None
    account_id: AccountId | None = None  # only this Account may run it
    remix: bool | None = None  # True: wait for a prompt where Remix would ask; False: answer the modal as it is
    modal_prompt: str | None = None  # None until a prompt is given for the modal
    client_state: str = ""  # echoed, never interpreted
    notify_url: str = ""
    description: str = ""  # the old API's one-line summary


class ModalAsk(Struct, frozen=True):
    """What an AWAITING_INPUT Task waits for."""

    kind: ModalKind
    prompt: str = ""  # the prefilled text: the parent's prompt
    title: str = ""


class Remark(StrEnum):
    """What a message from Midjourney that is not progress means for how long to wait."""

    QUEUED_UPSTREAM = "QUEUED_UPSTREAM"  # the job waits for others; silence is normal
    UNKNOWN = "UNKNOWN"  # unrecognised message; if nothing follows soon, the Task fails


class Failure(Struct, frozen=True):
    """Why a Task failed. `message` is for people; `upstream_title` is Midjourney's own heading when there was one."""

    reason: Reason
    message: str
    upstream_title: str = ""


class Task(Struct, frozen=True, kw_only=True):
    """A snapshot of one Task. Changed only by `lifecycle.apply`, and by the Store, which assigns revisions.

    Times are aware UTC. `progress` is in percent, 0 to 100, and never decreases.
    """

    id: TaskId
    ask: Ask
    created_at: datetime
    updated_at: datetime
    state: State = State.QUEUED
    revision: Revision = Revision(0)
    version: int = 0  # of this Task alone; increased at each change
    state_since: datetime
    # All Tasks that the same request made, in order, including this one; empty if it is the only one. The input
    # pictures of all are stored with the first.
    batch: tuple[TaskId, ...] = ()
    # Where it runs; set when assigned, and kept so that its buttons are pressed in the same place.
    account_id: AccountId | None = None
    channel_id: ChannelId | None = None
    # What became known while it ran.
    progress: int = 0
    started_at: datetime | None = None  # Discord accepted the first Interaction
    finished_at: datetime | None = None
    progressed_at: datetime | None = None  # last sign of life from Midjourney
    input_deadline: datetime | None = None
    modal: ModalAsk | None = None
    final_prompt: str = ""  # as the bot rewrote it
    result_prompts: tuple[str, ...] = ()  # describe and shorten: the proposed prompts, in order
    result_text: str = ""  # describe and shorten: the whole text of the panel
    image: Image | None = None  # a preview until SUCCEEDED
    input_urls: tuple[str, ...] = ()  # of the input pictures on Discord's CDN
    message_id: MessageId | None = None
    message_flags: int = 0
    job_id: JobId | None = None
    buttons: tuple[Button, ...] = ()
    seed: str = ""
    actual_speed: Speed | None = None  # as the bot's message says
    failure: Failure | None = None
    notices: tuple[str, ...] = ()  # upstream remarks that did not end it ("Job queued")
    remark: Remark | None = None  # the meaning of the last one, until the job makes progress
    remarked_at: datetime | None = None
    late: bool = False  # the picture came after the Task had failed or been cancelled

    @property
    def action(self) -> Action:
        """What was asked for."""
        return self.ask.action

    @property
    def inputs_of(self) -> TaskId:
        """The id of the Task with which the input pictures are stored."""
        return self.batch[0] if self.batch else self.id

    @property
    def has_final_picture(self) -> bool:
        """Whether the picture is the final one, not a preview."""
        return self.image is not None and (self.state is State.SUCCEEDED or self.late)
