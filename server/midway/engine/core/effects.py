"""What follows from what happened to an Account: its parts return these values and do nothing themselves.

Those of `Memory` change what the Account knows; `applier` applies them at once, in order. Those of `Outside` leave the
process, or ask for what is not in memory; `worker` carries them out, each in its order with what was decided before.
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
    """Apply events to a Task, and learn Attempts with it. Events that its state has no move for come too late."""

    task_id: TaskId
    events: tuple[LifeEvent, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    inputs: tuple[InputImage, ...] = ()
    request: RequestKey | None = None


class Learn(Struct, frozen=True):
    """Learn what is new about Attempts; their Tasks stay as they are."""

    attempts: tuple[Attempt, ...]


class Disown(Struct, frozen=True):
    """All that these keys name is another session's."""

    keys: Keys


class Enter(Struct, frozen=True):
    """Bring the Account into a state. A need for a person is never softened to LIMITED."""

    state: AccountState
    reason: str = ""


class SlowDown(Struct, frozen=True):
    """Send nothing for so long."""

    seconds: float


class DrewFast(Struct, frozen=True):
    """A job was drawn in fast or turbo mode: there are fast hours."""


class SawRemix(Struct, frozen=True):
    """The Account's settings show whether Remix is on."""

    is_on: bool


class CountUnknown(Struct, frozen=True):
    """Midjourney said words that no table holds."""

    words: str


class ExpectFinal(Struct, frozen=True):
    """A Task's progress message went; its last one is due."""

    task_id: TaskId


class AnswerWindow(Struct, frozen=True):
    """A press opened a window that waits for its prompt or its mask."""

    press: Attempt
    event: ModalOpened | IframeOpened


class SendFirst(Struct, frozen=True):
    """Send what follows a press before everything else that waits."""

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
    """Store an entry, after all that were handed over before."""

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
    """Read the channel's messages after an id (None: the newest ones), so many at most."""

    after: MessageId | None
    limit: int


class LoadMask(Struct, frozen=True):
    """Read a Task's mask, to answer the region window that its press opened."""

    task: Task
    event: IframeOpened


class Recall(Struct, frozen=True):
    """Take a Task back into memory, then hear the message that speaks of it."""

    task_id: TaskId
    reading: Reading


class Relocate(Struct, frozen=True):
    """Give waiting Tasks, oldest first, to Accounts that can run them, as long as there is one."""

    tasks: tuple[Task, ...]


class AskSettings(Struct, frozen=True):
    """Ask Midjourney for the Account's settings."""


Outside = Write | Prepare | Post | ReadHistory | LoadMask | Recall | Relocate | AskSettings
Effect = Memory | Outside
