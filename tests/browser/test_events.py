"""An EventSource of a real browser, over a kill -9, a drain and a restart of the server, with Envoy staying up."""

import asyncio
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from midway.app.stack_programs import fields
from playwright.async_api import Page

from tests.acceptance.simulator import running_simulator
from tests.faults.seeded.server import SERVER, environment
from tests.support.envoy import running_envoy
from tests.support.processes import PATIENCE_SECONDS, tied
from tests.support.relay import Relay

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

# Gathers what an EventSource is told, and every place at which it is opened again.
LISTEN = """path => {
  window.seen = [];
  window.opened = 0;
  window.source = new EventSource(path);
  source.onopen = () => { opened += 1; };
  source.onmessage = ({data, lastEventId}) => seen.push([lastEventId, JSON.parse(data)]);
}"""
IN_PROGRESS = "() => seen.some(([, {task}]) => task && task.state === 'STATE_IN_PROGRESS')"
CLOSED = "() => source.readyState === EventSource.CLOSED"


@dataclass
class Restarted:
    """A server on one directory that is ended and started again behind the same Envoy."""

    directory: Path
    simulator: str
    grpc: Relay
    rest: Relay
    url: str = ""
    process: Process | None = None
    log: list[bytes] = field(default_factory=list)

    async def start(self) -> None:
        """Start the server and lead Envoy to it."""
        settings = {"MIDWAY_DATA_DIR": str(self.directory), "MIDWAY_SIMULATOR_URL": self.simulator}
        with (self.directory / "server.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *tied(*SERVER), env=environment() | settings, stdin=DEVNULL, stdout=PIPE, stderr=log
            )
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (line := (await self.process.stdout.readline()).decode()).startswith("ready "):
                assert line, "the server ended"
        told = fields(line)
        self.grpc.target, self.rest.target = told["grpc"], told["rest-backend"]

    async def end(self, number: signal.Signals) -> None:
        """End the server; until it is started again, Envoy finds nobody."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.process.wait()
        self.grpc.target = self.rest.target = ""


@pytest_asyncio.fixture(loop_scope="module")
async def restarted(tmp_path: Path) -> AsyncIterator[Restarted]:
    """A simulator that stays, a server, and Envoy before it."""
    with running_simulator(speed=20) as simulator:
        async with Relay.listening() as grpc, Relay.listening() as rest:
            server = Restarted(tmp_path, simulator, grpc, rest)
            await server.start()
            try:
                async with running_envoy(grpc.port, tmp_path, rest_backend_port=rest.port) as server.url:
                    yield server
            finally:
                await server.end(signal.SIGKILL)


async def submitted(url: str, prompt: str) -> str:
    async with aiohttp.ClientSession(url) as http, http.post("/v1/tasks:imagine", json={"prompt": prompt}) as answer:
        return str((await answer.json())["task"]["id"])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "drained"])
async def test_an_event_source_comes_back_and_misses_nothing(
    restarted: Restarted, page: Page, number: signal.Signals
) -> None:
    await page.goto(f"{restarted.url}/health")
    task_id = await submitted(restarted.url, "a river __slow")
    await page.evaluate(LISTEN, f"/v1/tasks/{task_id}:watch")
    await page.wait_for_function(IN_PROGRESS)
    await restarted.end(number)
    # While nobody is there Envoy gives an empty stream: it opens, and the browser tries again.
    opened = await page.evaluate("() => opened")
    await page.wait_for_function("before => opened > before", arg=opened)
    await restarted.start()
    await page.wait_for_function(CLOSED)  # by 204, once it has seen the end
    seen: list[tuple[str, dict[str, Any]]] = await page.evaluate("() => seen")

    revisions = [int(event_id) for event_id, _ in seen]
    assert revisions == sorted(set(revisions))
    assert all(event_id == data["revision"] for event_id, data in seen)
    assert seen[-1][1]["task"]["state"] == "STATE_SUCCEEDED"


async def test_an_event_source_of_all_tasks_lives_through_a_restart(restarted: Restarted, page: Page) -> None:
    await page.goto(f"{restarted.url}/health")
    await page.evaluate(LISTEN, "/v1/tasks:watch")
    await page.wait_for_function("() => seen.length > 0")
    await restarted.end(signal.SIGKILL)
    await restarted.start()
    task_id = await submitted_once_up(restarted.url)
    await page.wait_for_function(
        "id => seen.some(([, {task}]) => task && task.id === id && task.state === 'STATE_SUCCEEDED')", arg=task_id
    )
    told = await page.evaluate("id => seen.filter(([, {task}]) => task && task.id === id).map(([id]) => id)", task_id)

    assert len(told) == len(set(told))


async def submitted_once_up(url: str) -> str:
    """Submit as soon as the server is there again, as a client with back-off does."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                return await submitted(url, "a stone")
            except (KeyError, aiohttp.ContentTypeError):
                await asyncio.sleep(0.2)
