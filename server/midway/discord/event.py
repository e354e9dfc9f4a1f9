"""Gateway events as immutable values, made by `decode.decode` from raw dispatches.

They hold only what correlation and classification need, as copies, because the library edits its own objects in place.
"""

from datetime import datetime

from msgspec import Struct

from midway.domain.ids import ChannelId, InteractionId, MessageId, Nonce, UserId
from midway.domain.image import Button, Image

WRITTEN = frozenset({"", "rich"})  # the types of embeds that the message's author wrote


class Embed(Struct, frozen=True):
    """One embed of a message; colour as Discord's integer, None when it has none.

    `type` is Discord's: "link", "article", "image", "video" and others are link previews; so is any embed with a
    `provider`, which bots cannot set. `fields` are pairs of name and text.
    """

    title: str = ""
    description: str = ""
    footer: str = ""
    color: int | None = None
    image_url: str = ""
    type: str = ""
    url: str = ""
    provider: str = ""
    fields: tuple[tuple[str, str], ...] = ()


class Message(Struct, frozen=True, kw_only=True):
    """A message as it was at one event.

    `nonce` is set only when our own Interaction created the message. `interaction_id` and `interaction_name` come from
    `interaction_metadata`, or the older `interaction`. `interacted_message_id` is the message whose button was pressed.
    `reference_id` is the message replied to. `links` are the URLs of link buttons. `mentions` holds user ids.
    """

    id: MessageId
    channel_id: ChannelId
    author_id: UserId
    content: str = ""
    nonce: Nonce | None = None
    flags: int = 0
    type: int = 0
    interaction_id: InteractionId | None = None
    interaction_name: str = ""
    interaction_user_id: UserId | None = None
    interacted_message_id: MessageId | None = None
    reference_id: MessageId | None = None
    mentions: tuple[UserId, ...] = ()
    attachments: tuple[Image, ...] = ()
    embeds: tuple[Embed, ...] = ()
    buttons: tuple[Button, ...] = ()
    links: tuple[str, ...] = ()
    created_at: datetime | None = None
    edited_at: datetime | None = None

    @property
    def written_embeds(self) -> tuple[Embed, ...]:
        """The embeds that the author wrote. The others preview a link in the text; the linked page controls their text.

        Some sites' previews have type "rich". They contain the page's URL, which may differ from the link in the text,
        for instance behind a link shortener.
        """
        has_link = "://" in self.content
        return tuple(
            embed
            for embed in self.embeds
            if embed.type in WRITTEN and not embed.provider and not (embed.url and has_link)
        )


class Connected(Struct, frozen=True):
    """A gateway session is up. `resumed` is true when no event was missed."""

    user_id: UserId
    user_name: str
    resumed: bool


class Disconnected(Struct, frozen=True):
    """The gateway session is gone; the client reconnects by itself."""

    reason: str


class TokenRefused(Struct, frozen=True):
    """Discord refuses the token (close 4004, 401 at login) or the session's parameters (4010-4014). Final."""

    reason: str


class InteractionCreated(Struct, frozen=True):
    """Discord has accepted the Interaction."""

    id: InteractionId
    nonce: Nonce


class InteractionSucceeded(Struct, frozen=True):
    """The bot answered the Interaction."""

    id: InteractionId
    nonce: Nonce | None


class InteractionFailed(Struct, frozen=True):
    """The bot did not answer the Interaction in time, or refused it."""

    id: InteractionId
    nonce: Nonce | None
    reason_code: int | None = None


class TextField(Struct, frozen=True):
    """A text input of a modal: its id and its prefilled value.

    `labelled` is true when it is inside a label component instead of a row; the submit must have the same structure.
    """

    custom_id: str
    value: str = ""
    label: str = ""
    labelled: bool = False


class ModalOpened(Struct, frozen=True):
    """A modal was opened, and waits for its submit."""

    id: InteractionId
    nonce: Nonce | None
    custom_id: str
    title: str
    fields: tuple[TextField, ...] = ()


class IframeOpened(Struct, frozen=True):
    """An iframe was opened: Vary (Region), or a human check (see `engine.classify`)."""

    id: InteractionId
    nonce: Nonce | None
    custom_id: str
    title: str
    iframe_path: str


class MessageCreated(Struct, frozen=True):
    """A message was created."""

    message: Message


class MessageUpdated(Struct, frozen=True):
    """A message was edited; `message` is its new form."""

    message: Message


class MessageDeleted(Struct, frozen=True):
    """A message was deleted."""

    id: MessageId
    channel_id: ChannelId


Event = (
    Connected
    | Disconnected
    | TokenRefused
    | InteractionCreated
    | InteractionSucceeded
    | InteractionFailed
    | ModalOpened
    | IframeOpened
    | MessageCreated
    | MessageUpdated
    | MessageDeleted
)
