"""Envoy asks, on the headers of a request, whether to accept its body.

Envoy buffers a whole body while it transcodes it, so it asks before it reads any of it: over gRPC, with its external
processing protocol. A wrong key is refused at once; otherwise the answer waits until the byte budget has room for the
body. The stream lives as long as the request, which holds its part of the budget. Small bodies have a budget of their
own, so that they do not wait for pictures.
"""

import grpc
from external_processor.v3.external_processor_pb2 import (
    HeadersResponse,
    HttpStatus,
    ImmediateResponse,
    ProcessingRequest,
    ProcessingResponse,
)

from midway.domain.errors import Exhausted, Reason, Refusal
from midway.rpc.auth import ApiKeys
from midway.rpc.caller import caller_of, is_envoy
from midway.rpc.fair_share import Room
from midway.rpc.interceptors import Context, Handler, refuse_unknown
from midway.rpc.options import ServerOptions

SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"
PROCESS = f"/{SERVICE}/Process"
# Metadata that Envoy sends with each question: see `initial_metadata` in envoy.yaml.
LENGTH = "x-midway-content-length"
MOST = "x-midway-max-body-bytes"
SMALL_BYTES = 64 * 1024  # that Envoy buffers of any request
LONGEST_NUMBER = 18  # digits

_BODY_MAY_COME = ProcessingResponse(request_headers=HeadersResponse())
_ANSWER_MAY_PASS = ProcessingResponse(response_headers=HeadersResponse())
# envoy.yaml builds each API's error body around the message, by these status codes.
_HTTP_STATUS = {Reason.UNAUTHENTICATED: 401, Reason.TOO_MANY_CALLS: 429}


class Uploads:
    """Answers Envoy only: a caller without its secret gets UNIMPLEMENTED, and nothing of its call is read."""

    def __init__(self, options: ServerOptions) -> None:
        self._secret = options.envoy_secret
        self._keys = ApiKeys(options.api_keys)
        self._longest = options.max_upload_body_bytes
        self.room = Room(options.max_upload_bytes, options.max_caller_upload_bytes, options.upload_patience, _full)
        self._small = Room(options.max_upload_bytes, options.max_caller_upload_bytes, options.upload_patience, _full)

    def handler(self) -> Handler:
        """Return the handler of `PROCESS`. It has no layers around it: Envoy would turn a gRPC error into 503."""
        return grpc.stream_stream_rpc_method_handler(
            self.process,
            request_deserializer=ProcessingRequest.FromString,
            response_serializer=ProcessingResponse.SerializeToString,
        )

    async def process(self, requests: object, context: Context) -> None:
        """Let the request's headers pass and later those of the response, or refuse the request.

        The decision depends on the metadata only; the messages just show which stage the request has reached.
        """
        metadata = dict(context.invocation_metadata() or ())
        if not is_envoy(metadata.items(), self._secret):
            await refuse_unknown(requests, context)
        try:
            message = await context.read()
            if isinstance(message, ProcessingRequest) and message.HasField("request_headers"):
                await self._hold_budget(metadata, context)
            elif message is not grpc.aio.EOF:  # response headers: Envoy refused the request itself, without asking
                await context.write(_ANSWER_MAY_PASS)
        except Refusal as refusal:
            await context.write(_refused(refusal))

    async def _hold_budget(self, metadata: dict[str, str | bytes], context: Context) -> None:
        self._keys.require(metadata.items())
        caller = caller_of(self._keys, metadata.items(), context.peer(), self._secret)
        length = self._length(metadata)
        async with (self.room if length > SMALL_BYTES else self._small).taken(caller, max(length, SMALL_BYTES)):
            await context.write(_BODY_MAY_COME)
            if await context.read() is not grpc.aio.EOF:  # the response has begun
                await context.write(_ANSWER_MAY_PASS)
                await context.read()  # the request's end

    def _length(self, metadata: dict[str, str | bytes]) -> int:
        """Return the body's length in bytes; for an unknown length, the most that its route accepts."""
        told = (str(metadata.get(name, "")) for name in (LENGTH, MOST))
        return next((int(text) for text in told if _is_number(text)), self._longest)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER


def _full() -> Exhausted:
    return Exhausted(Reason.TOO_MANY_CALLS, "too many bytes of pictures are being uploaded to this server")


def _refused(refusal: Refusal) -> ProcessingResponse:
    status = HttpStatus(code=_HTTP_STATUS[refusal.reason])
    answer = ImmediateResponse(status=status, body=refusal.message.encode(), details="upload_refused")
    return ProcessingResponse(immediate_response=answer)
