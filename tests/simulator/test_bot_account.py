"""What an account has: slots, a queue, fast time, settings, standing, seeds."""

from collections.abc import Callable

import pytest
from discord_simulator.users import Standing

from tests.simulator.player import Payload, Player, button, job_of


async def ask(player: Player, count: int) -> list[str]:
    """Order jobs that keep their slots until they are given up."""
    return [await player.command("imagine", prompt=f"fox {n} __hang") for n in range(count)]


def titled(title: str) -> Callable[[Payload], bool]:
    return lambda data: title in [embed["title"] for embed in data["embeds"]]


def jobs(player: Player, what: str) -> list[dict]:
    return [line for line in player.simulator.world.journal.lines(kind="job") if line["what"] == what]


async def test_fourth_job_waits_for_a_slot(player: Player):
    """Standard runs three jobs; the fourth is told "Job queued" with its nonce, and starts later without it."""
    player.simulator.world.clock.speed = 2000
    nonces = await ask(player, 4)
    queued = await player.event("MESSAGE_CREATE", titled("Job queued"))
    start = await player.event("MESSAGE_CREATE", lambda data: bool(data["content"]) and "nonce" not in data)

    assert queued["nonce"] in nonces
    assert start["interaction_metadata"]["id"] == queued["interaction_metadata"]["id"]
    assert max(line["running"] for line in jobs(player, "started")) == 3


async def test_queued_start_may_carry_the_nonce(player: Player):
    """Whether it does is not known; both can be chosen."""
    player.simulator.world.clock.speed = 2000
    player.simulator.world.options.queued_start_has_nonce = True
    await ask(player, 4)
    queued = await player.event("MESSAGE_CREATE", titled("Job queued"))

    assert await player.event("MESSAGE_CREATE", lambda d: bool(d["content"]) and d["nonce"] == queued["nonce"])


async def test_pro_runs_twelve(player: Player):
    """A larger plan has more slots."""
    player.simulator.world.accounts[0].plan = "Pro"
    await ask(player, 12)
    for _ in range(12):
        await player.start()

    assert jobs(player, "queued") == []


async def test_full_queue_refuses(player: Player):
    """Three running and ten waiting are the limit."""
    nonces = await ask(player, 14)
    refused = await player.event("MESSAGE_CREATE", titled("Queue full"))

    assert refused["nonce"] in nonces
    assert len(jobs(player, "started")) <= 3
    assert len(jobs(player, "queued")) <= 10


async def test_picks_need_no_slot(player: Player):
    """A pick comes at once while every slot is taken."""
    grid = await player.imagine()
    await ask(player, 3)
    await player.press(grid, "U1")
    pick = await player.event("MESSAGE_CREATE", lambda data: "Image #1" in data["content"])

    assert pick["components"]
    assert jobs(player, "queued") == []


async def test_fast_jobs_use_up_fast_time(player: Player):
    """A fast job costs a minute; without any left it is refused, and relax still runs."""
    account = player.simulator.world.accounts[0]
    account.fast_minutes = 1.0
    await player.imagine()
    await player.command("imagine", prompt="another")
    refused = await player.refused()
    await player.command("imagine", prompt="another --relax")
    relaxed = await player.result()

    assert account.fast_minutes == 0
    assert refused["title"] == "Credits exhausted"
    assert "(relaxed)" in relaxed["content"]


@pytest.mark.parametrize(("mode", "word"), [("fast", "fast"), ("relax", "relaxed"), ("turbo", "turbo")])
async def test_mode_commands_change_the_mode(player: Player, mode: str, word: str):
    """/fast, /relax and /turbo answer Done! and hold for later jobs."""
    await player.command(mode)
    answer = await player.event("MESSAGE_CREATE")
    grid = await player.imagine()

    assert answer["content"].startswith("Done!")
    assert answer["flags"] == 64
    assert f"<@100000000000000001> ({word})" in grid["content"]


async def test_prefer_remix_toggles(player: Player):
    """The first use turns it on, the next off."""
    texts = []
    for _ in range(2):
        await player.command("prefer")
        texts.append((await player.event("MESSAGE_CREATE"))["content"])

    assert texts[0].startswith("Remix mode turned on")
    assert texts[1].startswith("Remix mode turned off")


async def test_settings_panel_shows_and_changes_the_account(player: Player):
    """A pressed toggle edits the ephemeral panel and holds from then on."""
    await player.command("settings")
    panel = await player.event("MESSAGE_CREATE")
    await player.press(panel, "Remix mode")
    changed = await player.event("MESSAGE_UPDATE")

    assert panel["flags"] == 64
    assert button(panel, "Remix mode")["style"] == 2
    assert changed["id"] == panel["id"]
    assert button(changed, "Remix mode")["style"] == 3
    assert player.simulator.world.accounts[0].settings[player.bot].remix


async def test_version_select_changes_the_model(player: Player):
    """The select menu sets the version that later prompts get."""
    await player.command("settings")
    panel = await player.event("MESSAGE_CREATE")
    await player.press_id(panel, "MJ::Settings::VersionSelector", component_type=3, type=3, values=["niji 6"])
    changed = await player.event("MESSAGE_UPDATE")
    grid = await player.imagine()

    options = changed["components"][0]["components"][0]["options"]
    assert [option["value"] for option in options if option["default"]] == ["niji 6"]
    assert "--niji 6" in grid["content"]


async def test_reset_brings_the_defaults_back(player: Player):
    """Reset Settings undoes every change."""
    await player.command("settings")
    panel = await player.event("MESSAGE_CREATE")
    for label in ("RAW Mode", "Low Variation Mode", "Turbo mode", "Reset Settings"):
        await player.press(panel, label)
        panel = await player.event("MESSAGE_UPDATE")

    assert button(panel, "RAW Mode")["style"] == 2
    assert button(panel, "High Variation Mode")["style"] == 3
    assert button(panel, "Fast mode")["style"] == 3


async def test_info_loads_then_tells(player: Player):
    """First a loading message with the nonce, then its edit with the facts of discord-wire §6.2."""
    nonce = await player.command("info")
    loading = await player.event("MESSAGE_CREATE")
    panel = await player.event("MESSAGE_UPDATE")

    facts = dict(line.replace("**", "").split(": ", 1) for line in panel["embeds"][0]["description"].splitlines())
    assert loading["nonce"] == nonce
    assert loading["flags"] == 192
    assert panel["flags"] == 64
    assert panel["embeds"][0]["title"].startswith("Your info")
    assert facts["Subscription"] == "Standard (Active monthly, renews next on <t:1798761600>)"
    assert facts["Job Mode"] == "Fast"
    assert facts["Fast Time Remaining"].startswith("15.00/15.0 hours")


async def test_show_brings_a_job_back(player: Player):
    """Displaying... with the nonce, then the job's own message with picture and buttons."""
    grid = await player.imagine()
    nonce = await player.command("show", job_id=job_of(grid))
    first = await player.event("MESSAGE_CREATE")
    shown = await player.result()

    assert first["content"] == "Displaying..."
    assert first["nonce"] == nonce
    assert job_of(shown) == job_of(grid)
    assert shown["id"] != grid["id"]


async def test_show_of_an_unknown_job_is_refused_without_nonce(player: Player):
    """The embed names the job in its text, because nothing else ties it to the command."""
    job_id = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
    await player.command("show", job_id=job_id)
    message = await player.event("MESSAGE_CREATE")

    assert job_id in message["embeds"][0]["description"]
    assert "nonce" not in message


async def test_seed_comes_by_direct_message(player: Player):
    """/show in the DM, an envelope on the picture, then the seed that the prompt named."""
    grid = await player.imagine("a red fox --seed 1259687673")
    await player.command_in_dm("show", job_id=job_of(grid))
    shown = await player.result()
    path = f"/api/v9/channels/{shown['channel_id']}/messages/{shown['id']}/reactions/%E2%9C%89%EF%B8%8F/%40me"
    status, _ = await player._call("PUT", path + "?location=Message&type=0")
    seed = await player.event("MESSAGE_CREATE", lambda data: "seed" in data["content"] and "Job ID" in data["content"])

    assert status == 204
    assert shown["channel_id"] == seed["channel_id"] == "400000000000000001"
    assert seed["content"].splitlines()[1:] == [f"**Job ID**: {job_of(grid)}", "**seed** 1259687673"]


@pytest.mark.parametrize(
    ("standing", "title"),
    [
        (Standing.BLOCKED, "Blocked"),
        (Standing.PENDING_MOD, "Pending mod message"),
        (Standing.TOS, "Tos not accepted"),
        (Standing.VERIFY, "Action needed to continue"),
        (Standing.SUBSCRIPTION_REQUIRED, "Subscription required"),
        (Standing.SUBSCRIPTION_PAUSED, "Subscription paused"),
        (Standing.PLAN_CANCELLED, "Plan Cancelled"),
    ],
)
async def test_bad_standing_answers_everything(player: Player, standing: Standing, title: str):
    """An account in trouble gets the same embed for every command."""
    player.simulator.world.accounts[0].standing = standing
    await player.command("info")

    assert (await player.refused())["title"] == title
