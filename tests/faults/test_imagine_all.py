"""A panel's "Imagine all" makes a Task for each proposed prompt: all of them or none, and each of them once."""

from pathlib import Path
from typing import Any

import pytest
from discord_simulator.app import Simulator
from midway.domain.action import Action
from midway.domain.errors import Exhausted
from midway.domain.ids import RequestId
from midway.domain.task import Ask, Task
from midway.engine.buttons import IMAGINE_ALL
from midway.store.port import RequestKey, StoreUnavailable, TaskQuery

from tests.faults.faulty_store import FaultyStore
from tests.faults.stage import stage
from tests.support.pictures import plain_picture
from tests.support.rig import Rig

IMAGINES = TaskQuery(actions=frozenset({Action.IMAGINE}))
REQUEST = RequestKey(RequestId("all"), "digest")


async def all_of(rig: Rig) -> Ask:
    """Describe a picture; return the press of the panel's "Imagine all"."""
    ask = Ask(action=Action.DESCRIBE, image_count=1)
    described = (await rig.engine.submit(ask, [plain_picture("green")])).task
    panel = await rig.succeeded(described)
    return Ask(action=Action.PRESS, parent_id=panel.id, custom_id=IMAGINE_ALL)


def is_the_third(task: Task, **_named: Any) -> bool:
    """Pick the Task of the third prompt."""
    return task.ask.index == 3


async def test_without_room_for_all_none_is_stored(simulator: Simulator, tmp_path: Path) -> None:
    """Two of four were stored and drawn although the client had heard of an error, and again at its retry."""
    async with stage(simulator, tmp_path, config={"slots": 0, "max_queued": 3}) as rig:
        ask = await all_of(rig)
        with pytest.raises(Exhausted):
            await rig.engine.submit(ask)

        assert await rig.store.count(IMAGINES) == 0


async def test_a_retry_makes_those_that_are_missing(simulator: Simulator, tmp_path: Path) -> None:
    """The disk refused the third of four."""
    faulty = FaultyStore()
    async with stage(simulator, tmp_path, config={"slots": 0, "max_queued": 4}, through=faulty.around) as rig:
        ask = await all_of(rig)
        faulty.refuse_once("submit", is_the_third)
        with pytest.raises(StoreUnavailable):
            await rig.engine.submit(ask, request=REQUEST)
        placed = await rig.engine.submit(ask, request=REQUEST)

        assert [task.ask.index for task in (placed.task, *placed.others)] == [1, 2, 3, 4]
        assert await rig.store.count(IMAGINES) == 4


async def test_a_retry_of_a_whole_one_makes_nothing_more(simulator: Simulator, tmp_path: Path) -> None:
    """Its own four Tasks fill the queue: that is no reason to refuse to tell of them."""
    async with stage(simulator, tmp_path, config={"slots": 0, "max_queued": 4}) as rig:
        ask = await all_of(rig)
        first = await rig.engine.submit(ask, request=REQUEST)
        again = await rig.engine.submit(ask, request=REQUEST)

        assert not again.created
        assert [task.id for task in (again.task, *again.others)] == [task.id for task in (first.task, *first.others)]
