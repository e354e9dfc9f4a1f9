"""A client's view of a running server: a channel, its stubs, and the way from an error to its details."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from midjourney.legacy.v1 import legacy_service_pb2_grpc
from midjourney.v1 import (
    account_service_pb2_grpc,
    midjourney_service_pb2_grpc,
    query_pb2,
    submit_pb2,
    task_pb2,
    webhook_service_pb2_grpc,
)
from midway.rest.doors import Doors
from midway.rpc.layers import Observer
from midway.rpc.options import ServerOptions
from midway.rpc.picture_links import PictureLinks
from midway.rpc.task_images import OpenTaskPicture
from PIL import Image

from tests.support.open_pictures import opening
from tests.support.rig import Rig

NO_GRACE = timedelta(0)


@dataclass
class Served:
    """A running server and a channel to it."""

    rig: Rig
    doors: Doors
    channel: grpc.aio.Channel

    def __post_init__(self) -> None:
        self.tasks: midjourney_service_pb2_grpc.MidjourneyServiceAsyncStub = (
            midjourney_service_pb2_grpc.MidjourneyServiceStub(self.channel)
        )
        self.accounts: account_service_pb2_grpc.AccountServiceAsyncStub = account_service_pb2_grpc.AccountServiceStub(
            self.channel
        )
        self.webhooks: webhook_service_pb2_grpc.WebhookServiceAsyncStub = webhook_service_pb2_grpc.WebhookServiceStub(
            self.channel
        )
        self.legacy: legacy_service_pb2_grpc.LegacyServiceAsyncStub = legacy_service_pb2_grpc.LegacyServiceStub(
            self.channel
        )

    async def imagine(self, prompt: str = "a red fox", **fields: Any) -> task_pb2.Task:
        """Submit an imagine over gRPC."""
        return (await self.tasks.SubmitImagine(submit_pb2.SubmitImagineRequest(prompt=prompt, **fields))).task

    async def ended(self, task: task_pb2.Task) -> task_pb2.Task:
        """Follow a Task over gRPC to its end; return it as the stream told it last."""
        seen = [message async for message in self.tasks.WatchTask(query_pb2.WatchTaskRequest(task_id=task.id))]
        return seen[-1].task

    async def grid(self, prompt: str = "a red fox") -> task_pb2.Task:
        """Have a finished grid."""
        ended = await self.ended(await self.imagine(prompt))
        assert ended.state == task_pb2.Task.STATE_SUCCEEDED, ended.failure
        return ended


# Links of a server to whose key nobody holds a secret.
LINKS = PictureLinks(b"k" * 32)


@asynccontextmanager
async def serving(rig: Rig, **options: Any) -> AsyncIterator[Served]:
    """Serve the rig's engine on free ports; for the options see `doors_of`."""
    doors = doors_of(rig, **options)
    await doors.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{doors.grpc_port}") as channel:
            yield Served(rig, doors, channel)
    finally:
        await doors.stop()


def doors_of(
    rig: Rig,
    *,
    open_picture: OpenTaskPicture | None = None,
    observe: Observer | None = None,
    links: PictureLinks = LINKS,
    **options: Any,
) -> Doors:
    """Build the doors of the rig's engine, on free ports; they close at once. Pictures come from the simulator."""
    given: dict[str, Any] = {"port": 0, "rest_port": 0, "shutdown_grace": NO_GRACE} | options
    pictures = open_picture or opening(rig.picture)
    return Doors(rig.engine, pictures, ServerOptions(**given), links=links, observe=observe)


def button(task: task_pb2.Task, label: str) -> str:
    """Return the custom id of a Task's button by its label or emoji."""
    return next(each.custom_id for each in task.buttons if label in {each.label, each.emoji})


def png(color: str = "red", size: tuple[int, int] = (64, 64)) -> bytes:
    """Draw a small picture."""
    file = BytesIO()
    Image.new("RGB", size, color).save(file, "PNG")
    return file.getvalue()


class Rejected:
    """A call's status, with its details unpacked."""

    def __init__(self, error: grpc.RpcError) -> None:
        assert isinstance(error, grpc.aio.AioRpcError)
        self.code = error.code()
        self.message = error.details()
        self._status = rpc_status.from_call(error)  # type: ignore[arg-type]  # grpc_status knows the synchronous error only

    @property
    def reason(self) -> str:
        """The ErrorInfo's reason, without the prefix that all have."""
        info = self.detail(error_details_pb2.ErrorInfo())
        assert info is not None
        assert info.domain == "midway"
        return info.reason.removeprefix("ERROR_REASON_")

    @property
    def metadata(self) -> dict[str, str]:
        """The ErrorInfo's metadata."""
        info = self.detail(error_details_pb2.ErrorInfo())
        return dict(info.metadata) if info else {}

    @property
    def fields(self) -> list[str]:
        """The fields that a BadRequest names."""
        bad = self.detail(error_details_pb2.BadRequest())
        return [violation.field for violation in bad.field_violations] if bad else []

    def detail(self, empty: Any) -> Any:
        """Unpack the detail of this type; None when there is none."""
        details = self._status.details if self._status else ()
        return next((empty for detail in details if detail.Unpack(empty)), None)


async def rejected(call: Any) -> Rejected:
    """Await a call that must fail, and return its status."""
    try:
        answer = await call
    except grpc.RpcError as error:
        return Rejected(error)
    raise AssertionError(f"the call succeeded: {answer}")


async def stream_rejected(stream: Any) -> Rejected:
    """Read a stream that must fail, and return its status."""
    try:
        while await stream.read() is not grpc.aio.EOF:
            pass
    except grpc.RpcError as error:
        return Rejected(error)
    raise AssertionError("the stream ended well")
