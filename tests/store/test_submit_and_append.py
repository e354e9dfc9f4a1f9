"""What every Store promises about writing Tasks."""

import asyncio

import pytest
from midway.domain.ids import RequestId, Revision
from midway.domain.lifecycle import Accepted, Dispatched, Progressed, apply
from midway.domain.task import State
from midway.store.port import Doorbell, Entry, RequestIdReused, RequestKey, Store, VersionConflict
from msgspec.structs import replace

from tests.store.tasks import MASK, PICTURE, a_task, advance, an_attempt, in_progress, submitted
from tests.support.processes import PATIENCE_SECONDS
from tests.support.writes import write

KEY = RequestKey(RequestId("6c1f"), "digest-1")


async def test_a_submitted_task_is_read_back_as_it_was_given(store: Store):
    task = a_task(prompt="a fox 🦊 --ar 3:2", links=("https://a.invalid/1.png",), remix=False)

    stored = (await store.submit(task)).task

    assert await store.get(task.id) == stored == replace(task, revision=stored.revision)


async def test_the_first_revision_is_one(store: Store):
    assert (await submitted(store)).revision == 1


async def test_revisions_rise_over_all_tasks(store: Store):
    first = await submitted(store)
    second = await submitted(store)
    first = await advance(store, first, Dispatched())

    assert (second.revision, first.revision) == (2, 3)


async def test_the_newest_revision_is_known(store: Store):
    assert await store.revision() == 0

    await in_progress(store)

    assert await store.revision() == 4


async def test_a_submit_without_request_id_makes_a_task_each_time(store: Store):
    made = [await store.submit(a_task()) for _ in range(2)]

    assert [submit.created for submit in made] == [True, True]


async def test_the_same_request_id_and_payload_find_the_task_made_before(store: Store):
    first = await store.submit(a_task(), request=KEY)

    again = await store.submit(a_task(), request=KEY)

    assert (again.task, again.created) == (first.task, False)


async def test_a_repeated_request_gives_the_task_as_it_is_now(store: Store):
    first = await store.submit(a_task(), request=KEY)
    now = await advance(store, first.task, Dispatched())

    assert (await store.submit(a_task(), request=KEY)).task == now


async def test_a_request_id_with_another_payload_is_refused_and_names_its_task(store: Store):
    first = await store.submit(a_task(), request=KEY)
    other = a_task()

    with pytest.raises(RequestIdReused) as refused:
        await store.submit(other, request=RequestKey(KEY.id, "digest-2"))

    assert refused.value.task_id == first.task.id
    assert await store.get(other.id) is None


async def test_a_request_id_finds_the_task_it_made(store: Store):
    task = await store.submit(a_task(), request=KEY)

    assert await store.by_request(KEY) == task.task
    assert await store.by_request(RequestKey(RequestId("new"), "digest-1")) is None


async def test_looking_for_a_request_id_with_another_payload_is_refused(store: Store):
    await store.submit(a_task(), request=KEY)

    with pytest.raises(RequestIdReused):
        await store.by_request(RequestKey(KEY.id, "digest-2"))


async def test_concurrent_submits_with_one_request_id_make_one_task(store: Store):
    made = await asyncio.gather(*(store.submit(a_task(), request=KEY) for _ in range(20)))

    assert sum(submit.created for submit in made) == 1
    assert len({submit.task.id for submit in made}) == 1


async def test_a_task_id_is_taken_once(store: Store):
    task = await submitted(store)

    with pytest.raises(VersionConflict):
        await store.submit(task)

    assert await store.revision() == task.revision


async def test_append_replaces_the_task(store: Store):
    task = await advance(store, await submitted(store), Dispatched())

    assert await store.get(task.id) == task
    assert task.state is State.SUBMITTING


async def test_append_at_an_old_version_is_refused_and_changes_nothing(store: Store):
    old = await submitted(store)
    now = await advance(store, old, Dispatched())

    with pytest.raises(VersionConflict) as refused:
        await write(store, old, attempts=(an_attempt(old),))

    assert (refused.value.expected, refused.value.actual) == (old.version, now.version)
    assert await store.get(old.id) == now
    assert await store.attempts(old.id) == []
    assert await store.revision() == now.revision


async def test_append_to_an_unknown_task_is_refused(store: Store):
    with pytest.raises(VersionConflict) as refused:
        await write(store, a_task())

    assert refused.value.actual is None


async def test_of_two_writers_at_one_version_one_wins(store: Store):
    task = await in_progress(store)
    writers = [advance(store, task, Progressed(percent)) for percent in (20, 30)]

    outcomes = await asyncio.gather(*writers, return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Task", "VersionConflict"]


async def test_a_refused_write_leaves_those_beside_it_alone(store: Store):
    tasks = [await submitted(store) for _ in range(3)]
    stale = replace(tasks[1], version=99)

    outcomes = await asyncio.gather(
        *(advance(store, task, Dispatched()) for task in (tasks[0], stale, tasks[2])), return_exceptions=True
    )

    assert [isinstance(outcome, VersionConflict) for outcome in outcomes] == [False, True, False]
    assert [task.state.value for task in await store.get_many([task.id for task in tasks])] == [
        "SUBMITTING",
        "QUEUED",
        "SUBMITTING",
    ]


async def test_append_stores_the_attempts_with_the_task(store: Store):
    task = await submitted(store)
    attempt = an_attempt(task)

    await write(store, task, attempts=(attempt,))

    assert await store.attempts(task.id) == [attempt]


async def test_entries_are_written_together_and_in_order(store: Store):
    first, second = await submitted(store), await submitted(store)
    sent = replace(apply(first, Dispatched(), first.updated_at), version=1)
    taken = replace(apply(sent, Accepted(), first.updated_at), version=2)
    other = replace(apply(second, Dispatched(), second.updated_at), version=1)

    stored = await store.append(
        Entry(task=sent), Entry(task=other), Entry(attempts=(an_attempt(first),)), Entry(task=taken)
    )

    assert [(task.id, task.version) for task in stored] == [(first.id, 1), (second.id, 1), (first.id, 2)]
    assert [task.revision for task in stored] == [3, 4, 5]
    assert [task.state for task in await store.history(first.id, first.revision)] == [State.SUBMITTING, State.SUBMITTED]
    assert await store.attempts(first.id) == [an_attempt(first)]


async def test_of_entries_with_one_that_is_refused_none_is_written(store: Store):
    first, second = await submitted(store), await submitted(store)
    sent = replace(apply(first, Dispatched(), first.updated_at), version=1)

    with pytest.raises(VersionConflict) as refused:
        await store.append(Entry(task=sent, attempts=(an_attempt(first),)), Entry(task=replace(second, version=7)))

    assert (refused.value.task_id, refused.value.expected, refused.value.actual) == (second.id, 6, 0)
    assert await store.get(first.id) == first
    assert await store.attempts(first.id) == []
    assert await store.revision() == second.revision


async def test_input_pictures_come_back_in_order(store: Store):
    task = a_task()

    await store.submit(task, inputs=[PICTURE, MASK])

    assert await store.inputs(task.id) == [PICTURE, MASK]


async def test_later_input_pictures_follow_the_earlier_ones(store: Store):
    task = a_task()
    await store.submit(task, inputs=[PICTURE, PICTURE])

    await write(store, task, inputs=(MASK,))

    assert await store.inputs(task.id) == [PICTURE, PICTURE, MASK]


async def test_a_repeated_request_stores_its_pictures_once(store: Store):
    task = a_task()
    for _ in range(2):
        await store.submit(task, inputs=[PICTURE], request=KEY)

    assert await store.inputs(task.id) == [PICTURE]


async def test_an_unknown_task_is_none_and_has_nothing(store: Store):
    unknown = a_task().id

    assert await store.get(unknown) is None
    assert await store.inputs(unknown) == []
    assert await store.attempts(unknown) == []
    assert await store.history(unknown, Revision(0)) == []


async def rings(bell: Doorbell) -> bool:
    """Tell whether a bell rings, now or within a test's patience."""
    try:
        await asyncio.wait_for(bell.wait(), PATIENCE_SECONDS)
    except TimeoutError:
        return False
    return True


async def test_the_doorbell_rings_for_a_listener_who_was_away(store: Store):
    async with store.doorbell() as bell:
        task = await submitted(store)
        await advance(store, task, Dispatched(), Accepted())

        assert await rings(bell)


async def test_the_doorbell_rings_for_every_listener(store: Store):
    async with store.doorbell() as one, store.doorbell() as other:
        waiting = asyncio.gather(rings(one), rings(other))
        await submitted(store)

        assert all(await waiting)
