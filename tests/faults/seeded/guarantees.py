"""What Midway promises, whatever fails: each guarantee by its name, and how the evidence of a run breaches it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from midway.domain.action import TRAITS, Action
from midway.domain.errors import Reason
from midway.domain.ids import Revision, TaskId
from midway.domain.task import State, Task

from tests.faults.seeded.evidence import Evidence, Json, WatchLog
from tests.faults.seeded.plan import QUIET
from tests.faults.seeded.receiver import ENDS as TOLD_ENDS

RUNNING = frozenset({State.SUBMITTING, State.SUBMITTED, State.IN_PROGRESS})
# Reasons that speak of an Account and not of the Task.
ACCOUNT_REASONS = frozenset(
    {
        Reason.ACCOUNT_PAUSED,
        Reason.ACCOUNT_INVALID,
        Reason.ACCOUNT_UNAVAILABLE,
        Reason.VERIFICATION_REQUIRED,
        Reason.CREDITS_EXHAUSTED,
    }
)
# What tells one outcome of a Task from another. Its buttons may be restyled and its picture may come late.
Outcome = tuple[State, object, object]


@dataclass(frozen=True)
class Guarantee:
    """A promise. `breaches` yields a sentence for each time that a run broke it."""

    name: str
    says: str
    breaches: Callable[[Evidence], Iterator[str]]


@dataclass(frozen=True)
class Breach:
    """One broken promise."""

    guarantee: Guarantee
    what: str

    def __str__(self) -> str:
        return f"{self.guarantee.name}: {self.guarantee.says}\n    {self.what}"


def breaches(evidence: Evidence) -> list[Breach]:
    """Judge a run by every guarantee."""
    return [Breach(guarantee, what) for guarantee in GUARANTEES for what in guarantee.breaches(evidence)]


def _lost(evidence: Evidence) -> Iterator[str]:
    for each in evidence.acknowledged:
        task = evidence.tasks.get(TaskId(each.task_id))
        if task is None:
            yield f"task {each.task_id} ({each.step} of {each.errand.name}) was answered and is not stored"
        elif each.prompt != task.ask.prompt:
            yield f"task {each.task_id} was answered with prompt {each.prompt!r} and stored with {task.ask.prompt!r}"


def _not_ended(evidence: Evidence) -> Iterator[str]:
    yield from (f"errand {name} did not come to its end" for name in evidence.unfinished)
    for task in evidence.tasks.values():
        if not task.state.is_terminal:
            yield f"task {task.id} is {task.state} since {task.state_since:%H:%M:%S.%f}; notices: {task.notices}"


def _ended_otherwise(evidence: Evidence) -> Iterator[str]:
    for task_id, stored in evidence.tasks.items():
        ends = [task for task in (*evidence.histories[task_id], stored) if task.state.is_terminal]
        for before, after in pairwise(ends):
            if _outcome(before) != _outcome(after):
                yield f"task {task_id} ended as {_outcome(before)} and became {_outcome(after)}"
            if before.has_final_picture and before.job_id != after.job_id:
                yield f"task {task_id} had the picture of job {before.job_id} and got that of {after.job_id}"
            if not before.has_final_picture and after.has_final_picture and not after.late:
                yield f"task {task_id} got a picture after its end that is not marked as late"
    for log in evidence.watches:
        states = [State(each.state) for each in log.seen]
        for end, later in pairwise(states):
            if end.is_terminal and later is not end:
                yield f"a watch of {log.task_id} saw {later} after {end}"


def _outcome(task: Task) -> Outcome:
    return task.state, task.finished_at, task.failure


def _wrong_pictures(evidence: Evidence) -> Iterator[str]:
    started = {line["job_id"]: line["nonce"] for line in evidence.lines("job") if line["what"] == "started"}
    for task_id, facts in evidence.pictures.items():
        task, job = evidence.tasks.get(task_id), facts.get("job")
        if task is None or job is None or task.action is Action.SHOW:
            continue  # a describe shows what was sent in; a show brings somebody's job back on purpose
        if job != task.job_id:
            yield f"task {task_id} says job {task.job_id} and shows the picture of job {job}"
        nonce = started.get(job, "")
        if nonce is not None and nonce not in evidence.nonces(task_id):
            yield f"task {task_id} shows the picture of job {job}, which the Interaction {nonce} of somebody else began"
    shown = Counter(t.message_id for t in evidence.tasks.values() if t.has_final_picture and t.message_id)
    for message_id, count in shown.items():
        if count > 1:
            yield f"{count} tasks show the picture of message {message_id}"


def _paid_twice(evidence: Evidence) -> Iterator[str]:
    taken = Counter(line["nonce"] for line in evidence.lines("interaction") if line["status"] == 204)
    for nonce, count in taken.items():
        if count > 1:
            yield f"the Interaction {nonce} was taken {count} times"
    owner = {attempt.nonce: task_id for task_id, all_ in evidence.attempts.items() for attempt in all_}
    jobs: defaultdict[TaskId, set[str]] = defaultdict(set)
    for line in evidence.lines("job"):
        if line["what"] in {"started", "queued"} and line["nonce"] in owner:
            jobs[owner[line["nonce"]]].add(line["job_id"])
    for task_id, drawn in jobs.items():
        if len(drawn) > 1:
            yield f"task {task_id} was drawn {len(drawn)} times: jobs {', '.join(sorted(drawn))}"


def _out_of_order(evidence: Evidence) -> Iterator[str]:
    for log in (*evidence.watches, evidence.everything):
        for before, after in pairwise(log.seen):
            if after.revision <= before.revision:
                yield f"a watch of {log.task_id} saw revision {after.revision} after {before.revision}"


def _not_resumed(evidence: Evidence) -> Iterator[str]:
    for log in evidence.watches:
        if not log.seen:
            continue
        history = evidence.histories.get(TaskId(log.task_id), [])
        missed = _states_between(history, log) - {each.revision for each in log.seen}
        if missed:
            yield f"a watch of {log.task_id} missed the changes of state at revisions {sorted(missed)}"
        if log.task_id in _ended_ids(evidence) and not State(log.seen[-1].state).is_terminal:
            yield f"a watch of {log.task_id} did not see its end; the last it saw is {log.seen[-1]}"
    if evidence.everything.seen:
        seen = {each.revision for each in evidence.everything.seen}
        whole = {revision for history in evidence.histories.values() for revision in _changes(history)}
        missed = {revision for revision in whole - seen if min(seen) < revision < max(seen)}
        if missed:
            yield f"the watch of all Tasks missed the changes of state at revisions {sorted(missed)}"


def _states_between(history: list[Task], log: WatchLog) -> set[int]:
    """Return the revisions of every change of state that a watch had to show."""
    first, last = log.seen[0].revision, log.seen[-1].revision
    return {revision for revision in _changes(history) if first < revision <= last}


def _changes(history: list[Task]) -> set[int]:
    """Return the revisions at which a Task changed its state."""
    return {task.revision for before, task in pairwise(history) if task.state is not before.state}


def _ended_ids(evidence: Evidence) -> set[str]:
    given_up = set(evidence.unfinished)
    return {each.task_id for each in evidence.acknowledged if each.errand.name not in given_up}


def _over_slots(evidence: Evidence) -> Iterator[str]:
    """Replay every change of state of all Tasks in the order of their revisions."""
    changes = sorted((task for history in evidence.histories.values() for task in history), key=_revision)
    running: defaultdict[str, set[TaskId]] = defaultdict(set)
    for task in changes:
        account = task.account_id or ""
        running[account].discard(task.id)
        if task.state in RUNNING and TRAITS[task.action].takes_slot:
            running[account].add(task.id)
        if len(running[account]) > evidence.slots:
            yield f"account {account} ran {sorted(running[account])} at revision {task.revision}"


def _revision(task: Task) -> Revision:
    return task.revision


def _untold(evidence: Evidence) -> Iterator[str]:
    told = [notice for notice in evidence.notices if notice.taken]
    ended = {notice.task_id for notice in told if notice.status in TOLD_ENDS}
    for each in evidence.acknowledged:
        task = evidence.tasks.get(TaskId(each.task_id))
        if each.errand.notifies and task and task.state.is_terminal and task.id not in ended:
            yield f"the webhook was never told that task {task.id} ended as {task.state}"
    bodies: dict[str, Json] = {}
    for notice in evidence.notices:
        if bodies.setdefault(notice.id, notice.body) != notice.body:
            yield f"notice {notice.id} was told in two ways: {bodies[notice.id]} and {notice.body}"
    yield from _disordered(evidence)


def _disordered(evidence: Evidence) -> Iterator[str]:
    """Notices' ids end with their revision; of one Task each must be taken before the next is tried."""
    newest: dict[str, int] = {}
    for notice in evidence.notices:
        revision = int(notice.id.rpartition("_")[2])
        if revision < newest.get(notice.task_id, 0):
            yield f"the webhook was told revision {revision} of task {notice.task_id} after {newest[notice.task_id]}"
        newest[notice.task_id] = max(revision, newest.get(notice.task_id, 0))


def _harmed(evidence: Evidence) -> Iterator[str]:
    """Judge the account that no fault struck: its Tasks know nothing of the others' troubles."""
    quiet = str(300_000_000_000_000_000 + QUIET)
    state = evidence.account_states.get(quiet)
    if state not in {None, "ACTIVE"}:
        yield f"account {quiet}, which nothing struck, is {state}"
    for each in evidence.acknowledged:
        task = evidence.tasks.get(TaskId(each.task_id))
        if task is None or task.account_id != quiet:
            continue
        if task.failure and task.failure.reason in ACCOUNT_REASONS:
            yield f"task {task.id} of account {quiet}, which nothing struck, failed: {task.failure.message}"
        elif each.errand.is_plain and each.step == "imagine" and task.state is not State.SUCCEEDED:
            yield f"task {task.id} of account {quiet}, which nothing struck, is {task.state}: {task.failure}"


GUARANTEES = (
    Guarantee("Durable", "an acknowledged submit survives `kill -9` at any later point", _lost),
    Guarantee("EventuallyTerminal", "every accepted Task ends within its deadlines, whatever fails", _not_ended),
    Guarantee(
        "TerminalOnce",
        "a Task ends once; nothing changes its outcome later except attaching a late picture, marked as such",
        _ended_otherwise,
    ),
    Guarantee(
        "RightPicture",
        "no Task ever gets a picture whose job UUID belongs to another Interaction, also with identical prompts, "
        "other users' messages in the channel, and events lost or reordered (Known limits: the owner draws the same)",
        _wrong_pictures,
    ),
    Guarantee(
        "SingleSubmit",
        "one Attempt's nonce reaches Discord at most once; a Task is never paid twice without the client asking; "
        "doubt is OUTCOME_UNKNOWN, not a resend",
        _paid_twice,
    ),
    Guarantee("Ordered", "a watcher sees revisions rise", _out_of_order),
    Guarantee(
        "Resumable", "a watcher resumes without gap or duplicate, and always sees the terminal state", _not_resumed
    ),
    Guarantee(
        "SlotBound",
        "an Account never runs more than its slots; a slot is free as soon as its Task is terminal",
        _over_slots,
    ),
    Guarantee(
        "WebhookDelivered",
        "every terminal change reaches a webhook that answers 2xx within the retry window, in order per Task, at least "
        "once, with the same id on each retry",
        _untold,
    ),
    Guarantee("Isolated", "a paused or broken Account harms no other Account's Tasks", _harmed),
)
