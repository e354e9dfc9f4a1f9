"""Who comes in: with keys whoever brings one, without keys this machine; decided before a body is read."""

import asyncio
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from midjourney.legacy.v1 import legacy_request_pb2
from midjourney.legacy.v1.legacy_service_pb2_grpc import LegacyServiceStub

from tests.envoy.conftest import Door, small_door

pytestmark = pytest.mark.asyncio(loop_scope="session")

IMAGINE = "/mj/submit/imagine"
FETCH = "/mj/task/17/fetch"
KEY = {"mj-api-secret": "any"}


async def status_of(door: Door, path: str, method: str = "GET", **headers: str) -> int:
    """Send a request without a body and return its status."""
    async with door.http.request(method, path, headers=headers) as answer:
        return answer.status


# Without keys


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1:8080", "127.9.9.9", "[::1]", "[::1]:8080"])
async def test_without_keys_this_machine_may_call_by_any_of_its_names(door, host):
    assert await status_of(door, FETCH, Host=host) == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example", "192.0.2.1", "[::]"],
)
async def test_without_keys_a_name_that_somebody_points_here_is_403(door, host):
    async with door.http.get(FETCH, headers={"Host": host}) as answer:
        body = await answer.json()

    assert (answer.status, body["code"]) == (403, 403)
    assert "API keys" in body["description"]


@pytest.mark.parametrize("origin", ["http://localhost:5173", "https://127.0.0.1", "http://[::1]:3000"])
async def test_without_keys_a_page_of_this_machine_may_call(door, origin):
    async with door.http.get(FETCH, headers={"Origin": origin}) as answer:
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, origin)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example", "http://127.0.0.1@evil"]
)
@pytest.mark.parametrize(("method", "path"), [("POST", IMAGINE), ("OPTIONS", IMAGINE), ("GET", FETCH)])
async def test_without_keys_another_sites_page_is_403(door, origin, method, path):
    headers = {"Origin": origin, "Content-Type": "text/plain", "Access-Control-Request-Method": "POST"}
    async with door.http.request(method, path, headers=headers, data=b"{}") as answer:
        assert answer.status == 403
        assert "Access-Control-Allow-Origin" not in answer.headers


async def test_without_keys_native_grpc_by_a_foreign_name_is_permission_denied(door):
    options = [("grpc.default_authority", "evil.example")]
    async with grpc.aio.insecure_channel(door.grpc_target, options=options) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await LegacyServiceStub(channel).SubmitImagine(legacy_request_pb2.SubmitImagineRequest())

    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


# With keys


@pytest.mark.parametrize("headers", [KEY, {"Authorization": "Bearer any"}, KEY | {"Host": "pictures.example"}], ids=str)
async def test_with_keys_whoever_brings_one_is_passed_on_to_the_server(locked, headers):
    assert await status_of(locked, FETCH, **headers) == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", FETCH),
        ("POST", IMAGINE),
        ("POST", "/mj/task/list-by-ids"),
        ("GET", "/v1/tasks:watch"),
        ("GET", "/v1/tasks/17:watch"),
        ("GET", "/v1/tasks/17:watch?api_key="),
        ("GET", "/v1/tasks/17?api_key=any"),
        ("GET", "/v1/tasks/17?signature=any"),
        ("GET", "/v1/tasks/17/image"),
        ("HEAD", "/v1/tasks/17/image?signature="),
        ("POST", "/v1/tasks/17/image?signature=any"),
        ("POST", "/v1/tasks:imagine"),
    ],
)
async def test_with_keys_a_request_without_one_is_401(locked, method, path):
    assert await status_of(locked, path, method) == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/health"),
        ("GET", "/v1/tasks/17:watch?x=1&api_key=any"),
        ("GET", "/v1/tasks:watch?api_key=any"),
        ("GET", "/v1/tasks/17/image?expires=1&signature=any"),
        ("HEAD", "/v1/tasks/17/image?expires=1&signature=any"),
    ],
)
async def test_with_keys_these_need_no_header(locked, method, path):
    assert await status_of(locked, path, method) == 200


async def test_the_401_of_the_old_api_is_an_object(locked):
    async with locked.http.get(FETCH) as answer:
        assert await answer.json() == {"code": 401, "description": "no API key in authorization or mj-api-secret"}


@pytest.mark.parametrize("path", ["/v1/tasks/17", "/v1/tasks/17:watch", "/v1/tasks:watch", "/v1/tasks/17/image"])
async def test_the_401_of_v1_is_the_status_that_the_server_gives(locked, path):
    async with locked.http.get(path) as answer:
        body = await answer.json()

    assert (answer.status, body["code"]) == (401, 16)
    assert body["details"][0]["reason"] == "ERROR_REASON_UNAUTHENTICATED"


async def test_a_strangers_body_is_refused_before_it_has_come(locked):
    """Only the headers and a first byte are sent: the answer does not wait for the 40 MB announced."""
    reader, writer = await asyncio.open_connection(*locked.grpc_target.split(":"))
    writer.write(f"POST {IMAGINE} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40000000\r\n\r\n{{".encode())

    assert (await reader.readline()).startswith(b"HTTP/1.1 401")
    writer.close()


async def test_a_key_that_no_header_can_hold_is_none(locked):
    path = "/v1/tasks/17:watch?api_key="
    async with locked.http.get(path + "a%0Ab") as line_feed, locked.http.get(path + "a%FFb") as binary:
        texts = await line_feed.text() + await binary.text()

    assert (line_feed.status, binary.status) == (200, 200)  # the backend takes no key for an answer
    assert "mj-api-secret" not in texts


async def test_health_may_be_asked_without_a_key_and_not_watched(locked):
    async with grpc.aio.insecure_channel(locked.grpc_target) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        answer = await health.Check(health_pb2.HealthCheckRequest())
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await health.Watch(health_pb2.HealthCheckRequest()).read()

    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_with_keys_a_preflight_is_answered_for_every_origin(locked):
    headers = {
        "Origin": "https://client.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,mj-api-secret",
    }

    async with locked.http.options(IMAGINE, headers=headers) as answer:
        assert answer.status == 200
        assert answer.headers["Access-Control-Allow-Origin"] == "https://client.example"
        allowed = answer.headers["Access-Control-Allow-Headers"].split(", ")
        assert {"content-type", "authorization", "mj-api-secret", "x-ptoken"} <= set(allowed)
        assert {"range", "if-range", "if-none-match", "last-event-id"} <= set(allowed)


@pytest.mark.parametrize(
    "path", ["/v1/tasks/17/image", "/v1/tasks/17:watch", "/v1/tasks:watch", "/mj/task/17/fetch", "/mj/task/list-by-ids"]
)
async def test_a_preflight_never_reaches_the_backend(locked, path):
    headers = {"Origin": "https://client.example", "Access-Control-Request-Method": "GET"}

    async with locked.http.options(path, headers=headers) as answer:
        assert (answer.status, "X-Reached" in answer.headers) == (200, False)
        assert set(answer.headers["Access-Control-Allow-Methods"].split(", ")) >= {"GET", "HEAD", "POST"}


async def test_a_page_may_read_what_says_which_part_of_which_picture_it_got(locked):
    headers = KEY | {"Origin": "https://client.example", "Range": "bytes=0-9"}

    async with locked.http.get("/v1/tasks/17/image", headers=headers) as answer:
        exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")

    assert answer.status == 206
    assert {"etag", "content-range", "content-disposition"} <= set(exposed)


async def test_an_answer_to_a_browser_names_its_origin(locked):
    async with locked.http.get("/mj/task/list", headers=KEY | {"Origin": "https://client.example"}) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "https://client.example"


async def test_the_pages_that_may_call_can_be_named(tmp_path):
    async with (
        small_door(tmp_path, needs_key=True, cors_origins=["https://a.example"]) as door,
        door.http.get(FETCH, headers=KEY | {"Origin": "https://a.example"}) as named,
        door.http.get(FETCH, headers=KEY | {"Origin": "https://a-example"}) as other,
    ):
        assert named.headers["Access-Control-Allow-Origin"] == "https://a.example"
        assert "Access-Control-Allow-Origin" not in other.headers
