"""`python -m benchmarks.turning FILE`: `midway serve` that records each long iteration of its event loop.

A line for each, with the milliseconds of CPU that the loop's thread took: nothing else can run on the loop meanwhile,
and what other processes take of the machine does not count.
"""

import asyncio
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import uvloop
from midway.app.cli import main

NOTED_SECONDS = 0.005
_run = uvloop.run  # as it is, which `serve` calls by its name


async def _note_turns(noted: Path) -> None:
    with noted.open("a", buffering=1) as file:
        before = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            if now - before > NOTED_SECONDS:
                file.write(f"{1000 * (now - before):.3f}\n")
            before = time.thread_time()


def _run_noting(serving: Coroutine[Any, Any, None], noted: Path) -> None:
    async def both() -> None:
        turns = asyncio.create_task(_note_turns(noted), name="turns")
        await serving
        turns.cancel()

    _run(both())


if __name__ == "__main__":
    noted = Path(sys.argv.pop())
    vars(uvloop)["run"] = lambda serving: _run_noting(serving, noted)
    sys.argv = ["midway", "serve"]
    main()
