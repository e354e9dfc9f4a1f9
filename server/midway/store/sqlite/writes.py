"""What each writing verb does to its batch. Each raises before it changes anything, or does all of it."""

from collections.abc import Sequence

from midway.domain.attempt import Attempt
from midway.domain.ids import Revision, TaskId
from midway.domain.image import InputImage
from midway.domain.task import Task
from midway.store.port import AccountMark, RequestKey, RevisionConflict, Submitted
from midway.store.sqlite import aside, outbox, reads
from midway.store.sqlite.aside import UnreadableRow
from midway.store.sqlite.batch import Batch
from midway.store.sqlite.columns import integer_from_time
from midway.store.sqlite.queries import QUERIES


def submit(batch: Batch, task: Task, inputs: Sequence[InputImage], request: RequestKey | None) -> Submitted:
    """Insert a new Task, or find the one this request id made."""
    if request and (made := _by_request(batch, request)):
        return Submitted(made, created=False)
    if position := batch.position(task.id):
        raise RevisionConflict(task.id, Revision(0), position.revision)
    stored, _ = batch.put(task, is_change_of_state=True)
    put_inputs(batch, task.id, inputs)
    if request:
        _remember_request(batch, request, task.id)
    return Submitted(stored, created=True)


def _by_request(batch: Batch, request: RequestKey) -> Task | None:
    task_id = reads.task_of_request(batch.connection, request)
    return (batch.task(task_id) or reads.made(batch.connection, task_id)) if task_id is not None else None


def _remember_request(batch: Batch, request: RequestKey, task_id: TaskId) -> None:
    key = {"id": request.id, "digest": request.payload_digest, "task_id": task_id}
    batch.connection.execute(QUERIES["insert_request"], key)


def append(
    batch: Batch,
    task: Task,
    expected_revision: Revision,
    attempts: Sequence[Attempt],
    notify: bool,
    request: RequestKey | None,
) -> Task:
    """Replace a Task that is at the expected revision."""
    position = batch.position(task.id)
    if position is None or position.revision != expected_revision:
        raise RevisionConflict(task.id, expected_revision, position.revision if position else None)
    stored, document = batch.put(task, is_change_of_state=position.state != task.state)
    for attempt in attempts:
        batch.put_attempt(attempt)
    if request:
        _remember_request(batch, request, task.id)
    if notify and task.ask.notify_url:
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


def put_attempt(batch: Batch, attempt: Attempt) -> None:
    """Insert an Attempt, or replace what is known of it."""
    batch.put_attempt(attempt)


def set_aside(batch: Batch, rows: Sequence[UnreadableRow]) -> int:
    """Move rows that cannot be read out of the way; return how many there still were."""
    return aside.set_aside(batch.connection, rows)


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
