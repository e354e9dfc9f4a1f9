"""Every slash command of the index has a handler, and every handler a command."""

from discord_simulator.bot.router import Router
from discord_simulator.commands import DEFINITIONS, CommandIndex
from discord_simulator.users import BOTS
from discord_simulator.world import World


def test_the_commands_of_the_index_are_those_with_a_handler():
    """A row without a handler would be accepted and never answered; a handler without a row could not be called."""
    handlers = Router(World(accounts=0, seed=1, speed=1)).commands

    assert handlers.keys() == {name for definition in DEFINITIONS for name in definition.names}


def test_each_bot_has_every_command_under_an_id_of_its_own():
    commands = CommandIndex().commands

    assert len({command.id for command in commands}) == len(commands) == len(DEFINITIONS) * len(BOTS)
    assert {(c.application_id, c.name) for c in commands} == {(bot, d.name) for bot in BOTS for d in DEFINITIONS}
