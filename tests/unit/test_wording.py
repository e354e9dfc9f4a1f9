"""A prompt's way into the engine."""

from pathlib import Path

import pytest
from midway.domain.errors import InvalidField, Reason
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


class LooseTranslator:
    """Says in English what it is asked, and writes every comma and bracket as it likes."""

    async def to_english(self, prompt: str) -> str:
        """Return the prompt in English."""
        return prompt.replace("红", "red").replace("蓝", "blue").replace("，", ",")


async def test_each_job_is_translated_for_itself_and_each_text_once(
    wording: Wording, translator: CountingTranslator
) -> None:
    jobs = await wording.jobs("{red, blue} fox --repeat 3", "prompt")

    assert [job.english for job in jobs] == ["red fox"] * 3 + ["blue fox"] * 3
    assert translator.asked == 2


async def test_a_job_keeps_the_clients_words_beside_the_english_ones() -> None:
    wording = Wording(BannedWords(None), LooseTranslator(), max_characters=100)
    jobs = await wording.jobs("a {红, 蓝} fox --{ar 3:2, tile}", "prompt")

    assert jobs[0] == ("a 红 fox --ar 3:2", "a red fox --ar 3:2")
    assert [job.english for job in jobs[1:]] == ["a red fox --tile", "a blue fox --ar 3:2", "a blue fox --tile"]


async def test_a_translation_makes_no_choice_that_the_client_did_not_write() -> None:
    """A full-width comma separates no options, and a translator writes plain ones."""
    wording = Wording(BannedWords(None), LooseTranslator(), max_characters=100)
    [job] = await wording.jobs("a {红，蓝} fox", "prompt")

    assert job.english == "a {红，蓝} fox"


async def test_a_prompt_of_one_job_is_kept_as_it_was_sent(wording: Wording) -> None:
    [job] = await wording.jobs("  a  red\nfox ", "prompt")

    assert job == ("a  red\nfox", "a red fox")


async def test_a_word_is_banned_also_when_the_options_write_it(tmp_path: Path) -> None:
    (tmp_path / "banned.txt").write_text("gore")
    wording = Wording(BannedWords(tmp_path / "banned.txt"), CountingTranslator(), max_characters=100)
    with pytest.raises(InvalidField) as refused:
        await wording.jobs("go{od, re}", "prompt")

    assert refused.value.reason is Reason.BANNED_PROMPT


@pytest.mark.parametrize(
    ("prompt", "problem"),
    [
        ("fox --repeat 41", "more than 40 jobs"),
        ("fox --repeat x", "--repeat x; it takes a whole number"),
        ("{fox, }", "must not be empty"),
        ("fox {" + "x" * 98 + ", y}", "has 102 characters, at most 100"),
    ],
)
async def test_jobs_that_cannot_be_made_are_refused(wording: Wording, prompt: str, problem: str) -> None:
    with pytest.raises(InvalidField, match=problem) as refused:
        await wording.jobs(prompt, "prompt")

    assert refused.value.field == "prompt"


@pytest.mark.parametrize("prompt", ["a {red, blue} fox", "a fox --repeat 2"])
async def test_a_prompt_for_one_job_may_not_make_several(wording: Wording, prompt: str) -> None:
    with pytest.raises(InvalidField, match="several jobs"):
        await wording.english(prompt, "prompt")


@pytest.mark.parametrize("prompt", ["a {red, blue} fox", "fox {a,b,c}", "a fox --repeat 3", "{,}"])
def test_prompts_of_many_jobs_are_seen(prompt: str) -> None:
    assert makes_many_jobs(prompt)


@pytest.mark.parametrize("prompt", ["a {red} fox", r"a \\{red, blue\\} fox", "a fox", "{" + "a," * 10000])
def test_other_prompts_are_one_job(prompt: str) -> None:
    assert not makes_many_jobs(prompt)
