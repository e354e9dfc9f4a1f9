"""The benchmarks run; what they measure is for people to read."""

import sqlite3
from contextlib import AsyncExitStack, closing
from math import isfinite
from pathlib import Path

import pytest

from benchmarks import results, soak
from benchmarks.__main__ import BENCHMARKS, table_of
from benchmarks.measure import Figure, Scale, Target
from benchmarks.wal import LogMeter

SMALLEST = Scale(rounds=1, share=0.001)


@pytest.mark.parametrize("name", BENCHMARKS)
async def test_every_benchmark_runs_at_its_smallest(name):
    figures = await BENCHMARKS[name](SMALLEST)

    assert_shown(figures)


async def test_the_soak_runs_for_a_moment():
    assert_shown([await soak.soak(minutes=0.1)])


def assert_shown(figures: list[Figure]) -> None:
    """Each has a value and a row."""
    assert table_of([results.Run.of(figures)]).row_count == len(figures) > 0
    assert all(isfinite(each.value) for each in figures)


def test_results_are_read_as_they_were_saved(tmp_path):
    figure = Figure("a figure", "1/s", Target(0.5), "the bare part", [2.0], [4.0], {"server": 1.5})
    stated = Figure("nothing is asked of this one", "ms", None, ours=[2.0])
    run = results.Run.of([figure, stated])
    run.save(tmp_path / "calls.json")

    assert results.saved(["nothing", "calls"], tmp_path) == [run]


@pytest.mark.parametrize(("value", "reached"), [(0.0, "yes"), (1.0, "**no**")])
def test_where_nothing_is_allowed_one_is_too_many(tmp_path: Path, value: float, reached: str) -> None:
    run = results.Run.of([Figure("failures", "", Target(0, at_most=True), ours=[value])])

    results.plot([run], tmp_path / "plot.svg")

    assert results.row(run.figures[0], run.date)[5] == reached


FRAME_BYTES = 4096 + 24


async def test_what_is_written_to_a_log_is_counted_over_its_generations(tmp_path: Path) -> None:
    with closing(log_writer(tmp_path / "some.db")) as connection:
        generation(connection, 300)
        written = 0
        async with LogMeter(tmp_path / "some.db") as meter:
            for rows in (100, 30, 10):  # each leaves frames of the one before behind its own
                written += generation(connection, rows)
                meter.look()

    assert meter.written == written * FRAME_BYTES


@pytest.mark.parametrize("rows", [[10, 10], [300]])
async def test_a_log_that_began_anew_unseen_or_overtook_itself_is_told(tmp_path: Path, rows: list[int]) -> None:
    with closing(log_writer(tmp_path / "some.db")) as connection:
        generation(connection, 100)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(LogMeter(tmp_path / "some.db"))
            for count in rows:
                generation(connection, count)
            ending = stack.pop_all()
        with pytest.raises(RuntimeError, match="poll more often"):
            await ending.aclose()


def log_writer(path: Path) -> sqlite3.Connection:
    """Open a database whose log begins anew only when it is told to."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("CREATE TABLE text (line TEXT)")
    return connection


def generation(connection: sqlite3.Connection, rows: int) -> int:
    """Write rows, and return how many frames the log has; the next write begins it anew."""
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO text VALUES (?)", [["x" * 1000]] * rows)
    connection.execute("COMMIT")
    frames: int = connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()[1]
    return frames
