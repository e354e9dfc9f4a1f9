"""Opening the file: what survives a kill, and what is refused."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from midway.domain.ids import Revision, TaskId
from midway.store.port import Entry, StoreUnavailable
from midway.store.sqlite import DatabaseDamaged, DatabaseInUse, DatabaseTooNew, NetworkFileSystem, SqliteStore
from midway.store.sqlite.file_system import kind_of_device, refuse_network

from tests.store.tasks import PICTURE, an_attempt, submitted
from tests.support.processes import tied

# Stores one Task, tells its id, then holds the file open until it is killed or its input ends.
HOLDER = """
import asyncio, sys
from pathlib import Path
from midway.store.sqlite import SqliteStore
from tests.support.processes import tied
from tests.store.tasks import PICTURE, a_task

async def main():
    store = await SqliteStore.open(Path(sys.argv[1]))
    stored = await store.submit(a_task(), inputs=[PICTURE])
    print(stored.task.id, flush=True)
    sys.stdin.read()
    await store.close()

asyncio.run(main())
"""


@pytest.fixture
def holder(database: Path):
    """Run another process that has the database open, and has stored a Task of which it told the id."""
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        tied(sys.executable, "-c", HOLDER, str(database)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=root,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path])},
    )
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def no_database(tmp_path: Path) -> Path:
    """Write a file that SQLite did not make."""
    file = tmp_path / "midway.db"
    file.write_bytes(b"this is no database" * 100)
    return file


def told_id(holder: subprocess.Popen) -> TaskId:
    assert holder.stdout
    return TaskId(holder.stdout.readline().decode().strip())


def kill(holder: subprocess.Popen) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()


async def test_what_was_answered_survives_a_kill(holder: subprocess.Popen, database: Path):
    task_id = told_id(holder)
    kill(holder)

    store = await SqliteStore.open(database)
    task, inputs = await store.get(task_id), await store.inputs(task_id)
    await store.close()

    assert task
    assert task.revision == 1
    assert inputs == [PICTURE]


async def test_a_killed_process_leaves_the_mark_of_an_unclean_stop(holder: subprocess.Popen, database: Path):
    told_id(holder)
    kill(holder)

    assert database.with_name("midway.db-wal").exists()


async def test_a_clean_close_leaves_no_such_mark(database: Path):
    store = await SqliteStore.open(database)
    await submitted(store)
    await store.close()

    assert {file.name for file in database.parent.iterdir()} == {"midway.db", "midway.db.lock"}


async def test_a_second_process_is_refused_and_told_by_whom(holder: subprocess.Popen, database: Path):
    told_id(holder)

    with pytest.raises(DatabaseInUse) as refused:
        await SqliteStore.open(database)

    assert str(database) in str(refused.value)
    assert refused.value.holder == str(holder.pid)


async def test_the_file_is_free_again_after_a_close(database: Path):
    await (await SqliteStore.open(database)).close()
    again = await SqliteStore.open(database)
    revision = await again.revision()
    await again.close()

    assert revision == 0


async def test_a_refused_opening_keeps_no_lock(no_database: Path):
    for _ in range(2):
        with pytest.raises(DatabaseDamaged):
            await SqliteStore.open(no_database)


async def test_everything_is_there_after_reopening(database: Path):
    store = await SqliteStore.open(database)
    task = await submitted(store)
    await store.append(Entry(attempts=(an_attempt(task),)))
    await store.close()

    store = await SqliteStore.open(database)
    found = (await store.get(task.id), await store.attempts(task.id), await store.last_task_id())
    second = await submitted(store)
    await store.close()

    assert found == (task, [an_attempt(task)], task.id)
    assert second.revision == 2


async def test_a_damaged_file_is_found_after_an_unclean_stop(database: Path):
    store = await SqliteStore.open(database)
    for _ in range(200):
        await submitted(store)
    await store.close()
    with database.open("r+b") as file:
        file.seek(5 * 4096)
        file.write(b"\xff" * 3 * 4096)
    database.with_name("midway.db-wal").touch()

    with pytest.raises(DatabaseDamaged) as refused:
        await SqliteStore.open(database)

    assert refused.value.faults


async def test_a_database_of_a_later_version_is_refused_and_left_alone(database: Path):
    await (await SqliteStore.open(database)).close()
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()

    with pytest.raises(DatabaseTooNew) as refused:
        await SqliteStore.open(database)

    assert refused.value.found == 999


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path):
    (tmp_path / "file").touch()

    with pytest.raises(StoreUnavailable, match="cannot open"):
        await SqliteStore.open(tmp_path / "file" / "midway.db")


async def test_the_folder_is_for_this_user_alone(database: Path):
    await (await SqliteStore.open(database)).close()

    assert database.parent.stat().st_mode & 0o777 == 0o700


def mounts_with(tmp_path: Path, kind: str) -> Path:
    """Write a mount table in which the device of `tmp_path` is of this kind."""
    device = tmp_path.stat().st_dev
    table = tmp_path / "mountinfo"
    table.write_text(
        "22 1 0:5 / /proc rw shared:2 - proc proc rw\n"
        f"30 1 {os.major(device)}:{os.minor(device)} / /data rw,relatime shared:7 master:1 - {kind} server:/data rw\n"
    )
    return table


def is_refused(mounts: Path) -> bool:
    """Tell whether a file beside this mount table is refused."""
    try:
        refuse_network(mounts.with_name("midway.db"), mounts)
    except NetworkFileSystem:
        return True
    return False


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p", "fuse.sshfs"])
def test_a_network_file_system_is_refused(tmp_path: Path, kind: str):
    with pytest.raises(NetworkFileSystem) as refused:
        refuse_network(tmp_path / "midway.db", mounts_with(tmp_path, kind))

    assert refused.value.kind == kind


@pytest.mark.parametrize("kind", ["ext4", "btrfs", "overlay", "tmpfs"])
def test_a_local_file_system_is_not_refused(tmp_path: Path, kind: str):
    assert not is_refused(mounts_with(tmp_path, kind))


def test_without_a_mount_table_nothing_is_refused(tmp_path: Path):
    assert not is_refused(tmp_path / "absent")


def test_an_unlisted_device_has_no_kind():
    assert kind_of_device(os.makedev(250, 3), ["30 1 8:1 / / rw - ext4 /dev/sda1 rw"]) == ""


async def test_a_network_file_system_can_be_allowed(database: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(path: Path) -> None:
        raise NetworkFileSystem(path, "nfs4")

    monkeypatch.setattr("midway.store.sqlite.store.refuse_network", refuse)
    with pytest.raises(NetworkFileSystem):
        await SqliteStore.open(database)

    store = await SqliteStore.open(database, allow_network_file_system=True)
    revision = await store.revision()
    await store.close()

    assert revision == Revision(0)
