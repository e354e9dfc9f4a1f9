"""The gateway comes and goes; old proxies lost every running task with it, or drew it a second time."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from discord_simulator.app import Simulator
from discord_simulator.faults.handshake import ConnectionRefused, ResumeRefused
from discord_simulator.faults.sockets import SocketDropped
from midway.domain.account import AccountState
from midway.domain.errors import Reason
from midway.domain.task import State

from tests.faults.stage import stage
from tests.support.rig import Rig, control, simulator_running
from tests.support.upstream import assert_own_picture, eventually, faults, jobs, posts, requests

MID_JOB: dict[str, Any] = {"event": "MESSAGE_UPDATE", "content": r"%\)", "skip": 1}

BREAKS: dict[str, dict[str, Any]] = {
    "the socket is dropped without a word": {"fault": "SocketDropped"},
    "discord closes with 4000": {"fault": "SocketClosed", "code": 4000},
    "discord closes with 4008": {"fault": "SocketClosed", "code": 4008},
    "discord closes with 4009": {"fault": "SocketClosed", "code": 4009},
    "discord restarts": {"fault": "SocketClosed", "code": 1001},
    "discord asks to reconnect": {"fault": "ReconnectAsked"},
    "the session is invalid but can be resumed": {"fault": "SessionInvalidated", "resumable": True},
    "the session is invalid for good": {"fault": "SessionInvalidated"},
}


@pytest.mark.parametrize("fault", BREAKS.values(), ids=BREAKS.keys())
async def test_a_break_in_the_middle_of_a_job_costs_nothing(rig: Rig, fault: dict[str, Any]) -> None:
    """Each incident is named by the test's id: the job goes on upstream, and its end is not missed."""
    await rig.control("faults", **fault, **MID_JOB)
    ended = await rig.succeeded(await rig.imagine("a red fox"))

    assert faults(rig, fault["fault"]) == 1
    assert len(posts(rig)) == len(jobs(rig)) == 1
    await assert_own_picture(rig, ended)


async def test_a_final_that_came_during_a_long_outage_is_found(rig: Rig) -> None:
    """The gateway is away until the job is done, and refuses to resume: only the channel's history knows."""
    outage = ResumeRefused(times=None), ConnectionRefused(times=None), SocketDropped(**MID_JOB)
    with rig.simulator.world.incident(*outage):
        task = await rig.imagine("a red fox")
        await eventually(lambda: len(jobs(rig, "finished")) == 1, "the job ended while nobody listened")
        assert rig.engine.accounts()[0].state is AccountState.DISCONNECTED
    ended = await rig.succeeded(task)

    assert len(posts(rig)) == 1
    await assert_own_picture(rig, ended)


async def test_work_waits_for_the_connection_and_then_runs(rig: Rig) -> None:
    """A Task submitted during an outage is accepted, waits, and runs without being asked again."""
    await rig.control("faults", fault="ConnectionRefused", times=2)
    await rig.control("faults", fault="SocketDropped")
    await eventually(lambda: rig.engine.accounts()[0].state is AccountState.DISCONNECTED, "the account is offline")
    task = await rig.imagine("a red fox")

    assert task.state is State.QUEUED
    await assert_own_picture(rig, await rig.succeeded(task))


async def test_a_resumed_session_needs_no_look_at_the_history(rig: Rig) -> None:
    """Discord replays what was missed; reading two hundred messages after every hiccup would be noticed."""
    await rig.control("faults", fault="SocketDropped", **MID_JOB)
    await rig.succeeded(await rig.imagine("a red fox"))

    assert len(requests(rig, "history")) == 1  # the one after the first connection


HANDSHAKES: dict[str, dict[str, Any]] = {
    "the first word is late": {"fault": "HelloDelayed", "seconds": 0.3},
    "the account's description is late": {"fault": "ReadyDelayed", "seconds": 0.3},
    "the account's description is huge": {"fault": "ReadyHuge", "channels": 12_000},
    "the gateway is away at first": {"fault": "ConnectionRefused", "times": 1},
}


@pytest.mark.parametrize("fault", HANDSHAKES.values(), ids=HANDSHAKES.keys())
async def test_a_difficult_beginning_is_got_over(simulator: Simulator, tmp_path: Path, fault: dict[str, Any]) -> None:
    """Each incident is named by the test's id; work submitted afterwards is done."""
    await control(simulator, "faults", **fault)
    async with stage(simulator, tmp_path) as rig:
        await assert_own_picture(rig, await rig.succeeded(await rig.imagine("a red fox")))


async def test_a_message_that_matches_nothing_stops_nothing(rig: Rig) -> None:
    """The bot speaks of things that Midway never asked for, among them shapes that nobody has seen yet."""
    user = rig.engine.accounts()[0].user_id
    for content in ("", "**", "** - <@1>", "Create, explore", f"**x** - <@{user}> (Something new)"):
        await rig.control("messages", account=1, bot="mj", content=content)
    await rig.control("events", account=1, event="MESSAGE_CREATE", data={"id": "1"})
    await rig.control("events", account=1, event="INTERACTION_MODAL_CREATE", data={"id": "1", "nonce": "1"})

    await assert_own_picture(rig, await rig.succeeded(await rig.imagine("a red fox")))


@pytest.mark.parametrize("skew", [-300, 300])
async def test_clocks_that_disagree_cost_nothing(rig: Rig, skew: int) -> None:
    """Discord's clock and the server's are five minutes apart; ids, not times, tell what came first."""
    await rig.control("clock", skew_seconds=skew)
    await rig.control("faults", fault="FieldsMissing", event="MESSAGE_CREATE", content="Waiting to start")
    await rig.control("faults", fault="EventLost", event="MESSAGE_CREATE", content=r"\(fast\)")
    ended = await rig.succeeded(await rig.imagine("a red fox"))

    await assert_own_picture(rig, ended)


async def test_a_discord_that_forgot_everything_is_got_over(tmp_path: Path) -> None:
    """The other side was restarted and knows no job any more: the running Task fails, the next one is drawn."""
    async with simulator_running(accounts=1) as before, stage(before, tmp_path, idle_timeout=2) as rig:
        lost = await rig.imagine("a red fox __hang")
        await rig.until(lost.id, State.SUBMITTED)
        await before.stop()
        async with simulator_running(accounts=1, port=urlsplit(before.url).port) as after:
            rig.simulator = after
            ended = await rig.ended(lost)
            await assert_own_picture(rig, await rig.succeeded(await rig.imagine("a blue fox")))

        assert ended.failure is not None
        assert ended.failure.reason is Reason.IDLE_TIMEOUT
