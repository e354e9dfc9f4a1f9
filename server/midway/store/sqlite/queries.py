"""Loads the named queries in `store/sqlite/sql/`.

A file is a list of queries, each headed by `-- name: its_name` and a comment on what it is for.
"""

import re
from importlib.resources import files
from importlib.resources.abc import Traversable

_HEAD = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
SQL_FILES = files("midway.store.sqlite") / "sql"


def queries_from_text(text: str) -> dict[str, str]:
    """Split a file's text into queries by name; comments are kept, as they help when reading an SQL trace."""
    _, *parts = _HEAD.split(text)
    return {name: query.strip() for name, query in zip(parts[::2], parts[1::2], strict=True)}


def load(folder: Traversable = SQL_FILES) -> dict[str, str]:
    """Read every named query of the folder; raise ValueError when a name is given twice."""
    queries: dict[str, str] = {}
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".sql"):
            continue
        found = queries_from_text(file.read_text(encoding="utf-8"))
        if twice := queries.keys() & found.keys():
            raise ValueError(f"{file.name}: query {min(twice)} exists already")
        queries |= found
    return queries


QUERIES = load()
