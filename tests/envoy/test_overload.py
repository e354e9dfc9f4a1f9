"""Envoy refuses before it takes all the memory of the machine."""

from pathlib import Path

import aiohttp
from midway.app import parts
from midway.app.envoy import RestDoor
from midway.app.part import Part
from midway.app.ports import ReservedPort

from tests.envoy.conftest import small_server
from tests.envoy.servicers import echo_tasks


async def test_without_memory_left_a_request_is_503_as_json(tmp_path: Path) -> None:
    """An Envoy that may use one byte has used more from the start."""
    with ReservedPort("127.0.0.1", 0) as port:
        async with small_server(echo_tasks()) as grpc_port:
            door = RestDoor(host="127.0.0.1", http_port=port.number, grpc_port=grpc_port)
            program = parts.envoy(tmp_path / "envoy.yaml", door)
            limit(tmp_path / "envoy.yaml", heap_bytes=1)
            async with Part(program, tmp_path / "envoy.log") as part:
                await parts.envoy_ready(part, door, within_seconds=30)

                status, answer = await refused(f"http://127.0.0.1:{port.number}/mj/task/17/fetch")

    assert (status, answer["code"]) == (503, 503)
    assert answer["description"]


def limit(config: Path, *, heap_bytes: int) -> None:
    """Let Envoy use so much memory only."""
    before = config.read_text()
    after = before.replace("max_heap_size_bytes: 1073741824", f"max_heap_size_bytes: {heap_bytes}")
    assert after != before
    config.write_text(after)


async def refused(url: str) -> tuple[int, dict[str, object]]:
    """Ask until the refusal comes: the memory is looked at four times a second."""
    async with aiohttp.ClientSession() as http:
        while True:
            async with http.get(url) as answer:
                if answer.status != 200:
                    return answer.status, await answer.json()
