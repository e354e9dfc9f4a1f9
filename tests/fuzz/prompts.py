"""Prompts: cleaned, split into jobs, reduced to a key, translated, and worded for Midjourney."""

import asyncio
from contextlib import suppress

from midway.domain.action import Speed
from midway.domain.errors import InvalidField
from midway.domain.prompt import (
    JobsRefused,
    clean,
    is_of_film,
    jobs_of,
    makes_many_jobs,
    prompt_key,
    speed_from_prompt,
    split_parameters,
    with_speed,
    without_choices,
)
from midway.engine.banned import BannedWords
from midway.engine.translate import NoTranslator, TranslationFailed, _foreign_spans, _text_from_answer
from midway.engine.wording import Wording

from tests.fuzz.cases import texts, trees
from tests.fuzz.gateway import at_once
from tests.fuzz.target import Target

MOST_JOBS = 40
PROMPTS = (
    "a red fox in the snow --ar 3:2 --v 7 --no dogs, cats --repeat 3",
    "a {red, green, {dark\\, blue, white}} {fox, owl} --r 2 --fast",
    "<https://example.org/a.png> https://example.org/{a,b}--c.jpg 狐 in Öl — by night ––ar 1:1 --video",
)
WORDS = (
    *("--", "—", "–", "--repeat ", "--r 2", "--repeat", "--fast ", "--no ", "--ar 3:2", "::2", "{", "}", ",", "\\"),
    *(
        "{a, b}",
        "{,}",
        "{{",
        "}}",
        "\\,",
        "\\{",
        "https://a.b/{c,d}",
        "<http://",
        ">",
        " ",
        "---",
        "--video",
        "{a,b}{c,d}",
    ),
)
ANSWERS = ({"choices": [{"message": {"role": "assistant", "content": "a red\nfox"}}]}, {"error": {"message": "no"}})
WORDING = Wording(BannedWords(None), NoTranslator(), max_characters=6000, max_jobs=MOST_JOBS)


def _prompt(case: bytes) -> None:
    prompt = case.decode("utf-8", "replace")
    line = clean(prompt)
    assert clean(line) == line
    for text in (prompt, line):
        prompt_key(text)
        split_parameters(text)
        is_of_film(text)
        without_choices(text)
        for speed in (*Speed, None):
            with_speed(text, speed)
        speed_from_prompt(text)
        list(_foreign_spans(text))
    jobs = jobs_of(line, MOST_JOBS)
    assert 0 < len(jobs) <= MOST_JOBS
    assert len(jobs) == 1 or not any(map(makes_many_jobs, jobs))


def _wording(case: bytes) -> None:
    prompt = case.decode("utf-8", "replace")
    with suppress(InvalidField):
        at_once(WORDING.english(prompt, "prompt"))
    for job in asyncio.run(WORDING.jobs(prompt, "prompt")):
        assert job.english


def _translation(case: bytes) -> None:
    assert _text_from_answer(case).strip()


TARGETS = (
    Target("prompts", texts(PROMPTS, WORDS), _prompt, (JobsRefused,)),
    Target("wording", texts(PROMPTS, WORDS), _wording, (InvalidField,)),
    Target("translations", trees(ANSWERS), _translation, (TranslationFailed,)),
)
