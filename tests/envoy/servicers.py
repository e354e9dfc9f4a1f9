"""Small servicers behind Envoy that show what arrives there; the real ones have their own suites."""

# ruff: noqa: N802 -- gRPC methods are named by the contract

import asyncio
from typing import Any

import grpc
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status
from midjourney.legacy.v1 import legacy_pb2 as legacy
from midjourney.legacy.v1.legacy_service_pb2_grpc import LegacyServiceServicer
from midjourney.v1 import query_pb2 as query
from midjourney.v1 import task_pb2
from midjourney.v1.midjourney_service_pb2_grpc import MidjourneyServiceServicer


def rich_status(code: grpc.StatusCode, message: str) -> Any:
    """Build an error as the server does: a status with an ErrorInfo."""
    detail = AnyMessage()
    detail.Pack(ErrorInfo(reason="ERROR_REASON_TASK_NOT_FOUND", domain="midway"))
    return rpc_status.to_status(Status(code=code.value[0], message=message, details=[detail]))


class EchoLegacy(LegacyServiceServicer):
    """Answers with what it was sent: `properties` holds the body's fields and the metadata."""

    async def SubmitImagine(self, request: Any, context: Any) -> legacy.SubmitResult:
        answer = legacy.SubmitResult(code=1, description="提交成功")
        answer.properties["prompt"] = request.prompt
        answer.properties["characters"] = sum(len(text) for text in request.base64_array)
        for key, value in context.invocation_metadata():
            answer.properties[key] = value
        return answer

    async def CancelTask(self, request: Any, context: Any) -> legacy.SubmitResult:
        return legacy.SubmitResult(code=1, description=request.id)

    async def GetTask(self, request: Any, context: Any) -> HttpBody:
        """Answer with the Task, or with the gRPC error that the id names."""
        if request.id.isdecimal():
            return HttpBody(content_type="application/json", data=b'{"id":"%d"}' % int(request.id))
        code = grpc.StatusCode[request.id.upper()]
        if code is grpc.StatusCode.UNIMPLEMENTED:
            await context.abort(code, "")
        await context.abort_with_status(rich_status(code, '任务 "不存在"'))
        raise AssertionError

    async def ListTasks(self, request: Any, context: Any) -> HttpBody:
        return HttpBody(content_type="application/json", data=b"[]")


class EchoTasks(MidjourneyServiceServicer):
    """Streams and pictures."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def GetTask(self, request: Any, context: Any) -> query.GetTaskResponse:
        """Show under which key the caller came."""
        keys = dict(context.invocation_metadata())
        return query.GetTaskResponse(task=task_pb2.Task(id=request.task_id, prompt=keys.get("mj-api-secret", "")))

    async def GetTaskImage(self, request: Any, context: Any) -> HttpBody:
        return HttpBody(content_type="image/png", data=b"\x89PNG" * 1000)

    async def WatchTask(self, request: Any, context: Any) -> None:  # type: ignore[override]
        """Send the metadata as a Task, wait for the test's word, send a second message."""
        if request.task_id == "404":
            await context.abort_with_status(rich_status(grpc.StatusCode.NOT_FOUND, "no such task"))
        metadata = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
        first = task_pb2.Task(id=request.task_id, client_state=metadata.get("mj-api-secret", ""), prompt=str(metadata))
        try:
            await context.write(query.WatchTaskResponse(revision=request.after_revision + 1, task=first))
            await self.go_on.wait()
            await context.write(query.WatchTaskResponse(revision=request.after_revision + 2))
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


def echo_legacy() -> EchoLegacy:
    """Make one; the methods it leaves out answer UNIMPLEMENTED, which the stubs call abstract."""
    return EchoLegacy()  # type: ignore[abstract]


def echo_tasks() -> EchoTasks:
    """Make one; see `echo_legacy`."""
    return EchoTasks()  # type: ignore[abstract]
