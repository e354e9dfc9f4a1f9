"""Who asks hosts that do not answer leaves room for others."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from midway.outbound.address import domain_of
from midway.outbound.lanes import Lanes


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("a.b.example.com", "example.com"),
        ("Example.COM.", "example.com"),
        ("com", "com"),
        ("127.0.0.1", None),
        ("::1", None),
        ("", ""),
    ],
)
def test_domain_of(host: str, domain: str | None):
    assert domain_of(host) == domain


async def hold(lanes: Lanes, hosts: list[str], held: AsyncExitStack) -> None:
    for host in hosts:
        await held.enter_async_context(lanes.turn(host))


async def waits(lanes: Lanes, host: str) -> asyncio.Task[None]:
    """Ask for a turn, and see that it is not given by the time another host's is, which was asked for later."""
    waiting = asyncio.create_task(pass_by(lanes, host))
    await asyncio.create_task(pass_by(lanes, "10.9.9.9"))
    assert not waiting.done()
    return waiting


async def pass_by(lanes: Lanes, host: str) -> None:
    async with lanes.turn(host):
        pass


async def test_a_host_takes_its_places_and_no_more():
    lanes = Lanes(total=10, per_host=2)
    async with AsyncExitStack() as held:
        await hold(lanes, ["slow.example"] * 2, held)
        waiting = await waits(lanes, "slow.example")
        await hold(lanes, ["other.test"] * 2, held)

    await waiting  # its turn came


async def test_the_names_under_a_domain_take_half_of_the_places():
    lanes = Lanes(total=10, per_host=2)
    async with AsyncExitStack() as held:
        await hold(lanes, [f"{number}.dead.test" for number in range(5)], held)
        waiting = await waits(lanes, "another.dead.test")
        await hold(lanes, ["one.alive.test", "10.0.0.1", "10.0.0.1"], held)

    await waiting


async def test_addresses_are_no_domain():
    lanes = Lanes(total=10, per_host=2)
    async with AsyncExitStack() as held:
        await hold(lanes, [f"10.0.0.{number}" for number in range(9)], held)


async def test_hosts_are_forgotten_when_nobody_asks_them():
    lanes = Lanes(total=10, per_host=2)
    for number in range(100):
        async with lanes.turn(f"{number}.example{number}.test"):
            pass

    assert len(lanes._lanes) == 0
