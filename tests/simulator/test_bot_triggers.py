"""Trigger words in prompts: discord-wire §7.4, with the embeds of §4.1."""

import pytest

from tests.simulator.player import Player


@pytest.mark.parametrize(
    ("word", "title", "color"),
    [
        ("__banned", "Banned prompt detected", 16711680),
        ("__invalid_param", "Invalid parameter", 16711680),
        ("__queue_full", "Queue full", 16711680),
        ("__credits", "Credits exhausted", 16776960),
        ("__denied", "Image denied", 16711680),
        ("__pending_mod", "Pending mod message", 16711680),
        ("__blocked", "Blocked", 16711680),
        ("__sub_required", "Subscription required", 16711680),
        ("__tos", "Tos not accepted", 16776960),
        ("__action_needed", "Action needed to continue", 16776960),
    ],
)
async def test_refusal_is_an_ephemeral_embed_with_the_nonce(player: Player, word: str, title: str, color: int):
    """No job starts."""
    nonce = await player.command("imagine", prompt=f"a fox {word}")
    message = await player.event("MESSAGE_CREATE")

    assert message["embeds"][0]["title"] == title
    assert message["embeds"][0]["color"] == color
    assert message["nonce"] == nonce
    assert message["flags"] == 64
    assert list(player.simulator.world.journal.lines(kind="job")) == []


@pytest.mark.parametrize(
    ("word", "title"),
    [
        ("__duplicate", "Duplicate images detected"),
        ("__failed", "Internal error"),
        ("__internal", "Internal error"),
    ],
)
async def test_failure_on_the_progress_message(player: Player, word: str, title: str):
    """The job's own message turns into the error."""
    await player.command("imagine", prompt=f"a fox {word}")
    start = await player.start()
    error = await player.event("MESSAGE_UPDATE", lambda data: bool(data["embeds"]))

    assert error["id"] == start["id"]
    assert error["embeds"][0]["title"] == title


@pytest.mark.parametrize(("word", "title"), [("__invalid_link", "Invalid link!"), ("__filtered", "Request cancelled")])
async def test_failure_in_a_reply(player: Player, word: str, title: str):
    """The error replies to the progress message, which then goes away."""
    await player.command("imagine", prompt=f"a fox {word}")
    start = await player.start()
    error = await player.event("MESSAGE_CREATE", lambda data: bool(data["embeds"]))
    deleted = await player.event("MESSAGE_DELETE")

    assert error["embeds"][0]["title"].startswith(title)
    assert error["message_reference"]["message_id"] == start["id"] == deleted["id"]


async def test_stopped_ends_without_result(player: Player):
    """(Stopped) is the last word, and the slot is free again."""
    await player.command("imagine", prompt="a fox __stopped")
    await player.event("MESSAGE_UPDATE", lambda data: data["content"].endswith("(Stopped)"))

    assert [line["what"] for line in player.simulator.world.journal.lines(kind="job")] == ["started", "failed"]


async def test_hang_stops_at_its_percent(player: Player):
    """After 46 % nothing more is said of the job; at last it lets go of its slot."""
    player.simulator.world.clock.speed = 50_000
    await player.command("imagine", prompt="a fox __hang_after_46")
    for n in range(3):
        await player.command("imagine", prompt=f"a fox {n}")
        await player.result()

    said = [data["content"] for name, data in player.seen if name == "MESSAGE_UPDATE" and "__hang" in data["content"]]
    assert said[-1].endswith("(46%) (fast)")


async def test_verification_opens_its_page_and_nothing_else(player: Player):
    """The iframe event of a verification looks like Vary Region's but for title and path."""
    nonce = await player.command("imagine", prompt="a fox __verify")
    iframe = await player.event("INTERACTION_IFRAME_MODAL_CREATE")

    assert iframe["nonce"] == nonce
    assert iframe["title"] == "Action required to continue"
    assert iframe["iframe_path"].startswith("/captcha/embedded/")
