"""A core alone, for scripts: what came in is a call, what came out is one line for each effect, in order.

Time stands still but for `wait`. After each call the core looks around, as its worker has it do, and the lines tell
what came of that, too. They name Tasks, and the Attempts of a core, by their numbers:

    prepare 1                       upload, and build the Interaction of Task 1
    write 1 v2 SUBMITTING, +1       Task 1, its second version, with an Attempt that is new
    write 1 v3 SUBMITTED, 1 accepted message     what is known of Attempt 1 by now, when something of it is new
    post 1 command                  send Attempt 1, once what was written before is stored
    read the newest 200             of the channel's history; or `read after 5000, 2000 at most`

With `disk = "slow"` nothing is stored before `stored` is called. Each Attempt that is posted was handed over to be
written before, and no version of a Task is left out: every script checks that.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, Literal

from midway.discord.errors import DiscordError
from midway.discord.event import Connected, Embed, Event, Message, MessageCreated
from midway.discord.interaction import MIDJOURNEY_APPLICATION_ID, ButtonPress, Command, Interaction, Option
from midway.domain.action import press_from_custom_id
from midway.domain.attempt import Attempt, AttemptKind
from midway.domain.ids import GuildId, MessageId, Nonce, TaskId, UserId
from midway.domain.task import Task
from midway.engine.account_config import AccountConfig
from midway.engine.core.classify import EPHEMERAL
from midway.engine.core.core import Core
from midway.engine.core.effects import (
    AskSettings,
    LoadMask,
    Outside,
    Post,
    Prepare,
    ReadHistory,
    Recall,
    Relocate,
    Write,
)
from midway.engine.interactions import APPLICATION_IDS, Prepared
from midway.engine.limits import Limits
from midway.store.port import AccountMark, Entry
from msgspec.structs import replace

from tests.engine.drawing import CountedNonces, Drawing, Snowflakes
from tests.support.clocks import StillMachine
from tests.unit.making import ACCOUNT, CHANNEL, NOW, USER, a_task

GUILD = GuildId("2001")
CONNECTED = Connected(USER, "owner", resumed=False)
NO_PACE = timedelta(0)
QUEUE_FULL = Embed(title="Queue full", description="Please wait for other jobs to finish first", color=0xFF0000)
GRID = MessageId("4000")  # of the parent of every press
Lines = list[str]


def the_task(number: int, **ask: Any) -> Task:
    """Make a stored QUEUED Task of the Account."""
    return replace(a_task(number, **ask), account_id=ACCOUNT, channel_id=CHANNEL, version=1)


def a_press(number: int, custom_id: str, **ask: Any) -> Task:
    """Make a stored QUEUED Task that presses a button of a grid."""
    press = press_from_custom_id(custom_id)
    asked = {"action": press.action, "index": press.index, "custom_id": custom_id, "parent_message_id": GRID}
    return the_task(number, **(asked | {"parent_id": id_of(999)} | ask))


def id_of(number: int) -> TaskId:
    """Return the id of Task `number`."""
    return a_task(number).id


def whole(portions: Iterable[list[Outside]]) -> list[Outside]:
    """Put together what was decided in portions."""
    return [effect for portion in portions for effect in portion]


class Stage:
    """A core, what it has written, and a bot that draws for what it posted."""

    def __init__(self, *, slots: int = 3, connected: bool = True, **limits: Any) -> None:
        self.machine = StillMachine(NOW)
        self.limits = Limits(**{"sync_settings": False, **limits})
        self.config = AccountConfig(id=ACCOUNT, token="", guild_id=GUILD, channel_id=CHANNEL, slots=slots)
        self.ids = Snowflakes(self.machine)
        self.disk: Literal["quick", "slow"] = "quick"
        self.tasks: dict[TaskId, Task] = {}  # as written last
        self.attempts: dict[Nonce, Attempt] = {}
        self.marks: list[AccountMark] = []
        self.posts: list[Post] = []  # all that were let go
        self.drawings: dict[int, Drawing] = {}  # by the number of their Attempt
        self._held: list[Post] = []  # wait for the disk
        self._nonces = CountedNonces()
        self._clock = self.machine.clock()
        self.is_connected = connected
        self.core = self._new_core()
        if connected:
            self._carry_out(self.core.hear(CONNECTED))
            self._carry_out(whole(self.core.history_read([], 1)))

    def _new_core(self) -> Core:
        return Core(self.config, self.limits, self._clock, self._nonces)

    # What comes in.

    def do(self, decide: Callable[[Core], list[Outside]]) -> Lines:
        """Decide something, then look around; return what follows."""
        lines = self._carry_out(decide(self.core))
        return [*lines, *self.look_around()]

    def look_around(self) -> Lines:
        """Do what is due now."""
        return self._carry_out(self.core.look_around(is_connected=self.is_connected))

    def wait(self, seconds: float) -> Lines:
        """Let time pass at once, then look around."""
        self.machine.let_pass(seconds)
        return self.look_around()

    def take(self, *tasks: Task) -> Lines:
        """Have new Tasks."""
        for task in tasks:
            self.tasks[task.id] = task
            self.core.take(task)
        return self.look_around()

    def hear(self, event: Event) -> Lines:
        """Hear an event of the gateway."""
        return self.do(lambda core: core.hear(event))

    def prepared(self, number: int, *urls: str) -> Lines:
        """Have a Task's Interaction ready."""
        task = self.core.ledger.tasks[id_of(number)]
        kind = AttemptKind.PRESS if task.ask.custom_id else AttemptKind.COMMAND
        return self.do(lambda core: core.prepared(task.id, kind, Prepared(_interaction(task), urls)))

    def stored(self) -> Lines:
        """Have everything stored that was written; what waited for it is let go."""
        held, self._held = self._held, []
        lines = [line for post in held for line in self._let_go(post)]
        return [*lines, *self.look_around()]

    def sent(self, attempt: int, error: DiscordError | None = None) -> Lines:
        """Have the outcome of a POST."""
        return self.do(lambda core: core.sent(self.nonce(attempt), error))

    def history(self, *messages: Message | None, given: bool = True) -> Lines:
        """Have the channel's history, without the nonces that it does not show."""
        told = [replace(message, nonce=None) for message in messages if message]
        limit = self.limits.max_history_messages
        return self.do(lambda core: whole(core.history_read(told if given else None, limit)))

    def restart(self) -> Lines:
        """Begin anew from what was written, as a new process does."""
        self.core = self._new_core()
        self._held = []
        self.core.load(self.marks[-1] if self.marks else None, self.tasks.values(), self.attempts.values())
        return self.hear(CONNECTED)

    def lose(self, number: int, *, moved: bool = False) -> None:
        """Have somebody else write a Task, all that was decided here about it dropped; `moved`: to another Account."""
        task = replace(the_task(number), version=self.tasks[id_of(number)].version)
        for post in [each for each in self._held if each.outgoing.task_id == task.id]:
            self._held.remove(post)
            del self.attempts[post.nonce]
            self.core.send_queue.concluded(post.nonce)
        self.tasks[task.id] = task
        self.core.lose(task.id)
        self.core.regain(task.id, None if moved else task, ())

    def until_running(self, task: Task) -> Drawing:
        """Bring a new Task to where its POST was taken; return its job."""
        self.take(task)
        lines = self.prepared(_number(task.id))
        attempt = int(next(line for line in lines if line.startswith("post ")).split()[1])
        self.sent(attempt)
        return self.draws(attempt)

    def draws(self, attempt: int, **how: Any) -> Drawing:
        """Have the bot begin a job for what was posted."""
        post = next(post for post in self.posts if post.nonce == self.nonce(attempt))
        task = self.tasks[post.outgoing.task_id]
        known: dict[str, Any] = {"prompt": task.ask.prompt_en, "nonce": post.nonce}
        drawing = Drawing(self.ids, self.machine, attempt, **known | how)
        self.drawings[attempt] = drawing
        return drawing

    def refusal(self, attempt: int, embed: Embed = QUEUE_FULL) -> MessageCreated:
        """Return the bot's refusal of what was posted, which only this Account sees."""
        return MessageCreated(
            Message(
                id=MessageId(self.ids.next()),
                channel_id=CHANNEL,
                author_id=UserId(MIDJOURNEY_APPLICATION_ID),
                embeds=(embed,),
                nonce=self.nonce(attempt),
                flags=EPHEMERAL,
                created_at=self.machine.now(),
            )
        )

    # What is known.

    def state(self, number: int) -> str:
        """Return how a Task was written last: its state, and why it failed."""
        task = self.tasks[id_of(number)]
        return f"{task.state} {task.failure.reason}" if task.failure else task.state.value

    def nonce(self, attempt: int) -> Nonce:
        """Return the nonce of the Attempt that was written so manieth."""
        return list(self.attempts)[attempt - 1]

    # What comes out.

    def _carry_out(self, effects: Iterable[Outside]) -> Lines:
        return [self._line(effect) for effect in effects]

    def _line(self, effect: Outside) -> str:
        match effect:
            case Write(entry):
                return self._written(entry)
            case Post(nonce, outgoing):
                assert nonce in self.attempts, "posted before its Attempt was written"
                if self.disk == "slow":
                    self._held.append(effect)
                else:
                    self._let_go(effect)
                return f"post {self._of(nonce)} {outgoing.kind}"
            case _:
                return _asked(effect)

    def _let_go(self, post: Post) -> Lines:
        if not self.core.may_leave(post.nonce):
            return self._carry_out(self.core.unsent(post.nonce))
        lines: Lines = []
        if self.core.waited_long(post.nonce, 0):
            lines = self._carry_out(self.core.postponed(post.nonce))
            if self.disk == "slow":
                self._held.append(post)
                return lines
        self.core.left(post.nonce)
        self.posts.append(post)
        return lines

    def _written(self, entry: Entry) -> str:
        if entry.mark is not None:
            self.marks.append(entry.mark)
            return f"write account {entry.mark.state}"
        told = [self._news(attempt) for attempt in entry.attempts]
        if entry.task is None:
            return f"write {', '.join(told)}"
        before = self.tasks.get(entry.task.id)
        assert before is not None
        assert entry.task.version == before.version + 1, "a version was left out"
        self.tasks[entry.task.id] = entry.task
        return ", ".join([f"write {_number(entry.task.id)} v{entry.task.version} {entry.task.state}", *told])

    def _news(self, attempt: Attempt) -> str:
        is_new = attempt.nonce not in self.attempts
        self.attempts[attempt.nonce] = attempt
        if is_new:
            return f"+{self._of(attempt.nonce)}"
        known = {
            "accepted": attempt.accepted_at,
            "interaction": attempt.interaction_id,
            "message": attempt.message_ids,
            "job": attempt.job_id,
            "settled" if attempt.settled else "ended": attempt.ended_at,
        }
        return " ".join([str(self._of(attempt.nonce)), *(word for word, is_known in known.items() if is_known)])

    def _of(self, nonce: Nonce) -> int:
        return list(self.attempts).index(nonce) + 1


def _asked(effect: Outside) -> str:
    """Tell what is asked for beside the loop."""
    match effect:
        case Prepare(task, _):
            return f"prepare {_number(task.id)}"
        case ReadHistory(after, limit):
            return f"read after {after}, {limit} at most" if after else f"read the newest {limit}"
        case LoadMask(task, _):
            return f"load the mask of {_number(task.id)}"
        case Recall(task_id, _):
            return f"recall {_number(task_id)}"
        case Relocate(tasks):
            return f"relocate {' '.join(str(_number(task.id)) for task in tasks)}"
        case AskSettings():
            return "ask for the settings"
        case _:
            raise AssertionError(f"no line tells of {effect}")


def _number(task_id: TaskId) -> int:
    return int(task_id) % 1_000_000


def _interaction(task: Task) -> Interaction:
    application_id = APPLICATION_IDS[task.ask.bot]
    if task.ask.parent_message_id:
        return ButtonPress(
            application_id=application_id,
            channel_id=CHANNEL,
            guild_id=GUILD,
            message_id=task.ask.parent_message_id,
            message_flags=0,
            custom_id=task.ask.custom_id,
        )
    options = (Option("prompt", task.ask.prompt_en),)
    return Command(application_id=application_id, channel_id=CHANNEL, guild_id=GUILD, name="imagine", options=options)
