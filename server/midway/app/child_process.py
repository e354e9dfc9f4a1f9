"""A part of the stack: a child process with a log file, a ready line, and a clean stop."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from midway.app import die_with_parent
from midway.app.line_splitter import Lines
from midway.app.log_file import LogFile, LogSize

LAST_LINES = 20  # shown when a part dies: enough for the end of a traceback
LONGEST_LINE = 4096  # bytes of a line that are searched and shown; the log gets the whole line
CHUNK = 64 * 1024  # bytes
SETTINGS = "MIDWAY_"  # the prefix of our settings' variables


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. The part is ready when a line of its output matches `ready_line`."""

    name: str
    command: Sequence[str | Path]
    ready_line: str  # a regular expression, searched for
    environment: Mapping[str, str] = field(default_factory=dict)  # added to our own, which it overrides
    reads_settings: bool = False  # whether it gets our MIDWAY_ variables, tokens and keys among them

    def whole_environment(self) -> dict[str, str]:
        """Return the environment to run in: ours and its own, without our settings unless it reads them."""
        inherited = os.environ.items()
        ours = {name: value for name, value in inherited if self.reads_settings or not name.startswith(SETTINGS)}
        return {**ours, **self.environment}


class PartDied(Exception):
    """A part ended by itself, or did not become ready in time."""

    def __init__(self, name: str, what: str, last_lines: Sequence[str]) -> None:
        super().__init__("\n".join((f"{name} {what}; its last lines:", *(f"  {line}" for line in last_lines))))
        self.name = name


class Part:
    """A running program. While the context is open, its output goes to the log; at the end it is stopped."""

    def __init__(self, program: Program, log: Path, log_size: LogSize | None = None) -> None:
        self.name = program.name
        self._program = program
        self._log = LogFile(log, log_size or LogSize())
        self._last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._process: Process
        self._follower: asyncio.Task[None]  # Ends when the process has ended.
        self._ready: asyncio.Future[str]

    async def __aenter__(self) -> Self:
        self._ready = asyncio.get_running_loop().create_future()
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-SE", die_with_parent.__file__, str(os.getpid()), *self._program.command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            env=self._program.whole_environment(),
            # Ctrl-C would signal the whole process group; a new session lets us stop the parts in order instead.
            start_new_session=True,
        )
        self._follower = asyncio.create_task(self._follow(), name=f"output of {self.name}")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop(within_seconds=1)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def ready(self, within_seconds: float) -> str:
        """Wait for the ready line and return it. Raises PartDied when it does not come in time."""
        try:
            async with asyncio.timeout(within_seconds):
                return await asyncio.shield(self._ready)
        except TimeoutError:
            raise PartDied(self.name, f"was not ready after {within_seconds:g} s", self._last_lines) from None

    async def died(self) -> PartDied:
        """Return when the process has ended."""
        await asyncio.shield(self._follower)
        return self._ended()

    async def stop(self, within_seconds: float) -> None:
        """Send SIGTERM, and SIGKILL if the process has not ended after so many seconds."""
        if self._process.returncode is None:
            self._process.terminate()
        try:
            async with asyncio.timeout(within_seconds):
                await asyncio.shield(self._follower)
        except TimeoutError:
            self._process.kill()
            await self._follower

    async def _follow(self) -> None:
        """Copy the output to the log until the process ends. Always read it: a full pipe would block the process."""
        assert self._process.stdout is not None
        lines = Lines(LONGEST_LINE)
        while chunk := await self._process.stdout.read(CHUNK):
            self._log.write(chunk)
            self._notice(lines.fed(chunk))
        self._notice(lines.rest())
        self._log.close()
        await self._process.wait()
        if not self._ready.done():
            self._ready.set_exception(self._ended())
            self._ready.exception()  # Marks the exception as retrieved, in case nothing awaits readiness.

    def _notice(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._last_lines.append(line)
            if not self._ready.done() and re.search(self._program.ready_line, line):
                self._ready.set_result(line)

    def _ended(self) -> PartDied:
        return PartDied(self.name, f"ended with exit code {self._process.returncode}", self._last_lines)
