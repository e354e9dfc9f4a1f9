"""Old proxies gave the oldest waiting task whatever picture came: with equal prompts people got each other's."""

import asyncio
from pathlib import Path

from discord_simulator.app import Simulator
from discord_simulator.attachments import Picture
from discord_simulator.bot.components import grid_rows
from discord_simulator.users import MJ_BOT
from midway.domain.action import Action
from midway.domain.task import Ask, State

from tests.faults.other_session import OtherSession
from tests.faults.stage import stage
from tests.support.pictures import picture_facts, plain_picture
from tests.support.rig import Rig, simulator_running
from tests.support.upstream import assert_own_picture, eventually, jobs, posts, requests

FOREIGN_JOB = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
STRANGER_MENTION = "<@199999999999999999>"


async def test_fifty_identical_prompts_at_once_each_end_with_their_own_picture(tmp_path: Path) -> None:
    """Fifty people ask for the same popular prompt in the same second."""
    async with simulator_running(speed=400) as simulator, stage(simulator, tmp_path, accounts=2) as rig:
        tasks = await asyncio.gather(*(rig.imagine("a red fox") for _ in range(50)))
        ended = await asyncio.gather(*(rig.succeeded(task) for task in tasks))

        for task in ended:
            await assert_own_picture(rig, task)
        assert len({task.job_id for task in ended}) == len(jobs(rig)) == len(posts(rig)) == 50


async def test_variations_of_two_quadrants_together_are_told_apart(rig: Rig) -> None:
    """V1 and V2 of one grid, pressed together, have the same prompt, verb and parent."""
    grid = await rig.succeeded(await rig.imagine("a red fox"))
    pressed = await asyncio.gather(rig.change(grid, Action.VARIATION, 1), rig.change(grid, Action.VARIATION, 2))
    ended = await asyncio.gather(*(rig.succeeded(task) for task in pressed))

    for task in ended:
        await assert_own_picture(rig, task)


async def test_four_picks_of_one_grid_together_each_get_their_quadrant(rig: Rig) -> None:
    """U1 to U4 are pressed together; the answers carry no nonce and no percent, only `Image #n`."""
    grid = await rig.succeeded(await rig.imagine("a red fox"))
    pressed = await asyncio.gather(*(rig.change(grid, Action.UPSCALE, index) for index in (1, 2, 3, 4)))
    ended = await asyncio.gather(*(rig.succeeded(task) for task in pressed))

    facts = [picture_facts(await rig.picture(task)) for task in ended]
    assert [fact["quadrant"] for fact in facts] == ["1", "2", "3", "4"]


async def test_the_same_pick_twice_at_once_makes_two_results(rig: Rig) -> None:
    """A user double-clicks U1 by its custom id: two Tasks, two messages, no mix-up."""
    grid = await rig.succeeded(await rig.imagine("a red fox"))
    pressed = await asyncio.gather(rig.press(grid, "U1"), rig.press(grid, "U1"))
    ended = await asyncio.gather(*(rig.succeeded(task) for task in pressed))

    assert len({task.message_id for task in ended}) == 2
    for task in ended:
        await assert_own_picture(rig, task)


async def test_the_same_job_shown_twice_at_once_ends_both_tasks(rig: Rig) -> None:
    """Two clients bring the same job back at the same moment."""
    grid = await rig.succeeded(await rig.imagine("a red fox"))
    ask = Ask(action=Action.SHOW, show_job_id=grid.job_id)
    shown = await asyncio.gather(rig.engine.submit(ask), rig.engine.submit(ask))
    ended = await asyncio.gather(*(rig.succeeded(placed.task) for placed in shown))

    assert {task.job_id for task in ended} == {grid.job_id}


async def test_another_users_identical_prompt_in_the_channel_is_not_ours(rig: Rig) -> None:
    """A stranger's finished picture with our prompt appears in a shared channel while ours is drawn."""
    task = await rig.imagine("a red fox __slow")
    await rig.until(task.id, State.SUBMITTED, State.IN_PROGRESS)
    theirs = Picture(f"stranger_a_red_fox_{FOREIGN_JOB}.png", "image/png", plain_picture("red").data, 64, 64)
    rig.simulator.world.post(
        rig.simulator.world.accounts[0].channel,
        MJ_BOT,
        f"**a red fox __slow --v 7.0** - {STRANGER_MENTION} (fast)",
        attachments=[theirs],
        components=grid_rows(FOREIGN_JOB),
    )
    ended = await rig.succeeded(task)

    await assert_own_picture(rig, ended)


async def test_a_human_message_in_the_bots_grammar_is_not_read(rig: Rig) -> None:
    """Somebody jokes in the channel by typing what the bot would write."""
    task = await rig.imagine("a red fox __hang")
    await rig.until(task.id, State.SUBMITTED)
    user = rig.engine.accounts()[0].user_id
    await rig.control("messages", account=1, content=f"**a red fox __hang --v 7.0** - <@{user}> (93%) (fast)")
    await rig.control("messages", account=1, bot="mj", content=f"**something else** - <@{user}> (Waiting to start)")
    await eventually(lambda: has_event(rig, "something else"), "the later message was sent")

    assert (await rig.engine.cancel(task.id)).progress == 0


async def test_the_account_owners_own_identical_job_is_not_ours(rig: Rig) -> None:
    """The owner of the account draws the same prompt by hand, in a Discord client of their own, at the same time."""
    async with OtherSession(rig.simulator, account=1) as owner:
        await owner.imagine("a red fox")
        task = await rig.imagine("a red fox")
        await owner.imagine("a red fox")
        ended = await rig.succeeded(task)
        await eventually(lambda: len(jobs(rig, "finished")) == 3, "all three were drawn")

    await assert_own_picture(rig, ended)


async def test_an_owners_identical_job_without_previews_is_not_ours(simulator: Simulator, tmp_path: Path) -> None:
    """No preview comes, so nothing but its prompt speaks of the owner's job when its picture arrives."""
    async with stage(simulator, tmp_path, idle_timeout=2) as rig:
        await rig.control("faults", fault="EventLost", event="MESSAGE_UPDATE", times=None)
        async with OtherSession(simulator, account=1) as owner:
            await owner.imagine("a red fox --turbo")  # turbo, so that it is there before ours
            ended = await rig.ended(await rig.imagine("a red fox"))
            await eventually(lambda: len(jobs(rig, "finished")) == 2, "both were drawn")
        theirs = {line["job_id"] for line in jobs(rig) if line["nonce"] in owner.nonces}

    assert ended.job_id not in theirs


async def test_an_old_picture_with_the_same_prompt_is_not_taken_from_the_history(
    simulator: Simulator, tmp_path: Path
) -> None:
    """The owner drew the same prompt yesterday; a reconnect reads that old message while ours is waiting."""
    async with stage(simulator, tmp_path) as rig:
        async with OtherSession(simulator, account=1) as owner:
            await owner.imagine("a red fox")
            await eventually(lambda: len(jobs(rig, "finished")) == 1, "the old picture lies in the channel")
        await rig.control("clock", speed=20)  # ours is still drawn when the history is read
        await rig.control("faults", fault="SessionInvalidated", event="MESSAGE_CREATE", content="a red fox")
        task = await rig.imagine("a red fox")
        await eventually(lambda: len(requests(rig, "history")) == 2, "the history was read after the reconnect")
        assert len(jobs(rig, "finished")) == 1
        ended = await rig.succeeded(task)

        await assert_own_picture(rig, ended)


def has_event(rig: Rig, words: str) -> bool:
    """Tell whether an event with these words was sent to us."""
    return any(words in str(line["content"]) for line in rig.journal("event"))
