"""Scripts of what happens while a decision waits for the disk, or was dropped by it."""

from datetime import timedelta

import pytest
from midway.discord.errors import RateLimited
from midway.domain.ids import MessageId
from midway.engine.core.client_requests import NOTHING_SENT
from midway.engine.core.core import Core
from midway.engine.core.effects import Effect
from midway.engine.core.listener import Listener
from midway.engine.core.reading import Reading
from msgspec.structs import replace

from tests.engine.stage import Stage, a_press, id_of, the_task


def test_a_pause_that_comes_while_the_disk_is_waited_for_is_kept() -> None:
    """Discord said 429 meanwhile; the pace of what left then cut that short."""
    stage = Stage()
    stage.disk = "slow"
    stage.take(the_task(1))
    stage.prepared(1)
    stage.core.send_queue.pause(60)
    stage.stored()
    wake_at = stage.core.send_queue.wake_at()

    assert wake_at is not None
    assert wake_at - stage.machine.monotonic() == pytest.approx(60)


def test_what_is_sent_beside_the_tasks_waits_for_what_waits_for_the_disk() -> None:
    """A seed's command left while the disk hung, and the Task's as soon as it was back: together."""
    stage = Stage()
    stage.disk = "slow"
    stage.take(the_task(1))
    stage.prepared(1)
    stage.wait(60)
    pace = stage.limits.pace.total_seconds()

    assert stage.core.send_queue.wait_beside() == pace
    stage.stored()
    stage.stored()
    assert stage.core.send_queue.wait_beside() == pytest.approx(pace)
    stage.wait(pace)
    assert stage.core.send_queue.wait_beside() == 0


def left_after(seconds: float) -> Stage:
    """Have a Task's Interaction leave after the disk was waited for so long, and the process die just then."""
    stage = Stage()
    stage.disk = "slow"
    stage.take(the_task(1))
    stage.prepared(1)
    stage.wait(seconds)
    while not stage.posts:
        stage.stored()
    stage.disk = "quick"
    stage.restart()
    return stage


def test_what_left_after_a_long_wait_for_the_disk_and_a_kill_is_not_sent_again() -> None:
    """Its Attempt looked as if the bot had had its time to answer; it had just left."""
    stage = left_after(40)
    for _ in range(3):
        stage.history()
        stage.wait(6)

    assert stage.state(1) == "SUBMITTING"
    assert len(stage.posts) == 1


def test_what_left_after_a_long_wait_for_the_disk_and_a_kill_finds_its_picture() -> None:
    """Its Interaction was too young for its Attempt, and so another session's."""
    stage = left_after(120)
    job = stage.draws(1)
    stage.history(job.started().message)
    stage.hear(job.finished())

    assert stage.state(1) == "SUCCEEDED"


def test_a_wait_for_the_disk_that_is_longer_than_any_silence_is_none_of_the_bots() -> None:
    stage = Stage()
    stage.disk = "slow"
    stage.take(the_task(1))
    stage.prepared(1)
    stage.wait(stage.limits.total_timeout.total_seconds())
    while not stage.posts:
        stage.stored()
    for _ in range(3):
        stage.history()
        assert stage.wait(6) == []


def test_an_attempt_whose_task_is_lost_is_not_given_up_before_that_is_read_anew() -> None:
    """What the disk does not have would have been written, and its modal not answered any more."""
    stage = Stage()
    stage.until_running(the_task(1))
    stage.core.lose(id_of(1))
    for _ in range(3):
        stage.wait(stage.limits.total_timeout.total_seconds())
        stage.history()
    stage.core.regain(id_of(1), stage.tasks[id_of(1)], stage.attempts.values())

    assert stage.core.ledger.attempt(stage.nonce(1)) == stage.attempts[stage.nonce(1)]
    assert stage.attempts[stage.nonce(1)].is_open


def test_what_is_cancelled_while_its_second_attempt_waits_for_the_disk_was_not_sent() -> None:
    stage = Stage(pace=timedelta(0))
    stage.take(the_task(1))
    stage.prepared(1)
    stage.sent(1, RateLimited("slow down", retry_after=1))
    stage.disk = "slow"
    stage.wait(1)
    stage.prepared(1)
    assert stage.state(1) == "SUBMITTING"
    stage.do(lambda core: core.cancel(id_of(1)))

    assert stage.tasks[id_of(1)].notices[-1] == NOTHING_SENT


def test_what_an_account_decided_before_it_was_paused_is_not_sent_and_waits_anew() -> None:
    stage = Stage()
    stage.disk = "slow"
    stage.take(a_press(1, "MJ::JOB::upsample::1::x"))
    stage.prepared(1)
    stage.do(lambda core: core.pause("a captcha"))
    stage.stored()

    assert stage.posts == []
    assert stage.state(1) == "QUEUED"


def test_what_was_read_before_an_attempt_stays_known_when_the_clock_is_set() -> None:
    stage = Stage(pace=timedelta(0))
    stage.until_running(the_task(1))
    stage.hear(stage.draws(1).finished())
    stage.take(the_task(2))
    stage.prepared(2)
    before = dict(stage.core.ledger.index.newest_before)
    stage.core.clock_was_set(stage.tasks.values(), stage.attempts.values())

    assert any(before.values())
    assert stage.core.ledger.index.newest_before == before


def test_a_defect_costs_what_comes_after_it_and_not_what_was_decided_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory had the end of the Task, and the store never heard of it."""
    stage = Stage()
    stage.until_running(the_task(1))
    job = stage.draws(1)
    final = job.finished().message
    other = replace(final, id=MessageId(str(int(final.id) + 1)))
    hear = Listener.read_again

    def break_on_the_other(listener: Listener, reading: Reading, *, in_doubt: bool) -> tuple[list[Effect], bool]:
        if reading.message.id == other.id:
            raise KeyError("a defect")
        return hear(listener, reading, in_doubt=in_doubt)

    monkeypatch.setattr(Listener, "read_again", break_on_the_other)
    stage.do(Core.look)

    assert stage.history(final, other)[0].startswith("write 1 v4 SUCCEEDED")
