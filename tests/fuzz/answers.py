"""What other servers answer: Discord's REST API, its CDN, receivers of webhooks; and what our own disk holds."""

import asyncio
import json
from datetime import timedelta
from math import isfinite
from typing import Any

import msgspec
import orjson
from aiohttp import hdrs
from midway.discord.command_index import CommandIndex
from midway.discord.endpoints import Endpoints
from midway.discord.errors import DiscordError
from midway.discord.failure import _reasons
from midway.discord.interaction import MIDJOURNEY_APPLICATION_ID, Command, Option
from midway.discord.json_types import text
from midway.discord.once import _retry_after as retry_after_of_discord
from midway.discord.rest import Rest
from midway.domain.ids import ChannelId, MessageId, Revision
from midway.store.codec import attempt_from_json, json_from_attempt, json_from_task, task_from_json
from midway.webhook.delivery import _retry_after as retry_after_of_receiver

from tests.fuzz.cases import either, texts, trees
from tests.fuzz.target import Target
from tests.payloads.expected import payloads
from tests.unit.making import CHANNEL, a_task, an_attempt

COMMAND = {
    "id": "1",
    "version": "2",
    "name": "imagine",
    "application_id": MIDJOURNEY_APPLICATION_ID,
    "options": [{"type": 3, "name": "prompt", "required": True, "max_length": 6000, "choices": [{"value": "a fox"}]}],
}
ASKED = Command(
    application_id=MIDJOURNEY_APPLICATION_ID,
    channel_id=ChannelId(CHANNEL),
    guild_id=None,
    name="imagine",
    options=(Option("prompt", "a fox"),),
)
LIMITED = ({"message": "You are being rate limited.", "retry_after": 1.5, "global": False},)
REFUSED = ({"code": 50035, "errors": {"data": {"options": {"0": {"_errors": [{"code": "STALE", "message": "x"}]}}}}},)


class Answer:
    """An answer as curl_cffi and aiohttp give it, as far as it is looked at."""

    status = status_code = 429

    def __init__(self, content: bytes, headers: dict[str, str]) -> None:
        self.content = content
        self.headers = headers


class Gateway:
    """Answers the library's two ways of asking with a case."""

    def __init__(self, answer: Any) -> None:
        self.http = self
        self._answer = answer

    async def logs_from(self, *_: Any, **__: Any) -> Any:
        return self._answer

    async def request(self, *_: Any, **__: Any) -> Any:
        return self._answer


def _rest(case: bytes) -> Rest:
    return Rest(Gateway(orjson.loads(case)), timedelta(hours=1))  # type: ignore[arg-type]  # Gateway gives the answers only


def _retry_after(case: bytes) -> None:
    value = case.decode("utf-8", "replace")
    for answer in (Answer(case, {}), Answer(b"", {hdrs.RETRY_AFTER: value})):
        seconds = retry_after_of_discord(answer)  # type: ignore[arg-type]  # has what is read of an answer
        assert isfinite(seconds)
        assert seconds >= 0
        assert retry_after_of_receiver(answer) >= timedelta()  # type: ignore[arg-type]  # as above


def _cdn_address(case: bytes) -> None:
    text = case.decode("utf-8", "replace")
    endpoints = Endpoints()
    if endpoints.is_file(text):
        endpoints.allow_file(text)


def _row(case: bytes) -> None:
    task = task_from_json(case.decode("utf-8", "replace"), Revision(1))
    assert task_from_json(json_from_task(task), Revision(1)) == task


def _attempt_row(case: bytes) -> None:
    attempt = attempt_from_json(case.decode("utf-8", "replace"))
    assert attempt_from_json(json_from_attempt(attempt)) == attempt


def _history(case: bytes) -> None:
    messages = asyncio.run(_rest(case).history(ChannelId(CHANNEL), after=None, limit=50))
    assert [message.id for message in messages] == sorted((message.id for message in messages), key=int)
    asyncio.run(_rest(case).message(ChannelId(CHANNEL), MessageId("1")))


def _commands(case: bytes) -> None:
    answer = orjson.loads(case)
    index = CommandIndex(Gateway(answer if isinstance(answer, dict) else {}).request)
    asyncio.run(index.find(ASKED)).check(ASKED)


def _upload_places(case: bytes) -> None:
    for place in asyncio.run(_rest(case).upload_places(ChannelId(CHANNEL), [("image1.png", 10)])):
        text(place, "upload_url")


def _refusal(case: bytes) -> None:
    assert all(isinstance(reason, str) for reason in _reasons(orjson.loads(case)))


HISTORY = [[payload.data for payload in payloads()][at : at + 3] for at in range(0, 60, 3)]
PLACES = ({"attachments": [{"id": "0", "upload_url": "https://a.example", "upload_filename": "a/image1.png"}]},)
CDN = ("https://cdn.discordapp.com/attachments/1/2/a.png?ex=1", "https://1.discordsays.com/inpaint", "ftp://[::1]/")
TASK, ATTEMPT = json.loads(json_from_task(a_task())), json.loads(json_from_attempt(an_attempt()))
NOT_JSON = orjson.JSONDecodeError

TARGETS = (
    Target("history", trees(HISTORY), _history, (NOT_JSON, DiscordError)),
    Target("commands", trees([{"application_commands": [COMMAND]}]), _commands, (NOT_JSON, DiscordError)),
    Target("upload-places", trees(PLACES), _upload_places, (NOT_JSON, DiscordError)),
    Target("refusals", trees(REFUSED), _refusal, (NOT_JSON,)),
    Target("waits", either(trees(LIMITED), texts(("120", "Wed, 21 Oct 2026 07:28:00 GMT"))), _retry_after),
    Target("CDN-addresses", texts(CDN, ("[", "]", "@", ":", "#", ".discordsays.com")), _cdn_address),
    Target("stored-Tasks", trees([TASK]), _row, (msgspec.DecodeError,)),
    Target("stored-Attempts", trees([ATTEMPT]), _attempt_row, (msgspec.DecodeError,)),
)
