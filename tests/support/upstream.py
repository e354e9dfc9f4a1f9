"""What the simulator's journal tells of what really happened upstream."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from midway.domain.task import Task

from tests.support.pictures import picture_facts
from tests.support.rig import PATIENCE_SECONDS, Rig


async def eventually(is_true: Callable[[], bool], what: str) -> None:
    """Return as soon as something is true that no stream tells of; fail when it never becomes so."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not is_true():
                await asyncio.sleep(0.01)
    except TimeoutError as err:
        raise AssertionError(f"never came true: {what}") from err


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
    attempts = await rig.store.recent_attempts(task.account_id, task.created_at)
    nonces = {attempt.nonce for attempt in attempts if attempt.task_id == task.id}
    drawn = next(line for line in jobs(rig) if line["job_id"] == facts["job"])
    assert facts["job"] == task.job_id
    assert drawn["nonce"] in nonces
