"""Scripts of what is late: two good looks at the channel before a Task fails, and what surely was never sent."""

from datetime import timedelta

import pytest
from midway.discord.event import Disconnected
from midway.domain.ids import MessageId, UserId
from midway.engine.core.core import PORTION, Core
from midway.engine.core.listener import Listener
from midway.engine.core.lookback import NEVER_SENT
from msgspec.structs import replace

from tests.engine.drawing import Drawing
from tests.engine.stage import CONNECTED, NO_PACE, Stage, id_of, the_task

LOOK = ["read the newest 2000"]
UNKNOWN = "FAILED OUTCOME_UNKNOWN"


def sent(stage: Stage) -> None:
    """Have Task 1 sent, and nothing heard of it; its answer is due in 30 seconds."""
    stage.take(the_task(1))
    stage.prepared(1)


def killed(stage: Stage) -> None:
    """Have the process killed and started anew, and the bot's time gone by; the channel is read the second time."""
    stage.restart()
    stage.history()
    stage.wait(31)
    stage.history()
    assert any(line.startswith("read") for line in stage.wait(6))


def test_two_looks_some_seconds_apart_come_before_a_failure() -> None:
    stage = Stage()
    sent(stage)

    assert stage.wait(29) == []
    assert stage.wait(2) == LOOK
    assert stage.history() == []
    assert stage.wait(4.9) == []
    assert stage.wait(1) == LOOK
    assert stage.history() == []
    assert stage.wait(1) == ["write 1 v3 FAILED, 1 ended"]
    assert stage.state(1) == UNKNOWN


def test_silence_after_the_answer_to_the_post_is_told_otherwise() -> None:
    stage = Stage()
    stage.until_running(the_task(1))
    for seconds in (31, 6, 1):
        stage.wait(seconds)
        stage.history()

    assert stage.state(1) == "FAILED ACK_TIMEOUT"


def test_a_look_that_began_before_the_deadline_does_not_count() -> None:
    stage = Stage()
    sent(stage)
    stage.wait(29)
    assert stage.do(Core.look) == LOOK
    stage.machine.let_pass(2)
    assert stage.history() == LOOK
    assert stage.history() == []
    assert stage.wait(4) == []
    assert stage.wait(1) == LOOK


def test_a_slow_look_does_not_count() -> None:
    stage = Stage()
    sent(stage)
    assert stage.wait(31) == LOOK
    stage.machine.let_pass(5.1)
    assert stage.history() == []
    assert stage.wait(5.2) == LOOK, "again, after as long"
    assert stage.history() == []
    assert stage.wait(4.9) == []
    assert stage.wait(1) == LOOK
    assert stage.history() == []
    assert stage.wait(1) == ["write 1 v3 FAILED, 1 ended"]


def test_a_look_that_discord_does_not_give_is_asked_for_again() -> None:
    stage = Stage()
    sent(stage)
    assert stage.wait(31) == LOOK
    assert stage.history(given=False) == []
    assert stage.wait(1.9) == []
    assert stage.wait(1) == LOOK


def test_two_that_are_late_together_cost_no_more_looks_than_one() -> None:
    stage = Stage(pace=NO_PACE)
    sent(stage)
    stage.take(the_task(2, prompt_en="a blue owl"))
    stage.prepared(2)

    assert stage.wait(31) == LOOK
    assert stage.history() == []
    assert stage.wait(1) == []
    assert stage.wait(4) == LOOK
    assert stage.history() == []
    assert stage.wait(1) == ["write 1 v3 FAILED, 1 ended", "write 2 v3 FAILED, 2 ended"]


@pytest.mark.parametrize("shown", ["start", "progress", "result"])
def test_a_trace_in_the_channel_saves_it(shown: str) -> None:
    stage = Stage()
    sent(stage)
    job = stage.draws(1)
    stage.wait(31)
    stage.history()
    job.started()
    if shown == "progress":
        job.progressed(31)
    if shown == "result":
        job.finished()
    stage.wait(6)
    stage.history(job.progress if shown != "result" else job.final)

    assert stage.wait(10) == []
    assert stage.state(1) == {"start": "SUBMITTED", "progress": "IN_PROGRESS", "result": "SUCCEEDED"}[shown]


def test_a_job_that_shows_no_life_any_more_fails_and_what_is_read_again_is_no_life() -> None:
    stage = Stage(idle_timeout=timedelta(seconds=60))
    job = stage.until_running(the_task(1))
    stage.hear(job.started())
    stage.hear(job.progressed(31))
    assert stage.wait(61)[0].startswith("read after")
    assert stage.history(job.progress) == []
    assert stage.wait(6)[0].startswith("read after")
    assert stage.history(job.progress) == []

    assert stage.wait(1) == ["write 1 v6 FAILED, 1 accepted interaction message job ended"]
    assert stage.state(1) == "FAILED IDLE_TIMEOUT"


def test_a_deleted_progress_message_makes_it_look_for_the_result() -> None:
    stage = Stage()
    job = stage.until_running(the_task(1))
    stage.hear(job.started())
    stage.hear(job.progressed(93))
    job.finished()
    assert stage.hear(job.deleted()) == []

    assert stage.wait(19.9) == []
    assert stage.wait(1) == [f"read after {job.interaction_id}, 2000 at most"]
    assert stage.history(job.final) == ["write 1 v6 SUCCEEDED, 1 accepted interaction message job settled"]


def test_a_lost_connection_is_waited_for_before_anything_fails() -> None:
    stage = Stage()
    sent(stage)
    stage.hear(Disconnected("lost"))
    stage.is_connected = False

    for _ in range(5):
        assert stage.wait(60) == []
    assert stage.wait(31) == ["write 1 v3 FAILED, 1 ended"]


def test_a_connection_that_comes_back_is_a_time_to_look() -> None:
    stage = Stage()
    sent(stage)
    stage.hear(Disconnected("lost"))
    stage.is_connected = False
    stage.wait(60)
    job = stage.draws(1)
    job.started()
    job.finished()
    stage.is_connected = True

    assert stage.hear(CONNECTED) == LOOK
    assert stage.history(job.final) == ["write 1 v3 SUCCEEDED, 1 accepted message job settled"]


def test_what_an_earlier_process_stored_and_never_sent_is_sent_when_the_channel_shows_no_trace() -> None:
    stage = Stage()
    sent(stage)
    assert stage.restart() == LOOK
    assert stage.history() == [], "the bot has not had its time"
    assert stage.wait(31) == LOOK
    assert stage.history() == [], "it may have fallen between a progress message and its picture"
    assert stage.wait(6) == LOOK
    assert stage.history() == ["write 1 v3 QUEUED, 1 settled", "prepare 1"]
    assert stage.tasks[id_of(1)].notices == (NEVER_SENT,)
    assert stage.prepared(1) == ["write 1 v4 SUBMITTING, +2", "post 2 command"]


def test_what_this_process_sent_is_never_sent_again() -> None:
    stage = Stage()
    sent(stage)

    assert stage.wait(31) == LOOK
    assert stage.history() == []
    assert stage.wait(6) == LOOK
    assert stage.history() == []
    assert stage.wait(1) == ["write 1 v3 FAILED, 1 ended"]
    assert len(stage.posts) == 1


@pytest.mark.parametrize("seconds", [26, 4])
def test_a_look_that_began_before_the_bot_had_its_time_is_no_proof(seconds: float) -> None:
    """What it shows may be as old as its beginning, however long it took."""
    stage = Stage()
    sent(stage)
    stage.wait(30 - seconds)
    assert stage.restart() == LOOK
    stage.machine.let_pass(seconds + 0.5)

    assert "write 1 v3 QUEUED, 1 settled" not in stage.history()


def test_a_slow_look_is_no_proof() -> None:
    stage = Stage()
    sent(stage)
    stage.wait(40)
    assert stage.restart() == LOOK
    stage.machine.let_pass(6)

    assert stage.history() == []
    assert stage.wait(6.1) == LOOK
    assert stage.history() == []
    assert stage.wait(6) == LOOK
    assert stage.history() == ["write 1 v3 QUEUED, 1 settled", "prepare 1"]


def test_a_job_that_nobody_can_place_makes_it_doubtful() -> None:
    stage = Stage()
    sent(stage)
    theirs = Drawing(stage.ids, stage.machine, 7, "a blue owl", None)
    killed(stage)

    assert stage.history(theirs.finished().message) == []
    assert stage.wait(1) == ["write 1 v3 FAILED, 1 ended"]
    assert stage.state(1) == UNKNOWN


def test_another_users_job_is_no_reason_for_doubt() -> None:
    stage = Stage()
    sent(stage)
    theirs = Drawing(stage.ids, stage.machine, 7, "a blue owl", None, user_id=UserId("77"))
    killed(stage)

    assert stage.history(theirs.finished().message)[0] == "write 1 v3 QUEUED, 1 settled"


def test_a_history_that_does_not_reach_back_is_no_proof() -> None:
    stage = Stage(max_history_messages=1)
    sent(stage)
    killed(stage)
    theirs = Drawing(stage.ids, stage.machine, 7, "a blue owl", None, user_id=UserId("77"))

    assert stage.history(theirs.finished().message) == []


def test_tasks_that_were_cancelled_and_may_still_be_drawn_make_it_doubtful() -> None:
    """Midjourney may have had no slot for it: a job that waits upstream leaves no trace."""
    stage = Stage(slots=1, pace=NO_PACE)
    stage.until_running(the_task(1))
    stage.do(lambda core: core.cancel(id_of(1)))
    stage.take(the_task(2, prompt_en="a blue owl"))
    stage.prepared(2)
    killed(stage)

    assert not [line for line in stage.history() if "QUEUED" in line]


def test_it_is_not_sent_again_where_the_operator_does_not_want_it() -> None:
    stage = Stage(resubmit_after_crash=False)
    sent(stage)
    killed(stage)

    assert stage.history() == []


def test_it_is_not_sent_again_too_often() -> None:
    stage = Stage(max_requeues=0)
    sent(stage)
    killed(stage)

    assert stage.history() == []


def test_what_ended_by_a_time_out_still_gets_its_picture() -> None:
    stage = Stage()
    sent(stage)
    job = stage.draws(1)
    for seconds in (31, 6, 1):
        stage.wait(seconds)
        stage.history()
    assert stage.state(1) == UNKNOWN

    stage.hear(job.started())
    assert stage.hear(job.finished())[-1].endswith("settled")
    assert stage.tasks[id_of(1)].late


def test_after_the_clock_was_set_earlier_looks_do_not_count() -> None:
    stage = Stage()
    sent(stage)
    stage.wait(31)
    stage.history()
    stage.core.clock_was_set(stage.tasks.values(), stage.attempts.values())

    assert stage.wait(1) == LOOK
    assert stage.history() == []
    assert stage.wait(1) == []


def test_the_channel_is_not_read_before_the_first_session() -> None:
    """It is not known yet to whom messages speak."""
    stage = Stage(connected=False)
    stage.core.recover((), ())
    stage.is_connected = True

    assert stage.wait(60) == []
    assert stage.hear(CONNECTED) == ["read the newest 200"]


def test_a_long_history_is_taken_in_portions() -> None:
    """Two thousand messages held the event loop for a second."""
    stage = Stage()
    stage.until_running(the_task(1))
    stage.do(Core.look)
    final = stage.draws(1).finished().message
    told = [replace(final, id=MessageId(str(int(final.id) + number)), nonce=None) for number in range(200)]
    portions = list(stage.core.history_read(told, len(told)))

    assert len(portions) > 3 * len(told) / PORTION, "to be read, to be compared, to be heard"
    assert sum(map(bool, portions)) == 10, "each tells of a further message of its Attempt"


def test_a_defect_in_a_look_is_not_the_last_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """The history counted as being read for ever."""
    stage = Stage()
    stage.until_running(the_task(1))
    assert stage.do(Core.look) != []

    def break_it(*_: object) -> None:
        raise KeyError("a defect")

    with monkeypatch.context() as broken:
        broken.setattr(Listener, "doubtful", break_it)
        with pytest.raises(KeyError):
            stage.history(stage.draws(1).finished().message)

    assert stage.wait(2.1) != []


def until_deleted(stage: Stage) -> Drawing:
    """Have a job whose progress message was deleted, and whose last message is lost."""
    job = stage.until_running(the_task(1))
    stage.hear(job.started())
    stage.hear(job.progressed(93))
    stage.hear(job.deleted())
    return job


def test_a_look_that_began_before_the_last_message_was_due_is_not_its_look() -> None:
    """It showed what was before, and nobody looked again for ten minutes."""
    stage = Stage()
    job = until_deleted(stage)
    stage.wait(stage.limits.final_grace.total_seconds() - 0.5)
    assert len(stage.do(Core.look)) == 1
    stage.machine.let_pass(1)
    assert len(stage.history()) == 1, "it is read again at once"
    job.finished()
    stage.history(job.final)

    assert stage.state(1) == "SUCCEEDED"


def test_a_slow_look_for_the_last_message_is_not_its_look() -> None:
    stage = Stage()
    job = until_deleted(stage)
    assert len(stage.wait(stage.limits.final_grace.total_seconds())) == 1
    stage.machine.let_pass(30)
    assert stage.history() == []
    job.finished()
    assert len(stage.wait(30)) == 1
    stage.history(job.final)

    assert stage.state(1) == "SUCCEEDED"
