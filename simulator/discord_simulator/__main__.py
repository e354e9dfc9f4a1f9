"""`python -m discord_simulator`: serve until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal

import uvloop
from aiohttp.http import HttpProcessingError

from .app import Simulator
from .options import Options, PictureSize
from .users import Installed

COLLECTIONS = (50_000, 5, 1_000_000)  # gc thresholds: most objects are kept, so full collections would find nothing


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; the environment gives the defaults."""
    environment = os.environ
    parser = argparse.ArgumentParser(prog="discord_simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--port", type=int, default=environment.get("MIDWAY_SIMULATOR_PORT", "9300"), help="0 = a free one"
    )
    parser.add_argument("--accounts", type=int, default=environment.get("MIDWAY_SIMULATOR_ACCOUNTS", "2"))
    parser.add_argument("--speed", type=float, default=environment.get("MIDWAY_SIMULATOR_SPEED", "1"))
    parser.add_argument(
        "--seed",
        type=int,
        default=environment.get("MIDWAY_SIMULATOR_SEED"),
        help="repeat the job UUIDs and pictures of a run",
    )
    parser.add_argument(
        "--pictures",
        type=PictureSize,
        choices=list(PictureSize),
        default=environment.get("MIDWAY_SIMULATOR_PICTURES", "small"),
        help="real = in Midjourney's sizes and weights",
    )
    parser.add_argument(
        "--bots",
        type=Installed,
        choices=list(Installed),
        default=environment.get("MIDWAY_SIMULATOR_BOTS", "both"),
        help="which of the two are in the accounts' servers",
    )
    return parser.parse_args(arguments)


async def serve(arguments: argparse.Namespace) -> None:
    """Serve until told to stop; print one line when listening."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    values = vars(arguments)
    options = Options(pictures=values.pop("pictures"), draws_ahead=False, repeats_ids=False)
    async with Simulator(**values, options=options) as simulator:
        print(f"ready {simulator.url}", flush=True)
        await stop.wait()


def is_no_clients_mistake(record: logging.LogRecord) -> bool:
    """Tell whether a line of aiohttp's is worth printing: of what is no HTTP it prints the bytes, and a traceback."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


if __name__ == "__main__":
    logging.getLogger("aiohttp.server").addFilter(is_no_clients_mistake)
    gc.set_threshold(*COLLECTIONS)
    uvloop.run(serve(parse_arguments()))
