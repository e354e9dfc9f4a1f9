"""The SQL: named, explained, and answered from an index where it is asked often."""

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from midway.domain.action import Action
from midway.domain.ids import AccountId, TaskId
from midway.domain.task import TERMINAL, State
from midway.store.port import TaskQuery
from midway.store.sqlite.columns import integer_from_time, time_from_integer
from midway.store.sqlite.conditions import of_page, where
from midway.store.sqlite.database import open_writer
from midway.store.sqlite.queries import QUERIES, SQL_FILES, load, queries_from_text

UNFINISHED = frozenset(State) - TERMINAL


@pytest.fixture
def plan_of(tmp_path: Path) -> Iterator:
    """Give a function that returns SQLite's plan of a query in an empty database, as one text."""
    with closing(open_writer(tmp_path / "plan.db")) as connection:

        def plan(sql: str, **values: object) -> str:
            bound = dict.fromkeys(re.findall(r":(\w+)", sql), 1) | values
            return "\n".join(step["detail"] for step in connection.execute(f"EXPLAIN QUERY PLAN {sql}", bound))

        yield plan


# What the engine, the streams and the webhooks ask all the time; a full scan here grows with the database's age.
HOT = [
    "attempts",
    "changes",
    "history",
    "inputs",
    "kept_revision",
    "last_task_id",
    "outbox_due",
    "outbox_never_due",
    "position_of_task",
    "recent_attempts",
    "request",
    "stored_revision",
    "task",
]


@pytest.mark.parametrize("name", HOT)
def test_a_hot_query_scans_no_table(plan_of, name: str):
    scans = [step for step in plan_of(QUERIES[name]).splitlines() if step.startswith("SCAN")]

    assert set(scans) <= {"SCAN json_each VIRTUAL TABLE INDEX 1:", "SCAN CONSTANT ROW"}


@pytest.mark.parametrize(
    ("name", "columns", "search"),
    [
        ("progress_tasks", 8, "SEARCH task USING INDEX sqlite_autoindex_task_1 (id=?)"),
        ("learn_of_attempts", 6, "SEARCH attempt USING INDEX sqlite_autoindex_attempt_1 (nonce=?)"),
        ("end_attempts", 6, "SEARCH attempt USING INDEX sqlite_autoindex_attempt_1 (nonce=?)"),
    ],
)
def test_what_changes_is_found_by_its_key(plan_of, name: str, columns: int, search: str):
    row = f"({', '.join(['1'] * columns)})"

    plan = plan_of(QUERIES[name].format(rows=", ".join([row] * 100))).splitlines()

    assert search in plan
    assert {step for step in plan if step.startswith("SCAN")} <= {
        "SCAN changed",
        "SCAN learnt",
        "SCAN 100 CONSTANT ROWS",
    }


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (TaskQuery(states=UNFINISHED, oldest_first=True), "task_by_state"),
        (TaskQuery(states=frozenset({State.QUEUED}), oldest_first=True), "task_by_state"),
        (TaskQuery(account_id=AccountId("1"), states=UNFINISHED), "task_by_account"),
        (TaskQuery(account_id=AccountId("1")), "task_by_account"),
        (TaskQuery(parent_id=TaskId("1"), actions=frozenset({Action.UPSCALE})), "task_by_parent"),
        (TaskQuery(client_state="mine"), "task_by_client_state"),
        (TaskQuery(before=TaskId("1")), "sqlite_autoindex_task_1"),
    ],
)
def test_finding_tasks_goes_through_an_index(plan_of, query: TaskQuery, index: str):
    condition = where(of_page(query))

    plan = plan_of(QUERIES["find_newest_first"].format(conditions=condition.sql), **condition.values)

    assert f"USING INDEX {index} (" in plan


def test_the_newest_tasks_are_read_in_order_without_sorting(plan_of):
    plan = plan_of(QUERIES["find_newest_first"].format(conditions="TRUE"))

    assert "TEMP B-TREE" not in plan


def test_changes_are_read_in_order_without_sorting_them_all(plan_of):
    assert "TEMP B-TREE" not in plan_of(QUERIES["changes"])


@pytest.mark.parametrize("file", [file for file in SQL_FILES.iterdir() if file.name.endswith(".sql")], ids=str)
def test_every_query_has_a_sentence_above_it(file):
    queries = queries_from_text(file.read_text())

    assert [name for name, query in queries.items() if not re.match(r"-- .+", query)] == []


def test_a_name_given_twice_is_a_defect(tmp_path: Path):
    for file in ("a.sql", "b.sql"):
        (tmp_path / file).write_text("-- name: same\n-- Ask.\nSELECT 1\n")

    with pytest.raises(ValueError, match="same"):
        load(tmp_path)


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_survive_as_microseconds(time: datetime):
    assert time_from_integer(integer_from_time(time)) == time


@given(st.lists(st.datetimes(timezones=st.just(UTC)), min_size=2, max_size=2))
def test_stored_times_sort_like_times(times: list[datetime]):
    assert (times[0] < times[1]) == (integer_from_time(times[0]) < integer_from_time(times[1]))
