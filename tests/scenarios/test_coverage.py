"""No Action and no button may be without a scenario."""

import pytest
from midway.domain.action import PRESSES, Action

from tests.scenarios.case import cases


@pytest.mark.parametrize("bot", ["mj", "niji"])
@pytest.mark.parametrize("action", Action)
def test_every_action_has_a_scenario_for_each_bot(action: Action, bot: str) -> None:
    assert [case for case in cases() if case.expect.action == action and case.name.endswith(f"-{bot}")]


@pytest.mark.parametrize("prefix", PRESSES)
def test_every_known_button_is_pressed_in_a_scenario(prefix: str) -> None:
    assert [case for case in cases() if case.expect.pressed.startswith(prefix)]


def test_names_are_unique() -> None:
    names = [case.name for case in cases()]

    assert len(set(names)) == len(names)
