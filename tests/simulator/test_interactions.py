"""POST /interactions: what is accepted, what is refused and how, what the bot hears."""

import base64
import json
from typing import Any

import aiohttp
import pytest
from discord_simulator.tokens import user_token

from tests.simulator.conftest import Discord
from tests.simulator.gateway_client import GatewayClient
from tests.simulator.small_bot import png

CHANNEL = "/api/v9/channels/300000000000000001"
BLEND = {"id": "1062880104792997970", "version": "1237876415471554624", "name": "blend", "type": 1}
DESCRIBE = {"id": "1092492867185950852", "version": "1237876415471554625", "name": "describe", "type": 1}


async def finished(discord: Discord, client: GatewayClient) -> dict[str, Any]:
    """Imagine something and give the final message."""
    await client.identify()
    discord.session_id = client.session_id
    assert await discord.interact(discord.imagine()) == (204, None)
    return (await client.event("MESSAGE_CREATE", lambda data: data["attachments"]))["d"]


async def test_an_accepted_command_is_answered_204_with_an_empty_body(discord: Discord):
    assert await discord.interact(discord.imagine()) == (204, None)


async def test_events_of_a_command_carry_its_nonce_and_interaction_id(discord: Discord):
    async with discord.connect() as client:
        await client.identify()
        discord.session_id = client.session_id
        await discord.interact(discord.imagine(nonce="12345"))
        created = (await client.event("INTERACTION_CREATE"))["d"]
        start = (await client.event("MESSAGE_CREATE"))["d"]
        succeeded = (await client.event("INTERACTION_SUCCESS"))["d"]

    assert created == succeeded == {"id": created["id"], "nonce": "12345"}
    assert (start["nonce"], start["interaction_metadata"]["id"]) == ("12345", created["id"])
    assert start["interaction"]["name"] == "imagine"


async def test_an_update_is_a_whole_message_without_nonce(discord: Discord):
    async with discord.connect() as client:
        await finished(discord, client)
        update = next(p["d"] for p in client.seen if p["t"] == "MESSAGE_UPDATE")

    assert "nonce" not in update
    assert update["content"] == "**a red fox** - <@100000000000000001> (31%) (fast)"
    assert update["mentions"][0]["id"] == "100000000000000001"
    assert update["edited_timestamp"]


async def test_multipart_with_payload_json_is_accepted(discord: Discord):
    form = aiohttp.FormData()
    form.add_field("payload_json", json.dumps(discord.imagine()), content_type="application/json")

    assert await discord.call("POST", "/api/v9/interactions", data=form) == (204, None)


async def test_a_command_in_a_dm_needs_no_guild(discord: Discord):
    body = discord.imagine(channel_id="400000000000000001")
    del body["guild_id"]

    assert (await discord.interact(body))[0] == 204


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"type": 4}, 400, 50035),
        ({"application_id": "1"}, 404, 10002),
        ({"channel_id": "1"}, 404, 10003),
        ({"channel_id": "300000000000000002"}, 403, 50001),
        ({"guild_id": None}, 400, 50035),
        ({"session_id": ""}, 400, 50035),
        ({"session_id": 7}, 400, 50035),
        ({"nonce": "1" * 26}, 400, 50035),
        ({"data": None}, 400, 50035),
        ({"data": {"id": "1", "version": "1", "name": "imagine"}}, 404, 10063),
    ],
)
async def test_a_wrong_field_is_refused_with_discords_code(
    discord: Discord, changes: dict[str, Any], status: int, code: int
):
    answer = await discord.interact(discord.imagine(**changes))

    assert (answer[0], answer[1]["code"]) == (status, code)


@pytest.mark.parametrize(("bots", "status"), [("both", 204), ("niji", 404), ("mj", 204)])
async def test_commands_and_buttons_of_a_bot_that_is_not_installed_are_refused(
    discord: Discord, bots: str, status: int
):
    async with discord.connect() as client:
        final = await finished(discord, client)
    await discord.sim("accounts/1", {"bots": bots})
    answers = [
        await discord.interact(discord.imagine()),
        await discord.interact(discord.press(final["id"], "small::again")),
    ]

    assert [answer[0] for answer in answers] == [status] * 2
    assert status == 204 or [answer[1]["code"] for answer in answers] == [10002] * 2


async def test_a_bot_that_is_not_installed_still_answers_in_its_dm(discord: Discord):
    await discord.sim("accounts/1", {"bots": "niji"})
    body = discord.imagine(channel_id="400000000000000001")
    del body["guild_id"]

    assert (await discord.interact(body))[0] == 204


@pytest.mark.parametrize(
    "options",
    [
        [],
        [{"type": 4, "name": "prompt", "value": "x"}],
        [{"type": 3, "name": "prompt", "value": 7}],
        [{"type": 3, "name": "prompt", "value": "x" * 6001}],
        [{"type": 3, "name": "prompt", "value": "x"}, {"type": 3, "name": "other", "value": "x"}],
    ],
)
async def test_options_that_do_not_fit_the_command_are_refused(discord: Discord, options: list[Any]):
    body = discord.imagine()
    body["data"]["options"] = options

    assert (await discord.interact(body))[0] == 400


async def test_a_stale_version_is_refused_until_the_index_is_read_again(discord: Discord):
    stale = discord.imagine()
    await discord.sim("commands/bump", {"name": "imagine"})
    refused = await discord.interact(stale)
    _, index = await discord.call("GET", "/api/v9/guilds/200000000000000001/application-command-index")
    fresh = next(c for c in index["application_commands"] if c["id"] == stale["data"]["id"])
    stale["data"]["version"] = fresh["version"]

    assert (refused[0], refused[1]["code"]) == (400, 50035)
    assert "outdated" in json.dumps(refused[1])
    assert (await discord.interact(stale))[0] == 204


async def test_a_nonce_is_accepted_once(discord: Discord):
    await discord.interact(discord.imagine(nonce="7"))

    assert (await discord.interact(discord.imagine(nonce="7")))[0] == 400


async def test_a_repeated_nonce_makes_a_second_job_when_the_option_says_so(discord: Discord):
    await discord.sim("options", {"unique_nonces": False})
    await discord.interact(discord.imagine(nonce="7"))

    assert (await discord.interact(discord.imagine(nonce="7")))[0] == 204
    assert [i.nonce for i in discord.bot.heard] == ["7", "7"]


async def test_a_button_is_pressed_on_the_message_that_has_it(discord: Discord):
    async with discord.connect() as client:
        final = await finished(discord, client)

    assert (await discord.interact(discord.press(final["id"], "small::again")))[0] == 204
    pressed = discord.bot.heard[-1]
    assert (pressed.custom_id, pressed.message and pressed.message.id) == ("small::again", final["id"])


@pytest.mark.parametrize(("message", "custom_id"), [("gone", "small::again"), ("final", "small::other")])
async def test_a_button_that_is_not_there_is_an_unknown_message(discord: Discord, message: str, custom_id: str):
    async with discord.connect() as client:
        final = await finished(discord, client)
    message_id = final["id"] if message == "final" else "1"

    assert (await discord.interact(discord.press(message_id, custom_id)))[1]["code"] == 10008


async def test_a_modal_is_submitted_once_under_the_clicks_interaction_id(discord: Discord):
    async with discord.connect() as client:
        final = await finished(discord, client)
        await discord.interact(discord.press(final["id"], "small::modal"))
        modal = (await client.event("INTERACTION_MODAL_CREATE"))["d"]
        field = modal["components"][0]["components"][0] | {"value": "a blue fox"}
        data = {"id": modal["id"], "custom_id": "small::form", "components": [{"type": 1, "components": [field]}]}
        first = await discord.interact(discord.frame(5, data))
        second = await discord.interact(discord.frame(5, data))

    assert (first[0], second[1]["code"]) == (204, 10062)
    submitted = discord.bot.heard[-1]
    assert submitted.fields == {"small::prompt": "a blue fox"}
    assert submitted.modal
    assert submitted.modal.opened_by is discord.bot.heard[-2]


async def test_an_iframes_token_takes_one_png_mask(discord: Discord):
    mask = {"customId": "token-1", "mask": base64.b64encode(png()).decode(), "prompt": "x"}

    assert (await discord.call("POST", "/inpaint/api/submit-job", json=mask))[0] == 200
    assert (await discord.call("POST", "/inpaint/api/submit-job", json=mask | {"customId": "2"}))[0] == 404
    assert (await discord.call("POST", "/inpaint/api/submit-job", json=mask | {"mask": "eHg="}))[0] == 400
    assert discord.bot.masks["token-1"] == png()


async def test_uploaded_files_reach_the_bot_under_their_options(discord: Discord):
    files = [{"filename": f"{n}.png", "file_size": len(png(c)), "id": str(n)} for n, c in enumerate(("red", "blue"))]
    _, reserved = await discord.call("POST", CHANNEL + "/attachments", json={"files": files})
    for slot, colour in zip(reserved["attachments"], ("red", "blue"), strict=True):
        async with discord.http.put(slot["upload_url"], data=png(colour)) as response:
            assert response.status == 200
    attachments = [
        {"id": str(s["id"]), "filename": "x.png", "uploaded_filename": s["upload_filename"]}
        for s in reserved["attachments"]
    ]
    options = [{"type": 11, "name": f"image{n + 1}", "value": n} for n in (0, 1)]
    data = BLEND | {"options": options, "attachments": attachments}

    assert (await discord.interact(discord.frame(2, data)))[0] == 204
    assert [u.content for u in discord.bot.heard[0].uploads] == [png("red"), png("blue")]


async def test_a_file_in_the_request_itself_reaches_the_bot(discord: Discord):
    data = DESCRIBE | {
        "options": [{"type": 11, "name": "image", "value": 0}],
        "attachments": [{"id": "0", "filename": "x.png"}],
    }
    form = aiohttp.FormData()
    form.add_field("payload_json", json.dumps(discord.frame(2, data)))
    form.add_field("files[0]", png(), filename="x.png")

    assert (await discord.call("POST", "/api/v9/interactions", data=form))[0] == 204
    assert discord.bot.heard[0].uploads[0].content == png()


async def test_an_attachment_that_was_never_uploaded_is_refused(discord: Discord):
    data = DESCRIBE | {
        "options": [{"type": 11, "name": "image", "value": 0}],
        "attachments": [{"id": "0", "filename": "x.png", "uploaded_filename": "nowhere/x.png"}],
    }

    assert (await discord.interact(discord.frame(2, data)))[0] == 400


async def test_the_rate_limit_refuses_with_retry_after_and_says_so_beforehand(discord: Discord):
    await discord.sim("options", {"interactions_per_second": 1})
    url, headers = discord.simulator.url + "/api/v9/interactions", {"Authorization": user_token(1)}
    async with discord.http.post(url, json=discord.imagine(), headers=headers) as first:
        assert first.headers["X-RateLimit-Remaining"] == "0"

    status, answer = await discord.interact(discord.imagine())
    assert (status, answer["global"], 0 < answer["retry_after"] <= 1) == (429, False, True)


async def test_the_journal_tells_accepted_and_refused_interactions_without_tokens(discord: Discord):
    await discord.interact(discord.imagine("a cat", nonce="1"))
    await discord.interact(discord.imagine("a cat", nonce="1"))
    lines = await discord.journal("interaction")

    assert [(line["nonce"], line["prompt"], line["status"]) for line in lines] == [
        ("1", "a cat", 204),
        ("1", "a cat", 400),
    ]
    assert user_token(1) not in json.dumps(lines)
