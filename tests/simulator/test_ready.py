"""READY honours IDENTIFY's capabilities, bit by bit; a client that names none gets everything where it stands."""

from typing import Any

import pytest
from discord_simulator.capabilities import Capability
from discord_simulator.tokens import user_token

from tests.simulator.conftest import MJ, NIJI, Discord
from tests.simulator.gateway_client import CAPABILITIES

USER = "100000000000000001"
PRIORITIZED = Capability.DEDUPE_USER_OBJECTS | Capability.PRIORITIZED_READY_PAYLOAD


async def identified(discord: Discord, **asked: Any) -> tuple[dict[str, Any], list[str]]:
    """Log in with these fields; give READY, and the names of every event up to a message posted afterwards."""
    async with discord.connect() as client:
        ready = await client.identify_with(user_token(1), **asked)
        await discord.sim("messages", {"account": 1, "content": "after"})
        await client.event("MESSAGE_CREATE")
    return ready, [payload["t"] for payload in client.seen if payload["t"]]


async def ready_of(discord: Discord, capabilities: int) -> dict[str, Any]:
    return (await identified(discord, capabilities=capabilities))[0]


@pytest.mark.parametrize("asked", [{}, {"capabilities": 0}, {"capabilities": None}, {"capabilities": "many"}])
async def test_without_capabilities_users_are_whole_and_the_guild_is_flat(discord: Discord, asked: dict[str, Any]):
    ready, events = await identified(discord, **asked)
    guild = ready["guilds"][0]

    assert events == ["READY", "MESSAGE_CREATE"]
    assert [[user["username"] for user in dm["recipients"]] for dm in ready["private_channels"]] == [
        ["Midjourney Bot"],
        ["niji・journey Bot"],
    ]
    assert {member["user"]["id"] for member in guild["members"]} == {USER, MJ, NIJI}
    assert (guild["name"], guild["owner_id"], guild["presences"], guild["voice_states"]) == ("server1", USER, [], [])
    assert not {"properties", "data_mode", "version"} & guild.keys()
    assert (ready["presences"], ready["notes"], ready["read_state"], ready["user_guild_settings"]) == ([], {}, [], [])
    assert ready["user_settings"]["status"] == "online"
    assert not {"users", "merged_members", "merged_presences"} & ready.keys()


async def test_lazy_user_notes_leaves_the_notes_out(discord: Discord):
    assert "notes" not in await ready_of(discord, Capability.LAZY_USER_NOTES)


@pytest.mark.parametrize(
    ("capability", "key", "other"),
    [
        (Capability.VERSIONED_READ_STATES, "read_state", "user_guild_settings"),
        (Capability.VERSIONED_USER_GUILD_SETTINGS, "user_guild_settings", "read_state"),
    ],
)
async def test_versioned_lists_are_objects(discord: Discord, capability: Capability, key: str, other: str):
    ready = await ready_of(discord, capability)

    assert ready[key] == {"version": 1, "partial": False, "entries": []}
    assert ready[other] == []


async def test_read_states_of_other_things_than_channels_come_when_asked_for(discord: Discord):
    [state] = (await ready_of(discord, Capability.NON_CHANNEL_READ_STATES))["read_state"]

    assert (state["id"], state["read_state_type"]) == (USER, 2)


async def test_user_settings_proto_leaves_the_old_settings_out(discord: Discord):
    ready = await ready_of(discord, Capability.USER_SETTINGS_PROTO)

    assert "user_settings" not in ready
    assert ready["user_settings_proto"] == ""


async def test_client_state_v2_puts_a_guilds_own_fields_into_properties(discord: Discord):
    guild = (await ready_of(discord, Capability.CLIENT_STATE_V2))["guilds"][0]

    assert (guild["properties"]["name"], guild["properties"]["owner_id"]) == ("server1", USER)
    assert (guild["data_mode"], guild["members"][0]["user"]["id"]) == ("full", USER)
    assert "name" not in guild


async def test_deduped_users_stand_in_one_list_and_ids_elsewhere(discord: Discord):
    ready, events = await identified(discord, capabilities=Capability.DEDUPE_USER_OBJECTS)
    [members] = ready["merged_members"]

    assert events == ["READY", "MESSAGE_CREATE"]
    assert {user["id"] for user in ready["users"]} == {MJ, NIJI}
    assert [dm["recipient_ids"] for dm in ready["private_channels"]] == [[MJ], [NIJI]]
    assert [member["user_id"] for member in members] == [USER, MJ, NIJI]
    assert ready["merged_presences"] == {"guilds": [[]], "friends": []}
    assert not {"members", "presences"} & ready["guilds"][0].keys()
    assert "recipients" not in ready["private_channels"][0]


async def test_a_prioritized_ready_leaves_the_rest_to_the_supplement(discord: Discord):
    ready, events = await identified(discord, capabilities=PRIORITIZED)

    assert events == ["READY", "READY_SUPPLEMENTAL", "MESSAGE_CREATE"]
    assert [[member["user_id"] for member in members] for members in ready["merged_members"]] == [[USER]]
    assert "merged_presences" not in ready


async def test_the_supplement_is_as_long_as_the_list_of_guilds(discord: Discord):
    async with discord.connect() as client:
        ready = await client.identify_with(user_token(1), capabilities=PRIORITIZED)
        more = (await client.event("READY_SUPPLEMENTAL"))["d"]

    assert len(more["guilds"]) == len(more["merged_members"]) == len(ready["guilds"]) == 1
    assert [member["user_id"] for member in more["merged_members"][0]] == [MJ, NIJI]


async def test_prioritized_without_deduped_is_ignored(discord: Discord):
    ready, events = await identified(discord, capabilities=Capability.PRIORITIZED_READY_PAYLOAD)

    assert "READY_SUPPLEMENTAL" not in events
    assert ready["private_channels"][0]["recipients"]


@pytest.mark.parametrize("capabilities", [CAPABILITIES, 1_734_653, (1 << 40) - 1])
async def test_bits_that_nobody_knows_harm_nothing(discord: Discord, capabilities: int):
    """Today's web client sends some that no documentation names."""
    _, events = await identified(discord, capabilities=capabilities)

    assert events == ["READY", "READY_SUPPLEMENTAL", "MESSAGE_CREATE"]


@pytest.mark.parametrize(("bots", "there"), [("mj", MJ), ("niji", NIJI)])
async def test_a_bot_that_is_not_installed_is_no_member(discord: Discord, bots: str, there: str):
    both = (await ready_of(discord, 0))["guilds"][0]["member_count"]
    await discord.sim("accounts/1", {"bots": bots})
    guild = (await ready_of(discord, 0))["guilds"][0]

    assert [member["user"]["id"] for member in guild["members"]] == [USER, there]
    assert guild["member_count"] == both - 1
