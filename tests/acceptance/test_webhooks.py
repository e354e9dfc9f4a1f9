"""A receiver that was away for too long is told afterwards, when the operator says so."""

from collections.abc import AsyncIterator, Iterator

import pytest
from aiohttp import web

from tests.acceptance.client import Client, client_of
from tests.support.stack import StackProcess, running_stack
from tests.webhook.conftest import Receiver

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
