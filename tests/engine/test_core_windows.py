"""Scripts of presses that open a window: it is answered once, whatever happens around it."""

from functools import partial
from typing import Any

import pytest
from midway.discord.errors import RateLimited, Rejected, Unknown
from midway.discord.event import IframeOpened, InteractionFailed, ModalOpened, TextField
from midway.discord.interaction import ModalSubmit
from midway.domain.action import ModalKind
from midway.domain.attempt import AttemptKind
from midway.domain.errors import Conflict
from midway.domain.ids import InteractionId, RequestId
from midway.domain.image import InputImage
from midway.domain.lifecycle import InputWanted, apply
from midway.domain.task import ModalAsk, Task
from midway.engine.core.client_requests import NOTHING_SENT, STILL_DRAWING
from midway.engine.core.core import Core
from midway.engine.core.job_news import MODAL_SKIPPED
from midway.engine.core.pending import RegionSubmit
from midway.store.port import RequestKey

from tests.engine.drawing import Drawing
from tests.engine.stage import NO_PACE, Stage, a_press, id_of
from tests.unit.making import NOW, seconds

ZOOM = "MJ::CustomZoom::x"
REGION = "MJ::Inpaint::1::x"
MASK = InputImage(b"mask", "image/png", 8, 8)


def zoom(number: int = 1, **ask: Any) -> Task:
    """Make a Task whose press opens a modal, with its prompt given."""
    return a_press(number, ZOOM, **{"modal_prompt": "a red fox --zoom 2", **ask})


def region(number: int = 1, *, has_mask: bool) -> Task:
    """Make a Task whose press opens the editor of a region."""
    return a_press(number, REGION, modal_prompt="a hat", has_mask=has_mask)


def modal(stage: Stage, attempt: int) -> ModalOpened:
    """Open the window that a press was made for."""
    field = TextField("MJ::OutpaintCustomZoomModal::prompt", "a red fox")
    return ModalOpened(InteractionId("4001"), stage.nonce(attempt), "MJ::OutpaintCustomZoomModal::x", "Zoom", (field,))


def editor(stage: Stage, attempt: int) -> IframeOpened:
    """Open the editor that a press was made for."""
    return IframeOpened(InteractionId("4001"), stage.nonce(attempt), "MJ::iframe::abc", "Editor", "/inpaint/")


def pressed(stage: Stage, task: Task) -> None:
    """Have the button pressed, and taken by Discord."""
    stage.take(task)
    assert stage.prepared(1) == ["write 1 v2 SUBMITTING, +1", "post 1 press"]
    assert stage.sent(1) == ["write 1 v3 SUBMITTED, 1 accepted"]


def test_a_modal_is_answered_and_its_job_brings_the_picture() -> None:
    stage = Stage(pace=NO_PACE)
    pressed(stage, zoom())

    assert stage.hear(modal(stage, 1)) == [
        "write 1 accepted interaction",
        "write 1 v4 SUBMITTING, 1 accepted interaction settled, +2",
        "post 2 modal",
    ]
    submit = stage.posts[-1].outgoing.interaction
    assert isinstance(submit, ModalSubmit)
    assert submit.values == (("MJ::OutpaintCustomZoomModal::prompt", "a red fox --zoom 2"),)
    job = stage.draws(2, verb="Zoom Out by")
    assert stage.sent(2) == ["write 1 v5 SUBMITTED, 2 accepted"]
    assert stage.hear(job.started()) == ["write 1 v6 SUBMITTED, 2 accepted interaction message"]
    assert stage.hear(job.finished())[-1].startswith("write 1 v7 SUCCEEDED")


def test_the_answer_goes_before_all_that_waits_and_at_the_accounts_pace() -> None:
    stage = Stage()
    pressed(stage, zoom())
    stage.take(a_press(2, "MJ::JOB::upsample::1::x"))
    stage.wait(0.5)

    assert stage.hear(modal(stage, 1)) == ["write 1 accepted interaction"]
    assert stage.wait(0.6) == []
    assert stage.wait(0.2) == ["write 1 v4 SUBMITTING, 1 accepted interaction settled, +2", "post 2 modal"]


def test_a_window_that_is_told_twice_is_answered_once() -> None:
    stage = Stage(pace=NO_PACE)
    pressed(stage, zoom())

    assert stage.hear(modal(stage, 1))[-1] == "post 2 modal"
    assert not [line for line in stage.hear(modal(stage, 1)) if line.startswith("post")]
    stage.hear(stage.draws(2, verb="Zoom Out by").started())
    assert not [line for line in stage.hear(modal(stage, 1)) if line.startswith("post")]


def test_a_window_that_is_told_twice_before_its_answer_left_is_answered_once() -> None:
    stage = Stage()
    pressed(stage, zoom())
    stage.hear(modal(stage, 1))
    stage.hear(modal(stage, 1))

    assert stage.wait(2)[-1] == "post 2 modal"
    assert not [line for line in stage.wait(2) if line.startswith("post")]


def test_a_window_that_a_resumed_session_tells_again_after_a_restart_is_not_answered_again() -> None:
    stage = Stage(pace=NO_PACE)
    pressed(stage, zoom())
    again = modal(stage, 1)
    stage.hear(again)
    stage.restart()

    assert not [line for line in stage.hear(again) if line.startswith("post")]
    assert not [line for line in stage.wait(5) if line.startswith("post")]


def test_a_window_whose_answer_was_not_stored_before_a_restart_is_answered_then() -> None:
    stage = Stage()
    pressed(stage, zoom())
    again = modal(stage, 1)
    stage.hear(again)
    stage.restart()

    assert stage.hear(again)[-1] == "post 2 modal"


def test_a_window_of_a_task_that_was_cancelled_is_left_unanswered() -> None:
    stage = Stage(pace=NO_PACE)
    pressed(stage, zoom())
    assert stage.do(lambda core: core.cancel(id_of(1))) == ["write 1 v4 CANCELLED"]

    assert stage.hear(modal(stage, 1)) == ["write 1 accepted interaction", "write 1 accepted interaction settled"]
    assert stage.tasks[id_of(1)].notices == (STILL_DRAWING,)


def test_a_task_that_is_cancelled_while_its_answer_waits_for_the_pace_is_not_answered() -> None:
    stage = Stage()
    pressed(stage, zoom())
    stage.hear(modal(stage, 1))
    stage.do(lambda core: core.cancel(id_of(1)))

    assert stage.wait(5) == []


def test_a_region_without_a_mask_is_answered_with_its_words() -> None:
    stage = Stage(pace=NO_PACE)
    pressed(stage, region(has_mask=False))

    assert stage.hear(editor(stage, 1)) == [
        "write 1 accepted interaction",
        "write 1 v4 SUBMITTING, 1 accepted interaction settled, +2",
        "post 2 region",
    ]
    assert stage.posts[-1].outgoing.interaction == RegionSubmit("936929561302675456", "abc", "", "a hat")


def test_a_region_with_a_mask_is_answered_when_that_is_read() -> None:
    stage = Stage(pace=NO_PACE)
    pressed(stage, region(has_mask=True))
    opened = editor(stage, 1)

    assert stage.hear(opened) == ["write 1 accepted interaction", "load the mask of 1"]
    assert stage.hear(opened) == []
    assert stage.do(lambda core: core.mask_loaded(id_of(1), opened, [MASK])) == [
        "write 1 v4 SUBMITTING, 1 accepted interaction settled, +2",
        "post 2 region",
    ]
    assert stage.posts[-1].outgoing.interaction == RegionSubmit("936929561302675456", "abc", "bWFzaw==", "a hat")
    assert stage.sent(2) == ["write 1 v5 SUBMITTED, 2 accepted interaction"]


def test_a_mask_that_cannot_be_read_any_more_fails_the_task() -> None:
    stage = Stage()
    pressed(stage, region(has_mask=True))
    opened = editor(stage, 1)
    stage.hear(opened)

    assert stage.do(lambda core: core.mask_loaded(id_of(1), opened, None)) == [
        "write 1 v4 FAILED, 1 accepted interaction settled"
    ]
    assert stage.state(1) == "FAILED UPLOAD_FAILED"


def test_a_mask_that_is_read_after_the_task_was_cancelled_goes_nowhere() -> None:
    stage = Stage()
    pressed(stage, region(has_mask=True))
    opened = editor(stage, 1)
    stage.hear(opened)
    stage.do(lambda core: core.cancel(id_of(1)))

    assert stage.do(lambda core: core.mask_loaded(id_of(1), opened, [MASK])) == ["write 1 accepted interaction settled"]
    assert stage.wait(5) == []


def test_an_answer_that_is_surely_refused_sends_the_press_again_and_is_no_try_of_its_own() -> None:
    stage = Stage(pace=NO_PACE, max_requeues=1)
    pressed(stage, zoom())
    stage.hear(modal(stage, 1))

    limited = RateLimited("slow down", retry_after=1.0)
    assert stage.sent(2, limited) == ["write 1 v5 QUEUED, 2 settled"]
    assert stage.wait(1) == ["prepare 1"]
    assert stage.prepared(1) == ["write 1 v6 SUBMITTING, +3", "post 3 press"]
    assert stage.hear(modal(stage, 3))[-1] == "post 4 modal"
    assert stage.sent(4, limited) == ["write 1 v9 FAILED, 4 settled"]
    assert stage.state(1) == "FAILED UPSTREAM_REJECTED"


def test_an_answer_that_is_refused_for_good_fails_the_task() -> None:
    stage = Stage(pace=NO_PACE)
    pressed(stage, zoom())
    stage.hear(modal(stage, 1))

    assert stage.sent(2, Rejected("no", status=400)) == ["write 1 v5 FAILED, 2 settled"]


def test_a_refused_editors_answer_counts_although_its_interaction_is_known() -> None:
    """It is the press's: a region's answer has none of its own."""
    stage = Stage(pace=NO_PACE)
    pressed(stage, region(has_mask=False))
    stage.hear(editor(stage, 1))

    assert stage.sent(2, Rejected("no", status=400)) == ["write 1 v5 FAILED, 2 interaction settled"]


def test_an_answer_of_unknown_outcome_is_never_sent_again() -> None:
    stage = Stage(pace=NO_PACE)
    pressed(stage, zoom())
    stage.hear(modal(stage, 1))

    assert stage.sent(2, Unknown("time-out")) == []
    assert stage.wait(5) == []


def test_a_window_that_never_opens_fails_the_task() -> None:
    stage = Stage(pace=NO_PACE)
    pressed(stage, zoom())
    stage.hear(Drawing(stage.ids, stage.machine, 1, "", stage.nonce(1)).created())
    stage.wait(31)
    stage.history()
    stage.wait(6)
    stage.history()

    assert stage.wait(1) == ["write 1 v4 FAILED, 1 accepted interaction ended"]
    assert stage.state(1) == "FAILED MODAL_NOT_OPENED"


def test_a_job_that_begins_without_the_window_says_so() -> None:
    stage = Stage(pace=NO_PACE)
    pressed(stage, zoom())
    job = stage.draws(1, verb="Zoom Out by")

    assert stage.hear(job.started()) == ["write 1 v4 SUBMITTED, 1 accepted interaction message"]
    assert stage.tasks[id_of(1)].notices == (MODAL_SKIPPED,)


def test_a_check_for_a_person_instead_of_a_window_fails_the_task_and_pauses_the_account() -> None:
    stage = Stage()
    pressed(stage, region(has_mask=False))
    check = IframeOpened(InteractionId("4001"), stage.nonce(1), "MJ::x", "Verify", "/captcha/1")

    assert stage.hear(check) == ["write account PAUSED", "write 1 v4 FAILED, 1 accepted settled"]
    assert stage.state(1) == "FAILED VERIFICATION_REQUIRED"


def test_a_bot_that_does_not_answer_the_press_fails_the_task() -> None:
    stage = Stage()
    pressed(stage, zoom())
    failed = InteractionFailed(InteractionId("4001"), stage.nonce(1), 2)

    assert stage.hear(failed) == ["write 1 v4 FAILED, 1 accepted ended"]
    assert stage.hear(failed) == []


def test_input_that_a_client_gives_queues_the_task_and_is_taken_once() -> None:
    """Nothing was sent before: a person may take any time."""
    stage, request = Stage(), RequestKey(RequestId("r"), "digest")
    waiting = apply(zoom(modal_prompt=None), InputWanted(ModalAsk(ModalKind.PROMPT), NOW + seconds(60)), NOW)
    assert stage.take(waiting) == []

    given = partial(Core.give_input, task_id=id_of(1), prompt="a red fox", mask=None)
    assert stage.do(partial(given, request=request)) == ["write 1 v2 QUEUED", "prepare 1"]
    assert stage.do(partial(given, request=request)) == []
    with pytest.raises(Conflict):
        stage.do(partial(given, request=None))


def test_input_that_was_dropped_is_taken_when_it_is_given_again() -> None:
    """Somebody else wrote the Task; the client was told that its input is there, and the Task waited on."""
    stage, request = Stage(), RequestKey(RequestId("r"), "digest")
    waiting = apply(zoom(modal_prompt=None), InputWanted(ModalAsk(ModalKind.PROMPT), NOW + seconds(60)), NOW)
    stage.take(waiting)
    given = partial(Core.give_input, task_id=id_of(1), prompt="a red fox", mask=None, request=request)
    stage.do(given)
    stage.tasks[id_of(1)] = waiting
    stage.core.lose(id_of(1))
    stage.core.regain(id_of(1), waiting, ())

    assert stage.do(given) == ["write 1 v2 QUEUED"]


def test_a_task_that_waits_for_input_can_be_cancelled_and_nothing_was_sent() -> None:
    stage = Stage()
    stage.take(apply(zoom(modal_prompt=None), InputWanted(ModalAsk(ModalKind.PROMPT), NOW + seconds(60)), NOW))

    assert stage.do(lambda core: core.cancel(id_of(1))) == ["write 1 v2 CANCELLED"]
    assert stage.tasks[id_of(1)].notices == (NOTHING_SENT,)


def test_input_that_nobody_gives_fails_the_task() -> None:
    stage = Stage()
    stage.take(apply(zoom(modal_prompt=None), InputWanted(ModalAsk(ModalKind.PROMPT), NOW + seconds(60)), NOW))

    assert stage.wait(59) == []
    assert stage.wait(1) == ["write 1 v2 FAILED"]
    assert stage.state(1) == "FAILED INPUT_TIMEOUT"


def test_a_window_that_opens_when_the_press_draws_already_is_not_answered() -> None:
    """It would have been a second job."""
    stage = Stage(pace=NO_PACE)
    pressed(stage, zoom())
    stage.hear(stage.draws(1, verb="Zoom Out by").started())
    stage.hear(modal(stage, 1))

    assert [post.outgoing.kind for post in stage.posts] == [AttemptKind.PRESS]


def test_an_answer_that_waits_for_the_pace_is_not_sent_when_the_press_draws_already() -> None:
    stage = Stage()
    pressed(stage, zoom())
    stage.hear(modal(stage, 1))
    stage.hear(stage.draws(1, verb="Zoom Out by").started())
    stage.wait(60)

    assert [post.outgoing.kind for post in stage.posts] == [AttemptKind.PRESS]


def test_an_answer_that_waits_for_the_pace_is_not_sent_when_the_press_was_refused() -> None:
    stage = Stage()
    pressed(stage, zoom())
    stage.hear(modal(stage, 1))
    stage.hear(stage.refusal(1))
    stage.wait(stage.limits.queue_full_pause.total_seconds())

    assert stage.state(1) == "QUEUED"
    assert [post.outgoing.kind for post in stage.posts] == [AttemptKind.PRESS]


def test_a_mask_that_was_read_when_the_press_was_refused_is_not_sent() -> None:
    stage = Stage(pace=NO_PACE)
    stage.take(region(has_mask=True))
    stage.prepared(1)
    stage.sent(1)
    assert "load the mask of 1" in stage.hear(editor(stage, 1))
    stage.hear(stage.refusal(1))
    stage.wait(stage.limits.queue_full_pause.total_seconds())
    stage.do(lambda core: core.mask_loaded(id_of(1), editor(stage, 1), [MASK]))

    assert stage.state(1) == "QUEUED"
    assert [post.outgoing.kind for post in stage.posts] == [AttemptKind.PRESS]


def test_what_is_said_to_the_press_of_a_region_is_said_of_its_answer() -> None:
    """Its mask goes without an Interaction of its own, so the bot answers with the press's nonce."""
    stage = Stage(pace=NO_PACE)
    stage.take(region(has_mask=False))
    stage.prepared(1)
    stage.sent(1)
    assert "post 2 region" in stage.hear(editor(stage, 1))
    stage.sent(2)
    stage.hear(stage.refusal(1))

    assert stage.state(1) == "QUEUED"
    assert not any(attempt.is_open for attempt in stage.attempts.values())
