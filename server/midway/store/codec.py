"""Tasks and Attempts as JSON documents: the format that every Store on a disk uses.

A document holds every field, including those at their default, so that changing a default later does not change what
was stored. Missing fields take their default and unknown fields are skipped, so that rows stay readable before and
after an upgrade that adds a field.
"""

from msgspec import json
from msgspec.structs import replace

from midway.domain.attempt import Attempt
from midway.domain.ids import Revision
from midway.domain.task import Task

_ENCODER = json.Encoder()
_TASKS = json.Decoder(Task)
_ATTEMPTS = json.Decoder(Attempt)


def json_from_task(task: Task) -> str:
    """Return the Task's document."""
    return _ENCODER.encode(task).decode()


def task_from_json(document: bytes | str, revision: Revision) -> Task:
    """Read a Task. Its revision is not in the document: the Store keeps it in a column."""
    return replace(_TASKS.decode(document), revision=revision)


def json_from_attempt(attempt: Attempt) -> str:
    """Return the Attempt's document."""
    return _ENCODER.encode(attempt).decode()


def attempt_from_json(document: bytes | str) -> Attempt:
    """Read an Attempt."""
    return _ATTEMPTS.decode(document)
