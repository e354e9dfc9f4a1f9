"""Trigger words in prompts: discord-wire §7.4, with the embeds of §4.1."""

import pytest
from discord_simulator.bot.triggers import TRIGGERS, UNDISTURBED, trigger_in

from tests.simulator.player import Player, button


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
        ("__appeal", "Action needed to continue", 16776960),
        ("__banned_image", "Banned image prompt", None),
        ("__empty", "Empty prompt", None),
        ("__restricted", "Job action restricted", None),
        ("__task_needed", "Please complete the task", None),
        ("__unknown", "Slow Down!", 16239475),
        ("__unknown_red", "Moonbeam overflow", 16711680),
    ],
)
async def test_refusal_is_an_ephemeral_embed_with_the_nonce(player: Player, word: str, title: str, color: int | None):
    """No job starts."""
    nonce = await player.command("imagine", prompt=f"a fox {word}")
    message = await player.event("MESSAGE_CREATE")

    assert message["embeds"][0]["title"] == title
    assert message["embeds"][0].get("color") == color
    assert message["nonce"] == nonce
    assert message["flags"] == 64
    assert list(player.simulator.world.journal.lines(kind="job")) == []


@pytest.mark.parametrize(
    ("word", "title"),
    [
        ("__duplicate", "Duplicate images detected"),
        ("__failed", "Internal error"),
        ("__internal", "Internal error"),
        ("__filtered_image", "Request cancelled due to image filters"),
        ("__banned __as_edit", "Banned prompt detected"),
    ],
)
async def test_failure_on_the_progress_message(player: Player, word: str, title: str):
    """The job's own message turns into the error."""
    await player.command("imagine", prompt=f"a fox {word}")
    start = await player.start()
    error = await player.event("MESSAGE_UPDATE", lambda data: bool(data["embeds"]))

    assert error["id"] == start["id"]
    assert error["embeds"][0]["title"] == title


@pytest.mark.parametrize(
    ("word", "title"),
    [
        ("__invalid_link", "Invalid link!"),
        ("__filtered", "Request cancelled"),
        ("__declined", "Sorry, something went wrong"),
        ("__slow_down", "Slow Down!"),
        ("__incomplete", "Sorry! Could not complete the job!"),
        ("__bad_response", "Bad response"),
        ("__unknown __as_reply", "Slow Down!"),
    ],
)
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


async def test_a_refusal_by_its_footer_alone(player: Player):
    """No red: only the footer tells that the bot declines."""
    await player.command("imagine", prompt="a fox __declined")
    refusal = await player.refused()

    assert refusal["footer"]["text"].startswith("decline-")
    assert "color" not in refusal


async def test_an_appeal_has_a_button(player: Player):
    """A verdict about the prompt, not about the account."""
    await player.command("imagine", prompt="a fox __appeal")
    message = await player.event("MESSAGE_CREATE")

    assert button(message, "Appeal")["custom_id"].startswith("MJ::Prompts::Appeal::")


@pytest.mark.parametrize("place", ["", "__as_reply", "__as_edit"])
async def test_a_refusal_in_plain_text(player: Player, place: str):
    """`Invalid parameter` and the lines below it as content, without an embed, in each of the places."""
    await player.command("imagine", prompt=f"a fox __invalid_param __as_text {place}")
    name = "MESSAGE_UPDATE" if place == "__as_edit" else "MESSAGE_CREATE"
    message = await player.event(name, lambda data: data["content"].startswith("Invalid parameter\n"))

    assert message["embeds"] == []
    assert bool(message["flags"] & 64) is (place == "")


async def test_the_colour_of_a_refusal_can_be_left_out(player: Player):
    """Any of them."""
    await player.command("imagine", prompt="a fox __blocked __uncoloured")

    assert "color" not in await player.refused()


async def test_a_failure_can_be_told_at_once(player: Player):
    """What else follows a start comes as the answer."""
    nonce = await player.command("imagine", prompt="a fox __declined __as_answer")
    message = await player.event("MESSAGE_CREATE")

    assert (message["nonce"], message["flags"]) == (nonce, 64)


@pytest.mark.parametrize("label", ["U2", "V1"])
async def test_a_press_can_be_refused_whose_parent_was_not(player: Player, label: str):
    """`Slow Down!` replies to the picture pressed, or to the progress message, without nonce or interaction."""
    grid = await player.imagine("a fox __slow_down __on_press")
    await player.press(grid, label)
    refusal = await player.event("MESSAGE_CREATE", lambda data: bool(data["embeds"]))

    assert refusal["embeds"][0]["title"] == "Slow Down!"
    assert (refusal["message_reference"]["message_id"] == grid["id"]) is (label == "U2")
    assert not {"nonce", "interaction_metadata"} & refusal.keys()
    assert [user["id"] for user in refusal["mentions"]] == ["100000000000000001"]


async def test_a_paused_job_goes_on(player: Player):
    """(paused) shows in the middle, with a Cancel button; the result still comes."""
    await player.imagine("a fox __paused")

    said = [data for name, data in player.seen if name == "MESSAGE_UPDATE" and "** - <@" in data["content"]]
    paused = next(position for position, data in enumerate(said) if data["content"].endswith("(paused) (fast)"))
    assert button(said[paused], "Cancel Job")
    assert "%" in said[paused + 1]["content"]


def test_every_word_is_read_whole():
    """No word hides another, and a prompt without one is left alone."""
    for word, trigger in TRIGGERS.items():
        assert trigger_in(f"a fox {word}, running") is trigger
    assert trigger_in("a fox __nonsense __as_reply") is UNDISTURBED
