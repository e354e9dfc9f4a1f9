"""Every error is a JSON object, with the numbers that old clients take for what they mean."""

import asyncio
from typing import Any

import grpc
import pytest

from tests.envoy.conftest import Door, Forsaken, small_door

pytestmark = pytest.mark.asyncio(loop_scope="session")


# Of the old API: one that is transcoded, and one that the REST backend answers.
OLD_READS = pytest.mark.parametrize("read", ["image-seed", "fetch"])


async def error(door: Door | Forsaken, method: str, path: str, **sent: Any) -> tuple[int, dict[str, Any]]:
    """Send a request and return status and JSON of its error."""
    async with door.http.request(method, path, **sent) as answer:
        assert answer.content_type == "application/json"
        return answer.status, await answer.json()


@pytest.mark.parametrize("body", [b'{"prompt":', b"[]", b'"text"', b'{"prompt":{}}', b"null", b"\xff\xfe"])
async def test_a_body_that_is_no_message_is_400_with_code_4(door, body):
    status, answer = await error(door, "POST", "/mj/submit/imagine", data=body)

    assert (status, answer["code"]) == (400, 4)
    assert answer["description"]


async def test_on_v1_a_body_that_is_no_message_is_invalid_argument(door):
    status, answer = await error(door, "POST", "/v1/tasks:imagine", data=b'{"prompt":')

    assert (status, answer["code"], answer["message"]) == (400, 3, answer["description"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/mj/nothing"),
        ("POST", "/mj-fast/mj/nothing"),
        ("PUT", "/mj/submit/imagine"),
        ("GET", "/mj//task/17/2/fetch"),
        ("POST", "/midway"),
    ],
)
async def test_an_unknown_path_is_404(door, method, path):
    status, answer = await error(door, method, path)

    assert (status, answer["code"]) == (404, 404)
    assert answer["description"]


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("not_found", 404, 3),
        ("unauthenticated", 401, 401),
        ("permission_denied", 403, 403),
        ("invalid_argument", 400, 4),
        ("resource_exhausted", 429, 429),
        ("unavailable", 503, 503),
        ("deadline_exceeded", 504, 504),
        ("internal", 500, 500),
    ],
)
@OLD_READS
async def test_an_error_of_the_old_api_keeps_its_text(door, name, status, code, read):
    answered, answer = await error(door, "GET", f"/mj/task/{name}/{read}")

    assert (answered, answer["code"], answer["description"]) == (status, code, '任务 "不存在"')
    assert "message" not in answer


@OLD_READS
async def test_an_error_without_a_text_has_a_description_all_the_same(door, read):
    status, answer = await error(door, "GET", f"/mj/task/unimplemented/{read}")

    assert (status, answer) == (501, {"code": 501, "description": ""})


@pytest.mark.parametrize("path", ["/v1/tasks/404", "/v1/tasks/not_found:watch", "/v1/tasks/not_found/image"])
async def test_on_v1_an_error_is_the_rich_status(door, path):
    status, answer = await error(door, "GET", path)

    assert (status, answer["code"], answer["message"]) == (404, 5, '任务 "不存在"')
    assert answer["details"][0]["reason"] == "ERROR_REASON_TASK_NOT_FOUND"


async def test_an_unknown_method_of_native_grpc_stays_a_grpc_error(door):
    async with grpc.aio.insecure_channel(door.grpc_target) as channel:
        call: Any = channel.unary_unary("/midjourney.v1.MidjourneyService/Nothing")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(b"")

    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/mj/task/17/image-seed"),
        ("GET", "/v1/tasks/17"),
        ("GET", "/mj/task/17/fetch"),
        ("POST", "/mj-fast/mj/task/list-by-condition"),
        ("GET", "/v1/tasks/17/image"),
    ],
)
async def test_a_server_that_is_gone_is_503(forsaken, method, path):
    status, answer = await error(forsaken, method, path)

    assert (status, answer["code"]) == (503, 503)
    assert answer["description"]


async def test_an_error_that_is_rewritten_leaves_no_error_of_the_script(tmp_path):
    async with small_door(tmp_path) as door:
        for read in ("image-seed", "fetch"):
            _, answer = await error(door, "GET", f"/mj/task/not_found/{read}")
            assert answer["code"] == 3

    assert "script log" not in (tmp_path / "envoy.log").read_text()


async def test_the_log_names_failures_and_never_a_key(tmp_path):
    async with small_door(tmp_path) as door:
        reader, writer = await asyncio.open_connection(*door.grpc_target.split(":"))
        path = "/v1/tasks/not_found:watch"
        request = f"GET {path}?api_key=hush&x=hush HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        await reader.read()
        writer.close()

    log = (tmp_path / "envoy.log").read_text()
    assert f'"path":"{path}"' in log
    assert "hush" not in log
