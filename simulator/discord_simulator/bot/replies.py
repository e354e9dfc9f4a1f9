"""The bot's direct answer to an interaction, as one message."""

from __future__ import annotations

from ..entities import COMMAND_REPLY, EPHEMERAL, REPLY, Interaction, Message
from ..json_types import Json
from ..users import BOTS
from ..world import World
from .embeds import in_red


def reply(
    world: World,
    interaction: Interaction,
    content: str = "",
    *,
    flags: int = 0,
    embeds: list[Json] | None = None,
    components: list[Json] | None = None,
    has_nonce: bool = True,
) -> Message:
    """Post an answer with the interaction's nonce and metadata; to a press, as a reply to the message pressed."""
    return world.post(
        interaction.channel,
        BOTS[interaction.application_id],
        content,
        nonce=interaction.nonce if has_nonce else None,
        type=REPLY if interaction.message else COMMAND_REPLY,
        flags=flags,
        reference=interaction.message,
        interaction=interaction,
        embeds=[in_red(embed, world.options.error_red) for embed in embeds or []],
        components=components or [],
    )


def refuse(world: World, interaction: Interaction, embed: Json) -> None:
    """Answer with an embed that only the invoking session sees."""
    reply(world, interaction, flags=EPHEMERAL, embeds=[embed])
