"""Which paths pass the transcoder by, to the server's own HTTP, and what of a request arrives there."""

from typing import Any

import pytest
from yarl import URL

from tests.envoy.backend import REACHED
from tests.envoy.conftest import Door

pytestmark = pytest.mark.asyncio(loop_scope="session")

READS = [
    "/v1/tasks",
    "/v1/tasks?page_size=2",
    "/v1/tasks/17/image",
    "/v1/tasks/17/image:download",
    "/v1/tasks/17/image?index=2&signature=x",
    "/mj/task/17/fetch",
    "/mj/task/list",
    "/mj/task/queue",
    "/mj/account/17/fetch",
    "/mj/account/list",
]
LISTS = ["/mj/task/list-by-condition", "/mj/task/list-by-ids"]
WATCHES = ["/v1/tasks/17:watch", "/v1/tasks:watch"]


async def reaches(door: Door, method: str, path: str) -> bool:
    """Tell whether the backend answers."""
    async with door.http.request(method, URL(door.url + path, encoded=True)) as answer:
        return REACHED.items() <= answer.headers.items()


async def echoed(door: Door, method: str, path: str, **sent: Any) -> dict[str, Any]:
    """Send a request and return what the backend saw of it."""
    async with door.http.request(method, path, **sent) as answer:
        assert (answer.status, answer.content_type) == (200, "application/json"), await answer.text()
        seen: dict[str, Any] = await answer.json()
        return seen


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", READS)
async def test_reads_reach_the_backend(door, method, path):
    assert await reaches(door, method, path)


@pytest.mark.parametrize("path", WATCHES)
async def test_watches_reach_the_backend(door, path):
    door.rest.go_on.set()

    assert await reaches(door, "GET", path)


@pytest.mark.parametrize("path", LISTS)
async def test_lists_with_a_body_reach_the_backend(door, path):
    seen = await echoed(door, "POST", path, json={"ids": ["17", "狐"]})

    assert (seen["method"], seen["path"], seen["headers"]["content-type"]) == ("POST", path, "application/json")
    assert seen["body"] == '{"ids": ["17", "\\u72d0"]}'


async def test_a_long_list_reaches_the_backend_whole(door):
    body = b'{"ids":["' + b"1" * 1_000_000 + b'"]}'

    assert (await echoed(door, "POST", LISTS[0], data=body))["body"] == body.decode()


@pytest.mark.parametrize("path", [*READS, *LISTS, *WATCHES])
@pytest.mark.parametrize("end", ["/", "//"])
async def test_a_slash_at_the_end_means_nothing(door, path, end):
    door.rest.go_on.set()
    method = "POST" if path in LISTS else "GET"
    path, mark, query = path.partition("?")

    assert await reaches(door, method, path + end + mark + query)


@pytest.mark.parametrize(
    "path",
    [
        *(f"/{path}" for path in [*READS, *LISTS, *WATCHES]),
        *(f"//mj-fast//{path}" for path in [*READS, *LISTS] if path.startswith("/mj/")),
        "/v1//tasks///17//image",
        "/mj-relax//task/list",
    ],
)
async def test_slashes_side_by_side_are_one(door, path):
    """Clients join a base URL that ends in a slash with paths that begin with one."""
    door.rest.go_on.set()

    assert await reaches(door, "POST" if "list-by" in path else "GET", path)


async def test_slashes_in_a_query_stay(door):
    await reaches(door, "GET", "//v1//tasks//17/image?signature=a//b")

    assert door.rest.asked["path"] == "/v1/tasks/17/image?signature=a//b"


@pytest.mark.parametrize("path", ["/mj/task/17%2Ffetch", "/mj/task/%2f/fetch", "//mj/task/17%2f%2ffetch"])
async def test_an_escaped_slash_is_refused(door, path):
    async with door.http.request("GET", URL(door.url + path, encoded=True)) as answer:
        assert (answer.status, answer.content_type) == (400, "application/json")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *((method, path) for method in ("POST", "PUT", "PATCH", "DELETE") for path in [*READS, *WATCHES]),
        *(("HEAD", path) for path in WATCHES),
        *((method, path) for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE") for path in LISTS),
    ],
)
async def test_another_method_on_these_paths_is_404(door, method, path):
    async with door.http.request(method, path) as answer:
        assert (answer.status, answer.content_type) == (404, "application/json")
        assert method == "HEAD" or (await answer.json())["code"] == 404
        assert "X-Reached" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/health",
        "/v1/tasks/17",
        "/v1/tasks/17/seed",
        "/v1/tasks/17/image/2",
        "/v1/tasks/17/2/image",
        "/v1/tasks//image",
        "/v1/tasks/17/watch",
        "/v1/tasks/17%3Awatch",
        "/v1/tasks/:watch",
        "/v1/tasks/17/2:watch",
        "/v1/tasks:imagine",
        "/v1/tasks:watching",
        "/v2/tasks:watch",
        "/mj/task/17/image-seed",
        "/mj/task//fetch",
        "/mj/task/17/2/fetch",
        "/mj/task/17",
        "/mj/task/fetch",
        "/mj/task/lists",
        "/mj/task/queue/17",
        "/mj/account/17",
        "/mj//account//17",
        "/mj-warp/mj/task/list",
        "/x/mj/task/list",
    ],
)
async def test_no_other_path_reaches_the_backend(door, path):
    assert not await reaches(door, "GET", path)


@pytest.mark.parametrize(
    ("method", "path", "arrives", "mode"),
    [
        ("GET", "/mj-fast/mj/task/1/fetch", "/mj/task/1/fetch", "fast"),
        ("GET", "/mj-relax/task/list", "/mj/task/list", "relax"),
        ("GET", "/mj-turbo/account/17/fetch", "/mj/account/17/fetch", "turbo"),
        ("POST", "/mj-relax/mj/task/list-by-condition", "/mj/task/list-by-condition", "relax"),
        ("POST", "/mj-fast/task/list-by-ids?_t=1", "/mj/task/list-by-ids", "fast"),
    ],
)
async def test_a_speed_prefix_leaves_the_path_and_becomes_a_header(door, method, path, arrives, mode):
    seen = await echoed(door, method, path, headers={"x-mj-mode": "other"})

    assert (seen["path"], seen["headers"]["x-mj-mode"]) == (arrives, mode)


async def test_a_query_of_the_old_api_does_not_reach_the_backend(door):
    assert (await echoed(door, "GET", "/mj/task/17/fetch?id=9&_t=1"))["path"] == "/mj/task/17/fetch"


async def test_headers_reach_the_backend_as_they_are(door):
    headers = {"mj-api-secret": "one", "Authorization": "Bearer two", "Host": "localhost:8080"}

    seen = (await echoed(door, "GET", "/mj/task/17/fetch", headers=headers))["headers"]

    assert (seen["mj-api-secret"], seen["authorization"], seen["host"]) == ("one", "Bearer two", "localhost:8080")
