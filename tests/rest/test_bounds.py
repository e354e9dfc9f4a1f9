"""One client hurts no other, at this door as at gRPC's: Envoy tells whose calls these are."""

from pathlib import Path

import pytest

from tests.rest.conftest import Door, door_of
from tests.rest.test_events import events
from tests.support.rig import Rig

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = "sk-open-sesame"
BAD, GOOD = (
    {"mj-api-secret": KEY, "x-forwarded-for": f"192.0.2.9, {address}"} for address in ("192.0.2.1", "192.0.2.2")
)
TOO_MANY = "ERROR_REASON_TOO_MANY_CALLS"


async def test_one_client_has_half_of_all_calls_and_watches(rig: Rig, tmp_path: Path) -> None:
    async with (
        door_of(rig, tmp_path, max_concurrent_calls=2, api_keys=(KEY,)) as door,
        door.http.get("/v1/tasks:watch", headers=BAD) as watch,
    ):
        await anext(events(watch))
        async with door.http.get("/v1/tasks", headers=BAD) as refused:
            told = (await refused.json())["details"][0]["reason"]
        async with door.http.get("/v1/tasks", headers=GOOD) as answered:
            assert (refused.status, told, answered.status) == (429, TOO_MANY, 200)


async def test_a_list_in_a_query_has_a_bound(door: Door) -> None:
    query = "&".join(["filter.states=1"] * 1001)
    async with door.http.get(f"/v1/tasks?{query}") as answer:
        (violation,) = (await answer.json())["details"][1]["fieldViolations"]

    assert (answer.status, violation["field"]) == (400, "filter.states")
