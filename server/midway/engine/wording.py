"""What happens to a prompt before it becomes a Task's: cleaned, measured, translated, checked for banned words."""

from dataclasses import dataclass

from midway.domain.errors import InvalidField, Reason
from midway.domain.prompt import clean, makes_many_jobs
from midway.engine.banned import BannedWords
from midway.engine.translate import Translator

SLACK = 4  # times the limit; cleaning and translating make a prompt shorter, but hardly to a quarter


@dataclass(frozen=True, slots=True)
class Wording:
    """The way of every prompt into the engine."""

    banned: BannedWords
    translator: Translator
    max_characters: int

    async def english(self, prompt: str, field: str) -> str:
        """Return the prompt as it goes to Midjourney.

        Raises InvalidField naming `field`: empty, too long, several jobs in one, or BANNED_PROMPT.
        """
        # Before anything reads it: what is far too long may cost no time and no translation.
        self._check_length(prompt, field, SLACK * self.max_characters)
        text = clean(prompt)
        if not text:
            raise InvalidField(field, "must not be empty")
        if makes_many_jobs(text):
            raise InvalidField(field, "would make several jobs (--repeat or {a, b}); submit one Task for each")
        translated = await self.translator.to_english(text)
        english = text if translated == text else clean(translated) or text
        self._check_length(english, field, self.max_characters)
        self._check_words(english, field)
        return english

    def _check_length(self, text: str, field: str, most: int) -> None:
        if len(text) > most:
            raise InvalidField(field, f"has {len(text)} characters, at most {self.max_characters} are taken")

    def _check_words(self, english: str, field: str) -> None:
        word = self.banned.find(english)
        if word is not None:
            raise InvalidField(
                field, f"holds the banned word {word!r}", Reason.BANNED_PROMPT, banned_word=word, prompt_en=english
            )
