"""Scripts of outcomes that come when their Task has gone on: of an Attempt that another one followed, or that drew."""

from typing import Any

import pytest
from midway.discord.errors import DiscordError, NotConnected, RateLimited, Rejected
from midway.discord.event import Embed, InteractionFailed, MessageCreated, MessageUpdated
from midway.domain.account import AccountState
from midway.domain.action import Action
from midway.domain.ids import JobId
from msgspec.structs import replace

from tests.engine.stage import NO_PACE, Stage, id_of, the_task

BLOCKED = Embed(title="Blocked", description="Sorry, you are temporarily blocked from Midjourney", color=0xFF0000)
SLOW_DOWN = RateLimited("slow down", retry_after=1)


def sent_again() -> Stage:
    """Have a Task whose first Attempt was refused, and whose second one is on its way."""
    stage = Stage(pace=NO_PACE)
    stage.take(the_task(1))
    stage.prepared(1)
    stage.hear(stage.refusal(1))
    assert stage.state(1) == "QUEUED"
    stage.wait(stage.limits.queue_full_pause.total_seconds())
    stage.prepared(1)
    assert len(stage.posts) == 2
    return stage


@pytest.mark.parametrize("outcome", [None, SLOW_DOWN, NotConnected("lost")])
def test_the_outcome_of_a_refused_attempt_is_not_that_of_the_next(outcome: DiscordError | None) -> None:
    stage = sent_again()
    stage.sent(1, outcome)

    assert stage.state(1) == "SUBMITTING"
    assert stage.core.ledger.attempts(id_of(1))[-1].is_open


def test_a_second_refusal_of_an_attempt_is_not_that_of_the_next() -> None:
    stage = sent_again()
    stage.hear(stage.refusal(1))

    assert stage.state(1) == "SUBMITTING"


def test_what_a_late_refusal_tells_of_the_account_counts() -> None:
    stage = sent_again()
    stage.hear(stage.refusal(1, BLOCKED))

    assert stage.state(1) == "SUBMITTING"
    assert stage.core.account(0).state is AccountState.PAUSED


def test_nothing_is_sent_a_third_time_while_the_second_one_is_drawn() -> None:
    stage = sent_again()
    stage.sent(2)
    stage.sent(1, NotConnected("lost"))
    stage.wait(2)

    assert stage.state(1) == "SUBMITTED"


@pytest.mark.parametrize("percent", [None, 31])
def test_a_message_proves_more_than_an_error(percent: int | None) -> None:
    """It names no Interaction, and was found by its nonce."""
    stage = Stage(pace=NO_PACE)
    stage.take(the_task(1))
    stage.prepared(1)
    job = stage.draws(1)
    nameless: dict[str, Any] = {"interaction_id": None, "interaction_user_id": None, "interaction_name": ""}
    stage.hear(MessageCreated(replace(job.started().message, **nameless)))
    if percent is not None:
        stage.hear(MessageUpdated(replace(job.progressed(percent).message, **nameless)))
    state = stage.state(1)
    stage.sent(1, SLOW_DOWN)

    assert stage.state(1) == state
    assert stage.core.ledger.attempts(id_of(1))[-1].is_open


def test_a_failed_interaction_whose_job_is_drawn_has_not_failed() -> None:
    stage = Stage(pace=NO_PACE)
    job = stage.until_running(the_task(1))
    stage.hear(job.started())
    stage.hear(job.progressed(31))
    stage.hear(InteractionFailed(job.interaction_id, stage.nonce(1)))
    stage.hear(job.finished())

    assert stage.state(1) == "SUCCEEDED"


@pytest.mark.parametrize(
    ("outcome", "state"),
    [(SLOW_DOWN, "QUEUED"), (NotConnected("lost"), "QUEUED"), (Rejected("no", status=400), "FAILED UPSTREAM_REJECTED")],
)
def test_a_show_names_its_job_before_it_is_sent_and_that_proves_nothing(outcome: DiscordError, state: str) -> None:
    """It waited ten minutes for an answer to what was refused."""
    stage = Stage(pace=NO_PACE)
    stage.take(the_task(1, action=Action.SHOW, show_job_id=JobId("11111111-2222-3333-4444-555555555555")))
    stage.prepared(1)
    stage.sent(1, outcome)

    assert stage.state(1) == state


def test_a_show_that_nobody_answers_fails_by_its_acknowledgement() -> None:
    stage = Stage(pace=NO_PACE)
    stage.take(the_task(1, action=Action.SHOW, show_job_id=JobId("11111111-2222-3333-4444-555555555555")))
    stage.prepared(1)
    stage.sent(1)
    for seconds in (31, 6, 1):
        stage.wait(seconds)
        stage.history()

    assert stage.state(1) == "FAILED ACK_TIMEOUT"
