"""A finished picture's link needs no key, and outlives Discord's links and restarts."""

import json
from collections.abc import Iterator

import aiohttp
import pytest

from tests.acceptance.client import Client, Json, client_of, picture_facts
from tests.support.stack import StackProcess, running_stack
from tests.webhook.conftest import Receiver

KEY = "sk-hush-hush"
ADDRESS = "https://pictures.example.org"
SETTINGS = {"MIDWAY_API_KEYS": KEY, "MIDWAY_PUBLIC_URL": ADDRESS, "MIDWAY_WEBHOOK_ALLOW_HOSTS": "127.0.0.1"}


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackProcess]:
    """A stack that asks for a key, and knows the address of the proxy before it."""
    with running_stack(tmp_path_factory.mktemp("gallery"), **SETTINGS) as stack:
        yield stack


async def finished(client: Client, prompt: str, **body: str) -> Json:
    """Have a grid drawn and read it over the old API; followed over REST, where the client sends its key."""
    task_id = await client.submit("imagine", prompt=prompt, **body)
    async for _ in client.events(task_id):
        pass
    return await client.fetch(task_id)


async def shown(stack: StackProcess, link: str) -> tuple[aiohttp.ClientResponse, bytes]:
    """Read a link as a browser does for an <img>; the proxy between only hands on."""
    assert link.startswith(ADDRESS + "/"), link
    async with aiohttp.ClientSession() as browser, browser.get(stack.rest + link.removeprefix(ADDRESS)) as answer:
        return answer, await answer.read()


async def test_the_link_gives_the_picture_without_a_key_also_when_discords_links_have_expired(gallery):
    async with client_of(gallery, key=KEY) as client:
        task = await finished(client, "a fox")
        async with client.http.post(f"{client.simulator}/__sim/links/expire") as expired:
            assert expired.status == 200
        answer, picture = await shown(gallery, task["imageUrl"])

    assert (answer.status, answer.content_type) == (200, "image/png")
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert picture_facts(picture)["prompt"].startswith("a fox")


@pytest.mark.parametrize(
    "misused",
    [
        "{address}/v1/tasks/{other}/image?signature={signature}",
        "{address}/v1/tasks/{task}/image?signature={signature}&task_id={other}",
        "{address}/v1/tasks/{task}/image?signature={signature}&index=1",
        "{address}/v1/tasks/{task}/image?signature=00000000000000000000000000000000",
        "{address}/v1/tasks/{task}/image",
        "{address}/v1/tasks/{task}?signature={signature}",
        "{address}/v1/tasks/{task}/seed?signature={signature}",
        "{address}/mj/task/{task}/fetch?signature={signature}",
    ],
)
async def test_a_signature_opens_nothing_but_its_picture(gallery, misused):
    async with client_of(gallery, key=KEY) as client:
        task, other = await finished(client, "a fox"), await finished(client, "an owl")
    signature = task["imageUrl"].partition("signature=")[2]
    link = misused.format(address=ADDRESS, task=task["id"], other=other["id"], signature=signature)

    assert (await shown(gallery, link))[0].status == 401


@pytest.mark.parametrize("prefix", ["/mj", "/mj-fast", "/mj-relax/mj", "/mj-turbo/mj"])
async def test_every_old_path_shows_the_same_link(gallery, prefix):
    async with client_of(gallery, key=KEY) as client:
        task = await finished(client, "a fox")
        _, again = await client.get(f"{prefix}/task/{task['id']}/fetch")
        _, listed = await client.post(f"{prefix}/task/list-by-condition", {"ids": [task["id"]]})

    assert task["imageUrl"].startswith(f"{ADDRESS}/v1/tasks/{task['id']}/image?signature=")
    assert [again["imageUrl"], *(each["imageUrl"] for each in listed)] == [task["imageUrl"]] * 2


async def test_the_webhook_of_the_end_carries_the_link_and_the_very_bytes_of_fetch(gallery):
    receiver = Receiver()
    async with receiver.server, client_of(gallery, key=KEY) as client:
        task = await finished(client, "a fox", notifyHook=receiver.url)
        told: Json = {}
        while told.get("status") != "SUCCESS":
            await receiver.until_taken(len(receiver.taken) + 1 if told else 1)
            told = json.loads(receiver.taken[-1].body)
        async with client.http.get(f"/mj/task/{task['id']}/fetch") as answer:
            fetched = await answer.read()

    assert told["imageUrl"] == task["imageUrl"]
    assert receiver.taken[-1].body == fetched


async def test_a_restart_keeps_links_right(tmp_path):
    """Also when Discord knows nothing of the picture any more: the second simulator is another one."""
    with running_stack(tmp_path, **SETTINGS) as stack:
        async with client_of(stack, key=KEY) as client:
            task = await finished(client, "a fox")
        _, before = await shown(stack, task["imageUrl"])
    with running_stack(tmp_path, **SETTINGS) as stack:
        async with client_of(stack, key=KEY) as client:
            again = await client.fetch(task["id"])
        answer, after = await shown(stack, task["imageUrl"])

    assert (answer.status, after) == (200, before)
    assert again["imageUrl"] == task["imageUrl"]
