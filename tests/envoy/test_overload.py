"""Envoy refuses before it takes all the memory of the machine."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from midway.app import stack_programs
from midway.app.child_process import Part
from midway.app.envoy import RestDoor
from midway.app.ports import ReservedPort

from tests.envoy.backend import small_backend
from tests.envoy.conftest import client, small_server
from tests.envoy.servicers import echo_tasks
from tests.support.processes import PATIENCE_SECONDS


@pytest.fixture
async def full(tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """An Envoy that may use one byte, and has used more from the start."""
    with ReservedPort("127.0.0.1", 0) as port:
        async with small_server(echo_tasks()) as grpc_port, small_backend(tmp_path) as rest:
            door = RestDoor(host="127.0.0.1", http_port=port.number, grpc_port=grpc_port, rest_backend_port=rest.port)
            program = stack_programs.envoy(tmp_path / "envoy.yaml", door)
            limit(tmp_path / "envoy.yaml", heap_bytes=1)
            async with (
                Part(program, tmp_path / "envoy.log") as part,
                client(f"http://127.0.0.1:{port.number}") as http,
            ):
                await stack_programs.envoy_ready(part, door, within_seconds=PATIENCE_SECONDS)
                yield http


@pytest.mark.parametrize("path", ["/mj/task/17/fetch", "/mj/task/17/image-seed"])
async def test_without_memory_left_a_request_is_503_as_json(full: aiohttp.ClientSession, path: str) -> None:
    status, answer = await refused(full, path)

    assert (status, answer["code"]) == (503, 503)
    assert answer["description"]


async def test_without_memory_left_a_watch_is_told_to_come_again(full: aiohttp.ClientSession) -> None:
    await refused(full, "/mj/task/17/fetch")

    async with full.get("/v1/tasks/17:watch") as answer:
        assert (answer.status, answer.content_type) == (200, "text/event-stream")
        assert await answer.text() == "retry: 2000\n\n"


def limit(config: Path, *, heap_bytes: int) -> None:
    """Let Envoy use so much memory only."""
    before = config.read_text()
    after = before.replace("max_heap_size_bytes: 1073741824", f"max_heap_size_bytes: {heap_bytes}")
    assert after != before
    config.write_text(after)


async def refused(http: aiohttp.ClientSession, path: str) -> tuple[int, dict[str, object]]:
    """Ask until the refusal comes: the memory is looked at four times a second."""
    while True:
        async with http.get(path) as answer:
            if answer.status != 200:
                return answer.status, await answer.json()
