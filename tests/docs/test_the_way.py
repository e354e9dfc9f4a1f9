"""ARCHITECTURE.md, "One request's way": every function that it names is there, and is on the way."""

import asyncio
import contextlib
import importlib
import inspect
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import aiohttp
import grpc
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from midjourney.legacy.v1 import legacy_request_pb2, legacy_service_pb2_grpc
from midjourney.v1 import input_pb2, midjourney_service_pb2_grpc, query_pb2, submit_pb2
from midway.app.settings import Settings
from midway.app.wiring import Running, running_server

from tests.support.processes import PATIENCE_SECONDS
from tests.support.rig import simulator_running

PAGE = (Path(__file__).parents[2] / "ARCHITECTURE.md").read_text("utf-8")
SECTION = PAGE.partition("## One request's way\n")[2].partition("\n## ")[0]
NAME = re.compile(r"`((?:app|discord|domain|engine|media|outbound|rest|rpc|store|webhook)(?:\.\w+){2,})`")
NAMES = list(dict.fromkeys(NAME.findall(SECTION)))


def named(name: str) -> Any:
    """Find what a name of the page means. Raises AssertionError that says which part of it is not there."""
    parts = ["midway", *name.split(".")]
    found: Any = importlib.import_module(parts[0])
    for place, part in enumerate(parts[1:], 1):
        here = ".".join(parts[:place])
        if not hasattr(found, part):
            try:
                importlib.import_module(f"{here}.{part}")
            except ModuleNotFoundError:
                raise AssertionError(f"ARCHITECTURE.md names `{name}`, but {here} has no {part}") from None
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_name_on_the_way_is_there(name: str) -> None:
    assert named(name) is not None


def test_the_steps_are_counted_and_few() -> None:
    steps = [int(number) for number in re.findall(r"^\| (\d+) \|", SECTION, re.MULTILINE)]

    assert steps == list(range(1, len(steps) + 1))
    assert len(steps) <= 25


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("engine.intake.Intake.admitt", r"midway\.engine\.intake\.Intake has no admitt"),
        ("engine.intakes.Intake.admit", r"midway\.engine has no intakes"),
    ],
)
def test_a_wrong_name_is_told(name: str, problem: str) -> None:
    with pytest.raises(AssertionError, match=problem):
        named(name)


# Envoy asks before a body comes, and there is none here; what is parked depends on which of two messages is first.
NOT_PLAYED = {"rpc.uploads.Uploads.process", "engine.core.parked_messages.ParkedMessages.park"}


async def test_every_function_on_the_way_is_called(tmp_path: Path) -> None:
    """Drawn: an imagine by each API, one that makes two Tasks, and an upscale; watched by gRPC and as EventSource."""
    codes = {code_of(named(name)): name for name in NAMES if callable(named(name))}
    hooks = web.Application()
    hooks.router.add_post("/", taken)
    async with simulator_running() as simulator, TestServer(hooks) as receiver:
        settings = Settings(
            grpc_port=0,
            rest_backend_port=0,
            metrics_port=0,
            data_dir=tmp_path,
            simulator_url=simulator.url,
            notify_url=str(receiver.make_url("/")),
        )
        with not_called(codes) as missing:
            async with running_server(settings) as running:
                await draw(running)
                await gone(missing)

    assert set(missing.values()) <= NOT_PLAYED


async def gone(missing: dict[CodeType, str]) -> None:
    """Wait for what comes after the answers: a webhook, the kept picture."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not set(missing.values()) <= NOT_PLAYED:  # noqa: ASYNC110 - no event tells of them
                await asyncio.sleep(0.05)


async def taken(_: web.Request) -> web.Response:
    """Take a webhook."""
    return web.Response()


async def draw(running: Running) -> None:
    """Ask for what goes through all of the steps."""
    async with grpc.aio.insecure_channel(running.grpc) as channel, aiohttp.ClientSession() as http:
        midway: midjourney_service_pb2_grpc.MidjourneyServiceAsyncStub = (
            midjourney_service_pb2_grpc.MidjourneyServiceStub(channel)
        )
        old: legacy_service_pb2_grpc.LegacyServiceAsyncStub = legacy_service_pb2_grpc.LegacyServiceStub(channel)
        task = (await midway.SubmitImagine(submit_pb2.SubmitImagineRequest(prompt="a fox"))).task
        await midway.SubmitImagine(submit_pb2.SubmitImagineRequest(prompt="a {red, blue} hare"))
        await old.SubmitImagine(legacy_request_pb2.SubmitImagineRequest(prompt="a badger"))
        async for _ in midway.WatchTask(query_pb2.WatchTaskRequest(task_id=task.id)):
            pass
        async with http.get(f"http://{running.rest_backend}/v1/tasks/{task.id}:watch") as events:
            await events.read()
        upscale = submit_pb2.SubmitChangeRequest(task_id=task.id, kind=input_pb2.CHANGE_KIND_UPSCALE, index=1)
        await midway.SubmitChange(upscale)


def code_of(function: Any) -> CodeType:
    """Return the code that runs when a function is called, behind its decorators."""
    code: CodeType = inspect.unwrap(function).__code__
    return code


@contextlib.contextmanager
def not_called(codes: dict[CodeType, str]) -> Iterator[dict[CodeType, str]]:
    """Give these, without those that were called since the context was opened, in whichever thread."""
    missing = codes.copy()

    def look(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            missing.pop(frame.f_code, None)

    threading.setprofile(look)
    sys.setprofile(look)
    try:
        yield missing
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
