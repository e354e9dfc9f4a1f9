"""A server in which only one of the two bots is installed: it draws, the other's asks fail and say why."""

from pathlib import Path

import pytest
from discord_simulator.users import Installed
from midway.domain.account import AccountState
from midway.domain.action import Action, Bot
from midway.domain.errors import Reason
from midway.domain.task import Ask, State, Task

from tests.support.rig import Rig, engine_running, simulator_running
from tests.support.upstream import eventually

BOTS = {Installed.MJ: Bot.MIDJOURNEY, Installed.NIJI: Bot.NIJI}
NAMES = {Bot.MIDJOURNEY: "Midjourney bot", Bot.NIJI: "niji・journey bot"}
ASKS = {
    "imagine": Ask(action=Action.IMAGINE, prompt="a red fox"),
    "shorten": Ask(action=Action.SHORTEN, prompt="a red fox in the snow"),
}


def assert_bot_missing(task: Task, bot: Bot) -> None:
    assert task.state is State.FAILED
    assert task.failure
    assert (task.failure.reason, task.failure.message) == (
        Reason.UPSTREAM_REJECTED,
        f"the {NAMES[bot]} is not installed in this server",
    )


async def ask(rig: Rig, name: str, bot: Bot) -> Task:
    """Ask a bot for something and follow it to its end."""
    asked = ASKS[name]
    return await rig.ended((await rig.engine.submit(Ask(action=asked.action, prompt=asked.prompt, bot=bot))).task)


@pytest.mark.parametrize("name", ASKS)
@pytest.mark.parametrize("there", BOTS)
async def test_the_installed_bot_draws_and_the_other_is_named(tmp_path: Path, there: Installed, name: str):
    installed = BOTS[there]
    [missing] = set(Bot) - {installed}
    async with (
        simulator_running(accounts=1, bots=there) as simulator,
        engine_running(simulator, tmp_path, accounts=1) as rig,
    ):
        assert_bot_missing(await ask(rig, name, missing), missing)

        assert (await ask(rig, name, installed)).state is State.SUCCEEDED
        assert rig.engine.accounts()[0].state is AccountState.ACTIVE


async def test_a_bot_that_leaves_and_comes_back_is_missed_meanwhile(tmp_path: Path):
    async with simulator_running(accounts=1) as simulator, engine_running(simulator, tmp_path, accounts=1) as rig:
        assert (await ask(rig, "imagine", Bot.NIJI)).state is State.SUCCEEDED
        await rig.control("accounts/1", bots="mj")
        assert_bot_missing(await ask(rig, "imagine", Bot.NIJI), Bot.NIJI)
        await rig.control("accounts/1", bots="both")

        assert (await ask(rig, "imagine", Bot.NIJI)).state is State.SUCCEEDED


@pytest.mark.parametrize("there", BOTS)
async def test_remix_is_read_from_the_bot_that_is_there(tmp_path: Path, there: Installed):
    async with simulator_running(accounts=1, bots=there) as simulator:
        for settings in simulator.world.accounts[0].settings.values():
            settings.remix = True
        async with engine_running(simulator, tmp_path, accounts=1) as rig:
            await eventually(lambda: rig.engine.accounts()[0].remix, "the switch is known to be on")
            assert rig.engine.accounts()[0].remix
