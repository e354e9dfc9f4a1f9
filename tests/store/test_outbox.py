"""What every Store promises about webhook notices."""

from datetime import datetime

import pytest
from midway.domain.ids import MessageId, Revision
from midway.domain.image import Image
from midway.domain.lifecycle import Accepted, Cancelled, Dispatched, Progressed, Requeued, Result, Succeeded
from midway.domain.task import Task
from midway.store.port import DeadLetter, OutboxRow, Store, VersionConflict
from msgspec.structs import replace

from tests.store.tasks import START, a_task, advance, seconds, submitted
from tests.support.writes import write

URL = "https://hook.invalid/done"
LATER = START + seconds(60)


def an_asking_task() -> Task:
    return a_task(notify_url=URL)


async def test_a_change_with_notify_leaves_a_notice_of_the_task_as_it_was(store: Store):
    changed = await advance(store, await submitted(store, an_asking_task()), Dispatched(), notify=True)
    await advance(store, changed, Accepted())

    [row] = await store.outbox_due(LATER)

    assert (row.task, row.url, row.tries, row.due_at) == (changed, URL, 0, changed.updated_at)


async def test_a_task_without_address_leaves_no_notice(store: Store):
    await advance(store, await submitted(store), Dispatched(), notify=True)

    assert await store.outbox_due(LATER) == []


async def test_a_change_without_notify_leaves_no_notice(store: Store):
    await advance(store, await submitted(store, an_asking_task()), Dispatched())

    assert await store.outbox_due(LATER) == []


async def test_a_refused_change_leaves_no_notice(store: Store):
    task = await submitted(store, an_asking_task())

    with pytest.raises(VersionConflict):
        await write(store, replace(task, version=99), notify=True)

    assert await store.outbox_due(LATER) == []


async def test_notices_for_some_hosts_and_domains_can_be_passed_over(store: Store):
    urls = ["https://a.one.example/hook", "https://b.one.example/x", "http://10.0.0.8:99/", "https://two.example:8443/"]
    for url in urls:
        await advance(store, await submitted(store, a_task(notify_url=url)), Dispatched(), notify=True)

    async def left(*besides: str) -> list[str]:
        return [row.url for row in await store.outbox_due(LATER, besides=besides)]

    assert await left("one.example") == urls[2:]
    assert await left("a.one.example:443", "10.0.0.8:99") == [urls[1], urls[3]]
    assert await left("two.example:443", "8.example") == urls


async def test_ports_of_an_address_can_be_passed_over_together(store: Store):
    urls = [
        "http://10.0.0.8:99/",
        "http://10.0.0.8/",
        "http://[2001:db8::1]/",
        "http://[2001:db8::2]:8/",
        "http://a.b/",
    ]
    for url in urls:
        await advance(store, await submitted(store, a_task(notify_url=url)), Dispatched(), notify=True)

    [row] = await store.outbox_due(LATER, besides={"10.0.0.8", "2001:db8::/64"})

    assert row.url == "http://a.b/"


async def test_notices_for_some_hosts_are_read_though_their_domain_or_all_are_passed_over(store: Store):
    urls = ["https://a.one.example/", "https://b.one.example/", "http://10.0.0.8:99/", "https://two.example/"]
    for url in urls:
        await advance(store, await submitted(store, a_task(notify_url=url)), Dispatched(), notify=True)
    answering = ["b.one.example:443", "10.0.0.8:99"]

    beside_a_domain = await store.outbox_due(LATER, besides={"one.example"}, save=answering)
    beside_all = await store.outbox_due(LATER, besides=None, save=answering)

    assert [row.url for row in beside_a_domain] == urls[1:]
    assert [row.url for row in beside_all] == urls[1:3]
    assert await store.outbox_due(LATER, besides=None) == []


async def test_later_notices_of_a_task_wait_for_the_first(store: Store):
    task = await advance(store, await submitted(store, an_asking_task()), Dispatched(), Accepted(), notify=True)

    [first] = await store.outbox_due(LATER)
    await store.outbox_delivered(first.sequence)
    [second] = await store.outbox_due(LATER)

    assert [first.task.state.value, second.task.state.value] == ["SUBMITTING", "SUBMITTED"]
    assert second.task == task


async def test_a_failed_try_holds_back_the_tasks_other_notices_too(store: Store):
    await advance(store, await submitted(store, an_asking_task()), Dispatched(), Accepted(), notify=True)
    [first] = await store.outbox_due(LATER)

    await store.outbox_retry(first.sequence, LATER + seconds(30))

    assert await store.outbox_due(LATER) == []
    assert await store.outbox_due(LATER + seconds(30)) == [
        replace(first, tries=1, due_at=LATER + seconds(30)),
    ]


async def test_notices_of_different_tasks_do_not_wait_for_each_other(store: Store):
    tasks = [await submitted(store, an_asking_task()) for _ in range(3)]
    for task in tasks:
        await advance(store, task, Dispatched(), notify=True)

    due = await store.outbox_due(LATER)

    assert [row.task.id for row in due] == [task.id for task in tasks]


async def test_notices_are_due_from_their_time_on(store: Store):
    changed = await advance(store, await submitted(store, an_asking_task()), Dispatched(), notify=True)

    assert await store.outbox_due(changed.updated_at - seconds(1)) == []
    assert len(await store.outbox_due(changed.updated_at)) == 1


async def test_no_more_than_the_limit_come_at_once(store: Store):
    for _ in range(3):
        await advance(store, await submitted(store, an_asking_task()), Dispatched(), notify=True)

    assert len(await store.outbox_due(LATER, limit=2)) == 2


async def test_a_notice_that_is_gone_is_no_error(store: Store):
    await store.outbox_delivered(7)
    await store.outbox_retry(7, LATER)

    assert await store.outbox_due(LATER) == []


async def test_progress_that_waits_gives_way_to_newer_progress(store: Store):
    task = await advance(store, await submitted(store, an_asking_task()), Dispatched(), Accepted(), notify=True)
    for percent in (15, 46, 93):
        task = await advance(store, task, Progressed(percent), notify=True)

    told = [(row.task.state.value, row.task.progress) for row in await all_in_order(store)]
    assert told == [("SUBMITTING", 0), ("SUBMITTED", 0), ("IN_PROGRESS", 93)]


async def test_progress_gives_way_only_to_what_follows_it_at_once(store: Store):
    """Else a Task that went back to the queue would be told as SUBMITTED twice in a row."""
    task = await advance(store, await submitted(store, an_asking_task()), Dispatched(), notify=True)
    for _ in range(2):
        task = await advance(store, task, Accepted(), Requeued("Queue full"), notify=True)
        task = await advance(store, task, Dispatched())
    await advance(store, task, Accepted(), notify=True)

    told = [row.task.state.value for row in await all_in_order(store)]
    assert told == ["SUBMITTING", "SUBMITTED", "QUEUED", "SUBMITTED", "QUEUED", "SUBMITTED"]


async def test_the_end_never_gives_way(store: Store):
    task = await advance(store, await submitted(store, an_asking_task()), Dispatched(), Accepted(), notify=True)
    task = await advance(store, task, Progressed(46), Cancelled("by the client"), notify=True)
    late = Result(message_id=MessageId("1"), image=Image("https://cdn.invalid/late.png"))
    await advance(store, task, Succeeded(late), notify=True)

    told = [row.task.state.value for row in await all_in_order(store)]
    assert told == ["SUBMITTING", "SUBMITTED", "IN_PROGRESS", "CANCELLED", "CANCELLED"]


async def test_what_is_given_up_becomes_a_dead_letter_and_frees_the_next(store: Store):
    task = await advance(store, await submitted(store, an_asking_task()), Dispatched(), Accepted(), notify=True)
    [first] = await store.outbox_due(LATER)
    await store.outbox_retry(first.sequence, LATER)

    await store.outbox_give_up(first.sequence, "answered 410", LATER)

    [letter] = await store.dead_letters()
    assert letter == DeadLetter(first.task, URL, 2, "answered 410", LATER)
    assert [row.task for row in await store.outbox_due(LATER)] == [task]


async def test_dead_letters_are_paged_from_the_last_one_and_chosen_by_task(store: Store):
    letters = [await buried(store, LATER + seconds(number)) for number in range(3)]

    page = await store.dead_letters(limit=2)
    rest = await store.dead_letters(before=page[-1].key)

    assert [letter.task for letter in page + rest] == [letter.task for letter in reversed(letters)]
    assert [letter.task for letter in await store.dead_letters(letters[1].task.id)] == [letters[1].task]


async def test_a_dead_letter_that_is_sent_again_is_a_notice_like_a_new_one(store: Store):
    letter = await buried(store, LATER)
    again = LATER + seconds(3600)

    moved = await store.redeliver(letter.task.id, letter.task.revision, again)

    [row] = await store.outbox_due(again)
    assert moved
    assert (row.task, row.url, row.tries, row.due_at, row.since) == (letter.task, URL, 0, again, again)
    assert await store.dead_letters() == []


async def test_what_is_no_dead_letter_cannot_be_sent_again(store: Store):
    assert not await store.redeliver(a_task().id, Revision(1), LATER)
    assert await store.outbox_due(LATER) == []


async def test_dead_letters_that_died_long_ago_are_forgotten(store: Store):
    old, young = await buried(store, LATER), await buried(store, LATER + seconds(1))

    await store.forget_dead_letters(young.died_at)

    assert [letter.task for letter in await store.dead_letters()] == [young.task]
    assert old.task != young.task


async def buried(store: Store, at: datetime) -> DeadLetter:
    """Give up the only notice of a new Task."""
    task = await advance(store, await submitted(store, an_asking_task()), Dispatched(), notify=True)
    sequence = next(row.sequence for row in await store.outbox_due(LATER) if row.task.id == task.id)
    await store.outbox_give_up(sequence, "answered 410", at)
    [letter] = await store.dead_letters(task.id)
    return letter


async def all_in_order(store: Store) -> list[OutboxRow]:
    """Take the notices out as a sender would."""
    rows: list[OutboxRow] = []
    while due := await store.outbox_due(LATER):
        rows += due
        await store.outbox_delivered(due[0].sequence)
    return rows
