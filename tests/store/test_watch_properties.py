"""Ordered, Unique, Resumable: over any history, any reader's pace and any points of reconnection.

The writer and the reader take turns in an order that hypothesis chooses; a reader that disconnects
comes back with the last revision it has seen.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from hypothesis import given
from hypothesis import strategies as st
from midway.domain.errors import Reason
from midway.domain.ids import Revision, TaskId
from midway.domain.lifecycle import (
    Accepted,
    Dispatched,
    Event,
    Progressed,
    Requeued,
    allows,
    failed,
)
from midway.domain.task import Task
from midway.store.memory import MemoryStore
from midway.store.watch import TasksStream, TaskStream

from tests.store.readers import ObservedWatch, read_if_there
from tests.store.tasks import LEARN_SEED, SUCCEED, advance, submitted

EVENTS: list[Event] = [
    Dispatched(),
    Accepted(),
    Progressed(),
    Progressed(),
    Requeued("queue full"),
    SUCCEED,
    failed(Reason.UPSTREAM_REJECTED, "no"),
    LEARN_SEED,
]
# A step writes an event to Task 0 or 1, reads one snapshot or as many as are there, or disconnects and comes back.
STEPS = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 1), st.sampled_from(EVENTS)), st.sampled_from(["read one", "read all", "reconnect"])
    ),
    max_size=40,
)


@dataclass
class Run:
    """A store with two Tasks, and what a reader has got so far."""

    hub: ObservedWatch
    store: MemoryStore
    tasks: list[Task]
    connect: Callable[[Revision], TaskStream | TasksStream]
    written: list[Task] = field(default_factory=list)
    read: list[Task] = field(default_factory=list)
    began: Revision | None = None  # the newest revision when the reader first looked

    async def write(self, number: int, event: Event) -> None:
        """Store the event's outcome when the life-cycle allows the event."""
        if allows(self.tasks[number].state, type(event)):
            self.tasks[number] = await advance(self.store, self.tasks[number], event)
            self.written.append(self.tasks[number])

    async def read_one(self, stream: TaskStream | TasksStream) -> bool:
        """Read a snapshot; tell whether there was one."""
        self.began = self.began or await self.store.revision()
        task = await read_if_there(self.hub, stream)
        self.read += [task] if task else []
        return task is not None

    async def play(self, steps: list) -> None:
        """Take the steps, then come back once more and read to the end."""
        stream = self.connect(Revision(0))
        for step in [*steps, "reconnect", "read all"]:
            match step:
                case "read one":
                    await self.read_one(stream)
                case "read all":
                    while await self.read_one(stream):
                        pass
                case "reconnect":
                    stream = self.connect(stream.revision)
                case (number, event):
                    await self.write(number, event)


def must_be_seen(written: list[Task], began: Revision) -> set[Revision]:
    """Name the revisions that no reader may miss: changes of state since it began, and each Task's present."""
    present: dict[TaskId, Task] = {}
    wanted: set[Revision] = set()
    for task in written:
        if task.id in present and present[task.id].state is not task.state:
            wanted.add(task.revision)
        present[task.id] = task
    wanted |= {task.revision for task in present.values()}
    return {revision for revision in wanted if revision > began}


def check(read: list[Task], written: list[Task], began: Revision) -> None:
    """Assert the three guarantees, and that nothing comes that was not written."""
    revisions = [task.revision for task in read]
    assert revisions == sorted(revisions), "Ordered"
    assert len(revisions) == len(set(revisions)), "Unique"
    assert set(revisions) >= must_be_seen(written, began), "Resumable"
    assert all(task in written for task in read)


@given(STEPS)
async def test_one_task_is_ordered_unique_and_resumable(steps: list):
    store = MemoryStore()
    async with ObservedWatch(store) as hub:
        tasks = [await submitted(store), await submitted(store)]
        run = Run(hub, store, tasks, partial(hub.watch, tasks[0].id), written=[*tasks])
        await run.play(steps)

    assert run.began
    check(run.read, [task for task in run.written if task.id == tasks[0].id], run.began)


@given(STEPS)
async def test_all_tasks_are_ordered_unique_and_resumable(steps: list):
    store = MemoryStore()
    async with ObservedWatch(store) as hub:
        tasks = [await submitted(store), await submitted(store)]
        run = Run(hub, store, tasks, hub.watch_all, written=[*tasks])
        await run.play(steps)

    assert run.began
    check(run.read, run.written, run.began)
