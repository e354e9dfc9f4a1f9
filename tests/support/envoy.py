"""The real Envoy in front of any gRPC server, on a free port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from midway.app import parts
from midway.app.part import Part
from midway.app.ports import ReservedPort


@asynccontextmanager
async def running_envoy(grpc_port: int, directory: Path) -> AsyncIterator[str]:
    """Run Envoy with the project's own configuration and yield its URL; its log is `envoy.log` in the directory.

    The server must serve already: Envoy looks at its health before it listens.
    """
    with ReservedPort("127.0.0.1", 0) as port:
        config = directory / "envoy.yaml"
        program = parts.envoy(config, host="127.0.0.1", http_port=port.number, grpc_port=grpc_port)
        async with Part(program, directory / "envoy.log") as part:
            await parts.envoy_ready(part, host="127.0.0.1", http_port=port.number, within_seconds=30)
            yield f"http://127.0.0.1:{port.number}"
