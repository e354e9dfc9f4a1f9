"""What is posted to a webhook, where it may lead, and how a receiver that was away for too long is told afterwards."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise

import orjson
import pytest
from aiohttp import web
from midjourney.v1 import task_pb2

from tests.acceptance.client import Client, Json, button, client_of, data_url, png
from tests.support.processes import PATIENCE_SECONDS
from tests.support.stack import StackProcess, running_stack
from tests.webhook.conftest import Post, Receiver

SETTINGS = {
    "MIDWAY_WEBHOOK_ALLOW_HOSTS": "127.0.0.1",
    "MIDWAY_WEBHOOK_FIRST_DELAY_SECONDS": "0.05",
    "MIDWAY_WEBHOOK_MAX_AGE_SECONDS": "0.2",
}


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackProcess]:
    """A stack that gives webhooks up soon."""
    with running_stack(tmp_path_factory.mktemp("webhooks"), **SETTINGS) as stack:
        yield stack


@pytest.fixture
async def client(impatient: StackProcess) -> AsyncIterator[Client]:
    """A client of that stack."""
    async with client_of(impatient) as opened:
        yield opened


async def given_up(client: Client, task_id: str) -> list[str]:
    """Wait for the dead letter of a Task's end; return the ids of all its dead letters, the last one first."""
    while True:
        _, page = await client.get(f"/v1/dead-letters?task_id={task_id}")
        letters = page.get("deadLetters", [])
        if any(letter["taskState"] == "STATE_SUCCEEDED" for letter in letters):
            return [letter["id"] for letter in letters]


async def test_a_dead_letter_is_listed_and_sent_again_under_the_same_id(impatient, client):
    receiver = Receiver()
    receiver.answers.extend(web.Response(status=503) for _ in range(1000))
    async with receiver.server:
        task = await client.done("imagine", prompt="a fox nobody hears of", notifyHook=receiver.url)
        letters = await given_up(client, task["id"])
        shown = impatient.midway("webhooks")
        receiver.answers.clear()
        again = impatient.midway("redeliver", *letters)
        await receiver.until_taken(len(letters))

    assert (again.returncode, again.stdout.split()) == (0, letters)
    assert [line.split("\t")[0] for line in shown.stdout.splitlines()] == letters
    assert "answered 503" in shown.stdout
    assert {post.headers["webhook-id"] for post in receiver.taken} == set(letters)
    assert not impatient.midway("webhooks").stdout


async def test_a_dead_letter_is_sent_again_over_rest(client):
    receiver = Receiver()
    receiver.answers.extend(web.Response(status=410) for _ in range(1000))
    async with receiver.server:
        task = await client.done("imagine", prompt="a fox that was gone", notifyHook=receiver.url)
        letter = (await given_up(client, task["id"]))[0]
        receiver.answers.clear()
        status, answer = await client.post(f"/v1/dead-letters/{letter}:redeliver", {})
        await receiver.until_taken(1)

    assert (status, answer) == (200, {})
    assert receiver.taken[0].headers["webhook-id"] == letter


def test_redeliver_wants_names_or_all(impatient):
    refused = impatient.midway("redeliver")

    assert refused.returncode == 2
    assert "--all" in refused.stderr


def told(receiver: Receiver, task_id: str) -> list[Json]:
    """Return what was posted of a Task, in order."""
    return [task for task in (orjson.loads(post.body) for post in receiver.taken) if task["id"] == task_id]


def seen(task: Json) -> tuple[object, ...]:
    """What a client shows of a Task; a picture whose link was signed anew is the same."""
    return task["status"], task["progress"], (task["imageUrl"] or "").partition("?")[0], task["failReason"]


async def until_told_the_end(receiver: Receiver, task_id: str) -> list[Json]:
    """Return what was posted of a Task, when its end was."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not any(task["finishTime"] for task in told(receiver, task_id)):
            await receiver.until_taken(len(receiver.taken) + 1)
    return told(receiver, task_id)


async def test_each_change_is_posted_once_and_nothing_after_the_end(client_without_keys):
    """A chat bot told its user of each press of a button as of a new picture. Its address needs no setting here."""
    client, receiver = client_without_keys, Receiver()
    async with receiver.server:
        grid = await client.done("imagine", prompt="a fox that is pressed", notifyHook=receiver.url)
        for index in (1, 2):
            await client.done("change", taskId=grid["id"], action="UPSCALE", index=index)
        await client.done("action", taskId=grid["id"], customId=button(grid, "V1"))
        revisions = [update.revision async for update in client.updates(grid["id"])]
        marker = await client.done("imagine", prompt="a fox that comes after", notifyHook=receiver.url)
        await until_told_the_end(receiver, marker["id"])
        posts = await until_told_the_end(receiver, grid["id"])

    assert [task["status"] for task in posts].count("SUBMITTED") == 1
    assert [task["status"] for task in posts].count("SUCCESS") == 1
    assert posts[-1]["status"] == "SUCCESS"
    assert all(seen(before) != seen(after) for before, after in pairwise(posts))
    assert revisions[-1] > max(int(post.headers["webhook-id"].rpartition("_")[2]) for post in of(receiver, grid["id"]))


def of(receiver: Receiver, task_id: str) -> list[Post]:
    """Return the posts of a Task."""
    return [post for post in receiver.taken if orjson.loads(post.body)["id"] == task_id]


async def test_a_task_that_waits_for_its_window_is_submitted_once(client_without_keys):
    client, receiver = client_without_keys, Receiver()
    async with receiver.server:
        grid = await client.done("imagine", prompt="a fox behind a window")
        picked = await client.done("change", taskId=grid["id"], action="UPSCALE", index=1)
        press = {"taskId": picked["id"], "customId": button(picked, "Custom Zoom"), "notifyHook": receiver.url}
        waiting = (await client.post("/mj/submit/action", press))[1]["result"]
        await client.done("modal", taskId=waiting, prompt="a fox --zoom 1.8")
        posts = await until_told_the_end(receiver, waiting)

    statuses = [task["status"] for task in posts]
    assert statuses == sorted(statuses, key=["SUBMITTED", "IN_PROGRESS", "SUCCESS"].index)
    assert statuses.count("SUBMITTED") == 1


async def test_a_picture_that_comes_after_the_end_is_posted_once(tmp_path):
    receiver = Receiver()
    with running_stack(tmp_path, MIDWAY_SIMULATOR_SPEED="10") as slow:
        async with receiver.server, client_of(slow) as client:
            task_id = await client.submit("imagine", prompt="a fox that comes too late", notifyHook=receiver.url)
            async for update in client.updates(task_id):
                if update.task.state == task_pb2.Task.STATE_IN_PROGRESS:
                    break
            await client.post(f"/mj/task/{task_id}/cancel", {})
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not (late := told(receiver, task_id))[-1:] or not late[-1]["buttons"]:
                    await receiver.until_taken(len(receiver.taken) + 1)
            await client.done("change", taskId=task_id, action="UPSCALE", index=1)  # presses a button of it
            marker = await client.done("imagine", prompt="a fox that comes after", notifyHook=receiver.url)
            await until_told_the_end(receiver, marker["id"])

    ends = [task for task in told(receiver, task_id) if task["finishTime"]]
    assert [(task["status"], bool(task["buttons"])) for task in ends] == [("FAILURE", False), ("FAILURE", True)]
    assert told(receiver, task_id)[-2:] == ends


@pytest.fixture
async def client_without_keys(stack: StackProcess) -> AsyncIterator[Client]:
    """A client of the common stack, which has no keys and names no hosts for webhooks."""
    async with client_of(stack) as opened:
        yield opened


KEY = "sk-webhooks"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackProcess]:
    """A stack with a key, whose operator named one private host."""
    settings = {"MIDWAY_API_KEYS": KEY, "MIDWAY_WEBHOOK_ALLOW_HOSTS": "hooks.internal:8443"}
    with running_stack(tmp_path_factory.mktemp("locked-webhooks"), **settings) as running:
        yield running


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:3000/hook", "http://10.0.0.8/", "http://[::1]/", "http://0x7f.1/", "http://hooks.internal/x"],
)
async def test_with_keys_a_private_address_is_refused_at_the_submit(locked, url):
    """Else the client would wait for a webhook that never comes."""
    async with client_of(locked, key=KEY) as client:
        for path, body in (
            ("imagine", {"prompt": "a fox"}),
            ("describe", {"base64": data_url(png())}),
            ("change", {"taskId": "17", "action": "REROLL"}),
            ("simple-change", {"content": "17 R"}),
            ("action", {"taskId": "17", "customId": "MJ::JOB::reroll::0::x::SOLO"}),
        ):
            status, answer = await client.post(f"/mj/submit/{path}", {**body, "notifyHook": url})
            assert (status, answer["code"], answer["result"]) == (200, 4, None)
            assert answer["description"].startswith("notifyHook参数错误: ")
            assert "MIDWAY_WEBHOOK_ALLOW_HOSTS" in answer["description"]
        _, refused = await client.post("/v1/tasks:imagine", {"prompt": "a fox", "options": {"notifyUrl": url}})
        _, listed = await client.get("/mj/task/list")

    assert refused["details"][0]["reason"] == "ERROR_REASON_FIELD_INVALID"
    assert "options.notify_url" in refused["message"]
    assert listed == []


@pytest.mark.parametrize("url", ["https://hooks.internal:8443/x", "https://hook.invalid/x", ""])
async def test_with_keys_any_other_address_is_taken(locked, url):
    async with client_of(locked, key=KEY) as client:
        task_id = await client.submit("imagine", prompt="a fox", notifyHook=url)
        _, stored = await client.get(f"/mj/task/{task_id}/fetch")
        await client.post(f"/mj/task/{task_id}/cancel", {})

    assert stored["id"] == task_id
