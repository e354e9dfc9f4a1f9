"""One run: everything that happens is drawn from a seed, and the core's promises are checked at every step.

No picture on a wrong Task; nothing posted whose Attempt is not durable, or twice; no second job made for a Task; no
more running than slots; every Task ends, once; what is in memory in the end is what is on the disk.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from midway.discord.errors import DiscordError, NotConnected, RateLimited, Unknown
from midway.discord.event import Event
from midway.discord.interaction import Command, Option
from midway.domain.action import Action
from midway.domain.ids import AccountId, ChannelId, GuildId, JobId, Nonce, TaskId, UserId
from midway.domain.lifecycle import Assigned, new_task
from midway.domain.task import Ask
from midway.engine.account_config import AccountConfig
from midway.engine.core.effects import Post
from midway.engine.core.pending import RegionSubmit
from midway.engine.interactions import Prepared
from midway.engine.limits import Limits
from midway.engine.worker.upstream import MOST_POSTPONED

from tests.engine.drawing import CountedNonces
from tests.engine.interleavings.midjourney import Job, Midjourney
from tests.engine.interleavings.server import QUICK_DISK_SECONDS, Broken, Held, Read, Server, kind_of
from tests.engine.stage import whole
from tests.support.clocks import StillMachine
from tests.unit.making import NOW

LEGEND = """\
seconds who: what happened. Who: an account's id, `midjourney`, `person` (another session) or `stranger`. What:
submit/cancel T: a client, about task T; prepared T; stored: the oldest entry is durable, of so many; left N: the
interaction with nonce N goes to Discord; arrived N: Discord has it, and what it makes of it; told N: our POST's
outcome; heard E: an event is handled; job J: what the bot does about the job of nonce N; read: the channel is shown;
lost/again E: an event that is not delivered, or twice; crash: only what is durable stays; wait: time passes."""

WIRE_SECONDS = 8.0  # from leaving to Discord, at most; our time-out is 30
LATE_SECONDS = 90.0  # what a proxy keeps; only of a process that lives on
MOST_SECONDS = 3 * 3600
PROMPTS = ("a red fox", "a blue owl")


@dataclass(eq=False)
class OnWire:
    """An Interaction that left, until the process that sent it knows what became of it."""

    server: Server
    life: int
    post: Post
    due: float
    has_arrived: bool = False
    is_told: bool = False  # that the outcome is not known
    error: DiscordError | None = None


@dataclass(frozen=True)
class Way:
    """What kind of run it is."""

    loses: float  # probability that an event is not delivered
    repeats: float
    person: str  # what another session of the first Account asks for: "" (there is none), "the same" or "other" things
    crashes: float
    shares_channel: bool
    disk_seconds: float

    @classmethod
    def drawn(cls, random: Random) -> "Way":
        """Draw one."""
        person = random.choice(("", "", "the same", "other"))
        return cls(
            loses=0.0 if person == "the same" else random.choice((0.0, 0.05, 0.3)),
            repeats=random.choice((0.0, 0.1)),
            person=person,
            crashes=0.0 if person == "the same" else random.choice((0.0, 0.3, 1.0)),
            shares_channel=random.random() < 0.3,
            disk_seconds=random.choice((2.0, 2.0, 2.0, 40.0)),
        )


class Run:
    """Plays one seed."""

    def __init__(self, seed: int, *, traced: bool = False) -> None:
        self.random = Random(seed)
        self.trace: list[str] | None = [] if traced else None
        self.way = Way.drawn(self.random)
        self.machine = StillMachine(NOW)
        slots = self.random.choice((1, 1, 2, 3))
        limits = Limits(
            pace=timedelta(seconds=self.random.choice((0, 1.2))),
            idle_timeout=timedelta(seconds=60),
            total_timeout=timedelta(minutes=10),
            queue_timeout=timedelta(minutes=30),
            sync_settings=False,
        )
        self.midjourney = Midjourney(self.random, self.machine, slots, self.tell_channel)
        nonces = CountedNonces()
        self.servers = [
            Server(
                AccountConfig(
                    id=AccountId(str(1000 + number)),
                    token="",
                    guild_id=GuildId("2001"),
                    channel_id=ChannelId("3000" if self.way.shares_channel else str(3000 + number)),
                    slots=slots,
                ),
                UserId(str(5000 + number)),
                limits,
                self.machine,
                nonces,
                self.owner_of,
                self.way.disk_seconds,
            )
            for number in range(2)
        ]
        self.wire: list[OnWire] = []
        self.posted: set[Nonce] = set()
        self.to_submit = self.random.choice((2, 2, 3, 3, 4, 6))
        self.to_cancel = self.random.choice((0, 0, 1, 2))
        self.of_person = self.random.randint(1, 3) if self.way.person else 0
        self.prompts = PROMPTS[:1] if self.random.random() < 0.7 else PROMPTS
        self.is_calm = False  # nothing bad happens any more
        self.count = 0

    def play(self) -> None:
        """Let happen what will, then let everything come to its end. Raises Broken."""
        for server in self.servers:
            server.connect(resumed=False)
        for _ in range(self.random.randint(40, 80)):
            self.one_step()
        self.calm_down()
        while self.to_submit:
            self.client()
        self.come_to_rest()
        self.check_end()

    def one_step(self) -> None:
        """Do one of the things that may happen now."""
        random = self.random
        self.machine.let_pass(0.001)
        server = random.choice(self.servers)
        chosen = random.random()
        if chosen < 0.3:
            self.advance_server(server)
        elif chosen < 0.5:
            self.advance_wire()
        elif chosen < 0.72:
            self.advance_bot()
        elif chosen < 0.80:
            self.client()
        elif chosen < 0.96:
            self.wait(random.choice((0.1, 1.0, 3.0, 10.0)))
        else:
            self.trouble(server)

    # What happens in the process of the server.

    def advance_server(self, server: Server) -> None:
        """Let one thing go on that an Account waits for."""
        steps: list[Callable[[], None]] = []
        if server.inbox and server.is_connected:
            steps += [lambda: self.handle(server)] * 2
        if server.preparing:
            steps.append(lambda: self.prepare(server))
        if server.journal:
            steps += [lambda: self.store(server)] * 2
        if server.can_leave:
            steps.append(lambda: self.leave(server, server.held[0]))
        if server.reads and not (self.way.person == "the same" and (server.inbox or not server.is_connected)):
            steps.append(lambda: self.read(server, server.reads[0]))
        if not server.is_connected:
            steps.append(lambda: self.connect(server))
        if steps:
            self.random.choice(steps)()

    def handle(self, server: Server) -> None:
        """Handle what waits longest in the inbox, or all of it, before anything else is looked at."""
        count = 1 if self.random.random() < 0.5 and not self.is_calm else len(server.inbox)
        for _ in range(count):
            self.note(server.id, "heard", server.handle())
        server.look_around()

    def prepare(self, server: Server) -> None:
        """Have a Task's Interaction ready, or not."""
        wanted = server.preparing.pop(self.random.randrange(len(server.preparing)))
        task = wanted.task
        if not self.is_calm and self.random.random() < 0.05:
            self.note(server.id, "unprepared", task.id)
            server.do(lambda core: core.unprepared(task.id, NotConnected("lost")))
            return
        self.note(server.id, "prepared", task.id)
        command = Command(
            application_id="936929561302675456",
            channel_id=server.channel_id,
            guild_id=GuildId("2001"),
            name="imagine",
            options=(Option("prompt", task.ask.prompt_en),),
        )
        server.do(lambda core: core.prepared(task.id, kind_of(task), Prepared(command)))

    def store(self, server: Server) -> None:
        """Have the oldest entry durable."""
        self.note(server.id, "stored, of", len(server.journal))
        server.store()

    def store_all(self, server: Server) -> None:
        """Have all entries durable."""
        while server.journal:
            self.store(server)

    def leave(self, server: Server, held: Held) -> None:
        """Send what is stored."""
        server.held.remove(held)
        nonce, task_id = held.post.nonce, held.post.outgoing.task_id
        if not server.core.may_leave(nonce):
            self.note(server.id, "does not send", nonce)
            server.do(lambda core: core.unsent(nonce))
            return
        if server.core.waited_long(nonce, held.postponed):
            if held.postponed == MOST_POSTPONED:
                self.note(server.id, "gives up to send", nonce)
                server.do(lambda core: core.unsent(nonce))
                return
            self.note(server.id, "postpones", nonce)
            server.do(lambda core: core.postponed(nonce))
            server.hold(held.post, held.postponed + 1)
            return
        self.note(server.id, "left", nonce)
        if nonce not in server.attempts:
            raise Broken(f"{nonce} leaves and is not durable")
        if nonce in self.posted:
            raise Broken(f"{nonce} leaves twice")
        for other in self.wire:
            if other.post.outgoing.task_id == task_id and not other.has_arrived:
                raise Broken(f"{nonce} leaves while {other.post.nonce} may still be taken for the same task")
        self.posted.add(nonce)
        server.core.left(nonce)
        server.look_around()
        self.wire.append(OnWire(server, server.life, held.post, self.machine.monotonic() + self.wire_seconds))

    def read(self, server: Server, read: Read) -> None:
        """Have the channel shown, then have what was shown arrive."""
        if read.shown is None:
            read.shown = self.midjourney.history(server.channel_id, read.after, read.limit)
            self.note(server.id, "read", [message.id for message in read.shown])
            return
        server.reads.remove(read)
        is_given = self.is_calm or self.random.random() < 0.95
        shown = read.shown if is_given else None
        self.note(server.id, "told what was read" if is_given else "told that it cannot be read", "")
        server.do(lambda core: whole(core.history_read(shown, read.limit)))

    def connect(self, server: Server) -> None:
        """Have a session again."""
        resumed = server.has_session and (self.way.person == "the same" or self.random.random() < 0.7)
        if not resumed:
            server.inbox.clear()
        self.note(server.id, "connected,", "resumed" if resumed else "anew")
        server.connect(resumed=resumed)

    # What happens between the server and Discord.

    def advance_wire(self) -> None:
        """Let an Interaction arrive, or its outcome."""
        if self.wire:
            wired = self.random.choice(self.wire)
            self.outcome(wired) if wired.has_arrived else self.arrive(wired)

    def arrive(self, wired: OnWire) -> None:
        """Have Discord take an Interaction, or not."""
        wired.has_arrived, wired.due = True, self.machine.monotonic() + self.wire_seconds
        chosen = 0.0 if self.is_calm else self.random.random()
        server, nonce, outgoing = wired.server, wired.post.nonce, wired.post.outgoing
        if 0.90 < chosen < 0.93 and wired.life == server.life and not wired.is_told:
            # Something in between has it still when we give up.
            self.note("midjourney", "arrives late", nonce)
            wired.has_arrived, wired.is_told, wired.due = False, True, self.machine.monotonic() + LATE_SECONDS
            server.do(lambda core: core.sent(nonce, Unknown("time-out")))
            return
        assert not isinstance(outgoing.interaction, RegionSubmit)
        if chosen < 0.8:
            self.note("midjourney", "arrived", f"{nonce}: a job, answered {204 if chosen < 0.7 else 500}")
            wired.error = None if chosen < 0.7 else Unknown("500")
            self.make(server, nonce, outgoing.task_id)
        elif chosen < 0.85:
            self.note("midjourney", "arrived", f"{nonce}: queue full")
            self.midjourney.refuse(nonce, server.channel_id, lambda event: self.tell(server, event))
        elif chosen < 0.9:
            self.note("midjourney", "arrived", f"{nonce}: nothing, answered 500")
            wired.error = Unknown("500")
        else:
            self.note("midjourney", "arrived", f"{nonce}: refused")
            wired.error = NotConnected("lost") if chosen < 0.95 else RateLimited("slow down", retry_after=2)

    def make(self, server: Server, nonce: Nonce, task_id: TaskId) -> None:
        """Make a job for a Task."""
        others = self.midjourney.made_for.get(task_id, [])
        if others:
            raise Broken(f"task {task_id} has two jobs: of {others[0]} and of {nonce}")
        prompt = server.tasks[task_id].ask.prompt_en
        tell = lambda event: self.tell(server, event)  # noqa: E731 - one line, used once below
        self.midjourney.take(prompt, nonce, server.channel_id, server.user_id, task_id, tell)

    def outcome(self, wired: OnWire) -> None:
        """Tell the process that sent an Interaction what became of it."""
        self.wire.remove(wired)
        if wired.life == wired.server.life and not wired.is_told:
            nonce, error = wired.post.nonce, wired.error
            self.note(wired.server.id, "told", f"{nonce}: {error!r}")
            wired.server.do(lambda core: core.sent(nonce, error))

    def advance_bot(self) -> None:
        """Let the bot do something about a job, or let somebody else ask for one."""
        active = [job for job in self.midjourney.jobs if not job.is_waiting]
        if self.of_person and self.random.random() < 0.2:
            self.of_person -= 1
            server, nonce = self.servers[0], Nonce(f"person{self.of_person}")
            prompt = self.prompts[0] if self.way.person == "the same" else "a lake"
            self.note("person", "asks", nonce)
            self.midjourney.take(prompt, nonce, server.channel_id, server.user_id, None, lambda _: None)
        elif active:
            self.bot_step(self.random.choice(active))

    def bot_step(self, job: Job) -> None:
        """Let the bot do the next thing about a job."""
        self.note("midjourney", "job of", f"{job.drawing.nonce}: {job.steps[0]}")
        self.midjourney.step(job)

    def tell_channel(self, channel_id: ChannelId, event: Event) -> None:
        """Tell all who see a channel."""
        for server in self.servers:
            if server.channel_id == channel_id:
                self.tell(server, event)

    def tell(self, server: Server, event: Event) -> None:
        """Deliver an event, or lose it, or deliver it twice."""
        if self.random.random() < self.way.loses and not self.is_calm:
            self.note(server.id, "lost", type(event).__name__)
            return
        server.hear(event)
        if self.random.random() < self.way.repeats:
            self.note(server.id, "again", type(event).__name__)
            server.hear(event)

    # What people do, and what goes wrong.

    def client(self) -> None:
        """Let a client submit or cancel something."""
        if self.to_submit:
            self.to_submit -= 1
            self.submit()
        elif self.to_cancel:
            self.to_cancel -= 1
            server = self.random.choice(self.servers)
            known = [task_id for task_id in server.tasks if task_id in server.core.ledger.tasks]
            if known:
                task_id = self.random.choice(known)
                self.note(server.id, "cancel", task_id)
                server.do(lambda core: core.cancel(task_id))

    def submit(self) -> None:
        """Let a client submit a Task."""
        self.count += 1
        server = self.random.choice(self.servers)
        prompt = self.random.choice(self.prompts)
        ask = Ask(action=Action.IMAGINE, prompt=prompt, prompt_en=prompt)
        home = Assigned(server.id, server.channel_id)
        task = new_task(ask, task_id=TaskId(str(1_700_000_000_000_000 + self.count)), now=self.machine.now(), home=home)
        self.note(server.id, "submit", task.id)
        server.submit(task)

    def trouble(self, server: Server) -> None:
        """Let something go wrong."""
        if self.random.random() < 0.4 * self.way.crashes:
            self.note("all", "crash", "")
            for each in self.servers:
                each.crash()
            self.wire = [wired for wired in self.wire if not wired.is_told]
        elif self.random.random() < 0.1 * self.way.crashes:
            self.note(server.id, "recovers from a defect", "")
            server.recover()
            self.wire = [wired for wired in self.wire if not wired.is_told]
        elif server.is_connected:
            self.note(server.id, "disconnected", "")
            server.disconnect()

    # How time passes.

    def wait(self, seconds: float) -> None:
        """Let time pass; what is due happens on the way, in its order."""
        until = self.machine.monotonic() + seconds
        self.note("all", "wait", seconds)
        while (due := self.next_due(until)) is not None:
            at, do = due
            if at > self.machine.monotonic():
                self.machine.let_pass(at - self.machine.monotonic())
            do()
        self.machine.let_pass(max(0.0, until - self.machine.monotonic()))
        for server in self.servers:
            server.look_around()

    def next_due(self, until: float) -> tuple[float, Callable[[], None]] | None:
        """Return what must happen next, and when."""
        found: tuple[float, Callable[[], None]] | None = None
        for wired in self.wire:
            if wired.due <= until and (found is None or wired.due < found[0]):
                found = wired.due, (lambda w=wired: self.outcome(w) if w.has_arrived else self.arrive(w))
        for server in self.servers:
            if server.journal and server.store_due <= until and (found is None or server.store_due < found[0]):
                found = server.store_due, (lambda s=server: self.store_all(s))
            if server.can_leave and server.held[0].due <= until and (found is None or server.held[0].due < found[0]):
                found = server.held[0].due, (lambda s=server: self.leave(s, s.held[0]))
        for job in self.midjourney.jobs:
            if not job.is_waiting and job.due <= until and (found is None or job.due < found[0]):
                found = job.due, (lambda j=job: self.bot_step(j))
        return found

    @property
    def wire_seconds(self) -> float:
        """How long an Interaction, or its outcome, may be on its way."""
        return 1.0 if self.is_calm else WIRE_SECONDS

    def come_to_rest(self) -> None:
        """Let everything go on, and time with it, until every Task has ended."""
        while not self.is_at_rest():
            if self.machine.monotonic() > MOST_SECONDS:
                raise Broken(f"some tasks never end: {self.unfinished()}")
            for server in self.servers:
                self.settle(server)
            self.wait(self.random.choice((2.0, 5.0)))

    def calm_down(self) -> None:
        """Let nothing bad happen from now on, and everything quickly."""
        self.is_calm = True
        for server in self.servers:
            server.disk_seconds = QUICK_DISK_SECONDS
        self.midjourney.hurry()

    def settle(self, server: Server) -> None:
        """Do all that waits in a server."""
        if not server.is_connected:
            self.connect(server)
        while server.inbox or server.preparing or server.journal or server.held or server.reads:
            self.advance_server(server)

    def is_at_rest(self) -> bool:
        """Tell whether nothing more will happen."""
        return not (self.wire or self.midjourney.jobs or self.unfinished() or self.is_busy())

    def is_busy(self) -> bool:
        """Tell whether a server has anything left to do."""
        return any(server.inbox or server.journal or server.held for server in self.servers)

    def unfinished(self) -> list[TaskId]:
        """Return the Tasks that have not ended."""
        return [task.id for server in self.servers for task in server.tasks.values() if not task.state.is_terminal]

    def check_end(self) -> None:
        """Check that memory and disk agree."""
        for server in self.servers:
            for task in server.core.ledger.tasks.values():
                if server.tasks[task.id] != task:
                    raise Broken(f"task {task.id} is {task} in memory and {server.tasks[task.id]} on the disk")

    def owner_of(self, job_id: JobId) -> Nonce | None:
        """Return the nonce of the Interaction that made a job."""
        return self.midjourney.nonce_of.get(job_id)

    def note(self, who: str, what: str, about: object) -> None:
        """Write down a step."""
        if self.trace is not None:
            self.trace.append(f"{self.machine.monotonic():8.1f} {who}: {what} {about}")
