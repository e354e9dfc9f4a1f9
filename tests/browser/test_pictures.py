"""A page shows pictures and plays films by their signed path, without a key, at real size."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page

from tests.acceptance.client import Client, Json, button, client_of
from tests.support.stack import StackProcess, running_stack

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

KEY = "sk-hush-hush"
SHOW = """path => new Promise((resolve, reject) => {
  const image = document.body.appendChild(new Image());
  image.onload = () => resolve([image.naturalWidth, image.naturalHeight]);
  image.onerror = () => reject(new Error("not shown"));
  image.src = path;
})"""
# Plays a film a little, then jumps to its last third and back; tells what it saw.
PLAY = """path => new Promise((resolve, reject) => {
  const film = document.body.appendChild(document.createElement("video"));
  const jumps = [];
  film.muted = true;
  film.onerror = () => reject(new Error(film.error.message));
  film.onloadedmetadata = () => { film.currentTime = film.duration * 2 / 3; };
  film.onseeked = () => {
    jumps.push(film.currentTime / film.duration);
    if (jumps.length === 1) { film.currentTime = film.duration / 10; return; }
    film.ontimeupdate = () => {
      if (film.currentTime / film.duration > jumps[1] + 0.001) {
        film.pause();
        resolve({jumps, width: film.videoWidth, duration: film.duration, canSeek: film.seekable.end(0)});
      }
    };
    film.play();
  };
  film.src = path;
})"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackProcess]:
    """A stack that asks for a key, on a simulator that draws at real size."""
    settings = {"MIDWAY_API_KEYS": KEY, "MIDWAY_SIMULATOR_PICTURES": "real"}
    with running_stack(tmp_path_factory.mktemp("real"), **settings) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def client(stack: StackProcess) -> AsyncIterator[Client]:
    """A client with the key, which the page does not have."""
    async with client_of(stack, key=KEY) as opened:
        yield opened


async def finished(client: Client, what: str, **body: object) -> Json:
    """Have something drawn and return the contract's Task."""
    task_id = await client.submit(what, **body)
    async for _ in client.events(task_id):
        pass
    _, answer = await client.get(f"/v1/tasks/{task_id}")
    return dict(answer["task"])


async def test_a_page_shows_a_grid_and_plays_and_seeks_a_film(client: Client, stack: StackProcess, page: Page) -> None:
    grid = await finished(client, "imagine", prompt="a red fox --ar 3:2")
    u2 = await finished(client, "change", taskId=grid["id"], action="UPSCALE", index=2)
    animate = button(await client.fetch(u2["id"]), "Animate (High motion)")
    film = await finished(client, "action", taskId=u2["id"], customId=animate)
    await page.goto(f"{stack.rest}/health")

    assert await page.evaluate(SHOW, grid["image"]["path"]) == [grid["image"]["width"], grid["image"]["height"]]
    seen = await page.evaluate(PLAY, film["image"]["path"])

    assert seen["width"] == film["image"]["width"]
    assert seen["canSeek"] == pytest.approx(seen["duration"])
    assert seen["jumps"] == pytest.approx([2 / 3, 1 / 10], abs=0.01)


async def read(client: Client, task: Json) -> bytes:
    """Read a picture over REST."""
    async with client.http.get(f"/v1/tasks/{task['id']}/image") as answer:
        return await answer.read()


async def test_a_page_saves_a_picture_under_a_speaking_name(
    client: Client, stack: StackProcess, page: Page, tmp_path: Path
) -> None:
    task = await finished(client, "imagine", prompt="一只红色的狐狸 red fox")
    await page.goto(f"{stack.rest}/health")
    async with page.expect_download() as saved:
        await page.evaluate(
            """path => { const a = document.createElement("a"); a.href = path; a.download = ""; a.click(); }""",
            task["image"]["path"],
        )
    download = await saved.value

    assert download.suggested_filename.endswith(f"一只红色的狐狸-red-fox-{task['id']}.png")
    await download.save_as(tmp_path / "saved.png")
    assert await asyncio.to_thread((tmp_path / "saved.png").read_bytes) == await read(client, task)
