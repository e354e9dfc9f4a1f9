"""Opens the Store that a URL names. Another kind of store is another scheme here, and a package beside `sqlite`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from midway.store.port import DatabaseRefused, Store

MEMORY = "memory:"
SQLITE = "sqlite:///"


class UnknownStore(DatabaseRefused):
    """No Store is called so; mend the URL."""

    def __init__(self, url: str) -> None:
        scheme, colon, _ = url.partition(":")  # what follows may hold a password
        super().__init__(f"{scheme}{colon}…", f"names no store; {MEMORY} and {SQLITE}PATH do")


@asynccontextmanager
async def open(  # noqa: A001 - as with gzip.open, its module's name is said with it
    url: str, *, allow_network_file_system: bool = False, quarantine: bool = False
) -> AsyncIterator[Store]:
    """Open a Store, making it where there is none, and close it at the end of the context.

    `memory:` forgets everything; `sqlite:///PATH` is a file, whose path stands there as it is: `sqlite:////var/midway.db`
    is absolute, `sqlite:///midway.db` relative. With `quarantine`, rows that cannot be read are put away and logged
    where they are met; otherwise reading them raises.
    Raises DatabaseRefused (UnknownStore, and what each Store adds) or StoreUnavailable.
    """
    store = await _opened(url, allow_network_file_system=allow_network_file_system, quarantine=quarantine)
    try:
        yield store
    finally:
        await store.close()


def sqlite_url(path: Path) -> str:
    """Name the Store in a SQLite file."""
    return f"{SQLITE}{path}"


async def _opened(url: str, *, allow_network_file_system: bool, quarantine: bool) -> Store:
    # Each is imported only when it is used: a database's driver need not be there for those who have another one.
    if url == MEMORY:
        from midway.store.memory import MemoryStore  # noqa: PLC0415 - see above

        return MemoryStore()
    if url.startswith(SQLITE) and url != SQLITE:
        from midway.store.sqlite import SqliteStore  # noqa: PLC0415 - see above

        return await SqliteStore.open(
            Path(url.removeprefix(SQLITE)), allow_network_file_system=allow_network_file_system, quarantine=quarantine
        )
    raise UnknownStore(url)
