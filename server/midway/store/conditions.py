"""The conditions of a TaskQuery, defined once for every Store and every stream.

Each field of TaskQuery is either in a row of CONDITIONS or in PAGE; `tests/store/test_conditions.py` checks this.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from midway.domain.task import Task
from midway.store.port import TaskQuery


class Condition(NamedTuple):
    """A field of TaskQuery (one value or a set of values), and what it is compared with."""

    field: str
    column: str  # of a database's table of Tasks
    of_task: Callable[[Task], str | None]


CONDITIONS = (
    Condition("states", "state", lambda task: task.state),
    Condition("actions", "action", lambda task: task.action),
    Condition("account_id", "account_id", lambda task: task.account_id),
    Condition("parent_id", "parent_id", lambda task: task.ask.parent_id),
    Condition("client_state", "client_state", lambda task: task.ask.client_state),
)
PAGE = frozenset({"before", "oldest_first", "limit"})  # which of the matching Tasks to return, and in what order


def wanted(query: TaskQuery) -> Iterator[tuple[Condition, str | frozenset[str]]]:
    """Yield the conditions that the query sets, each with the value a Task must have, or the set of allowed values."""
    for condition in CONDITIONS:
        value = getattr(query, condition.field)
        if value is not None and value != frozenset():
            yield condition, value


def matcher(query: TaskQuery) -> Callable[[Task], bool]:
    """Return a function that tells whether a Task matches the query; the fields of PAGE are ignored."""
    tests = [
        (condition.of_task, value if isinstance(value, frozenset) else frozenset({value}))
        for condition, value in wanted(query)
    ]
    return lambda task: all(of_task(task) in values for of_task, values in tests)
