"""Rounds, medians and spreads: a number means something only beside another of the same run."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Scale:
    """How much is measured; `share` scales every count, for a quick look and for the smoke test."""

    rounds: int = 5
    share: float = 1.0

    def count(self, full: int) -> int:
        """Scale a count, at least 2."""
        return max(2, round(full * self.share))


@dataclass
class Comparison:
    """One thing measured with us and without us, a pair each round."""

    what: str
    bare_is: str
    unit: str
    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)

    def add(self, *, ours: float, bare: float) -> None:
        """Note a round."""
        self.ours.append(ours)
        self.bare.append(bare)

    @property
    def ratios(self) -> list[float]:
        """Ours over bare, round by round, so that a slow minute of the machine hits both."""
        return [ours / bare for ours, bare in zip(self.ours, self.bare, strict=True)]


Benchmark = Callable[[Scale], Awaitable[list[Comparison]]]


async def per_second(call: Callable[[int], Awaitable[object]], count: int, *, at_once: int) -> float:
    """Make `count` calls, so many at a time, and return how many a second ended."""
    numbers = iter(range(count))

    async def caller() -> None:
        for number in numbers:
            await call(number)

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(at_once):
            group.create_task(caller(), name=f"caller {number}")
    return count / (time.perf_counter() - begun)


def spread(values: list[float]) -> str:
    """Show the median, and the least and the most as this machine's noise."""
    return f"{shown(statistics.median(values))} ({shown(min(values))}–{shown(max(values))})"


def shown(value: float) -> str:
    """Show three digits that count."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
