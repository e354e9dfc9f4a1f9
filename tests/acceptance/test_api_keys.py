"""Once keys are set nobody comes in without one, through whichever door."""

from collections.abc import Iterator

import grpc
import pytest
from midjourney.v1 import query_pb2

from tests.acceptance.client import client_of
from tests.support.processes import PATIENCE_SECONDS
from tests.support.stack import StackProcess, running_stack

KEY = "sk-hush-hush"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackProcess]:
    """A stack with two keys."""
    with running_stack(tmp_path_factory.mktemp("locked"), MIDWAY_API_KEYS=f"another-key, {KEY}") as stack:
        yield stack


@pytest.mark.parametrize(
    "headers", [{"mj-api-secret": KEY}, {"Authorization": KEY}, {"Authorization": f"Bearer {KEY}"}], ids=str
)
async def test_a_key_opens_in_every_spelling(locked, headers):
    async with client_of(locked) as client, client.http.get("/mj/task/list", headers=headers) as answer:
        assert (answer.status, await answer.json()) == (200, [])


@pytest.mark.parametrize("headers", [{}, {"mj-api-secret": "wrong"}, {"Authorization": "Bearer "}], ids=str)
@pytest.mark.parametrize("path", ["/mj/task/list", "/mj/task/1/fetch"])
async def test_without_a_key_the_old_api_answers_401_with_an_object(locked, headers, path):
    async with client_of(locked) as client, client.http.get(path, headers=headers) as answer:
        body = await answer.json()

    assert (answer.status, body["code"], isinstance(body["description"], str)) == (401, 401, True)


async def test_a_page_may_watch_with_the_key_in_the_query(locked):
    async with client_of(locked, key=KEY) as owner, client_of(locked) as page:
        task_id = await owner.submit("imagine", prompt="a fox")

        async with page.http.get(f"/v1/tasks/{task_id}:watch", params={"api_key": KEY}) as answer:
            assert answer.status == 200
            assert b"STATE_SUCCEEDED" in await answer.read()


async def test_without_a_key_grpc_is_unauthenticated(locked):
    async with client_of(locked) as client:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.tasks.ListTasks(query_pb2.ListTasksRequest(), timeout=PATIENCE_SECONDS)

    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
