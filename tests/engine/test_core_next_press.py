"""Scripts of Tasks with two presses: a film is picked out of several, then the button to extend it is pressed."""

from typing import Any

import pytest
from midway.discord.errors import RateLimited
from midway.discord.event import MessageCreated
from midway.discord.interaction import ButtonPress
from midway.domain.action import Action
from midway.domain.attempt import AttemptKind
from midway.domain.image import Button
from midway.domain.task import Task
from msgspec.structs import replace

from tests.engine.drawing import Drawing
from tests.engine.stage import NO_PACE, Stage, a_press, id_of, the_task

PICK = "MJ::JOB::video_virtual_upscale::2::x"
EXTEND = "MJ::JOB::animate_low_extend::"
NEXT = f"{EXTEND}1::y"


def extension(number: int = 1, **ask: Any) -> Task:
    """Make a Task that picks a film, then extends it."""
    return a_press(number, PICK, **{"action": Action.VIDEO, "then_press": EXTEND, "prompt_en": "it runs", **ask})


def picked(drawing: Drawing, *buttons: str) -> MessageCreated:
    """Have the picked film, with these buttons."""
    drawing.finished()
    assert drawing.final is not None
    return MessageCreated(replace(drawing.final, nonce=drawing.nonce, buttons=tuple(map(Button, buttons))))


def pressed(stage: Stage, task: Task) -> Drawing:
    """Have the first button pressed, and taken by Discord; return what it brings."""
    stage.take(task)
    assert stage.prepared(1) == ["write 1 v2 SUBMITTING, +1", "post 1 press"]
    assert stage.sent(1) == ["write 1 v3 SUBMITTED, 1 accepted"]
    return stage.draws(1)


def test_the_next_button_is_pressed_on_what_the_first_brought() -> None:
    stage = Stage(pace=NO_PACE)
    pick = pressed(stage, extension())

    assert stage.hear(picked(pick, NEXT)) == [
        "write 1 accepted message job settled",
        "write 1 v4 SUBMITTING, +2",
        "post 2 next_press",
    ]
    press = stage.posts[-1].outgoing.interaction
    assert isinstance(press, ButtonPress)
    assert pick.final is not None
    assert (press.custom_id, press.message_id) == (NEXT, pick.final.id)
    film = stage.draws(2)
    stage.sent(2)
    stage.hear(film.started())
    assert stage.hear(film.finished())[-1].startswith("write 1 v7 SUCCEEDED")
    assert stage.tasks[id_of(1)].job_id == film.job_id
    assert [attempt.settled for attempt in stage.attempts.values()] == [True, True]


def test_what_is_told_twice_is_pressed_once() -> None:
    stage = Stage(pace=NO_PACE)
    told = picked(pressed(stage, extension()), NEXT)
    stage.hear(told)

    assert stage.hear(told) == []
    assert len(stage.posts) == 2


def test_progress_of_the_first_step_is_none_of_the_film() -> None:
    stage = Stage(pace=NO_PACE)
    pick = pressed(stage, extension())
    stage.hear(pick.started())
    stage.hear(pick.progressed(50))

    assert stage.state(1) == "SUBMITTED"
    assert stage.tasks[id_of(1)].progress == 0
    assert stage.hear(picked(pick, NEXT))[-1] == "post 2 next_press"


def test_a_task_that_was_cancelled_in_between_presses_nothing_more() -> None:
    stage = Stage(pace=NO_PACE)
    pick = pressed(stage, extension())
    stage.do(lambda core: core.cancel(id_of(1)))

    assert stage.hear(picked(pick, NEXT)) == ["write 1 accepted message job settled"]
    assert not stage.tasks[id_of(1)].late


def test_without_the_button_it_fails() -> None:
    stage = Stage(pace=NO_PACE)
    stage.hear(picked(pressed(stage, extension()), "MJ::JOB::reroll::0::y"))

    assert stage.state(1) == "FAILED BUTTON_NOT_FOUND"


def test_after_a_crash_before_the_next_press_the_history_leads_on() -> None:
    stage = Stage(pace=NO_PACE)
    pick = pressed(stage, extension())
    told = picked(pick, NEXT)
    stage.is_connected = False  # nothing may be sent: decided, and lost with the process
    stage.hear(told)
    stage.is_connected = True
    stage.restart()

    assert [attempt.kind for attempt in stage.attempts.values()] == [AttemptKind.PRESS]
    assert stage.history(told.message)[-1] == "post 2 next_press"


def test_a_next_press_that_is_refused_begins_anew() -> None:
    stage = Stage(pace=NO_PACE)
    stage.hear(picked(pressed(stage, extension()), NEXT))
    stage.sent(2, RateLimited("slow down", retry_after=0.0))

    assert stage.state(1) == "QUEUED"
    assert stage.prepared(1)[-1] == "post 3 press"


@pytest.mark.parametrize("prompt", [None, "it stops"])
def test_the_first_press_waits_for_no_window(prompt: str | None) -> None:
    stage = Stage(pace=NO_PACE)
    pick = pressed(stage, extension(modal_prompt=prompt))
    stage.hear(pick.started())
    stage.hear(picked(pick, NEXT))

    assert stage.tasks[id_of(1)].notices == ()
    assert stage.state(1) == "SUBMITTING"


def test_after_a_restart_the_read_reaches_back_to_what_is_pressed_next() -> None:
    """Another Task's Interaction is younger than the picked film, and all that was open before it is settled."""
    stage = Stage()
    stage.take(extension())
    stage.prepared(1)
    stage.sent(1)
    told = picked(stage.draws(1), NEXT)
    stage.wait(2)
    stage.take(the_task(2, prompt_en="a cat"))
    stage.prepared(2)
    stage.sent(2)
    stage.hear(stage.draws(2).created())
    stage.hear(told)  # what is pressed next waits for the pace
    [read] = [line for line in stage.restart() if line.startswith("read")]

    assert int(read.removeprefix("read after ").partition(",")[0]) < int(told.message.id)


def test_the_next_press_has_the_patience_of_the_queue() -> None:
    stage = Stage(pace=NO_PACE)
    pick = pressed(stage, extension())
    stage.do(lambda core: core.pause("a person is wanted"))
    told = picked(pick, NEXT)
    stage.hear(told)
    waited = stage.limits.queue_timeout.total_seconds() - 60
    while waited > 0:
        waited -= 300
        for line in stage.wait(300):
            if line.startswith("read"):
                stage.history(told.message)

    assert stage.state(1) == "SUBMITTED"
    assert stage.do(lambda core: core.resume())[-1] == "post 2 next_press"


def test_an_extension_whose_start_only_its_account_sees_is_not_sent_again() -> None:
    stage = Stage(pace=NO_PACE)
    stage.take(a_press(1, NEXT, prompt_en="it runs"))
    stage.prepared(1)
    stage.restart()
    stage.history()
    for _ in range(60):
        for line in stage.wait(1):
            if line.startswith("read"):
                stage.history()

    assert stage.state(1) == "FAILED OUTCOME_UNKNOWN"
