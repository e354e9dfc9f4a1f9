"""The table of slash commands is whole: nobody can forget a row."""

import pytest
from discord_simulator.commands import CommandIndex
from midway.domain.action import TRAITS, Action
from midway.engine.commands import COMMANDS


def test_every_action_that_begins_with_a_command_has_its_row_and_no_other() -> None:
    assert COMMANDS.keys() == {action for action in Action if TRAITS[action].command}


def test_every_action_has_its_traits() -> None:
    assert TRAITS.keys() == set(Action)


@pytest.mark.parametrize("action", COMMANDS)
def test_the_bot_has_the_command(action: Action) -> None:
    assert TRAITS[action].command in {command.name for command in CommandIndex().commands}
