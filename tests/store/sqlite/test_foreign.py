"""Another program's database is refused by name and left as it is; an empty file, and an old one of ours, are taken."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from midway.store.sqlite import DatabaseDamaged, DatabaseForeign, SqliteStore
from midway.store.sqlite.database import APPLICATION_ID
from midway.store.sqlite.migrations import load, migrate

OTHERS = {
    "application id 0, tables: bookmark, visit)": "CREATE TABLE bookmark (url TEXT); CREATE TABLE visit (at INT)",
    "application id 9, tables: gpkg_contents)": "PRAGMA application_id = 9; CREATE TABLE gpkg_contents (x)",
    "application id 7, tables: none)": "PRAGMA application_id = 7; VACUUM",
    # Some of our names are anybody's.
    "application id 0, tables: input, task)": "CREATE TABLE task (x); CREATE TABLE input (x); PRAGMA user_version = 2",
    "application id 0, tables: a, b, c, …)": ";".join(f"CREATE TABLE {name} (x)" for name in "abcd"),
}


def content_of(file: Path) -> bytes:
    return file.read_bytes()


def written(database: Path, content: bytes) -> None:
    """Write a file where the database is to be."""
    database.parent.mkdir()
    database.write_bytes(content)


def made_by(script: str, database: Path) -> bytes:
    """Write a database by SQL; return the file's content."""
    database.parent.mkdir()
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(script)
    return database.read_bytes()


@pytest.mark.parametrize("told", OTHERS)
async def test_a_database_of_another_program_is_refused_by_name_and_left_as_it_is(database: Path, told: str):
    content = made_by(OTHERS[told], database)

    with pytest.raises(DatabaseForeign) as refused:
        await SqliteStore.open(database)

    assert str(refused.value) == f"{database}: another program's database ({told}; Midway leaves it alone"
    assert content_of(database) == content
    assert {file.name for file in database.parent.iterdir()} == {"midway.db", "midway.db.lock"}


async def test_a_file_that_is_no_database_is_refused_by_name(database: Path):
    written(database, b"a letter to my bank" * 100)

    with pytest.raises(DatabaseDamaged, match=f"{database}: damaged: file is not a database"):
        await SqliteStore.open(database)


async def test_an_empty_file_is_taken(database: Path):
    written(database, b"")

    store = await SqliteStore.open(database)
    assert await store.revision() == 0
    await store.close()


async def test_ours_says_whose_it_is(database: Path):
    await (await SqliteStore.open(database)).close()

    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)


@pytest.mark.parametrize("version", [1, 2])
async def test_one_from_before_it_said_so_is_known_by_its_tables(database: Path, version: int):
    database.parent.mkdir()
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        migrate(connection, database, load()[:version])

    store = await SqliteStore.open(database)
    assert await store.revision() == 0
    await store.close()


async def test_names_that_are_no_text_are_told_too(database: Path):
    made_by("CREATE TABLE bookmark (url TEXT)", database)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_schema SET name = CAST(x'62ff' AS TEXT), tbl_name = CAST(x'62ff' AS TEXT)")
        connection.execute("UPDATE sqlite_schema SET sql = CAST(x'435245415445205441424c452062ff20287829' AS TEXT)")

    with pytest.raises(DatabaseForeign, match="another program's database"):
        await SqliteStore.open(database)
