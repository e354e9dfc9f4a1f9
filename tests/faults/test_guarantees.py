"""A judge that never condemns proves nothing: each guarantee is broken here on purpose, in made-up evidence."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from midway.domain.action import Action, Bot
from midway.domain.attempt import Attempt, AttemptKind
from midway.domain.errors import Reason
from midway.domain.ids import AccountId, ChannelId, JobId, MessageId, Nonce, Revision, TaskId
from midway.domain.image import Image
from midway.domain.task import Ask, Failure, State, Task
from msgspec.structs import replace

from tests.faults.seeded.evidence import Acknowledged, Evidence, Notice, Seen, WatchLog
from tests.faults.seeded.guarantees import GUARANTEES, breaches
from tests.faults.seeded.plan import QUIET, Errand, Plan

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ID, OTHER_ID = TaskId("1000000000000001"), TaskId("1000000000000002")
ACCOUNT = AccountId(str(300_000_000_000_000_000 + QUIET))
ERRAND = Errand(name="imagine-0", verb="imagine", prompt="a red fox")
PLAN = Plan(seed=0, errands=(ERRAND,), disturbances=(), deaths=(), webhook_failures=())
STATES = (State.QUEUED, State.SUBMITTING, State.SUBMITTED, State.IN_PROGRESS, State.SUCCEEDED)


def life(task_id: TaskId = ID, nonce: str = "n1", first: int = 1) -> list[Task]:
    """Return the history of a Task that went well, with revisions from `first` on."""
    ask = Ask(action=Action.IMAGINE, prompt="a red fox", notify_url="http://receiver/hook")
    queued = Task(
        id=task_id,
        ask=ask,
        created_at=NOW,
        updated_at=NOW,
        state_since=NOW,
        account_id=ACCOUNT,
        channel_id=ChannelId("1"),
    )
    told = [replace(queued, state=state, revision=Revision(first + number)) for number, state in enumerate(STATES)]
    end = replace(
        told[-1],
        job_id=JobId(f"job-{nonce}"),
        image=Image("http://cdn/1"),
        message_id=MessageId(nonce),
        finished_at=NOW,
    )
    return [*told[:-1], end]


def attempt(task_id: TaskId, nonce: str) -> Attempt:
    """Return a Task's Attempt."""
    return Attempt(
        nonce=Nonce(nonce),
        task_id=task_id,
        account_id=ACCOUNT,
        channel_id=ChannelId("1"),
        kind=AttemptKind.COMMAND,
        action=Action.IMAGINE,
        bot=Bot.MIDJOURNEY,
        sent_at=NOW,
    )


def good() -> Evidence:
    """Return the evidence of a run in which one Task went well."""
    history = life()
    seen = [Seen(task.revision, task.state.value) for task in history]
    return Evidence(
        plan=PLAN,
        slots=1,
        acknowledged=[Acknowledged(ID, ERRAND, "imagine", "a red fox")],
        watches=[WatchLog(ID, seen)],
        notices=[notice(3, "SUBMITTED"), notice(5, "SUCCESS")],
        tasks={ID: history[-1]},
        histories={ID: history},
        attempts={ID: [attempt(ID, "n1")]},
        pictures={ID: {"job": "job-n1"}},
        journal=[
            {"kind": "interaction", "nonce": "n1", "status": 204},
            {"kind": "job", "what": "started", "nonce": "n1", "job_id": "job-n1"},
        ],
        account_states={ACCOUNT: "ACTIVE"},
        starts=1,
    )


def notice(revision: int, status: str, *, told: str = "", taken: bool = True) -> Notice:
    """Return a notice of the Task."""
    return Notice(f"msg_{ID}_{revision}", ID, status, {"id": ID, "status": status, "told": told}, taken)


def ended(evidence: Evidence, **changes: object) -> Task:
    """Return the Task's end with other values."""
    return replace(evidence.tasks[ID], **changes)


def lose_a_submit(evidence: Evidence) -> None:
    del evidence.tasks[ID]


def change_a_prompt(evidence: Evidence) -> None:
    evidence.acknowledged[0] = dataclasses.replace(evidence.acknowledged[0], prompt="a blue fox")


def never_end(evidence: Evidence) -> None:
    evidence.tasks[ID] = evidence.histories[ID][3]
    evidence.histories[ID].pop()


def end_twice(evidence: Evidence) -> None:
    evidence.tasks[ID] = ended(evidence, state=State.FAILED, revision=Revision(6))


def end_later_again(evidence: Evidence) -> None:
    evidence.tasks[ID] = ended(evidence, finished_at=NOW + timedelta(seconds=1), revision=Revision(6))


def swap_the_picture(evidence: Evidence) -> None:
    evidence.tasks[ID] = ended(evidence, job_id=JobId("job-n2"), revision=Revision(6))


def attach_without_a_mark(evidence: Evidence) -> None:
    evidence.histories[ID][-1] = ended(evidence, state=State.FAILED, image=None)
    evidence.tasks[ID] = ended(evidence, state=State.FAILED, late=False, revision=Revision(6))
    evidence.tasks[ID] = replace(evidence.tasks[ID], state=State.SUCCEEDED)


def show_anothers_picture(evidence: Evidence) -> None:
    evidence.journal[1]["nonce"] = "somebody's"


def show_another_job(evidence: Evidence) -> None:
    evidence.pictures[ID]["job"] = "job-n2"


def show_one_message_twice(evidence: Evidence) -> None:
    evidence.tasks[OTHER_ID] = replace(evidence.tasks[ID], id=OTHER_ID)
    evidence.histories[OTHER_ID] = []


def send_a_nonce_twice(evidence: Evidence) -> None:
    evidence.journal.append(evidence.journal[0])


def draw_twice(evidence: Evidence) -> None:
    evidence.attempts[ID].append(attempt(ID, "n2"))
    evidence.journal.append({"kind": "job", "what": "queued", "nonce": "n2", "job_id": "job-n2"})


def repeat_a_revision(evidence: Evidence) -> None:
    evidence.watches[0].seen.insert(1, evidence.watches[0].seen[0])


def fall_behind(evidence: Evidence) -> None:
    evidence.everything.seen += [Seen(5, "SUCCEEDED"), Seen(4, "IN_PROGRESS")]


def leave_a_gap(evidence: Evidence) -> None:
    del evidence.watches[0].seen[2]


def leave_a_gap_in_everything(evidence: Evidence) -> None:
    evidence.everything.seen += [Seen(1, "QUEUED"), Seen(5, "SUCCEEDED")]


def show_two_ends(evidence: Evidence) -> None:
    evidence.watches[0].seen.append(Seen(6, "FAILED"))


def miss_the_end(evidence: Evidence) -> None:
    evidence.watches[0].seen.pop()


def overfill(evidence: Evidence) -> None:
    other = [replace(task, revision=Revision(task.revision + 1)) for task in life(OTHER_ID, "n2", first=1)]
    evidence.histories[OTHER_ID] = other


def tell_no_end(evidence: Evidence) -> None:
    evidence.notices.pop()


def tell_no_end_that_is_taken(evidence: Evidence) -> None:
    evidence.notices[-1] = dataclasses.replace(evidence.notices[-1], taken=False)


def tell_in_two_ways(evidence: Evidence) -> None:
    evidence.notices.append(notice(5, "SUCCESS", told="otherwise"))


def tell_backwards(evidence: Evidence) -> None:
    evidence.notices.append(notice(3, "SUBMITTED"))


def pause_the_quiet_account(evidence: Evidence) -> None:
    evidence.account_states[ACCOUNT] = "PAUSED"


def fail_for_another_account(evidence: Evidence) -> None:
    failure = Failure(Reason.ACCOUNT_PAUSED, "somebody else's trouble")
    evidence.tasks[ID] = evidence.histories[ID][-1] = ended(evidence, state=State.FAILED, failure=failure)


def fail_on_the_quiet_account(evidence: Evidence) -> None:
    failure = Failure(Reason.IDLE_TIMEOUT, "no picture")
    evidence.tasks[ID] = evidence.histories[ID][-1] = ended(evidence, state=State.FAILED, failure=failure)


BROKEN: list[tuple[str, Callable[[Evidence], None]]] = [
    ("Durable", lose_a_submit),
    ("Durable", change_a_prompt),
    ("EventuallyTerminal", never_end),
    ("TerminalOnce", end_twice),
    ("TerminalOnce", end_later_again),
    ("TerminalOnce", swap_the_picture),
    ("TerminalOnce", attach_without_a_mark),
    ("RightPicture", show_anothers_picture),
    ("RightPicture", show_another_job),
    ("RightPicture", show_one_message_twice),
    ("SingleSubmit", send_a_nonce_twice),
    ("SingleSubmit", draw_twice),
    ("Ordered", repeat_a_revision),
    ("Ordered", fall_behind),
    ("Resumable", leave_a_gap),
    ("TerminalOnce", show_two_ends),
    ("Resumable", leave_a_gap_in_everything),
    ("Resumable", miss_the_end),
    ("SlotBound", overfill),
    ("WebhookDelivered", tell_no_end),
    ("WebhookDelivered", tell_no_end_that_is_taken),
    ("WebhookDelivered", tell_in_two_ways),
    ("WebhookDelivered", tell_backwards),
    ("Isolated", pause_the_quiet_account),
    ("Isolated", fail_for_another_account),
    ("Isolated", fail_on_the_quiet_account),
]


def test_a_run_that_went_well_breaches_nothing() -> None:
    """The judge condemns nobody without a reason."""
    assert not [str(breach) for breach in breaches(good())]


@pytest.mark.parametrize(("name", "spoil"), BROKEN, ids=[f"{name}-{spoil.__name__}" for name, spoil in BROKEN])
def test_a_broken_promise_is_seen_and_named(name: str, spoil: Callable[[Evidence], None]) -> None:
    """Its text is the promise itself."""
    evidence = good()
    spoil(evidence)
    found = {breach.guarantee.name: str(breach) for breach in breaches(evidence)}

    assert name in found
    assert next(each.says for each in GUARANTEES if each.name == name) in found[name]


def test_every_guarantee_is_broken_here_once() -> None:
    """A new one needs its own crime."""
    assert {name for name, _ in BROKEN} == {guarantee.name for guarantee in GUARANTEES}
