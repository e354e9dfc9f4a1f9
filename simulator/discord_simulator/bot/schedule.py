"""When a job shows which percent and ends: chosen once, at its start, from the seeded random numbers.

Source: discord-wire §7.4. All times are bot seconds after the start message.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from ..users import Mode
from .content import WHOLE
from .job import Kind

PERCENTS = (0, 15, 31, 46, 62, 78, 93)
FILM_PERCENTS = (*PERCENTS, WHOLE)
PERCENT_SHOWN = 0.85  # probability of each
UNEVENNESS = 0.3  # of an interval
START_DELAY = (1.0, 3.0)
GRID_SECONDS = {Mode.FAST: (20.0, 60.0), Mode.TURBO: (8.0, 20.0), Mode.RELAX: (60.0, 600.0)}
UPSCALE_SECONDS, VIDEO_SECONDS = (15.0, 45.0), (40.0, 90.0)
DELETE_OFFSET = (-0.2, 0.5)  # of the progress message, relative to the result
DELETE_GAP = 0.5  # the same, when an option fixes which comes first
FAST_MINUTES = {Kind.UPSCALE: 2.0, Kind.VIDEO: 8.0}  # cost of a fast job; every other kind costs 1
TURBO_COST = 2.0  # times the fast cost


@dataclass(frozen=True)
class Schedule:
    """The plan of one job's messages."""

    percents: tuple[tuple[float, int], ...]  # (when, percent)
    end: float
    deletion: float  # of the progress message


def plan_schedule(
    random: Random, kind: Kind, mode: Mode, *, slowness: float = 1.0, delete_before_final: bool | None = None
) -> Schedule:
    """Choose duration, percents and the deletion's offset; at least the last percent before the end shows."""
    delay = random.uniform(*START_DELAY)
    length = random.uniform(*_seconds(kind, mode)) * slowness
    percents = FILM_PERCENTS if kind is Kind.VIDEO else PERCENTS
    shown = [percent for percent in percents[:-1] if random.random() < PERCENT_SHOWN] + [percents[-1]]
    interval = length / (len(shown) + 1)
    times = (delay + interval * (n + random.uniform(-UNEVENNESS, UNEVENNESS)) for n in range(1, len(shown) + 1))
    end = delay + length
    return Schedule(tuple(zip(times, shown, strict=True)), end, end + _delete_offset(random, delete_before_final))


def cost_minutes(kind: Kind, mode: Mode) -> float:
    """Return the fast minutes that a job uses up."""
    if mode is Mode.RELAX or kind.is_pick:
        return 0.0
    return FAST_MINUTES.get(kind, 1.0) * (TURBO_COST if mode is Mode.TURBO else 1.0)


def _seconds(kind: Kind, mode: Mode) -> tuple[float, float]:
    if kind is Kind.UPSCALE:
        return UPSCALE_SECONDS
    return VIDEO_SECONDS if kind is Kind.VIDEO else GRID_SECONDS[mode]


def _delete_offset(random: Random, before_final: bool | None) -> float:
    offset = random.uniform(*DELETE_OFFSET)
    return offset if before_final is None else (-DELETE_GAP if before_final else DELETE_GAP)
