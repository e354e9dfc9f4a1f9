"""Memory of requests under way is bounded: a server with little of it refuses, and does not end."""

import asyncio
import io
import random
from pathlib import Path
from typing import Any

import grpc
from google.rpc import error_details_pb2
from midjourney.v1 import input_pb2, midjourney_service_pb2_grpc, query_pb2, submit_pb2
from PIL import Image

from tests.attacks.serving import limited_server
from tests.rpc.served import Rejected
from tests.support.processes import PATIENCE_SECONDS
from tests.support.rig import simulator_running

KEYS = ("sk-bad", "sk-good")
MIB = 1 << 20
LITTLE_MEMORY = "-v 900000"  # KiB of addresses
AT_ONCE = 7  # of each kind
NOISE_SIDE = 1580  # pixels; noise of this size has 7.5 MB as PNG


def noise() -> bytes:
    """Draw a picture that no format makes smaller."""
    file = io.BytesIO()
    pixels = random.Random(7).randbytes(NOISE_SIDE * NOISE_SIDE * 3)
    Image.frombytes("RGB", (NOISE_SIDE, NOISE_SIDE), pixels).save(file, "PNG", compress_level=0)
    return file.getvalue()


async def outcome(call: Any) -> Rejected | None:
    """Return how a call was refused; None when it was not."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return Rejected(error)
    return None


async def polls(channel: grpc.aio.Channel, end: asyncio.Event) -> int:
    """Call as another client until told to stop; return how often it was answered."""
    tasks: Any = midjourney_service_pb2_grpc.MidjourneyServiceStub(channel)
    answered = 0
    while not end.is_set():
        await tasks.ListTasks(
            query_pb2.ListTasksRequest(), metadata=[("mj-api-secret", KEYS[1])], timeout=PATIENCE_SECONDS
        )
        answered += 1
    return answered


async def test_many_submits_of_thirty_megabytes_end_no_server_with_little_memory(tmp_path: Path) -> None:
    picture = noise()
    blend = submit_pb2.SubmitBlendRequest(images=[input_pb2.InputImage(data=picture)] * 4)
    describe = submit_pb2.SubmitDescribeRequest(image=input_pb2.InputImage(data=b"\x89PNG" + bytes(30 * MIB)))
    async with simulator_running() as simulator:
        with limited_server(
            tmp_path,
            LITTLE_MEMORY,
            MIDWAY_API_KEYS=",".join(KEYS),
            MIDWAY_SIMULATOR_URL=simulator.url,
            MIDWAY_SIMULATOR_ACCOUNTS="2",
        ) as server:
            any_size = [("grpc.max_send_message_length", -1)]
            async with (
                grpc.aio.insecure_channel(server.grpc, options=any_size) as bad,
                grpc.aio.insecure_channel(server.grpc) as good,
            ):
                tasks: Any = midjourney_service_pb2_grpc.MidjourneyServiceStub(bad)
                end = asyncio.Event()
                polling = asyncio.create_task(polls(good, end))
                submits = [
                    call(request, metadata=[("mj-api-secret", KEYS[0])], timeout=PATIENCE_SECONDS)
                    for _ in range(AT_ONCE)
                    for call, request in ((tasks.SubmitBlend, blend), (tasks.SubmitDescribe, describe))
                ]
                refused = [told for told in await asyncio.gather(*map(outcome, submits)) if told]
                end.set()

                assert await polling > 0
            full = [told for told in refused if told.code is grpc.StatusCode.RESOURCE_EXHAUSTED]
            assert all(told.detail(error_details_pb2.RetryInfo()) for told in full)
            assert {told.reason for told in refused} <= {"TOO_MANY_CALLS", "IMAGE_TOO_LARGE", "NO_ACCOUNT"} | {
                "ACCOUNT_UNAVAILABLE",
                "QUEUE_FULL",
            }
            assert len(full) < len(submits)
            assert server.is_running


async def test_what_is_too_large_without_pictures_is_refused_and_not_kept(tmp_path: Path) -> None:
    request = query_pb2.GetTaskRequest(task_id="9" * (30 * MIB))
    with limited_server(
        tmp_path, LITTLE_MEMORY, MIDWAY_API_KEYS=",".join(KEYS), MIDWAY_SIMULATOR_URL="http://127.0.0.1:1"
    ) as server:
        any_size = [("grpc.max_send_message_length", -1)]
        async with grpc.aio.insecure_channel(server.grpc, options=any_size) as channel:
            tasks: Any = midjourney_service_pb2_grpc.MidjourneyServiceStub(channel)
            calls = [
                tasks.GetTask(request, metadata=[("mj-api-secret", KEYS[0])], timeout=PATIENCE_SECONDS)
                for _ in range(2 * AT_ONCE)
            ]
            told = await asyncio.gather(*map(outcome, calls))

        assert {(error.reason, *error.fields) for error in told if error} == {("FIELD_INVALID", "request")}
        assert server.is_running
