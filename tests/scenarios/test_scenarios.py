"""Every case of `cases/`, each through the real parts: engine, SQLite, discord.py-self, simulator."""

from pathlib import Path

import pytest
from midway.domain.action import PRESSES

from tests.scenarios.case import Case, cases
from tests.scenarios.play import limits_of, play
from tests.scenarios.verify import verify
from tests.support.rig import engine_running, simulator_running


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
async def test_scenario(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if case.forgotten:
        monkeypatch.delitem(PRESSES, case.forgotten)
    async with simulator_running(accounts=1, speed=case.speed) as simulator:
        for account in simulator.world.accounts:
            for settings in account.settings.values():
                settings.remix = case.remix
        known = case.remix if case.remix_known is None else case.remix_known
        limits = limits_of(case)
        async with engine_running(simulator, tmp_path, accounts=1, limits=limits, remix=known, slots=case.slots) as rig:
            if case.options:
                await rig.control("options", **case.options)
            await verify(case, await play(case, rig), rig)
