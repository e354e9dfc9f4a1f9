"""A browser on this machine asks the simulator for no other site's page, save for its pictures."""

import aiohttp
import pytest
from discord_simulator.tokens import user_token

from tests.simulator.test_rest import send_picture

EVIL = "https://evil.example"
FOREIGN = [
    {"Host": "evil.example"},
    {"Host": "evil.example:9300"},
    {"Origin": EVIL},
    {"Origin": "null"},
    {"Origin": "https://discord.com.evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]
OURS = [
    {},
    {"Host": "localhost"},
    {"Origin": "https://discord.com", "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
]
PATHS = [("GET", "/__sim/state"), ("POST", "/__sim/reset"), ("OPTIONS", "/__sim/reset"), ("GET", "/api/v9/users/@me")]


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_another_sites_page_is_refused(discord, method, path, headers):
    url, headers = discord.simulator.url + path, headers | {"Authorization": user_token(1)}
    async with discord.http.request(method, url, headers=headers) as answer:
        assert answer.status == 403
        assert "token" not in await answer.text()


@pytest.mark.parametrize("headers", FOREIGN)
async def test_another_sites_page_cannot_open_the_gateway(discord, headers):
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await discord.http.ws_connect(discord.simulator.gateway_url, headers=headers)

    assert refused.value.status == 403


@pytest.mark.parametrize("headers", OURS)
async def test_clients_of_discord_and_people_may_ask(discord, headers):
    for path in ("/__sim/state", "/api/v9/users/@me"):
        asked = {"Authorization": user_token(1)} | headers
        async with discord.http.get(discord.simulator.url + path, headers=asked) as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Sec-Fetch-Site": "cross-site"}, 200), ({"Origin": EVIL}, 200), ({"Host": "evil.example"}, 403)],
)
async def test_any_page_may_show_a_signed_picture_under_the_simulators_own_address(discord, headers, status):
    url = (await send_picture(discord))["attachments"][0]["url"]

    async with discord.http.get(url, headers=headers) as answer:
        assert answer.status == status
