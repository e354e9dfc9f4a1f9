"""Faults of events, sockets and connecting; and that every fault has its test."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from discord_simulator.faults.answers import ServerError
from discord_simulator.faults.events import EventLost, EventReordered
from discord_simulator.faults.registry import FAULTS
from discord_simulator.faults.sockets import SocketClosed
from discord_simulator.tokens import user_token

from tests.simulator.conftest import Discord
from tests.simulator.gateway_client import GatewayClient
from tests.simulator.player import Player


async def imagine(discord: Discord, client: GatewayClient) -> None:
    """Identify and imagine as that session."""
    await client.identify()
    discord.session_id = client.session_id
    assert (await discord.interact(discord.imagine()))[0] == 204


async def names_after(discord: Discord, client: GatewayClient) -> list[str]:
    """Imagine, then read up to a marker posted after the job's end; give the event names between."""
    await imagine(discord, client)
    await client.event("MESSAGE_DELETE")
    await discord.sim("messages", {"account": 1, "content": "marker"})
    await client.event("MESSAGE_CREATE", lambda data: data["content"] == "marker")
    names = [payload["t"] for payload in client.seen if payload["op"] == 0]
    return names[2:-1]


async def test_a_job_without_faults_has_these_events(discord: Discord):
    async with discord.connect() as client:
        names = await names_after(discord, client)

    assert names == [
        "INTERACTION_CREATE",
        "MESSAGE_CREATE",
        "INTERACTION_SUCCESS",
        "MESSAGE_UPDATE",
        "MESSAGE_CREATE",
        "MESSAGE_DELETE",
    ]


async def test_a_lost_event_never_comes_and_leaves_no_gap_in_the_numbers(discord: Discord):
    await discord.fault("EventLost", event="INTERACTION_SUCCESS")
    async with discord.connect() as client:
        names = await names_after(discord, client)

    assert "INTERACTION_SUCCESS" not in names
    assert [p["s"] for p in client.seen if p["op"] == 0] == list(range(1, len(names) + 4))
    assert [line["fault"] for line in await discord.journal("fault")] == ["EventLost"]


async def test_content_and_skip_choose_the_very_message_that_is_lost(discord: Discord):
    await discord.fault("EventLost", event="MESSAGE_CREATE", content=r"\(fast\)$")
    async with discord.connect() as client:
        names = await names_after(discord, client)

    assert names.count("MESSAGE_CREATE") == 1
    assert not [p for p in client.seen if (p["d"] or {}).get("attachments")]


@pytest.mark.parametrize(("same", "numbers"), [(True, 1), (False, 2)])
async def test_a_duplicated_event_comes_twice_under_one_number_or_two(discord: Discord, same: bool, numbers: int):
    await discord.fault("EventDuplicated", event="MESSAGE_UPDATE", same_sequence=same)
    async with discord.connect() as client:
        await names_after(discord, client)

    updates = [p for p in client.seen if p["t"] == "MESSAGE_UPDATE"]
    assert (len(updates), len({p["s"] for p in updates})) == (2, numbers)


async def test_a_reordered_event_comes_after_the_one_it_waits_for(discord: Discord):
    await discord.fault("EventReordered", event="INTERACTION_CREATE", until="INTERACTION_SUCCESS")
    async with discord.connect() as client:
        names = await names_after(discord, client)

    assert names[:3] == ["MESSAGE_CREATE", "INTERACTION_SUCCESS", "INTERACTION_CREATE"]


AFTER_EVERYTHING = 1e9  # bot seconds


async def send(discord: Discord, event: str, account: int = 1, **data: Any) -> None:
    await discord.sim("events", {"event": event, "account": account, "data": data})


@pytest.mark.parametrize(
    ("event", "held", "until", "others", "own"),
    [
        (
            "INTERACTION_CREATE",
            {"id": "1"},
            "INTERACTION_SUCCESS",
            [(1, {"id": "2"}), (2, {"id": "1"}), (1, {})],
            {"id": "1"},
        ),
        (
            "MESSAGE_UPDATE",
            {"id": "1"},
            "MESSAGE_DELETE",
            [(1, {"id": "2"}), (2, {"id": "1"}), (1, {"id": "2", "interaction_metadata": None})],
            {"id": "1"},
        ),
        (
            "MESSAGE_CREATE",
            {"id": "1", "content": "a"},
            "MESSAGE_CREATE",
            [(1, {"id": "2", "content": "b"}), (2, {"id": "1", "content": "b"})],
            {"id": "1", "content": "b"},
        ),
        (
            "INTERACTION_SUCCESS",
            {"id": "1"},
            "MESSAGE_CREATE",
            [
                (1, {"id": "8", "interaction_metadata": {"id": "2"}}),
                (2, {"id": "9", "interaction_metadata": {"id": "1"}}),
            ],
            {"id": "9", "interaction_metadata": {"id": "1"}},
        ),
        (
            "MESSAGE_UPDATE",
            {"id": "1"},
            "MESSAGE_REACTION_ADD",
            [(1, {"message_id": "2"}), (2, {"message_id": "1"})],
            {"message_id": "1"},
        ),
    ],
)
async def test_a_reordered_event_waits_for_one_of_its_own_account_about_the_same(
    discord: Discord, event: str, held: Any, until: str, others: list[tuple[int, Any]], own: Any
):
    """Whatever comes for another message, interaction or account does not let it go."""
    await discord.fault("EventReordered", event=event, until=until, bot_seconds=AFTER_EVERYTHING)
    async with discord.connect() as client:
        await client.identify()
        await send(discord, event, **held)
        for account, data in others:
            await send(discord, until, account, **data)
        await send(discord, until, **own)
        await send(discord, "MARKER", id="0")
        await client.event("MARKER")

    came = [(p["t"], p["d"]) for p in client.seen if p["t"] in (event, until)]
    assert came == [*((until, data) for account, data in others if account == 1), (until, own), (event, held)]


async def test_a_jobs_last_percent_waits_for_its_own_result(player: Player):
    """Messages of one job belong together; another job's result comes and goes."""
    fault = EventReordered(event="MESSAGE_UPDATE", content=r"slow.*\(93%\)", until="MESSAGE_CREATE", bot_seconds=1e9)
    with player.simulator.world.incident(fault):
        await player.command("imagine", prompt="a fox that is __slow")
        await player.start()
        await player.imagine("a fox that is quick")
        await player.event("MESSAGE_UPDATE", lambda data: "(93%)" in data["content"])

    said = [data["content"] for name, data in player.seen if "slow" in data.get("content", "")]
    assert ["(93%)" in content for content in said[-2:]] == [False, True]


async def test_an_event_that_nothing_lets_go_comes_when_its_time_is_over(discord: Discord):
    await discord.fault("EventReordered", event="INTERACTION_CREATE", until="MESSAGE_DELETE")
    async with discord.connect() as client:
        await client.identify()
        await send(discord, "INTERACTION_CREATE", id="1")

        assert (await client.event("INTERACTION_CREATE"))["d"] == {"id": "1"}


async def test_a_delayed_event_comes_later(discord: Discord):
    await discord.fault("EventDelayed", event="INTERACTION_CREATE", bot_seconds=0.5)
    async with discord.connect() as client:
        await imagine(discord, client)
        await client.event("INTERACTION_SUCCESS")

        assert (await client.event("INTERACTION_CREATE"))["d"]["nonce"]


async def test_fields_can_be_missing_or_changed(discord: Discord):
    await discord.fault("FieldsMissing", event="MESSAGE_CREATE", fields=["nonce", "interaction_metadata"])
    await discord.fault("FieldsChanged", event="MESSAGE_CREATE", values={"nonce": "77"}, content="fast")
    async with discord.connect() as client:
        await names_after(discord, client)

    start, final = [p["d"] for p in client.seen if p["t"] == "MESSAGE_CREATE"][:2]
    assert not {"nonce", "interaction_metadata"} & start.keys()
    assert final["nonce"] == "77"


async def test_a_fault_is_for_one_account_and_so_many_times(discord: Discord):
    await discord.fault("TokenRefused", route="me", account=2, times=2)

    assert [(await discord.call("GET", "/api/v9/users/@me", account=n))[0] for n in (1, 2, 2, 2)] == [
        200,
        401,
        401,
        200,
    ]


async def test_a_socket_dropped_at_an_event_misses_it_and_replays_it(discord: Discord):
    await discord.fault("SocketDropped", event="MESSAGE_UPDATE")
    async with discord.connect() as first:
        await imagine(discord, first)
        with pytest.raises((ConnectionError, aiohttp.ClientError)):
            await first.event("MESSAGE_UPDATE")
    async with discord.connect() as second:
        await second.resume(first)
        await second.event("MESSAGE_UPDATE")

        assert (await second.event("MESSAGE_CREATE"))["d"]["attachments"]


@pytest.mark.parametrize(
    ("code", "resumable"), [(4000, True), (4008, True), (4009, False), (4004, False), (1001, False)]
)
async def test_a_close_code_decides_whether_the_session_can_be_resumed(discord: Discord, code: int, resumable: bool):
    async with discord.connect() as first:
        await first.identify()
        await discord.fault("SocketClosed", code=code)
        assert await first.close_code() == code

    async with discord.connect() as second:
        await second.resume(first)
        answer = await second.payload(lambda p: p["op"] == 9 or p["t"] == "RESUMED")
    assert (answer["t"] == "RESUMED") is resumable


async def test_opcodes_7_and_9_are_sent_on_the_live_socket(discord: Discord):
    async with discord.connect() as client:
        await client.identify()
        await discord.fault("ReconnectAsked")
        await discord.fault("SessionInvalidated", resumable=True)
        await discord.fault("SessionInvalidated")

        asked = [await client.payload(lambda p: p["op"] in (7, 9)) for _ in range(3)]
    assert [(p["op"], p["d"]) for p in asked] == [(7, None), (9, True), (9, False)]
    assert not discord.simulator.world.sessions.by_id


async def test_unknown_opcodes_and_events_are_sent(discord: Discord):
    async with discord.connect() as client:
        await client.identify()
        await discord.fault("UnknownOpcode")
        await discord.fault("UnknownEvent")

        assert (await client.payload(lambda p: p["op"] == 99))["d"] == {"new": True}
        assert await client.event("SOMETHING_NEW_CREATE")


async def test_a_refused_connection_is_an_http_error(discord: Discord):
    await discord.fault("ConnectionRefused")
    with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
        async with discord.connect():
            pass

    async with discord.connect() as client:
        assert await client.identify()


async def test_hello_and_ready_can_be_late(discord: Discord):
    await discord.fault("HelloDelayed", seconds=0.01)
    await discord.fault("ReadyDelayed", seconds=0.01)
    async with discord.connect() as client:
        assert await client.identify()

    assert [p["op"] for p in client.seen[:2]] == [10, 0]


async def test_ready_can_be_huge_and_split_over_frames(discord: Discord):
    await discord.fault("ReadyHuge", channels=12_000)
    await discord.fault("FrameSplit", pieces=5, skip=1)
    async with discord.connect("zlib-stream") as client:
        ready = await client.identify()

    assert len(ready["guilds"][0]["channels"]) == 12_001
    assert len(client.frames) == 3 + 4


async def test_identify_and_resume_can_be_refused(discord: Discord):
    await discord.fault("IdentifyRefused", code=4008)
    async with discord.connect() as client:
        await client.send(2, {"token": user_token(1)})
        assert await client.close_code() == 4008
    await discord.fault("ResumeRefused")
    async with discord.connect() as first:
        await first.identify()

    async with discord.connect() as second:
        await second.resume(first)
        assert (await second.payload(lambda p: p["op"] == 9))["d"] is False


async def test_a_heartbeat_can_stay_unanswered(discord: Discord):
    await discord.fault("HeartbeatUnanswered")
    async with discord.connect() as client:
        await client.identify()
        await client.send(1, 1)
        await client.send(1, 2)
        await discord.fault("UnknownOpcode")
        await client.payload(lambda p: p["op"] == 99)

    assert [p["op"] for p in client.seen].count(11) <= 1


async def test_faults_can_be_listed_and_cleared(discord: Discord):
    await discord.fault("ServerError", times=None)
    _, state = await discord.call("GET", "/__sim/state")
    status, cleared = await discord.call("DELETE", "/__sim/faults")

    assert [f["fault"] for f in state["faults"]] == [f["fault"] for f in cleared["unused"]] == ["ServerError"]
    assert (status, (await discord.interact(discord.imagine()))[0]) == (200, 204)


async def test_an_incident_lasts_as_long_as_its_block(discord: Discord):
    world = discord.simulator.world
    with world.incident(ServerError(times=None), EventLost(event="MESSAGE_CREATE")):
        during = (await discord.interact(discord.imagine()))[0]

    assert world.faults.armed == []
    assert (during, (await discord.interact(discord.imagine()))[0]) == (500, 204)


async def test_an_incident_of_the_sockets_strikes_at_once(discord: Discord):
    async with discord.connect() as client:
        await client.identify()
        with discord.simulator.world.incident(SocketClosed(code=4009)):
            assert await client.close_code() == 4009


@pytest.mark.parametrize(
    "body",
    [
        {"fault": "Nothing"},
        {"fault": "EventLost"},
        {"fault": "EventLost", "event": "X", "content": "("},
        {"fault": "ServerError", "colour": 1},
    ],
)
async def test_a_fault_that_does_not_exist_is_explained(discord: Discord, body: dict[str, Any]):
    status, answer = await discord.call("POST", "/__sim/faults", json=body)

    assert status == 400
    assert answer["error"]


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_every_fault_says_which_incident_it_stands_for(name: str):
    """A fault's docstring is its own, and longer than its name repeated."""
    docstring = FAULTS[name].__dict__["__doc__"]

    assert docstring
    assert not docstring.startswith(f"{name}(")  # what a dataclass writes by itself


def test_every_fault_is_used_by_a_test():
    """A fault nobody tries is a promise nobody keeps."""
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*faults.py"))

    assert [name for name in FAULTS if json.dumps(name) not in tests] == []
