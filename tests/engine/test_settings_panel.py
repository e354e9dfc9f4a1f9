"""What an account learns of itself from Midjourney's settings panel, in either way in which it comes."""

from pathlib import Path

import pytest

from tests.support.rig import engine_running, simulator_running
from tests.support.upstream import eventually


@pytest.mark.parametrize("loading", [False, True], ids=["in one message", "after a loading message"])
async def test_the_remix_switch_is_read(tmp_path: Path, *, loading: bool) -> None:
    async with simulator_running(accounts=1) as simulator:
        simulator.world.options.settings_loading = loading
        for settings in simulator.world.accounts[0].settings.values():
            settings.remix = True
        async with engine_running(simulator, tmp_path, accounts=1) as rig:
            await eventually(lambda: rig.engine.accounts()[0].remix, "the switch is known to be on")
            assert rig.engine.accounts()[0].remix
