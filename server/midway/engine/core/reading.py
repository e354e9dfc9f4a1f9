"""What a message says, read once when it comes in. Later steps use the reading instead of the message's texts."""

from msgspec import Struct

from midway.discord.event import Message
from midway.discord.message import parse_content
from midway.domain.action import Verb
from midway.domain.attempt import Attempt
from midway.domain.ids import UserId
from midway.domain.lifecycle import Noticed
from midway.engine.core import classify
from midway.engine.core.classify import Finished, Meaning
from midway.engine.core.keys import Keys, keys_from_message
from midway.engine.interactions import BOTS


class Reading(Struct, frozen=True):
    """A message of the bot: its keys and its meaning.

    `words` is its text as an unknown remark, None when there is none. `user_id` is the user for whom it was made,
    according to its text or to Discord. `has_grammar` tells whether its text has the form of a job's. `remix` is the
    Remix setting in a settings panel; None: it is not such a panel.
    """

    message: Message
    keys: Keys
    meaning: Meaning
    words: Noticed | None
    user_id: UserId | None
    has_grammar: bool
    remix: bool | None

    @property
    def is_panel(self) -> bool:
        """Whether it is the result panel of describe or shorten."""
        return isinstance(self.meaning, Finished) and self.meaning.verb is Verb.PANEL

    @property
    def tells_of_a_job(self) -> bool:
        """Whether it is about a job; of a failed job there may be only an embed."""
        return self.has_grammar or (self.meaning is not None and not self.is_panel)

    def may_show(self, attempt: Attempt) -> bool:
        """Tell whether its text may be about an Attempt whose prompt Midjourney has changed.

        Midjourney changes prompts, but never empties one: a job that shows no prompt (a blend) had none.
        """
        return not self.has_grammar or not attempt.prompt_key or bool(self.keys.prompt_key)


def read(message: Message) -> Reading | None:
    """Read a message; None when it is not from one of Midjourney's bots."""
    bot = BOTS.get(message.author_id)
    if bot is None:
        return None
    content = parse_content(message.content)
    return Reading(
        message=message,
        keys=keys_from_message(message, bot),
        meaning=classify.meaning(message),
        words=classify.unknown_words(message),
        user_id=content.user_id if content else message.interaction_user_id,
        has_grammar=content is not None,
        remix=classify.remix_from_panel(message),
    )
