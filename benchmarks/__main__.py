"""`python -m benchmarks [NAME...]`: measure, and print a table."""

import argparse
import asyncio
import os
import platform

from rich.console import Console
from rich.table import Table

from benchmarks import calls, engine, store, watchers
from benchmarks.measure import Benchmark, Comparison, Scale, spread

BENCHMARKS: dict[str, Benchmark] = {
    "store": store.run,
    "calls": calls.run,
    "watchers": watchers.run,
    "engine": engine.run,
}


async def measured(names: list[str], scale: Scale) -> list[Comparison]:
    """Run the benchmarks one after another."""
    return [comparison for name in names for comparison in await BENCHMARKS[name](scale)]


def table_of(comparisons: list[Comparison]) -> Table:
    """Show medians, with the least and the most of the rounds."""
    table = Table("what", "ours", "against", "bare", "unit", "ours / bare")
    for each in comparisons:
        table.add_row(each.what, spread(each.ours), each.bare_is, spread(each.bare), each.unit, spread(each.ratios))
    return table


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument("--rounds", type=int, default=5, help="how often each pair is measured")
    parser.add_argument("--share", type=float, default=1.0, help="of the usual counts; 0.01 for a quick look")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.names) - BENCHMARKS.keys():
        parser.error(f"no benchmark {', '.join(sorted(unknown))}")
    comparisons = asyncio.run(measured(chosen.names or list(BENCHMARKS), Scale(chosen.rounds, chosen.share)))
    console = Console(width=None if os.isatty(1) else 160)
    console.print(table_of(comparisons))
    load = os.getloadavg()[0]
    console.print(f"Python {platform.python_version()}, {os.cpu_count()} CPUs, load {load:.1f}; median (least–most)")


if __name__ == "__main__":
    main()
