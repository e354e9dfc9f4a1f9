"""A TaskQuery as a WHERE clause. Only names from this file are put into SQL; every value is bound."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from midway.store.port import TaskQuery


class Condition(NamedTuple):
    """A piece of SQL and the values bound in it."""

    sql: str
    values: dict[str, str]


def where(conditions: Iterable[Condition]) -> Condition:
    """Join conditions; none at all matches everything."""
    joined = list(conditions)
    values = {name: value for condition in joined for name, value in condition.values.items()}
    return Condition(" AND ".join(condition.sql for condition in joined) or "TRUE", values)


def of_query(query: TaskQuery) -> Iterator[Condition]:
    """Yield a condition for each field that the query fills, `before` and the limit aside."""
    if query.states:
        yield _one_of("state", query.states)
    if query.actions:
        yield _one_of("action", query.actions)
    for column in ("account_id", "parent_id", "client_state"):
        value = getattr(query, column)
        if value is not None:
            yield Condition(f"{column} = :{column}", {column: value})
    if query.client_state:
        yield Condition("client_state <> ''", {})  # SQLite has to see that the index holds them all


def of_page(query: TaskQuery) -> Iterator[Condition]:
    """Yield the conditions of a page: those of the query, and where it goes on."""
    yield from of_query(query)
    if query.before is not None:
        yield Condition("id < :before", {"before": query.before})


def _one_of(column: str, values: Iterable[str]) -> Condition:
    # Placeholders one by one, not a JSON array: SQLite's planner has to see how many there are.
    bound = {f"{column}_{i}": str(value) for i, value in enumerate(sorted(values))}
    return Condition(f"{column} IN ({', '.join(f':{name}' for name in bound)})", bound)
