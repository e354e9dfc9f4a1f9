"""A TaskQuery as a WHERE clause. Only column names are put into the SQL text; every value is bound."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from midway.store.conditions import wanted
from midway.store.port import TaskQuery


class Sql(NamedTuple):
    """A piece of SQL and its bound values."""

    sql: str
    values: dict[str, str]


def where(conditions: Iterable[Sql]) -> Sql:
    """Join conditions with AND; no conditions match everything."""
    joined = list(conditions)
    values = {name: value for condition in joined for name, value in condition.values.items()}
    return Sql(" AND ".join(condition.sql for condition in joined) or "TRUE", values)


def of_query(query: TaskQuery) -> Iterator[Sql]:
    """Yield a condition for each field that the query fills, but for its page."""
    for condition, value in wanted(query):
        column = condition.column
        yield _one_of(column, value) if isinstance(value, frozenset) else Sql(f"{column} = :{column}", {column: value})
    if query.client_state:
        yield Sql("client_state <> ''", {})  # lets SQLite use the partial index, which has this condition


def of_page(query: TaskQuery) -> Iterator[Sql]:
    """Yield the conditions of a page: those of the query, and where the page starts."""
    yield from of_query(query)
    if query.before is not None:
        yield Sql("id < :before", {"before": query.before})


def _one_of(column: str, values: Iterable[str]) -> Sql:
    # A placeholder for each value, not one JSON array: SQLite's query planner needs to know how many there are.
    bound = {f"{column}_{i}": str(value) for i, value in enumerate(sorted(values))}
    return Sql(f"{column} IN ({', '.join(f':{name}' for name in bound)})", bound)
