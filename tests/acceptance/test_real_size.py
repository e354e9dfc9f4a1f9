"""The main flows once with pictures and films as large as Midjourney's, through every door, compared byte by byte."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
import pytest_asyncio
from midjourney.v1 import query_pb2
from midjourney.v1.midjourney_service_pb2_grpc import MidjourneyServiceStub
from PIL import Image

from tests.acceptance.client import Client, Json, button, client_of
from tests.support.stack import StackProcess, running_stack

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

KEY = "sk-hush-hush"
MB = 1_000_000
FILM_BYTES = 60 * MB
SLOW_READERS, SLOW_VIEWERS = 100, 20  # of a grid, and of a film
# What may wait for one slow reader, from the file to its own socket: windows of Envoy's and the kernel's buffers.
MOST_AHEAD = 4 * MB
MOST_MEMORY = 300 * MB  # of a process, with all these readers


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackProcess]:
    """A stack that asks for a key, on a simulator that draws at real size."""
    settings = {"MIDWAY_API_KEYS": KEY, "MIDWAY_SIMULATOR_PICTURES": "real"}
    with running_stack(tmp_path_factory.mktemp("real"), **settings) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def client(stack: StackProcess) -> AsyncIterator[Client]:
    """A client with the key."""
    async with client_of(stack, key=KEY) as opened:
        await opened.http.post(f"{opened.simulator}/__sim/options", json={"film_bytes": FILM_BYTES})
        yield opened


@dataclass
class Gallery:
    """Finished Tasks, as the contract's JSON."""

    grid: Json
    u2: Json
    hd: Json
    film: Json

    def __iter__(self) -> Iterator[Json]:
        return iter((self.grid, self.u2, self.hd, self.film))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gallery(stack: StackProcess) -> Gallery:
    """A grid, its second picture, that one animated, and one that is enlarged to Midjourney's largest size."""
    async with client_of(stack, key=KEY) as client:
        async with client.http.post(f"{client.simulator}/__sim/options", json={"film_bytes": FILM_BYTES}) as answer:
            assert answer.status == 200
        grid = await watched(client, await client.submit("imagine", prompt="a red fox in snow --ar 3:2"))
        u2 = await watched(client, await client.submit("change", taskId=grid["id"], action="UPSCALE", index=2))
        film = await pressed(client, u2, "Animate (High motion)")
        # The version that enlarges four times.
        old_grid = await watched(client, await client.submit("imagine", prompt="a red fox in snow --v 5.2"))
        old_u2 = await watched(client, await client.submit("change", taskId=old_grid["id"], action="UPSCALE", index=2))
        hd = await pressed(client, old_u2, "Upscale (4x)")
    return Gallery(grid, u2, hd, film)


async def pressed(client: Client, task: Json, name: str) -> Json:
    """Press a button and follow the new Task to its good end."""
    custom_id = button(await client.fetch(task["id"]), name)
    return await watched(client, await client.submit("action", taskId=task["id"], customId=custom_id))


async def watched(client: Client, task_id: str) -> Json:
    """Follow a Task by events to its good end."""
    last: Json = {}
    async for event in client.events(task_id):
        last = event["task"]
    assert last["state"] == "STATE_SUCCEEDED", last
    return last


def digest(data: bytes) -> str:
    """What a file's bytes are, short enough to be shown when they differ."""
    return f"{len(data)} {hashlib.sha256(data).hexdigest()}"


async def drawn(client: Client, task: Json) -> str:
    """What the simulator drew for a Task."""
    async with aiohttp.ClientSession() as http, http.get(task["image"]["url"]) as answer:
        assert answer.status == 200
        return digest(await answer.read())


async def over_rest(client: Client, task: Json) -> str:
    async with client.http.get(f"/v1/tasks/{task['id']}/image") as answer:
        return digest(await answer.read())


async def by_signed_path(stack: StackProcess, task: Json) -> str:
    async with aiohttp.ClientSession(stack.rest) as stranger, stranger.get(task["image"]["path"]) as answer:
        return digest(await answer.read())


async def over_grpc(address: str, task: Json) -> str:
    """Download with a client that has gRPC's own limit of 4 MiB."""
    async with grpc.aio.insecure_channel(address) as channel:
        request = query_pb2.DownloadTaskImageRequest(task_id=task["id"])
        call = MidjourneyServiceStub(channel).DownloadTaskImage(request, metadata=(("mj-api-secret", KEY),))
        return digest(b"".join([message.data async for message in call]))


async def in_ranges(client: Client, task: Json, step: int = 5 * MB) -> str:
    """Read as a film's player does: part by part."""
    parts, size = [], int(task["image"]["sizeBytes"])
    for first in range(0, size, step):
        headers = {"range": f"bytes={first}-{first + step - 1}"}
        async with client.http.get(f"/v1/tasks/{task['id']}/image", headers=headers) as answer:
            assert answer.status == 206
            parts.append(await answer.read())
    return digest(b"".join(parts))


@pytest.mark.parametrize("name", ["grid", "u2", "hd", "film"])
async def test_every_door_gives_what_was_drawn(
    client: Client, stack: StackProcess, gallery: Gallery, name: str
) -> None:
    task = getattr(gallery, name)
    right = await drawn(client, task)

    assert await over_rest(client, task) == right
    assert await by_signed_path(stack, task) == right
    assert await over_grpc(stack.grpc, task) == right
    assert await over_grpc(stack.rest.removeprefix("http://"), task) == right  # through Envoy
    assert await in_ranges(client, task) == right


async def test_the_pictures_are_as_large_as_midjourneys(client: Client, gallery: Gallery, tmp_path: Path) -> None:
    sizes = {}
    for name in ("grid", "u2", "hd"):
        task = getattr(gallery, name)
        async with client.http.get(f"/v1/tasks/{task['id']}/image") as answer:
            (tmp_path / name).write_bytes(await answer.read())
        with Image.open(tmp_path / name) as image:
            sizes[name] = image.size

    assert max(sizes["grid"]) >= 2048
    assert sizes["grid"] == tuple(2 * edge for edge in sizes["u2"])
    assert max(sizes["hd"]) >= 4096
    assert 5 * MB <= int(gallery.grid["image"]["sizeBytes"]) <= 15 * MB
    assert int(gallery.film["image"]["sizeBytes"]) >= FILM_BYTES


async def test_the_command_line_saves_a_film(stack: StackProcess, gallery: Gallery, tmp_path: Path) -> None:
    done = await asyncio.to_thread(stack.midway, "watch", gallery.film["id"], cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    [film] = tmp_path.glob("**/*.mp4")  # noqa: ASYNC240 -- a test's own directory
    assert film.stat().st_size == int(gallery.film["image"]["sizeBytes"])


async def test_lists_of_the_longest_prompts_come_whole(client: Client) -> None:
    prompts = ["狐" * 5990 + f" {number} __hang" for number in range(60)]
    made = {await client.submit("imagine", prompt=prompt) for prompt in prompts}
    _, newest = await client.get("/mj/task/list")
    _, named = await client.post("/mj/task/list-by-condition", {"ids": sorted(made)})
    listed: set[str] = set()
    token = ""
    while not listed or token:
        _, page = await client.get(f"/v1/tasks?page_size=1000&page_token={token}")
        listed |= {task["id"] for task in page["tasks"]}
        token = page.get("nextPageToken", "")
    for task_id in made:
        await client.post(f"/mj/task/{task_id}/cancel", {})

    assert made <= {task["id"] for task in newest}
    assert made == {task["id"] for task in named}
    assert made <= listed
    assert {task["prompt"] for task in named} == set(prompts)


async def test_slow_readers_cost_a_window_each_and_hold_nobody_up(
    stack: StackProcess, client: Client, gallery: Gallery
) -> None:
    """A hundred readers of a grid and twenty of a film that take their first bytes only, then all of it."""
    wanted = [gallery.grid] * SLOW_READERS + [gallery.film] * SLOW_VIEWERS
    right = {task["id"]: await drawn(client, task) for task in (gallery.grid, gallery.film)}
    before = read_by(server_of(stack))
    async with aiohttp.ClientSession(
        stack.rest, connector=aiohttp.TCPConnector(limit=0), read_bufsize=1024, timeout=aiohttp.ClientTimeout(300)
    ) as http:
        answers = [await http.get(task["image"]["path"]) for task in wanted]
        for task in (gallery.grid, gallery.film):
            assert await over_rest(client, task) == right[task["id"]]  # who reads is not held up
        quick = sum(int(task["image"]["sizeBytes"]) for task in (gallery.grid, gallery.film))
        taken = read_by(server_of(stack)) - before - quick
        memory = {name: resident(pid) for name, pid in processes_of(stack).items()}
        read = await asyncio.gather(*(digest_of(answer) for answer in answers))

    assert taken <= MOST_AHEAD * len(wanted)
    assert {name for name, held in memory.items() if held > MOST_MEMORY} == set(), memory
    assert read == [right[task["id"]] for task in wanted]


async def test_slow_readers_over_grpc_cost_envoy_a_window_each(stack: StackProcess, gallery: Gallery) -> None:
    """They share connections, and Envoy by itself would keep 16 MiB for each."""
    wanted = [gallery.grid] * (SLOW_READERS // 2) + [gallery.film] * SLOW_VIEWERS
    async with AsyncExitStack() as channels:
        calls = [await begun(stack, task, channels) for task in wanted]
        quick = {task["id"]: await over_grpc(stack.grpc, task) for task in (gallery.grid, gallery.film)}
        through_envoy = await over_grpc(stack.rest.removeprefix("http://"), gallery.film)
        memory = {name: resident(pid) for name, pid in processes_of(stack).items()}
        for call in calls:
            call.cancel()

    assert through_envoy == quick[gallery.film["id"]]
    assert {name for name, held in memory.items() if held > MOST_MEMORY} == set(), memory


async def begun(stack: StackProcess, task: Json, channels: AsyncExitStack) -> Any:
    """Call for a file through Envoy, and read one message."""
    options = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65535))  # its own window stays small, too
    channel = await channels.enter_async_context(
        grpc.aio.insecure_channel(stack.rest.removeprefix("http://"), options=options)
    )
    request = query_pb2.DownloadTaskImageRequest(task_id=task["id"])
    call: Any = MidjourneyServiceStub(channel).DownloadTaskImage(request, metadata=(("mj-api-secret", KEY),))
    assert (await call.read()).file.size_bytes > 0
    return call


async def digest_of(answer: Any) -> str:
    """Read an answer in pieces."""
    hashed, size = hashlib.sha256(), 0
    async for piece in answer.content.iter_any():
        hashed.update(piece)
        size += len(piece)
    return f"{size} {hashed.hexdigest()}"


def processes_of(stack: StackProcess) -> dict[str, int]:
    """The server and Envoy."""
    [envoy] = [pid for pid in stack.pids("_bin/envoy") if pid != stack.process.pid]
    return {"server": server_of(stack), "envoy": envoy}


def server_of(stack: StackProcess) -> int:
    [server] = [pid for pid in stack.pids("midway.app.cli serve") if pid != stack.process.pid]
    return server


def read_by(pid: int) -> int:
    """Tell how many bytes a process has read so far, of files above all."""
    return int(Path(f"/proc/{pid}/io").read_text().split("rchar:", 1)[1].split()[0])


def resident(pid: int) -> int:
    """Tell how much memory a process holds, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:", 1)[1].split()[0]) * 1024
