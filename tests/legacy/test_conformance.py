"""Old clients unchanged: every case of `cases/` through the real Envoy."""

import json
from typing import Any

import aiohttp
import pytest
from yarl import URL

from tests.legacy.case import KEY, Case, Step, at, body_of, expectation_of, load_cases, method_of
from tests.legacy.conftest import Servers
from tests.legacy.matching import mismatches
from tests.legacy.world import World

CASES = load_cases()


def test_every_case_has_a_name_of_its_own() -> None:
    names = [case.name for case in CASES]

    assert len(names) == len(set(names))


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_case(servers: Servers, case: Case) -> None:
    """The answer is the one that the old API's clients expect."""
    world = await servers(case.server)
    saved: dict[str, Any] = {}
    for step in case.steps:
        await _run(step, world, saved)


async def _run(step: Step, world: World, saved: dict[str, Any]) -> None:
    if step.until is not None:
        wait = await world.filled(step.until, saved)
        await world.until(wait["task"], wait["state"])
        return
    send, expect = await world.filled(step.send, saved), await world.filled(expectation_of(step), saved)
    headers = {name: str(value) for name, value in send.get("headers", {"mj-api-secret": KEY}).items()}
    url = URL(world.url + send["path"], encoded=True)  # not joined: a path may begin with two slashes
    async with world.http.request(method_of(send), url, data=body_of(send), headers=headers) as answer:
        document = _checked(answer, await answer.read(), expect)
    saved.update({name: at(document, place) for name, place in step.save.items()})


def _checked(answer: aiohttp.ClientResponse, content: bytes, expect: dict[str, Any]) -> Any:
    """Compare an answer with what is expected of it; return its JSON."""
    text = content.decode()
    document = json.loads(text) if answer.content_type == "application/json" and text else None
    headers = {name.lower(): value for name, value in answer.headers.items()}
    wanted_headers = {"content-type": "~has application/json", **expect.get("headers", {})}
    differences = [
        *mismatches(expect.get("status", 200), answer.status, "status"),
        *mismatches({**wanted_headers, "...": None}, headers, "headers"),
        *(mismatches(expect["json"], document) if "json" in expect else ()),
        *(f"raw: {part!r} is missing" for part in expect.get("raw", ()) if part not in text),
    ]
    assert not differences, f"{differences}\n{answer.status} {text[:2000]}"
    return document
