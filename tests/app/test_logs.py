"""Logs are lines of JSON without secrets."""

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
import structlog
from midway.app.logs import HIDDEN, configure_logs


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
