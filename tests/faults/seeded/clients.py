"""Clients as a team would write them: they repeat what was not answered, and resume what was cut off."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import grpc
from midjourney.v1 import account_service_pb2, input_pb2, query_pb2, submit_pb2, task_pb2
from midjourney.v1.account_service_pb2_grpc import AccountServiceStub
from midjourney.v1.midjourney_service_pb2_grpc import MidjourneyServiceStub
from PIL import Image

from tests.faults.seeded.evidence import Acknowledged, Evidence, Seen, WatchLog
from tests.faults.seeded.plan import Errand
from tests.faults.seeded.server import Server

CALL_SECONDS = 20.0  # a call that a dying server never answers is repeated after it
PAUSE_SECONDS = 0.05  # before a refused call is repeated; clients do not hammer
TERMINAL = frozenset({task_pb2.Task.STATE_SUCCEEDED, task_pb2.Task.STATE_FAILED, task_pb2.Task.STATE_CANCELLED})
# What a client repeats: the server is away, or was cut off in the middle.
PASSING = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED})
CHANGES = {"U": input_pb2.CHANGE_KIND_UPSCALE, "V": input_pb2.CHANGE_KIND_VARIATION}


class Refused(Exception):
    """The server does not take this request, and says why; it is no fault of the run."""


@dataclass
class Ticks:
    """Counts what the clients have seen, and wakes who waits for a moment."""

    count: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def tick(self) -> None:
        """Count one thing seen."""
        async with self.changed:
            self.count += 1
            self.changed.notify_all()

    async def reach(self, moment: int) -> None:
        """Return once so many were counted."""
        async with self.changed:
            await self.changed.wait_for(lambda: self.count >= moment)


class Clients:
    """Runs errands against a server that comes and goes, and writes down what they saw."""

    def __init__(self, server: Server, evidence: Evidence, ticks: Ticks, notify_url: str) -> None:
        self._server = server
        self._evidence = evidence
        self._ticks = ticks
        self._notify_url = notify_url

    async def run(self, errand: Errand) -> None:
        """Run an errand and its follow-ups to their end."""
        step, request = errand.verb, self._first_request(errand)
        for follow_up in (*errand.follow_ups, ""):
            task = await self._submitted(errand, step, request)
            ended = await self._watched(errand, task.id)
            if not follow_up or ended.state != task_pb2.Task.STATE_SUCCEEDED:
                return
            step, request = follow_up, follow_up_request(follow_up, ended, self._options(errand))

    async def watch_everything(self) -> None:
        """Watch all Tasks, from the first revision, until cancelled."""
        log = self._evidence.everything
        while True:
            last = log.seen[-1].revision if log.seen else 0
            async for update in self._stream("WatchTasks", query_pb2.WatchTasksRequest(after_revision=last)):
                log.seen.append(seen_from(update))

    async def accounts(self) -> dict[str, str]:
        """Return every Account's state."""
        answer = await self._repeated(AccountServiceStub, "ListAccounts", account_service_pb2.ListAccountsRequest())
        return {account.id: account.State.Name(account.state).removeprefix("STATE_") for account in answer.accounts}

    def _options(self, errand: Errand) -> input_pb2.SubmitOptions:
        account_id = str(300_000_000_000_000_000 + errand.account) if errand.account else ""
        return input_pb2.SubmitOptions(account_id=account_id, notify_url=self._notify_url if errand.notifies else "")

    def _first_request(self, errand: Errand) -> Any:
        options = self._options(errand)
        match errand.verb:
            case "describe":
                return submit_pb2.SubmitDescribeRequest(image=picture("green"), options=options)
            case "blend":
                return submit_pb2.SubmitBlendRequest(images=[picture("red"), picture("blue")], options=options)
            case "shorten":
                return submit_pb2.SubmitShortenRequest(prompt=errand.prompt, options=options)
            case _:
                return submit_pb2.SubmitImagineRequest(prompt=errand.prompt, options=options)

    async def _submitted(self, errand: Errand, step: str, request: Any) -> task_pb2.Task:
        request.request_id = str(uuid.uuid4())
        method = type(request).__name__.removesuffix("Request")
        task: task_pb2.Task = (await self._repeated(MidjourneyServiceStub, method, request)).task
        self._evidence.acknowledged.append(Acknowledged(task.id, errand, step, task.prompt))
        await self._ticks.tick()
        return task

    async def _watched(self, errand: Errand, task_id: str) -> task_pb2.Task:
        """Watch to the end, hanging up and cancelling as the errand says."""
        log = WatchLog(task_id)
        self._evidence.watches.append(log)
        if errand.cancel_after == 0:
            await self._cancel(task_id)
        while True:
            last = log.seen[-1].revision if log.seen else 0
            request = query_pb2.WatchTaskRequest(task_id=task_id, after_revision=last)
            async for update in self._stream("WatchTask", request):
                log.seen.append(seen_from(update))
                await self._ticks.tick()
                if update.task.state in TERMINAL:
                    return update.task
                if errand.cancel_after == len(log.seen):
                    await self._cancel(task_id)
                if len(log.seen) in errand.hang_ups:
                    break

    async def _cancel(self, task_id: str) -> None:
        await self._repeated(MidjourneyServiceStub, "CancelTask", query_pb2.CancelTaskRequest(task_id=task_id))

    async def _stream(self, method: str, request: Any) -> AsyncIterator[Any]:
        """Give the updates of one stream until it is cut off; heartbeats left out."""
        start, channel = self._server.starts, await self._server.channel()
        call = getattr(MidjourneyServiceStub(channel), method)(request)
        try:
            async for update in call:
                if not update.heartbeat:
                    yield update
        except (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.CancelledError) as err:
            await self._after(err, start)
        finally:
            call.cancel()

    async def _repeated(self, stub: Callable[[Any], Any], method: str, request: Any) -> Any:
        """Call until it is answered. Raises Refused."""
        while True:
            start, channel = self._server.starts, await self._server.channel()
            try:
                return await getattr(stub(channel), method)(request, timeout=CALL_SECONDS)
            except (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.CancelledError) as err:
                await self._after(err, start)

    async def _after(self, error: BaseException, start: int) -> None:
        """Get over a failure that passes; raise any other."""
        if isinstance(error, asyncio.CancelledError):
            # grpc cancels what runs on a channel that is closed; that is the server's end and not ours.
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise error
        elif isinstance(error, grpc.aio.AioRpcError) and self._server.starts == start and error.code() not in PASSING:
            raise Refused(f"{error.code().name}: {error.details()}") from error
        await asyncio.sleep(PAUSE_SECONDS)


def follow_up_request(name: str, parent: task_pb2.Task, options: input_pb2.SubmitOptions) -> Any:
    """Build the request for `U2`, `V3`, `reroll`, or the label of a button."""
    if name == "reroll":
        kind = input_pb2.CHANGE_KIND_REROLL
        return submit_pb2.SubmitChangeRequest(task_id=parent.id, kind=kind, options=options)
    if name[0] in CHANGES and name[1:].isdigit():
        return submit_pb2.SubmitChangeRequest(
            task_id=parent.id, kind=CHANGES[name[0]], index=int(name[1:]), options=options
        )
    button = next((each for each in parent.buttons if name in {each.label, each.emoji}), None)
    if button is None:
        raise Refused(f"there is no button {name}")
    request = submit_pb2.SubmitActionRequest(task_id=parent.id, custom_id=button.custom_id, options=options)
    if name in {"Vary (Region)", "Custom Zoom"}:
        request.prompt = f"{parent.prompt} in the snow"
    if name == "Vary (Region)":
        request.mask.data = mask(parent.image.width, parent.image.height)
    return request


def seen_from(update: Any) -> Seen:
    """Write down an update of a stream."""
    state = update.task.State.Name(update.task.state).removeprefix("STATE_")
    return Seen(update.revision, state, update.task.late)


def picture(colour: str) -> input_pb2.InputImage:
    """Make a small picture of one colour."""
    return input_pb2.InputImage(data=encoded(Image.new("RGB", (64, 64), colour)))


def mask(width: int, height: int) -> bytes:
    """Make a mask: black, with a white square in the middle."""
    image = Image.new("RGB", (width, height), "black")
    image.paste("white", (width // 4, height // 4, width // 2, height // 2))
    return encoded(image)


def encoded(image: Image.Image) -> bytes:
    """Write an image as PNG."""
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
