"""What each writing method does to its batch. Each either raises before it changes anything, or does all of it."""

from collections.abc import Iterator, Sequence

from midway.domain.ids import TaskId
from midway.domain.image import InputImage
from midway.domain.task import Task
from midway.store.port import AccountMark, Entry, RequestKey, Submitted, VersionConflict
from midway.store.sqlite import outbox, quarantine, reads
from midway.store.sqlite.batch import Batch, Position
from midway.store.sqlite.columns import integer_from_time
from midway.store.sqlite.quarantine import UnreadableRow
from midway.store.sqlite.queries import QUERIES


def submit(batch: Batch, task: Task, inputs: Sequence[InputImage], request: RequestKey | None) -> Submitted:
    """Insert a new Task, or find the one that this request id made."""
    if request and (made := _by_request(batch, request)):
        return Submitted(made, created=False)
    if position := batch.position(task.id):
        raise VersionConflict(task.id, -1, position.version)
    stored, _ = batch.put(task, is_change_of_state=True)
    put_inputs(batch, task.id, inputs)
    if request:
        _remember_request(batch, request, task.id)
    return Submitted(stored, created=True)


def _by_request(batch: Batch, request: RequestKey) -> Task | None:
    task_id = reads.task_of_request(batch.connection, request)
    return (batch.task(task_id) or reads.requested_task(batch.connection, task_id)) if task_id is not None else None


def _remember_request(batch: Batch, request: RequestKey, task_id: TaskId) -> None:
    key = {"id": request.id, "digest": request.payload_digest, "task_id": task_id}
    batch.connection.execute(QUERIES["insert_request"], key)


class Appended(list[Task]):
    """The Tasks of the appended entries, as stored."""


def append(batch: Batch, entries: Sequence[Entry]) -> Appended:
    """Write entries in order. Raises VersionConflict unless each Task has the version after the stored one."""
    known: dict[TaskId, Position] = {}
    states: list[str] = []  # of each entry's Task before the entry
    for task in [entry.task for entry in entries if entry.task]:
        position = known.get(task.id) or batch.position(task.id)
        if position is None or position.version != task.version - 1:
            raise VersionConflict(task.id, task.version - 1, position.version if position else None)
        states.append(position.state)
        known[task.id] = position._replace(version=task.version, state=task.state)
    before = iter(states)
    return Appended(stored for entry in entries if (stored := _put(batch, entry, before)))


def _put(batch: Batch, entry: Entry, states: Iterator[str]) -> Task | None:
    for attempt in entry.attempts:
        batch.put_attempt(attempt)
    if entry.mark:
        put_mark(batch, entry.mark)
    if entry.task is None:
        return None
    stored, document = batch.put(entry.task, is_change_of_state=next(states) != entry.task.state)
    put_inputs(batch, stored.id, entry.inputs)
    if entry.request:
        _remember_request(batch, entry.request, stored.id)
    if entry.notify and stored.ask.notify_url:
        outbox.put(batch.connection, stored, document)
    return stored


def put_inputs(batch: Batch, task_id: TaskId, inputs: Sequence[InputImage]) -> None:
    """Add input pictures after the others."""
    for image in inputs:
        batch.connection.execute(
            QUERIES["insert_input"],
            {
                "task_id": task_id,
                "content_type": image.content_type,
                "width": image.width,
                "height": image.height,
                "data": image.data,
            },
        )


def quarantine_rows(batch: Batch, rows: Sequence[UnreadableRow]) -> int:
    """Move rows that cannot be read out of the way; return how many there still were."""
    batch.keep_revision()  # the newest one may be theirs
    return quarantine.quarantine_rows(batch.connection, rows)


def put_mark(batch: Batch, mark: AccountMark) -> None:
    """Insert or replace an Account's mark."""
    batch.connection.execute(
        QUERIES["put_mark"],
        {
            "account_id": mark.account_id,
            "state": mark.state.value,
            "reason": mark.reason,
            "since": integer_from_time(mark.since),
        },
    )
