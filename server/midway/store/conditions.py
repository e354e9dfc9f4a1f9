"""What a TaskQuery asks of a Task, once for every Store and every stream.

A field of TaskQuery is either a row of CONDITIONS or belongs to PAGE; `tests/store/test_conditions.py` proves it.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from midway.domain.task import Task
from midway.store.port import TaskQuery


class Condition(NamedTuple):
    """A field of TaskQuery, which is a value or a set of them, and what it is compared with."""

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
PAGE = frozenset({"before", "oldest_first", "limit"})  # which of the Tasks that match, and in what order


def wanted(query: TaskQuery) -> Iterator[tuple[Condition, str | frozenset[str]]]:
    """Yield the conditions that the query fills, each with the value, or the values, that a Task must have."""
    for condition in CONDITIONS:
        value = getattr(query, condition.field)
        if value is not None and value != frozenset():
            yield condition, value


def matcher(query: TaskQuery) -> Callable[[Task], bool]:
    """Return a function that tells whether a Task is one that the query asks for, whatever its page."""
    tests = [
        (condition.of_task, value if isinstance(value, frozenset) else frozenset({value}))
        for condition, value in wanted(query)
    ]
    return lambda task: all(of_task(task) in values for of_task, values in tests)
