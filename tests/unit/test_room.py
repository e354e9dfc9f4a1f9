"""Room is shared: what one caller asks beyond its share waits behind its own, and holds up nobody else."""

import asyncio
from datetime import timedelta

import pytest
from midway.domain.errors import Exhausted, Reason
from midway.rpc.fair_share import Room

FOREVER = timedelta(hours=1)


def full() -> Exhausted:
    return Exhausted(Reason.TOO_MANY_CALLS, "full")


async def waiting(room: Room, caller: str, amount: int = 1) -> asyncio.Task[int]:
    """Begin to take, and let it come to its wait."""
    task = asyncio.create_task(room.take(caller, amount))
    await asyncio.sleep(0)
    return task


async def settled() -> None:
    """Let everybody run who can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_has_its_share_waits_and_another_passes() -> None:
    room = Room(10, 2, FOREVER, full)
    await room.take("a", 2)

    third = await waiting(room, "a")
    other = await waiting(room, "b", 2)
    await settled()

    assert (third.done(), other.done(), room.free) == (False, True, 6)
    room.give_back("a")
    await third


async def test_who_only_waits_for_room_is_not_passed_for_ever() -> None:
    room = Room(4, 4, FOREVER, full)
    await room.take("a", 3)

    large = await waiting(room, "b", 4)
    small = await waiting(room, "c", 1)
    await settled()
    assert not small.done()

    room.give_back("a", 3)
    await large
    assert not small.done()
    room.give_back("b", 4)
    await small


async def test_callers_that_wait_take_turns() -> None:
    room = Room(1, 1, FOREVER, full)
    await room.take("x")
    order: list[str] = []

    async def take(caller: str) -> None:
        async with room.taken(caller):
            order.append(caller)

    async with asyncio.TaskGroup() as group:
        for caller in ("a", "a", "a", "b", "c"):
            group.create_task(take(caller))
        await settled()
        room.give_back("x")

    assert order == ["a", "b", "c", "a", "a"]


async def test_more_than_a_share_is_a_whole_share() -> None:
    room = Room(10, 4, FOREVER, full)

    async with room.taken("a", 100):
        assert room.free == 6

    assert room.free == 10


async def test_patience_ends_with_the_refusal_and_leaves_nothing() -> None:
    room = Room(1, 1, timedelta(0), full)
    await room.take("a")

    with pytest.raises(Exhausted):
        await room.take("b")

    room.give_back("a")
    assert await room.take("b") == 1


@pytest.mark.parametrize("granted_first", [True, False], ids=["granted", "waiting"])
async def test_who_hangs_up_holds_nothing(granted_first: bool) -> None:
    room = Room(1, 1, FOREVER, full)
    await room.take("a")
    gone = await waiting(room, "b")
    next_one = await waiting(room, "c")

    if granted_first:
        room.give_back("a")  # it is granted, and is cancelled before it runs
        gone.cancel()
    else:
        gone.cancel()
        await settled()
        room.give_back("a")
    await settled()

    assert gone.cancelled()
    assert await next_one == 1
    room.give_back("c")
    assert room.free == 1
