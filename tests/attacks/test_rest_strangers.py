"""What strangers send to the REST door: silence, halves of heads, foreign pages, nonsense."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.support.processes import PATIENCE_SECONDS, slowness
from tests.support.stack import StackProcess, running_stack

REFUSED = 300


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("strangers")


@pytest.fixture(scope="module")
def stack(directory: Path) -> Iterator[StackProcess]:
    """A stack without keys that soon ends what says nothing."""
    with running_stack(directory, MIDWAY_SILENCE_SECONDS=str(2 * slowness())) as running:
        yield running


@pytest.fixture
async def http(stack: StackProcess) -> AsyncIterator[aiohttp.ClientSession]:
    """A client without a key."""
    async with aiohttp.ClientSession(stack.rest, timeout=aiohttp.ClientTimeout(PATIENCE_SECONDS)) as opened:
        yield opened


@pytest.mark.parametrize(
    "said", [b"", b"GET /mj/ta", b"POST /mj/submit/imagine HTTP/1.1\r\nHost: local"], ids=["nothing", "word", "half"]
)
async def test_who_says_nothing_or_half_of_it_is_let_go(stack, said):
    reader, writer = await asyncio.open_connection(*stack.rest.removeprefix("http://").split(":"))
    writer.write(said)
    async with asyncio.timeout(PATIENCE_SECONDS):
        try:
            answer = await reader.read()
        except ConnectionResetError:
            answer = b""
    writer.close()

    assert b"200 OK" not in answer


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", ["/mj/task/list", "/v1/tasks/1/image", "/mj/task/1/image-seed"])
async def test_without_keys_a_foreign_page_shows_nothing_of_ours(http, path, site):
    async with http.get(path, headers={"Sec-Fetch-Site": site}) as answer:
        assert answer.status == 403


@pytest.mark.parametrize("site", ["none", "same-origin"])
async def test_a_persons_own_request_is_answered(http, site):
    async with http.get("/mj/task/list", headers={"Sec-Fetch-Site": site}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/mj/submit/imagine", b'{"prompt":'),
        ("/mj/submit/imagine", b'{"state":' + b"[" * 5000),
        ("/mj/submit/imagine", b'{"prompt":"\xff"}'),
        ("/v1/tasks:imagine", b'{"prompt":' + b"[" * 5000),
        ("/mj/task/list-by-ids", b"["),
        ("/mj/task/list-by-ids", b'{"ids":' + b"[" * 500 + b"]" * 500 + b"}"),
        ("/mj/task/list-by-condition", b"\xff"),
        ("/mj/task/%FF/cancel", b""),
    ],
)
async def test_nonsense_is_400_with_a_sentence(stack, path, body):
    reader, writer = await asyncio.open_connection(*stack.rest.removeprefix("http://").split(":"))
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = (await reader.read()).decode()
    writer.close()

    assert answer.startswith("HTTP/1.1 400")
    assert '"description":"' in answer
    assert "Traceback" not in answer


async def test_what_strangers_are_refused_is_not_a_line_each(http, directory):
    for number in range(REFUSED):
        async with http.get(f"/nothing/{number}", headers={"Host": "evil.example"}) as answer:
            assert answer.status == 403

    log = (directory / "logs" / "envoy.log").read_text()
    assert log.count('"path":"/nothing/') < REFUSED / 5
