"""What old clients send reaches the server as it should."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from midjourney.legacy.v1 import legacy_request_pb2
from midjourney.legacy.v1.legacy_service_pb2_grpc import LegacyServiceStub

from tests.envoy.conftest import Door

pytestmark = pytest.mark.asyncio(loop_scope="session")

IMAGINE = "/mj/submit/imagine"


async def submitted(
    door: Door, path: str = IMAGINE, headers: dict[str, str] | None = None, **body: Any
) -> dict[str, Any]:
    """Post an imagine and return what the servicer saw."""
    async with door.http.post(path, json=body, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        seen: dict[str, Any] = (await answer.json())["properties"]
        return seen


@pytest.mark.parametrize("prefix", ["fast", "relax", "turbo"])
@pytest.mark.parametrize("rest", ["/mj/submit/imagine", "/submit/imagine", "/mj/submit/imagine/"])
async def test_a_speed_prefix_becomes_a_header(door, prefix, rest):
    assert (await submitted(door, f"/mj-{prefix}{rest}"))["x-mj-mode"] == prefix


async def test_a_client_cannot_set_the_mode_header(door):
    assert "x-mj-mode" not in await submitted(door, headers={"x-mj-mode": "turbo"})


async def test_a_prefix_that_is_no_speed_is_unknown(door):
    async with door.http.post("/mj-warp/mj/submit/imagine", json={}) as answer:
        assert answer.status == 404


async def test_both_key_headers_arrive_as_metadata(door):
    metadata = await submitted(door, headers={"mj-api-secret": "one", "Authorization": "Bearer two"})

    assert (metadata["mj-api-secret"], metadata["authorization"]) == ("one", "Bearer two")


async def test_unknown_fields_and_query_parameters_are_ignored(door):
    assert (await submitted(door, IMAGINE + "?_t=17", prompt="fox", sref=[{"a": 1}]))["prompt"] == "fox"


async def test_a_body_without_content_type_is_json(door):
    async with door.http.post(IMAGINE, data=b'{"prompt":"fox"}', skip_auto_headers=["Content-Type"]) as answer:
        assert (await answer.json())["properties"]["prompt"] == "fox"


@pytest.mark.parametrize("body", [b"null", b'{"id":"9"}', b""])
async def test_the_body_of_a_get_changes_nothing(door, body):
    async with door.http.request("GET", "/mj/task/17/image-seed", data=body) as answer:
        assert (await answer.json())["result"] == "17"


@pytest.mark.parametrize("body", [b"null", b'{"id":"9"}', b""])
async def test_the_body_of_a_get_does_not_reach_the_backend(door, body):
    async with door.http.request("GET", "/mj/task/17/fetch", data=body) as answer:
        assert (await answer.json())["body"] == ""


@pytest.mark.parametrize("body", [b"null", b"", b"{}"])
async def test_cancel_takes_any_body(door, body):
    async with door.http.post("/mj/task/17/cancel", data=body) as answer:
        assert (await answer.json())["description"] == "17"


async def test_five_pictures_of_eight_megabytes_pass(door):
    pictures = ["A" * 8_000_000] * 5

    assert (await submitted(door, base64Array=pictures))["characters"] == 40_000_000


async def chunks(megabytes: int) -> AsyncIterator[bytes]:
    """Make a body whose length is not told."""
    yield b'{"prompt":"'
    for _ in range(megabytes):
        yield b"A" * 1_000_000
    yield b'"}'


async def test_a_body_beyond_the_limit_is_413_as_json(door):
    async with door.http.post(IMAGINE, data=chunks(60)) as answer:
        assert (answer.status, (await answer.json())["code"]) == (413, 413)


async def test_native_grpc_uses_the_same_port(door):
    async with grpc.aio.insecure_channel(door.grpc_target) as channel:
        request = legacy_request_pb2.SubmitImagineRequest(prompt="fox")
        answer = await LegacyServiceStub(channel).SubmitImagine(request, metadata=[("x-mj-mode", "turbo")])

    assert (answer.properties["prompt"], "x-mj-mode" in answer.properties) == ("fox", False)


async def test_json_has_no_white_space(door):
    async with door.http.post("/mj/task/17/cancel") as answer:
        assert await answer.text() == '{"code":1,"description":"17"}'


@pytest.mark.parametrize("letter", ["x", "狐", "<", '"', "\n", "\x01"], ids=ascii)
async def test_a_large_answer_arrives_whole(door, letter):
    """JSON writes some letters in six bytes."""
    door.tasks.prompt = letter * 1_000_000

    async with door.http.get("/v1/tasks/17") as answer:
        task = (await answer.json())["task"]

    assert task["prompt"] == door.tasks.prompt
    door.tasks.prompt = ""


async def test_the_health_page_follows_the_server(door):
    async with door.http.get("/health") as answer:
        assert (answer.status, await answer.json()) == (200, {"status": "healthy"})
