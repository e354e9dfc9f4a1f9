"""Rounds, medians and spreads. Figures are compared only with others of the same run."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Scale:
    """How much is measured; `share` scales every count and duration, for a quick look and for the smoke test."""

    rounds: int = 5
    share: float = 1.0

    def count(self, full: int) -> int:
        """Scale a count, at least 2."""
        return max(2, round(full * self.share))

    def seconds(self, full: float) -> float:
        """Scale a duration."""
        return full * self.share


@dataclass(frozen=True)
class Target:
    """The value that a figure must reach at least (rates) or at most (delays, memory)."""

    value: float
    at_most: bool = False

    def is_reached(self, value: float) -> bool:
        """Tell whether a value is good enough."""
        return value <= self.value if self.at_most else value >= self.value

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {shown(self.value)}"


@dataclass
class Figure:
    """One thing measured, round by round; where there is a bare part, both in each round.

    `cpu` holds the CPU-seconds that each process took, by its name, over all rounds.
    """

    name: str
    unit: str
    target: Target | None  # None: the figure is only reported
    against: str = ""  # what the bare part is; empty: there is none, the value counts as it is
    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=dict)

    def add(self, ours: float, bare: float | None = None, cpu: Mapping[str, float] | None = None) -> None:
        """Note a round."""
        self.ours.append(ours)
        if bare is not None:
            self.bare.append(bare)
        for process, seconds in (cpu or {}).items():
            self.cpu[process] = self.cpu.get(process, 0.0) + seconds

    @property
    def values(self) -> list[float]:
        """What is compared with the target: ours over bare round by round, so that a slow minute hits both."""
        if not self.bare:
            return self.ours
        return [ours / bare for ours, bare in zip(self.ours, self.bare, strict=True)]

    @property
    def value(self) -> float:
        """The median over the rounds."""
        return statistics.median(self.values)

    @property
    def is_reached(self) -> bool:
        """Tell whether the median is good enough."""
        return self.target is None or self.target.is_reached(self.value)


Benchmark = Callable[[Scale], Awaitable[list[Figure]]]
Call = Callable[[int], Awaitable[object]]


async def per_second(call: Call, seconds: float, *, at_once: int) -> float:
    """Make calls for `seconds`, `at_once` concurrently; return completed calls a second. `call` gets a counter."""
    loop = asyncio.get_running_loop()
    begun, made = time.perf_counter(), 0
    end = loop.time() + seconds

    async def caller() -> None:
        nonlocal made
        while True:
            made += 1
            await call(made)
            if loop.time() >= end:
                return

    async with asyncio.TaskGroup() as group:
        for number in range(at_once):
            group.create_task(caller(), name=f"caller {number}")
    return made / (time.perf_counter() - begun)


def spread(values: list[float]) -> str:
    """Show the median, and the least and the most as this machine's noise."""
    if len(values) == 1:
        return shown(values[0])
    return f"{shown(statistics.median(values))} ({shown(min(values))}–{shown(max(values))})"


def shown(value: float) -> str:
    """Format with three significant digits."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
