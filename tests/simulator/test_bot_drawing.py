"""Drawing beside the event loop: what does not wait for it, what waits in order, and what is not drawn any more."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp
from discord_simulator.app import Simulator
from discord_simulator.bot import job_pictures
from discord_simulator.bot.job import Job
from discord_simulator.bot.job_pictures import PATIENCE, is_outdated
from discord_simulator.options import Options

from tests.simulator.conftest import Discord
from tests.simulator.drawing_pool_help import busy
from tests.simulator.player import Payload, Player

CROWD = 200
FIRST_TO_START, NEXT_TO_START = "the first fox", "the next fox"


@asynccontextmanager
async def playing(**options: Any) -> AsyncIterator[Player]:
    """Log a person in at a simulator that is slow enough for events of its own to come between two requests."""
    async with (
        Simulator(accounts=1, seed=1, speed=60, options=Options(**options)) as simulator,
        aiohttp.ClientSession() as http,
        (discord := Discord(simulator, http)).connect() as client,
    ):
        await client.identify()
        yield Player(simulator, client, discord.call)


async def order_two(player: Player) -> None:
    """Order two grids where one slot is: the second starts when the first one's time is over."""
    await player.command("imagine", prompt=FIRST_TO_START)
    await player.event("MESSAGE_CREATE", lambda data: FIRST_TO_START in data["content"])
    await player.command("imagine", prompt=NEXT_TO_START)
    await player.event("MESSAGE_CREATE", lambda data: bool(data["embeds"]))
    await player.event("MESSAGE_CREATE", lambda data: NEXT_TO_START in data["content"] and "Waiting" in data["content"])


def said_of_the_first(player: Player) -> list[tuple[str, Payload]]:
    """List the events about the first job's messages, from its progress message on."""
    start = next(d for name, d in player.seen if name == "MESSAGE_CREATE" and FIRST_TO_START in d["content"])
    return [(n, d) for n, d in player.seen if d.get("id") == start["id"] or FIRST_TO_START in d.get("content", "")]


async def test_hundreds_of_jobs_start_while_nothing_can_be_drawn(player: Player):
    """Starts, first percents, HTTP and heartbeats do not wait for a picture."""
    world = player.simulator.world
    world.options.slots = CROWD
    with busy(world.drawing_pool):
        for n in range(CROWD):
            await player.command("imagine", prompt=f"fox {n}")
        for _ in range(CROWD):
            await player.start()
        await player.client.send(1, None)
        await player.client.payload(lambda payload: payload["op"] == 11)
        if not [data for name, data in player.seen if name == "MESSAGE_UPDATE" and "%)" in data["content"]]:
            await player.event("MESSAGE_UPDATE", lambda data: "%)" in data["content"])
        assert not [data for _, data in player.seen if data.get("attachments")]
        world.drawing_pool.clear()


async def test_the_slot_is_free_in_time_and_the_messages_come_in_order():
    """A late picture holds back what its job says after it, and nothing of another job."""
    async with playing(slots=1, delete_before_final=False) as player:
        with busy(player.simulator.world.drawing_pool):
            await order_two(player)
            assert not [d for _, d in player.seen if d.get("attachments")]
        await player.result()
        await player.result()

        names = [name for name, _ in said_of_the_first(player)]
    assert names[-2:] == ["MESSAGE_CREATE", "MESSAGE_DELETE"]
    assert set(names[1:-2]) <= {"MESSAGE_UPDATE"}


async def test_previews_that_a_later_percent_has_overtaken_are_not_drawn():
    """After the wait there is the first percent, and at most the last one's preview."""
    async with playing(slots=1) as player:
        with busy(player.simulator.world.drawing_pool):
            await order_two(player)
        await player.result()

        said = said_of_the_first(player)
    contents = [data["content"] for name, data in said if name == "MESSAGE_UPDATE"]
    assert len(contents) <= 2
    assert all("(93%)" in content for content in contents[1:])


async def ids_of_two(*, held: bool) -> dict[str, list[str]]:
    """Make two grids, drawn in time or all too late; give the ids of what came with pictures, by prompt."""
    async with playing(slots=1) as player:
        pool = player.simulator.world.drawing_pool
        if held:
            with busy(pool):
                await order_two(player)
        else:
            await order_two(player)
        results = [data for name, data in player.seen if name == "MESSAGE_CREATE" and data["attachments"]]
        while len(results) < 2:
            results.append(await player.result())
        return {
            data["content"]: [data["id"], data["attachments"][0]["id"], str(data["components"])] for data in results
        }


async def test_no_id_depends_on_when_a_picture_is_drawn():
    """Messages, attachments and job UUIDs repeat with the seed, whether drawing was quick or slow."""
    quick, slow = await ids_of_two(held=False), await ids_of_two(held=True)

    assert len(quick) == 2
    assert quick == slow


async def test_a_pick_answers_before_its_success_as_planned(player: Player):
    """Where the message comes first, INTERACTION_SUCCESS waits for its picture."""
    player.simulator.world.options.success_before_start = False
    grid = await player.imagine()
    with busy(player.simulator.world.drawing_pool) as go_on:
        before = len(player.seen)
        await player.press(grid, "U2")
        await player.event("INTERACTION_CREATE")
        go_on.set()
        await player.event("INTERACTION_SUCCESS")

    names = [name for name, _ in player.seen[before:]]
    assert names.index("MESSAGE_CREATE") < names.index("INTERACTION_SUCCESS")


async def test_reset_ends_what_was_still_to_be_drawn(player: Player):
    """No message of a forgotten job comes afterwards."""
    world = player.simulator.world
    with busy(world.drawing_pool):
        await player.command("imagine", prompt="forgotten")
        await player.event("MESSAGE_UPDATE")
        await player._call("POST", "/__sim/reset")
    grid = await player.imagine("remembered")

    assert "remembered" in grid["content"]
    assert not [d for _, d in player.seen if "forgotten" in d.get("content", "") and d["attachments"]]


def job(**changes: Any) -> Job:
    made: Job = object.__new__(Job)
    made.step_due, made.ends_at = 1, time.monotonic() + 10
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_a_preview_is_news_until_the_next_percent_is_due():
    assert not is_outdated(job(), 1)
    assert is_outdated(job(step_due=2), 1)


def test_the_last_preview_is_news_until_the_job_has_ended_for_a_while(monkeypatch):
    now = time.monotonic()
    monkeypatch.setattr(job_pictures, "time", SimpleNamespace(monotonic=lambda: now))

    assert not is_outdated(job(ends_at=now - PATIENCE / 2), 1)
    assert is_outdated(job(ends_at=now - PATIENCE * 2), 1)
