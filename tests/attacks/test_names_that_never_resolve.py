"""One client's webhooks and links lead to names that never resolve; the others notice nothing of it.

Every time-out is an hour here, so that what waits for such a name waits until the test is over: who shares anything
with it that is used up would wait as long.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from tests.acceptance.client import Client, Json, client_of, data_url, png
from tests.support.name_server import SilentNameServer
from tests.support.processes import PATIENCE_SECONDS
from tests.support.stack import running_stack
from tests.webhook.conftest import Post, Receiver

AN_HOUR = "3600"
SETTINGS = {
    "MIDWAY_DNS_TIMEOUT_SECONDS": AN_HOUR,
    "MIDWAY_WEBHOOK_TIMEOUT_SECONDS": AN_HOUR,
    "MIDWAY_LINK_TIMEOUT_SECONDS": AN_HOUR,
    "MIDWAY_WEBHOOK_MAX_CONCURRENT": "20",
    "MIDWAY_LINK_MAX_CONCURRENT": "20",
    "MIDWAY_WEBHOOK_ALLOW_HOSTS": "127.0.0.1,alive.test",
}
WEBHOOKS = 36  # more than may be under way at a time
LINKS = 36
SHARE = 4  # so many of each are under way: the first third of the ten places of hosts not known to answer
HALF = 10
DOMAINS = 30  # more than these ten places


@dataclass
class Attacked:
    """A stack, a client of it, and the name server that it asks."""

    client: Client
    names: SilentNameServer


@pytest.fixture
async def attacked(tmp_path: Path) -> AsyncIterator[Attacked]:
    """A stack whose webhooks and links wait for names under dead.test."""
    async with SilentNameServer.running({"alive.test": "127.0.0.1"}) as names:
        with running_stack(tmp_path, MIDWAY_DNS_SERVERS=names.address, **SETTINGS) as stack:
            async with client_of(stack) as client, asyncio.TaskGroup() as group:
                links = [group.create_task(post_link(client, f"pictures{number}.dead.test")) for number in range(LINKS)]
                for number in range(WEBHOOKS):
                    await client.submit("shorten", prompt="a fox", notifyHook=f"http://hook{number}.dead.test/x")
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await names.until_asked_for_many("hook", SHARE)
                    await names.until_asked_for_many("pictures", SHARE)
                yield Attacked(client, names)
                for link in links:
                    link.cancel()


async def post_link(client: Client, host: str) -> None:
    await client.post("/mj/submit/upload-discord-images", {"base64Array": [f"http://{host}/x.png"]})


async def until_told_the_end(receiver: Receiver, task_id: str) -> None:
    count = 0
    while not any(told["id"] == task_id and told["status"] == "SUCCESS" for told in map(body, receiver.taken)):
        count += 1
        await receiver.until_taken(count)


def body(post: Post) -> Json:
    told: Json = orjson.loads(post.body)
    return told


async def test_webhooks_of_others_are_delivered_by_name_and_by_address(attacked: Attacked):
    receiver = Receiver()
    async with receiver.server, asyncio.timeout(PATIENCE_SECONDS):
        for host in ("alive.test", "127.0.0.1", "localhost"):
            url = f"http://{host}:{receiver.server.port}/hook"
            task_id = await attacked.client.submit("imagine", prompt=f"a fox at {host}", notifyHook=url)
            await until_told_the_end(receiver, task_id)
            assert receiver.taken[-1].headers["host"] == f"{host}:{receiver.server.port}"


async def test_pictures_of_others_come_from_discord(attacked: Attacked):
    task = await attacked.client.done("imagine", prompt="a red fox")

    assert (await attacked.client.picture(task["id"]))["prompt"].startswith("a red fox")


async def test_links_of_others_are_fetched(attacked: Attacked):
    task = await attacked.client.done("imagine", prompt="a red fox")
    status, answer = await attacked.client.post("/mj/submit/upload-discord-images", {"base64Array": [task["imageUrl"]]})

    assert (status, answer["code"]) == (200, 1), answer


async def test_pictures_of_others_are_uploaded(attacked: Attacked):
    task = await attacked.client.done("blend", base64Array=[data_url(png("red")), data_url(png("blue"))])

    assert task["status"] == "SUCCESS"


async def test_a_dead_domain_takes_a_small_share_of_the_places(attacked: Attacked):
    """So that the rest is there for the others."""
    asked = set(attacked.names.asked)

    assert len({name for name in asked if name.startswith("hook")}) == SHARE
    assert len({name for name in asked if name.startswith("pictures")}) == SHARE


async def test_no_number_of_dead_domains_delays_webhooks_to_a_host_that_answered(attacked: Attacked):
    receiver = Receiver()
    async with receiver.server, asyncio.timeout(PATIENCE_SECONDS):
        url = f"http://alive.test:{receiver.server.port}/hook"
        await until_told_the_end(receiver, await attacked.client.submit("imagine", prompt="a fox", notifyHook=url))
        for number in range(DOMAINS):
            await attacked.client.submit("shorten", prompt="a fox", notifyHook=f"http://hook.dead{number}.test/x")
        await attacked.names.until_asked_for_many("hook", HALF)

        await until_told_the_end(receiver, await attacked.client.submit("imagine", prompt="a hen", notifyHook=url))

    assert len({name for name in attacked.names.asked if name.startswith("hook")}) == HALF  # which are still under way


async def test_no_number_of_dead_domains_delays_links_to_a_host_that_answered(attacked: Attacked):
    task = await attacked.client.done("imagine", prompt="a red fox")
    link = {"base64Array": [task["imageUrl"]]}
    assert (await attacked.client.post("/mj/submit/upload-discord-images", link))[1]["code"] == 1
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        links = [group.create_task(post_link(attacked.client, f"pictures.dead{n}.test")) for n in range(DOMAINS)]
        await attacked.names.until_asked_for_many("pictures", HALF)

        status, answer = await attacked.client.post("/mj/submit/upload-discord-images", link)
        for each in links:
            each.cancel()

    assert (status, answer["code"]) == (200, 1), answer
