"""Prompts are translated by a real HTTP endpoint, and a failing one never hurts."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from midway.engine.translate import MAX_ANSWER_BYTES, ChatTranslator, NoTranslator
from structlog.testing import capture_logs

ENGLISH = {"一只狐狸": "a fox", "雪": "snow", "雪, 猫": "snow, cat", "猫": "cat", "ein Fuß": "a foot"}


class Endpoint:
    """An OpenAI-compatible server that knows a few words."""

    def __init__(self) -> None:
        self.questions: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.asked = asyncio.Event()
        self.answer: Callable[[], web.Response] | None = None  # instead of a translation
        self.hold: asyncio.Event | None = None  # answers only when it is set
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._complete)
        self.server = TestServer(app)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/v1"

    @property
    def texts(self) -> list[str]:
        return [question["messages"][-1]["content"] for question in self.questions]

    async def _complete(self, request: web.Request) -> web.Response:
        self.headers.append(dict(request.headers))
        self.questions.append(await request.json())
        self.asked.set()
        if self.hold:
            await self.hold.wait()
        return self.answer() if self.answer else completion(ENGLISH[self.texts[-1]])


def completion(content: object) -> web.Response:
    return web.json_response({"choices": [{"message": {"role": "assistant", "content": content}}]})


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    endpoint = Endpoint()
    async with endpoint.server:
        yield endpoint


@pytest.fixture
async def translator(endpoint: Endpoint) -> AsyncIterator[ChatTranslator]:
    async with ChatTranslator(endpoint.url, "sk-test", "small-model", timedelta(seconds=20)) as translator:
        yield translator


async def test_no_translator_leaves_the_prompt() -> None:
    assert await NoTranslator().to_english("一只狐狸") == "一只狐狸"


async def test_question_carries_the_model_the_key_and_only_the_words(
    endpoint: Endpoint, translator: ChatTranslator
) -> None:
    await translator.to_english("一只狐狸 --ar 3:2")

    assert endpoint.questions[0]["model"] == "small-model"
    assert endpoint.headers[0]["Authorization"] == "Bearer sk-test"
    assert endpoint.texts == ["一只狐狸"]


@pytest.mark.parametrize(
    ("prompt", "english"),
    [
        ("一只狐狸", "a fox"),
        ("一只狐狸 --ar 3:2 --v 6.1", "a fox --ar 3:2 --v 6.1"),
        ("https://x.example/狐.png 一只狐狸 --s 50", "https://x.example/狐.png a fox --s 50"),
        ("<https://s.mj.run/a> https://x.example/b.png 雪", "<https://s.mj.run/a> https://x.example/b.png snow"),
        ("雪 https://x.example/b.png 猫", "snow https://x.example/b.png cat"),
        ("一只狐狸 --no 雪, 猫 --ar 1:1", "a fox --no snow, cat --ar 1:1"),
        ("a fox --no 雪", "a fox --no snow"),
        ("雪 --no 猫 --no 雪", "snow --no cat --no snow"),
        ("一只狐狸 --sref https://x.example/雪.png --no cats", "a fox --sref https://x.example/雪.png --no cats"),
        ("ein Fuß", "a foot"),
        ("  雪  ", "  snow  "),
    ],
)
async def test_words_become_english_and_the_rest_stays(translator: ChatTranslator, prompt: str, english: str) -> None:
    assert await translator.to_english(prompt) == english


@pytest.mark.parametrize(
    "prompt", ["", "a red fox --ar 3:2", "a “red” fox 🦊 — dusk", "https://x.example/狐.png a fox", "a fox --stil 雪"]
)
async def test_nothing_foreign_is_not_sent(endpoint: Endpoint, translator: ChatTranslator, prompt: str) -> None:
    english = await translator.to_english(prompt)

    assert english == prompt
    assert endpoint.questions == []


async def test_answer_over_several_lines_becomes_one(endpoint: Endpoint, translator: ChatTranslator) -> None:
    endpoint.answer = lambda: completion(" a fox\nin snow \n")

    assert await translator.to_english("雪 --ar 1:1") == "a fox in snow --ar 1:1"


def unusable() -> list[web.Response]:
    return [
        web.Response(status=500),
        web.Response(status=401),
        web.Response(status=302, headers={"Location": "/elsewhere"}),
        web.Response(body=b"not json"),
        web.Response(body=b"[]"),
        web.Response(body=b'{"choices": []}'),
        web.Response(body=b'{"choices": [{"message": null}]}'),
        web.Response(body=b"x" * (MAX_ANSWER_BYTES + 1)),
        completion(None),
        completion("  \n "),
        completion(["a fox"]),
    ]


@pytest.mark.parametrize("which", range(len(unusable())))
async def test_unusable_answer_leaves_the_prompt(endpoint: Endpoint, translator: ChatTranslator, which: int) -> None:
    endpoint.answer = lambda: unusable()[which]

    assert await translator.to_english("一只狐狸 --ar 3:2") == "一只狐狸 --ar 3:2"


async def test_one_failed_part_leaves_the_whole_prompt(endpoint: Endpoint, translator: ChatTranslator) -> None:
    """Half a translation would be worse than none."""
    assert await translator.to_english("雪 --no 不知道") == "雪 --no 不知道"
    assert endpoint.texts == ["雪", "不知道"]


async def test_endpoint_that_does_not_answer_leaves_the_prompt(endpoint: Endpoint) -> None:
    endpoint.hold = asyncio.Event()
    async with ChatTranslator(endpoint.url, "", "m", timedelta(milliseconds=50)) as translator:
        english = await translator.to_english("雪")
    endpoint.hold.set()

    assert english == "雪"


async def test_closed_port_leaves_the_prompt(unused_tcp_port: int) -> None:
    async with ChatTranslator(f"http://127.0.0.1:{unused_tcp_port}", "", "m", timedelta(seconds=20)) as translator:
        english = await translator.to_english("雪")

    assert english == "雪"


async def test_without_a_key_no_authorization_is_sent(endpoint: Endpoint) -> None:
    async with ChatTranslator(f"{endpoint.url}/", "", "m", timedelta(seconds=20)) as translator:
        await translator.to_english("雪")

    assert "Authorization" not in endpoint.headers[0]


async def test_health_is_logged_on_change_and_prompts_never_are(endpoint: Endpoint, translator: ChatTranslator) -> None:
    with capture_logs() as logs:
        endpoint.answer = lambda: web.Response(status=503)
        await translator.to_english("雪")
        await translator.to_english("雪")
        endpoint.answer = None
        await translator.to_english("雪")
        await translator.to_english("雪")

    assert [entry["log_level"] for entry in logs] == ["warning", "info"]
    assert "雪" not in json.dumps(logs, ensure_ascii=False)


async def test_cancellation_is_not_swallowed(endpoint: Endpoint, translator: ChatTranslator) -> None:
    endpoint.hold = asyncio.Event()
    task = asyncio.create_task(translator.to_english("雪"), name="translation")
    await endpoint.asked.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    endpoint.hold.set()
