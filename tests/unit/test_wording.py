"""A prompt's way into the engine."""

import pytest
from midway.domain.errors import InvalidField
from midway.domain.prompt import makes_many_jobs
from midway.engine.banned import BannedWords
from midway.engine.wording import SLACK, Wording


class CountingTranslator:
    """Counts what it is asked to translate."""

    def __init__(self) -> None:
        self.asked = 0

    async def to_english(self, prompt: str) -> str:
        """Return the prompt as it is."""
        self.asked += 1
        return prompt


@pytest.fixture
def translator() -> CountingTranslator:
    return CountingTranslator()


@pytest.fixture
def wording(translator: CountingTranslator) -> Wording:
    return Wording(BannedWords(None), translator, max_characters=100)


async def test_a_prompt_far_too_long_is_refused_before_anything_reads_it(
    wording: Wording, translator: CountingTranslator
) -> None:
    """An incident: a prompt of 200 KB kept every client waiting for a minute, and went to the paid translator."""
    with pytest.raises(InvalidField, match="at most 100"):
        await wording.english("a " * (SLACK * 100), "prompt")

    assert translator.asked == 0


async def test_a_prompt_just_too_long_is_refused(wording: Wording) -> None:
    with pytest.raises(InvalidField, match="at most 100"):
        await wording.english("x" * 101, "prompt")


@pytest.mark.parametrize("prompt", ["a {red, blue} fox", "fox {a,b,c}", "a fox --repeat 3", "{,}"])
def test_prompts_of_many_jobs_are_seen(prompt: str) -> None:
    assert makes_many_jobs(prompt)


@pytest.mark.parametrize("prompt", ["a {red} fox", r"a \\{red, blue\\} fox", "a fox", "{" + "a," * 10000])
def test_other_prompts_are_one_job(prompt: str) -> None:
    assert not makes_many_jobs(prompt)
