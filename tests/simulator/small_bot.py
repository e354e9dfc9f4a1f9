"""A bot with the least that Discord's side needs to be seen working: one job form, one modal, one iframe."""

import io

from discord_simulator.attachments import Picture
from discord_simulator.entities import COMMAND_REPLY, EPHEMERAL, Account, Interaction, Message
from discord_simulator.json_types import Json
from discord_simulator.users import BOTS
from discord_simulator.world import World
from PIL import Image

TEXT_FIELD: Json = {"type": 4, "custom_id": "small::prompt", "style": 2, "label": "Prompt", "value": "as before"}
BUTTONS: list[Json] = [
    {
        "type": 1,
        "components": [
            {"type": 2, "style": 2, "label": label, "custom_id": f"small::{label}"}
            for label in ("again", "modal", "iframe")
        ],
    }
]


def png(colour: str = "red", size: tuple[int, int] = (8, 4)) -> bytes:
    """Draw a small picture."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


class SmallBot:
    """Answers commands with a start message and a final one; buttons by their label."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.heard: list[Interaction] = []
        self.masks: dict[str, bytes] = {}

    def interaction(self, interaction: Interaction) -> None:
        self.heard.append(interaction)
        self.world.interaction_created(interaction)
        if interaction.custom_id == "small::modal":
            self.world.modal(interaction, "small::form", "Form", [{"type": 1, "components": [TEXT_FIELD]}])
        elif interaction.custom_id == "small::iframe":
            self.world.iframe(interaction, "MJ::iframe::token-1", "Vary (Region)", "/inpaint/index.html")
        elif interaction.name == "settings":
            self._say(interaction, "settings", flags=EPHEMERAL)
        else:
            self._job(interaction)
        self.world.interaction_succeeded(interaction)

    def reaction(self, account: Account, message: Message, emoji: str) -> None:
        self.world.post(message.channel, message.author, f"seen {emoji}")

    def inpaint(self, token: str, mask_png: bytes, prompt: str) -> bool:
        self.masks[token] = mask_png
        return token == "token-1"

    def reset(self) -> None:
        self.heard.clear()

    def _job(self, interaction: Interaction) -> None:
        prompt = interaction.options.get("prompt") or next(iter(interaction.fields.values()), "")
        mention = f"<@{interaction.account.user.id}>"
        start = self._say(interaction, f"**{prompt}** - {mention} (Waiting to start)")
        self.world.clock.call_later(1, self._finish, start, f"**{prompt}** - {mention} (fast)")

    def _finish(self, start: Message, content: str) -> None:
        self.world.edit(start, content=content.replace("(fast)", "(31%) (fast)"))
        picture = Picture("grid.png", "image/png", png(), 8, 4)
        self.world.post(start.channel, start.author, content, attachments=[picture], components=BUTTONS)
        self.world.delete(start)

    def _say(self, interaction: Interaction, content: str, flags: int = 0) -> Message:
        return self.world.post(
            interaction.channel,
            BOTS[interaction.application_id],
            content,
            nonce=interaction.nonce,
            type=COMMAND_REPLY,
            flags=flags,
            interaction=interaction,
            components=BUTTONS,
        )
