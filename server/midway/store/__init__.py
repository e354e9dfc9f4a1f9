"""Tasks on disk: `port` says what every Store promises, and `open` opens the one that a URL names."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from midway.store.port import DatabaseRefused, Store

MEMORY = "memory:"
SQLITE = "sqlite:///"


class UnknownStore(DatabaseRefused):
    """The URL names no Store that exists; correct the URL."""

    def __init__(self, url: str) -> None:
        scheme, colon, _ = url.partition(":")  # what follows may hold a password
        super().__init__(f"{scheme}{colon}…", f"names no store; {MEMORY} and {SQLITE}PATH do")


@asynccontextmanager
async def open(  # noqa: A001 - called as `store.open`, as one calls gzip.open
    url: str, *, allow_network_file_system: bool = False, quarantine: bool = False
) -> AsyncIterator[Store]:
    """Open a Store, making it where there is none, and close it at the end of the context.

    `memory:` keeps nothing after the process ends. `sqlite:///PATH` is a file; PATH is taken literally:
    `sqlite:////var/midway.db` is absolute, `sqlite:///midway.db` relative. With `quarantine`, rows that cannot be read
    are set aside and logged when they are first read; without it, reading them raises.
    Raises DatabaseRefused (UnknownStore, and what each Store adds) or StoreUnavailable.
    """
    store = await _opened(url, allow_network_file_system=allow_network_file_system, quarantine=quarantine)
    try:
        yield store
    finally:
        await store.close()


def sqlite_url(path: Path) -> str:
    """Return the URL of the Store in a SQLite file."""
    return f"{SQLITE}{path}"


async def _opened(url: str, *, allow_network_file_system: bool, quarantine: bool) -> Store:
    # Imported only when used, so that a database's driver need not be installed by those who use another database.
    if url == MEMORY:
        from midway.store.memory import MemoryStore  # noqa: PLC0415 - see above

        return MemoryStore()
    if url.startswith(SQLITE) and url != SQLITE:
        from midway.store.sqlite import SqliteStore  # noqa: PLC0415 - see above

        return await SqliteStore.open(
            Path(url.removeprefix(SQLITE)), allow_network_file_system=allow_network_file_system, quarantine=quarantine
        )
    raise UnknownStore(url)
