"""The control API, the clock, the ids: what makes the simulator steerable and repeatable."""

import asyncio
import base64
import json
import re
from typing import Any

import aiohttp
import pytest
from discord_simulator.app import Simulator
from discord_simulator.clock import Clock
from discord_simulator.options import PictureSize
from discord_simulator.snowflake import Snowflakes
from discord_simulator.tokens import user_token
from discord_simulator.users import Installed

from tests.simulator.conftest import Discord
from tests.simulator.small_bot import SmallBot


async def test_the_journal_is_json_lines_after_a_number(discord: Discord):
    await discord.interact(discord.imagine("a"))
    await discord.call("GET", "/api/v9/users/@me")
    async with discord.http.get(discord.simulator.url + "/__sim/journal") as response:
        whole = [json.loads(line) for line in (await response.text()).splitlines()]
        content_type = response.content_type
    async with discord.http.get(
        f"{discord.simulator.url}/__sim/journal?after={whole[0]['seq']}&kind=request"
    ) as response:
        requests = [json.loads(line) for line in (await response.text()).splitlines()]

    assert content_type == "application/x-ndjson"
    assert [line["seq"] for line in whole] == list(range(1, len(whole) + 1))
    assert whole[0] | {"time": ""} == {
        "seq": 1,
        "time": "",
        "kind": "interaction",
        "account": 1,
        "user_id": "100000000000000001",
        "type": 2,
        "name": "imagine",
        "custom_id": None,
        "prompt": "a",
        "nonce": "1",
        "job_id": None,
        "application_id": "936929561302675456",
        "channel_id": "300000000000000001",
        "message_id": None,
        "interaction_id": whole[0]["interaction_id"],
        "status": 204,
    }
    assert [(line["method"], line["route"], line["status"]) for line in requests] == [("GET", "me", 200)]


async def test_settings_of_one_account_leave_the_others_alone(discord: Discord):
    changes = {"plan": "Pro", "fast_minutes": 0, "mj": {"remix": True, "mode": "relax"}, "niji": {"version": "niji 6"}}
    await discord.sim("accounts/1", changes)
    one, two = discord.simulator.world.accounts

    assert (one.plan, one.fast_minutes, one.settings["936929561302675456"].remix) == ("Pro", 0, True)
    assert (two.plan, two.settings["936929561302675456"].remix) == ("Standard", False)


@pytest.mark.parametrize(
    "changes", [{"colour": "red"}, {"access": "maybe"}, {"mj": {"mode": "slow"}}, {"token": "x"}, {"bots": "none"}]
)
async def test_a_setting_that_does_not_exist_is_refused(discord: Discord, changes: dict):
    assert (await discord.call("POST", "/__sim/accounts/1", json=changes))[0] == 400
    assert (await discord.call("POST", "/__sim/accounts/9", json={}))[0] == 400


async def test_the_size_of_pictures_is_an_option(discord: Discord):
    options = await discord.sim("options", {"pictures": "real", "film_bytes": 60_000_000})

    assert (options["pictures"], options["film_bytes"]) == ("real", 60_000_000)
    assert (await discord.call("POST", "/__sim/options", json={"pictures": "huge"}))[0] == 400
    assert discord.simulator.world.options.pictures is PictureSize.REAL


async def test_an_added_account_can_log_in(discord: Discord):
    added = await discord.sim("accounts", {})
    async with discord.connect() as client:
        ready = await client.identify(3)

    assert (added["account"], ready["user"]["id"]) == (3, "100000000000000003")


async def test_an_added_account_may_have_one_bot(discord: Discord):
    added = await discord.sim("accounts", {"bots": "niji"})

    assert added["bots"] == "niji"
    assert (await discord.call("POST", "/__sim/accounts", json={"bots": "none"}))[0] == 400
    assert len(discord.simulator.world.accounts) == 3


async def test_which_bots_are_installed_can_be_said_for_all_accounts():
    async with Simulator(accounts=2, bots=Installed.MJ) as simulator:
        assert [account.bots for account in simulator.world.accounts] == [Installed.MJ] * 2


async def test_the_state_tells_each_accounts_token(discord: Discord):
    _, state = await discord.call("GET", "/__sim/state")
    account = state["accounts"][0]
    status, user = await discord.call("GET", "/api/v9/users/@me")

    assert account["token"] == user_token(1) == discord.simulator.world.accounts[0].token
    assert (status, user["id"]) == (200, account["user_id"])


@pytest.mark.parametrize("number", [1, 2, 1000])
def test_a_token_has_discords_form(number: int):
    """Clients read the user id from the first part."""
    user_id, issued, signature = user_token(number).split(".")

    assert base64.urlsafe_b64decode(user_id + "=" * (-len(user_id) % 4)).decode() == str(
        100_000_000_000_000_000 + number
    )
    assert len(base64.urlsafe_b64decode(issued + "=" * (-len(issued) % 4))) == 4
    assert re.fullmatch(r"[\w-]{27,38}", signature)


async def test_an_arbitrary_event_reaches_the_account(discord: Discord):
    async with discord.connect() as client:
        await client.identify()
        await discord.sim("events", {"account": 1, "event": "TYPING_START", "data": {"x": 1}})

        assert (await client.event("TYPING_START"))["d"] == {"x": 1}


async def test_a_strangers_message_and_the_bots_differ_in_their_author(discord: Discord):
    stranger = await discord.sim("messages", {"account": 1, "content": "hi"})
    bot = await discord.sim("messages", {"account": 1, "content": "hi", "bot": "niji", "dm": True})

    assert (stranger["author"]["id"], stranger["channel_id"]) == ("199999999999999999", "300000000000000001")
    assert (bot["author"]["id"], bot["channel_id"]) == ("1022952195194359889", "500000000000000001")


def nested(name: str) -> dict[str, Any]:
    """Make an object that holds another under this name, and so on: too deep for any answer."""
    value: dict[str, Any] = {}
    for _ in range(130):
        value = {name: [value]}
    return value


@pytest.mark.parametrize(
    "wrong",
    [
        {"embeds": [{"image": 5}]},
        {"embeds": [{"image": {"url": []}}]},
        {"components": [{"components": 5}]},
        {"components": [{"components": [{"components": [5]}]}]},
        {"components": [{"components": [{"custom_id": "x"}]}]},
        {"components": [{"type": 3, "custom_id": "x", "options": [{"label": "no value"}]}]},
        {"components": [nested("components")]},
        {"embeds": [nested("fields")]},
    ],
)
async def test_a_message_that_could_not_be_shown_is_not_posted(discord: Discord, wrong: dict):
    """Else the channel's history would break with it."""
    status, _ = await discord.call("POST", "/__sim/messages", json={"account": 1, "content": "hi"} | wrong)
    history = await discord.call("GET", "/api/v9/channels/300000000000000001/messages")

    assert (status, history) == (400, (200, []))


async def test_a_menu_without_options_offers_nothing(discord: Discord):
    menu = {"type": 3, "custom_id": "x"}
    message = await discord.sim("messages", {"account": 1, "content": "hi", "bot": "mj", "components": [menu]})
    press = discord.press(message["id"], "x", data={"component_type": 3, "custom_id": "x", "values": ["1"]})

    assert (await discord.interact(press))[0] == 400


async def test_null_in_a_message_counts_as_absent(discord: Discord):
    nothing = {"embeds": [{"image": None}, {"image": {"url": None}}], "components": [{"type": 1, "components": None}]}
    message = await discord.sim("messages", {"account": 1, "content": "hi", "bot": "mj"} | nothing)
    press = discord.press(message["id"], "small::again")

    assert (await discord.interact(press))[0] == 404
    assert (await discord.call("GET", "/api/v9/channels/300000000000000001/messages"))[0] == 200


async def test_reset_forgets_messages_settings_and_faults_but_not_connections(discord: Discord):
    async with discord.connect() as client:
        await client.identify()
        await discord.sim("messages", {"account": 1, "content": "before"})
        await discord.sim("accounts/1", {"plan": "Pro"})
        await discord.fault("TokenRefused", times=None)
        await discord.sim("reset", {})
        await discord.sim("messages", {"account": 1, "content": "after"})

        assert (await client.event("MESSAGE_CREATE", lambda d: d["content"] == "after"))["d"]
    _, history = await discord.call("GET", "/api/v9/channels/300000000000000001/messages")
    assert [message["content"] for message in history] == ["after"]
    assert discord.simulator.world.accounts[0].plan == "Standard"
    assert (await discord.interact(discord.imagine()))[0] == 204


async def test_the_clock_can_be_made_faster_and_skewed(discord: Discord):
    await discord.sim("clock", {"speed": 5000, "skew_seconds": -3600})
    message = await discord.sim("messages", {"account": 1, "content": "hi"})
    clock = discord.simulator.world.clock

    assert clock.seconds(5000) == 1
    assert message["timestamp"] <= clock.now().isoformat()
    assert clock.skew.total_seconds() == -3600


async def test_a_cleared_clock_calls_nothing_more():
    clock = Clock(1000)
    called: list[str] = []
    clock.call_later(1, called.append, "cancelled")
    clock.clear()
    done = asyncio.Event()
    clock.call_later(2, done.set)
    await done.wait()

    assert called == []


def test_a_speed_of_zero_is_refused():
    with pytest.raises(ValueError, match="above 0"):
        Clock(0)


def test_ids_rise_and_repeat_for_a_seed():
    first, again, other = Snowflakes.for_seed(1), Snowflakes.for_seed(1), Snowflakes.for_seed(2)
    ids = [first.next() for _ in range(3)]

    assert ids == sorted(ids, key=int) == [again.next() for _ in range(3)]
    assert other.next() not in ids


async def test_two_runs_with_one_seed_send_the_same_ids():
    async def run() -> list[tuple]:
        async with Simulator(seed=7, speed=1000, bot=SmallBot) as simulator, aiohttp.ClientSession() as http:
            discord = Discord(simulator, http)
            async with discord.connect() as client:
                await client.identify()
                discord.session_id = client.session_id
                await discord.interact(discord.imagine())
                await client.event("MESSAGE_DELETE")
            return [(p["t"], p["d"].get("id"), p["d"].get("content")) for p in client.seen if p["op"] == 0]

    assert await run() == await run()


async def test_requests_still_running_do_not_hold_up_the_stop(discord: Discord):
    await discord.fault("TimeOutAfterAccept", seconds=3600)
    async with discord.connect() as client:
        await client.identify()
        discord.session_id = client.session_id
        slow = asyncio.ensure_future(discord.interact(discord.imagine()))
        await client.event("INTERACTION_CREATE")
        await discord.simulator.stop()

    with pytest.raises(aiohttp.ClientError):
        await slow
