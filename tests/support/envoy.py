"""The real Envoy in front of any gRPC server, on a free port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from midway.app import stack_programs
from midway.app.child_process import Part
from midway.app.envoy import RestDoor
from midway.app.ports import ReservedPort

from tests.support.processes import PATIENCE_SECONDS


@asynccontextmanager
async def running_envoy(grpc_port: int, directory: Path, **door: Any) -> AsyncIterator[str]:
    """Run Envoy with the project's own configuration and yield its URL; its log is `envoy.log` in the directory.

    `door` holds further fields of `RestDoor`. The server must serve already: Envoy asks for its health before it
    listens.
    """
    with ReservedPort("127.0.0.1", 0) as port:
        rest = RestDoor(host="127.0.0.1", http_port=port.number, grpc_port=grpc_port, **door)
        async with Part(stack_programs.envoy(directory / "envoy.yaml", rest), directory / "envoy.log") as part:
            await stack_programs.envoy_ready(part, rest, within_seconds=PATIENCE_SECONDS)
            yield f"http://127.0.0.1:{port.number}"
