"""What the bot, or somebody else in the channel, says while a Task is in flight."""

import json
from pathlib import Path
from typing import Any

import pytest
from discord_simulator.app import Simulator
from midway.domain.account import AccountState
from midway.domain.action import Action
from midway.domain.attempt import Attempt
from midway.domain.errors import Reason
from midway.domain.task import State, Task
from midway.rpc.legacy.task_json import old_task

from tests.faults.stage import stage
from tests.payloads.saying import JOB, PICTURE, a_final, a_message, in_flight, row, said
from tests.support.rig import Rig
from tests.support.upstream import in_state, noticed

STRANGER = "199999999999999999"
EPHEMERAL = 64
MOON = {"type": "rich", "title": "Full moon", "description": "The moon is too full for this."}
SLOW_DOWN = {"title": "Slow Down!", "description": "You can request another upscale for this image <t:1774990054:R>"}
BLOCKED = {"type": "rich", "title": "Blocked", "description": "You have been blocked.", "color": 0xFF0000}


def answer(attempt: Attempt) -> dict[str, Any]:
    """Answer its Interaction."""
    return {"nonce": attempt.nonce}


def reply(attempt: Attempt) -> dict[str, Any]:
    """Reply to its progress message."""
    return {"message_reference": {"message_id": attempt.message_ids[0]}}


WAYS = {"an answer": answer, "a reply to its progress message": reply}
UNKNOWN: dict[str, tuple[dict[str, Any], list[str]]] = {
    "an embed": ({"embeds": [MOON]}, [MOON["title"], MOON["description"]]),
    "two embeds": ({"embeds": [MOON, {"description": "Come back."}]}, [MOON["description"], "Come back."]),
    "a plain text": ({"content": "The moon is too full."}, ["The moon is too full."]),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
@pytest.mark.parametrize(("words", "told"), UNKNOWN.values(), ids=UNKNOWN.keys())
async def test_unknown_words_that_nothing_follows_end_the_task_and_are_its_reason(
    simulator: Simulator, tmp_path: Path, way: Any, words: dict[str, Any], told: list[str]
) -> None:
    """The old API's clients read them, too."""
    async with stage(simulator, tmp_path, unknown_remark_timeout=1) as rig:
        task, attempt = await in_flight(rig)
        await said(rig, "MESSAGE_CREATE", a_message(rig, **words, **way(attempt)))
        ended = await rig.ended(task)

        assert ended.failure is not None
        assert ended.failure.reason is Reason.IDLE_TIMEOUT
        assert all(each in ended.failure.message for each in told)
        assert all(each in str(old_task(ended)["failReason"]) for each in told)
        assert rig.engine.accounts()[0].unknown_remarks == 1


async def test_words_that_the_history_repeats_are_no_news(simulator: Simulator, tmp_path: Path) -> None:
    """They stand in the channel: the look before the deadline reads them again, which put it off time after time."""
    async with stage(simulator, tmp_path, unknown_remark_timeout=1) as rig:
        task, attempt = await in_flight(rig)
        await rig.control("messages", account=1, bot="mj", content="", embeds=[MOON], nonce=attempt.nonce)
        ended = await rig.ended(task)

        assert ended.failure is not None
        assert MOON["description"] in ended.failure.message


async def test_words_in_an_edit_that_shows_no_progress_count(simulator: Simulator, tmp_path: Path) -> None:
    """The progress message keeps its text and gets an embed."""
    async with stage(simulator, tmp_path, unknown_remark_timeout=1) as rig:
        task, attempt = await in_flight(rig)
        waiting = f"**a red fox** - <@{rig.engine.accounts()[0].user_id}> (Waiting to start)"
        await said(rig, "MESSAGE_UPDATE", a_message(rig, id=attempt.message_ids[0], content=waiting, embeds=[MOON]))
        ended = await rig.ended(task)

        assert ended.failure is not None
        assert MOON["description"] in ended.failure.message


async def test_progress_that_follows_takes_unknown_words_back(rig: Rig) -> None:
    task, attempt = await in_flight(rig)
    await said(rig, "MESSAGE_CREATE", a_message(rig, embeds=[MOON], **reply(attempt)))
    puzzled = await noticed(rig, task, "moon is too full")
    drawn = f"**a red fox** - <@{rig.engine.accounts()[0].user_id}> (31%) (fast)"
    await said(rig, "MESSAGE_UPDATE", a_message(rig, id=attempt.message_ids[0], content=drawn, embeds=[MOON]))
    drawing = await rig.until(task.id, State.IN_PROGRESS)

    assert puzzled.remark is not None
    assert drawing.remark is None


FINALS: dict[str, tuple[str, Any]] = {
    "an edit of the progress message": ("MESSAGE_UPDATE", lambda a: {"id": a.message_ids[0]}),
    "an edit with the nonce": ("MESSAGE_UPDATE", lambda a: {"id": a.message_ids[0], "nonce": a.nonce}),
    "a new message with the nonce": ("MESSAGE_CREATE", lambda a: {"nonce": a.nonce}),
    "a reply": ("MESSAGE_CREATE", reply),
}


@pytest.mark.parametrize(("event", "named"), FINALS.values(), ids=FINALS.keys())
async def test_a_final_message_is_read_in_whichever_way_it_comes(rig: Rig, event: str, named: Any) -> None:
    task, attempt = await in_flight(rig)
    cancel = [row((f"MJ::CancelJob::ByJobid::{JOB}", "Cancel Job"))]
    half = {"url": f"https://cdn.invalid/ephemeral-attachments/1/2/{JOB}_grid_0.webp", "id": "2"}
    progress = {"id": attempt.message_ids[0]}
    await said(rig, "MESSAGE_UPDATE", a_final(rig, components=cancel, **progress))
    await said(rig, "MESSAGE_UPDATE", a_final(rig, attachments=[half], **progress))
    await said(rig, event, a_final(rig, **named(attempt)))
    ended = await rig.succeeded(task)

    assert ended.image is not None
    assert ended.image.url == PICTURE["url"]
    assert [button.label for button in ended.buttons] == ["U1"]


async def test_a_stopped_job_ends_at_once(rig: Rig) -> None:
    task, attempt = await in_flight(rig)
    stopped = f"**a red fox** - <@{rig.engine.accounts()[0].user_id}> (Stopped)"
    await said(rig, "MESSAGE_UPDATE", a_message(rig, id=attempt.message_ids[0], content=stopped))
    ended = await rig.ended(task)

    assert ended.failure is not None
    assert ended.failure.upstream_title == "Stopped"


async def in_flight_press(rig: Rig) -> tuple[Task, Task]:
    """Press U1 of a finished grid; its picture never comes. Returns the grid and the pick."""
    grid = await rig.succeeded(await rig.imagine("a red fox"))
    await rig.control("faults", fault="EventLost", event="MESSAGE_CREATE", content="Image #", times=None)
    pick = await rig.until((await rig.change(grid, Action.UPSCALE, 1)).id, State.SUBMITTED)
    return grid, pick


OURS: dict[str, Any] = {
    "it mentions our user": lambda user: {"mentions": [{"id": user}]},
    "only we see it": lambda _: {"flags": EPHEMERAL},
    "we made its interaction": lambda user: {"interaction_metadata": {"type": 3, "user": {"id": user}}},
}


@pytest.mark.parametrize("meant", OURS.values(), ids=OURS.keys())
async def test_a_refused_pick_is_told_by_a_reply_to_its_grid(rig: Rig, meant: Any) -> None:
    grid, pick = await in_flight_press(rig)
    user = rig.engine.accounts()[0].user_id
    replied = {"message_reference": {"message_id": grid.message_id}, "type": 19}
    await said(rig, "MESSAGE_CREATE", a_message(rig, embeds=[SLOW_DOWN], **replied, **meant(user)))
    ended = await rig.ended(pick)

    assert ended.failure is not None
    assert ended.failure.message == f"[{SLOW_DOWN['title']}] {SLOW_DOWN['description']}"


FOREIGN: dict[str, dict[str, Any]] = {
    "a stranger pressed the same grid's button": {
        "embeds": [BLOCKED],
        "interaction_metadata": {"id": "1", "type": 3, "user": {"id": STRANGER}},
    },
    "nobody is named": {"embeds": [BLOCKED]},
    "a stranger is mentioned": {"embeds": [BLOCKED], "mentions": [{"id": STRANGER}]},
    "a stranger's prompt mentions us": {"content": "Invalid parameter\n/imagine <@USER>", "mentions": [{"id": "USER"}]},
    "a stranger wrote it": {"author": {"id": STRANGER, "username": "x"}, "embeds": [BLOCKED]},
    "a stranger's job has a telling prompt": {"content": f"**Blocked** - <@{STRANGER}> (Stopped)"},
}


@pytest.mark.parametrize("fields", FOREIGN.values(), ids=FOREIGN.keys())
async def test_what_is_not_meant_for_us_ends_nothing_and_pauses_nothing(rig: Rig, fields: dict[str, Any]) -> None:
    grid, pick = await in_flight_press(rig)
    user = str(rig.engine.accounts()[0].user_id)
    replied = {"message_reference": {"message_id": grid.message_id}}
    await said(rig, "MESSAGE_CREATE", a_message(rig, **replied, **json.loads(json.dumps(fields).replace("USER", user))))
    await said(rig, "MESSAGE_UPDATE", a_final(rig, content=f"**a red fox** - Image #1 <@{user}>", **replied))

    assert (await rig.succeeded(pick)).job_id == JOB
    assert rig.engine.accounts()[0].state is AccountState.ACTIVE


async def test_a_preview_of_a_link_ends_nothing_and_pauses_nothing(rig: Rig) -> None:
    """Whoever owns the page chose its title; it comes by a later edit, too."""
    task, attempt = await in_flight(rig)
    user = rig.engine.accounts()[0].user_id
    own = {"interaction_metadata": {"id": attempt.interaction_id, "type": 2, "name": "imagine", "user": {"id": user}}}
    for kind in ("link", "article", "video", "image", "gifv"):
        waiting = f"**a red fox** - <@{user}> (Waiting to start)"
        edit = a_message(rig, id=attempt.message_ids[0], content=waiting, embeds=[BLOCKED | {"type": kind}], **own)
        await said(rig, "MESSAGE_UPDATE", edit)
    await said(rig, "MESSAGE_UPDATE", a_final(rig, id=attempt.message_ids[0], embeds=[BLOCKED | {"type": "link"}]))

    await rig.succeeded(task)
    account = rig.engine.accounts()[0]
    assert (account.state, account.unknown_remarks) == (AccountState.ACTIVE, 0)


async def test_an_account_that_was_resumed_is_not_paused_by_what_was_said_before(rig: Rig) -> None:
    """A person has seen to it; the message that paused it is edited, and still stands in the history."""
    task, attempt = await in_flight(rig)
    blocked = a_message(rig, embeds=[BLOCKED], **reply(attempt))
    await said(rig, "MESSAGE_CREATE", blocked)
    await rig.ended(task)
    account = await in_state(rig, AccountState.PAUSED)
    await rig.engine.resume_account(account.id)
    await said(rig, "MESSAGE_UPDATE", blocked | {"edited_timestamp": "2026-01-01T00:01:00+00:00"})

    await rig.succeeded(await rig.imagine("a blue fox"))
    assert rig.engine.accounts()[0].state is AccountState.ACTIVE


async def test_a_verdict_about_a_prompt_leaves_the_account_at_work(rig: Rig) -> None:
    task, attempt = await in_flight(rig)
    text = "Sorry! Our AI moderators feel your prompt might be against our community standards."
    embed = {"type": "rich", "title": "Action needed to continue", "description": text, "color": 0xFF0000}
    appeal = [row(("MJ::Prompts::Appeal::OqWLXki2ZMU", "Appeal"))]
    await said(rig, "MESSAGE_CREATE", a_message(rig, embeds=[embed], components=appeal, flags=64, **answer(attempt)))
    ended = await rig.ended(task)

    assert ended.failure is not None
    assert (ended.failure.reason, text in ended.failure.message) == (Reason.MODERATED, True)
    await rig.succeeded(await rig.imagine("a blue fox"))
