"""The plan of a job's messages: discord-wire §7.4."""

from random import Random

from discord_simulator.bot.job import Kind
from discord_simulator.bot.schedule import cost_minutes, plan_schedule
from discord_simulator.users import Mode
from hypothesis import given
from hypothesis import strategies as st

KINDS, MODES = st.sampled_from([kind for kind in Kind if not kind.is_pick]), st.sampled_from(list(Mode))


@given(st.integers(), KINDS, MODES)
def test_percents_rise_until_the_end(seed: int, kind: Kind, mode: Mode):
    """Times and percents both rise, after the start and before the result and the deletion."""
    schedule = plan_schedule(Random(seed), kind, mode)
    times, percents = zip(*schedule.percents, strict=True)

    assert list(times) == sorted(times)
    assert list(percents) == sorted(percents)
    assert times[0] > 0
    assert times[-1] < min(schedule.end, schedule.deletion)


@given(st.integers(), KINDS, MODES)
def test_deletion_is_near_the_end(seed: int, kind: Kind, mode: Mode):
    """The progress message goes up to 0.2 s before the result and half a second after it."""
    schedule = plan_schedule(Random(seed), kind, mode)

    assert -0.2 <= schedule.deletion - schedule.end <= 0.5


def test_cost_follows_kind_and_mode():
    """Relax and picks are free, turbo doubles, a video costs eight."""
    assert cost_minutes(Kind.IMAGINE, Mode.FAST) == 1
    assert cost_minutes(Kind.IMAGINE, Mode.TURBO) == 2
    assert cost_minutes(Kind.VIDEO, Mode.FAST) == 8
    assert cost_minutes(Kind.IMAGINE, Mode.RELAX) == 0
    assert cost_minutes(Kind.PICK, Mode.FAST) == 0
