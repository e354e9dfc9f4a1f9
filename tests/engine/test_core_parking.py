"""Scripts of messages that come before the key by which they are known, and of those that are nobody's."""

from typing import Any

import pytest
from midway.discord.event import Event, Message, MessageCreated, MessageUpdated
from midway.domain.ids import MessageId, Nonce, UserId
from midway.engine.core import listener
from midway.engine.core.attempt_index import Index
from midway.engine.core.correlate import match
from midway.engine.core.keys import Keys
from msgspec.structs import replace

from tests.engine.drawing import Drawing
from tests.engine.stage import NO_PACE, Stage, id_of, the_task
from tests.unit.making import CHANNEL


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[MessageId]:
    """The messages whose owner was looked for."""
    looked_at: list[MessageId] = []

    def counted(keys: Keys, index: Index) -> Any:
        looked_at.append(keys.message_id)
        return match(keys, index)

    monkeypatch.setattr(listener, "match", counted)
    return looked_at


def two_alike(stage: Stage) -> tuple[Drawing, Drawing]:
    """Have two jobs with the same words, and know no id of either; Task 1 has failed, so it held up Task 2 no more."""
    stage.take(the_task(1))
    stage.prepared(1)
    stage.do(lambda core: core.broke(id_of(1), "KeyError"))
    stage.take(the_task(2))
    stage.wait(2)
    stage.prepared(2)
    return stage.draws(1), stage.draws(2)


def without_nonce(event: MessageCreated) -> MessageCreated:
    """Take away what tells at once whose it is."""
    return MessageCreated(replace(event.message, nonce=None))


def test_a_message_that_could_be_two_tasks_waits_for_the_acknowledgement() -> None:
    stage = Stage()
    _, job = two_alike(stage)

    assert stage.hear(without_nonce(job.started())) == []
    assert stage.hear(job.created()) == [
        "write 2 v3 SUBMITTED, 2 accepted interaction",
        "write 2 v4 SUBMITTED, 2 accepted interaction message",
    ]


def test_it_waits_for_the_message_that_tells_its_nonce() -> None:
    stage = Stage()
    _, job = two_alike(stage)
    started = job.started()

    assert stage.hear(job.progressed(31)) == []
    assert stage.hear(started) == [
        "write 2 v3 SUBMITTED, 2 accepted interaction message",
        "write 2 v4 IN_PROGRESS, 2 accepted interaction message job",
    ]


def test_it_waits_for_the_jobs_id() -> None:
    stage = Stage()
    _, job = two_alike(stage)
    started, progress = job.started(), job.progressed(31)

    assert stage.hear(job.finished()) == []
    assert stage.hear(started) == ["write 2 v3 SUBMITTED, 2 accepted interaction message"]
    assert stage.hear(progress) == [
        "write 2 v4 IN_PROGRESS, 2 accepted interaction message job",
        "write 2 v5 SUCCEEDED, 2 accepted interaction message job settled",
    ]


def test_it_waits_until_the_other_one_has_its_job() -> None:
    """Then only one Task with these words is left."""
    stage = Stage()
    other, job = two_alike(stage)

    assert stage.hear(job.finished()) == []
    assert stage.hear(other.started()) == ["write 1 accepted interaction message ended"]
    assert stage.hear(other.progressed(31)) == [
        "write 1 accepted interaction message job ended",
        "write 2 v3 SUCCEEDED, 2 accepted message job settled",
    ]


def test_what_matches_nothing_in_time_is_let_go() -> None:
    stage = Stage()
    _, job = two_alike(stage)
    assert stage.hear(job.finished()) == []
    stage.wait(20)
    stage.sent(2)
    stage.wait(41)

    assert stage.hear(job.created()) == ["write 2 v4 SUBMITTED, 2 accepted interaction"]


def strangers(stage: Stage, count: int) -> list[Message]:
    """Make so many results of jobs that nobody here knows."""
    jobs = [Drawing(stage.ids, stage.machine, 1000 + number, f"thing {number}", None) for number in range(count)]
    return [job.finished().message for job in jobs]


def test_only_what_lies_under_a_learnt_name_is_looked_at(looked_at: list[MessageId]) -> None:
    stage = Stage(pace=NO_PACE)
    for message in strangers(stage, 1000):
        stage.hear(MessageCreated(message))
    assert len(looked_at) == 1000
    looked_at.clear()
    stage.until_running(the_task(1))
    job = stage.drawings[1]
    events: list[Event] = [job.created(), job.started(), job.progressed(31), job.progressed(62), job.finished()]
    for event in events:
        stage.hear(event)

    assert stage.state(1) == "SUCCEEDED"
    assert len(looked_at) == 4, "each of its own messages once, no stranger's"


def test_a_stranger_with_the_same_words_is_looked_at_and_stays_where_it_is(looked_at: list[MessageId]) -> None:
    """It is older than the Attempt, so no answer to it."""
    stage = Stage()
    theirs = Drawing(stage.ids, stage.machine, 7, "a red fox", None)
    stage.hear(theirs.finished())
    stage.wait(40)
    looked_at.clear()
    stage.take(the_task(1))

    assert stage.prepared(1) == ["write 1 v2 SUBMITTING, +1", "post 1 command"]
    assert len(looked_at) == 1


def test_another_session_with_the_same_words_is_told_by_its_nonce() -> None:
    stage = Stage()
    stage.until_running(the_task(1))
    theirs = Drawing(stage.ids, stage.machine, 7, "a red fox", Nonce("theirs"))
    for event in (theirs.started(), theirs.progressed(0), theirs.progressed(31), theirs.finished()):
        assert stage.hear(event) == []

    assert stage.hear(stage.drawings[1].finished())[-1].startswith("write 1 v4 SUCCEEDED")
    assert stage.tasks[id_of(1)].job_id == stage.drawings[1].job_id


def test_another_sessions_result_without_any_id_that_is_known_is_not_ours() -> None:
    """Its first message told no job; the result names no Interaction; the words are ours, too."""
    stage = Stage()
    stage.until_running(the_task(1))
    theirs = Drawing(stage.ids, stage.machine, 7, "a red fox", Nonce("theirs"))

    assert stage.hear(theirs.started()) == []
    assert stage.hear(theirs.finished()) == []
    assert stage.state(1) == "SUBMITTED"
    ours = stage.drawings[1]
    assert stage.hear(ours.finished()) == [], "either could be meant"
    assert stage.hear(ours.created()) == ["write 1 accepted interaction"]
    stage.hear(ours.started())
    assert stage.hear(ours.progressed(31))[-1].startswith("write 1 v6 SUCCEEDED")


def test_an_interaction_made_while_none_of_ours_was_on_its_way_is_another_sessions() -> None:
    """Read in the history, which shows no nonce."""
    stage = Stage()
    job = stage.until_running(the_task(1))
    stage.hear(job.created())
    stage.wait(1)
    theirs = Drawing(stage.ids, stage.machine, 7, "a red fox", None)
    theirs.started()
    theirs.progressed(31)
    stage.do(lambda core: core.look())

    assert stage.history(theirs.progress) == []
    assert stage.hear(theirs.finished()) == []
    assert stage.state(1) == "SUBMITTED"


def test_what_was_heard_before_a_task_was_sent_is_no_answer_to_it() -> None:
    """By the two clocks alone, which may disagree, it could be."""
    stage = Stage()
    theirs = Drawing(stage.ids, stage.machine, 7, "a red fox", None)
    stage.hear(theirs.finished())
    stage.wait(1)
    stage.take(the_task(1))

    assert stage.prepared(1) == ["write 1 v2 SUBMITTING, +1", "post 1 command"]
    assert stage.sent(1) == ["write 1 v3 SUBMITTED, 1 accepted"]
    assert stage.hear(stage.draws(1).finished()) == ["write 1 v4 SUCCEEDED, 1 accepted message job settled"]
    assert stage.tasks[id_of(1)].job_id != theirs.job_id


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_of_two_jobs_that_a_look_shows_none_is_taken_for_a_tasks_own(first: str) -> None:
    """Another session asked for the same, and its first message was not heard; nor was ours."""
    stage = Stage()
    stage.take(the_task(1))
    stage.prepared(1)
    theirs, ours = Drawing(stage.ids, stage.machine, 7, "a red fox", None), stage.draws(1)
    for job in (ours, theirs) if first == "ours" else (theirs, ours):
        job.finished()
    shown = (ours.final, theirs.final) if first == "ours" else (theirs.final, ours.final)
    stage.do(lambda core: core.look())

    assert stage.history(*shown) == []
    ours.started()
    assert stage.hear(ours.progressed(31)) == ["write 1 v3 IN_PROGRESS, 1 accepted interaction message job"]
    stage.do(lambda core: core.look())
    assert stage.history(*shown) == ["write 1 v4 SUCCEEDED, 1 accepted interaction message job settled"]
    assert stage.tasks[id_of(1)].job_id == ours.job_id


def test_of_two_jobs_whose_results_wait_none_is_taken_for_a_tasks_own() -> None:
    stage = Stage()
    other, ours = two_alike(stage)
    theirs = Drawing(stage.ids, stage.machine, 7, "a red fox", None)
    assert stage.hear(theirs.finished()) == []
    assert stage.hear(ours.finished()) == []

    stage.hear(other.started())
    assert stage.hear(other.progressed(31)) == ["write 1 accepted interaction message job ended"]
    assert stage.state(2) == "SUBMITTING"


def test_an_old_message_that_is_told_late_is_no_answer_to_a_younger_task() -> None:
    """A resumed session repeats what came before the look that showed the result; it tells no job."""
    stage = Stage(pace=NO_PACE)
    stage.take(the_task(1), the_task(2))
    stage.prepared(1)
    stage.restart()
    job = stage.draws(1)
    job.started()
    late = job.progressed(0)
    stage.machine.let_pass(1)
    job.finished()
    assert stage.history(job.final)[-1] == "prepare 2"
    assert stage.prepared(2) == ["write 2 v2 SUBMITTING, +2", "post 2 command"]

    assert stage.hear(late) == []
    assert stage.hear(job.progressed(93)) == ["write 1 accepted interaction message job settled"]
    assert stage.state(2) == "SUBMITTING"


def test_what_comes_late_of_a_job_that_was_found_in_the_history_is_not_the_next_tasks() -> None:
    """Its first messages were lost or still on their way; by the two clocks alone they could be the next one's."""
    stage = Stage()
    stage.take(the_task(1), the_task(2))
    stage.prepared(1)
    job = stage.draws(1)
    stage.machine.let_pass(2)
    job.started()
    late = [job.progressed(0), job.progressed(31)]
    stage.machine.let_pass(2)
    job.finished()
    stage.do(lambda core: core.look())
    stage.history(job.final)
    assert stage.state(1) == "SUCCEEDED"
    assert stage.prepared(2) == ["write 2 v2 SUBMITTING, +2", "post 2 command"]

    assert stage.hear(late[0]) == []
    assert stage.hear(late[1]) == ["write 1 accepted interaction message job settled"]
    assert stage.state(2) == "SUBMITTING"


def test_a_clock_that_is_minutes_behind_discords_does_not_make_an_old_message_new() -> None:
    """Another session's picture of the same words was taken for ours when Discord edited it."""
    stage = Stage(pace=NO_PACE)
    stage.machine.let_pass(120)
    old = Drawing(stage.ids, stage.machine, 1, prompt="a red fox", nonce=None)
    old.started()
    final = old.finished()
    stage.machine.let_pass(-119)
    stage.history(final.message)
    stage.take(the_task(1, prompt_en="a red fox"))
    stage.prepared(1)
    stage.hear(MessageUpdated(replace(final.message, interaction_id=None, interaction_user_id=None)))

    assert stage.state(1) == "SUBMITTING"


@pytest.mark.parametrize("absurd", ["9" * 19, "9" * 20])
def test_a_message_from_the_future_makes_no_other_one_old(absurd: str) -> None:
    """All that came after it was older than every Attempt, until the next start."""
    stage = Stage(pace=NO_PACE)
    stage.hear(MessageCreated(Message(id=MessageId(absurd), channel_id=CHANNEL, author_id=UserId("5"), content="hi")))
    job = stage.until_running(the_task(1))
    nameless: dict[str, Any] = {"nonce": None, "interaction_id": None, "interaction_user_id": None}
    stage.hear(MessageCreated(replace(job.started().message, **nameless)))
    stage.hear(job.finished())

    assert stage.state(1) == "SUCCEEDED"
