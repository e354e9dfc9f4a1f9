"""The whole way to Discord through a proxy, where there is no other: Discord's name is known to the proxy alone."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from discord_simulator.app import Simulator

from tests.acceptance.client import Client, button, client_of, data_url, mask, png
from tests.support.proxies import DISCORD, LoopbackProxy, discord_behind
from tests.support.stack import StackProcess, running_stack
from tests.webhook.conftest import Receiver

CREDENTIALS = "operator:hush-hush"


@asynccontextmanager
async def stack_with(simulator: Simulator, data_dir: Path, **settings: str) -> AsyncIterator[StackProcess]:
    """Run a stack whose Discord is in this process, whose loop must go on meanwhile."""
    running = running_stack(data_dir, MIDWAY_SIMULATOR_URL=simulator.url, **settings)
    stack = await asyncio.to_thread(running.__enter__)
    try:
        yield stack
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)


async def region(client: Client, upscaled: dict[str, object]) -> dict[str, object]:
    """Have a part of a picture drawn anew."""
    press = {"taskId": upscaled["id"], "customId": button(upscaled, "Vary (Region)")}
    waiting = (await client.post("/mj/submit/action", press))[1]["result"]
    hole = mask(int(str(upscaled["imageWidth"])), int(str(upscaled["imageHeight"])))
    return await client.done("modal", taskId=waiting, prompt="a hat", maskBase64=data_url(hole))


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_everything_to_discord_goes_through_the_proxy_and_nothing_else(tmp_path, scheme):
    receiver = Receiver()
    async with (
        LoopbackProxy.running(CREDENTIALS) as proxy,
        discord_behind(Simulator(accounts=2, speed=100)) as simulator,
        receiver.server,
        stack_with(
            simulator,
            tmp_path,
            MIDWAY_DISCORD_PROXY=proxy.url(scheme),
            MIDWAY_WEBHOOK_ALLOW_HOSTS=receiver.host,
        ) as stack,
        client_of(stack) as client,
    ):
        grid = await client.done(
            "imagine", prompt="a red fox", base64Array=[data_url(png("red"))], notifyHook=receiver.url
        )
        assert (await client.picture(grid["id"]))["prompt"]
        upscaled = await client.done("change", taskId=grid["id"], action="UPSCALE", index=1)
        assert (await region(client, upscaled))["action"] == "INPAINT"
        assert DISCORD in upscaled["imageUrl"]
        await client.done("describe", link=upscaled["imageUrl"])

        assert receiver.posts
        assert set(proxy.targets) == {simulator.url.removeprefix("http://")}
        doctor = await asyncio.to_thread(stack.midway, "doctor")

    shown = doctor.stdout + "".join(log.read_text() for log in (tmp_path / "logs").iterdir())
    assert f"127.0.0.1:{proxy.port}" in doctor.stdout
    assert "hush-hush" not in shown


async def test_each_account_goes_through_its_own_proxy(tmp_path):
    async with (
        LoopbackProxy.running(CREDENTIALS) as first,
        LoopbackProxy.running() as second,
        discord_behind(Simulator(accounts=2, speed=100)) as simulator,
        stack_with(
            simulator,
            tmp_path,
            MIDWAY_DISCORD_PROXY="http://127.0.0.1:1",
            MIDWAY_ACCOUNTS=json.dumps([account(1, first.url("socks5")), account(2, second.url("http"))]),
        ) as stack,
        client_of(stack) as client,
    ):
        for number in (1, 2):
            task = await client.done(
                "imagine",
                prompt=f"fox number {number}",
                base64Array=[data_url(png("red"))],
                accountFilter={"instanceId": channel(number)},
            )
            assert (await client.picture(task["id"]))["prompt"]

        for number, proxy in enumerate((first, second), start=1):
            sent = proxy.passed.decode("latin-1")
            assert set(re.findall(r"simulator-account-\d", sent)) == {f"simulator-account-{number}"}
            assert set(re.findall(r"GET /attachments/(\d+)/", sent)) == {channel(number)}
            assert "PUT /upload/" in sent


def account(number: int, proxy: str) -> dict[str, str]:
    """Describe one of the simulator's accounts."""
    token = f"simulator-account-{number}"
    return {"token": token, "guild_id": str(200 * 10**15 + number), "channel_id": channel(number), "proxy": proxy}


def channel(number: int) -> str:
    """Name the channel of one of the simulator's accounts."""
    return str(300 * 10**15 + number)
