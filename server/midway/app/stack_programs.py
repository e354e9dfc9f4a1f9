"""The three programs of the stack, and their ready lines."""

import asyncio
import sys
from pathlib import Path

from midway.app.child_process import Part, Program
from midway.app.disk import needing
from midway.app.envoy import RestDoor, envoy_config, envoy_program
from midway.app.memory import huge_pages_for_large_blocks
from midway.app.ports import accepting, reachable
from midway.app.settings import Settings

READY = "^ready "


def simulator(settings: Settings) -> Program:
    """Return the Discord simulator's Program; its ready line ends with its URL."""
    seed = () if settings.simulator_seed is None else ("--seed", str(settings.simulator_seed))
    options = {
        "--host": "127.0.0.1",
        "--port": settings.simulator_port,
        "--accounts": settings.simulator_accounts,
        "--bots": settings.simulator_bots,
        "--speed": settings.simulator_speed,
        "--pictures": settings.simulator_pictures,
    }
    arguments = [str(part) for option in options.items() for part in option]
    return Program("simulator", (sys.executable, "-m", "discord_simulator", *arguments, *seed), READY)


def server(settings: Settings) -> Program:
    """Return the server's Program; it reads the same settings as we do, except those set here."""
    ours = {
        "MIDWAY_ENVOY_SECRET": settings.shown_by_envoy,
        "MIDWAY_DATA_DIR": settings.data_dir.resolve(),
        "MIDWAY_GRPC_PORT": settings.grpc_port,
        "MIDWAY_HOST": settings.host,
        "MIDWAY_METRICS_PORT": settings.metrics_port,
        # Any free port will do, since Envoy is told the number.
        "MIDWAY_REST_BACKEND_HOST": "127.0.0.1",
        "MIDWAY_REST_BACKEND_PORT": settings.rest_backend_port or 0,
        "MIDWAY_SIMULATOR_ACCOUNTS": settings.simulator_accounts,
        "MIDWAY_SIMULATOR_URL": settings.simulator_url or "",
    }
    if not settings.accounts:
        ours["MIDWAY_ACCOUNTS"] = "[]"  # A demo must not use the real Accounts of a midway.toml.
    environment = {name: str(value) for name, value in ours.items()} | huge_pages_for_large_blocks()
    command = (sys.executable, "-m", "midway.app.cli", "serve")
    return Program("server", command, READY, environment, reads_settings=True)


def envoy(config: Path, door: RestDoor) -> Program:
    """Write Envoy's configuration and return Envoy's Program. Raises CannotWrite."""
    with needing(config):
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(envoy_config(door), "utf-8")
    workers = str(door.workers)
    # Without --disable-hot-restart, two Envoys on one machine would clash in shared memory.
    command = (envoy_program(), "-c", config, "--concurrency", workers, "--disable-hot-restart", "--log-level", "info")
    # Logged after the first health check of the server; the listener opens a moment later.
    return Program("envoy", command, "all dependencies initialized[.] starting workers")


async def envoy_ready(part: Part, door: RestDoor, within_seconds: float) -> None:
    """Wait until Envoy has seen the server healthy and takes connections. Raises PartDied as `Part.ready`."""
    await part.ready(within_seconds)
    async with asyncio.timeout(within_seconds):
        await accepting(reachable(door.host), door.http_port)


def fields(ready_line: str) -> dict[str, str]:
    """Parse the NAME=VALUE pairs of a ready line."""
    return dict(word.split("=", 1) for word in ready_line.split() if "=" in word)
