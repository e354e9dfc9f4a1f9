"""What the real bot does one way or another, each by an option: discord-wire §10."""

import re
from functools import partial
from typing import Any

import pytest

from tests.simulator.player import Payload, Player, button, job_of, labels


def choose(player: Player, **options: Any) -> None:
    """Set options of the simulator."""
    for name, value in options.items():
        setattr(player.simulator.world.options, name, value)


async def grid_and_its_events(player: Player) -> tuple[Payload, list[tuple[str, Payload]]]:
    """Press U2 of a grid, and give the pick with all that came since."""
    grid = await player.imagine()
    before = len(player.seen)
    await player.press(grid, "U2")
    if player.simulator.world.options.restyle_first:
        pick = await player.result()
    else:
        await player.event("MESSAGE_UPDATE", lambda data: data["id"] == grid["id"])
        pick = next(data for name, data in player.seen[before:] if name == "MESSAGE_CREATE")
    return pick, [(name, data) for name, data in player.seen[before:] if data["id"] in (grid["id"], pick["id"])]


async def test_a_pick_restyles_its_grid_first(player: Player):
    """The pressed button turns before the picture comes: two old clients finish a pick in no other order."""
    _, events = await grid_and_its_events(player)

    assert [name for name, _ in events] == ["MESSAGE_UPDATE", "MESSAGE_CREATE"]
    assert button(events[0][1], "U2")["style"] == 1


async def test_a_pick_may_restyle_its_grid_afterwards(player: Player):
    """The other order, by option."""
    choose(player, restyle_first=False)
    _, events = await grid_and_its_events(player)

    assert [name for name, _ in events] == ["MESSAGE_CREATE", "MESSAGE_UPDATE"]


async def test_a_variation_restyles_its_grid_before_it_starts(player: Player):
    """The same with every press that begins a job."""
    grid = await player.imagine()
    before = len(player.seen)
    await player.press(grid, "V1")
    start = await player.start()

    both = [grid["id"], start["id"]]
    assert [data["id"] for _, data in player.seen[before:] if data.get("id") in both] == both


@pytest.mark.parametrize("has_nonce", [True, False])
async def test_the_progress_message_may_become_the_result(player: Player, has_nonce: bool):
    """The id stays, nothing is deleted, and the buttons are the result's; the nonce may be there again."""
    choose(player, final_message="edit", final_has_nonce=has_nonce)
    nonce = await player.command("imagine", prompt="a red fox")
    start = await player.start()
    final = await player.event("MESSAGE_UPDATE", lambda data: "%" not in data["content"])
    await player.press(final, "U1")
    await player.result()

    assert final["id"] == start["id"]
    assert labels(final) == ["U1", "U2", "U3", "U4", "🔄", "V1", "V2", "V3", "V4", "Web"]
    assert final["attachments"][0]["filename"].endswith(f"{job_of(final)}.png")
    assert (final.get("nonce") == nonce) is has_nonce
    assert "MESSAGE_DELETE" not in [name for name, _ in player.seen]


async def test_a_new_result_may_carry_the_nonce(player: Player):
    """Not only a pick's."""
    choose(player, final_has_nonce=True)
    nonce = await player.command("imagine", prompt="a red fox")

    assert (await player.result())["nonce"] == nonce


async def test_either_end_by_chance(player: Player):
    """Both kinds of result and both kinds of nonce come, as a seed draws them."""
    choose(player, final_message="random", final_has_nonce=None)
    ways = set()
    for _ in range(12):
        nonce = await player.command("imagine", prompt="a red fox")
        payload = await player.client.payload(lambda p: str(p.get("t")).startswith("MESSAGE_") and is_final(p["d"]))
        ways.add((payload["t"], payload["d"].get("nonce") == nonce))

    assert {name for name, _ in ways} == {"MESSAGE_CREATE", "MESSAGE_UPDATE"}
    assert {has_nonce for _, has_nonce in ways} == {True, False}


def is_final(message: Payload) -> bool:
    """Tell whether a message holds a grid's result."""
    return "U1" in labels(message) if message.get("components") else False


async def test_progress_has_a_cancel_button_and_pressing_it_stops_the_job(player: Player):
    """The half-drawn picture stays, without a button."""
    await player.command("imagine", prompt="a fox __hang_after_46")
    shown = await player.event("MESSAGE_UPDATE", lambda data: bool(data["attachments"]))
    await player.press(shown, "Cancel Job")
    stopped = await player.event("MESSAGE_UPDATE", lambda data: "(Stopped)" in data["content"])

    assert re.fullmatch(r"MJ::CancelJob::ByJobid::[0-9a-f-]{36}", button(shown, "Cancel Job")["custom_id"])
    assert stopped["components"] == []
    assert stopped["attachments"]


async def test_nothing_follows_a_stop(player: Player, monkeypatch: pytest.MonkeyPatch):
    """All that the job had planned for later comes due afterwards, and does nothing."""
    clock, planned = player.simulator.world.clock, []
    call_later = clock.call_later

    def hold(seconds: float, function: Any, *args: Any, since: float | None = None) -> None:
        if since is None:
            call_later(seconds, function, *args)
        else:
            planned.append(partial(function, *args))

    with monkeypatch.context() as patch:
        patch.setattr(clock, "call_later", hold)
        await player.command("imagine", prompt="a fox")
        await player.start()
    for act in planned[:2]:  # two percents: the second one has a preview
        act()
    shown = await player.event("MESSAGE_UPDATE", lambda data: bool(data["attachments"]))
    await player.press(shown, "Cancel Job")
    stopped = await player.event("MESSAGE_UPDATE", lambda data: "(Stopped)" in data["content"])
    for act in planned[2:]:
        act()
    other = await player.imagine("an owl")

    assert len(planned) > 4
    assert [data for name, data in player.seen if data.get("id") == shown["id"]][-1] == stopped
    assert [data for name, data in player.seen if name == "MESSAGE_CREATE" and data["attachments"]] == [other]


async def test_settings_may_load_first(player: Player):
    """A loading message, and the panel by an edit of it."""
    choose(player, settings_loading=True)
    nonce = await player.command("settings")
    loading = await player.event("MESSAGE_CREATE")
    panel = await player.event("MESSAGE_UPDATE")

    assert (loading["nonce"], loading["flags"], loading["components"]) == (nonce, 64 | 128, [])
    assert (panel["id"], panel["flags"]) == (loading["id"], 64)
    assert "Remix mode" in labels({"components": panel["components"][1:]})


@pytest.mark.parametrize("prompt", ["a fox __banned", "a fox --nonsense", "a fox __banned __as_reply"])
async def test_the_red_of_refusals_is_an_option(player: Player, prompt: str):
    """Midjourney's own red, or Discord's."""
    choose(player, error_red=15548997)
    await player.command("imagine", prompt=prompt)

    assert (await player.refused())["color"] == 15548997


@pytest.mark.parametrize("kind", ["link", "article", "image", "video"])
async def test_a_link_gets_a_preview_whose_title_is_the_pages(player: Player, kind: str):
    """Discord shows the linked page a while later, by a MESSAGE_UPDATE that is no edit."""
    choose(player, link_previews=kind)
    link = "https://pages.example/?title=Blocked&description=You+are+blocked"
    await player.command("imagine", prompt=f"{link} a blue sea __hang")
    shown = await player.event("MESSAGE_UPDATE", lambda data: bool(data["embeds"]))

    (preview,) = shown["embeds"]
    assert preview["type"] == kind
    assert preview["url"] == link
    assert preview.get("title") == (None if kind == "image" else "Blocked")
    assert shown["edited_timestamp"] is None
    assert shown["content"].endswith("(Waiting to start)")


async def test_what_is_no_link_has_no_preview(player: Player):
    """The job goes on."""
    choose(player, link_previews="article")
    await player.imagine("http://[x a blue sea https://pages.example")

    assert [d["embeds"][0]["url"] for _, d in player.seen if d.get("embeds")][:1] == ["https://pages.example"]


async def test_describe_may_link_what_it_names(player: Player):
    """The line holds links, the form behind its button the words alone."""
    choose(player, describe_links=True)
    grid = await player.imagine()
    await player.command("describe", link=grid["attachments"][0]["url"])
    panel = await player.event("MESSAGE_UPDATE", lambda data: bool(data["embeds"]))
    await player.press(panel, "1️⃣")
    modal = await player.event("INTERACTION_MODAL_CREATE")

    line = panel["embeds"][0]["description"].split("\n\n")[0]
    words = modal["components"][0]["components"][0]["value"]
    found = re.search(r"\[([^]]+)\]\(https://goo\.gl/search\?[^)]+\)", line)
    assert found
    assert found[1] in words
    assert "](" not in words


@pytest.mark.parametrize(
    ("label", "announced"),
    [
        ("V3", "Making variations for image #3 with prompt **a red fox --v 7.0** - <@"),
        ("🔄", "Rerolling **a red fox --v 7.0** - <@"),
    ],
)
async def test_an_order_may_be_announced(player: Player, label: str, announced: str):
    """Real start messages of presses have words before the prompt and no verb."""
    choose(player, start_announces=True)
    grid = await player.imagine()
    await player.press(grid, label)

    assert (await player.start())["content"].startswith(announced)
