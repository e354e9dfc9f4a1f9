"""Time limits of many waits with one timer."""

import asyncio

import pytest
from midway.rpc.time_limit import TimeLimit

SHORT, LONG = 0.01, 600.0


async def for_ever(limit: TimeLimit) -> None:
    with limit.wait():
        await asyncio.Event().wait()


async def test_what_takes_too_long_is_interrupted_wherever_it_stands_in_line() -> None:
    limit = TimeLimit(SHORT)
    with limit.wait():
        pass  # in time
    outcomes = await asyncio.gather(*(for_ever(limit) for _ in range(3)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [TimeoutError] * 3
    with pytest.raises(TimeoutError):  # the timer is set anew
        await for_ever(limit)


async def test_one_that_is_done_leaves_the_line() -> None:
    limit, turn = TimeLimit(SHORT), asyncio.Event()

    async def in_time() -> str:
        with limit.wait():
            pass
        await turn.wait()  # longer than the limit
        return "done"

    waiting = asyncio.create_task(in_time())
    with pytest.raises(TimeoutError):
        await for_ever(limit)
    turn.set()
    assert await waiting == "done"


async def test_who_is_cancelled_meanwhile_is_cancelled() -> None:
    waiting = asyncio.create_task(for_ever(TimeLimit(LONG)))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_cancellation_counts_more_than_the_end_of_the_time() -> None:
    limit = TimeLimit(SHORT)

    async def cancelled_as_the_time_ends() -> None:
        with limit.wait() as wait:
            wait.interrupt()
            waiting.cancel()
            await asyncio.Event().wait()

    waiting = asyncio.create_task(cancelled_as_the_time_ends())
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_what_fails_meanwhile_fails_as_it_does() -> None:
    with pytest.raises(KeyError), TimeLimit(LONG).wait():
        raise KeyError("its own")


async def test_who_came_later_has_its_own_time() -> None:
    limit = TimeLimit(LONG)
    first = asyncio.create_task(for_ever(limit))
    await asyncio.sleep(0)
    [wait] = limit._waits
    second = asyncio.create_task(for_ever(limit))
    await asyncio.sleep(0)
    limit._waits[wait] = asyncio.get_running_loop().time()  # only the first one's time is over

    limit._look()

    with pytest.raises(TimeoutError):
        await first
    assert not second.done()
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
