"""Which changes of a Task a webhook is posted for: what old clients may see, once each, and nothing after the end."""

from itertools import pairwise

import pytest
from midway.domain.action import ModalKind
from midway.domain.errors import Reason
from midway.domain.ids import MessageId
from midway.domain.image import Button, Image
from midway.domain.lifecycle import (
    Accepted,
    Assigned,
    Cancelled,
    Dispatched,
    Event,
    InputGiven,
    InputWanted,
    Noticed,
    Progressed,
    Requeued,
    Restyled,
    Result,
    SeedLearnt,
    Succeeded,
    Uploaded,
    apply,
    failed,
)
from midway.domain.notice import deserves_notice, told_state
from midway.domain.task import ModalAsk, State, Task

from tests.unit.making import ACCOUNT, CHANNEL, NOW, a_task, seconds

PREVIEW = Image("https://cdn.invalid/preview.webp?ex=1")
SAME_PREVIEW = Image("https://cdn.invalid/preview.webp?ex=2")
OTHER_PREVIEW = Image("https://cdn.invalid/other.webp?ex=1")
PICTURE = Image("https://cdn.invalid/fox.png")
RESULT = Result(message_id=MessageId("1"), image=PICTURE, buttons=(Button("U1", "U1"),))
PRESSED = Restyled(PICTURE, (Button("U1", "U1", style=1),))
SIGNED_ANEW = Restyled(Image(f"{PICTURE.url}?ex=9"), ())
FAILURE = failed(Reason.IDLE_TIMEOUT, "it fell silent")
LOOKED_AT = InputWanted(ModalAsk(ModalKind.PROMPT, "a fox"), NOW)


def told(*events: Event) -> list[tuple[str, int]]:
    """Return state and progress of each notice that these events make of a new Task."""
    tasks = [a_task()]
    for number, event in enumerate(events, 1):
        tasks.append(apply(tasks[-1], event, NOW + seconds(2 * number)))
    return [(told_state(after).value, after.progress) for before, after in pairwise(tasks) if is_told(before, after)]


def is_told(before: Task, after: Task) -> bool:
    """Shorten the question."""
    return deserves_notice(before, after)


BEGUN = (Dispatched(), Accepted())
DRAWN = (*BEGUN, Progressed(31, PREVIEW), Succeeded(RESULT))


@pytest.mark.parametrize(
    ("events", "notices"),
    [
        pytest.param((Assigned(ACCOUNT, CHANNEL), Uploaded(("https://cdn.invalid/a",))), [], id="before it is sent"),
        pytest.param((Dispatched(), Noticed("Job queued")), [], id="sending is no state of theirs"),
        pytest.param((*BEGUN, Accepted(), Accepted("a red fox")), [("SUBMITTED", 0)], id="accepted, told three times"),
        pytest.param((*BEGUN, Noticed("Job queued")), [("SUBMITTED", 0)], id="a remark"),
        pytest.param(
            (LOOKED_AT, InputGiven("a hat", has_mask=False), *BEGUN, *BEGUN, Accepted("a hat")),
            [("SUBMITTED", 0)],
            id="a press and the answer to its modal",
        ),
        pytest.param(
            (*BEGUN, Progressed(), Progressed(0), Progressed(15), Progressed(15, speed=None)),
            [("SUBMITTED", 0), ("IN_PROGRESS", 0), ("IN_PROGRESS", 15)],
            id="progress that is the same",
        ),
        pytest.param(
            (*BEGUN, Progressed(15, PREVIEW), Progressed(15, SAME_PREVIEW), Progressed(15, OTHER_PREVIEW)),
            [("SUBMITTED", 0), ("IN_PROGRESS", 15), ("IN_PROGRESS", 15)],
            id="another picture, not another signature",
        ),
        pytest.param((Dispatched(), Requeued("slow down"), Dispatched()), [], id="back to the queue, never accepted"),
        pytest.param(
            (*BEGUN, Requeued("Queue full"), *BEGUN, Accepted()),
            [("SUBMITTED", 0), ("QUEUED", 0), ("SUBMITTED", 0)],
            id="back to the queue",
        ),
        pytest.param(
            (*DRAWN, PRESSED, SIGNED_ANEW, SeedLearnt("1")),
            [("SUBMITTED", 0), ("IN_PROGRESS", 31), ("SUCCEEDED", 100)],
            id="nothing after the end",
        ),
        pytest.param(
            (*BEGUN, FAILURE, Succeeded(RESULT), PRESSED, SeedLearnt("1")),
            [("SUBMITTED", 0), ("FAILED", 0), ("FAILED", 0)],
            id="a late picture after a failure, once",
        ),
        pytest.param(
            (*BEGUN, Cancelled("by the client"), SeedLearnt("1"), Succeeded(RESULT), SIGNED_ANEW),
            [("SUBMITTED", 0), ("CANCELLED", 0), ("CANCELLED", 0)],
            id="a late picture after a cancel, once",
        ),
        pytest.param((Cancelled("by the client"),), [("CANCELLED", 0)], id="cancelled while it waits"),
        pytest.param((LOOKED_AT, FAILURE), [("FAILED", 0)], id="nobody answered its modal"),
        pytest.param((Dispatched(), Succeeded(RESULT)), [("SUCCEEDED", 100)], id="done at once"),
    ],
)
def test_a_notice_is_a_change_that_clients_see(events: tuple[Event, ...], notices: list[tuple[str, int]]) -> None:
    assert told(*events) == notices


def test_a_task_is_submitted_while_the_answer_to_its_modal_is_sent() -> None:
    clicked = apply(apply(a_task(), Dispatched(), NOW), Accepted(), NOW)

    assert told_state(apply(clicked, Dispatched(), NOW)) is State.SUBMITTED
    assert told_state(apply(a_task(), Dispatched(), NOW)) is State.QUEUED
