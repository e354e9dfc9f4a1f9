"""What a message says, read once where it comes in. Everything behind asks the reading and not the message's texts."""

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
    """A message of the bot's: whose it may be, and what it means.

    `words` are those that no table holds. `user_id` is the user for whom it was made, as its text or Discord says.
    `has_grammar` is true when its text is that of a job. `remix` is the switch of a settings panel; None: it is none.
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
        """Whether it is a panel (describe, shorten)."""
        return isinstance(self.meaning, Finished) and self.meaning.verb is Verb.PANEL

    @property
    def tells_of_a_job(self) -> bool:
        """Whether a job is behind it; of one that failed nothing but an embed may be left."""
        return self.has_grammar or (self.meaning is not None and not self.is_panel)

    def may_show(self, attempt: Attempt) -> bool:
        """Tell whether its text may be about an Attempt whose words Midjourney has changed.

        It changes words, but never takes all of them away: a job that shows none (a blend) was not asked for by any.
        """
        return not self.has_grammar or not attempt.prompt_key or bool(self.keys.prompt_key)


def read(message: Message) -> Reading | None:
    """Read a message; None when it is no bot's."""
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
