"""Envoy's question on the headers of a request with a body: may it come?

Envoy keeps a body whole while it turns it into a message, so it asks before it takes any of it: over gRPC, by its
external processing protocol. Answered at once for a wrong key; else when there is room for so many bytes. The stream of
the question lives as long as the request, which holds its room. Small bodies have a room of their own: none of them
waits behind pictures.
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
# What Envoy says beside each question: see `initial_metadata` in envoy.yaml.
LENGTH = "x-midway-content-length"
MOST = "x-midway-max-body-bytes"
SMALL_BYTES = 64 * 1024  # what Envoy keeps of a request in any case
LONGEST_NUMBER = 18  # digits

_BODY_MAY_COME = ProcessingResponse(request_headers=HeadersResponse())
_ANSWER_MAY_PASS = ProcessingResponse(response_headers=HeadersResponse())
# What each API's client is told beside the sentence stands in envoy.yaml, by these numbers.
_HTTP_STATUS = {Reason.UNAUTHENTICATED: 401, Reason.TOO_MANY_CALLS: 429}


class Uploads:
    """Answers Envoy, and nobody else: of whoever does not know its secret nothing is read, and nothing is told."""

    def __init__(self, options: ServerOptions) -> None:
        self._secret = options.envoy_secret
        self._keys = ApiKeys(options.api_keys)
        self._longest = options.max_upload_body_bytes
        self.room = Room(options.max_upload_bytes, options.max_caller_upload_bytes, options.upload_patience, _full)
        self._small = Room(options.max_upload_bytes, options.max_caller_upload_bytes, options.upload_patience, _full)

    def handler(self) -> Handler:
        """Return the handler of `PROCESS`. No layers stand around it: an error of gRPC's would become Envoy's 503."""
        return grpc.stream_stream_rpc_method_handler(
            self.process,
            request_deserializer=ProcessingRequest.FromString,
            response_serializer=ProcessingResponse.SerializeToString,
        )

    async def process(self, requests: object, context: Context) -> None:
        """Let a request pass, first its own headers and then those of its answer, or refuse it.

        All that decides stands in the metadata; the messages only tell how far the request is.
        """
        metadata = dict(context.invocation_metadata() or ())
        if not is_envoy(metadata.items(), self._secret):
            await refuse_unknown(requests, context)
        try:
            message = await context.read()
            if isinstance(message, ProcessingRequest) and message.HasField("request_headers"):
                await self._accompany(metadata, context)
            elif message is not grpc.aio.EOF:  # Envoy refused the request before it asked
                await context.write(_ANSWER_MAY_PASS)
        except Refusal as refusal:
            await context.write(_refused(refusal))

    async def _accompany(self, metadata: dict[str, str | bytes], context: Context) -> None:
        self._keys.require(metadata.items())
        caller = caller_of(self._keys, metadata.items(), context.peer(), self._secret)
        length = self._length(metadata)
        async with (self.room if length > SMALL_BYTES else self._small).taken(caller, max(length, SMALL_BYTES)):
            await context.write(_BODY_MAY_COME)
            if await context.read() is not grpc.aio.EOF:  # the answer has begun
                await context.write(_ANSWER_MAY_PASS)
                await context.read()  # the request's end

    def _length(self, metadata: dict[str, str | bytes]) -> int:
        """Read how many bytes the body has; one whose length is not told may be the longest of its route."""
        told = (str(metadata.get(name, "")) for name in (LENGTH, MOST))
        return next((int(text) for text in told if _is_number(text)), self._longest)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER


def _full() -> Exhausted:
    return Exhausted(Reason.TOO_MANY_CALLS, "too many bytes of pictures are on their way to this server")


def _refused(refusal: Refusal) -> ProcessingResponse:
    status = HttpStatus(code=_HTTP_STATUS[refusal.reason])
    answer = ImmediateResponse(status=status, body=refusal.message.encode(), details="upload_refused")
    return ProcessingResponse(immediate_response=answer)
