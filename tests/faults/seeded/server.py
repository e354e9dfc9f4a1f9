"""The server as a process that dies and comes back on the same directory, and the simulator beside it."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc
from midway.app.stack_programs import fields

from tests.support.processes import PATIENCE_SECONDS, slowness, tied

SERVER = (sys.executable, "-m", "tests.support.mortal")
SIMULATOR = (sys.executable, "-m", "discord_simulator", "--port", "0")

# Short, so that a run ends soon, and long enough for a machine with other work to do. The simulator is fast.
LIMITS = {
    "ACK_TIMEOUT": "5",
    "IDLE_TIMEOUT": "8",
    "IDLE_TIMEOUT_RELAX": "11",
    "TOTAL_TIMEOUT": "20",
    "TOTAL_TIMEOUT_RELAX": "25",
    "QUEUE_TIMEOUT": "40",
    "INPUT_TIMEOUT": "6",
    "FINAL_GRACE": "0.5",
    "OFFLINE_PATIENCE": "8",
    "PARK_TIME": "5",
    "QUEUE_FULL_PAUSE": "0.2",
    "WEBHOOK_FIRST_DELAY": "0.1",
    "WEBHOOK_LONGEST_DELAY": "1",
}


class ServerFailed(Exception):
    """The server could not start, or ended otherwise than it was told to."""


class Server:
    """Runs the server and starts it again whenever it dies. Use as an async context manager.

    `deaths` says, for one start after the other, at which boundary that process shall die (see `tests.support.mortal`).
    """

    def __init__(self, directory: Path, settings: Mapping[str, str], deaths: Iterator[str]) -> None:
        self.starts = 0
        self.address = ""
        self.exit_code: int | None = None  # of the last process, after the end
        self._directory = directory
        self._environment = environment() | seconds(LIMITS) | dict(settings)
        self._deaths = deaths
        self._up = asyncio.Condition()
        self._is_closing = False
        self._process: Process | None = None
        self._channel: grpc.aio.Channel | None = None

    async def __aenter__(self) -> Self:
        self._keeper = asyncio.create_task(self._keep_running(), name="server")
        await self.channel()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                if error is None:
                    await self.channel()  # one that died just now comes back first, and is then told to stop
                self._is_closing = True
                self._send(signal.SIGTERM)
                await self._keeper
        finally:
            self._is_closing = True
            self._send(signal.SIGKILL)

    async def channel(self) -> grpc.aio.Channel:
        """Return a channel to the server, once it is up."""
        async with self._up:
            await self._up.wait_for(lambda: self._channel is not None or self._keeper.done())
        if self._channel is None:
            await self._keeper
            raise ServerFailed("it ended")
        return self._channel

    async def restarted(self, start: int) -> None:
        """Return when a later process than the `start`-th is up."""
        async with self._up:
            await self._up.wait_for(lambda: self._keeper.done() or (self.starts > start and self._channel is not None))

    def kill(self) -> None:
        """End the process as the kernel does when memory is short."""
        self._send(signal.SIGKILL)

    @property
    def log(self) -> Path:
        """Where the output of every process goes."""
        return self._directory / "server.log"

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def _keep_running(self) -> None:
        try:
            while not self._is_closing:
                await self._run_once(next(self._deaths, ""))
        finally:
            async with self._up:
                self._channel = None
                self._up.notify_all()

    async def _run_once(self, death: str) -> None:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *tied(*SERVER), env=self._environment | {"MORTAL_AT": death}, stdin=DEVNULL, stdout=PIPE, stderr=log
            )
        try:
            await self._follow(self._process)
        finally:
            self.exit_code = await self._process.wait()
        if self.exit_code not in ({0} if self._is_closing else {-signal.SIGKILL}):
            raise ServerFailed(f"it ended with {self.exit_code}; see {self.log}")

    async def _follow(self, process: Process) -> None:
        """Offer a channel from the ready line on, until the process closes its output."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            address = await ready_address(process, self.log)
        if address is None:
            return  # killed while it started
        async with grpc.aio.insecure_channel(address) as channel:
            await self._offer(channel)
            await self._copy_output(process)
            await self._offer(None)

    async def _offer(self, channel: grpc.aio.Channel | None) -> None:
        async with self._up:
            self._channel = channel
            self.starts += channel is not None
            self._up.notify_all()

    async def _copy_output(self, process: Process) -> None:
        assert process.stdout is not None
        with self.log.open("ab") as log:
            async for line in process.stdout:
                log.write(line)


async def ready_address(process: Process, log: Path) -> str | None:
    """Read up to the line that says ready and return the gRPC address; None when the output ends before."""
    assert process.stdout is not None
    with log.open("ab") as kept:
        async for line in process.stdout:
            if line.startswith(b"ready "):
                return fields(line.decode())["grpc"]
            kept.write(line)
    return None


@asynccontextmanager
async def running_simulator(log: Path, *, speed: float, accounts: int, seed: int) -> AsyncIterator[str]:
    """Run a simulator as a process of its own and give its URL."""
    options = ("--speed", str(speed), "--accounts", str(accounts), "--seed", str(seed))
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *tied(*SIMULATOR, *options), env=environment(), stdin=DEVNULL, stdout=PIPE, stderr=errors
        )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            line = await process.stdout.readline()
        yield line.decode().split()[-1]
    finally:
        process.terminate()
        await process.communicate()


def environment() -> dict[str, str]:
    """Return our environment without settings of Midway, on free ports."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MIDWAY_")}
    return inherited | {"MIDWAY_GRPC_PORT": "0", "MIDWAY_METRICS_PORT": "0", "MIDWAY_SYNC_SETTINGS": "false"}


def seconds(limits: Mapping[str, str]) -> dict[str, str]:
    """Name durations as settings do; longer on a busy machine."""
    return {f"MIDWAY_{name}_SECONDS": f"{float(value) * slowness():.3f}" for name, value in limits.items()}
