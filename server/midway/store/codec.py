"""Tasks and Attempts as JSON documents, as every Store that writes to a disk keeps them.

A document holds every field, also those at their default: a default that changes later must not rewrite the past.
Fields that are missing take their default and unknown ones are skipped, so that rows stay readable
on both sides of an upgrade that adds a field.
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
    """Read a Task; its revision comes from beside the document, where the Store counts it."""
    return replace(_TASKS.decode(document), revision=revision)


def json_from_attempt(attempt: Attempt) -> str:
    """Return the Attempt's document."""
    return _ENCODER.encode(attempt).decode()


def attempt_from_json(document: bytes | str) -> Attempt:
    """Read an Attempt."""
    return _ATTEMPTS.decode(document)
