"""Strangers at the gRPC port: they get nothing, hold nothing, and keep nobody out who has a key."""

import gzip
import re
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from midjourney.v1 import midjourney_service_pb2_grpc, query_pb2

from tests.attacks.http2 import RawClient, framed
from tests.attacks.serving import limited_server
from tests.support.processes import PATIENCE_SECONDS
from tests.support.stack import StackProcess, running_stack

KEY = "sk-open-sesame"
CHECK, GET_IMAGE = b"/grpc.health.v1.Health/Check", b"/midjourney.v1.MidjourneyService/GetTaskImage"
SUBMIT = b"/midjourney.v1.MidjourneyService/SubmitDescribe"
SERVING = framed(b"\x08\x01")
MOST_CALLS = 20
NO_SIMULATOR = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackProcess]:
    """A stack that takes few calls."""
    with running_stack(
        tmp_path_factory.mktemp("stack"),
        MIDWAY_API_KEYS=KEY,
        MIDWAY_MAX_CONCURRENT_CALLS=str(MOST_CALLS),
        MIDWAY_MAX_ARRIVING_REQUESTS_OF_STRANGERS="1",
    ) as stack:
        yield stack


def is_served(address: str) -> bool:
    """Tell whether a client with the key gets an answer. Raises grpc.RpcError."""
    with grpc.insecure_channel(address) as channel:
        tasks = midjourney_service_pb2_grpc.MidjourneyServiceStub(channel)
        tasks.ListTasks(
            query_pb2.ListTasksRequest(),
            metadata=(("mj-api-secret", KEY),),
            wait_for_ready=True,
            timeout=PATIENCE_SECONDS,
        )
    return True


@pytest.mark.parametrize(
    "path", [b"/\xff\xfe", b"\x80", b"/midjourney.v1.MidjourneyService/GetTask\xff", b""], ids=repr
)
def test_a_path_of_any_bytes_ends_no_server(stack: StackProcess, path: bytes) -> None:
    with RawClient(stack.grpc) as stranger:
        answer = stranger.call(path, [b""])

    assert (answer.code, answer.message) == (grpc.StatusCode.UNIMPLEMENTED.value[0], "this server has no such method")
    assert is_served(stack.grpc)


def test_probes_that_send_nothing_are_answered_and_keep_nobody_out(stack: StackProcess) -> None:
    with ExitStack() as open_connections:
        strangers = [open_connections.enter_context(RawClient(stack.grpc)) for _ in range(5)]
        probes = [(stranger, stranger.begin(CHECK)) for stranger in strangers for _ in range(10 * MOST_CALLS)]

        assert is_served(stack.grpc)
        assert {stranger.answer(probe).data for stranger, probe in probes} == {SERVING}


def test_a_small_message_that_unpacks_to_a_large_one_is_not_unpacked(stack: StackProcess) -> None:
    packed = gzip.compress(bytes(32 * 1024 * 1024))
    with RawClient(stack.grpc) as stranger:
        probe = stranger.begin(CHECK, (b"grpc-encoding", b"gzip"))
        stranger.send(probe, framed(packed, flags=1), end=True)

        assert stranger.answer(probe).code == grpc.StatusCode.UNIMPLEMENTED.value[0]


def test_signatures_that_do_not_come_keep_nobody_out(stack: StackProcess) -> None:
    with RawClient(stack.grpc) as stranger:
        for _ in range(10 * MOST_CALLS):
            stranger.begin(GET_IMAGE)

        assert is_served(stack.grpc)


def test_without_a_key_no_more_of_a_picture_is_taken_than_a_streams_window(stack: StackProcess) -> None:
    message = framed(b"x" * (32 << 20))
    with RawClient(stack.grpc) as stranger:
        call = stranger.begin(SUBMIT)
        taken = stranger.send(call, message)

        assert stranger.answer(call).code == grpc.StatusCode.UNAUTHENTICATED.value[0]
        assert taken < len(message) / 100


def test_connections_that_say_nothing_end_and_others_get_in(tmp_path: Path) -> None:
    """There are more of them than the server may have files open."""
    files, silent = 300, 500
    with (
        ExitStack() as sockets,
        limited_server(
            tmp_path,
            f"-n {files}",
            MIDWAY_API_KEYS=KEY,
            MIDWAY_SIMULATOR_URL=NO_SIMULATOR,
            MIDWAY_HANDSHAKE_TIMEOUT_SECONDS="2",
        ) as server,
    ):
        host, _, port = server.grpc.rpartition(":")
        strangers = [
            sockets.enter_context(socket.create_connection((host, int(port)), PATIENCE_SECONDS)) for _ in range(silent)
        ]

        assert is_served(server.grpc)
        for stranger in strangers:
            while stranger.recv(1024):
                pass


def test_a_connection_without_a_call_ends(tmp_path: Path) -> None:
    with (
        limited_server(
            tmp_path,
            "-c 0",
            MIDWAY_API_KEYS=KEY,
            MIDWAY_SIMULATOR_URL=NO_SIMULATOR,
            MIDWAY_CONNECTION_IDLE_SECONDS="1",
        ) as server,
        RawClient(server.grpc) as stranger,
    ):
        assert stranger.call(CHECK, [b""]).data == SERVING
        stranger.wait_closed()


def test_every_process_of_the_stack_may_open_as_many_files_as_the_system_lets_it(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, hard), hard))
    try:
        with running_stack(tmp_path) as stack:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            limits = {pid: Path(f"/proc/{pid}/limits").read_text() for pid in stack.pids()}
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    told = [re.search(r"Max open files +(\S+) +(\S+)", text) for text in limits.values()]
    assert len(told) >= 4
    assert all(found and found[1] == str(min(int(found[2]), 1 << 20)) for found in told)
