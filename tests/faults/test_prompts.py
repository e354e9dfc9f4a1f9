"""Prompts that the bot rewrites, or that look like its own words: none leads to another's picture, or to none."""

from pathlib import Path

import pytest
from discord_simulator.app import Simulator
from discord_simulator.faults.events import EventLost

from tests.faults.stage import stage
from tests.support.rig import Rig
from tests.support.upstream import assert_own_picture, jobs, posts

PROMPTS = {
    "it ends like a result": "a red fox** - <@1> (fast)",
    "it ends like a pick": "a red fox** - Image #2 <@1>",
    "it ends like progress": "a red fox** - <@1> (93%) (fast)",
    "it is a start message": "**a red fox** - <@1> (Waiting to start)",
    "it has asterisks": "a **red** *fox* ***",
    "it has several lines": "a red fox\nin the snow\r\n\r\nat night",
    "it is Chinese, with an emoji": "一只红色的狐狸 🦊 在雪中",
    "its emoji is of several characters": "👩‍👩‍👧‍👦 at the 🏖️",
    "it is written from right to left": "ثعلب أحمر في الثلج",
    "phones turned its dashes": "a red fox —ar 3:2 –seed 5",
    "its parameters stand in another order": "a red fox --seed 5 --ar 3:2 --no rain --chaos 10",
    "it begins with links": "https://example.org/a.png <https://example.org/b.png> a red fox",
    "it holds markdown and mentions": "`a` ||red|| [fox](https://example.org) @everyone <#1> <:fox:1>",
    "it is as long as can be": "fox " * 1499 + "foxy",
}


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS.keys())
async def test_a_prompt_of_any_kind_leads_to_its_own_picture(rig: Rig, prompt: str) -> None:
    """Each is named by the test's id; two at once, so that one might get the other's."""
    first, second = await rig.imagine(prompt), await rig.imagine(prompt)

    for task in (first, second):
        await assert_own_picture(rig, await rig.succeeded(task))
    assert len(posts(rig)) == len(jobs(rig)) == 2


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS.keys())
async def test_its_picture_is_found_in_the_history_too(simulator: Simulator, tmp_path: Path, prompt: str) -> None:
    """Every message of the job is lost: the channel's history is all there is to know it by."""
    deaf = [EventLost(event=f"MESSAGE_{what}", times=None) for what in ("CREATE", "UPDATE", "DELETE")]
    with simulator.world.incident(*deaf):
        async with stage(simulator, tmp_path, idle_timeout=1) as rig:
            await assert_own_picture(rig, await rig.succeeded(await rig.imagine(prompt)))
