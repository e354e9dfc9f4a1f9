"""Scripts of what Discord and Midjourney refuse: what certainly was not taken is sent again, what is in doubt never."""

from datetime import timedelta

import pytest
from midway.discord.errors import (
    BotMissing,
    CaptchaWanted,
    DiscordError,
    Forbidden,
    NotConnected,
    RateLimited,
    Rejected,
    Unauthorized,
    Unknown,
    UnknownMessage,
    Unreachable,
    UploadFailed,
)
from midway.discord.event import Embed, MessageCreated
from midway.domain.ids import MessageId
from midway.engine.core.classify import EPHEMERAL

from tests.engine.stage import NO_PACE, Lines, Stage, id_of, the_task
from tests.unit.making import a_message

AGAIN = ["write 1 v3 QUEUED, 1 settled"]
NEXT = "prepare 1"
FAILED = ["write 1 v3 FAILED, 1 settled"]

OUTCOMES: dict[str, tuple[DiscordError, Lines, float]] = {
    "slow down": (RateLimited("slow down", retry_after=7), AGAIN, 7),
    "not connected": (NotConnected("lost"), [*AGAIN, NEXT], 0),
    "not reached": (Unreachable("no way"), AGAIN, 5),
    "gone": (UnknownMessage("gone", status=404), FAILED, 0),
    "no bot": (BotMissing("no bot"), FAILED, 0),
    "no": (Rejected("no", status=400), FAILED, 0),
    "not known": (Unknown("5xx"), [], 0),
}


@pytest.mark.parametrize(("error", "follows", "pause"), OUTCOMES.values(), ids=OUTCOMES.keys())
def test_what_an_error_means_for_its_task(error: DiscordError, follows: Lines, pause: float) -> None:
    stage = Stage(pace=NO_PACE)
    stage.take(the_task(1))
    stage.prepared(1)

    assert stage.sent(1, error) == follows
    if pause:
        assert stage.wait(pause - 0.1) == []
        assert stage.wait(0.1) == [NEXT]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (Unauthorized("401", status=401), "INVALID"),
        (Forbidden("verify", status=403, code=40002), "PAUSED"),
        (CaptchaWanted("captcha", status=400), "PAUSED"),
    ],
)
def test_what_needs_a_person_keeps_the_task_and_stops_the_account(error: DiscordError, state: str) -> None:
    stage = Stage(pace=NO_PACE)
    stage.take(the_task(1, account_id="1001"))
    stage.prepared(1)

    assert stage.sent(1, error) == [*AGAIN, f"write account {state}", "write 1 v4 QUEUED"]
    assert stage.wait(600) == []
    assert stage.do(lambda core: core.resume()) == ["write account ACTIVE", NEXT]


def test_a_message_that_proves_the_acceptance_counts_more_than_an_error() -> None:
    stage = Stage()
    stage.take(the_task(1))
    stage.prepared(1)
    stage.hear(stage.draws(1).started())

    assert stage.sent(1, RateLimited("slow down", retry_after=1)) == []
    assert stage.state(1) == "SUBMITTED"


def test_a_task_is_sent_so_often_and_once_more() -> None:
    stage = Stage(pace=NO_PACE, max_requeues=2)
    stage.take(the_task(1))
    for attempt in (1, 2):
        stage.prepared(1)
        assert stage.sent(attempt, NotConnected("lost"))[-1] == NEXT
    stage.prepared(1)

    assert stage.sent(3, NotConnected("lost")) == ["write 1 v7 FAILED, 3 settled"]
    assert stage.state(1) == "FAILED UPSTREAM_REJECTED"


def queue_full(stage: Stage, attempt: int, number: int) -> MessageCreated:
    """Have Midjourney refuse an Interaction because too many wait."""
    embed = Embed(title="Queue full", description="Please wait for other jobs to finish first", color=0xFF0000)
    said = a_message(id=MessageId(str(number)), embeds=(embed,), nonce=stage.nonce(attempt), flags=EPHEMERAL)
    return MessageCreated(said)


def test_a_full_queue_upstream_sends_the_task_again_after_a_pause() -> None:
    stage = Stage(pace=NO_PACE)
    stage.until_running(the_task(1))
    full = queue_full(stage, 1, 6001)

    assert stage.hear(full) == ["write 1 v4 QUEUED, 1 accepted message settled"]
    assert stage.hear(full) == [], "told twice"
    assert stage.wait(9.9) == []
    assert stage.wait(0.1) == [NEXT]
    assert stage.prepared(1) == ["write 1 v5 SUBMITTING, +2", "post 2 command"]
    assert stage.hear(full) == [], "told again while the next try is on its way"
    assert stage.state(1) == "SUBMITTING"


def test_a_queue_that_stays_full_fails_the_task() -> None:
    stage = Stage(pace=NO_PACE, max_requeues=0)
    stage.until_running(the_task(1))

    assert stage.hear(queue_full(stage, 1, 6001)) == ["write 1 v4 FAILED, 1 accepted message settled"]
    assert stage.state(1) == "FAILED UPSTREAM_QUEUE_FULL"


def test_an_upload_that_fails_fails_its_task() -> None:
    stage = Stage()
    stage.take(the_task(1))

    assert stage.do(lambda core: core.unprepared(id_of(1), UploadFailed("too large"))) == ["write 1 v2 FAILED"]
    assert stage.state(1) == "FAILED UPLOAD_FAILED"


@pytest.mark.parametrize(
    ("error", "pause"), [(None, 1), (NotConnected("lost"), 1), (RateLimited("slow down", retry_after=7), 7)]
)
def test_an_upload_that_may_succeed_later_is_tried_later(error: DiscordError | None, pause: float) -> None:
    stage = Stage()
    stage.take(the_task(1))

    assert stage.do(lambda core: core.unprepared(id_of(1), error)) == []
    assert stage.wait(pause - 0.1) == []
    assert stage.wait(0.1) == [NEXT]


def test_links_of_uploaded_pictures_are_kept_for_the_next_try() -> None:
    stage = Stage(pace=NO_PACE)
    stage.take(the_task(1))

    assert stage.prepared(1, "https://cdn/1") == [
        "write 1 v2 QUEUED",
        "write 1 v3 SUBMITTING, +1",
        "post 1 command",
    ]
    assert stage.tasks[id_of(1)].input_urls == ("https://cdn/1",)


def test_a_task_that_waits_too_long_in_the_queue_fails() -> None:
    stage = Stage(slots=0, queue_timeout=timedelta(minutes=1))
    assert stage.take(the_task(1)) == []
    assert stage.wait(59) == []
    assert stage.wait(1) == ["write 1 v2 FAILED"]
    assert stage.state(1) == "FAILED QUEUE_TIMEOUT"


def test_the_outcome_of_a_post_that_nobody_knows_here_changes_nothing() -> None:
    stage = Stage()
    stage.take(the_task(1))
    stage.prepared(1)
    nonce = stage.nonce(1)
    stage.core.recover([stage.tasks[id_of(1)]], ())

    assert not [line for line in stage.do(lambda core: core.sent(nonce, None)) if line.startswith("write")]
