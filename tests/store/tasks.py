"""Tasks, Attempts and pictures for the store's tests, with times that do not depend on the clock."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from midway.domain.action import Action, Bot
from midway.domain.attempt import Attempt, AttemptKind
from midway.domain.ids import AccountId, ChannelId, Nonce, TaskId
from midway.domain.image import Image, InputImage
from midway.domain.lifecycle import (
    Accepted,
    Dispatched,
    Event,
    Progressed,
    Result,
    SeedLearnt,
    Succeeded,
    apply,
    new_task,
)
from midway.domain.task import Ask, Task
from midway.store.port import Store
from msgspec.structs import replace

from tests.support.writes import write

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACCOUNT = AccountId("1001")
PICTURE = InputImage(b"\x89PNG one", "image/png", 64, 48)
MASK = InputImage(b"\x89PNG mask", "image/png", 64, 48)
RESULT = Result(image=Image("https://cdn.invalid/a.png", 1024, 1024))

_NUMBERS = itertools.count(1)


def seconds(count: float) -> timedelta:
    """Shorten a duration."""
    return timedelta(seconds=count)


def a_task(number: int | None = None, **ask: Any) -> Task:
    """Make a Task that is QUEUED and not stored; its id rises with each one made, or has the number given."""
    task_id = TaskId(f"{1_700_000_000_000_000 + (next(_NUMBERS) if number is None else number)}")
    return new_task(Ask(**({"action": Action.IMAGINE, "prompt": "a red fox"} | ask)), task_id=task_id, now=START)


def an_attempt(task: Task, nonce: int = 1, **fields: Any) -> Attempt:
    """Make an open Attempt of the Task."""
    attempt = Attempt(
        nonce=Nonce(str(1_400_000_000_000_000_000 + nonce)),
        task_id=task.id,
        account_id=ACCOUNT,
        channel_id=ChannelId("2002"),
        kind=AttemptKind.COMMAND,
        action=task.action,
        bot=Bot.MIDJOURNEY,
        sent_at=START,
    )
    return replace(attempt, **fields)


async def advance(store: Store, task: Task, *events: Event, notify: bool = False) -> Task:
    """Apply the events one after the other and store each result."""
    for event in events:
        changed = apply(task, event, task.updated_at + seconds(1))
        task = await write(store, changed, notify=notify)
    return task


async def submitted(store: Store, task: Task | None = None) -> Task:
    """Store a new Task."""
    return (await store.submit(task or a_task())).task


async def in_progress(store: Store, task: Task | None = None) -> Task:
    """Store a Task that is drawn at the moment, at 10 percent; its revisions: 1 to 4 in a new store."""
    return await advance(store, await submitted(store, task), Dispatched(), Accepted(), Progressed(10))


SUCCEED = Succeeded(RESULT)
LEARN_SEED = SeedLearnt("42")
