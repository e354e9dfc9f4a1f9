"""Pages of Tasks over HTTP: the same as over gRPC, sent Task by Task."""

from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from midjourney.v1 import query_pb2
from midway.rpc import listing

from tests.rest.conftest import Door, door_of
from tests.support.rig import Rig

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def listed(door: Door, query: str = "") -> query_pb2.ListTasksResponse:
    """Read a page over HTTP."""
    async with door.http.get(f"/v1/tasks{query}") as answer:
        assert (answer.status, answer.content_type) == (200, "application/json"), await answer.text()
        return json_format.Parse(await answer.text(), query_pb2.ListTasksResponse())


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("", {}),
        ("?page_size=2", {"page_size": 2}),
        ("?pageSize=3&filter.clientState=none", {"page_size": 3, "filter": {"client_state": "none"}}),
        (
            "?filter.states=STATE_SUCCEEDED&page_size=1000",
            {"page_size": 1000, "filter": {"states": ["STATE_SUCCEEDED"]}},
        ),
    ],
)
async def test_a_page_is_that_of_grpc(door: Door, query: str, fields: dict[str, Any]) -> None:
    for number in range(3):
        await door.rig.succeeded(await door.rig.imagine(f"a hare {number}"))
    request = json_format.ParseDict(fields, query_pb2.ListTasksRequest())

    assert await listed(door, query) == await door.served.tasks.ListTasks(request)


async def test_pages_give_every_task_once_however_many_are_read_at_once(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "READ_AT_ONCE", 3)
    for number in range(10):
        await door.rig.engine.cancel((await door.rig.imagine(f"a hare {number} __hang")).id)
    whole = await listed(door, "?page_size=1000")
    for size in (1, 2, 3, 4, 7):
        ids: list[str] = []
        token = ""
        while not ids or token:
            page = await listed(door, f"?page_size={size}&page_token={token}")
            ids += [task.id for task in page.tasks]
            token = page.next_page_token
        assert ids == [task.id for task in whole.tasks]


async def test_an_empty_page_is_an_object(door: Door) -> None:
    page = await listed(door, "?filter.parent_task_id=17")

    assert (len(page.tasks), page.next_page_token) == (0, "")
    assert page.revision > 0


async def test_a_page_of_long_prompts_ends_where_that_of_grpc_does(rig: Rig, tmp_path: Path) -> None:
    async with door_of(rig, tmp_path, max_page_bytes=100_000) as door:
        for _ in range(10):
            await rig.engine.cancel((await rig.imagine('\x01"狐' * 2000 + "__hang")).id)
        over_grpc = await door.served.tasks.ListTasks(query_pb2.ListTasksRequest(page_size=1000))
        over_http = await listed(door, "?page_size=1000")

    assert over_http == over_grpc
    assert over_http.next_page_token


@pytest.mark.parametrize(
    ("query", "named"), [("page_size=-1", "page_size"), ("page_size=x", "page_size"), ("pageToken=x", "page_token")]
)
async def test_what_is_wrong_is_told_before_anything_is_sent(door: Door, query: str, named: str) -> None:
    async with door.http.get(f"/v1/tasks?{query}") as answer:
        error = await answer.json()

    assert (answer.status, error["details"][1]["fieldViolations"][0]["field"]) == (400, named)


async def test_head_sends_no_page(door: Door) -> None:
    async with door.http.head("/v1/tasks") as answer:
        assert (answer.status, await answer.read()) == (200, b"")
