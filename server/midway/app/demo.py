"""`midway demo`: draws two pictures concurrently, one over REST and one over gRPC; then U2 of the first."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import grpc
from midjourney.v1 import query_pb2, submit_pb2, task_pb2
from midjourney.v1.midjourney_service_pb2_grpc import MidjourneyServiceStub
from rich.console import Console
from rich.table import Column, Table

from midway.app.progress import Display, display, state_name
from midway.app.settings import Settings
from midway.app.stack import Addresses, Stack

FOX = "a red fox in the snow --ar 3:2"
LIGHTHOUSE = "a lighthouse at dusk, oil on canvas"
POLL_SECONDS = 0.2  # old clients have no streams, and poll
LONGEST_SECONDS = 60  # for the whole demo
SPEED = 10  # at least; fast enough to wait for, slow enough to watch


class DemoFailed(Exception):
    """A picture was not made."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One picture of the demo."""

    what: str
    task_id: str
    seconds: float
    file: Path


class Demo:
    """Draws with a running stack and shows the progress."""

    def __init__(
        self, http: aiohttp.ClientSession, channel: grpc.aio.Channel, shown: Display, out: Path, key: str
    ) -> None:
        self._http = http
        self._tasks = MidjourneyServiceStub(channel)
        self._metadata = (("mj-api-secret", key),) if key else ()
        self._shown = shown
        self._out = out

    async def run(self) -> list[Drawn]:
        """Draw everything; return the pictures in the table's order. Raises DemoFailed."""
        try:
            async with asyncio.TaskGroup() as group:
                over_rest = group.create_task(self._imagine_over_rest(), name="demo over REST")
                over_grpc = group.create_task(self._imagine_over_grpc(), name="demo over gRPC")
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None  # one reason is enough for a demo
        first = over_rest.result()
        return [first, over_grpc.result(), await self._upscale_over_rest(first)]

    async def _imagine_over_rest(self) -> Drawn:
        begun = time.monotonic()
        task_id = await self._submit("imagine", prompt=FOX)
        await self._poll(task_id, "REST fox")
        return await self._kept("imagine over REST", task_id, begun, "fox-grid")

    async def _upscale_over_rest(self, grid: Drawn) -> Drawn:
        begun = time.monotonic()
        task_id = await self._submit("change", taskId=grid.task_id, action="UPSCALE", index=2)
        await self._poll(task_id, "REST fox U2")
        return await self._kept("U2 over REST", task_id, begun, "fox-u2")

    async def _imagine_over_grpc(self) -> Drawn:
        begun = time.monotonic()
        request = submit_pb2.SubmitImagineRequest(prompt=LIGHTHOUSE)
        task = (await self._tasks.SubmitImagine(request, metadata=self._metadata)).task
        watch = query_pb2.WatchTaskRequest(task_id=task.id)
        async for update in self._tasks.WatchTask(watch, metadata=self._metadata):
            if update.HasField("task"):
                task = update.task
                self._shown.show("gRPC lighthouse", task.progress_percent, state_name(task))
        if task.state != task_pb2.Task.STATE_SUCCEEDED:
            raise DemoFailed(f"{LIGHTHOUSE}: {task.failure.message}")
        return await self._kept("imagine over gRPC", task.id, begun, "lighthouse-grid")

    async def _submit(self, what: str, **body: Any) -> str:
        answer = await self._json("POST", f"/mj/submit/{what}", json=body)
        if answer["code"] not in {1, 22}:
            raise DemoFailed(f"{what}: {answer['description']}")
        return str(answer["result"])

    async def _poll(self, task_id: str, name: str) -> None:
        while True:
            task = await self._json("GET", f"/mj/task/{task_id}/fetch")
            self._shown.show(name, int(task["progress"].rstrip("%") or 0), task["status"])
            if task["status"] == "SUCCESS":
                return
            if task["status"] == "FAILURE":
                raise DemoFailed(f"{name}: {task['failReason']}")
            await asyncio.sleep(POLL_SECONDS)

    async def _json(self, method: str, path: str, **sent: Any) -> dict[str, Any]:
        async with self._http.request(method, path, **sent) as answer:
            content: dict[str, Any] = await answer.json()
            if answer.status != 200:
                raise DemoFailed(f"{path}: {content.get('description')}")
            return content

    async def _kept(self, what: str, task_id: str, begun: float, name: str) -> Drawn:
        async with self._http.get(f"/v1/tasks/{task_id}/image") as answer:
            picture = await answer.read()
            if answer.status != 200:
                raise DemoFailed(f"the picture of {task_id}: HTTP {answer.status}")
        file = self._out / f"{name}.png"
        await asyncio.to_thread(file.write_bytes, picture)
        return Drawn(what, task_id, time.monotonic() - begun, file)


async def run_demo(settings: Settings, out: Path) -> None:
    """Start a stack of its own, draw into the directory `out`, print a table, stop.

    Raises DemoFailed, PartDied, PortTaken, TimeoutError.
    """
    console = Console()
    key = settings.api_keys[0].get_secret_value() if settings.api_keys else ""
    with TemporaryDirectory(prefix="midway-demo-") as data_dir:
        async with asyncio.timeout(LONGEST_SECONDS), Stack(demo_settings(settings, Path(data_dir))) as running:
            console.print(f"ready {running.addresses}", markup=False, highlight=False, soft_wrap=True)
            drawn = await running.until(_draw(running.addresses, console, out, key))
    console.print(table_of(drawn))


async def _draw(addresses: Addresses, console: Console, out: Path, key: str) -> list[Drawn]:
    async with clients(addresses, key) as (http, channel):
        with display(console) as shown:
            return await Demo(http, channel, shown, out, key).run()


@asynccontextmanager
async def clients(addresses: Addresses, key: str) -> AsyncIterator[tuple[aiohttp.ClientSession, grpc.aio.Channel]]:
    """Open one client for REST and one for gRPC."""
    headers = {"mj-api-secret": key} if key else {}
    async with (
        aiohttp.ClientSession(addresses.rest, headers=headers) as http,
        grpc.aio.insecure_channel(addresses.grpc) as channel,
    ):
        yield http, channel


def demo_settings(settings: Settings, data_dir: Path) -> Settings:
    """Return the settings changed for the demo: free ports, a temporary data directory, never a real Account."""
    changes: dict[str, Any] = {f"{part}_port": 0 for part in ("http", "grpc", "simulator", "metrics")}
    changes |= {
        "host": "127.0.0.1",
        "data_dir": data_dir,
        "accounts": (),
        "simulator_url": None,
        "rest_backend_port": None,
    }
    changes |= {"simulator_accounts": 2, "simulator_speed": max(SPEED, settings.simulator_speed)}
    return settings.model_copy(update=changes)


def table_of(drawn: list[Drawn]) -> Table:
    """Return a table of the pictures: what, Task id, duration, file."""
    table = Table("what", "task", "took", Column("file", no_wrap=True, overflow="ignore"))
    for one in drawn:
        table.add_row(one.what, one.task_id, f"{one.seconds:.1f} s", str(one.file))
    return table
