"""Scripts of defects of our own: each costs the Task that it is about, and holds up no other."""

from collections.abc import Callable
from operator import methodcaller
from typing import Any

import pytest
from midway.domain.task import Task
from midway.engine import lookback, sender
from midway.engine.sender import Sender

from tests.engine.stage import NO_PACE, Stage, id_of, the_task

INTERNAL = "FAILED INTERNAL"


def breaks_for(number: int, of: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with a defect that shows for one Task."""

    def broken(task: Task, *others: Any) -> Any:
        if task.id == id_of(number):
            raise KeyError("a defect")
        return of(task, *others)

    return broken


def test_a_task_that_cannot_be_looked_after_does_not_keep_others_from_their_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lookback, "deadline", breaks_for(1, lookback.deadline))
    stage = Stage(pace=NO_PACE)
    stage.until_running(the_task(1, prompt_en="a fox"))
    stage.until_running(the_task(2, prompt_en="an owl"))
    for seconds in (31, 6, 1):
        stage.wait(seconds)
        stage.history()

    assert (stage.state(1), stage.state(2)) == (INTERNAL, "FAILED ACK_TIMEOUT")


def test_an_attempt_that_cannot_be_let_go_does_not_keep_others_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookback, "release", breaks_for(1, lookback.release))
    stage = Stage(pace=NO_PACE)
    for number, prompt in ((1, "a fox"), (2, "an owl")):
        stage.until_running(the_task(number, prompt_en=prompt))
        stage.do(methodcaller("cancel", id_of(number)))
    stage.wait(stage.limits.total_timeout_relax.total_seconds())

    assert [attempt.ended_at is None for attempt in stage.attempts.values()] == [False, False]


def test_a_task_that_cannot_be_begun_does_not_hold_up_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "prompt_as_sent", breaks_for(1, sender.prompt_as_sent))
    stage = Stage(pace=NO_PACE)

    lines = stage.take(the_task(1, prompt_en="a fox"), the_task(2, prompt_en="an owl"))

    assert stage.state(1) == INTERNAL
    assert "prepare 2" in lines


def test_a_task_that_cannot_be_sent_does_not_hold_up_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    send = Sender._send

    def broken(self: Sender, outgoing: Any) -> Any:
        if outgoing.task_id == id_of(1):
            raise KeyError("a defect")
        return send(self, outgoing)

    monkeypatch.setattr(Sender, "_send", broken)
    stage = Stage(pace=NO_PACE, slots=1)
    stage.take(the_task(1, prompt_en="a fox"), the_task(2, prompt_en="an owl"))

    assert "prepare 2" in stage.prepared(1)
    assert stage.state(1) == INTERNAL
    assert [post.outgoing.task_id for post in stage.posts] == []
    stage.prepared(2)
    assert [post.outgoing.task_id for post in stage.posts] == [id_of(2)]
