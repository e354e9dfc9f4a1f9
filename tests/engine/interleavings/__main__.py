"""`python -m tests.engine.interleavings`: play seeds on all cores; exit code 1 when a promise broke.

With --seed one only, and its trace is shown.
"""

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.engine.interleavings.chunk import Outcome, explain, play

CHUNK = 1000
SHOWN = 3  # broken seeds whose trace is shown


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.engine.interleavings", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="how many")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    chosen = parser.parse_args()
    if chosen.seed is not None:
        told = explain(chosen.seed)
        print(told)
        return 1 if "BROKEN: " in told else 0
    total, end = Outcome(), chosen.first_seed + chosen.count
    with ProcessPoolExecutor(chosen.jobs) as pool:
        firsts = range(chosen.first_seed, end, CHUNK)
        running = [pool.submit(play, first, min(CHUNK, end - first)) for first in firsts]
        for each in as_completed(running):
            for seed, what in each.result().broken.items():
                print(f"seed {seed} BROKEN: {what}; again: make interleavings SEED={seed}", flush=True)
            total.add(each.result())
    for seed in sorted(total.broken)[:SHOWN]:
        print(explain(seed))
    print(total)
    return 1 if total.broken else 0


if __name__ == "__main__":
    sys.exit(main())
