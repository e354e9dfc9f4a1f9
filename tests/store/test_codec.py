"""Documents: what is written is read back, also across versions that know other fields."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from midway.domain.attempt import Attempt
from midway.domain.ids import Revision
from midway.domain.task import Ask, Task
from midway.store.codec import attempt_from_json, json_from_attempt, json_from_task, task_from_json
from msgspec.structs import fields, replace

from tests.store.tasks import RESULT, a_task, an_attempt

st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))

tasks = st.builds(Task, ask=st.builds(Ask))
attempts = st.builds(Attempt)


@given(tasks)
def test_a_task_survives_the_round_trip(task: Task):
    assert task_from_json(json_from_task(task), task.revision) == task


@given(attempts)
def test_an_attempt_survives_the_round_trip(attempt: Attempt):
    assert attempt_from_json(json_from_attempt(attempt)) == attempt


def test_times_come_back_aware_in_utc():
    read = task_from_json(json_from_task(a_task()), Revision(1))

    assert read.created_at.utcoffset() == datetime.now(UTC).utcoffset()


def test_the_revision_comes_from_beside_the_document():
    assert task_from_json(json_from_task(a_task()), Revision(7)).revision == 7


def test_fields_of_a_later_version_are_skipped():
    task = replace(a_task(), image=RESULT.image)
    document = json.loads(json_from_task(task))
    for part in (document, document["ask"], document["image"]):
        part["added_later"] = {"any": ["thing"]}

    assert task_from_json(json.dumps(document), task.revision) == task


def test_fields_that_an_earlier_version_did_not_write_take_their_default():
    task = a_task()
    document = json.loads(json_from_task(task))
    del document["notices"], document["late"], document["ask"]["remix"]

    assert task_from_json(json.dumps(document), task.revision) == task


def test_every_field_is_written_also_at_its_default():
    written = json.loads(json_from_task(a_task()))

    assert written.keys() == {field.name for field in fields(Task)}
    assert written["ask"].keys() == {field.name for field in fields(Ask)}


def test_an_attempt_without_later_fields_is_readable():
    attempt = an_attempt(a_task())
    document = json.loads(json_from_attempt(attempt))
    del document["message_ids"], document["job_id"]

    assert attempt_from_json(json.dumps(document)) == attempt


# As the first version wrote them, every field at another value than its default.
KEPT = Path(__file__).parent / "documents"


def test_a_task_of_the_first_version_is_read_and_written_alike() -> None:
    document = (KEPT / "task.json").read_text("utf-8")
    written = json_from_task(task_from_json(document, Revision(9)))

    assert _known_to(json.loads(document), json.loads(written)) == json.loads(document)


def test_an_attempt_of_the_first_version_is_read_and_written_alike() -> None:
    document = (KEPT / "attempt.json").read_text("utf-8")
    written = json_from_attempt(attempt_from_json(document))

    assert _known_to(json.loads(document), json.loads(written)) == json.loads(document)


def _known_to(kept: Any, written: Any) -> Any:
    """Leave out of what is written, at any depth, the fields that the kept document does not know."""
    if isinstance(kept, dict) and isinstance(written, dict):
        return {name: _known_to(kept[name], value) for name, value in written.items() if name in kept}
    return written
