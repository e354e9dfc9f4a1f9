"""A client as a stranger would write it: JSON over Envoy, gRPC by the generated stubs, the simulator's journal."""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import aiohttp
import grpc
from midjourney.v1 import query_pb2
from midjourney.v1.midjourney_service_pb2_grpc import MidjourneyServiceStub
from PIL import Image

from tests.support.processes import PATIENCE_SECONDS
from tests.support.stack import StackProcess

if TYPE_CHECKING:
    from midjourney.v1.midjourney_service_pb2_grpc import MidjourneyServiceAsyncStub

Json = dict[str, Any]


@dataclass
class Client:
    """One stack seen from outside."""

    http: aiohttp.ClientSession
    tasks: "MidjourneyServiceAsyncStub"
    simulator: str

    async def post(self, path: str, body: object) -> tuple[int, Any]:
        """POST a JSON body; return the status and the JSON that came back."""
        async with self.http.post(path, json=body) as answer:
            return answer.status, await answer.json()

    async def get(self, path: str) -> tuple[int, Any]:
        """GET a path; return the status and the JSON that came back."""
        async with self.http.get(path) as answer:
            return answer.status, await answer.json()

    async def submit(self, what: str, **body: object) -> str:
        """Submit over the old API, which must take it; return the Task's id."""
        status, answer = await self.post(f"/mj/submit/{what}", body)
        assert (status, answer["code"]) in {(200, 1), (200, 22)}, answer
        return str(answer["result"])

    async def fetch(self, task_id: str) -> Json:
        """Read a Task over the old API."""
        status, task = await self.get(f"/mj/task/{task_id}/fetch")
        assert status == 200, task
        return dict(task)

    async def ended(self, task_id: str) -> Json:
        """Wait for a Task's end and read it over the old API."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for _ in self.updates(task_id):
                pass
        return await self.fetch(task_id)

    async def succeeded(self, task_id: str) -> Json:
        """Wait for a Task's end, which must be a good one."""
        task = await self.ended(task_id)
        assert task["status"] == "SUCCESS", task
        return task

    async def done(self, what: str, **body: object) -> Json:
        """Submit over the old API and wait for the good end."""
        return await self.succeeded(await self.submit(what, **body))

    async def updates(self, task_id: str, after_revision: int = 0) -> AsyncGenerator[query_pb2.WatchTaskResponse, None]:
        """Watch a Task over gRPC, heartbeats left out."""
        request = query_pb2.WatchTaskRequest(task_id=task_id, after_revision=after_revision)
        async for update in self.tasks.WatchTask(request, timeout=PATIENCE_SECONDS):
            if not update.heartbeat:
                yield update

    async def events(self, task_id: str, after_revision: int = 0) -> AsyncGenerator[Json, None]:
        """Watch a Task as server-sent events, heartbeats left out."""
        params = {"after_revision": str(after_revision)}
        async with self.http.get(f"/v1/tasks/{task_id}:watch", params=params) as answer:
            assert answer.content_type == "text/event-stream", await answer.text()
            async for line in answer.content:
                if line.startswith(b"data: ") and "task" in (event := json.loads(line.removeprefix(b"data: "))):
                    yield event

    async def picture(self, task_id: str) -> dict[str, str]:
        """Read what the simulator wrote into a Task's picture: job, prompt, quadrant, grid."""
        async with self.http.get(f"/v1/tasks/{task_id}/image") as answer:
            assert answer.status == 200, await answer.text()
            return picture_facts(await answer.read())

    async def journal(self, kind: str) -> list[Json]:
        """Read the simulator's journal."""
        async with self.http.get(f"{self.simulator}/__sim/journal", params={"kind": kind}) as answer:
            return [json.loads(line) async for line in answer.content]

    async def jobs_of(self, prompt: str) -> list[str]:
        """Name the jobs that the simulator began for a prompt."""
        lines = await self.journal("job")
        return [line["job_id"] for line in lines if line["what"] == "started" and prompt in line["prompt"]]


@asynccontextmanager
async def client_of(stack: StackProcess, *, key: str = "") -> AsyncIterator[Client]:
    """Open a client; with a key, over REST only."""
    headers = {"mj-api-secret": key} if key else {}
    timeout = aiohttp.ClientTimeout(PATIENCE_SECONDS)
    async with (
        aiohttp.ClientSession(stack.rest, headers=headers, timeout=timeout) as http,
        grpc.aio.insecure_channel(stack.grpc) as channel,
    ):
        yield Client(http, MidjourneyServiceStub(channel), stack.simulator)


def button(task: Json, name: str) -> str:
    """Return the custom id of a Task's button by its label or emoji."""
    return next(str(one["customId"]) for one in task["buttons"] if name in {one["label"], one["emoji"]})


def png(colour: str = "teal", size: tuple[int, int] = (64, 64)) -> bytes:
    """Make a picture of one colour."""
    return encoded(Image.new("RGB", size, colour))


def mask(width: int, height: int) -> bytes:
    """Make a mask: black, with a white square in the middle."""
    image = Image.new("RGB", (width, height), "black")
    image.paste("white", (width // 4, height // 4, width // 2, height // 2))
    return encoded(image)


def data_url(picture: bytes) -> str:
    """Write a picture as old clients send it."""
    return "data:image/png;base64," + base64.b64encode(picture).decode()


def picture_facts(picture: bytes) -> dict[str, str]:
    """Open a PNG and return its text chunks of the simulator, without their prefix."""
    with Image.open(BytesIO(picture)) as image:
        image.load()
        return {
            name.removeprefix("midway:"): str(text)
            for name, text in image.info.items()
            if isinstance(name, str) and name.startswith("midway:")
        }


def encoded(image: Image.Image, **options: int) -> bytes:
    """Write an image as PNG."""
    buffer = BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()
