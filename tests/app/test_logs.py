"""Logs are lines of JSON without secrets."""

import asyncio
import gc
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
import structlog
from midway.app.logs import HIDDEN, configure_logs
from midway.app.metrics import Metrics, serving_metrics
from midway.domain.action import Action
from midway.domain.ids import TaskId
from midway.domain.task import Ask, Task

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Put the process's logging back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def last_line(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Read the newest line of standard error."""
    line: dict[str, Any] = json.loads(capsys.readouterr().err.splitlines()[-1])
    return line


def test_a_line_is_a_json_object_with_level_time_and_logger(capsys):
    configure_logs("info", "json")

    structlog.get_logger("midway.test").info("task ended", task_id="17")

    line = last_line(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "task ended", "level": "info", "logger": "midway.test", "task_id": "17"}


def test_the_standard_librarys_logs_have_the_same_shape(capsys):
    configure_logs("info", "json")

    logging.getLogger("aiohttp.server").warning("%s is slow", "it")

    assert last_line(capsys)["event"] == "it is slow"


@pytest.mark.parametrize("name", ["token", "authorization", "api_key", "prompt", "final_prompt"])
def test_a_secret_is_hidden_by_its_name(capsys, name):
    configure_logs("info", "json")

    structlog.get_logger().info("called", **{name: "hush"})

    assert last_line(capsys)[name] == HIDDEN


def test_a_prompt_is_shown_to_who_looks_for_it(capsys):
    configure_logs("debug", "json")

    structlog.get_logger().debug("sent", prompt="fox")

    assert last_line(capsys)["prompt"] == "fox"


def test_a_known_secret_is_hidden_wherever_it_stands(capsys):
    configure_logs("info", "json", secrets=["hush-hush"])

    logging.getLogger("anything").warning("refused hush-hush")

    assert last_line(capsys)["event"] == f"refused {HIDDEN}"


def test_a_known_secret_is_hidden_in_a_traceback(capsys):
    configure_logs("info", "json", secrets=["hush-hush"])
    try:
        int("hush-hush")
    except ValueError:
        structlog.get_logger().exception("failed")

    assert "hush-hush" not in capsys.readouterr().err


async def test_grpc_does_not_print_a_key_that_is_not_utf_8(capsys):
    configure_logs("info", "json")
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    await call_with_key(port, b"sk-hush-\xe9")

    await server.stop(None)
    assert "sk-hush" not in capsys.readouterr().err


async def call_with_key(port: int, key: bytes) -> None:
    """Make one call by hand: no client library sends such a header."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    headers = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", b"/a.Service/Method"),
        (b":authority", b"localhost"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
        (b"authorization", key),
    ]
    block = b"".join(b"\0%c%b%c%b" % (len(name), name, len(value), value) for name, value in headers)
    settings, request, empty_message = frame(4, 0, 0, b""), frame(1, 4, 1, block), frame(0, 1, 1, bytes(5))
    writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings + request + empty_message)
    await reader.readuntil(b"grpc-status")
    writer.close()


def frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    """Write an HTTP/2 frame."""
    return len(body).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + body


def test_the_discord_library_is_silent_below_warning(capsys):
    configure_logs("debug", "json")

    logging.getLogger("discord.gateway").info("payload with a token")

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["aiosqlite", "asyncio", "aiohttp.client", "PIL.PngImagePlugin", "websockets.client"])
def test_every_library_is_silent_below_warning(capsys, name):
    configure_logs("debug", "json")

    library = logging.getLogger(name)
    library.debug("executing INSERT with a whole Task")
    library.info("the same")

    assert capsys.readouterr().err == ""


def test_our_own_lines_are_there_with_debug(capsys):
    configure_logs("debug", "json")

    logging.getLogger("midway.discord.interaction_sender").debug("ended")

    assert last_line(capsys)["event"] == "ended"


TOKEN = "MTAwMDAwMDAwMDAwMDAwMDAx.DwTHgA.Xk2JcVdpD0aZb9Qm4Lr7sTfWyUe1HgNvKiOx"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("post to https://hooks.example:8443/T0KEN/hush", "post to https://hooks.example:8443/[hidden]"),
        ("post to https://user:hush@hooks.example/", "post to https://hooks.example/[hidden]"),
        ("socks5://user:hush@proxy.example:1080", "socks5://proxy.example:1080"),
        ("URL('http://user:hush@[::1]:80'), again", "URL('http://[::1]:80'), again"),
        (r'{"proxy":"http:\/\/hush@proxy.example"}', r'{"proxy":"http:\/\/proxy.example"}'),
        ("http://user:hush@hush@proxy.example", "http://proxy.example"),
        ("http://user:hush/hush#hush?hush@proxy.example:1", "http://proxy.example:1"),
        ("proxy_socks5h://user:hush@proxy.example:1", "proxy_socks5h://proxy.example:1"),
        ("http://proxy.example:1080 for fox@mail.example", "http://proxy.example:1080 for fox@mail.example"),
        ("https://pages.example:80/@fox", "https://pages.example:80/[hidden]"),
        (
            "404, url='https://cdn.example/a/1.png?ex=1&is=2&hm=hush'",
            "404, url='https://cdn.example/[hidden]'",
        ),
        ("GET /v1/tasks/17/image?signature=hush&v=1", "GET /v1/tasks/17/image?[hidden]"),
        (f"login with {TOKEN} failed", "login with [hidden] failed"),
        ("{'Authorization': 'hush', 'Accept': '*/*'}", "{'Authorization': '[hidden]', 'Accept': '*/*'}"),
        ("MJ-Api-Secret: hush", "MJ-Api-Secret: [hidden]"),
        ("sent Bearer hush-hush", "sent Bearer [hidden]"),
        (r"Bad request line b'\x16\x03 hush'", "Bad request line [bytes]"),
        ("data:image/png;base64,hush/hush==", "data:[hidden]"),
        ("iVBORw0KGgo" + "hush" * 60, "[hidden]"),
        ("Cannot connect to host hooks.example:443", "Cannot connect to host hooks.example:443"),
    ],
)
def test_a_secret_is_hidden_by_its_form(capsys, said, shown):
    configure_logs("info", "json")

    logging.getLogger("anything").warning(said)

    assert last_line(capsys)["event"] == shown


def test_an_exceptions_text_is_looked_through(capsys):
    configure_logs("info", "json")
    try:
        int("https://hooks.example/hush")
    except ValueError as err:
        structlog.get_logger().exception("failed", error=err)

    line = last_line(capsys)
    assert line["error"].endswith("'https://hooks.example/[hidden]'")
    assert line["exception"].endswith("'https://hooks.example/[hidden]'")


def test_a_secret_is_hidden_however_deep_it_lies(capsys):
    configure_logs("info", "json", secrets=["hush-hush"])

    structlog.get_logger().info("called", given={"headers": [{"token": "a"}, ("b", "hush-hush")], "prompt": "fox"})

    assert last_line(capsys)["given"] == {"headers": [{"token": HIDDEN}, ["b", HIDDEN]], "prompt": HIDDEN}


def test_a_task_shows_nothing_of_itself(capsys):
    configure_logs("debug", "json")
    ask = Ask(action=Action.IMAGINE, prompt="fox")
    task = Task(id=TaskId("17"), ask=ask, created_at=NOW, updated_at=NOW, state_since=NOW)

    structlog.get_logger().debug("changed", task=task, picture=b"hush")

    line = last_line(capsys)
    assert (line["task"], line["picture"]) == ("[Task]", "[bytes]")


def test_a_long_value_is_cut(capsys):
    configure_logs("info", "json")

    structlog.get_logger().info("read", text="a fox " * 1000)

    assert len(last_line(capsys)["text"]) < 2100


def test_a_line_that_cannot_be_formatted_is_not_printed_bare(capsys):
    configure_logs("info", "json")

    logging.getLogger("anything").warning("%d tokens", "hush")

    assert "hush" not in capsys.readouterr().err


async def test_what_a_lost_future_raised_is_looked_through(capsys):
    configure_logs("info", "json")

    lost = asyncio.get_running_loop().create_future()
    lost.set_exception(OSError("cannot reach https://hooks.example/hush"))
    del lost
    gc.collect()

    written = capsys.readouterr().err
    assert "Future exception was never retrieved" in written
    assert "hush" not in written


def test_what_nobody_caught_is_looked_through():
    """In a process of its own: these hooks are the whole process's."""
    ending = subprocess.run([sys.executable, "-c", UNCAUGHT], capture_output=True, text=True, check=False, timeout=60)

    lines = [json.loads(line) for line in ending.stderr.splitlines()]
    said = ["a thread crashed", "an exception in a clean-up was ignored", "crashed"]
    assert [line["event"] for line in lines if line["event"] in said] == said
    assert any("a warning about https://hooks.example/[hidden]" in line["event"] for line in lines)
    assert "hush" not in ending.stderr


UNCAUGHT = """
import threading, warnings
from midway.app.logs import configure_logs, log_what_nobody_caught

class Broken:
    def __del__(self):
        broken()

def broken():
    raise OSError("cannot reach https://hooks.example/" + "hu" + "sh")

configure_logs("info", "json")
log_what_nobody_caught()
warnings.warn("a warning about https://hooks.example/" + "hu" + "sh")
thread = threading.Thread(target=broken)
thread.start()
thread.join()
Broken()
broken()
"""


async def test_what_is_no_http_leaves_no_line(capsys):
    configure_logs("debug", "json")
    async with serving_metrics(Metrics(), 0) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.removesuffix("/metrics").split(":")[-1]))
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nhush\x00: 1\r\n\r\n")
        answer = await reader.read()
        writer.close()

    assert answer.startswith(b"HTTP/1.0 400")
    assert capsys.readouterr().err == ""
