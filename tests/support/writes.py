"""Writing a Task as its owner does."""

from typing import Any

from midway.domain.task import Task
from midway.store.port import Entry, Store
from msgspec.structs import replace


async def write(store: Store, changed: Task, **beside: Any) -> Task:
    """Store a Task that was changed since it was read, with what else its entry holds; return it as stored."""
    [stored] = await store.append(Entry(task=replace(changed, version=changed.version + 1), **beside))
    return stored
