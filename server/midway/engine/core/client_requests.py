"""Clients' requests about an Account's Tasks: to cancel them, and to give them the input that they wait for."""

from midway.domain.errors import Conflict, NotFound, Reason
from midway.domain.ids import TaskId
from midway.domain.image import InputImage
from midway.domain.lifecycle import Cancelled, InputGiven
from midway.domain.task import State, Task
from midway.engine.core.effects import Change, Effect
from midway.engine.core.ledger import Ledger
from midway.engine.core.send_queue import SendQueue
from midway.store.port import RequestKey

NOTHING_SENT = "cancelled before anything was sent to Midjourney"
STILL_DRAWING = "cancelled here; what was sent cannot be taken back: Midjourney draws on, a late picture is attached"


class ClientRequests:
    """Decides clients' requests, and remembers which ones gave input. Owned by one core."""

    def __init__(self, ledger: Ledger, send_queue: SendQueue) -> None:
        self._ledger = ledger
        self._send_queue = send_queue
        self._given: dict[TaskId, RequestKey] = {}  # requests that gave a waiting Task its input

    def cancel(self, task_id: TaskId) -> list[Effect]:
        """End a Task as CANCELLED, with a notice on whether Midjourney may still draw it. An ended one is unchanged."""
        task = known_task(self._ledger, task_id)
        attempts = self._ledger.attempts(task_id)
        waits_for_disk = bool(attempts) and self._send_queue.waits_for_disk(attempts[-1].nonce)
        is_first = waits_for_disk and all(attempt.settled for attempt in attempts[:-1])
        unsent = task.state in {State.QUEUED, State.AWAITING_INPUT} or is_first
        return [Change(task_id=task_id, events=(Cancelled(NOTHING_SENT if unsent else STILL_DRAWING),))]

    def give_input(
        self, task_id: TaskId, prompt: str, mask: InputImage | None, request: RequestKey | None
    ) -> list[Effect]:
        """Give an AWAITING_INPUT Task its input; it becomes QUEUED. Raises Conflict in another state."""
        task = known_task(self._ledger, task_id)
        if request is not None and self._given.get(task_id) == request:
            return []
        if task.state is not State.AWAITING_INPUT:
            raise Conflict(
                Reason.TASK_NOT_AWAITING_INPUT,
                f"task {task_id} is {task.state.value}; only AWAITING_INPUT takes input",
                task_id=task_id,
                state=task.state.value,
            )
        if request is not None:
            self._given[task_id] = request
        given = InputGiven(prompt, has_mask=mask is not None or task.ask.has_mask)
        inputs = () if mask is None else (mask,)
        return [Change(task_id=task_id, events=(given,), inputs=inputs, request=request)]

    def lose(self, task_id: TaskId) -> None:
        """Forget which request gave a Task its input, because that input may have been dropped."""
        self._given.pop(task_id, None)

    def reset(self) -> None:
        """Forget which requests gave input."""
        self._given.clear()

    def forget_old(self) -> None:
        """Forget the requests of Tasks that are no longer in memory."""
        self._given = {task_id: request for task_id, request in self._given.items() if task_id in self._ledger.tasks}


def known_task(ledger: Ledger, task_id: TaskId) -> Task:
    """Return a Task that is in memory. Raises NotFound."""
    task = ledger.tasks.get(task_id)
    if task is None:
        raise NotFound(Reason.TASK_NOT_FOUND, f"there is no task {task_id}", task_id=task_id)
    return task
