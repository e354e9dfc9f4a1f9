"""Faults between Discord's 204 and the bot (rest.interactions): accepted, but the bot does not answer as it should."""

from __future__ import annotations

from dataclasses import dataclass

from discord_simulator.entities import Interaction
from discord_simulator.rest.interactions import InteractionFault
from discord_simulator.world import World

BOT_DEADLINE_SECONDS = 3.0  # Discord gives a bot this long for its first answer


@dataclass(kw_only=True)
class NoEventAfterAccept(InteractionFault):
    """204 and then silence: the interaction got lost inside Discord, as in its gateway incidents."""

    def apply(self, interaction: Interaction, world: World) -> None:
        """Do nothing at all."""


@dataclass(kw_only=True)
class BotNeverAnswers(InteractionFault):
    """INTERACTION_CREATE and no end: the bot is down, and Discord's own time-out event is lost too."""

    def apply(self, interaction: Interaction, world: World) -> None:
        """Announce the interaction and leave it at that."""
        world.interaction_created(interaction)


@dataclass(kw_only=True)
class BotTooLate(InteractionFault):
    """`The application did not respond`: the bot is overloaded and misses Discord's three seconds."""

    reason_code: int = 3

    def apply(self, interaction: Interaction, world: World) -> None:
        """Announce the interaction, then its failure when the bot's time is over."""
        world.interaction_created(interaction)
        world.clock.call_later(BOT_DEADLINE_SECONDS, self._fail, interaction, world)

    def _fail(self, interaction: Interaction, world: World) -> None:
        world.interaction_failed(interaction, reason_code=self.reason_code)
