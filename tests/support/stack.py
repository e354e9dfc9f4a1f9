"""`midway stack` as a person runs it: a process of its own, on free ports, with its children."""

import os
import select
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from midway.app.stack_programs import fields

from tests.support.processes import PATIENCE_SECONDS, tied

MIDWAY = (sys.executable, "-m", "midway.app.cli")
FREE_PORTS = {f"MIDWAY_{part}_PORT": "0" for part in ("HTTP", "GRPC", "SIMULATOR", "METRICS")}


@dataclass
class StackProcess:
    """The running command, and where it is reached. `mark` is in the environment of every process it started."""

    process: subprocess.Popen[str]
    ready: str
    mark: str
    environment: dict[str, str] = field(repr=False)

    @property
    def rest(self) -> str:
        return fields(self.ready)["rest"]

    @property
    def grpc(self) -> str:
        return fields(self.ready)["grpc"]

    @property
    def simulator(self) -> str:
        return fields(self.ready)["simulator"]

    @property
    def metrics(self) -> str:
        return fields(self.ready)["metrics"]

    def midway(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run another `midway` command against this stack's server."""
        environment = self.environment | {"MIDWAY_SERVER": self.grpc}
        return subprocess.run(
            (*MIDWAY, *arguments),
            env=environment,
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def pids(self, name: str = "") -> list[int]:
        """Find the living processes of this stack, or those whose command line holds the name."""
        return [pid for pid in marked(self.mark) if name in _read(pid, "cmdline").replace("\0", " ")]

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)


@contextmanager
def running_stack(data_dir: Path, **settings: str) -> Iterator[StackProcess]:
    """Run `midway stack` with these further MIDWAY_ settings; nothing of it is left at the end."""
    mark = uuid.uuid4().hex
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MIDWAY_")}
    environment = inherited | FREE_PORTS | {"MIDWAY_DATA_DIR": str(data_dir), "TEST_MARK": mark}
    environment |= {"MIDWAY_SIMULATOR_SPEED": "100", **settings}
    process = subprocess.Popen(
        tied(*MIDWAY, "stack"), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield StackProcess(process, ready_line(process), mark, environment)
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_SECONDS)


def ready_line(process: subprocess.Popen[str]) -> str:
    """Read up to the line that says ready; an AssertionError with the output when the process ends before."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        if line.startswith("ready "):
            return line
        said.append(line)
    raise AssertionError("".join(said))


def marked(mark: str) -> list[int]:
    """Find the living processes that inherited a mark."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    return [pid for pid in pids if mark in _read(pid, "environ") and "\nState:\tZ" not in _read(pid, "status")]


def wait_gone(pids: list[int]) -> None:
    """Return when all these processes have ended; an AssertionError when they do not."""
    for pid in pids:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            assert select.select([descriptor], [], [], PATIENCE_SECONDS)[0], f"process {pid} lives on"
        finally:
            os.close(descriptor)


def _read(pid: int, what: str) -> str:
    try:
        return Path(f"/proc/{pid}/{what}").read_text(errors="replace")
    except OSError:
        return ""
