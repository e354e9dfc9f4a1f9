"""Migrations go forward, each whole or not at all."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from midway.store.port import TaskQuery
from midway.store.sqlite import DatabaseTooNew
from midway.store.sqlite.database import open_writer
from midway.store.sqlite.migrations import Migration, load, migrate
from midway.store.sqlite.reads import count, revision

FIRST = Migration(1, "CREATE TABLE thing (name TEXT); INSERT INTO thing VALUES ('kept');")
SECOND = Migration(2, "ALTER TABLE thing ADD COLUMN size INTEGER NOT NULL DEFAULT 3;")
BROKEN = Migration(2, "ALTER TABLE thing ADD COLUMN size INTEGER; SELECT nothing FROM nowhere;")
FILE = Path("midway.db")


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """Open an empty database."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as opened:
        yield opened


def version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_an_older_database_is_brought_forward_and_keeps_its_rows(connection: sqlite3.Connection):
    migrate(connection, FILE, [FIRST])

    migrate(connection, FILE, [FIRST, SECOND])

    assert connection.execute("SELECT * FROM thing").fetchall() == [("kept", 3)]
    assert version(connection) == 2


def test_a_migration_is_applied_once(connection: sqlite3.Connection):
    for _ in range(2):
        migrate(connection, FILE, [FIRST, SECOND])

    assert connection.execute("SELECT count(*) FROM thing").fetchone() == (1,)


def test_a_migration_that_fails_changes_nothing(connection: sqlite3.Connection):
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, FILE, [FIRST, BROKEN])

    assert version(connection) == 1
    assert connection.execute("SELECT * FROM thing").fetchall() == [("kept",)]
    assert not connection.in_transaction


def test_a_newer_database_is_refused(connection: sqlite3.Connection):
    migrate(connection, FILE, [FIRST, SECOND])

    with pytest.raises(DatabaseTooNew) as refused:
        migrate(connection, FILE, [FIRST])

    assert (refused.value.found, refused.value.known) == (2, 1)


def test_a_gap_in_the_numbers_is_a_defect(tmp_path: Path):
    for name in ("0001_one.sql", "0003_three.sql"):
        (tmp_path / name).touch()

    with pytest.raises(ValueError, match="0003_three"):
        load(tmp_path)


def test_our_own_migrations_load():
    assert load()


def test_a_notice_of_before_knows_where_it_leads(tmp_path: Path):
    file = tmp_path / "midway.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as old:
        migrate(old, file, load()[:3])
        old.execute(
            "INSERT INTO outbox (task_id, revision, doc, url, due_at) VALUES ('1', 1, '{}', 'http://a.b.test/x', 0)"
        )

    with closing(open_writer(file)) as opened:
        assert tuple(opened.execute("SELECT host, domain FROM outbox").fetchone()) == ("a.b.test:80", "b.test")


def test_a_notice_of_before_with_a_garbled_address_stops_nothing(tmp_path: Path):
    file = tmp_path / "midway.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as old:
        migrate(old, file, load()[:3])
        old.execute(
            "INSERT INTO outbox (task_id, revision, doc, url, due_at) VALUES ('1', 1, '{}', CAST(x'ff' AS TEXT), 0)"
        )

    with closing(open_writer(file)) as opened:
        assert opened.execute("SELECT count(*) FROM outbox").fetchone()[0] == 1


def test_a_revision_that_a_version_of_before_gave_is_not_given_again(tmp_path: Path):
    """It counted them in a row of their own, and may have quarantined the newest."""
    file = tmp_path / "midway.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as old:
        migrate(old, file, load()[:3])
        old.execute("UPDATE counter SET value = 7 WHERE name = 'revision'")

    with closing(open_writer(file)) as opened:
        assert revision(opened) == 7


def test_a_client_state_of_before_is_found(tmp_path: Path):
    file = tmp_path / "midway.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as old:
        migrate(old, file, load()[:3])
        insert = "INSERT INTO task (id, revision, state, action, client_state, doc) VALUES (?, ?, '', '', ?, '{}')"
        old.executemany(insert, [("1", 1, ""), ("2", 2, "mine")])

    with closing(open_writer(file)) as opened:
        assert [count(opened, TaskQuery(client_state=each)) for each in ("", "mine", "other")] == [1, 1, 0]
