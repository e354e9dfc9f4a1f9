"""The life of an imagine as a client sees it: discord-wire §2.4 (a)."""

import pytest

from tests.simulator.player import Player, button, job_of, labels


async def test_start_message_carries_nonce_and_interaction(player: Player):
    """The message that starts a job has the nonce, the interaction's id and the rewritten prompt."""
    nonce = await player.command("imagine", prompt="a  red   fox --s 50 --ar 3:2 --fast")
    start = await player.start()

    created = next(data for name, data in player.seen if name == "INTERACTION_CREATE")
    assert (
        start["content"]
        == "**a red fox --ar 3:2 --stylize 50 --fast --v 7.0** - <@100000000000000001> (Waiting to start)"
    )
    assert start["nonce"] == created["nonce"] == nonce
    assert start["interaction_metadata"]["id"] == created["id"]
    assert start["interaction_metadata"]["name"] == "imagine"


async def test_interaction_success_names_nonce_and_interaction(player: Player):
    """INTERACTION_SUCCESS binds the nonce to the interaction's id."""
    nonce = await player.command("imagine", prompt="a red fox")
    success = await player.event("INTERACTION_SUCCESS")

    created = next(data for name, data in player.seen if name == "INTERACTION_CREATE")
    assert success == {"id": created["id"], "nonce": nonce}


async def test_progress_rises_on_the_same_message(player: Player):
    """Percents come as edits of the start message, never falling, without a nonce."""
    grid = await player.imagine()

    updates = [data for name, data in player.seen if name == "MESSAGE_UPDATE"]
    percents = [int(data["content"].split("%")[0].rsplit("(", 1)[1]) for data in updates]
    assert percents == sorted(percents)
    assert percents[-1] == 93
    assert {data["id"] for data in updates}.isdisjoint({grid["id"]})
    assert not any("nonce" in data for data in updates)


async def test_previews_come_from_the_second_percent_on(player: Player):
    """The first percent has no picture, later ones a small preview named after the job."""
    grid = await player.imagine()

    first, *others = [data for name, data in player.seen if name == "MESSAGE_UPDATE"]
    assert first["attachments"] == []
    assert {data["attachments"][0]["filename"] for data in others} == {f"{job_of(grid)}_grid_0.webp"}


async def test_step_previews_are_ephemeral_jpegs(player: Player):
    """With the preview style of 2026 they are numbered JPEGs under another path."""
    player.simulator.world.options.preview_style = "step_jpeg"
    grid = await player.imagine()

    last = [data for name, data in player.seen if name == "MESSAGE_UPDATE"][-1]["attachments"][0]
    assert last["filename"].startswith(f"{job_of(grid)}_1_step_")
    assert "/ephemeral-attachments/" in last["url"]


@pytest.mark.parametrize("before", [True, False])
async def test_result_is_a_new_message_and_progress_goes(player: Player, before: bool):
    """The result comes as a message of its own; the progress message is deleted, before or after."""
    player.simulator.world.options.delete_before_final = before
    await player.command("imagine", prompt="a red fox")
    start = await player.start()
    if before:
        deleted = await player.event("MESSAGE_DELETE")
        grid = await player.result()
    else:
        grid = await player.result()
        deleted = await player.event("MESSAGE_DELETE")

    assert deleted["id"] == start["id"] != grid["id"]
    assert "nonce" not in grid
    assert "interaction_metadata" not in grid


async def test_result_may_carry_the_interaction(player: Player):
    """Newer bots send it as a follow-up with interaction_metadata."""
    player.simulator.world.options.final_has_metadata = True
    grid = await player.imagine()

    created = next(data for name, data in player.seen if name == "INTERACTION_CREATE")
    assert grid["interaction_metadata"]["id"] == created["id"]


async def test_grid_has_nine_buttons_and_a_link(player: Player):
    """U1-U4 and reroll, V1-V4 and the Web link, all naming one job."""
    grid = await player.imagine()

    assert labels(grid) == ["U1", "U2", "U3", "U4", "🔄", "V1", "V2", "V3", "V4", "Web"]
    assert button(grid, "U3")["custom_id"] == f"MJ::JOB::upsample::3::{job_of(grid)}"
    assert "custom_id" not in button(grid, "Web")


async def test_picture_names_its_job_and_prompt(player: Player):
    """The PNG says in text chunks whose it is; the file is named after user, prompt and job."""
    grid = await player.imagine("a red fox --ar 3:2")
    image = await player.image(grid)

    assert image.info["midway:job"] == job_of(grid)
    assert image.info["midway:prompt"] == "a red fox --ar 3:2 --v 7.0"
    assert image.info["midway:quadrant"] == "1-4"
    assert image.width / image.height == pytest.approx(1.5, rel=0.02)
    assert grid["attachments"][0]["filename"] == f"user1_a_red_fox_--ar_3_2_--v_7.0_{job_of(grid)}.png"


async def test_same_prompt_twice_makes_two_jobs(player: Player):
    """Every job has a UUID of its own, whatever its prompt."""
    one, other = await player.imagine(), await player.imagine()

    assert job_of(one) != job_of(other)


async def test_image_prompt_is_shortened(player: Player):
    """A picture's link before the prompt becomes a short link."""
    grid = await player.imagine("a red fox")
    link = grid["attachments"][0]["url"]
    mixed = await player.imagine(f"{link} a blue sea --iw 2")

    assert mixed["content"].startswith("**<https://s.mj.run/")
    assert "> a blue sea --iw 2 --v 7.0**" in mixed["content"]


async def test_flags_choose_the_mode(player: Player):
    """--turbo stays in the prompt and shows as the mode."""
    grid = await player.imagine("a red fox --turbo")

    assert grid["content"].startswith("**a red fox --turbo --v 7.0** - <@100000000000000001> (turbo)")


async def test_niji_bot_answers_under_its_own_name(player: Player):
    """The niji bot is another author with another model."""
    player.bot = "1022952195194359889"
    grid = await player.imagine()

    assert grid["author"]["id"] == player.bot
    assert "--niji 7" in grid["content"]


async def test_unknown_parameter_is_refused_in_an_ephemeral_embed(player: Player):
    """No job starts; the embed has the nonce and only the invoking session sees it."""
    nonce = await player.command("imagine", prompt="a red fox --nonsense 3")
    message = await player.event("MESSAGE_CREATE")

    assert message["embeds"][0]["title"] == "Invalid parameter"
    assert message["flags"] == 64
    assert message["nonce"] == nonce


async def test_journal_ties_job_to_nonce(player: Player):
    """A job's lines in the journal name the nonce that asked for it."""
    nonce = await player.command("imagine", prompt="a red fox")
    grid = await player.result()

    lines = [line for line in player.simulator.world.journal.lines(kind="job") if line["job_id"] == job_of(grid)]
    assert [line["what"] for line in lines] == ["started", "finished"]
    assert {line["nonce"] for line in lines} == {nonce}


@pytest.mark.parametrize("prompt", ["   ", "--ar 3:2", "https://example.com/one.png"])
async def test_prompt_without_words_is_refused(player: Player, prompt: str):
    """Neither nothing nor a single picture is enough."""
    await player.command("imagine", prompt=prompt)

    assert (await player.refused())["title"] == "Invalid prompt"


async def test_video_by_prompt_needs_one_picture(player: Player):
    """A picture and --video 1 make a batch of videos."""
    grid = await player.imagine()
    await player.command("imagine", prompt=f"{grid['attachments'][0]['url']} --video 1 --bs 2")
    videos = await player.result()

    assert labels(videos) == ["U1", "U2", "🔄", "Web"]
    assert videos["attachments"][0]["content_type"] == "video/mp4"


async def test_expired_image_link_is_refused(player: Player):
    """The bot reads an image prompt at once, so a dead link ends the job before it starts."""
    grid = await player.imagine()
    player.simulator.world.files.expire_links()
    await player.command("imagine", prompt=f"{grid['attachments'][0]['url']} a blue sea")

    assert (await player.refused())["title"] == "Invalid link"
