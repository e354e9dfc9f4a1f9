"""Envoy asks the server before it takes a body that may be large: about the key, and whether there is room."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
import pytest_asyncio
from google.protobuf.descriptor_pool import Default
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from midjourney.legacy.v1.legacy_service_pb2_grpc import add_LegacyServiceServicer_to_server
from midjourney.v1.midjourney_service_pb2_grpc import add_MidjourneyServiceServicer_to_server
from midway.rest.reading import bindings
from midway.rpc.options import ServerOptions
from midway.rpc.server import SERVICES
from midway.rpc.uploads import PROCESS, SERVICE, Uploads

from tests.envoy.backend import small_backend
from tests.envoy.conftest import client
from tests.envoy.servicers import echo_legacy, echo_tasks
from tests.support.envoy import running_envoy
from tests.support.http_head import begun, said_to_a_head
from tests.support.processes import PATIENCE_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECRET = "a-secret-of-envoys"
KEY = "sk-one"
OTHER_KEY = "sk-other"
MIB = 1024 * 1024
LARGE = b'{"prompt":"%b"}' % (b"A" * 70_000)  # beyond what has a room of its own
IMAGINE = "/mj/submit/imagine"


@dataclass
class AskingDoor:
    """Envoy before a server that it asks; the server can be stopped."""

    url: str
    http: aiohttp.ClientSession
    server: grpc.aio.Server
    uploads: Uploads

    @asynccontextmanager
    async def holding(self, length: int, key: str = "") -> AsyncIterator[None]:
        """Hold room for a body that does not come."""
        await until(lambda: self.uploads.room.free == 3 * MIB)
        async with begun(self.url, "POST", IMAGINE, length=length, beginning=b"{", key=key):
            await until(lambda: self.uploads.room.free == 2 * MIB)
            yield
        await until(lambda: self.uploads.room.free == 3 * MIB)


@asynccontextmanager
async def asking_door(directory: Path, **options: Any) -> AsyncIterator[AskingDoor]:
    """Run an Envoy that asks, with the small servers behind it."""
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 64 * MIB)])
    add_LegacyServiceServicer_to_server(echo_legacy(), server)
    add_MidjourneyServiceServicer_to_server(echo_tasks(), server)
    uploads = Uploads(ServerOptions(envoy_secret=SECRET, **options))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Process": uploads.handler()}),))
    healthy = health.aio.HealthServicer()
    await healthy.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    needs_key = bool(options.get("api_keys"))
    async with (
        small_backend(directory) as rest,
        running_envoy(port, directory, rest_backend_port=rest.port, needs_key=needs_key, secret=SECRET) as url,
        client(url) as http,
    ):
        yield AskingDoor(url, http, server, uploads)
    await server.stop(None)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AskingDoor]:
    """A door for two keys, with room for one large body of each and for three in all, and little patience."""
    limits = {"max_upload_bytes": 3 * MIB, "max_caller_upload_bytes": MIB, "upload_patience": timedelta(seconds=1)}
    async with asking_door(tmp_path_factory.mktemp("asking"), api_keys=(KEY, OTHER_KEY), **limits) as door:
        yield door


def brings_pictures(method: Any) -> bool:
    """Tell from the contract whether a request may hold a picture."""
    fields = method.input_type.fields
    return any(
        "base64" in field.name or (field.message_type and field.message_type.name == "InputImage") for field in fields
    )


UPLOADS = [
    path
    for name in SERVICES
    for method in Default().FindServiceByName(name).methods
    if brings_pictures(method)
    for _, path in bindings(method)
]


async def test_the_contract_has_pictures_in_these_requests() -> None:
    assert len(UPLOADS) == 13


@pytest.mark.parametrize("path", UPLOADS)
async def test_a_wrong_key_is_told_before_the_body_has_come(door, path):
    assert await said_to_a_head(door.url, "POST", path, length=40_000_000, key="wrong") == 401


@pytest.mark.parametrize(
    "path", ["/mj-fast/mj/submit/imagine", "/mj-relax/submit/blend/", "//mj/submit//describe", "/v1/tasks:blend//"]
)
async def test_a_wrong_key_is_told_so_in_every_spelling_of_a_path(door, path):
    assert await said_to_a_head(door.url, "POST", path, length=40_000_000, key="wrong") == 401


async def test_what_a_wrong_key_is_told_is_what_the_server_says_elsewhere(door):
    async with (
        door.http.post(IMAGINE, data=b"{}", headers={"mj-api-secret": "wrong"}) as old,
        door.http.post("/v1/tasks:imagine", data=b"{}", headers={"Authorization": "Bearer wrong"}) as new,
    ):
        details = [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "ERROR_REASON_UNAUTHENTICATED",
                "domain": "midway",
            }
        ]
        assert await old.json() == {"code": 401, "description": "the API key is wrong", "details": details}
        assert await new.json() == {"code": 16, "message": "the API key is wrong", "details": details}


@pytest.mark.parametrize("headers", [{"mj-api-secret": KEY}, {"Authorization": f"bearer {KEY}"}], ids=str)
async def test_who_has_a_key_is_served(door, headers):
    async with door.http.post(IMAGINE, json={"prompt": "fox"}, headers=headers) as answer:
        assert (await answer.json())["properties"]["prompt"] == "fox"


async def test_what_envoy_refuses_itself_stays_as_it_is(door):
    too_large = await said_to_a_head(door.url, "POST", IMAGINE, length=60_000_000, key=KEY)
    without_key = await said_to_a_head(door.url, "POST", IMAGINE, length=2)

    assert (too_large, without_key) == (413, 401)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /v1/tasks/%00 HTTP/1.1\r\nHost: localhost", 400),
        (b"GET /mj/task/a%2Fb/fetch HTTP/1.1\r\nHost: localhost", 400),
        (b"GET /mj/task/\xff/fetch HTTP/1.1\r\nHost: localhost", 400),
        (b"GET /mj/task/list HTTP/1.1", 400),
        (b"HELLO /mj/task/list HTTP/1.1\r\nHost: localhost", 400),
        (b"POST /mj/submit/imagine HTTP/1.1\r\nHost: localhost\r\nContent-Length: many", 400),
        (b"POST /mj/submit/imagine HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: parcels", 501),
        (b"GET /mj/task/list HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 70_000, 431),
    ],
    ids=["zero", "slash", "no text", "no host", "method", "length", "encoding", "size"],
)
async def test_what_is_no_request_is_told_so_in_a_sentence(door, head, status):
    reader, writer = await asyncio.open_connection(*door.url.removeprefix("http://").split(":"))
    writer.write(head + b"\r\nConnection: close\r\n\r\n")
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = (await reader.read()).decode()
    writer.close()

    assert answer.startswith(f"HTTP/1.1 {status}")
    assert json.loads(answer.partition("\r\n\r\n")[2])["description"]


async def test_one_keys_body_waits_behind_its_own_and_holds_up_no_other(door):
    async with door.holding(2 * MIB, KEY):
        statuses = [await posted(door, key) for key in (KEY, OTHER_KEY)]
        small = await posted(door, KEY, b"{}")

    assert (statuses, small) == ([429, 200], 200)
    assert await posted(door, KEY) == 200


async def test_a_body_of_no_announced_length_counts_as_the_longest(door):
    async def body() -> AsyncIterator[bytes]:
        yield b"{"
        await until(lambda: door.uploads.room.free == 2 * MIB)
        yield b"}"

    async with door.http.post(IMAGINE, data=body(), headers={"mj-api-secret": KEY}) as answer:
        assert answer.status == 200


async def test_room_that_is_full_is_told_in_the_words_of_each_api(door):
    headers = {"mj-api-secret": KEY}
    async with (
        door.holding(2 * MIB, KEY),
        door.http.post(IMAGINE, data=LARGE, headers=headers) as old,
        door.http.post("/v1/tasks:imagine", data=LARGE, headers=headers) as new,
    ):
        told_old, told_new = await old.json(), await new.json()

    assert (old.status, told_old["code"], told_old["properties"], told_old["result"]) == (429, 23, {}, None)
    assert (new.status, told_new["code"]) == (429, 8)
    assert told_new["details"][0]["reason"] == "ERROR_REASON_TOO_MANY_CALLS"
    assert told_new["details"][1]["retryDelay"] == "2s"


async def test_what_waits_is_served_when_there_is_room(tmp_path):
    patient = timedelta(seconds=PATIENCE_SECONDS)
    limits = {"max_upload_bytes": MIB, "max_caller_upload_bytes": MIB, "upload_patience": patient}
    async with asking_door(tmp_path, **limits) as door, AsyncExitStack() as holding:
        await holding.enter_async_context(begun(door.url, "POST", IMAGINE, length=MIB, beginning=b"{"))
        await until(lambda: door.uploads.room.free == 0)
        waiting = asyncio.create_task(posted(door, ""))
        assert await said_to_a_head(door.url, "POST", "/mj/task/17/cancel", length=2, beginning=b"{}") == 200
        assert not waiting.done()

        await holding.aclose()
        assert await waiting == 200


async def test_a_server_that_is_gone_is_503(tmp_path):
    async with asking_door(tmp_path) as door:
        await door.server.stop(None)
        async with door.http.post(IMAGINE, data=b"{}") as answer:
            body = await answer.json()

    assert (answer.status, body["code"]) == (503, 503)
    assert body["description"]


@pytest.mark.parametrize(
    "metadata", [[], [("mj-api-secret", KEY)], [("x-midway-envoy", "a-secret-of-others")]], ids=str
)
async def test_who_is_not_envoy_is_told_nothing_and_not_read(tmp_path, metadata):
    server = grpc.aio.server()
    uploads = Uploads(ServerOptions(envoy_secret=SECRET, api_keys=(KEY,)))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Process": uploads.handler()}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call: Any = channel.stream_stream(PROCESS)(metadata=metadata)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call.read()
    await server.stop(None)

    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def posted(door: AskingDoor, key: str, body: bytes = LARGE) -> int:
    """POST an imagine and return its status."""
    async with door.http.post(IMAGINE, data=body, headers={"mj-api-secret": key}) as answer:
        return answer.status


async def until(is_true: Callable[[], bool]) -> None:
    """Return when something has become true."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not is_true():  # noqa: ASYNC110 - a room has no event to wait for
            await asyncio.sleep(0.01)
