"""`python -m benchmarks [NAME...]`: measure and print a table; with --save, keep it and write docs/performance.md."""

import argparse
import os
from collections.abc import Sequence

import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks import (
    calls,
    delay,
    fanout,
    files,
    growth,
    imagines,
    large,
    memory,
    pace,
    pages,
    rest,
    results,
    simulator,
    strangers,
    watchers,
    writes,
)
from benchmarks.measure import Benchmark, Figure, Scale

BENCHMARKS: dict[str, Benchmark] = {
    "calls": calls.run,
    "rest": rest.run,
    "files": files.run,
    "fanout": fanout.run,
    "delay": delay.run,
    "imagines": imagines.run,
    "writes": writes.run,
    "pace": pace.run,
    "watchers": watchers.run,
    "pages": pages.run,
    "growth": growth.run,
    "memory": memory.run,
    "simulator": simulator.run,
    "large": large.run,
    "strangers": strangers.run,
}
SHOWN = (*BENCHMARKS, "soak")  # what has saved results, in the order of the page
HEADINGS = ("figure", "Midway", "bare", "value", "must be", "reached", "CPU-seconds", "measured")


def table_of(runs: Sequence[results.Run]) -> Table:
    """Show figures on a terminal."""
    table = Table(*HEADINGS)
    for run in runs:
        for figure in run.figures:
            table.add_row(*results.row(figure, run.date))
    return table


def show(runs: Sequence[results.Run]) -> None:
    """Print runs."""
    console = Console(width=None if os.isatty(1) else 200)
    console.print(table_of(runs))
    for machine in {run.machine for run in runs}:
        console.print(f"{machine}; median (least–most)")


def publish() -> None:
    """Show what is saved in the page and the plot."""
    runs = results.saved(SHOWN)
    results.PAGE.write_text(results.redrawn(results.PAGE.read_text("utf-8"), runs), "utf-8")
    results.plot(runs)


def measured(name: str, scale: Scale) -> list[Figure]:
    """Run a benchmark."""
    return uvloop.run(BENCHMARKS[name](scale))  # type: ignore[arg-type]  # every Benchmark is an async function


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument("--rounds", type=int, default=5, help="how often each pair is measured")
    parser.add_argument("--share", type=float, default=1.0, help="of the usual counts and times; 0.1 for a quick look")
    parser.add_argument("--save", action="store_true", help="keep the results and show them in docs/performance.md")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.names) - BENCHMARKS.keys():
        parser.error(f"no benchmark {', '.join(sorted(unknown))}")
    runs = []
    for name in chosen.names or list(BENCHMARKS):
        run = results.Run.of(measured(name, Scale(chosen.rounds, chosen.share)))
        runs.append(run)
        show([run])
        if chosen.save:
            run.save(results.DIRECTORY / f"{name}.json")
            publish()
    if len(runs) > 1:
        show(runs)


if __name__ == "__main__":
    main()
