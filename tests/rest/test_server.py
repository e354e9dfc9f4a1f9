"""The HTTP door as a whole: which calls it answers, and whom it lets in."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from google.protobuf import json_format
from midjourney.v1 import query_pb2
from midway.rest.reading import bindings
from midway.rest.routes import LEGACY, TASKS, raw_methods

from tests.rest.conftest import Door, door_of
from tests.rpc.served import LINKS
from tests.support.rig import Rig

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = {"mj-api-secret": "hush"}
SERVED = ("GetTaskImage", "DownloadTaskImage", "ListTasks", "WatchTask", "WatchTasks")
PATHS = [
    "/v1/tasks/{task}/image",
    "/v1/tasks/{task}/image:download",
    "/v1/tasks/{task}:watch",
    "/v1/tasks:watch",
    "/v1/tasks",
    "/mj/task/{task}/fetch",
    "/mj/task/list",
    "/mj/task/queue",
    "/mj/account/list",
    "/mj/account/{account}/fetch",
]


@pytest_asyncio.fixture(loop_scope="module")
async def locked(rig: Rig, tmp_path: Path) -> AsyncIterator[Door]:
    """A door that asks for a key."""
    async with door_of(rig, tmp_path, api_keys=("hush",)) as door:
        door.shelf.path.write_bytes(b"\x89PNG\r\n\x1a\n")
        yield door


def routes(door: Door) -> set[tuple[str, str]]:
    """The HTTP method and path of each call that is answered."""
    runner = door.served.doors._rest._runner
    return {(route.method, route.resource.canonical) for route in runner.app.router.routes() if route.resource}


async def test_it_answers_pictures_watches_and_every_raw_read_of_the_old_api(door: Door) -> None:
    methods = [TASKS.methods_by_name[name] for name in SERVED]
    named = {binding for method in [*methods, *raw_methods(LEGACY)] for binding in bindings(method)}

    assert named <= routes(door)
    assert {path for method, path in routes(door) - named if method == "HEAD"} <= {path for _, path in named}
    assert len(raw_methods(LEGACY)) == 6


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "key", [{}, {"mj-api-secret": "hushed"}, {"authorization": "Bearer "}], ids=["none", "wrong", "blank"]
)
async def test_without_the_key_nothing_is_told(locked: Door, path: str, key: dict[str, str]) -> None:
    path = path.format(task=locked.grid.id, account=locked.grid.account_id)
    for wrong in ("", "?index=x&after_revision=x"):
        async with locked.http.get(path + wrong, headers=key) as answer:
            error = await answer.json()
            assert (answer.status, error["details"][0]["reason"]) == (401, "ERROR_REASON_UNAUTHENTICATED")


async def test_a_body_is_not_read_before_the_key_is_shown(locked: Door) -> None:
    async with locked.http.post("/mj/task/list-by-condition", data=b"{" * (2 << 20)) as answer:
        assert answer.status == 401


@pytest.mark.parametrize("path", PATHS[5:])
async def test_the_key_opens_the_old_apis_reads(locked: Door, path: str) -> None:
    path = path.format(task=locked.grid.id, account=locked.grid.account_id)
    async with locked.http.get(path, headers=KEY) as answer, locked.http.head(path, headers=KEY) as head:
        assert (answer.status, answer.content_type) == (200, "application/json")
        assert head.status == 200
        await answer.json()


async def test_a_path_of_the_picture_opens_it_and_nothing_else(locked: Door) -> None:
    path = LINKS.path(locked.grid, LINKS.ends_at())
    query = path.partition("?")[2]
    async with locked.http.get(path) as answer, locked.http.head(path) as head:
        assert (answer.status, head.status) == (200, 200)
    for other in ("/v1/tasks/17/image", "/v1/tasks/{task}:watch", "/mj/task/{task}/fetch"):
        async with locked.http.get(f"{other.format(task=locked.grid.id)}?{query}") as answer:
            assert answer.status == 401
    async with locked.http.get(f"{path}&index=1") as answer:
        assert answer.status == 401


@pytest.mark.parametrize("name", ["task_id", "taskId"])
async def test_a_query_cannot_say_what_the_path_says(locked: Door, name: str) -> None:
    path = LINKS.path(locked.grid, LINKS.ends_at())
    async with locked.http.get(f"{path}&{name}=17") as stranger:
        assert stranger.status == 401
    async with locked.http.get(f"{path}&{name}=17", headers=KEY) as answer:
        assert (answer.status, (await answer.json())["details"][1]["fieldViolations"][0]["field"]) == (400, "task_id")


async def test_a_body_of_a_get_says_nothing(locked: Door) -> None:
    path = f"/mj/task/{locked.grid.id}/fetch"
    async with locked.http.get(path, json={"id": "17"}, headers=KEY) as answer:
        assert (await answer.json())["id"] == locked.grid.id


async def test_a_key_of_strange_bytes_is_a_wrong_key(locked: Door) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", locked.served.doors.rest_port)
    writer.write(
        b"GET /mj/task/list HTTP/1.1\r\nHost: localhost\r\nmj-api-secret: \xff\xfe\r\nConnection: close\r\n\r\n"
    )
    said = await reader.read()
    writer.close()

    assert said.startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("path", ["/", "/v1/tasks/{x}/image", "/mj/task/%7Bx%7D/fetch", "/no/such/path"])
async def test_what_is_at_no_path_is_an_object(door: Door, path: str) -> None:
    async with door.http.get(path) as answer:
        assert (answer.status, (await answer.json())["code"]) == (404, 5)


async def test_one_id_counts_as_a_list_of_one(locked: Door) -> None:
    for ids in (locked.grid.id, int(locked.grid.id)):
        body = b"\xef\xbb\xbf" + json.dumps({"ids": ids}).encode()
        async with locked.http.post("/mj/task/list-by-condition", data=body, headers=KEY) as answer:
            assert [task["id"] for task in await answer.json()] == [locked.grid.id]


async def test_more_ids_than_are_taken_are_refused_by_name(locked: Door) -> None:
    body = {"ids": [str(number) for number in range(1001)]}
    async with locked.http.post("/mj/task/list-by-condition", json=body, headers=KEY) as answer:
        error = await answer.json()

    assert (answer.status, error["details"][1]["fieldViolations"][0]["field"]) == (400, "ids")


async def test_a_list_takes_ids_in_every_form(locked: Door) -> None:
    body = {"ids": [locked.grid.id, int(locked.grid.id), None, "17"], "unknown": {"more": 1}}
    async with locked.http.post("/mj/task/list-by-condition", json=body, headers=KEY) as answer:
        found = await answer.json()

    assert {task["id"] for task in found} == {locked.grid.id}


@pytest.mark.parametrize(
    "body", [b"[", b"[]", b'"x"', b"\xff", b'{"ids": [[[]], "x"], "ids"}', b"[" * 100_000, b" " * (1 << 20) + b"{}"]
)
async def test_a_body_that_is_none_of_this_call_is_400(locked: Door, body: bytes) -> None:
    async with locked.http.post("/mj/task/list-by-condition", data=body, headers=KEY) as answer:
        error = await answer.json()

    assert (answer.status, error["details"][1]["fieldViolations"][0]["field"]) == (400, "body")


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example:80"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
    ],
    ids=str,
)
async def test_without_keys_no_foreign_page_and_no_foreign_name_gets_in(door: Door, headers: dict[str, str]) -> None:
    async with door.http.get("/mj/task/list", headers=headers) as answer:
        assert answer.status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "localhost:1"},
        {"host": "[::1]:80"},
        {"origin": "http://localhost:5173"},
        {"origin": "https://127.0.0.1"},
    ],
    ids=str,
)
async def test_without_keys_this_machine_gets_in(door: Door, headers: dict[str, str]) -> None:
    async with door.http.get("/mj/task/list", headers=headers) as answer:
        assert answer.status == 200


async def test_a_defect_is_500_and_tells_nothing_of_the_inside(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(door.rig.engine.store, "get", broken)
    async with door.http.get(f"/mj/task/{door.grid.id}/fetch") as answer:
        assert (answer.status, "secret" in await answer.text()) == (500, False)
    assert await door.observed.first(1) == [("GetTask", "INTERNAL")]


async def test_grpc_and_http_tell_the_same_of_a_task(door: Door) -> None:
    over_grpc = (await door.served.tasks.GetTask(query_pb2.GetTaskRequest(task_id=door.grid.id))).task
    async with door.http.get(f"/v1/tasks/{door.grid.id}:watch") as answer:
        line = next(line for line in (await answer.text()).splitlines() if line.startswith("data: "))

    told = json_format.Parse(line.removeprefix("data: "), query_pb2.WatchTaskResponse())
    assert told.task == over_grpc
