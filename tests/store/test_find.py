"""What every Store promises about finding Tasks."""

from typing import Any

import pytest
from midway.domain.action import Action
from midway.domain.ids import ChannelId, TaskId
from midway.domain.lifecycle import Assigned, Dispatched
from midway.domain.task import State
from midway.store.port import Store, TaskQuery

from tests.store.tasks import ACCOUNT, a_task, advance, in_progress, submitted

PARENT = TaskId("1700000000000000")


@pytest.fixture
async def four(store: Store) -> Store:
    """Hold four Tasks, 1 to 4, each with its own mark."""
    await submitted(store, a_task(1, client_state="green"))
    await submitted(store, a_task(2, action=Action.UPSCALE, parent_id=PARENT))
    await in_progress(store, a_task(3))
    await advance(store, await submitted(store, a_task(4)), Assigned(ACCOUNT, ChannelId("2")), Dispatched())
    return store


async def numbers(store: Store, **query: Any) -> list[int]:
    return [int(task.id) % 10 for task in await store.find(TaskQuery(**query))]


async def test_an_empty_query_finds_all_newest_first(four: Store):
    assert await numbers(four) == [4, 3, 2, 1]


async def test_oldest_first_turns_the_order(four: Store):
    assert await numbers(four, oldest_first=True) == [1, 2, 3, 4]


NARROWED: list[tuple[dict[str, Any], list[int]]] = [
    ({"states": frozenset({State.QUEUED})}, [2, 1]),
    ({"states": frozenset({State.QUEUED, State.IN_PROGRESS})}, [3, 2, 1]),
    ({"actions": frozenset({Action.UPSCALE})}, [2]),
    ({"account_id": ACCOUNT}, [4]),
    ({"parent_id": PARENT}, [2]),
    ({"client_state": "green"}, [1]),
    ({"client_state": "blue"}, []),
    ({"states": frozenset({State.QUEUED}), "actions": frozenset({Action.IMAGINE})}, [1]),
    ({"account_id": ACCOUNT, "states": frozenset({State.SUBMITTING})}, [4]),
]


@pytest.mark.parametrize(("query", "expected"), NARROWED)
async def test_every_field_narrows_and_is_counted(four: Store, query: dict, expected: list[int]):
    assert await numbers(four, **query) == expected
    assert await four.count(TaskQuery(**query)) == len(expected)


async def test_before_goes_on_where_a_page_ended(four: Store):
    first_page = await four.find(TaskQuery(limit=2))

    assert await numbers(four, before=first_page[-1].id, limit=2) == [2, 1]


async def test_count_takes_no_notice_of_limit_and_before(four: Store):
    assert await four.count(TaskQuery(limit=1, before=TaskId("0"))) == 4


async def test_get_many_keeps_the_order_asked_and_gives_each_once(four: Store):
    one, two = (a_task(number).id for number in (1, 2))

    found = await four.get_many([two, TaskId("999"), one, two])

    assert [task.id for task in found] == [two, one]


async def test_get_many_of_none_is_empty(four: Store):
    assert await four.get_many([]) == []


async def test_the_largest_task_id_is_known(four: Store):
    assert await four.last_task_id() == a_task(4).id


async def test_an_empty_store_has_no_task_id(store: Store):
    assert await store.last_task_id() is None
