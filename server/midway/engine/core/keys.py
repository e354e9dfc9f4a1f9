"""What in a message, and in an Attempt, can tell which of them belong together."""

from datetime import datetime

from msgspec import Struct

from midway.discord.event import Message
from midway.discord.message import job_id, panel_embed, parse_content
from midway.domain.action import Bot, Verb
from midway.domain.attempt import Attempt
from midway.domain.ids import InteractionId, JobId, MessageId, Nonce
from midway.domain.prompt import prompt_key


class Keys(Struct, frozen=True, kw_only=True):
    """Everything in a message that can tell whose it is."""

    message_id: MessageId
    bot: Bot | None
    verb: Verb
    nonce: Nonce | None = None
    interaction_id: InteractionId | None = None
    job_id: JobId | None = None
    parent_message_id: MessageId | None = None  # replied to, or whose button was pressed
    pick_index: int | None = None
    prompt_key: str = ""
    created_at: datetime | None = None  # by Discord's clock

    @property
    def job_name(self) -> str:
        """What tells its job from others, as far as it says."""
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
    """Return everything by which a message may find its Attempt; see `names_of`."""
    ids = (keys.message_id, keys.nonce, keys.interaction_id, keys.job_id, keys.parent_message_id)
    return {*filter(None, ids), *_prompt_name(keys.prompt_key)}


def names_of(attempt: Attempt) -> set[str]:
    """Return everything by which a message may find an Attempt, or be told from it: ids, and the prompt."""
    ids = (attempt.nonce, attempt.interaction_id, attempt.job_id, attempt.parent_message_id, *attempt.message_ids)
    return {*filter(None, ids), *_prompt_name(attempt.prompt_key)}


def _prompt_name(key: str) -> tuple[str, ...]:
    return (f"prompt {key}",) if key else ()
