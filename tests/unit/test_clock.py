"""The clock that decisions are made by: even when the wall clock is set, and asleep as long as the machine."""

from datetime import datetime, timedelta

import pytest
from midway.domain.clock_step import step_between
from midway.engine.clock import BOOT_ID, SteadyClock, SystemClock

from tests.unit.making import NOW

AN_HOUR = timedelta(hours=1)
STEPS = [timedelta(days=3), timedelta(hours=-2), timedelta(days=-20_000)]


class Wall:
    """A wall clock in a test's hands."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        """Return what it was set to."""
        return self.time


class Uptime:
    """How long a machine runs, in a test's hands."""

    def __init__(self) -> None:
        self.long = AN_HOUR

    def __call__(self) -> timedelta:
        """Return it."""
        return self.long


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def uptime() -> Uptime:
    return Uptime()


@pytest.fixture
def clock(wall: Wall, uptime: Uptime) -> SteadyClock:
    return SteadyClock(wall, uptime)


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_a_wall_clock_that_is_set_moves_no_decision(clock: SteadyClock, wall: Wall, uptime: Uptime, step: timedelta):
    wall.time += step + timedelta(minutes=1)
    uptime.long += timedelta(minutes=1)

    assert clock.now() == NOW + timedelta(minutes=1)
    assert step_between(clock.boot, clock.look()) == step


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_a_step_that_was_taken_over_is_told_from_then_on(
    clock: SteadyClock, wall: Wall, uptime: Uptime, step: timedelta
):
    wall.time += step
    clock.boot = clock.look()

    assert clock.now() == NOW + step
    assert not step_between(clock.boot, clock.look())


def test_a_sleep_is_time_that_has_passed(clock: SteadyClock, wall: Wall, uptime: Uptime):
    wall.time += timedelta(days=3)
    uptime.long += timedelta(days=3)

    assert clock.now() == NOW + timedelta(days=3)
    assert not step_between(clock.boot, clock.look())


def test_a_sleep_and_a_step_within_it_are_told_apart(clock: SteadyClock, wall: Wall, uptime: Uptime):
    wall.time += timedelta(days=3, hours=-2)
    uptime.long += timedelta(days=3)

    assert clock.now() == NOW + timedelta(days=3)
    assert step_between(clock.boot, clock.look()) == timedelta(hours=-2)


def test_small_differences_are_no_steps_until_they_add_up(clock: SteadyClock, wall: Wall):
    wall.time += timedelta(milliseconds=600)
    first = step_between(clock.boot, clock.look())
    wall.time += timedelta(milliseconds=600)

    assert not first
    assert step_between(clock.boot, clock.look()) == timedelta(milliseconds=1200)


def test_a_process_that_was_stopped_between_two_readings_saw_no_step():
    """It would take the time that it stood still for a step."""
    wall, readings = Wall(), iter([1, 90, 90, 90, 90, 90])
    clock = SteadyClock(wall, lambda: timedelta(minutes=next(readings)))

    assert clock.boot.began_at == NOW - timedelta(minutes=90)


def test_the_true_wall_clock_stays_at_hand(clock: SteadyClock, wall: Wall):
    wall.time -= AN_HOUR

    assert clock.wall() == NOW - AN_HOUR


def test_a_steady_clock_is_not_made_steady_again(clock: SteadyClock):
    assert SteadyClock.of(clock) is clock


def test_the_machines_clock_names_its_boot():
    boot = SteadyClock(SystemClock()).boot

    assert boot.id == BOOT_ID.read_text(encoding="ascii").strip()
    assert not step_between(boot, SteadyClock().boot)


def test_another_clock_tells_nothing_about_the_machine(wall: Wall):
    assert SteadyClock(wall).boot.id != SteadyClock(wall).boot.id
