"""The effects of decisions: the parts of the core return these values and carry out nothing themselves.

Effects of `Memory` change the core's memory; `applier` applies them at once, in order. Effects of `Outside` do I/O or
concern other Accounts; `worker` carries them out, in order.
"""

from msgspec import Struct

from midway.discord.event import IframeOpened, ModalOpened
from midway.domain.account import AccountState
from midway.domain.attempt import Attempt, AttemptKind
from midway.domain.ids import MessageId, Nonce, TaskId
from midway.domain.image import InputImage
from midway.domain.lifecycle import Event as LifeEvent
from midway.domain.task import Task
from midway.engine.core.keys import Keys
from midway.engine.core.pending import Outgoing
from midway.engine.core.reading import Reading
from midway.store.port import Entry, RequestKey


class Change(Struct, frozen=True, kw_only=True):
    """Apply events to a Task, and update Attempts with it. Events that its state does not allow are ignored as late."""

    task_id: TaskId
    events: tuple[LifeEvent, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    inputs: tuple[InputImage, ...] = ()
    request: RequestKey | None = None


class Learn(Struct, frozen=True):
    """Add or update Attempts without changing their Tasks."""

    attempts: tuple[Attempt, ...]


class Disown(Struct, frozen=True):
    """Record that all ids among these keys are of another session."""

    keys: Keys


class Enter(Struct, frozen=True):
    """Bring the Account into a state. LIMITED is ignored while the Account needs a person."""

    state: AccountState
    reason: str = ""


class SlowDown(Struct, frozen=True):
    """Send nothing for so many seconds."""

    seconds: float


class DrewFast(Struct, frozen=True):
    """Record that a job was drawn in fast or turbo mode, so there are fast hours."""


class SawRemix(Struct, frozen=True):
    """Record whether Remix is on, as the Account's settings show."""

    is_on: bool


class CountUnknown(Struct, frozen=True):
    """Count an unknown remark of Midjourney."""

    words: str


class ExpectFinal(Struct, frozen=True):
    """Expect a Task's final message soon, because its progress message was deleted."""

    task_id: TaskId


class AnswerWindow(Struct, frozen=True):
    """Answer the window that a press opened with the Task's prompt or mask."""

    press: Attempt
    event: ModalOpened | IframeOpened


class SendFirst(Struct, frozen=True):
    """Send an Interaction that follows a press before everything else that waits."""

    outgoing: Outgoing


Memory = (
    Change
    | Learn
    | Disown
    | Enter
    | SlowDown
    | DrewFast
    | SawRemix
    | CountUnknown
    | ExpectFinal
    | AnswerWindow
    | SendFirst
)


class Write(Struct, frozen=True):
    """Store an entry, after all earlier ones."""

    entry: Entry


class Prepare(Struct, frozen=True):
    """Upload a Task's pictures and build its first Interaction."""

    task: Task
    kind: AttemptKind


class Post(Struct, frozen=True):
    """Send an Interaction, as soon as its Attempt is stored."""

    nonce: Nonce
    outgoing: Outgoing


class ReadHistory(Struct, frozen=True):
    """Read the channel's messages after an id (None: the newest ones), at most `limit`."""

    after: MessageId | None
    limit: int


class LoadMask(Struct, frozen=True):
    """Read a Task's mask, to answer the region window that its press opened."""

    task: Task
    event: IframeOpened


class Recall(Struct, frozen=True):
    """Read a Task into memory, then handle the message that is about it."""

    task_id: TaskId
    reading: Reading


class Relocate(Struct, frozen=True):
    """Give waiting Tasks, oldest first, to other Accounts that can run them."""

    tasks: tuple[Task, ...]


class AskSettings(Struct, frozen=True):
    """Ask Midjourney for the Account's settings."""


Outside = Write | Prepare | Post | ReadHistory | LoadMask | Recall | Relocate | AskSettings
Effect = Memory | Outside
