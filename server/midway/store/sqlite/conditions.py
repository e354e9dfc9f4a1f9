"""A TaskQuery as a WHERE clause. Of it only the names of columns are put into SQL; every value is bound."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from midway.store.conditions import wanted
from midway.store.port import TaskQuery


class Sql(NamedTuple):
    """A piece of SQL and the values bound in it."""

    sql: str
    values: dict[str, str]


def where(conditions: Iterable[Sql]) -> Sql:
    """Join conditions; none at all matches everything."""
    joined = list(conditions)
    values = {name: value for condition in joined for name, value in condition.values.items()}
    return Sql(" AND ".join(condition.sql for condition in joined) or "TRUE", values)


def of_query(query: TaskQuery) -> Iterator[Sql]:
    """Yield a condition for each field that the query fills, but for its page."""
    for condition, value in wanted(query):
        column = condition.column
        yield _one_of(column, value) if isinstance(value, frozenset) else Sql(f"{column} = :{column}", {column: value})
    if query.client_state:
        yield Sql("client_state <> ''", {})  # SQLite has to see that the index holds them all


def of_page(query: TaskQuery) -> Iterator[Sql]:
    """Yield the conditions of a page: those of the query, and where it goes on."""
    yield from of_query(query)
    if query.before is not None:
        yield Sql("id < :before", {"before": query.before})


def _one_of(column: str, values: Iterable[str]) -> Sql:
    # Placeholders one by one, not a JSON array: SQLite's planner has to see how many there are.
    bound = {f"{column}_{i}": str(value) for i, value in enumerate(sorted(values))}
    return Sql(f"{column} IN ({', '.join(f':{name}' for name in bound)})", bound)
