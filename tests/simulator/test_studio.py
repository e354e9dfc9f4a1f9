"""The threads that draw: the loop goes on meanwhile, and what is due soonest comes first."""

import asyncio
import threading
from collections.abc import AsyncIterator
from functools import partial

import pytest
from discord_simulator.studio import Studio

from tests.simulator.studio_help import busy


@pytest.fixture
async def studio() -> AsyncIterator[Studio]:
    studio = Studio(threads=1)
    yield studio
    await studio.close()


async def test_drawing_happens_in_another_thread(studio: Studio):
    assert await studio.draw(threading.get_ident) != threading.get_ident()


async def test_the_loop_goes_on_while_everything_is_busy(studio: Studio):
    with busy(studio):
        waiting = studio.draw(lambda: 1)
        await asyncio.sleep(0)
        assert not waiting.done()

    assert await waiting == 1


async def test_what_is_due_soonest_is_drawn_first(studio: Studio):
    drawn: list[int] = []
    with busy(studio) as go_on:
        asked = [studio.draw(partial(drawn.append, n), due=n) for n in (3, 1, 2)]
        assert not any(future.done() for future in asked)
        go_on.set()
        await asyncio.gather(*asked)

    assert drawn == [1, 2, 3]


async def test_a_drawing_that_fails_tells_whoever_waits(studio: Studio):
    def fail() -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await studio.draw(fail)
    assert await studio.draw(lambda: "next") == "next"


async def test_clearing_gives_up_what_is_not_drawn_yet(studio: Studio):
    drawn: list[int] = []
    with busy(studio):
        waiting = studio.draw(lambda: drawn.append(1))
        studio.clear()

    assert waiting.cancelled()
    assert await studio.draw(lambda: 2) == 2
    assert drawn == []


async def test_nothing_is_drawn_after_the_end(studio: Studio):
    await studio.close()

    assert studio.draw(lambda: 1).cancelled()
