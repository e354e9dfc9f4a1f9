"""Each real message, said about a Task in flight, brings it to the end that it means.

Through the gateway, discord.py-self, the engine and SQLite.
"""

import pytest
from midway.domain.account import AccountState
from midway.domain.attempt import Attempt
from midway.domain.errors import Reason
from midway.domain.task import State, Task
from midway.rpc.legacy.task_json import old_task

from tests.payloads.expected import Kind, Payload, payloads
from tests.payloads.saying import a_final, about, addressed, in_flight, said
from tests.support.rig import Rig
from tests.support.upstream import in_state, noticed

PAUSES = {Reason.ACCOUNT_PAUSED, Reason.VERIFICATION_REQUIRED}
ALL = payloads()
OF_A_JOB = [each for each in ALL if each.kind not in {Kind.NOTHING, Kind.HUMAN_CHECK, Kind.NO_HUMAN_CHECK}]
OF_NO_JOB = [each for each in ALL if each.kind in {Kind.NOTHING, Kind.NO_HUMAN_CHECK}]
HUMAN_CHECKS = [each for each in ALL if each.kind is Kind.HUMAN_CHECK]


def name_of(payload: Payload) -> str:
    """Name a case."""
    return payload.name


@pytest.mark.parametrize("payload", OF_A_JOB, ids=name_of)
async def test_a_task_ends_as_the_message_means(rig: Rig, payload: Payload) -> None:
    task, attempt = await in_flight(rig)
    await said(rig, payload.event, about(rig, payload, attempt))

    match payload.kind:
        case Kind.FINISHED:
            ended = await rig.succeeded(task)
            assert ended.message_id == about(rig, payload, attempt)["id"]
            assert payload.speed in {None, ended.actual_speed}
        case Kind.REJECTED:
            await assert_refused(rig, payload, await rig.ended(task))
        case Kind.PROGRESSED:
            drawn = await rig.until(task.id, State.IN_PROGRESS)
            assert drawn.progress == min(payload.number or 0, 99)
            await assert_still_followed(rig, task, attempt)
        case Kind.QUEUED_UPSTREAM:
            await noticed(rig, task, payload.words[0])
            await assert_still_followed(rig, task, attempt)
        case _:
            await assert_still_followed(rig, task, attempt)


@pytest.mark.parametrize("payload", OF_NO_JOB, ids=name_of)
async def test_what_is_about_no_job_changes_none(rig: Rig, payload: Payload) -> None:
    task, attempt = await in_flight(rig)
    await said(rig, payload.event, addressed(rig, payload.data))

    await assert_still_followed(rig, task, attempt)
    account = rig.engine.accounts()[0]
    assert (account.state, account.unknown_remarks) == (AccountState.ACTIVE, 0)
    assert account.remix is ("remix True" in payload.means)


@pytest.mark.parametrize("payload", HUMAN_CHECKS, ids=name_of)
async def test_a_check_for_a_person_pauses_and_ends_the_task(rig: Rig, payload: Payload) -> None:
    task, attempt = await in_flight(rig)
    await said(rig, payload.event, payload.data | {"nonce": attempt.nonce, "id": attempt.interaction_id})
    ended = await rig.ended(task)

    assert ended.failure is not None
    assert ended.failure.reason is Reason.VERIFICATION_REQUIRED
    await in_state(rig, AccountState.PAUSED)


async def assert_refused(rig: Rig, payload: Payload, ended: Task) -> None:
    """Fail unless it failed for the right reason, in Midway's API and the old one with the bot's own words."""
    failure = ended.failure
    assert failure is not None
    assert payload.reason in {None, failure.reason}
    assert all(word in failure.message for word in payload.words)
    assert all(word in str(old_task(ended)["failReason"]) for word in payload.words)
    await in_state(rig, AccountState.PAUSED if failure.reason in PAUSES else AccountState.ACTIVE)


async def assert_still_followed(rig: Rig, task: Task, attempt: Attempt) -> None:
    """Fail unless the Task's own picture still ends it."""
    await said(rig, "MESSAGE_CREATE", a_final(rig, message_reference={"message_id": attempt.message_ids[0]}))

    await rig.succeeded(task)
