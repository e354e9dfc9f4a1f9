"""Scripts of one Task from the queue to its picture: what came in, and what the core had done about it."""

import pytest
from midway.engine.core.client_requests import NOTHING_SENT, STILL_DRAWING
from midway.engine.core.core import Core

from tests.engine.stage import NO_PACE, Stage, a_press, id_of, the_task


def test_an_imagine_from_the_queue_to_its_picture() -> None:
    stage = Stage()

    assert stage.take(the_task(1)) == ["prepare 1"]
    assert stage.prepared(1) == ["write 1 v2 SUBMITTING, +1", "post 1 command"]
    assert stage.sent(1) == ["write 1 v3 SUBMITTED, 1 accepted"]
    job = stage.draws(1)
    assert stage.hear(job.created()) == ["write 1 accepted interaction"]
    assert stage.hear(job.succeeded()) == []
    assert stage.hear(job.started()) == ["write 1 v4 SUBMITTED, 1 accepted interaction message"]
    assert stage.hear(job.progressed(0)) == ["write 1 v5 IN_PROGRESS"]
    assert stage.hear(job.progressed(31)) == ["write 1 v6 IN_PROGRESS, 1 accepted interaction message job"]
    assert stage.hear(job.progressed(93)) == ["write 1 v7 IN_PROGRESS"]
    assert stage.hear(job.finished()) == ["write 1 v8 SUCCEEDED, 1 accepted interaction message job settled"]
    assert stage.hear(job.deleted()) == []

    task = stage.tasks[id_of(1)]
    assert (task.job_id, task.message_id) == (job.job_id, job.final.id if job.final else None)
    assert stage.wait(3600) == []


@pytest.mark.parametrize("how", [{}, {"final_is_edit": True}, {"final_has_interaction": True}])
@pytest.mark.parametrize("heard", ["final only", "start, final", "progress, final", "final, start", "final, final"])
def test_whatever_was_lost_or_came_twice_the_picture_is_found_once(how: dict[str, bool], heard: str) -> None:
    stage = Stage()
    stage.until_running(the_task(1))
    job = stage.draws(1, **how)
    start, progress, final = job.started(), job.progressed(31), job.finished()
    events = {"final only": [final], "start, final": [start, final], "progress, final": [progress, final]}
    events |= {"final, start": [final, start], "final, final": [final, final]}
    lines = [line for event in events[heard] for line in stage.hear(event)]

    assert sum(" SUCCEEDED" in line for line in lines) == 1
    assert (stage.state(1), stage.tasks[id_of(1)].job_id) == ("SUCCEEDED", job.job_id)


def test_an_answer_that_comes_after_the_first_message_tells_nothing_new() -> None:
    stage = Stage()
    stage.take(the_task(1))
    stage.prepared(1)
    job = stage.draws(1)

    assert stage.hear(job.started()) == ["write 1 v3 SUBMITTED, 1 accepted interaction message"]
    assert stage.hear(job.created()) == []
    assert stage.sent(1) == []


def test_a_post_is_let_go_when_its_attempt_is_stored() -> None:
    stage = Stage()
    stage.disk = "slow"
    stage.take(the_task(1))

    assert stage.prepared(1) == ["write 1 v2 SUBMITTING, +1", "post 1 command"]
    assert stage.posts == []
    stage.stored()
    assert [post.nonce for post in stage.posts] == [stage.nonce(1)]


def test_no_other_post_is_announced_while_one_waits_for_the_disk() -> None:
    """Two that wait for the disk would leave together."""
    stage = Stage()
    stage.disk = "slow"
    stage.take(the_task(1), the_task(2, prompt_en="a blue owl"))
    assert stage.prepared(1) == ["write 1 v2 SUBMITTING, +1", "post 1 command"]
    assert stage.prepared(2) == []
    assert stage.wait(20) == []

    assert stage.stored() == ["write 1"], "its time counts from now"
    assert stage.stored() == []
    assert stage.wait(1) == []
    assert stage.wait(0.2) == ["write 2 v2 SUBMITTING, +2", "post 2 command"]


def test_what_is_stored_after_its_task_has_ended_is_not_sent_any_more() -> None:
    stage = Stage()
    stage.disk = "slow"
    stage.take(the_task(1), the_task(2))
    stage.prepared(1)
    assert stage.do(lambda core: core.cancel(id_of(1))) == ["write 1 v3 CANCELLED"]

    assert stage.wait(2) == [], "the other one could be taken for it"
    assert stage.stored() == ["write 1 settled", "prepare 2"]
    assert stage.posts == []


def test_without_a_pace_all_that_is_ready_goes_at_once() -> None:
    stage = Stage(pace=NO_PACE)
    stage.disk = "slow"
    stage.take(the_task(1), the_task(2, prompt_en="a blue owl"))
    assert stage.prepared(1) == ["write 1 v2 SUBMITTING, +1", "post 1 command"]
    assert stage.prepared(2) == ["write 2 v2 SUBMITTING, +2", "post 2 command"]


def test_slots_are_counted_from_what_runs_and_what_is_prepared() -> None:
    stage = Stage(slots=2, pace=NO_PACE)
    tasks = [the_task(number, prompt_en=f"picture {number}") for number in range(1, 5)]

    assert stage.take(*tasks) == ["prepare 1", "prepare 2"]
    assert stage.prepared(1) == ["write 1 v2 SUBMITTING, +1", "post 1 command"]
    assert stage.prepared(2) == ["write 2 v2 SUBMITTING, +2", "post 2 command"]
    assert stage.do(lambda core: core.cancel(id_of(1))) == ["write 1 v3 CANCELLED", "prepare 3"]
    assert stage.hear(stage.draws(2).finished())[-1] == "prepare 4"


def test_work_beside_the_queue_takes_no_drawing_slot() -> None:
    stage = Stage(slots=1, pace=NO_PACE, unqueued_slots=1)
    drawn = (the_task(1), the_task(2, prompt_en="a blue owl"))
    beside = (a_press(3, "MJ::JOB::upsample::1::x"), a_press(4, "MJ::JOB::upsample::2::x"))

    assert stage.take(*drawn, *beside) == ["prepare 1", "prepare 3"]


def test_a_task_that_looks_like_one_in_flight_waits_for_that_ones_job_id() -> None:
    stage = Stage(pace=NO_PACE)
    stage.take(the_task(1), the_task(2))
    stage.prepared(1)
    job = stage.draws(1)

    assert stage.sent(1) == ["write 1 v3 SUBMITTED, 1 accepted"]
    assert stage.hear(job.started()) == ["write 1 v4 SUBMITTED, 1 accepted interaction message"]
    assert stage.hear(job.progressed(31)) == [
        "write 1 v5 IN_PROGRESS, 1 accepted interaction message job",
        "prepare 2",
    ]


def test_a_cancelled_task_still_gets_its_picture_late_and_holds_no_slot() -> None:
    stage = Stage(slots=1, pace=NO_PACE)
    stage.take(the_task(1), the_task(2, prompt_en="a blue owl"))
    stage.prepared(1)
    job = stage.draws(1)
    stage.hear(job.started())

    assert stage.do(lambda core: core.cancel(id_of(1))) == ["write 1 v4 CANCELLED", "prepare 2"]
    assert stage.hear(job.finished()) == ["write 1 v5 CANCELLED, 1 accepted interaction message job settled"]
    task = stage.tasks[id_of(1)]
    assert (task.late, task.job_id, task.notices) == (True, job.job_id, (STILL_DRAWING,))


def test_a_task_cancelled_while_it_is_prepared_is_not_sent() -> None:
    stage = Stage(slots=1)
    stage.take(the_task(1), the_task(2, prompt_en="a blue owl"))

    assert stage.do(lambda core: core.cancel(id_of(1))) == ["write 1 v2 CANCELLED"]
    assert stage.prepared(1) == ["prepare 2"]
    assert stage.tasks[id_of(1)].notices == (NOTHING_SENT,)


def test_what_was_prepared_before_a_defect_is_not_sent_twice() -> None:
    stage = Stage()
    stage.take(the_task(1))
    stage.core.recover(stage.tasks.values(), ())

    assert stage.prepared(1)[-1] == "prepare 1"
    assert stage.prepared(1) == ["write 1 v2 SUBMITTING, +1", "post 1 command"]
    assert stage.prepared(1) == []


def test_a_defect_before_the_sending_fails_the_task_and_frees_its_slot() -> None:
    stage = Stage(slots=1)
    stage.take(the_task(1), the_task(2))

    assert stage.do(lambda core: core.broke(id_of(1), "KeyError")) == ["write 1 v2 FAILED", "prepare 2"]
    assert stage.state(1) == "FAILED INTERNAL"


def test_a_defect_while_sending_fails_the_task_and_its_picture_may_come_late() -> None:
    stage = Stage()
    stage.take(the_task(1))
    stage.prepared(1)
    stage.core.send_queue.concluded(stage.nonce(1))

    assert stage.do(lambda core: core.broke(id_of(1), "KeyError")) == ["write 1 v3 FAILED, 1 ended"]
    assert stage.state(1) == "FAILED INTERNAL"
    assert stage.hear(stage.draws(1).finished()) == ["write 1 v4 FAILED, 1 accepted message job settled"]
    assert stage.tasks[id_of(1)].late


def test_a_task_that_somebody_else_wrote_is_sent_by_what_is_stored() -> None:
    """Its Attempt was never stored, so never sent; it must not be taken for one of a process that died."""
    stage = Stage()
    stage.disk = "slow"
    stage.take(the_task(1))
    stage.prepared(1)
    stage.lose(1)
    assert stage.wait(2) == ["prepare 1"]
    assert stage.prepared(1) == ["write 1 v3 SUBMITTING, +1", "post 1 command"]
    stage.stored()
    stage.sent(1)
    stage.hear(stage.draws(1).started())

    stage.wait(40)
    assert stage.do(Core.look) != []
    assert stage.history() == []
    assert stage.state(1) == "SUBMITTED"


def test_a_post_of_a_task_that_another_account_has_now_leaves_nothing_behind() -> None:
    stage = Stage(slots=1)
    stage.disk = "slow"
    stage.take(the_task(1), the_task(2))
    stage.prepared(1)
    stage.lose(1, moved=True)

    assert stage.wait(2) == ["prepare 2"]
    assert stage.prepared(2)[-1] == "post 1 command"


def test_an_event_that_comes_after_the_end_writes_nothing() -> None:
    stage = Stage()
    stage.take(the_task(1))
    stage.do(lambda core: core.cancel(id_of(1)))

    assert stage.do(lambda core: core.cancel(id_of(1))) == []
    assert stage.do(lambda core: core.broke(id_of(1), "KeyError")) == []


def test_a_disk_that_takes_long_costs_a_task_none_of_its_time() -> None:
    """It was given up for silence before it was sent, and its Interaction looked like another session's."""
    stage = Stage()
    stage.disk = "slow"
    stage.take(the_task(1))
    stage.prepared(1)

    assert stage.wait(60) == []
    assert stage.stored() == ["write 1"], "its time counts from now"
    assert stage.stored() == []
    assert stage.wait(29) == []
    assert stage.history(stage.draws(1).started().message) == ["write 1 v3 SUBMITTED, 1 accepted interaction message"]
