"""What Discord and the bot say: gateway events through to the Tasks that they change, and texts by themselves."""

import json
from collections.abc import Coroutine
from typing import Any, TypeVar

import orjson
from google.protobuf import json_format
from midjourney.v1.query_pb2 import GetImageSeedResponse
from midway.discord.acceptance import Acceptances
from midway.discord.decode import decode
from midway.discord.event import Connected, Embed, Event
from midway.discord.interaction import MIDJOURNEY_APPLICATION_ID
from midway.discord.message import job_id, panel_embed, parse_content
from midway.discord.modals import Modals
from midway.discord.recent import RecentMessages
from midway.domain.ids import MessageId, Nonces, UserId
from midway.domain.lifecycle import Assigned, Dispatched, SeedLearnt, apply
from midway.domain.task import Task
from midway.engine.account_config import AccountConfig
from midway.engine.clock import SteadyClock
from midway.engine.core import classify, headings
from midway.engine.core.core import Core
from midway.engine.core.effects import Write
from midway.engine.limits import Limits
from midway.engine.worker.account_queries import seed_from_message
from midway.rpc.convert_task import message_from_task
from midway.rpc.legacy.task_json import render
from midway.rpc.picture_links import PictureLinks
from midway.store.codec import attempt_from_json, json_from_attempt, json_from_task, task_from_json
from midway.store.port import Entry

from tests.fuzz.cases import texts, trees
from tests.fuzz.target import Target
from tests.payloads.expected import payloads
from tests.payloads.saying import USER_THERE
from tests.unit.making import ACCOUNT, CHANNEL, JOB, NOW, a_message, a_task, an_attempt, seconds

Answer = TypeVar("Answer")

NONCE = an_attempt().nonce
LINKS = PictureLinks(b"key", "https://pictures.example.org")
PROGRESS = MessageId("1470000000000000000")  # an id of Discord's, of 2026
# What is not read of a dispatch that lacks what it cannot be without; `Client` tells of it and goes on.
UNREADABLE = (KeyError, TypeError, ValueError)

MODAL = {
    "id": "1470000000000000001",
    "nonce": NONCE,
    "custom_id": "MJ::RemixModal::abc::1::1",
    "title": "Remix Prompt",
    "components": [
        {"type": 1, "components": [{"type": 4, "custom_id": "MJ::RemixModal::new_prompt", "value": "a red fox"}]},
        {"type": 18, "label": "Words", "component": {"type": 4, "custom_id": "words", "value": ""}},
    ],
}
WORDS = (
    *("**a red fox --ar 3:2** - <@1000> (93%) (fast, stealth)", "**", " - ", "(Waiting to start)", "Image #2"),
    *("[link](<https://midjourney.com/jobs/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee?index=0>)", "(0%)", "(Stopped)"),
    *("Upscaled (Strong) by", "Making variations for image #1 with prompt ", "<t:1>", "decline-", "/imagine "),
    *("1\N{VARIATION SELECTOR-16}\N{COMBINING ENCLOSING KEYCAP} ", "Shortened prompts", "seed** 12", "Job ID**: "),
    *("MJ::JOB::upsample::1::", "MJ::Job::PicReader::1", "MJ::CancelJob::", "MJ::Settings::RemixMode", str(JOB)),
    *("Sorry! ", "Action needed to continue", "verify you are human", "Queue full", "Slow down!", "\n", "`", "~~"),
)


def _said() -> list[list[dict[str, Any]]]:
    """Say the real payloads about our Task: a list of dispatches each, as nonce, as edit, and as reply."""
    cases = []
    for payload in payloads():
        data = json.loads(json.dumps(payload.data).replace(USER_THERE, "1000")) | {"channel_id": CHANNEL}
        author = {"author": {"id": MIDJOURNEY_APPLICATION_ID}}
        cases.append([{"t": payload.event, "d": data | {"nonce": NONCE}}])
        cases.append([{"t": "MESSAGE_UPDATE", "d": data | author | {"id": PROGRESS}}])
        cases.append([{"t": "MESSAGE_CREATE", "d": data | author | {"message_reference": {"message_id": PROGRESS}}}])
    return cases


def _interactions() -> list[list[dict[str, Any]]]:
    ids = {"id": "1470000000000000001", "nonce": NONCE}
    window = ids | {"custom_id": "MJ::iframe", "title": "Vary", "iframe_path": "/inpaint/1"}
    others = [
        {"t": "INTERACTION_CREATE", "d": ids},
        {"t": "INTERACTION_SUCCESS", "d": ids},
        {"t": "INTERACTION_FAILURE", "d": ids | {"reason_code": 2}},
        {"t": "INTERACTION_MODAL_CREATE", "d": MODAL},
        {"t": "INTERACTION_IFRAME_MODAL_CREATE", "d": window},
        {"t": "MESSAGE_DELETE", "d": {"id": PROGRESS, "channel_id": CHANNEL}},
    ]
    return [[other] for other in others]


class _Clock:
    def now(self) -> Any:
        """Return a time just after the Task was sent."""
        return NOW + seconds(2)


def at_once(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Run what waits for nothing, without an event loop."""
    try:
        work.send(None)
    except StopIteration as end:
        answer: Answer = end.value
        return answer
    raise AssertionError("it waits")


class Scene:
    """An Account with one Task in flight, and what hears its events."""

    def __init__(self) -> None:
        task = apply(apply(a_task(), Assigned(ACCOUNT, CHANNEL), NOW), Dispatched(), NOW)
        config = AccountConfig(id=ACCOUNT, token="", guild_id=None, channel_id=CHANNEL)
        self.core = Core(config, Limits(), SteadyClock(_Clock()), Nonces())
        self.core.load(None, [task], [an_attempt(message_ids=(PROGRESS,))])
        self.core.hear(Connected(UserId("1000"), "someone", resumed=True))

    def hear(self, event: Event) -> None:
        """Take one event, and keep what is to be stored as the Store does."""
        for effect in self.core.hear(event):
            if isinstance(effect, Write):
                keep(effect.entry)

    def show(self) -> None:
        """Show the Task to everybody who may ask, and keep it."""
        for task in self.core.ledger.tasks.values():
            show(task)
        orjson.dumps(self.core.account(0).reason)


def keep(entry: Entry) -> None:
    """Write an entry and read it again."""
    for attempt in entry.attempts:
        assert attempt_from_json(json_from_attempt(attempt)) == attempt
    if entry.task:
        assert task_from_json(json_from_task(entry.task), entry.task.revision) == entry.task
    if entry.mark:
        orjson.dumps(entry.mark.reason)


def show(task: Task) -> None:
    """Show a Task as every client sees it, and keep it as the Store does."""
    render(LINKS.shown(task))
    message = message_from_task(task, LINKS, LINKS.ends_at())
    message.SerializeToString()
    orjson.dumps(json_format.MessageToDict(message))
    assert task_from_json(json_from_task(task), task.revision) == task


def _dispatches(case: bytes) -> None:
    said = orjson.loads(case)
    recent, scene, acceptances, modals = RecentMessages(), Scene(), Acceptances(), Modals()
    for one in said if isinstance(said, list) else []:
        name, raw = (one.get("t"), one.get("d")) if isinstance(one, dict) else (None, None)
        if not isinstance(name, str) or not isinstance(raw, dict):
            continue  # the library's to tell
        try:
            event = decode(name, recent.updated(raw) if name == "MESSAGE_UPDATE" else recent.created(raw))
        except UNREADABLE:
            continue
        if event is not None:
            acceptances.observe(event)
            modals.observe(event)
            scene.hear(event)
    scene.show()


def _content(case: bytes) -> None:
    text = case.decode("utf-8", "replace")
    parse_content(text)
    classify.prompts_from_panel(text)
    headings.heading_from_text(text)
    headings.heading_from_embed(text, text)
    headings.is_panel(text)
    embeds = (Embed(title=text[:256], description=text, footer=text, color=0xFF0000),)
    for message in (a_message(text), a_message(embeds=embeds), a_message(text, embeds=embeds, interaction_name=text)):
        classify.meaning(message)
        classify.unknown_words(message)
        job_id(message)
        panel_embed(message)
        if seed := seed_from_message(message, JOB):
            show(apply(a_task(), SeedLearnt(seed), NOW))
            GetImageSeedResponse(seed=int(seed))


def _contents() -> list[str]:
    said = [payload.data for payload in payloads()]
    embeds = [embed for data in said for embed in data.get("embeds") or []]
    told = [data.get("content") for data in said] + [embed.get("description") for embed in embeds]
    return sorted({text for text in told if text})


TARGETS = (
    Target("gateway-events", trees([*_said(), *_interactions()], WORDS), _dispatches, (orjson.JSONDecodeError,)),
    Target("content-grammar", texts(_contents(), WORDS), _content),
)
