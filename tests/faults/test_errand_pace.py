"""Interactions outside any Task (seeds, bookmarks) are Interactions too: Discord counts them like the others."""

import asyncio
from pathlib import Path

import pytest
from discord_simulator.app import Simulator
from midway.domain.account import AccountState
from midway.domain.action import Action
from midway.domain.errors import NotFound, Reason, Refusal
from midway.domain.task import Task

from tests.faults.stage import stage
from tests.support.rig import Rig
from tests.support.upstream import in_state, posts

AN_HOUR = 3600
BOOKMARK = "\N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}"


async def paused(rig: Rig) -> None:
    """Let a moderator's message pause the account."""
    await rig.ended(await rig.imagine("an owl __pending_mod"))
    await in_state(rig, AccountState.PAUSED)


async def a_single(rig: Rig) -> Task:
    """Draw a picture that has a bookmark."""
    grid = await rig.succeeded(await rig.imagine("a red fox"))
    return await rig.succeeded(await rig.change(grid, Action.UPSCALE, 1))


async def test_a_seed_waits_its_turn(simulator: Simulator, tmp_path: Path) -> None:
    """Five seeds asked for at once were five commands within a moment."""
    async with stage(simulator, tmp_path, pace=AN_HOUR, seed_timeout=0.3) as rig:
        grid = await rig.succeeded(await rig.imagine("a red fox"))
        with pytest.raises(NotFound) as refused:
            await rig.engine.image_seed(grid.id)

        assert refused.value.reason is Reason.SEED_NOT_FOUND
        assert len(posts(rig)) == 1


async def test_a_bookmark_waits_its_turn(simulator: Simulator, tmp_path: Path) -> None:
    """It is a press like any other."""
    async with stage(simulator, tmp_path) as rig:
        single = await a_single(rig)
    async with stage(simulator, tmp_path, pace=AN_HOUR) as rig:
        await rig.succeeded(await rig.imagine("a blue cat"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await rig.press(single, BOOKMARK)

        assert len(posts(rig)) == 3


async def test_a_paused_account_asks_for_no_seed(rig: Rig) -> None:
    """An account that a moderator had spoken to went on sending."""
    grid = await rig.succeeded(await rig.imagine("a red fox"))
    await paused(rig)
    with pytest.raises(Refusal) as refused:
        await rig.engine.image_seed(grid.id)

    assert refused.value.reason is Reason.ACCOUNT_UNAVAILABLE
    assert len(posts(rig)) == 2


async def test_a_paused_account_presses_no_bookmark(rig: Rig) -> None:
    """The same, by a button."""
    single = await a_single(rig)
    await paused(rig)
    with pytest.raises(Refusal) as refused:
        await rig.press(single, BOOKMARK)

    assert refused.value.reason is Reason.ACCOUNT_UNAVAILABLE
    assert len(posts(rig)) == 3
