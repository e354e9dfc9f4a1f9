"""Scripts of defects of our own: each costs the Task that it is about, and holds up no other."""

from collections.abc import Callable
from operator import methodcaller
from typing import Any

import pytest
from midway.discord.event import Message
from midway.domain.attempt import Attempt
from midway.domain.ids import MessageId
from midway.domain.notice import deserves_notice
from midway.domain.task import Task
from midway.engine import commands
from midway.engine.core import classify, deadline
from midway.engine.core.core import Core
from midway.engine.core.effects import Change
from midway.engine.core.job_news import JobNews
from midway.engine.core.ledger import Ledger
from midway.engine.core.send_queue import SendQueue
from msgspec.structs import replace

from tests.engine.stage import NO_PACE, Stage, id_of, the_task

INTERNAL = "FAILED INTERNAL"


def breaks_for(number: int, of: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with a defect that shows for one Task."""

    def broken(task: Task, *others: Any) -> Any:
        if task.id == id_of(number):
            raise KeyError("a defect")
        return of(task, *others)

    return broken


def breaks_so_often(times: int, change: Callable[..., Any]) -> Callable[..., Any]:
    """Return the ledger's change with a defect that shows so often for Task 1."""
    left = times

    def broken(ledger: Ledger, what: Change) -> Any:
        nonlocal left
        if what.task_id == id_of(1) and left:
            left -= 1
            raise KeyError("a defect")
        return change(ledger, what)

    return broken


def poison(message: Message, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Message:
    """Return another message, which cannot be read by a defect."""
    meaning = classify.meaning

    def broken(message: Message) -> Any:
        if message.content == "poison":
            raise KeyError("a defect")
        return meaning(message)

    monkeypatch.setattr(classify, "meaning", broken)
    return replace(message, id=MessageId(stage.ids.next()), content="poison")


@pytest.mark.parametrize("broken", [deadline.deadline, deadline.is_drawn_in_time])
def test_a_task_that_cannot_be_looked_after_does_not_keep_others_from_their_deadline(
    monkeypatch: pytest.MonkeyPatch, broken: Callable[..., Any]
) -> None:
    monkeypatch.setattr(f"midway.engine.core.lookback.{broken.__name__}", breaks_for(1, broken))
    stage = Stage(pace=NO_PACE)
    stage.until_running(the_task(1, prompt_en="a fox"))
    stage.until_running(the_task(2, prompt_en="an owl"))
    for seconds in (31, 6, 1):
        stage.wait(seconds)
        stage.history()

    assert (stage.state(1), stage.state(2)) == (INTERNAL, "FAILED ACK_TIMEOUT")


def test_an_attempt_that_cannot_be_let_go_does_not_keep_others_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("midway.engine.core.lookback.release", breaks_for(1, deadline.release))
    stage = Stage(pace=NO_PACE)
    for number, prompt in ((1, "a fox"), (2, "an owl")):
        stage.until_running(the_task(number, prompt_en=prompt))
        stage.do(methodcaller("cancel", id_of(number)))
    stage.wait(stage.limits.total_timeout_relax.total_seconds())

    assert [attempt.ended_at is None for attempt in stage.attempts.values()] == [False, False]


def test_a_task_that_cannot_be_begun_does_not_hold_up_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("midway.engine.core.send_queue.prompt_as_sent", breaks_for(1, commands.prompt_as_sent))
    stage = Stage(pace=NO_PACE)

    stage.take(the_task(1, prompt_en="a fox"), the_task(2, prompt_en="an owl"))

    assert stage.state(1) == INTERNAL
    assert stage.wait(1) == ["prepare 2"]


def test_a_task_that_cannot_be_sent_does_not_hold_up_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    send = SendQueue._send

    def broken(self: SendQueue, outgoing: Any) -> Any:
        if outgoing.task_id == id_of(1):
            raise KeyError("a defect")
        return send(self, outgoing)

    monkeypatch.setattr(SendQueue, "_send", broken)
    stage = Stage(pace=NO_PACE, slots=1)
    stage.take(the_task(1, prompt_en="a fox"), the_task(2, prompt_en="an owl"))

    stage.prepared(1)
    assert stage.state(1) == INTERNAL
    assert "prepare 2" in stage.wait(1)
    assert [post.outgoing.task_id for post in stage.posts] == []
    stage.prepared(2)
    assert [post.outgoing.task_id for post in stage.posts] == [id_of(2)]


def test_a_defect_that_shows_for_every_task_does_not_end_all_of_them_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Task) -> Any:
        raise KeyError("a defect")

    monkeypatch.setattr("midway.engine.core.send_queue.prompt_as_sent", broken)
    stage = Stage(pace=NO_PACE)
    stage.take(the_task(1), the_task(2), the_task(3))

    assert [stage.state(number) for number in (1, 2, 3)] == [INTERNAL, "QUEUED", "QUEUED"]


@pytest.mark.parametrize("times", [1, 2])
def test_a_deadline_that_cannot_be_applied_does_not_keep_others_from_theirs(
    monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """Not even where the failure by the defect cannot be applied, either."""
    stage = Stage(pace=NO_PACE)
    stage.until_running(the_task(1, prompt_en="a fox"))
    stage.until_running(the_task(2, prompt_en="an owl"))
    monkeypatch.setattr(Ledger, "change", breaks_so_often(times, Ledger.change))
    for seconds in (31, 6, 1):
        stage.wait(seconds)
        stage.history()

    assert (stage.state(1), stage.state(2)) == (INTERNAL if times == 1 else "SUBMITTED", "FAILED ACK_TIMEOUT")


@pytest.mark.parametrize("times", [1, 2])
def test_a_task_whose_sending_cannot_be_applied_is_not_prepared_again(
    monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """Its pictures were uploaded again at each pace, for two hours."""
    stage = Stage(pace=NO_PACE, slots=1)
    stage.take(the_task(1, prompt_en="a fox"), the_task(2, prompt_en="an owl"))
    monkeypatch.setattr(Ledger, "change", breaks_so_often(times, Ledger.change))

    stage.prepared(1)
    assert stage.state(1) == (INTERNAL if times == 1 else "QUEUED")
    assert stage.wait(1) == ["prepare 2"]
    assert stage.prepared(2) == ["write 2 v2 SUBMITTING, +1", "post 1 command"]
    stage.draws(1)
    assert not stage.posts[1:]


def test_a_message_that_cannot_be_applied_costs_its_task_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(pace=NO_PACE)
    jobs = [stage.until_running(the_task(number, prompt_en=f"fox {number}")) for number in (1, 2)]
    monkeypatch.setattr(Ledger, "change", breaks_so_often(1, Ledger.change))
    for job in jobs:
        stage.hear(job.finished())

    assert (stage.state(1), stage.state(2)) == (INTERNAL, "SUCCEEDED")


def test_a_failure_that_cannot_be_stored_is_not_decided_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("midway.engine.core.send_queue.prompt_as_sent", breaks_for(1, commands.prompt_as_sent))
    stage = Stage(pace=NO_PACE)
    stage.take(the_task(1))
    stage.lose(1)

    assert stage.wait(1) == []


def test_a_message_that_cannot_be_understood_fails_its_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was taken for silence, ten minutes later."""
    stage = Stage(pace=NO_PACE)
    jobs = [stage.until_running(the_task(number, prompt_en=f"fox {number}")) for number in (1, 2)]
    taken = JobNews.taken

    def broken(self: JobNews, attempt: Attempt, *others: Any, **named: Any) -> Any:
        if attempt.task_id == id_of(1):
            raise KeyError("a defect")
        return taken(self, attempt, *others, **named)

    monkeypatch.setattr(JobNews, "taken", broken)
    for job in jobs:
        stage.hear(job.started())

    assert (stage.state(1), stage.state(2)) == (INTERNAL, "SUBMITTED")


def test_a_message_of_the_history_that_cannot_be_read_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(pace=NO_PACE)
    job = stage.until_running(the_task(1))
    stage.hear(job.started())
    final = job.finished().message
    stage.do(Core.look)
    stage.history(poison(final, stage, monkeypatch), final)

    assert stage.state(1) == "SUCCEEDED"


def test_nothing_is_sent_again_while_a_message_of_the_history_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be the trace of what was sent before the restart."""
    stage = Stage(pace=NO_PACE)
    stage.take(the_task(1))
    stage.prepared(1)
    shown = poison(stage.draws(1).started().message, stage, monkeypatch)
    stage.restart()
    for seconds in (0, 31, 6, 1):
        stage.wait(seconds)
        stage.history(shown)

    assert stage.state(1) == "FAILED OUTCOME_UNKNOWN"
    assert len(stage.posts) == 1


def test_a_change_that_breaks_half_way_leaves_no_version_out(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(pace=NO_PACE)
    job = stage.until_running(the_task(1))
    stage.hear(job.started())
    left = [KeyError("a defect")]

    def broken(*tasks: Task) -> bool:
        if left:
            raise left.pop()
        return deserves_notice(*tasks)

    monkeypatch.setattr("midway.engine.core.ledger.deserves_notice", broken)
    stage.hear(job.progressed(31))

    assert stage.state(1) == INTERNAL
