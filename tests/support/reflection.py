"""Asking for reflection where it must be refused."""

from typing import Any

import grpc
from grpc_reflection.v1alpha import reflection_pb2

from tests.support.processes import PATIENCE_SECONDS

METHOD = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"


def asked_in_one_piece(channel: grpc.aio.Channel, metadata: Any = ()) -> Any:
    """Ask for the list of services, the question and the end of the stream at once.

    The server refuses without reading. When the refusal comes before the question is sent, grpc.aio's streams tell
    INTERNAL in its place (https://github.com/grpc/grpc/issues/36066).
    """
    question = reflection_pb2.ServerReflectionRequest(list_services="")
    call: Any = channel.unary_unary(METHOD)
    return call(question.SerializeToString(), metadata=metadata, timeout=PATIENCE_SECONDS)
