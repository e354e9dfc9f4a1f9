"""Slash commands as Discord currently lists them: their ids, versions and options.

Versions change whenever the bot re-registers its commands, so they are looked up, never hard-coded.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from midway.discord.errors import BotMissing, InvalidCommand
from midway.discord.interaction import BOT_NAMES, Command, Option
from midway.discord.json_types import Raw, number, objects, text

SUB_COMMAND = 1
STRING = 3
ATTACHMENT = 11

DEFAULT_MAX_LENGTH = 6000  # characters; Discord's limit on a string option that sets none


@dataclass(frozen=True, slots=True)
class CommandDefinition:
    """One command as the index lists it. `raw` is the whole object, which Discord's own client sends back."""

    id: str
    version: str
    name: str
    raw: Raw

    def check(self, command: Command) -> None:
        """Raise InvalidCommand if the command's options do not fit this definition."""
        known = {text(option, "name"): option for option in objects(self.raw.get("options"))}
        for option in command.options:
            _check_option(self.name, known.get(option.name), option, files=len(command.files))
        given = {option.name for option in command.options}
        missing = [name for name, option in known.items() if option.get("required") and name not in given]
        if missing:
            raise InvalidCommand(f"/{self.name} needs {', '.join(missing)}")


ReadIndex = Callable[[Command], Awaitable[Raw]]


class CommandIndex:
    """Caches the commands of each place (a guild, or a direct-message channel) until they turn out to be stale."""

    def __init__(self, read: ReadIndex) -> None:
        self._read = read
        self._places: dict[str, dict[tuple[str, str], CommandDefinition]] = {}
        self._reading = asyncio.Lock()  # concurrent Interactions share one request

    async def find(self, command: Command) -> CommandDefinition:
        """Return the command's definition. Raises BotMissing or InvalidCommand when there is none of this name here."""
        return self._known(command) or await self._read_anew(command, known=None)

    async def refreshed(self, command: Command, stale: CommandDefinition) -> CommandDefinition:
        """Return the definition from a fresh index, unless another caller has refreshed it since `stale` was found."""
        return await self._read_anew(command, known=stale)

    async def _read_anew(self, command: Command, known: CommandDefinition | None) -> CommandDefinition:
        async with self._reading:
            now = self._known(command)
            if now is known:
                self._places[_place(command)] = _definitions(await self._read(command))
                now = self._known(command)
        if now is None:
            raise self._absence(command)
        return now

    def _absence(self, command: Command) -> InvalidCommand:
        """Return the error for what is missing: the command, or its bot with all commands."""
        bot = BOT_NAMES.get(command.application_id, command.application_id)
        if any(application_id == command.application_id for application_id, _ in self._places[_place(command)]):
            return InvalidCommand(f"the {bot} offers no /{command.name} here")
        return BotMissing(f"the {bot} is not installed in {'this server' if command.guild_id else 'this channel'}")

    def _known(self, command: Command) -> CommandDefinition | None:
        return self._places.get(_place(command), {}).get((command.application_id, command.name))


def _place(command: Command) -> str:
    return command.guild_id or command.channel_id


def _definitions(index: Raw) -> dict[tuple[str, str], CommandDefinition]:
    definitions = (_definition(raw) for raw in objects(index.get("application_commands")))
    return {(text(definition.raw, "application_id"), definition.name): definition for definition in definitions}


def _definition(raw: Raw) -> CommandDefinition:
    return CommandDefinition(text(raw, "id"), text(raw, "version"), text(raw, "name"), raw)


def _check_option(command: str, definition: Raw | None, option: Option, *, files: int) -> None:
    if definition is None:
        raise InvalidCommand(f"/{command} has no option {option.name}")
    if definition.get("type") != option.type:
        raise InvalidCommand(f"/{command} needs another type for {option.name}")
    if option.type == STRING:
        _check_text(command, definition, option)
    if option.type == ATTACHMENT and option.value not in range(files):
        raise InvalidCommand(f"/{command} lacks the file for {option.name}")


def _check_text(command: str, definition: Raw, option: Option) -> None:
    longest = number(definition, "max_length") or DEFAULT_MAX_LENGTH
    if not isinstance(option.value, str) or len(option.value) > longest:
        raise InvalidCommand(f"/{command} takes at most {longest} characters for {option.name}")
    choices: Sequence[object] = [choice.get("value") for choice in objects(definition.get("choices"))]
    if choices and option.value not in choices:
        raise InvalidCommand(f"/{command} does not offer this {option.name}")
