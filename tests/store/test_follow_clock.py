"""A wall clock that was set: what is unfinished moves along, once, in the order of the writes."""

import asyncio
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from midway.domain.clock_step import Boot, redated, redated_attempt
from midway.domain.lifecycle import Dispatched
from midway.domain.task import State
from midway.store.port import Entry, Store, VersionConflict
from midway.store.sqlite import SqliteStore
from midway.store.sqlite.batch import ROWS_AT_ONCE
from midway.store.sqlite.database import open_writer
from msgspec.structs import replace

from tests.store.tasks import ACCOUNT, START, SUCCEED, a_task, advance, an_attempt, in_progress, seconds, submitted

BOOT = Boot("this boot", START - timedelta(days=1))
STEPS = [timedelta(days=3), timedelta(hours=-2)]
FAR_AWAY = START + timedelta(days=1000)
HOOK = "https://client.invalid/hook"

pytestmark = pytest.mark.parametrize("step", STEPS, ids=str)


def moved(step: timedelta) -> Boot:
    """Return the boot as a clock tells it that was set."""
    return replace(BOOT, began_at=BOOT.began_at + step)


async def test_unfinished_tasks_move_and_ended_ones_stay(store: Store, step: timedelta):
    await store.follow_clock(BOOT, START)
    queued, drawn = await submitted(store), await in_progress(store)
    ended = await advance(store, await in_progress(store), SUCCEED)
    newest = await store.revision()
    by = await store.follow_clock(moved(step), START)
    changes = {task.id: task for task in await store.changes(newest)}

    assert by == step
    assert changes.keys() == {queued.id, drawn.id}
    for before in (queued, drawn):
        after = changes[before.id]
        assert after == replace(redated(before, step), revision=after.revision, version=before.version + 1)
        assert await store.get(before.id) == after
    assert await store.get(ended.id) == ended


async def test_no_state_is_told_twice(store: Store, step: timedelta):
    await store.follow_clock(BOOT, START)
    task = await in_progress(store)
    await store.follow_clock(moved(step), START)
    states = [snapshot.state for snapshot in await store.history(task.id, task.revision)]
    all_states = [snapshot.state for snapshot in await store.history(task.id, type(task.revision)(0))]

    assert states == [State.IN_PROGRESS]
    assert len(all_states) == 4 + 1  # four changes of state, and the present


async def test_whoever_read_before_writes_nothing_over_it(store: Store, step: timedelta):
    await store.follow_clock(BOOT, START)
    task = await submitted(store)
    await store.follow_clock(moved(step), START)

    with pytest.raises(VersionConflict):
        await advance(store, task, Dispatched())


async def test_attempts_move_while_something_may_come_of_them(store: Store, step: timedelta):
    await store.follow_clock(BOOT, START)
    task = await submitted(store)
    long_ago = START - timedelta(days=2)
    old_open = an_attempt(task, 1, sent_at=long_ago)
    old_ended = an_attempt(task, 2, sent_at=long_ago + seconds(1), ended_at=START)
    young_ended = an_attempt(task, 3, sent_at=START, ended_at=START, accepted_at=START)
    for attempt in (old_open, old_ended, young_ended):
        await store.append(Entry(attempts=(attempt,)))
    await store.follow_clock(moved(step), START - timedelta(days=1))
    known = {attempt.nonce: attempt for attempt in await store.attempts(task.id)}

    assert known[old_open.nonce] == redated_attempt(old_open, step)
    assert known[old_ended.nonce] == old_ended
    assert known[young_ended.nonce] == redated_attempt(young_ended, step)
    assert old_open.nonce in {a.nonce for a in await store.recent_attempts(ACCOUNT, FAR_AWAY)}


async def test_notices_and_dead_letters_are_no_older_for_it(store: Store, step: timedelta):
    await store.follow_clock(BOOT, START)
    for _ in range(2):
        await advance(store, await submitted(store, a_task(notify_url=HOOK)), Dispatched(), notify=True)
    waiting, given_up = await store.outbox_due(FAR_AWAY)
    await store.outbox_give_up(given_up.sequence, "answered 500", START)
    await store.outbox_retry(waiting.sequence, START + seconds(9))
    await store.follow_clock(moved(step), START)
    [notice] = await store.outbox_due(FAR_AWAY)
    [letter] = await store.dead_letters()

    assert (notice.due_at, notice.since) == (START + seconds(9) + step, waiting.since + step)
    assert notice.tries == 1
    assert letter.died_at == START + step


async def test_doing_it_again_changes_nothing(store: Store, step: timedelta):
    await store.follow_clock(BOOT, START)
    task = await submitted(store)
    await store.follow_clock(moved(step), START)
    once = await store.get(task.id)

    assert not await store.follow_clock(moved(step), START)
    assert await store.get(task.id) == once


async def test_another_boot_tells_of_no_step(store: Store, step: timedelta):
    """The machine was off meanwhile: nobody can tell how long."""
    await store.follow_clock(BOOT, START)
    task = await submitted(store)
    other = Boot("another boot", BOOT.began_at + step)
    await store.follow_clock(other, START)
    await store.follow_clock(moved(step), START)  # and the first boot is forgotten

    assert await store.get(task.id) == task


async def test_what_was_written_before_moves_and_what_comes_after_does_not(store: Store, step: timedelta):
    """All of it waits for one commit."""
    await store.follow_clock(BOOT, START)
    before, after = a_task(), a_task()
    await asyncio.gather(store.submit(before), store.follow_clock(moved(step), START), store.submit(after))
    first, second = await store.get(before.id), await store.get(after.id)

    assert first is not None
    assert first.created_at == START + step
    assert second is not None
    assert second.created_at == START


async def test_a_long_queue_moves_whole(store: Store, step: timedelta):
    await store.follow_clock(BOOT, START)
    tasks = [a_task() for _ in range(2 * ROWS_AT_ONCE + 1)]
    await asyncio.gather(*(store.submit(task) for task in tasks))
    await asyncio.gather(
        *(store.append(Entry(attempts=(an_attempt(task, number),))) for number, task in enumerate(tasks))
    )
    await store.follow_clock(moved(step), START)
    stored = await store.get_many([task.id for task in tasks])
    attempts = await store.recent_attempts(ACCOUNT, START - timedelta(days=1))

    assert {task.created_at for task in stored} == {START + step}
    assert {attempt.sent_at for attempt in attempts} == {START + step}
    assert len(attempts) == len(tasks)


async def test_the_clock_is_remembered_beyond_the_process(database: Path, step: timedelta):
    """The clock was set while the server was down."""
    store = await SqliteStore.open(database)
    await store.follow_clock(BOOT, START)
    task = await submitted(store)
    await store.close()
    again = await SqliteStore.open(database)
    assert await again.boot(BOOT.id) == BOOT
    assert await again.boot("another boot") is None
    await again.follow_clock(moved(step), START)
    known = await again.get(task.id)
    await again.close()

    assert known is not None
    assert known.created_at == START + step


async def test_a_row_that_cannot_be_read_stops_nothing(database: Path, step: timedelta):
    store = await SqliteStore.open(database, recent_snapshots=0)
    await store.follow_clock(BOOT, START)
    broken, task = await submitted(store), await submitted(store)
    await store.append(Entry(attempts=(an_attempt(task),)))
    await store.append(Entry(attempts=(an_attempt(broken, 2),)))
    await store.close()
    with closing(open_writer(database)) as connection:
        connection.execute("UPDATE task SET doc = '{' WHERE id = ?", (broken.id,))
        connection.execute("UPDATE attempt SET doc = '[]' WHERE task_id = ?", (broken.id,))
    store = await SqliteStore.open(database, recent_snapshots=0)
    await store.follow_clock(moved(step), START)
    known = await store.get(task.id)
    [attempt] = await store.attempts(task.id)
    await store.close()

    assert known is not None
    assert known.created_at == attempt.sent_at == START + step
