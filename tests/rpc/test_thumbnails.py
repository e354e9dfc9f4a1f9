"""Thumbnails over gRPC and over the server's HTTP: by `width`, each with the headers of a file of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import PIL.Image
import pytest
from midjourney.v1 import query_pb2
from midway.domain.task import Task
from midway.media.archive import Archive
from midway.media.keeper import ArchiveKeeper
from midway.media.thumbnails import Thumbnails
from midway.pictures.thumbnail import WIDTHS
from midway.rest.doors import Doors
from midway.rpc.options import ServerOptions
from midway.rpc.picture_links import PictureLinks

from tests.rpc.served import NO_GRACE, Served, rejected, serving, stream_rejected
from tests.support.rig import Rig, engine_running, simulator_running

KEY = "sk-hush-hush"
LINKS = PictureLinks(b"k" * 32, "https://pictures.example.org")


@dataclass
class Gallery:
    """A server with an archive and thumbnails, one finished grid, and a client of either door."""

    served: Served
    http: aiohttp.ClientSession
    grid: Task
    directory: Path

    @property
    def image(self) -> str:
        return f"/v1/tasks/{self.grid.id}/image"

    @property
    def names(self) -> list[str]:
        """What lies in the archive."""
        return sorted(path.name for path in self.directory.iterdir())


@asynccontextmanager
async def gallery_of(rig: Rig, directory: Path, **options: Any) -> AsyncIterator[Gallery]:
    archive = Archive(directory)
    keeper = ArchiveKeeper(rig.engine.store, rig.engine.watch, archive, rig.engine.fetch_picture)
    doors = Doors(
        rig.engine,
        keeper.open,
        ServerOptions(port=0, rest_port=0, shutdown_grace=NO_GRACE, **options),
        links=LINKS,
        open_thumbnail=Thumbnails(archive, keeper.file, rig.engine.decoder.thumbnail).open,
    )
    grid = await rig.succeeded(await rig.imagine("a red fox --ar 3:2"))
    await doors.start()
    try:
        async with (
            grpc.aio.insecure_channel(f"127.0.0.1:{doors.grpc_port}") as channel,
            aiohttp.ClientSession(f"http://127.0.0.1:{doors.rest_port}") as http,
        ):
            yield Gallery(Served(rig, doors, channel), http, grid, directory)
    finally:
        await doors.stop()


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with simulator_running() as simulator, engine_running(simulator, tmp_path) as running:
        yield running


@pytest.fixture
async def gallery(rig: Rig, tmp_path: Path) -> AsyncIterator[Gallery]:
    async with gallery_of(rig, tmp_path / "pictures") as opened:
        yield opened


def size_of(data: bytes) -> tuple[int, int]:
    with PIL.Image.open(BytesIO(data)) as picture:
        assert picture.format == "WEBP"
        return picture.size


def wide(gallery: Gallery, width: int) -> tuple[int, int]:
    """Return what size the thumbnail of this width has."""
    image = gallery.grid.image
    assert image is not None
    assert image.width
    return (width, round(image.height * width / image.width)) if image.width > width else (image.width, image.height)


async def test_every_way_gives_the_same_thumbnail(gallery: Gallery) -> None:
    for width in WIDTHS:
        async with gallery.http.get(gallery.image, params={"width": width}) as answer:
            shown = await answer.read()
        async with gallery.http.get(f"{gallery.image}:download", params={"width": width}) as answer:
            saved = await answer.read()
        request = query_pb2.GetTaskImageRequest(task_id=gallery.grid.id, width=width)
        message = await gallery.served.tasks.GetTaskImage(request)
        wanted = query_pb2.DownloadTaskImageRequest(task_id=gallery.grid.id, width=width)
        first, *rest = [each async for each in gallery.served.tasks.DownloadTaskImage(wanted)]

        assert size_of(shown) == wide(gallery, width)
        assert shown == saved == message.data == b"".join(each.data for each in rest)
        assert (message.content_type, first.file.content_type) == ("image/webp", "image/webp")
        assert first.file.size_bytes == len(shown)
        assert first.file.name.endswith(f"-a-red-fox-{gallery.grid.id}.webp")

    assert gallery.names == sorted([f"{gallery.grid.id}.png", *(f"{gallery.grid.id}.{width}.webp" for width in WIDTHS)])


async def test_a_thumbnail_has_the_headers_of_a_file_of_its_own(gallery: Gallery) -> None:
    asked = {"width": "320"}
    async with gallery.http.get(gallery.image) as whole, gallery.http.get(gallery.image, params=asked) as answer:
        data, headers = await answer.read(), answer.headers
        assert whole.headers["etag"] != headers["etag"]
    assert (answer.status, answer.content_type, answer.content_length) == (200, "image/webp", len(data))
    assert headers["cache-control"] == "private, max-age=31536000, immutable"
    assert headers["content-disposition"].endswith(f'-a-red-fox-{gallery.grid.id}.webp"')

    async with gallery.http.head(gallery.image, params=asked) as head:
        told = ("content-length", "content-type", "etag", "accept-ranges", "content-disposition", "cache-control")
        assert [head.headers[name] for name in told] == [headers[name] for name in told]
    async with gallery.http.get(gallery.image, params=asked, headers={"range": "bytes=5-14"}) as part:
        assert (part.status, await part.read()) == (206, data[5:15])
    async with gallery.http.get(gallery.image, params=asked, headers={"if-none-match": headers["etag"]}) as same:
        assert (same.status, await same.read()) == (304, b"")
    for other in ({}, {"width": "640"}):
        async with gallery.http.get(gallery.image, params=other, headers={"if-none-match": headers["etag"]}) as another:
            assert another.status == 200


@pytest.mark.parametrize("width", [1, -320, 321, 2_000_000_000])
async def test_another_width_names_the_field_and_what_is_taken(gallery: Gallery, width: int) -> None:
    read = query_pb2.GetTaskImageRequest(task_id=gallery.grid.id, width=width)
    download = query_pb2.DownloadTaskImageRequest(task_id=gallery.grid.id, width=width)
    errors = [
        await rejected(gallery.served.tasks.GetTaskImage(read)),
        await stream_rejected(gallery.served.tasks.DownloadTaskImage(download)),
    ]
    async with gallery.http.get(gallery.image, params={"width": width}) as answer:
        error = await answer.json()

    for each in errors:
        assert (each.code.name, each.fields) == ("INVALID_ARGUMENT", ["width"])
        assert each.message == "width: must be 320, 640, 1280, or 0 for the picture itself"
    assert (answer.status, error["message"]) == (400, errors[0].message)


@pytest.mark.parametrize("width", ["wide", "", "99999999999", "1e3"])
async def test_a_width_that_is_no_number_names_the_field(gallery: Gallery, width: str) -> None:
    async with gallery.http.get(gallery.image, params={"width": width}) as answer:
        assert answer.status == 400
        assert "width" in (await answer.json())["message"]


async def test_width_0_is_the_picture_itself(gallery: Gallery) -> None:
    async with gallery.http.get(gallery.image) as whole, gallery.http.get(f"{gallery.image}?width=0") as same:
        assert await whole.read() == await same.read()
        assert whole.headers["etag"] == same.headers["etag"]


async def test_a_download_goes_on_where_it_broke_off(gallery: Gallery) -> None:
    read = query_pb2.GetTaskImageRequest(task_id=gallery.grid.id, width=640)
    whole = (await gallery.served.tasks.GetTaskImage(read)).data
    request = query_pb2.DownloadTaskImageRequest(task_id=gallery.grid.id, width=640, offset=100)
    messages = [message async for message in gallery.served.tasks.DownloadTaskImage(request)]

    assert b"".join(message.data for message in messages) == whole[100:]
    beyond = query_pb2.DownloadTaskImageRequest(task_id=gallery.grid.id, width=640, offset=len(whole) + 1)
    error = await stream_rejected(gallery.served.tasks.DownloadTaskImage(beyond))
    assert error.fields == ["offset"]


async def test_a_thumbnail_fits_into_a_message_where_its_picture_does_not(rig: Rig, tmp_path: Path) -> None:
    async with gallery_of(rig, tmp_path / "pictures", max_unary_image_bytes=20_000) as gallery:
        task_id = gallery.grid.id
        tasks = gallery.served.tasks
        assert gallery.grid.image is not None
        error = await rejected(tasks.GetTaskImage(query_pb2.GetTaskImageRequest(task_id=task_id)))
        small = await tasks.GetTaskImage(query_pb2.GetTaskImageRequest(task_id=task_id, width=320))

    assert error.reason == "IMAGE_TOO_LARGE"
    assert size_of(small.data)[0] == 320


async def test_a_signed_link_opens_the_thumbnails_of_its_picture_and_no_others(rig: Rig, tmp_path: Path) -> None:
    async with gallery_of(rig, tmp_path / "pictures", api_keys=(KEY,)) as gallery:
        other = await rig.succeeded(await rig.imagine("a hare"))
        path = LINKS.path(gallery.grid, LINKS.ends_at())
        for width in WIDTHS:
            async with gallery.http.get(f"{path}&width={width}") as answer:
                assert (answer.status, size_of(await answer.read())) == (200, wide(gallery, width))
        async with gallery.http.get(f"{path.replace(gallery.grid.id, other.id)}&width=320") as foreign:
            assert foreign.status == 401
        async with gallery.http.get(f"{gallery.image}?width=320") as unsigned:
            assert unsigned.status == 401


async def test_a_server_without_thumbnails_says_so(rig: Rig) -> None:
    grid = await rig.succeeded(await rig.imagine("a red fox"))
    async with serving(rig) as served:
        request = query_pb2.GetTaskImageRequest(task_id=grid.id, width=320)
        error = await rejected(served.tasks.GetTaskImage(request))

    assert (error.code.name, error.reason) == ("UNIMPLEMENTED", "NOT_IMPLEMENTED")


async def test_a_preview_has_a_thumbnail_that_is_not_kept(gallery: Gallery) -> None:
    rig = gallery.served.rig
    hanging = await rig.imagine("a hare __hang_after_93")
    async for task in rig.engine.watch.watch(hanging.id):
        if task.image is not None:
            break
    async with gallery.http.get(f"/v1/tasks/{hanging.id}/image?width=320") as answer:
        size = size_of(await answer.read())
    await rig.engine.cancel(hanging.id)

    assert size[0] <= 320
    assert answer.headers["cache-control"] == "private, no-cache"
    assert not any(name.startswith(hanging.id) for name in gallery.names)
