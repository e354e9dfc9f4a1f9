"""Plays many seeds, and tells what came of them."""

import gc
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog
from structlog.typing import EventDict

from tests.engine.interleavings.run import LEGEND, Run
from tests.engine.interleavings.server import Broken

KEPT_LINES = 150  # of a broken run's trace; the beginning seldom matters


@dataclass
class Outcome:
    """What became of some seeds: how their Tasks ended, and which seeds broke a promise."""

    runs: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    broken: dict[int, str] = field(default_factory=dict)

    def add(self, other: "Outcome") -> None:
        """Count another outcome with this one."""
        self.runs += other.runs
        self.ends += other.ends
        self.broken |= other.broken

    def __str__(self) -> str:
        ends = ", ".join(f"{count} {end}" for end, count in self.ends.most_common())
        verdict = f"BROKEN by seeds {sorted(self.broken)}" if self.broken else "every promise held"
        return f"{self.runs} interleavings, {self.ends.total()} tasks ({ends}): {verdict}"


def play(first_seed: int, count: int) -> Outcome:
    """Play so many seeds."""
    outcome = Outcome()
    with _collected_defects() as defects:
        for seed in range(first_seed, first_seed + count):
            _play_one(seed, outcome, defects)
    return outcome


def explain(seed: int) -> str:
    """Play a seed again; return its trace, and what it broke."""
    run, verdict = Run(seed, traced=True), "every promise held"
    with _collected_defects() as defects:
        try:
            _play(run, defects)
        except Broken as broken:
            verdict = f"BROKEN: {broken}"
    lines = (run.trace or [])[-KEPT_LINES:]
    return "\n".join((LEGEND, f"seed {seed}, {run.way}, slots {run.midjourney.slots}", *lines, verdict))


def _play_one(seed: int, outcome: Outcome, defects: list[str]) -> None:
    run = Run(seed)
    outcome.runs += 1
    try:
        _play(run, defects)
    except Broken as broken:
        outcome.broken[seed] = str(broken)
        return
    for server in run.servers:
        for task in server.tasks.values():
            reason = f" {task.failure.reason}" if task.failure else ""
            outcome.ends[f"{task.state}{reason}{' with a late picture' if task.late else ''}"] += 1


def _play(run: Run, defects: list[str]) -> None:
    """Play a run. Raises Broken, also for a defect: the core goes on after one, and only its log tells."""
    defects.clear()
    run.play()
    if defects:
        raise Broken(f"the log tells of a defect: {defects[0]}")


@contextmanager
def _collected_defects() -> Iterator[list[str]]:
    """Give what is logged as an error. Nothing is written, which takes longer than a run; cycles stay until the end."""
    defects: list[str] = []

    def collect(_logger: object, _method: str, event: EventDict) -> EventDict:
        defects.append(f"{event['event']} {event.get('exc_info')!r}")
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[collect], wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        yield defects
    finally:
        structlog.configure(**before)
        gc.collect()
