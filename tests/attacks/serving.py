"""`midway serve` with little of something, as `ulimit` gives it."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from midway.app.stack_programs import fields

from tests.support.processes import PATIENCE_SECONDS, tied
from tests.support.stack import FREE_PORTS, MIDWAY, ready_line


@dataclass
class LimitedServer:
    """The running server, and where its log is."""

    process: subprocess.Popen[str]
    grpc: str  # host:port
    log: Path

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None


@contextmanager
def limited_server(directory: Path, limit: str, **settings: str) -> Iterator[LimitedServer]:
    """Run `midway serve` under `ulimit` with these arguments; see that it stops well at the end."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MIDWAY_")}
    environment = inherited | FREE_PORTS | {"MIDWAY_DATA_DIR": str(directory / "data"), **settings}
    command = ("/bin/bash", "-c", f'ulimit {limit}; exec "$@"', "bash", *MIDWAY, "serve")
    log = directory / "log"
    with log.open("w") as file:
        process = subprocess.Popen(tied(*command), env=environment, stdout=subprocess.PIPE, stderr=file, text=True)
        try:
            yield LimitedServer(process, fields(ready_line(process))["grpc"], log)
            assert process.poll() is None, log.read_text()
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_SECONDS) == 0
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
