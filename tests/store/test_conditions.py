"""A field that TaskQuery gets cannot be forgotten: not by a Store, not by a stream, not by the contract's filter."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from midjourney.v1 import query_pb2, task_pb2
from midway.domain.lifecycle import Dispatched, apply
from midway.rpc.convert_filter import query_from_filter
from midway.store.conditions import CONDITIONS, PAGE, matcher, wanted
from midway.store.port import TaskQuery
from midway.store.sqlite.database import open_writer

from tests.store.tasks import START, a_task
from tests.store.test_find import NARROWED

FIELDS = {condition.field for condition in CONDITIONS}
FILLED: dict[str, Any] = {
    "states": [task_pb2.Task.STATE_QUEUED],
    "actions": [task_pb2.ACTION_UPSCALE],
    "account_id": "1001",
    "parent_task_id": "1700000000000000",
    "client_state": "green",
}


def test_every_field_of_a_query_is_a_condition_or_says_which_page():
    assert set(TaskQuery.__struct_fields__) == FIELDS | PAGE
    assert not FIELDS & PAGE


def test_every_condition_is_a_column_of_the_database(tmp_path: Path):
    with closing(open_writer(tmp_path / "midway.db")) as connection:
        columns = {row["name"] for row in connection.execute("PRAGMA table_info(task)")}

    assert {condition.column for condition in CONDITIONS} <= columns


def test_every_condition_is_tried_on_every_store():
    assert {field for query, _ in NARROWED for field in query} == FIELDS


@pytest.mark.parametrize("field", sorted(query_pb2.TaskFilter.DESCRIPTOR.fields_by_name))
def test_every_field_of_the_contracts_filter_narrows(field: str):
    """A Task that has nothing of it does not match, over a list or a stream."""
    query = query_from_filter(query_pb2.TaskFilter(**{field: FILLED[field]}))

    assert len(list(wanted(query))) == 1
    assert not matcher(query)(apply(a_task(), Dispatched(), START))


def test_the_contracts_filter_has_every_condition():
    query = query_from_filter(query_pb2.TaskFilter(**FILLED))

    assert {condition.field for condition, _ in wanted(query)} == FIELDS


def test_an_empty_query_matches_every_task():
    assert matcher(TaskQuery())(a_task())
