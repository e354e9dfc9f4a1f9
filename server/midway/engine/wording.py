"""Prepares a client's prompt: cleans it, checks its length, splits it into jobs, translates it, checks banned words."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from midway.domain.errors import InvalidField, Reason
from midway.domain.prompt import JobsRefused, clean, jobs_of, makes_many_jobs
from midway.engine.banned import BannedWords
from midway.engine.translate import Translator

SLACK = 4  # times the limit, before cleaning and translating, which may shorten a prompt, but hardly to a quarter


class Worded(NamedTuple):
    """One job's prompt in the client's language, and as it is sent to Midjourney."""

    prompt: str
    english: str


@dataclass(frozen=True, slots=True)
class Wording:
    """Prepares prompts. Every prompt from a client goes through it."""

    banned: BannedWords
    translator: Translator
    max_characters: int
    max_jobs: int = 40

    async def english(self, prompt: str, field: str, *, may_be_empty: bool = False) -> str:
        """Return the prompt of one job as it is sent to Midjourney.

        Raises InvalidField naming `field`: empty, unless it may be, too long, several jobs in one, or BANNED_PROMPT.
        """
        text = self._cleaned(prompt, field, may_be_empty=may_be_empty)
        if not text:
            return ""
        if makes_many_jobs(text):
            raise InvalidField(field, "would make several jobs (--repeat or {a, b}), which only an imagine can")
        return self._checked(await self._translated(text), field)

    async def jobs(self, prompt: str, field: str) -> list[Worded]:
        """Return the prompt of each job that a prompt makes, in Midjourney's order. Each is translated separately.

        Raises InvalidField naming `field`: as `english` does, too many jobs, or a `--repeat` without a usable number.
        """
        text = self._cleaned(prompt, field)
        try:
            texts = jobs_of(text, self.max_jobs)
        except JobsRefused as err:
            raise InvalidField(field, str(err)) from err
        if "" in texts:
            raise InvalidField(field, "must not be empty, whichever option is taken")
        english = await self._all_translated(list(dict.fromkeys(texts)))
        for each in english.values():
            self._checked(each, field)
        return [Worded(prompt.strip() if len(texts) == 1 else each, english[each]) for each in texts]

    def _cleaned(self, prompt: str, field: str, *, may_be_empty: bool = False) -> str:
        # Before any other work, so that a prompt that is far too long costs neither time nor a translation.
        self._check_length(prompt, field, SLACK * self.max_characters)
        text = clean(prompt)
        if not (text or may_be_empty):
            raise InvalidField(field, "must not be empty")
        return text

    async def _all_translated(self, texts: Sequence[str]) -> dict[str, str]:
        if len(texts) == 1:  # nearly always; gather's asyncio task would cost a tenth of a whole submit
            return {texts[0]: await self._translated(texts[0])}
        return dict(zip(texts, await asyncio.gather(*map(self._translated, texts)), strict=True))

    async def _translated(self, text: str) -> str:
        translated = await self.translator.to_english(text)
        if translated == text:
            return text
        english = clean(translated) or text
        return text if makes_many_jobs(english) else english  # a translator may have changed the commas

    def _checked(self, english: str, field: str) -> str:
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
