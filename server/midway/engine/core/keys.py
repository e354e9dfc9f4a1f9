"""The keys of messages and Attempts by which they are matched."""

from datetime import datetime

from msgspec import Struct

from midway.discord.event import Message
from midway.discord.message import job_id, panel_embed, parse_content
from midway.domain.action import Bot, Verb
from midway.domain.attempt import Attempt
from midway.domain.ids import InteractionId, JobId, MessageId, Nonce
from midway.domain.prompt import prompt_key


class Keys(Struct, frozen=True, kw_only=True):
    """Everything in a message that can show which Attempt it belongs to."""

    message_id: MessageId
    bot: Bot | None
    verb: Verb
    nonce: Nonce | None = None
    interaction_id: InteractionId | None = None
    job_id: JobId | None = None
    parent_message_id: MessageId | None = None  # the message replied to, or whose button was pressed
    pick_index: int | None = None
    prompt_key: str = ""
    created_at: datetime | None = None  # by Discord's clock

    @property
    def job_name(self) -> str:
        """The most specific id of its job: the job id, else the Interaction's, else the message's."""
        return self.job_id or self.interaction_id or self.message_id


def keys_from_message(message: Message, bot: Bot | None) -> Keys:
    """Read the keys out of a message."""
    content = parse_content(message.content)
    return Keys(
        message_id=message.id,
        bot=bot,
        verb=content.verb if content else Verb.PANEL if panel_embed(message) else Verb.OTHER,
        nonce=message.nonce,
        interaction_id=message.interaction_id,
        job_id=job_id(message),
        parent_message_id=message.reference_id or message.interacted_message_id,
        pick_index=content.pick_index if content else None,
        prompt_key=prompt_key(content.prompt) if content else "",
        created_at=message.created_at,
    )


def names_in(keys: Keys) -> set[str]:
    """Return the names under which a message is parked; it may match an Attempt that has one of them (`names_of`)."""
    ids = (keys.message_id, keys.nonce, keys.interaction_id, keys.job_id, keys.parent_message_id)
    return {*filter(None, ids), *_prompt_name(keys.prompt_key)}


def names_of(attempt: Attempt) -> set[str]:
    """Return an Attempt's names: the ids and the prompt, by which messages may be matched with it or excluded."""
    ids = (attempt.nonce, attempt.interaction_id, attempt.job_id, attempt.parent_message_id, *attempt.message_ids)
    return {*filter(None, ids), *_prompt_name(attempt.prompt_key)}


def _prompt_name(key: str) -> tuple[str, ...]:
    return (f"prompt {key}",) if key else ()
