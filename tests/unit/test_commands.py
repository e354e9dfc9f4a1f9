"""The table of slash commands is whole: nobody can forget a row."""

import pytest
import typer
from discord_simulator.commands import CommandIndex
from midjourney.v1 import midjourney_service_pb2
from midway.app import draw_commands
from midway.domain.action import TRAITS, Action
from midway.engine.commands import COMMANDS


def test_every_action_that_begins_with_a_command_has_its_row_and_no_other() -> None:
    assert COMMANDS.keys() == {action for action in Action if TRAITS[action].command}


def test_every_action_has_its_traits() -> None:
    assert TRAITS.keys() == set(Action)


@pytest.mark.parametrize("action", COMMANDS)
def test_the_bot_has_the_command(action: Action) -> None:
    assert TRAITS[action].command in {command.name for command in CommandIndex().commands}


@pytest.mark.parametrize("action", COMMANDS)
def test_every_command_can_be_asked_for(action: Action) -> None:
    service = midjourney_service_pb2.DESCRIPTOR.services_by_name["MidjourneyService"]

    assert f"Submit{action.value.title()}" in service.methods_by_name


@pytest.mark.parametrize("action", COMMANDS)
def test_every_command_is_one_of_the_command_line(action: Action) -> None:
    app = typer.Typer()
    draw_commands.add_to(app)

    assert action.value.lower() in {
        command.callback.__name__ for command in app.registered_commands if command.callback
    }
