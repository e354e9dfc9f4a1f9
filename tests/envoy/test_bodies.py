"""How large a body may be, and of what, is told before it is kept."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from midjourney.legacy.v1 import legacy_pb2, legacy_request_pb2
from midjourney.legacy.v1.legacy_service_pb2_grpc import LegacyServiceStub
from midway.app.envoy import RestDoor

from tests.envoy.conftest import Door
from tests.support.http_head import said_to_a_head

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEFAULT = RestDoor(host="127.0.0.1", http_port=0, grpc_port=0)
IMAGINE = "/mj/submit/imagine"
SUBMIT_IMAGINE = "/midjourney.legacy.v1.LegacyService/SubmitImagine"
SMALL_ONLY = [
    ("POST", "/mj/submit/change"),
    ("POST", "/mj-fast/submit/shorten/"),
    ("POST", "/v1/tasks:change"),
    ("POST", "/v1/tasks/17:cancel"),
    ("GET", "/mj/task/17/fetch"),
    ("GET", "/v1/tasks/17"),
    ("POST", "/mj/nothing"),
]
# The transcoder takes a body of any type but `application/grpc` and `application/grpc+…`.
NOT_GRPC = [
    ("application/grpc-web",),
    ("application/grpc-web+proto",),
    ("application/grpcx",),
    ("application/grpc;x",),
    ("application/grpc ; x",),
    ("application/grpc x",),
    ("Application/GRPC",),
    (",application/grpc",),
    ("application/grpc,application/json",),
    ("application/grpc", "application/json"),
    ("application/json", "application/grpc"),
    ("application/grpc", "application/grpc+proto"),
]


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    """Make a body whose length is not told."""
    for part in parts:
        yield part


async def answer_to(door: Door, path: str, data: Any) -> tuple[int, dict[str, Any]]:
    """POST a body and return status and JSON of the answer."""
    async with door.http.post(path, data=data) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize(("method", "path"), SMALL_ONLY)
async def test_where_no_pictures_are_a_large_body_is_413_by_its_announcement(door, method, path):
    assert await said_to_a_head(door.url, method, path, length=DEFAULT.max_body_bytes + 1) == 413


@pytest.mark.parametrize("path", ["/mj/nothing", "/v1/nothing", "/"])
async def test_a_path_that_is_none_is_404_before_its_body_has_come(door, path):
    assert await said_to_a_head(door.url, "POST", path, length=1000) == 404


@pytest.mark.parametrize("path", ["/mj/submit/change", "/v1/tasks:change"])  # the server itself reads list-by-ids
async def test_where_no_pictures_are_a_large_body_of_no_announced_length_is_413(door, path):
    status, answer = await answer_to(door, path, pieces(b'{"prompt":"', b"A" * 2_000_000, b'"}'))

    assert (status, answer) == (413, {"code": 413, "description": "Payload Too Large"})


async def test_with_pictures_more_than_the_most_is_413_by_its_announcement(door):
    length = DEFAULT.max_upload_body_bytes + 1

    assert await said_to_a_head(door.url, "POST", "/mj-turbo//mj/submit/blend//", length=length) == 413


@pytest.mark.parametrize(
    "beginning",
    [b'{"base64Array":[' + b'"",' * 10_000, b'{"prompt":' + b" " * 100_000, b'{"index":' + b"1" * 100_000],
    ids=["elements", "blanks", "digits"],
)
async def test_what_would_keep_envoy_busy_is_400_at_its_beginning(door, beginning):
    old = await said_to_a_head(door.url, "POST", IMAGINE, length=40_000_000, beginning=beginning)
    new = await said_to_a_head(door.url, "POST", "/v1/tasks:imagine", length=40_000_000, beginning=beginning)

    assert (old, new) == (400, 400)


@pytest.mark.parametrize(
    "beginning", [b"{'\"':[" + b"{}," * 10_000, b"{'\"':" + b" " * 100_000], ids=["elements", "blanks"]
)
async def test_a_quote_between_apostrophes_hides_nothing(door, beginning):
    assert await said_to_a_head(door.url, "POST", IMAGINE, length=40_000_000, beginning=beginning) == 400


@pytest.mark.parametrize("letter", [b"\xff", b"\x80", b"\xc3", b"\xed\xa0\x80"], ids=repr)
async def test_a_text_that_is_no_utf8_is_400_before_the_rest_of_it_has_come(door, letter):
    beginning = b'{"prompt":"' + "狐".encode() + letter + b"A" * 100_000

    assert await said_to_a_head(door.url, "POST", IMAGINE, length=40_000_000, beginning=beginning) == 400


async def test_a_million_letters_are_413(door):
    status, answer = await answer_to(door, IMAGINE, pieces(b'{"prompt":"', "狐".encode() * 1_000_000, b'"}'))

    assert (status, answer["code"]) == (413, 413)


async def test_letters_may_be_cut_between_pieces(door):
    text = json.dumps({"prompt": "é狐🦊" * 900}, ensure_ascii=False).encode()
    status, answer = await answer_to(door, IMAGINE, pieces(*(text[i : i + 7] for i in range(0, len(text), 7))))

    assert (status, answer["properties"]["prompt"]) == (200, "é狐🦊" * 900)


async def test_too_many_elements_are_told_in_the_words_of_each_api(door):
    body = json.dumps({"images": [{}] * (DEFAULT.max_json_elements + 2)}, separators=(",", ":"))
    _, old = await answer_to(door, IMAGINE, body)
    _, new = await answer_to(door, "/v1/tasks:imagine", body)

    assert (old["code"], new["code"], new["message"]) == (4, 3, old["description"])
    assert old["description"].startswith("body: has too many elements")


@pytest.mark.parametrize(
    "prompt",
    ["," * 6000, '"' * 6000, "\\" * 6000, '\\"' * 3000, "狐," * 3000, "[{" * 3000],
    ids=["commas", "quotes", "slashes", "both", "letters", "brackets"],
)
async def test_what_stands_in_a_text_does_not_count(door, prompt):
    text = json.dumps({"prompt": prompt})
    async with door.http.post(
        IMAGINE, data=pieces(*(text[i : i + 997].encode() for i in range(0, len(text), 997)))
    ) as answer:
        assert (answer.status, (await answer.json())["properties"]["prompt"]) == (200, prompt)


async def test_native_grpc_is_passed_on_as_it_comes(door):
    """The server looks at the key before it reads, and knows which message may be large."""
    request = legacy_request_pb2.SubmitImagineRequest(base64_array=["A" * 1_000_000])
    async with grpc.aio.insecure_channel(door.grpc_target) as channel:
        answer = await LegacyServiceStub(channel).SubmitImagine(request)

    assert answer.properties["characters"] == 1_000_000


@pytest.mark.parametrize("content_types", NOT_GRPC, ids=str)
async def test_what_only_looks_like_grpc_is_looked_at_as_any_other_body(door, content_types):
    async def told(path: str, beginning: bytes, length: int = DEFAULT.max_body_bytes) -> int:
        return await said_to_a_head(
            door.url, "POST", path, length=length, beginning=beginning, content_types=content_types
        )

    assert await told("/mj/submit/change", b"", DEFAULT.max_body_bytes + 1) == 413
    assert await told("/v1/tasks:change", b"", DEFAULT.max_body_bytes + 1) == 413
    assert await told("/mj/task/list-by-ids", b"", DEFAULT.max_query_bytes + 1) == 413
    assert await told(IMAGINE, b"", DEFAULT.max_upload_body_bytes + 1) == 413
    assert await told(IMAGINE, b'{"base64Array":[' + b'"",' * 10_000) == 400
    assert await told(IMAGINE, b'{"index":' + b"1" * 65_000) == 400
    assert await told("/v1/tasks:imagine", b'{"prompt":"\xff') == 400


@pytest.mark.parametrize("content_type", [types[0] for types in NOT_GRPC if len(types) == 1])
@pytest.mark.parametrize("path", ["/mj/submit/change", "/v1/tasks:change"])
async def test_what_only_looks_like_grpc_and_announces_no_length_is_413(door, path, content_type):
    body = pieces(b'{"prompt":"', b"A" * 100_000, b'"}')
    async with door.http.post(path, data=body, headers={"Content-Type": content_type}) as answer:
        status, told = answer.status, await answer.json()

    assert (status, told) == (413, {"code": 413, "description": "Payload Too Large"})


@pytest.mark.parametrize("content_type", ["application/json", "application/grpc-web"])
async def test_what_is_too_large_is_told_as_json_whatever_the_body_calls_itself(door, content_type):
    headers = {"Content-Type": content_type}
    async with door.http.post("/mj/submit/change", data=b" " * 100_000, headers=headers) as answer:
        assert (answer.status, await answer.json()) == (413, {"code": 413, "description": "Payload Too Large"})
        assert "grpc-status" not in answer.headers


@pytest.mark.parametrize("content_type", ["application/grpc", "application/grpc+proto", " application/grpc "])
async def test_every_spelling_of_native_grpc_is_passed_on_as_it_comes(door, content_type):
    message = legacy_request_pb2.SubmitImagineRequest(base64_array=["A" * 100_000] * 10).SerializeToString()
    framed = b"\0" + len(message).to_bytes(4) + message
    headers = {"Content-Type": content_type, "TE": "trailers"}
    async with door.http.post(SUBMIT_IMAGINE, data=framed, headers=headers) as answer:
        body = await answer.read()

    assert (answer.status, answer.content_type) == (200, "application/grpc")
    assert legacy_pb2.SubmitResult.FromString(body[5:]).properties["characters"] == 1_000_000


async def test_what_goes_past_the_transcoder_is_no_grpc_whatever_it_calls_itself(door):
    """The server's plain HTTP would unpack it."""
    headers = {"Content-Type": "application/grpc", "Content-Encoding": "gzip"}
    packed = gzip.compress(b"{}")
    async with door.http.post("/mj/task/list-by-ids", data=packed, headers=headers) as small:
        assert "content-encoding" not in door.rest.asked["headers"]
    large = pieces(packed * 100_000)
    async with door.http.get("/mj/task/17/fetch", data=large, headers=headers) as read:
        assert (read.status, (await read.json())["body"]) == (200, "")
    too_large = b"1" * (DEFAULT.max_query_bytes + 1)
    async with door.http.post("/mj/task/list-by-ids", data=too_large, headers=headers) as refused:
        assert refused.headers["grpc-status"] == "8"  # Envoy words it for gRPC

    assert ("X-Reached" in small.headers, "X-Reached" in refused.headers) == (True, False)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/mj/task/%FF/image-seed", 4),
        ("/mj/task/%FF/fetch", 4),
        ("/mj/task/%ED%A0%80/image-seed", 4),
        ("/v1/tasks/%C0%AF", 3),
        ("/v1/dead-letters?page_token=%FF", 3),
        ("/v1/tasks/%F5%80%80%80/image", 3),
    ],
)
async def test_a_path_that_is_no_text_is_400(door, path, code):
    reader, writer = await asyncio.open_connection(*door.grpc_target.split(":"))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()

    assert (head.split()[1], json.loads(body)["code"]) == (b"400", code)
    assert "path" in json.loads(body)["description"]


@pytest.mark.parametrize("name", ["%E7%8B%90", "%F0%9F%A6%8A", "%F4%8F%BF%BF", "a%20b"])
async def test_a_path_in_another_script_is_a_path(door, name):
    async with door.http.post(f"/mj/task/{name}/cancel") as answer:
        assert answer.status == 200
