"""What ordinary clients call besides interactions, with the events that follow, as they stand on the wire."""

import json
import re
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from tests.simulator.conftest import MJ, Discord
from tests.simulator.gateway_client import GatewayClient
from tests.simulator.small_bot import png

CHANNEL, GUILD = "/api/v9/channels/300000000000000001", "/api/v9/guilds/200000000000000001"
DM = "/api/v9/channels/400000000000000001"
USER = "100000000000000001"
FOX = "%F0%9F%A6%8A"


async def post(discord: Discord, channel: str = CHANNEL, **body: Any) -> dict[str, Any]:
    status, message = await discord.call("POST", channel + "/messages", json={"content": "mine"} | body)
    assert status == 200, message
    assert isinstance(message, dict)
    return message


async def of_the_bot(discord: Discord, *, dm: bool = False) -> str:
    posted = await discord.sim("messages", {"account": 1, "content": "job", "bot": "mj", "dm": dm})
    return f"{DM if dm else CHANNEL}/messages/{posted['id']}"


async def code(discord: Discord, method: str, path: str, **options: Any) -> tuple[int, int]:
    status, answer = await discord.call(method, path, **options)
    return status, answer["code"]


async def until(client: GatewayClient, name: str) -> list[dict[str, Any]]:
    """Read up to an event of this name; give every event since READY."""
    await client.event(name)
    return [payload for payload in client.seen if payload["op"] == 0][2:]


@pytest.mark.parametrize("version", ["", "/v6", "/v7", "/v8", "/v9", "/v10"])
async def test_every_version_that_discord_serves_is_served_alike(discord: Discord, version: str):
    assert (await discord.call("GET", f"/api{version}/users/@me"))[1]["id"] == USER
    assert (await discord.call("POST", f"/api{version}/interactions", json=discord.imagine()))[0] == 204
    assert await code(discord, "GET", f"/api{version}/nothing") == (404, 0)
    assert await code(discord, "PUT", f"/api{version}/users/@me") == (405, 0)


@pytest.mark.parametrize("version", ["v1", "v5", "v11", "v99", "v06", "v0"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/users/@me"), ("POST", "/interactions"), ("GET", "")])
async def test_another_version_is_refused_as_such(discord: Discord, version: str, method: str, path: str):
    assert await code(discord, method, f"/api/{version}{path}") == (400, 50041)


async def test_a_session_of_an_old_client_without_version_hears_its_command(discord: Discord):
    _, gateway = await discord.call("GET", "/api/gateway")
    async with GatewayClient(discord.http, gateway["url"]) as client:
        await client.identify()
        discord.session_id = client.session_id
        await discord.call("POST", "/api/interactions", json=discord.imagine())
        assert await client.event("MESSAGE_CREATE", lambda data: data["attachments"])


@pytest.mark.parametrize("end", ["\n", "\r\n"])
async def test_a_form_may_end_its_lines_either_way_and_its_files_stay_as_they_are(discord: Discord, end: str):
    content = png() + b"\r\n--bound\n\r\r"
    head = end.encode().join(
        [
            b"--boundary",
            b'Content-Disposition: form-data; name="payload_json"',
            b"Content-Type: application/json",
            b"",
            json.dumps({"content": "with a file", "attachments": [{"id": 0, "filename": "x.png"}]}).encode(),
            b"--boundary",
            b'Content-Disposition: form-data; name="files[0]"; filename="x.png"',
            b"",
            content,
            b"--boundary--",
            b"",
        ]
    )
    headers = {"Content-Type": "multipart/form-data; boundary=boundary"}
    async with discord.http.post(
        discord.simulator.url + CHANNEL + "/messages", data=head, headers=headers | discord_token(discord)
    ) as response:
        message = await response.json()
    async with discord.http.get(message["attachments"][0]["url"]) as picture:
        assert await picture.read() == content


def discord_token(discord: Discord) -> dict[str, str]:
    return {"Authorization": discord.simulator.world.accounts[0].token}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
async def test_an_interaction_as_a_form_with_either_line_end_is_accepted(discord: Discord, end: str):
    lines = [
        "--x",
        'Content-Disposition: form-data; name="payload_json"',
        "",
        json.dumps(discord.imagine()),
        "--x--",
        "",
    ]
    headers = {"Content-Type": "multipart/form-data; boundary=x"} | discord_token(discord)
    url = discord.simulator.url + "/api/v9/interactions"
    async with discord.http.post(url, data=end.join(lines).encode(), headers=headers) as response:
        assert response.status == 204


async def test_a_form_with_fields_instead_of_a_payload_is_a_message(discord: Discord):
    form = aiohttp.FormData({"content": "by field"})
    form.add_field("file", png(), filename="x.png")

    _, message = await discord.call("POST", CHANNEL + "/messages", data=form)
    _, encoded = await discord.call("POST", CHANNEL + "/messages", data={"content": "by url"})
    assert (message["content"], message["attachments"][0]["filename"]) == ("by field", "x.png")
    assert encoded["content"] == "by url"


async def test_an_error_names_the_field_where_it_stands(discord: Discord):
    body = discord.imagine()
    body["data"]["options"][0]["type"] = "three"
    _, refusal = await discord.interact(body)

    [error] = refusal["errors"]["data"]["options"]["0"]["type"]["_errors"]
    assert error == {"code": "NUMBER_TYPE_COERCE", "message": 'Value "three" is not int.'}


async def test_a_wrong_content_type_is_named(discord: Discord):
    headers = {"Content-Type": "text/plain"} | discord_token(discord)
    async with discord.http.post(discord.simulator.url + CHANNEL + "/messages", data="x", headers=headers) as response:
        refusal = await response.json()

    assert refusal["code"] == 50035
    assert refusal["errors"]["_errors"][0]["code"] == "CONTENT_TYPE_INVALID"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": "1077969938624553050"}, "INTERACTION_APPLICATION_COMMAND_INVALID_VERSION"),
        ({"id": "938956540159881231"}, "INTERACTION_APPLICATION_COMMAND_INVALID"),
        ({"name": "imagined"}, "INTERACTION_APPLICATION_COMMAND_INVALID"),
    ],
)
async def test_an_outdated_command_is_refused_with_discords_error(
    discord: Discord, change: dict[str, str], reason: str
):
    body = discord.imagine()
    body["data"] |= change
    status, refusal = await discord.interact(body)

    assert (status, refusal["code"], refusal["message"]) == (400, 50035, "Invalid Form Body")
    message = "This command is outdated, please try again in a few minutes"
    assert refusal["errors"] == {"data": {"_errors": [{"code": reason, "message": message}]}}


async def test_a_command_made_anew_has_another_id(discord: Discord):
    await discord.sim("commands/bump", {"name": "imagine", "new_ids": True})
    _, refusal = await discord.interact(discord.imagine())
    _, commands = await discord.call("GET", f"/api/v9/applications/{MJ}/commands")
    fresh = next(command for command in commands if command["name"] == "imagine")
    body = discord.imagine()
    body["data"] |= {"id": fresh["id"], "version": fresh["version"]}

    assert refusal["errors"]["data"]["_errors"][0]["code"] == "INTERACTION_APPLICATION_COMMAND_INVALID"
    assert (await discord.interact(body))[0] == 204


async def test_no_route_is_hidden_behind_another(discord: Discord):
    router, hidden = discord.simulator._app.router, []
    for route in router.routes():
        info = route.resource.get_info() if route.resource else {}
        path = info.get("path") or re.sub(r"\{\w+\}", "1", info["formatter"]).replace("/api1/", "/api/v9/")
        found = await router.resolve(make_mocked_request(route.method, path))
        if found.handler is not route.handler and not isinstance(found.http_exception, web.HTTPNotFound):
            hidden.append((route.method, path, found.handler))

    assert hidden == []


async def test_an_edit_is_heard(discord: Discord):
    message = await post(discord)
    async with discord.connect() as client:
        await client.identify()
        status, edited = await discord.call("PATCH", f"{CHANNEL}/messages/{message['id']}", json={"content": "new"})
        update = (await client.event("MESSAGE_UPDATE"))["d"]

    assert (status, edited["content"], edited["author"]["id"]) == (200, "new", USER)
    assert (update["id"], update["content"], bool(update["edited_timestamp"])) == (message["id"], "new", True)


async def test_an_edit_takes_attachments_off_and_adds_some(discord: Discord):
    form = aiohttp.FormData({"content": "two"})
    for name in ("a.png", "b.png"):
        form.add_field(f"files[{'ab'.index(name[0])}]", png(), filename=name)
    _, message = await discord.call("POST", CHANNEL + "/messages", data=form)
    kept = message["attachments"][1]
    path = f"{CHANNEL}/messages/{message['id']}"
    _, one = await discord.call("PATCH", path, json={"attachments": [{"id": kept["id"]}]})
    _, same = await discord.call("PATCH", path, json={"content": "still one"})
    refused = await code(discord, "PATCH", path, json={"content": "", "attachments": []})
    form = aiohttp.FormData()
    form.add_field("files[0]", png(), filename="c.png")
    _, two = await discord.call("PATCH", path, data=form)

    assert [a["filename"] for a in message["attachments"]] == ["a.png", "b.png"]
    assert [a["filename"] for a in two["attachments"]] == ["b.png", "c.png"]
    assert two["attachments"][0]["id"] == kept["id"]
    assert [a["id"] for a in one["attachments"]] == [a["id"] for a in same["attachments"]] == [kept["id"]]
    assert refused == (400, 50006)


async def test_an_own_message_is_deleted_and_that_is_heard(discord: Discord):
    message = await post(discord)
    async with discord.connect() as client:
        await client.identify()
        status, _ = await discord.call("DELETE", f"{CHANNEL}/messages/{message['id']}")
        gone = (await client.event("MESSAGE_DELETE"))["d"]

    assert (status, gone["id"]) == (204, message["id"])
    assert await code(discord, "DELETE", f"{CHANNEL}/messages/{message['id']}") == (404, 10008)


@pytest.mark.parametrize(
    ("method", "dm", "manages", "answer"),
    [
        ("PATCH", False, True, (403, 50005)),
        ("PATCH", True, True, (403, 50005)),
        ("DELETE", True, True, (403, 50003)),
        ("DELETE", False, False, (403, 50013)),
    ],
)
async def test_anothers_message_is_out_of_reach(
    discord: Discord, method: str, dm: bool, manages: bool, answer: tuple[int, int]
):
    discord.simulator.world.options.manages_messages = manages
    path = await of_the_bot(discord, dm=dm)

    assert await code(discord, method, path, json={"content": "mine now"}) == answer
    assert (await discord.call("GET", path))[1]["content"] == "job"


async def test_who_manages_messages_deletes_the_bots(discord: Discord):
    path = await of_the_bot(discord)

    assert (await discord.call("DELETE", path))[0] == 204
    assert await code(discord, "GET", path) == (404, 10008)


async def test_a_reply_names_what_it_replies_to(discord: Discord):
    parent = await post(discord)
    reply = await post(discord, message_reference={"message_id": parent["id"]})
    unknown = await discord.call(
        "POST", CHANNEL + "/messages", json={"content": "x", "message_reference": {"message_id": "1"}}
    )

    assert (reply["type"], reply["referenced_message"]["id"]) == (19, parent["id"])
    assert unknown[1]["errors"]["message_reference"]["_errors"][0]["code"] == "REPLIES_UNKNOWN_MESSAGE"


async def test_a_message_over_the_limit_is_refused(discord: Discord):
    _, refusal = await discord.call("POST", CHANNEL + "/messages", json={"content": "x" * 2001})

    assert refusal["errors"]["content"]["_errors"][0]["code"] == "BASE_TYPE_MAX_LENGTH"


async def test_reactions_come_and_go_with_their_events(discord: Discord):
    path = f"{CHANNEL}/messages/{(await post(discord))['id']}"
    async with discord.connect() as client:
        await client.identify()
        for method, end in [
            ("PUT", f"{FOX}/@me?location=Message&type=0"),
            ("PUT", f"{FOX}/@me"),
            ("DELETE", f"{FOX}/0/@me"),
            ("PUT", "fox:123456789012345678/@me"),
            ("DELETE", f"fox:123456789012345678/{USER}"),
            ("PUT", f"{FOX}/@me"),
            ("DELETE", f"{FOX}"),
        ]:
            assert (await discord.call(method, f"{path}/reactions/{end}"))[0] == 204
        assert (await discord.call("DELETE", f"{path}/reactions"))[0] == 204
        events = await until(client, "MESSAGE_REACTION_REMOVE_ALL")

    told = [(e["t"].removeprefix("MESSAGE_REACTION_"), e["d"].get("emoji")) for e in events if "REACTION" in e["t"]]
    fox, custom = {"id": None, "name": "🦊"}, {"id": "123456789012345678", "name": "fox"}
    assert told == [
        ("ADD", fox),
        ("REMOVE", fox),
        ("ADD", custom),
        ("REMOVE", custom),
        ("ADD", fox),
        ("REMOVE_EMOJI", fox),
        ("REMOVE_ALL", None),
    ]
    assert {(e["d"]["message_id"], e["d"]["guild_id"]) for e in events if "REACTION" in e["t"]} == {
        (path.rpartition("/")[2], "200000000000000001")
    }


async def test_reactions_are_shown_and_listed(discord: Discord):
    path = f"{CHANNEL}/messages/{(await post(discord))['id']}"
    await discord.call("PUT", f"{path}/reactions/{FOX}/@me")
    _, message = await discord.call("GET", path)
    _, users = await discord.call("GET", f"{path}/reactions/{FOX}?limit=5")
    _, after = await discord.call("GET", f"{path}/reactions/{FOX}?after={USER}")

    [reaction] = message["reactions"]
    assert (reaction["emoji"]["name"], reaction["count"], reaction["me"]) == ("🦊", 1, True)
    assert ([user["id"] for user in users], after) == ([USER], [])


async def test_in_a_dm_nobody_takes_anothers_reaction(discord: Discord):
    path = await of_the_bot(discord, dm=True)

    assert await code(discord, "DELETE", f"{path}/reactions/{FOX}/{MJ}") == (403, 50003)
    assert await code(discord, "DELETE", f"{path}/reactions") == (403, 50003)


@pytest.mark.parametrize("place", ["pins", "messages/pins"])
async def test_a_pin_is_told_listed_and_taken_off(discord: Discord, place: str):
    message = await post(discord)
    async with discord.connect() as client:
        await client.identify()
        assert (await discord.call("PUT", f"{CHANNEL}/{place}/{message['id']}"))[0] == 204
        events = await until(client, "MESSAGE_CREATE")
        _, pins = await discord.call("GET", f"{CHANNEL}/pins")
        _, page = await discord.call("GET", f"{CHANNEL}/messages/pins?limit=1")
        assert (await discord.call("DELETE", f"{CHANNEL}/{place}/{message['id']}"))[0] == 204
        last = (await client.event("CHANNEL_PINS_UPDATE"))["d"]

    assert [event["t"] for event in events] == ["MESSAGE_UPDATE", "CHANNEL_PINS_UPDATE", "MESSAGE_CREATE"]
    assert (events[0]["d"]["pinned"], events[0]["d"]["edited_timestamp"]) == (True, None)
    assert (events[2]["d"]["type"], events[2]["d"]["message_reference"]["message_id"]) == (6, message["id"])
    assert [pin["id"] for pin in pins] == [message["id"]]
    assert (page["items"][0]["message"]["id"], page["has_more"]) == (message["id"], False)
    assert last["last_pin_timestamp"] is None
    assert (await discord.call("GET", f"{CHANNEL}/pins"))[1] == []


async def test_typing_and_reading_are_told(discord: Discord):
    message = await post(discord)
    async with discord.connect() as client:
        await client.identify()
        assert (await discord.call("POST", CHANNEL + "/typing"))[0] == 204
        typing = (await client.event("TYPING_START"))["d"]
        status, token = await discord.call("POST", f"{CHANNEL}/messages/{message['id']}/ack", json={"token": None})
        read = (await client.event("MESSAGE_ACK"))["d"]

    assert (typing["user_id"], typing["channel_id"]) == (USER, "300000000000000001")
    assert (status, token) == (200, {"token": None})
    assert (read["message_id"], read["channel_id"]) == (message["id"], "300000000000000001")


@pytest.mark.parametrize("place", [GUILD, CHANNEL])
async def test_messages_are_found_by_what_is_asked(discord: Discord, place: str):
    for content in ("a red fox", "a blue fox", "a red hare https://x.invalid"):
        await post(discord, content=content)
    await of_the_bot(discord)

    async def found(query: str) -> tuple[int, list[str]]:
        _, answer = await discord.call("GET", f"{place}/messages/search?{query}")
        assert all(hit["hit"] for [hit] in answer["messages"])
        return answer["total_results"], [hit["content"] for [hit] in answer["messages"]]

    assert await found("content=FOX") == (2, ["a blue fox", "a red fox"])
    assert await found("content=red%20fox") == (1, ["a red fox"])
    assert await found("content=fox&sort_by=timestamp&sort_order=asc&limit=1") == (2, ["a red fox"])
    assert await found(f"author_id={MJ}") == (1, ["job"])
    assert await found(f"author_id={USER}&author_id={MJ}&offset=3") == (4, ["a red fox"])
    assert await found("has=link") == (1, ["a red hare https://x.invalid"])
    assert await found("content=wolf") == (0, [])
    assert (await discord.call("GET", f"{place}/messages/search?offset=10000"))[0] == 400


async def test_expired_links_are_signed_anew(discord: Discord):
    form = aiohttp.FormData()
    form.add_field("files[0]", png(), filename="ä b.png")
    _, message = await discord.call("POST", CHANNEL + "/messages", data=form)
    attachment = message["attachments"][0]
    await discord.sim("links/expire", {})
    bare, elsewhere = attachment["url"].partition("?")[0], "https://example.invalid/x.png"
    urls = [attachment["url"], attachment["proxy_url"], bare, elsewhere]
    status, answer = await discord.call("POST", "/api/v9/attachments/refresh-urls", json={"attachment_urls": urls})

    assert (status, [link["original"] for link in answer["refreshed_urls"]]) == (200, urls)
    assert answer["refreshed_urls"][3]["refreshed"] is None
    for link in answer["refreshed_urls"][:3]:
        assert re.sub(r"\?.*", "", link["refreshed"]) == re.sub(r"\?.*", "", link["original"])
        async with discord.http.get(link["refreshed"]) as response:
            assert await response.read() == png()


@pytest.mark.parametrize("urls", [[], ["x"] * 51, [1], "x", None])
async def test_a_refresh_of_none_too_many_or_no_links_is_refused(discord: Discord, urls: Any):
    body = {"attachment_urls": urls}
    assert await code(discord, "POST", "/api/v9/attachments/refresh-urls", json=body) == (400, 50035)


async def test_users_and_profiles_are_shown(discord: Discord):
    _, bot = await discord.call("GET", f"/api/v9/users/{MJ}")
    _, profile = await discord.call("GET", f"/api/v9/users/{MJ}/profile?guild_id=200000000000000001")
    _, other = await discord.call("GET", "/api/v9/users/100000000000000002/profile")

    assert (bot["username"], bot["bot"]) == ("Midjourney Bot", True)
    assert (profile["user"]["id"], profile["mutual_guilds"][0]["id"]) == (MJ, "200000000000000001")
    assert profile["guild_member"]["user"]["id"] == MJ
    assert other["mutual_guilds"] == []
    assert await code(discord, "GET", "/api/v9/users/1") == (404, 10013)


async def test_the_server_its_channels_and_members_are_shown(discord: Discord):
    _, guilds = await discord.call("GET", "/api/v9/users/@me/guilds?with_counts=true")
    _, guild = await discord.call("GET", GUILD)
    _, channels = await discord.call("GET", GUILD + "/channels")
    _, one = await discord.call("GET", GUILD + "/members")
    _, members = await discord.call("GET", GUILD + "/members?limit=1000")
    _, found = await discord.call("GET", GUILD + "/members/search?query=MID&limit=5")

    assert [(g["id"], g["approximate_member_count"]) for g in guilds] == [(guild["id"], 3)]
    assert [(c["id"], c["type"]) for c in channels] == [("300000000000000001", 0)]
    assert [m["user"]["id"] for m in one] == [USER]
    assert [m["user"]["id"] for m in members][:2] == [USER, MJ]
    assert [m["user"]["username"] for m in found] == ["Midjourney Bot"]
    assert (await discord.call("GET", f"{GUILD}/members/@me"))[1]["user"]["id"] == USER
    assert await code(discord, "GET", f"{GUILD}/members/100000000000000002") == (404, 10007)
    assert await code(discord, "GET", "/api/v9/guilds/200000000000000002") == (404, 10004)


@pytest.mark.parametrize("path", ["channels/x", "users/@me/guilds/x/y", "guilds/x/channels", "channels/1/messages/x"])
async def test_what_is_no_id_is_refused_or_not_found(discord: Discord, path: str):
    assert (await discord.call("GET", "/api/v9/" + path))[0] in (400, 404)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (f"applications/{MJ}/commands", "imagine"),
        (f"applications/{MJ}/commands/938956540159881230", "imagine"),
        (f"applications/{MJ}/application-command-index", "imagine"),
        ("channels/300000000000000001/application-commands/search?type=1&query=im", "imagine"),
        ("channels/300000000000000001/application-commands/search?type=1&command_ids=938956540159881230", "imagine"),
        (f"applications/{MJ}/public", "Midjourney Bot"),
        (f"oauth2/applications/{MJ}/rpc", "Midjourney Bot"),
        (f"applications/public?application_ids={MJ}", "Midjourney Bot"),
    ],
)
async def test_applications_and_their_commands_are_shown(discord: Discord, path: str, found: str):
    status, answer = await discord.call("GET", "/api/v9/" + path)

    assert status == 200
    assert f'"{found}"' in json.dumps(answer, ensure_ascii=False)


async def test_a_search_for_commands_in_a_dm_finds_its_bots_only(discord: Discord):
    _, found = await discord.call("GET", DM + "/application-commands/search?type=1&query=imagine")

    assert [command["application_id"] for command in found["application_commands"]] == [MJ]


@pytest.mark.parametrize(
    "path",
    [
        "gateway/bot",
        "experiments",
        "users/@me/settings",
        "users/@me/settings-proto/1",
        "users/@me/settings-proto/2",
        "users/@me/relationships",
        "users/@me/affinities/users",
        "users/@me/affinities/guilds",
        "users/@me/notes",
        "users/@me/connections",
        "users/@me/billing/subscriptions",
        "voice/regions",
        "oauth2/tokens",
        "guilds/200000000000000001/roles",
        "guilds/200000000000000001/emojis",
        "guilds/200000000000000001/threads/active",
        "channels/300000000000000001/invites",
        "channels/300000000000000001/threads/archived/public",
    ],
)
async def test_what_clients_read_at_their_start_is_there(discord: Discord, path: str):
    status, answer = await discord.call("GET", "/api/v9/" + path)

    assert (status, answer is not None) == (200, True)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "science", {"events": []}),
        ("POST", "read-states/ack-bulk", {"read_states": []}),
        ("PUT", "users/@me/notes/1", {"note": "x"}),
        ("POST", "auth/logout", {}),
    ],
)
async def test_what_clients_tell_by_the_way_is_taken(discord: Discord, method: str, path: str, body: Any):
    assert await discord.call(method, "/api/v9/" + path, json=body) == (204, None)


async def test_routes_need_a_token_where_discord_does(discord: Discord):
    async def without(path: str) -> int:
        async with discord.http.get(discord.simulator.url + "/api/v9/" + path) as response:
            return response.status

    assert [await without(p) for p in ("users/@me/relationships", "guilds/1", "voice/regions")] == [401, 401, 401]
    assert [await without(p) for p in ("gateway", "experiments")] == [200, 200]
