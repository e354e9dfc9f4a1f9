"""A process's CPU-seconds and memory, as reported by the kernel."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

CPUCLOCK_SCHED = 2  # clock_getcpuclockid(3) makes the id of a process's clock with it; Python does not offer that call


def cpu_seconds(pid: int) -> float:
    """Return a process's CPU-seconds, over all its threads, including those that have ended."""
    return time.clock_gettime(~pid << 3 | CPUCLOCK_SCHED)


def memory_bytes(pid: int) -> int:
    """Return a process's resident set."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def peak_memory_bytes(pid: int) -> int:
    """Return the peak of a process's resident set."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:", 1)[1].split()[0]) * 1024


class CpuMeter:
    """Measures what each process computes inside a `with` block; `used` holds it afterwards, by name."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self.used: dict[str, float] = {}

    def __enter__(self) -> Self:
        self._before = {name: cpu_seconds(pid) for name, pid in self._pids.items()}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.used = {name: cpu_seconds(pid) - self._before[name] for name, pid in self._pids.items()}
