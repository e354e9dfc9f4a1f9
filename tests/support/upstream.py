"""What the simulator's journal tells of what really happened upstream."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from midway.domain.account import Account, AccountState
from midway.domain.task import Task

from tests.support.pictures import picture_facts
from tests.support.processes import PATIENCE_SECONDS
from tests.support.rig import Rig

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


async def eventually(is_true: Callable[[], bool], what: str) -> None:
    """Return as soon as something is true that no stream tells of; fail when it never becomes so."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not is_true():  # noqa: ASYNC110 - nothing rings when the journal grows
                await asyncio.sleep(0.01)
    except TimeoutError as err:
        raise AssertionError(f"never came true: {what}") from err


async def later(rig: Rig, task: Task, is_wanted: Callable[[Task], bool]) -> Task:
    """Follow a Task past its end until it is as wanted."""
    changes = rig.engine.watch.watch_all(task.revision, lambda each: each.id == task.id and is_wanted(each))
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for changed in changes:
            return changed
    raise AssertionError("the watch ended")


async def noticed(rig: Rig, task: Task, words: str) -> Task:
    """Follow a Task until a notice on it holds these words."""
    first = await rig.store.get(task.id)
    if first and any(words in notice for notice in first.notices):
        return first
    return await later(rig, task, lambda each: any(words in notice for notice in each.notices))


async def in_state(rig: Rig, state: AccountState, number: int = 1) -> Account:
    """Return the account once it is in this state."""
    await eventually(lambda: rig.engine.accounts()[number - 1].state is state, f"account {number} is {state.value}")
    return rig.engine.accounts()[number - 1]


def posts(rig: Rig) -> list[dict[str, Any]]:
    """Return every Interaction that the simulator was sent, refused ones too; the look at the settings aside."""
    return [line for line in rig.journal("interaction") if line["name"] != "settings"]


def jobs(rig: Rig, what: str = "started") -> list[dict[str, Any]]:
    """Return the jobs that reached a stage, in order."""
    return [line for line in rig.journal("job") if line["what"] == what]


def requests(rig: Rig, route: str) -> list[dict[str, Any]]:
    """Return the requests to one route."""
    return [line for line in rig.journal("request") if line["route"] == route]


def faults(rig: Rig, name: str) -> int:
    """Count how often a fault happened."""
    return Counter(line["fault"] for line in rig.journal("fault"))[name]


async def assert_own_picture(rig: Rig, task: Task) -> None:
    """Fail unless the Task's picture is that of the job which its own Interaction started."""
    assert task.account_id is not None
    facts = picture_facts(await rig.picture(task))
    attempts = await rig.store.recent_attempts(task.account_id, LONG_AGO)  # a set clock moves them, not an ended Task
    nonces = {attempt.nonce for attempt in attempts if attempt.task_id == task.id}
    drawn = next(line for line in jobs(rig) if line["job_id"] == facts["job"])
    assert facts["job"] == task.job_id
    assert drawn["nonce"] in nonces
