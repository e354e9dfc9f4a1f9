"""How Discord answers a POST of an Interaction. Midjourney costs money: nothing is ever sent again on doubt."""

from pathlib import Path
from typing import Any

import pytest
from discord_simulator.app import Simulator
from midway.domain.account import AccountState
from midway.domain.action import Action
from midway.domain.errors import Reason
from midway.domain.task import State

from tests.faults.stage import stage
from tests.support.rig import Rig
from tests.support.upstream import assert_own_picture, faults, in_state, jobs, later, noticed, posts

ANSWERS_LOST: dict[str, dict[str, Any]] = {
    "the answer is a 504 although it was taken": {"fault": "ServerErrorAfterAccept"},
    "the answer never comes although it was taken": {"fault": "TimeOutAfterAccept", "seconds": 3},
    "the connection breaks although it was taken": {"fault": "ConnectionCut", "accepted": True},
}


@pytest.mark.parametrize("fault", ANSWERS_LOST.values(), ids=ANSWERS_LOST.keys())
async def test_a_lost_answer_to_a_job_that_runs_costs_no_second_job(rig: Rig, fault: dict[str, Any]) -> None:
    """Each incident is named by the test's id: the events prove that Discord took it."""
    await rig.control("faults", **fault)
    ended = await rig.succeeded(await rig.imagine("a red fox"))

    assert len(posts(rig)) == len(jobs(rig)) == faults(rig, fault["fault"]) == 1
    await assert_own_picture(rig, ended)


async def test_a_job_whose_answer_and_first_events_are_lost_is_still_found(rig: Rig) -> None:
    """Nothing tells that it was taken until its progress shows in the channel."""
    await rig.control("faults", fault="ServerErrorAfterAccept")
    for event in ("INTERACTION_CREATE", "INTERACTION_SUCCESS", "MESSAGE_CREATE"):
        await rig.control("faults", fault="EventLost", event=event)
    ended = await rig.succeeded(await rig.imagine("a red fox"))

    assert len(posts(rig)) == len(jobs(rig)) == 1
    await assert_own_picture(rig, ended)


async def test_an_answer_slower_than_our_patience_costs_no_second_job(simulator: Simulator, tmp_path: Path) -> None:
    """Discord takes it only after we have given up waiting for its answer: the job begins late, and is followed."""
    async with stage(simulator, tmp_path, patience={"interact_timeout": 0.5}) as rig:
        await rig.control("faults", fault="SlowAnswer", seconds=1)
        ended = await rig.succeeded(await rig.imagine("a red fox"))

        assert len(jobs(rig)) == faults(rig, "SlowAnswer") == 1
        await assert_own_picture(rig, ended)


async def test_a_job_that_begins_after_its_task_was_given_up_is_attached(simulator: Simulator, tmp_path: Path) -> None:
    """Slower still: the Task has failed, its outcome unknown; its picture comes late and is marked so."""
    async with stage(simulator, tmp_path, patience={"interact_timeout": 0.2}, ack_timeout=0.2) as rig:
        await rig.control("faults", fault="SlowAnswer", seconds=2)
        ended = await rig.ended(await rig.imagine("a red fox"))
        attached = await later(rig, ended, lambda task: task.image is not None)

        assert ended.failure is not None
        assert ended.failure.reason is Reason.OUTCOME_UNKNOWN
        assert attached.late
        assert len(jobs(rig)) == 1


NOT_TAKEN: dict[str, dict[str, Any]] = {
    "500 before anything happened": {"fault": "ServerError", "status": 500},
    "502 before anything happened": {"fault": "ServerError", "status": 502},
    "the connection breaks before anything happened": {"fault": "ConnectionCut"},
}


@pytest.mark.parametrize("fault", NOT_TAKEN.values(), ids=NOT_TAKEN.keys())
async def test_an_outcome_that_nothing_decides_fails_as_unknown(hasty: Rig, fault: dict[str, Any]) -> None:
    """Each incident is named by the test's id: neither an event nor the history shows a job; it is not sent again."""
    await hasty.control("faults", **fault)
    ended = await hasty.ended(await hasty.imagine("a red fox"))

    assert ended.failure is not None
    assert ended.failure.reason is Reason.OUTCOME_UNKNOWN
    assert len(posts(hasty)) == len(jobs(hasty)) == 0
    assert faults(hasty, fault["fault"]) == 1


RETRIED: dict[str, dict[str, Any]] = {
    "429 with Retry-After": {"fault": "TooManyRequests", "retry_after": 0.1},
    "429 without the header": {"fault": "TooManyRequests", "retry_after": 0.1, "with_header": False},
    "429 for the whole client": {"fault": "TooManyRequests", "retry_after": 0.1, "is_global": True},
    "the command's version has changed": {"fault": "CommandOutdated"},
}


@pytest.mark.parametrize("fault", RETRIED.values(), ids=RETRIED.keys())
async def test_a_sure_refusal_that_passes_is_tried_again(rig: Rig, fault: dict[str, Any]) -> None:
    """Named by the test's id: Discord said that it was not taken, so one POST more is no second job."""
    await rig.control("faults", **fault)
    ended = await rig.succeeded(await rig.imagine("a red fox"))

    assert len(jobs(rig)) == faults(rig, fault["fault"]) == 1
    await assert_own_picture(rig, ended)


async def test_commands_registered_anew_are_looked_up_again(rig: Rig) -> None:
    """Midjourney re-registered its commands in May 2024 and every proxy with fixed versions stood still."""
    await rig.succeeded(await rig.imagine("a red fox"))
    await rig.control("commands/bump")

    await rig.succeeded(await rig.imagine("a blue fox"))
    assert len(jobs(rig)) == 2


async def test_a_button_that_is_gone_fails_the_press_and_says_so(rig: Rig) -> None:
    """A moderator deleted the grid; the client learns that the parent has expired."""
    grid = await rig.succeeded(await rig.imagine("a red fox"))
    await rig.control("faults", fault="MessageGone")
    ended = await rig.ended(await rig.change(grid, Action.UPSCALE, 1))

    assert ended.failure is not None
    assert ended.failure.reason is Reason.PARENT_EXPIRED


NEEDS_A_PERSON: dict[str, tuple[str, AccountState]] = {
    "the token is refused": ("TokenRefused", AccountState.INVALID),
    "the account must be verified": ("VerificationDemanded", AccountState.PAUSED),
    "the account has no access": ("AccessLost", AccountState.PAUSED),
    "a captcha is wanted": ("CaptchaDemanded", AccountState.PAUSED),
}


@pytest.mark.parametrize(("fault", "state"), NEEDS_A_PERSON.values(), ids=NEEDS_A_PERSON.keys())
async def test_a_refusal_that_needs_a_person_pauses_the_account_and_says_why(
    rig: Rig, fault: str, state: AccountState
) -> None:
    """Each incident is named by the test's id: nothing more is sent, the Task waits, the reason is told."""
    await rig.control("faults", fault=fault)
    task = await rig.imagine("a red fox")
    waiting = await noticed(rig, task, "waits for a person")

    account = rig.engine.accounts()[0]
    assert account.state is state
    assert account.reason
    assert waiting.state is State.QUEUED
    assert len(jobs(rig)) == 0


@pytest.mark.parametrize("fault", [fault for fault, _ in NEEDS_A_PERSON.values()])
async def test_a_task_of_a_paused_account_moves_to_another(pair: Rig, fault: str) -> None:
    """One account of two is refused: its waiting Task is drawn by the other one, once."""
    await pair.control("faults", fault=fault)
    ended = await pair.succeeded(await pair.imagine("a red fox"))

    states = {account.id: account.state for account in pair.engine.accounts()}
    assert ended.account_id is not None
    assert states[ended.account_id] is AccountState.ACTIVE
    assert len(set(states.values())) == 2
    assert len(jobs(pair)) == 1
    await assert_own_picture(pair, ended)


async def test_a_press_waits_for_its_own_account(pair: Rig) -> None:
    """A button can be pressed only where its message is: the Task waits for the operator, then runs there."""
    grid = await pair.succeeded(await pair.imagine("a red fox"))
    await pair.control("faults", fault="VerificationDemanded")
    pressed = await pair.change(grid, Action.UPSCALE, 2)
    await noticed(pair, pressed, "waits for a person")
    assert grid.account_id is not None
    await pair.engine.resume_account(grid.account_id)
    ended = await pair.succeeded(pressed)

    assert ended.account_id == grid.account_id


async def test_a_refused_token_is_tried_again_when_the_operator_says_so(rig: Rig) -> None:
    """Discord refused the token for an hour: the operator resumes the account, and it connects and works."""
    await rig.control("accounts/1", access="revoked")
    account = await in_state(rig, AccountState.INVALID)
    await rig.control("accounts/1", access="ok")
    await rig.engine.resume_account(account.id)
    await in_state(rig, AccountState.ACTIVE)

    assert (await rig.ended(await rig.imagine("a red fox"))).state is State.SUCCEEDED


async def test_an_account_that_is_refused_says_so_and_not_that_it_is_active(rig: Rig) -> None:
    """Old proxies showed a dead account as running, and its Tasks as submitted, for ever."""
    await rig.control("accounts/1", access="revoked")
    await in_state(rig, AccountState.INVALID)
    await rig.engine.resume_account(rig.engine.accounts()[0].id)

    await in_state(rig, AccountState.INVALID)
    assert not rig.engine.accounts()[0].takes_work
