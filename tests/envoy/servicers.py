"""Small servicers behind Envoy that show what arrives there; the real ones have their own suites."""

# ruff: noqa: N802 -- gRPC methods are named by the contract

import asyncio
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status
from midjourney.legacy.v1 import legacy_pb2 as legacy
from midjourney.legacy.v1.legacy_service_pb2_grpc import LegacyServiceServicer
from midjourney.v1 import query_pb2 as query
from midjourney.v1 import task_pb2
from midjourney.v1.midjourney_service_pb2_grpc import MidjourneyServiceServicer


def not_found_status(code: grpc.StatusCode, message: str = '任务 "不存在"') -> Status:
    """Build an error as the server does: a status with an ErrorInfo."""
    detail = AnyMessage()
    detail.Pack(ErrorInfo(reason="ERROR_REASON_TASK_NOT_FOUND", domain="midway"))
    return Status(code=code.value[0], message=message, details=[detail])


async def refuse(context: Any, code: grpc.StatusCode) -> None:
    """End a call with an error; one without a text if it is UNIMPLEMENTED, as gRPC itself says that."""
    if code is grpc.StatusCode.UNIMPLEMENTED:
        await context.abort(code, "")
    await context.abort_with_status(rpc_status.to_status(not_found_status(code)))


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

    async def GetImageSeed(self, request: Any, context: Any) -> legacy.SubmitResult:
        """Answer with the id, or with the gRPC error that it names."""
        if not request.id.isdecimal():
            await refuse(context, grpc.StatusCode[request.id.upper()])
        answer = legacy.SubmitResult(code=1)
        answer.result.string_value = request.id
        return answer


class EchoTasks(MidjourneyServiceServicer):
    """Reads, and a stream for native gRPC."""

    def __init__(self) -> None:
        self.prompt = ""  # of every Task
        self.cancelled = asyncio.Event()

    async def GetTask(self, request: Any, context: Any) -> query.GetTaskResponse:
        """Show under which key the caller came, or answer with NOT_FOUND."""
        if request.task_id == "404":
            await refuse(context, grpc.StatusCode.NOT_FOUND)
        keys = dict(context.invocation_metadata())
        prompt = self.prompt or keys.get("mj-api-secret", "")
        return query.GetTaskResponse(task=task_pb2.Task(id=request.task_id, prompt=prompt))

    async def WatchTask(self, request: Any, context: Any) -> None:  # type: ignore[override]  # the stubs know streams as generators only
        """Send one message and wait for the reader to leave."""
        try:
            await context.write(query.WatchTaskResponse(revision=request.after_revision + 1))
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


def echo_legacy() -> EchoLegacy:
    """Make one; the methods it leaves out answer UNIMPLEMENTED, which the stubs call abstract."""
    return EchoLegacy()  # type: ignore[abstract]  # the methods that are called are made by `__getattr__`


def echo_tasks() -> EchoTasks:
    """Make one; see `echo_legacy`."""
    return EchoTasks()  # type: ignore[abstract]  # as above
