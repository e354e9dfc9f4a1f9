"""An address that no webhook can ever reach is refused at the submit: else its client would wait for nothing."""

import pytest

NEVER = [
    ("ftp://hook.example/x", "neither http nor https"),
    ("hook.example/x", "neither http nor https"),
    ("not an address", "neither http nor https"),
    ("http://", "names no host"),
    ("http:///x", "names no host"),
    ("http://user:pass@hook.example/", "carries credentials"),
    ("http://hook.example:0/", "names no port that exists"),
    ("http://hook.example:99999/", "cannot be read"),
    ("http://hook.example:x/", "cannot be read"),
    ("http://134744072/", "a number in disguise"),
]


@pytest.mark.parametrize(("url", "problem"), NEVER)
async def test_what_is_no_webhooks_address_is_refused_by_the_name_its_client_wrote(client, url, problem):
    status, old = await client.post("/mj/submit/imagine", {"prompt": "a fox", "notifyHook": url})
    _, new = await client.post("/v1/tasks:imagine", {"prompt": "a fox", "options": {"notifyUrl": url}})

    assert (status, old["code"], old["result"]) == (200, 4, None)
    assert old["description"].startswith("notifyHook参数错误: ")
    assert problem in old["description"]
    assert new["details"][0]["reason"] == "ERROR_REASON_FIELD_INVALID"
    assert "options.notify_url" in new["message"]


async def test_a_longer_address_than_may_be_is_told_as_such(client):
    _, answer = await client.post("/mj/submit/imagine", {"prompt": "a fox", "notifyHook": "ftp://" + "a" * 2000})

    assert answer["description"] == "NotifyHook参数过长，最大2000字符"
