"""Makes a database with many Tasks, as after years of use; written with SQL, since a million submits take minutes."""

import asyncio
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import midway.store
from midway.app.wiring import PICTURES
from midway.domain.action import Action, Bot
from midway.domain.attempt import Attempt, AttemptKind
from midway.domain.ids import AccountId, ChannelId, JobId, MessageId, Nonce, Revision, TaskId
from midway.domain.image import Button, Image
from midway.domain.lifecycle import new_task
from midway.domain.task import Ask, State, Task
from midway.media.archive import Archive
from midway.store import sqlite_url
from midway.store.codec import json_from_attempt, json_from_task
from msgspec.structs import replace

ACCOUNT = "300000000000000001"
FIRST_ID = 1_600_000_000_000_000  # microseconds of a day long ago
LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)
JOB = "5a6f6f6d-0000-4000-8000-000000000000"
Row = tuple[object, ...]


def task_id(number: int) -> str:
    """Return the id of the n-th Task, counted from 0."""
    return str(FIRST_ID + number)


async def fill(path: Path, finished: int, unfinished: int = 0) -> None:
    """Make a database with so many Tasks that ended long ago, and so many after them that wait to be drawn."""
    path.parent.mkdir(parents=True, exist_ok=True)
    async with midway.store.open(sqlite_url(path)):
        pass  # it is made
    await asyncio.to_thread(_write, path, finished, unfinished)
    Archive(path.parent / PICTURES).put_bookmark(Revision(finished))  # else each start would look for their pictures
    await asyncio.to_thread(os.sync)  # the disk must be idle during measurements


def _write(path: Path, finished: int, unfinished: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")  # nothing of it is kept
        connection.execute("PRAGMA synchronous = OFF")
        task = "INSERT INTO task (id, revision, state, action, account_id, client_state, doc) VALUES (?,?,?,?,?,?,?)"
        connection.executemany(task, _tasks(finished, unfinished))
        history = "INSERT INTO task_history (revision, task_id, state, doc) SELECT revision, id, state, doc FROM task"
        connection.execute(history)
        attempt = "INSERT INTO attempt (nonce, task_id, account_id, is_open, sent_at, doc) VALUES (?,?,?,?,?,?)"
        connection.executemany(attempt, _attempts(finished))
        connection.commit()
        connection.execute("PRAGMA journal_mode = WAL")  # as the server leaves it


def _tasks(finished: int, unfinished: int) -> Iterator[Row]:
    """Yield the rows; their documents differ in id and prompt."""
    for task, count, first in ((drawn(), finished, 0), (waiting(), unfinished, finished)):
        doc = json_from_task(task)
        for number in range(first, first + count):
            own = doc.replace(task.id, task_id(number)).replace("number 0", f"number {number}")
            yield task_id(number), number + 1, task.state.value, task.action.value, ACCOUNT, "", own


def _attempts(count: int) -> Iterator[Row]:
    attempt = drawn_attempt()
    doc, sent_at = json_from_attempt(attempt), int(attempt.sent_at.timestamp() * 1_000_000)
    for number in range(count):
        nonce = f"12{number:017}"
        own = doc.replace(attempt.task_id, task_id(number)).replace(attempt.nonce, nonce)
        yield nonce, task_id(number), ACCOUNT, 0, sent_at, own


def waiting() -> Task:
    """Return a Task that waits to be drawn."""
    ask = Ask(
        action=Action.IMAGINE, prompt="a red fox in the snow, number 0", prompt_en="a red fox in the snow, number 0"
    )
    task = new_task(ask, task_id=TaskId(task_id(0)), now=datetime.now(UTC))
    return replace(task, account_id=AccountId(ACCOUNT), channel_id=ChannelId(ACCOUNT))


def drawn() -> Task:
    """Return a Task with its picture and its buttons."""
    upscales = [Button(f"MJ::JOB::upsample::{index}::{JOB}", label=f"U{index}") for index in range(1, 5)]
    variations = [Button(f"MJ::JOB::variation::{index}::{JOB}", label=f"V{index}") for index in range(1, 5)]
    return replace(
        waiting(),
        state=State.SUCCEEDED,
        revision=Revision(1),
        created_at=LONG_AGO,
        updated_at=LONG_AGO + timedelta(minutes=1),
        state_since=LONG_AGO + timedelta(minutes=1),
        started_at=LONG_AGO,
        finished_at=LONG_AGO + timedelta(minutes=1),
        progress=100,
        final_prompt="a red fox in the snow, number 0 --v 7.0",
        image=Image(
            f"https://cdn.discordapp.com/attachments/{ACCOUNT}/1/user_fox_{JOB}.png?ex=1&is=1&hm=0", 2048, 2048
        ),
        message_id=MessageId("1200000000000000000"),
        job_id=JobId(JOB),
        buttons=(*upscales, Button(f"MJ::JOB::reroll::0::{JOB}::SOLO", emoji="🔄"), *variations),
    )


def drawn_attempt() -> Attempt:
    """Return the Attempt of such a Task."""
    return Attempt(
        nonce=Nonce("1200000000000000001"),
        task_id=TaskId(task_id(0)),
        account_id=AccountId(ACCOUNT),
        channel_id=ChannelId(ACCOUNT),
        kind=AttemptKind.COMMAND,
        action=Action.IMAGINE,
        bot=Bot.MIDJOURNEY,
        sent_at=LONG_AGO,
        prompt_key="a red fox in the snow",
        accepted_at=LONG_AGO,
        job_id=JobId(JOB),
        ended_at=LONG_AGO + timedelta(minutes=1),
        settled=True,
    )
