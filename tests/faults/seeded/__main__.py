"""`python -m tests.faults.seeded`: play seeds, print a line each and a summary; exit code 1 when a promise broke."""

import argparse
import asyncio
import shutil
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.seeded.evidence import Evidence
from tests.faults.seeded.guarantees import breaches
from tests.faults.seeded.plan import plan_from
from tests.faults.seeded.run import play


@dataclass
class Summary:
    """What all runs together showed."""

    kept: int = 0
    broken: list[int] = field(default_factory=list)
    tasks: Counter[str] = field(default_factory=Counter)
    restarts: int = 0
    faults: int = 0

    def __str__(self) -> str:
        seeds = self.kept + len(self.broken)
        states = ", ".join(f"{count} {state}" for state, count in self.tasks.most_common())
        verdict = "every guarantee held" if not self.broken else f"BROKEN by seeds {sorted(self.broken)}"
        return (
            f"{seeds} seeds, {self.restarts} restarts after a kill, {self.faults} faults, "
            f"{self.tasks.total()} tasks ({states}): {verdict}"
        )


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.seeded", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seed", type=int, help="only this one; what it left stays for a look")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    return parser.parse_args()


async def play_all(seeds: list[int], jobs: int, directory: Path, *, keep: bool) -> Summary:
    """Play seeds, so many at a time."""
    summary, gate = Summary(), asyncio.Semaphore(jobs)

    async def one(seed: int) -> None:
        async with gate:
            await play_one(seed, directory / str(seed), summary, keep=keep)

    async with asyncio.TaskGroup() as group:
        for seed in seeds:
            group.create_task(one(seed), name=f"seed {seed}")
    return summary


async def play_one(seed: int, directory: Path, summary: Summary, *, keep: bool) -> None:
    """Play one seed, print its line, and add it to the summary."""
    begun = time.monotonic()
    directory.mkdir()  # noqa: ASYNC240 - a moment, and nothing else waits
    try:
        evidence = await play(plan_from(seed), directory)
        broken = [str(breach) for breach in breaches(evidence)]
        told = line_of(evidence)
        add(evidence, summary)
    except Exception:  # noqa: BLE001 - a run that breaks is told as such, and the others go on
        broken, told = [traceback.format_exc()], "the run itself broke"
    print(f"seed {seed:<5} {'BROKEN' if broken else 'ok    '} {told}, {time.monotonic() - begun:.1f} s", flush=True)
    for breach in broken:
        print(f"  {breach}")
    if broken:
        summary.broken.append(seed)
        print(f"  what it left: {directory}; again: make faults SEED={seed}", flush=True)
    else:
        summary.kept += 1
        if not keep:
            shutil.rmtree(directory)


def line_of(evidence: Evidence) -> str:
    """Say in a line what happened."""
    states = Counter(task.state.value for task in evidence.tasks.values())
    told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    return f"{evidence.starts - 1} restarts, {len(evidence.lines('fault'))} faults, {told}"


def add(evidence: Evidence, summary: Summary) -> None:
    """Count a run."""
    summary.tasks.update(task.state.value for task in evidence.tasks.values())
    summary.restarts += evidence.starts - 1
    summary.faults += len(evidence.lines("fault"))


def main() -> int:
    """Play what the command line says."""
    arguments = parse_arguments()
    seeds = (
        [arguments.seed]
        if arguments.seed is not None
        else list(range(arguments.first, arguments.first + arguments.seeds))
    )
    directory = Path(tempfile.mkdtemp(prefix="midway-faults-"))
    summary = asyncio.run(play_all(seeds, arguments.jobs, directory, keep=arguments.seed is not None))
    print(summary)
    return 1 if summary.broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
