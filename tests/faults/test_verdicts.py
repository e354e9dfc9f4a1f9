"""What the bot says in an embed: whether a Task fails, the account pauses, or nothing of the kind."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from discord_simulator.app import Simulator
from discord_simulator.bot.triggers import TRIGGERS
from midway.domain.account import AccountState
from midway.domain.errors import Reason
from midway.domain.task import State

from tests.faults.other_session import MJ, OtherSession
from tests.faults.stage import stage
from tests.support.rig import Rig
from tests.support.upstream import assert_own_picture, eventually, in_state, jobs, noticed, posts

EPHEMERAL = 64  # message flag
BLOCKED_MESSAGE = "1400000000000000001"
ACTIVE, PAUSED, LIMITED = AccountState.ACTIVE, AccountState.PAUSED, AccountState.LIMITED

# The word in the prompt that makes the simulator's bot say it, the reason it means, what becomes of the account.
VERDICTS: dict[str, tuple[str, Reason, AccountState]] = {
    "Banned prompt detected": ("__banned", Reason.MODERATED, ACTIVE),
    "Invalid parameter": ("__invalid_param", Reason.INVALID_PROMPT, ACTIVE),
    "Invalid link!": ("__invalid_link", Reason.INVALID_LINK, ACTIVE),
    "Request cancelled due to output filters": ("__filtered", Reason.MODERATED, ACTIVE),
    "Image denied": ("__denied", Reason.MODERATED, ACTIVE),
    "Duplicate images detected": ("__duplicate", Reason.DUPLICATE_IMAGES, ACTIVE),
    "Internal error, half-way": ("__failed", Reason.UPSTREAM_REJECTED, ACTIVE),
    "Internal error, at once": ("__internal", Reason.UPSTREAM_REJECTED, ACTIVE),
    "Tos not accepted": ("__tos", Reason.ACCOUNT_PAUSED, PAUSED),
    "Action needed to continue": ("__action_needed", Reason.VERIFICATION_REQUIRED, PAUSED),
    "Pending mod message": ("__pending_mod", Reason.ACCOUNT_PAUSED, PAUSED),
    "Blocked": ("__blocked", Reason.ACCOUNT_PAUSED, PAUSED),
    "Subscription required": ("__sub_required", Reason.ACCOUNT_PAUSED, PAUSED),
    "the page that checks for a person": ("__verify", Reason.VERIFICATION_REQUIRED, PAUSED),
    "Credits exhausted": ("__credits", Reason.CREDITS_EXHAUSTED, LIMITED),
}


@pytest.mark.parametrize(("word", "reason", "state"), VERDICTS.values(), ids=VERDICTS.keys())
async def test_a_verdict_is_told_for_what_it_is(rig: Rig, word: str, reason: Reason, state: AccountState) -> None:
    """Each verdict is named by the test's id: the Task says why it failed, the account is as it must be."""
    ended = await rig.ended(await rig.imagine(f"a red fox {word}"))
    account = await in_state(rig, state)

    assert ended.failure is not None
    assert (ended.state, ended.failure.reason) == (State.FAILED, reason)
    assert said(word) in ended.failure.message  # word for word
    assert bool(account.reason) is (state is not ACTIVE)
    assert len(posts(rig)) == 1


def said(word: str) -> str:
    """Return what the simulator's bot says to this word; a page that opens has only a title."""
    embed = getattr(TRIGGERS[word], "embed", None)
    return str(embed["description"]) if embed else "Action required to continue"


STANDINGS = [
    "blocked",
    "pending_mod",
    "verify",
    "tos",
    "subscription_required",
    "subscription_paused",
    "plan_cancelled",
]


@pytest.mark.parametrize("standing", STANDINGS)
async def test_an_account_out_of_favour_gets_no_more_work(pair: Rig, standing: str) -> None:
    """Midjourney turned one account away: the next Tasks all go to the other one."""
    await pair.control("accounts/1", standing=standing)
    first = await pair.ended(await pair.imagine("a red fox", account_id=pair.engine.accounts()[0].id))
    account = await in_state(pair, PAUSED)
    others = [await pair.succeeded(await pair.imagine(f"fox number {number}")) for number in range(4)]

    assert first.state is State.FAILED
    assert account.reason
    assert {task.account_id for task in others} == {pair.engine.accounts()[1].id}


async def test_other_jobs_of_an_account_that_is_paused_go_on(rig: Rig) -> None:
    """A subscription was cancelled while pictures were being drawn: those still come."""
    drawn = await rig.imagine("a red fox __slow")
    await rig.until(drawn.id, State.IN_PROGRESS)
    await rig.ended(await rig.imagine("a blue fox __sub_required"))
    await in_state(rig, PAUSED)

    await assert_own_picture(rig, await rig.succeeded(drawn))


async def test_tasks_that_wait_for_a_paused_account_move_to_another(pair: Rig) -> None:
    """Three Tasks wait behind three that hang when their account is blocked: the other one draws them, each once."""
    first, second = pair.engine.accounts()
    await _pause(pair, 2)
    hanging = [await pair.imagine(f"fox number {number} __hang") for number in range(3)]
    await eventually(lambda: len(jobs(pair)) == 3, "three jobs hang in the first account's slots")
    waiting = [await pair.imagine(f"fox number {number}") for number in range(3, 6)]
    await pair.engine.resume_account(second.id)
    await _pause(pair, 1)
    ended = [await pair.succeeded(task) for task in waiting]

    assert {task.account_id for task in hanging} == {first.id}
    assert {task.account_id for task in ended} == {second.id}
    assert len(jobs(pair)) == 6


async def test_a_task_that_only_waits_for_the_pace_moves_too(simulator: Simulator, tmp_path: Path) -> None:
    """The second Task is ready to be sent when the answer to the first one says that the account is blocked."""
    async with stage(simulator, tmp_path, accounts=2, pace=2) as rig:
        await _pause(rig, 2)
        first, second = await asyncio.gather(rig.imagine("a red fox __blocked"), rig.imagine("a blue fox"))
        await rig.engine.resume_account(rig.engine.accounts()[1].id)
        await rig.ended(first)
        ended = await rig.succeeded(second)

        assert ended.account_id == rig.engine.accounts()[1].id
        assert len(jobs(rig)) == 1


async def test_a_task_that_nobody_can_take_is_not_written_again_and_again(rig: Rig) -> None:
    """An account is paused over a weekend: its waiting Task says so once, not once a second."""
    hanging = [await rig.imagine(f"fox number {number} __hang") for number in range(3)]
    await eventually(lambda: len(jobs(rig)) == 3, "the slots are full")
    task = await rig.imagine("a red fox")
    await _pause(rig, 1)
    waiting = await noticed(rig, task, "waits for a person")
    for _ in range(3):  # each makes the worker look around
        await rig.engine.cancel(hanging.pop().id)
    again = await rig.store.get(waiting.id)

    assert again is not None
    assert again.revision == waiting.revision


async def test_a_task_stays_when_every_other_queue_is_full(simulator: Simulator, tmp_path: Path) -> None:
    """One account of two is blocked and the other one has no room: the Task waits, and says for what."""
    async with stage(simulator, tmp_path, accounts=2, config={"max_queued": 1}) as rig:
        first, second = rig.engine.accounts()
        for number in range(6):
            wanted = (first, second)[number % 2]
            await rig.until((await rig.imagine(f"fox {number} __hang", account_id=wanted.id)).id, State.SUBMITTED)
        mine = await rig.imagine("a red fox")
        await rig.imagine("a blue fox")
        await _pause(rig, 1)

        assert (await noticed(rig, mine, "waits for a person")).state is State.QUEUED


async def test_the_operator_brings_a_paused_account_back(rig: Rig) -> None:
    """A person has read the moderator's message: the waiting Task runs, nothing was lost."""
    await rig.control("accounts/1", standing="pending_mod")
    await rig.ended(await rig.imagine("a blue fox"))
    account = await in_state(rig, PAUSED)
    await rig.control("accounts/1", standing="good")
    await rig.engine.resume_account(account.id)
    ended = await rig.succeeded(await rig.imagine("a red fox"))

    assert rig.engine.account(account.id).state is ACTIVE
    await assert_own_picture(rig, ended)


async def test_a_full_queue_upstream_sends_the_task_again_later(simulator: Simulator, tmp_path: Path) -> None:
    """The owner's own jobs fill Midjourney's queue: `Queue full` is no failure, the job was certainly not taken."""
    async with stage(simulator, tmp_path, max_requeues=1000) as rig, OtherSession(simulator, account=1) as owner:
        await rig.control("options", queue_size=0)
        for number in range(3):
            await owner.imagine(f"by hand {number} __slow")
        await eventually(lambda: len(jobs(rig)) == 3, "the owner's own jobs fill every slot")
        task = await rig.imagine("a red fox")
        await noticed(rig, task, "queue is full")
        ended = await rig.succeeded(task)

        assert len(jobs(rig)) == 4
        await assert_own_picture(rig, ended)


async def test_a_queue_that_stays_full_fails_the_task_in_the_end(simulator: Simulator, tmp_path: Path) -> None:
    """Midjourney's queue is full for good: the Task does not come back to it for ever."""
    async with stage(simulator, tmp_path, max_requeues=2, queue_full_pause=0.01) as rig:
        ended = await rig.ended(await rig.imagine("a red fox __queue_full"))

        assert ended.failure is not None
        assert ended.failure.reason is Reason.UPSTREAM_QUEUE_FULL
        assert len(posts(rig)) == 3


async def test_a_job_queued_upstream_is_followed_to_its_end(rig: Rig) -> None:
    """`Job queued` is a remark; the job starts later, by a message without our nonce."""
    async with OtherSession(rig.simulator, account=1) as owner:
        for number in range(3):
            await owner.imagine(f"by hand {number} __slow")
        await eventually(lambda: len(jobs(rig)) == 3, "the owner's own jobs fill every slot")
        task = await rig.imagine("a red fox")
        await noticed(rig, task, "Job queued")
        ended = await rig.succeeded(task)

    assert len(jobs(rig)) == 4
    await assert_own_picture(rig, ended)


async def test_fast_hours_that_are_used_up_limit_the_account_until_it_draws_fast_again(rig: Rig) -> None:
    """Credits are exhausted: relax work goes on; when hours are bought the account is ACTIVE without a person."""
    await rig.control("accounts/1", fast_minutes=0)
    await rig.control("clock", speed=2000)
    failed = await rig.ended(await rig.imagine("a red fox"))
    await in_state(rig, LIMITED)
    await rig.succeeded(await rig.imagine("a red fox --relax"))
    limited = rig.engine.accounts()[0].state
    await rig.control("accounts/1", fast_minutes=60)
    await rig.succeeded(await rig.imagine("a red fox"))

    assert failed.failure is not None
    assert failed.failure.reason is Reason.CREDITS_EXHAUSTED
    assert limited is LIMITED
    await in_state(rig, ACTIVE)


async def test_words_that_nobody_knows_are_kept_and_counted_and_end_the_wait_soon(
    simulator: Simulator, tmp_path: Path
) -> None:
    """Midjourney has a new message: the Task does not fail for it at once, but soon, when nothing follows."""
    async with stage(simulator, tmp_path, unknown_remark_timeout=1) as rig:
        task = await noticed(rig, await rig.imagine("a red fox __unknown"), "Slow Down!")
        running = (task.state, rig.engine.accounts()[0].unknown_remarks)
        ended = await rig.ended(task)

        assert running == (State.SUBMITTED, 1)
        assert ended.failure is not None
        assert ended.failure.reason is Reason.IDLE_TIMEOUT
        assert said("__unknown") in ended.failure.message
        assert rig.engine.accounts()[0].state is ACTIVE


async def test_an_unknown_title_in_red_is_an_error_at_once(rig: Rig) -> None:
    """Its text is told as it was said."""
    ended = await rig.ended(await rig.imagine("a red fox __unknown_red"))

    assert ended.failure is not None
    assert ended.failure.reason is Reason.UPSTREAM_REJECTED
    assert ended.failure.message == "[Moonbeam overflow] The moon is too full for this."


async def test_a_job_that_waits_upstream_is_not_given_up_for_its_silence(simulator: Simulator, tmp_path: Path) -> None:
    """It stands behind the owner's own jobs for longer than a drawn job may be silent."""
    async with stage(simulator, tmp_path, idle_timeout=0.5) as rig, OtherSession(simulator, account=1) as owner:
        for number in range(3):
            await owner.imagine(f"by hand {number} __slow")
        await eventually(lambda: len(jobs(rig)) == 3, "the owner's own jobs fill every slot")

        await assert_own_picture(rig, await rig.succeeded(await rig.imagine("a red fox --turbo")))


async def test_a_bot_that_misses_its_three_seconds_fails_the_task(rig: Rig) -> None:
    """`The application did not respond` is told at once, not after a time-out."""
    await rig.control("faults", fault="BotTooLate")
    ended = await rig.ended(await rig.imagine("a red fox"))

    assert ended.failure is not None
    assert ended.failure.reason is Reason.INTERACTION_FAILED


async def test_a_stopped_job_ends_at_once(rig: Rig) -> None:
    """`(Stopped)`: somebody cancelled the job in Discord, and no embed follows."""
    ended = await rig.ended(await rig.imagine("a red fox __stopped"))

    assert ended.failure is not None
    assert ended.failure.reason is Reason.UPSTREAM_REJECTED
    assert "stopped" in ended.failure.message


async def _pause(rig: Rig, number: int) -> None:
    """Have the bot tell an account, outside any job, that it is blocked."""
    account = rig.engine.accounts()[number - 1]
    embed = {"type": "rich", "title": "Blocked", "description": "You have been blocked.", "color": 0xFF0000}
    author = {"id": MJ, "username": "Midjourney Bot", "discriminator": "9282", "bot": True}
    message: dict[str, Any] = {
        "id": BLOCKED_MESSAGE,
        "channel_id": account.channel_id,
        "guild_id": account.guild_id,
        "author": author,
    }
    message |= {"content": "", "flags": EPHEMERAL, "embeds": [embed], "attachments": [], "components": []}
    message |= {"type": 0, "mentions": [], "mention_roles": [], "timestamp": "2026-01-01T00:00:00+00:00"}
    message |= {"edited_timestamp": None, "pinned": False, "tts": False, "mention_everyone": False}
    await rig.control("events", account=number, event="MESSAGE_CREATE", data=message)
    await in_state(rig, PAUSED, number)
