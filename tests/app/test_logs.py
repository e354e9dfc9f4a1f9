"""Logs are lines of JSON without secrets."""

import json
import logging
from collections.abc import Iterator
from typing import Any

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


def test_the_discord_library_is_silent_below_warning(capsys):
    configure_logs("debug", "json")

    logging.getLogger("discord.gateway").info("payload with a token")

    assert capsys.readouterr().err == ""
