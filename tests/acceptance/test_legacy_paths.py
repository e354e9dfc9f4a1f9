"""Every path of the old API, from JSON through Envoy to the simulated Midjourney and back."""

import re

import pytest

from tests.acceptance.client import Client, Json, button, data_url, mask, png

PICTURE = data_url(png())


async def grid(client: Client, prompt: str = "a red fox", **more: object) -> Json:
    """Draw a grid."""
    return await client.done("imagine", prompt=prompt, **more)


async def test_imagine_ends_with_a_grid_of_its_prompt(client):
    task = await grid(client, "a lighthouse --ar 3:2")

    assert task["action"] == "IMAGINE"
    assert task["progress"] == "100%"
    assert (await client.picture(task["id"]))["prompt"].startswith("a lighthouse")


async def test_imagine_with_a_picture_puts_its_link_before_the_prompt(client):
    task = await grid(client, "in a garden", base64Array=[PICTURE])

    assert re.match(r"<https://s[.]mj[.]run/[\w-]+> in a garden", task["properties"]["finalPrompt"])
    assert task["prompt"] == "in a garden"


async def test_change_upscales_the_picture_of_that_index(client):
    parent = await grid(client)

    task = await client.done("change", taskId=parent["id"], action="UPSCALE", index=2)

    assert await client.picture(task["id"]) == {
        "job": task["jobId"],
        "prompt": (await client.picture(parent["id"]))["prompt"],
        "quadrant": "2",
        "grid": parent["jobId"],
    }


async def test_an_upscale_that_exists_is_told_with_21_and_its_id(client):
    parent = await grid(client)
    first = await client.done("change", taskId=parent["id"], action="UPSCALE", index=1)

    again = (await client.post("/mj/submit/change", {"taskId": parent["id"], "action": "UPSCALE", "index": 1}))[1]

    assert (again["code"], again["result"], again["properties"]["status"]) == (21, first["id"], "SUCCESS")


@pytest.mark.parametrize(("change", "action"), [("V3", "VARIATION"), ("r", "REROLL"), ("u4", "UPSCALE")])
async def test_simple_change_does_what_its_word_says(client, change, action):
    parent = await grid(client)

    task = await client.done("simple-change", content=f"{parent['id']} {change}")

    assert (task["action"], task["parentId"]) == (action, parent["id"])


async def test_action_presses_a_button(client):
    parent = await grid(client)

    task = await client.done("action", taskId=parent["id"], customId=button(parent, "U3"))

    assert (await client.picture(task["id"]))["quadrant"] == "3"


async def test_action_with_a_modal_waits_and_modal_goes_on_with_the_same_id(client):
    parent = await grid(client)
    picked = await client.done("change", taskId=parent["id"], action="UPSCALE", index=1)

    waiting = (
        await client.post("/mj/submit/action", {"taskId": picked["id"], "customId": button(picked, "Custom Zoom")})
    )[1]
    answered = await client.submit("modal", taskId=waiting["result"], prompt="a red fox --zoom 1.8")

    assert (waiting["code"], waiting["description"]) == (21, "Waiting for window confirm")
    assert waiting["result"] == answered
    assert (await client.succeeded(answered))["action"] == "ZOOM"


async def test_modal_takes_the_mask_of_vary_region(client):
    parent = await grid(client)
    picked = await client.done("change", taskId=parent["id"], action="UPSCALE", index=1)
    press = {"taskId": picked["id"], "customId": button(picked, "Vary (Region)")}
    waiting = (await client.post("/mj/submit/action", press))[1]["result"]

    size = (picked["imageWidth"], picked["imageHeight"])
    task = await client.done("modal", taskId=waiting, prompt="a hat", maskBase64=data_url(mask(*size)))

    assert task["action"] == "INPAINT"


async def test_describe_finds_prompts(client):
    task = await client.done("describe", base64=PICTURE)

    assert task["properties"]["finalPrompt"]
    assert task["prompt"] == task["promptEn"] == task["properties"]["finalPrompt"]


async def test_blend_mixes_pictures(client):
    task = await client.done("blend", base64Array=[data_url(png("red")), data_url(png("blue"))], dimensions="PORTRAIT")

    assert task["action"] == "BLEND"
    assert task["imageHeight"] > task["imageWidth"]


async def test_shorten_tells_the_short_prompts(client):
    task = await client.done("shorten", prompt="a very beautiful and rather large red fox in the snow")

    assert task["properties"]["finalPrompt"]
    assert task["properties"]["finalZhPrompt"] == ""


async def test_show_brings_a_job_back(client):
    drawn = await grid(client, "a bridge")

    where = {"instanceId": drawn["properties"]["discordInstanceId"]}
    task = await client.done("show", jobId=drawn["jobId"], accountFilter=where)

    assert (await client.picture(task["id"]))["job"] == drawn["jobId"]


async def test_upload_answers_the_links(client):
    status, answer = await client.post("/mj/submit/upload-discord-images", {"base64Array": [PICTURE, PICTURE]})

    assert (status, answer["code"], len(answer["result"])) == (200, 1, 2)
    assert all(link.startswith("http") for link in answer["result"])


@pytest.mark.parametrize("path", ["/mj/task/list-by-condition", "/mj/task/list-by-ids"])
async def test_list_by_condition_gives_the_tasks_asked_for_and_no_other(client, path):
    task = await grid(client)

    status, tasks = await client.post(path, {"ids": [task["id"], int(task["id"]), "1", "nonsense"]})

    assert (status, tasks) == (200, [task])


async def test_list_gives_the_newest_first(client):
    older, newer = await grid(client), await grid(client)

    ids = [task["id"] for task in (await client.get("/mj/task/list"))[1]]

    assert ids.index(newer["id"]) < ids.index(older["id"])
    assert len(ids) <= 100


async def test_image_seed_is_a_text_of_digits(client):
    task = await grid(client)

    status, answer = await client.get(f"/mj/task/{task['id']}/image-seed")

    assert (status, answer["code"]) == (200, 1)
    assert answer["result"].isdecimal()


async def test_account_list_and_fetch_agree_and_keep_the_token(client):
    accounts = (await client.get("/mj/account/list"))[1]
    account = (await client.get(f"/mj/account/{accounts[0]['id']}/fetch"))[1]

    assert account["channelId"] == accounts[0]["channelId"]
    assert account["enable"] is True
    assert "simulator-account" not in str(accounts)


@pytest.mark.parametrize(("prefix", "mode"), [("mj-fast", "FAST"), ("mj-relax", "RELAX"), ("mj-turbo", "TURBO")])
async def test_a_prefix_sets_the_speed(client, prefix, mode):
    _, answer = await client.post(f"/{prefix}/mj/submit/imagine", {"prompt": "a clock"})

    assert (await client.fetch(answer["result"]))["mode"] == mode
