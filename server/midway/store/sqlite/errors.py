"""Why a database file is not opened. Each message is for the operator; nothing in the file was changed.

    port.DatabaseRefused
    +-- DatabaseInUse       another process has it open
    +-- DatabaseTooNew      a later Midway wrote it
    +-- DatabaseForeign     another program wrote it
    +-- DatabaseDamaged     its check after an unclean stop found faults
    +-- NetworkFileSystem   it is on a file system where SQLite's locks and fsync cannot be trusted

A disk error while opening is `port.StoreUnavailable`, as it is later.
"""

from pathlib import Path

from midway.store.port import DatabaseRefused


class DatabaseInUse(DatabaseRefused):
    """Another process has it open; stop that process, or give this one a data directory of its own."""

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(str(path), f"in use by process {holder or 'unknown'}; one process at a time may open it")
        self.holder = holder


class DatabaseTooNew(DatabaseRefused):
    """A later Midway wrote it; start that version, or restore the backup made before the upgrade."""

    def __init__(self, path: Path, found: int, known: int) -> None:
        super().__init__(str(path), f"its schema is version {found}, this program knows {known} at most")
        self.found = found
        self.known = known


class DatabaseForeign(DatabaseRefused):
    """It is another program's database; choose another data directory, or move that file away."""

    def __init__(self, path: Path, application_id: int, tables: list[str]) -> None:
        listed = ", ".join(map(str, tables[:3])) + (", …" if len(tables) > 3 else "")
        found = f"application id {application_id}, tables: {listed or 'none'}"
        super().__init__(str(path), f"another program's database ({found}); Midway leaves it alone")
        self.application_id = application_id
        self.tables = tables


class DatabaseDamaged(DatabaseRefused):
    """SQLite's quick check found faults; restore a backup, or recover the content with `sqlite3 FILE .recover`."""

    def __init__(self, path: Path, faults: list[str]) -> None:
        super().__init__(str(path), "damaged: " + "; ".join(faults))
        self.faults = faults


class NetworkFileSystem(DatabaseRefused):
    """Two machines could write to it at once; move the data directory to a local disk, or allow it in the settings."""

    def __init__(self, path: Path, kind: str) -> None:
        super().__init__(str(path), f"lies on a network file system ({kind}), where SQLite can lose what it stored")
        self.kind = kind
