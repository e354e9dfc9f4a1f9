"""`python -m discord_simulator` as a process of its own."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from discord_simulator.__main__ import parse_arguments

from benchmarks.crowd import Crowd
from tests.simulator.gateway_client import GatewayClient
from tests.support.processes import PATIENCE_SECONDS, tied

FAST = 30.0  # of the pace of life: slow enough for jobs to show all their percents


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start it on a free port; it is gone after the test, whatever happens."""
    command = tied(sys.executable, "-m", "discord_simulator", "--port", "0", "--seed", "1", *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
async def process() -> AsyncIterator[asyncio.subprocess.Process]:
    async with running("--speed", "1000") as process:
        yield process


async def address(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        ready, _, url = (await process.stdout.readline()).decode().strip().partition(" ")
    assert ready == "ready"
    return url


def test_the_size_of_pictures_comes_from_the_command_line_or_the_environment(monkeypatch):
    """Small unless the environment says otherwise, and the command line has the last word."""
    assert parse_arguments([]).pictures == "small"
    monkeypatch.setenv("MIDWAY_SIMULATOR_PICTURES", "real")
    assert parse_arguments([]).pictures == "real"
    assert parse_arguments(["--pictures", "small"]).pictures == "small"
    with pytest.raises(SystemExit):
        parse_arguments(["--pictures", "huge"])


def test_the_installed_bots_come_from_the_command_line_or_the_environment(monkeypatch):
    """Both unless the environment says otherwise, and the command line has the last word."""
    assert parse_arguments([]).bots == "both"
    monkeypatch.setenv("MIDWAY_SIMULATOR_BOTS", "niji")
    assert parse_arguments([]).bots == "niji"
    assert parse_arguments(["--bots", "mj"]).bots == "mj"
    with pytest.raises(SystemExit):
        parse_arguments(["--bots", "none"])


async def test_a_crowd_that_reads_gets_each_its_own_picture():
    """As many bytes as were said, with the prompt in them."""
    async with (
        running("--speed", str(FAST)) as process,
        Crowd(await address(process), 2, slots=3, speed=FAST, readers=2) as crowd,
    ):
        await crowd.seen.ended(20)

    assert crowd.seen.read >= 20


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_prints_ready_and_its_address_and_ends_on_a_signal_with_sockets_open(process, number: signal.Signals):
    url = await address(process)
    gateway = url.replace("http", "ws") + "/gateway"
    async with aiohttp.ClientSession() as http, GatewayClient(http, gateway) as client:
        ready = await client.identify()
        process.send_signal(number)
        code = await client.close_code()
        async with asyncio.timeout(PATIENCE_SECONDS):
            status = await process.wait()

    assert ready["resume_gateway_url"] == gateway
    assert (code, status) == (1001, 0)
