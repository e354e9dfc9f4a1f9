"""The threads that draw: the loop goes on meanwhile, and what is due soonest comes first."""

import asyncio
import threading
from collections.abc import AsyncIterator
from functools import partial

import pytest
from discord_simulator.drawing_pool import DrawingPool

from tests.simulator.drawing_pool_help import busy


@pytest.fixture
async def pool() -> AsyncIterator[DrawingPool]:
    pool = DrawingPool(threads=1)
    yield pool
    await pool.close()


async def test_drawing_happens_in_another_thread(pool: DrawingPool):
    assert await pool.draw(threading.get_ident) != threading.get_ident()


async def test_the_loop_goes_on_while_everything_is_busy(pool: DrawingPool):
    with busy(pool):
        waiting = pool.draw(lambda: 1)
        await asyncio.sleep(0)
        assert not waiting.done()

    assert await waiting == 1


async def test_what_is_due_soonest_is_drawn_first(pool: DrawingPool):
    drawn: list[int] = []
    with busy(pool) as go_on:
        asked = [pool.draw(partial(drawn.append, n), due=n) for n in (3, 1, 2)]
        assert not any(future.done() for future in asked)
        go_on.set()
        await asyncio.gather(*asked)

    assert drawn == [1, 2, 3]


async def test_a_drawing_that_fails_tells_whoever_waits(pool: DrawingPool):
    def fail() -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await pool.draw(fail)
    assert await pool.draw(lambda: "next") == "next"


async def test_clearing_gives_up_what_is_not_drawn_yet(pool: DrawingPool):
    drawn: list[int] = []
    with busy(pool):
        waiting = pool.draw(lambda: drawn.append(1))
        pool.clear()

    assert waiting.cancelled()
    assert await pool.draw(lambda: 2) == 2
    assert drawn == []


async def test_nothing_is_drawn_after_the_end(pool: DrawingPool):
    await pool.close()

    assert pool.draw(lambda: 1).cancelled()
