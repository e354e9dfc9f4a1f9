"""Another site's page, open in a browser of this machine, reaches neither the metrics nor the simulator.

It may ask by a loopback address, which browsers say by Origin or Sec-Fetch-Site, or by its own name made to point here.
"""

from collections.abc import Iterator

import aiohttp
import pytest

from tests.support.stack import StackProcess, running_stack

FOREIGN = {
    "by its own name made to point here": {"Host": "evil.example"},
    "by a fetch": {"Origin": "https://evil.example"},
    "by a fetch of a sandbox": {"Origin": "null"},
    "by a picture or a script": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    "from another port of this machine": {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
}
STEERING = [("GET", "/__sim/state"), ("GET", "/__sim/journal"), ("POST", "/__sim/reset"), ("DELETE", "/__sim/faults")]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackProcess]:
    with running_stack(tmp_path_factory.mktemp("pages")) as running:
        yield running


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
async def test_a_foreign_page_reads_no_metrics(stack, headers):
    async with aiohttp.ClientSession() as http, http.get(stack.metrics, headers=headers) as answer:
        assert answer.status == 403
        assert "midway_" not in await answer.text()


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize(("method", "path"), STEERING)
async def test_a_foreign_page_does_not_steer_the_simulator(stack, method, path, headers):
    async with aiohttp.ClientSession(stack.simulator) as http, http.request(method, path, headers=headers) as answer:
        assert answer.status == 403
        assert "token" not in await answer.text()


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
async def test_a_foreign_page_opens_no_gateway(stack, headers):
    async with aiohttp.ClientSession(stack.simulator) as http:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect("/gateway?v=9&encoding=json", headers=headers)

    assert refused.value.status == 403


async def test_prometheus_and_people_are_answered(stack):
    async with aiohttp.ClientSession() as http:
        for url in (stack.metrics, stack.simulator + "/__sim/state"):
            for headers in ({}, {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}):
                async with http.get(url, headers=headers) as answer:
                    assert answer.status == 200
