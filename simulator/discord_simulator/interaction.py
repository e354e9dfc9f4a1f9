"""An interaction as the bot receives it: validated, with its uploads and its message found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .json_types import Json

if TYPE_CHECKING:
    from .accounts import Account, Channel
    from .messages import Message

COMMAND, COMPONENT, MODAL_SUBMIT = 2, 3, 5  # Discord's interaction types
SUB_COMMAND = 1  # Discord's option type


@dataclass(frozen=True)
class Upload:
    """A file that a client sent, as one command or message refers to it."""

    id: str  # the attachment id in the request; an attachment option's value
    filename: str
    content: bytes


@dataclass(frozen=True)
class Modal:
    """A form that the bot opened and nobody has submitted yet."""

    opened_by: Interaction  # the click; its id is the id that the submit must name
    custom_id: str
    title: str
    components: list[Json]


@dataclass(eq=False)
class Interaction:
    """One accepted POST /interactions."""

    id: str
    nonce: str | None
    type: int
    account: Account
    application_id: str
    channel: Channel
    session_id: str | None  # the session that hears what becomes of it; None = all of the account's
    data: Json
    message: Message | None = None  # component: the message that holds it; modal submit: the clicked one
    uploads: list[Upload] = field(default_factory=list)
    modal: Modal | None = None  # modal submit only

    @property
    def name(self) -> str | None:
        """The command with its sub-command, as in `prefer remix`; None for other types."""
        if self.type != COMMAND:
            return None
        sub_commands = [o["name"] for o in self.data.get("options", []) if o["type"] == SUB_COMMAND]
        return " ".join([str(self.data["name"]), *sub_commands])

    @property
    def custom_id(self) -> str | None:
        """The component's or modal's custom id; None for a command."""
        return self.data.get("custom_id")

    @property
    def options(self) -> dict[str, Any]:
        """The command's option values by name."""
        return {o["name"]: o["value"] for o in self.data.get("options", []) if "value" in o}

    @property
    def values(self) -> list[str]:
        """The values chosen in a select menu."""
        return list(self.data.get("values", []))

    @property
    def fields(self) -> dict[str, str]:
        """The submitted text fields of a modal by custom id."""
        return {f["custom_id"]: f.get("value", "") for f in _text_fields(self.data.get("components", []))}

    def upload(self, attachment_id: object) -> Upload | None:
        """Find the file that an attachment option's value points to."""
        return next((u for u in self.uploads if u.id == str(attachment_id)), None)


def _text_fields(rows: list[Json]) -> list[Json]:
    """List the inputs of a modal, whether they sit in action rows or in labels."""
    nested = (row.get("components") or [row.get("component") or {}] for row in rows)
    return [field for fields in nested for field in fields if "custom_id" in field]
