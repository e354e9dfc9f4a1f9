"""What is wrong with a request comes back as a JSON object that old clients understand."""

import pytest

from tests.acceptance.client import button, data_url, png

UNKNOWN = "1705514776143750"


async def test_an_empty_prompt_is_code_4(client):
    assert await client.post("/mj/submit/imagine", {"prompt": ""}) == (
        200,
        {"code": 4, "description": "prompt不能为空", "result": None, "properties": {}},
    )


async def test_an_unknown_id_is_404_with_an_object(client):
    status, body = await client.get(f"/mj/task/{UNKNOWN}/fetch")

    assert (status, body["code"], body["description"]) == (404, 3, "任务不存在")


async def test_malformed_json_is_400_with_an_object(client):
    async with client.http.post("/mj/submit/imagine", data='{"prompt": "a fox"') as answer:
        status, body = answer.status, await answer.json()

    assert (status, body["code"], isinstance(body["description"], str)) == (400, 4, True)


@pytest.mark.parametrize(("method", "path"), [("GET", "/mj/nothing"), ("GET", "/"), ("PUT", "/mj/submit/imagine")])
async def test_an_unknown_path_is_404_with_an_object(client, method, path):
    async with client.http.request(method, path) as answer:
        assert (answer.status, (await answer.json())["code"]) == (404, 404)


async def test_unknown_fields_are_ignored(client):
    task = await client.done("imagine", prompt="a boat", nobody="knows", mode={"this": ["field"]})

    assert task["prompt"] == "a boat"


async def test_times_are_json_integers_in_order(client):
    task = await client.done("imagine", prompt="a kite")

    times = [task["submitTime"], task["startTime"], task["finishTime"]]
    assert [type(time) for time in times] == [int] * 3
    assert times == sorted(times)


async def test_a_prompt_that_midjourney_bans_ends_as_a_failure_with_its_reason(client):
    task = await client.ended(await client.submit("imagine", prompt="something __banned"))

    assert (task["status"], task["progress"]) == ("FAILURE", "")
    assert "Banned prompt" in task["failReason"]


async def test_a_task_that_no_account_can_take_is_code_9_and_the_operator_finds_why(stack, client):
    """The sentence goes to end users: it names nothing of the operator's."""
    grid = await client.done("imagine", prompt="a grid before the pause")
    accounts = [account["id"] for account in (await client.get("/mj/account/list"))[1]]
    try:
        for account in accounts:
            assert stack.midway("pause", account, "--reason", "the owner is on holiday").returncode == 0
        answers = [
            await client.post(f"/mj/submit/{path}", body)
            for path, body in (
                ("imagine", {"prompt": "a fox"}),
                ("describe", {"base64": data_url(png())}),
                ("change", {"taskId": grid["id"], "action": "REROLL"}),
                ("action", {"taskId": grid["id"], "customId": button(grid, "V1")}),
                ("upload-discord-images", {"base64Array": [data_url(png())]}),
            )
        ]
        shown = stack.midway("accounts").stdout
    finally:
        for account in accounts:
            stack.midway("resume", account)

    assert answers == [
        (200, {"code": 9, "description": "无可用的账号实例", "result": None, "properties": {}}) for _ in answers
    ]
    assert shown.count("the owner is on holiday") == len(accounts)
    assert all(account in shown for account in accounts)
