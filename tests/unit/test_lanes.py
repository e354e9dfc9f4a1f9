"""Who asks hosts that do not answer leaves room for others."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from midway.outbound.address import Place, domain_of
from midway.outbound.busy import Answering, Busy
from midway.outbound.lanes import Lanes


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("a.b.example.com", "example.com"),
        ("Example.COM.", "example.com"),
        ("com", "com"),
        ("127.0.0.1", "127.0.0.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("", ""),
    ],
)
def test_domain_of(host: str, domain: str):
    assert domain_of(host) == domain


async def hold(lanes: Lanes, hosts: list[str], held: AsyncExitStack) -> None:
    for host in hosts:
        await held.enter_async_context(lanes.turn(host))


async def answer(lanes: Lanes, *hosts: str) -> None:
    for host in hosts:
        async with lanes.turn(host):
            lanes.note(host, answered=True)


async def pass_by(lanes: Lanes, host: str) -> None:
    async with lanes.turn(host):
        pass


async def waits(lanes: Lanes, host: str) -> asyncio.Task[None]:
    """Ask for a turn, and see that it is not given."""
    waiting = asyncio.create_task(pass_by(lanes, host))
    await asyncio.create_task(asyncio.sleep(0))  # which is after the first step of that
    assert lanes._waiting
    assert not waiting.done()
    return waiting


async def test_a_host_takes_its_places_and_no_more():
    lanes = Lanes(total=10, per_host=2)
    await answer(lanes, "slow.example", "other.test")
    async with AsyncExitStack() as held:
        await hold(lanes, ["slow.example"] * 2, held)
        waiting = await waits(lanes, "slow.example")
        await hold(lanes, ["other.test"] * 2, held)
        assert not waiting.done()

    await waiting  # its turn came


async def test_the_names_under_a_domain_take_half_of_the_places():
    lanes = Lanes(total=10, per_host=2)
    names = [f"{number}.slow.test" for number in range(6)]
    await answer(lanes, *names, "one.alive.test", "10.0.0.1")
    async with AsyncExitStack() as held:
        await hold(lanes, names[:5], held)
        waiting = await waits(lanes, names[5])
        await hold(lanes, ["one.alive.test", "10.0.0.1", "10.0.0.1"], held)
        assert not waiting.done()

    await waiting


async def test_hosts_not_known_to_answer_have_half_of_the_places_together():
    lanes = Lanes(total=10, per_host=2)
    await answer(lanes, "good.test")
    async with AsyncExitStack() as held:
        await hold(lanes, ["dead.test", "other.test", "10.0.0.1", "10.0.0.2", "2001:db8::1"], held)
        waiting = await waits(lanes, "new.test")
        await hold(lanes, ["good.test"] * 2, held)
        assert not waiting.done()

    await waiting


async def test_many_dead_domains_delay_no_host_that_answered():
    """An incident: two of them took all places."""
    lanes = Lanes()
    await answer(lanes, "good.test")
    asking = [asyncio.create_task(hold_for_ever(lanes, f"{n}.dead{d}.test")) for n in range(20) for d in range(40)]
    await asyncio.sleep(0)
    async with AsyncExitStack() as held:
        await hold(lanes, ["good.test"] * 16, held)

        assert len(lanes._under_way) == 32 + 16
    await end(asking)


async def test_twenty_dead_domains_leave_a_place_for_a_new_host():
    lanes = Lanes()
    asking = [asyncio.create_task(hold_for_ever(lanes, f"{n}.dead{d}.test")) for n in range(20) for d in range(20)]
    await asyncio.sleep(0)
    assert lanes._waiting

    await pass_by(lanes, "new.test")
    assert not any(each.done() for each in asking)
    await end(asking)


async def hold_for_ever(lanes: Lanes, host: str) -> None:
    async with lanes.turn(host):
        await asyncio.Event().wait()


async def end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_who_hangs_up_while_waiting_or_when_let_in_takes_no_place():
    lanes = Lanes(total=1)
    async with lanes.turn("one.test"):
        gone = await waits(lanes, "two.test")
        gone.cancel()
        await asyncio.wait([gone])
        let_in = asyncio.create_task(pass_by(lanes, "three.test"))
        await asyncio.create_task(asyncio.sleep(0))
    let_in.cancel()
    await asyncio.wait([let_in])

    await pass_by(lanes, "four.test")
    assert lanes._under_way == []
    assert lanes._waiting == {}


def place(host: str) -> Place:
    return Place(host, domain_of(host))


def test_a_host_that_fails_has_places_among_the_unknown_only():
    answering = Answering()
    answering.note(place("was.test"), answered=True)
    dead = [place("one.test"), place("two.test")]
    assert Busy(4, 2, answering, dead).has_place(place("was.test"))

    answering.note(place("was.test"), answered=False)

    assert not Busy(4, 2, answering, dead).has_place(place("was.test"))


def test_the_more_the_unknown_have_the_fewer_one_of_them_gets():
    """Of fifty places, seven for one host, seventeen for one domain, and one for each of the others."""
    busy = Busy(100, 50, Answering())
    assert fill(busy, ["dead.test"] * 50) == 7
    assert fill(busy, [f"{number}.dead.test" for number in range(50)]) == 10
    assert fill(busy, [f"{number}.another.test" for number in range(50)]) == 1
    assert fill(busy, [f"{number}.dead{number}.test" for number in range(50)]) == 32


def fill(busy: Busy, hosts: list[str]) -> int:
    """Add those that have a place; return how many had."""
    count = 0
    for where in map(place, hosts):
        if busy.has_place(where):
            busy.add(where)
            count += 1
    return count


def test_only_so_many_hosts_are_remembered_the_last_ones():
    answering = Answering(most=2)
    for host in ("one.test", "two.test", "one.test", "three.test"):
        answering.note(place(host), answered=True)

    assert [host for host in ("one.test", "two.test", "three.test") if host in answering] == ["one.test", "three.test"]
