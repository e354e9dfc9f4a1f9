"""/imagine with `--repeat` or options in braces: the bot asks, and starts several jobs after a yes."""

from collections.abc import Callable

import pytest

from tests.simulator.player import Payload, Player, labels

EPHEMERAL = 64


async def asked(player: Player, prompt: str) -> Payload:
    """Imagine, and give the question."""
    await player.command("imagine", prompt=prompt)
    return await player.event("MESSAGE_CREATE", has_buttons)


def has_buttons(message: Payload) -> bool:
    return bool(message["components"])


def closed(question: Payload) -> Callable[[Payload], bool]:
    return lambda message: message["id"] == question["id"] and not message["components"]


def started(player: Player) -> list[str]:
    """List the prompts of the jobs that began, without the version that the bot adds."""
    lines = player.simulator.world.journal.lines(kind="job")
    return [line["prompt"].removesuffix(" --v 7.0") for line in lines if line["what"] == "started"]


async def test_the_bot_asks_before_it_starts_several_jobs(player: Player):
    nonce = await player.command("imagine", prompt="a {red, blue} fox")
    question = await player.event("MESSAGE_CREATE", has_buttons)

    assert question["nonce"] == nonce
    assert question["flags"] == EPHEMERAL
    assert "2 prompts" in question["embeds"][0]["description"]
    assert labels(question) == ["Yes", "No", "Show Prompts"]
    assert started(player) == []


async def test_a_yes_starts_each_job_with_a_message_of_its_own(player: Player):
    question = await asked(player, "a {red, blue} fox --repeat 2")
    await player.press(question, "Yes")
    await player.event("MESSAGE_UPDATE", closed(question))
    starts = [await player.start() for _ in range(3)]  # a fourth waits for a slot

    assert len({start["id"] for start in starts}) == 3
    assert not any("nonce" in start for start in starts)
    assert started(player)[:3] == ["a red fox", "a red fox", "a blue fox"]


async def test_the_jobs_may_carry_the_nonce_of_the_yes(player: Player):
    """Whether they do is not known; both can be chosen."""
    player.simulator.world.options.several_start_has_nonce = True
    nonce = await player.press(await asked(player, "a fox --r 2"), "Yes")

    assert [(await player.start())["nonce"] for _ in range(2)] == [nonce] * 2


async def test_each_job_ends_with_its_own_picture(player: Player):
    await player.press(await asked(player, "a {red, blue} fox"), "Yes")
    results = [await player.result() for _ in range(2)]

    assert {result["content"].split("**")[1] for result in results} == {"a red fox --v 7.0", "a blue fox --v 7.0"}


async def test_a_no_starts_nothing(player: Player):
    question = await asked(player, "a fox --repeat 2")
    await player.press(question, "No")
    await player.event("MESSAGE_UPDATE", closed(question))
    await player.imagine("an owl")

    assert started(player) == ["an owl"]


async def test_a_double_click_is_one_answer(player: Player, monkeypatch: pytest.MonkeyPatch):
    """Both presses reach Discord before the bot answers the first."""
    question = await asked(player, "a fox --repeat 2")
    clock, held = player.simulator.world.clock, []
    with monkeypatch.context() as patch:
        patch.setattr(clock, "call_later", lambda *call: held.append(call))
        await player.press(question, "Yes")
        await player.press(question, "Yes")
    for call in held:
        clock.call_later(*call)
    await player.event("INTERACTION_FAILURE")

    assert started(player) == ["a fox"] * 2


async def test_an_answered_question_has_no_buttons_to_press(player: Player):
    question = await asked(player, "a fox --repeat 2")
    await player.press(question, "Yes")
    await player.event("MESSAGE_UPDATE", closed(question))

    with pytest.raises(AssertionError, match="Unknown Message"):
        await player.press(question, "Yes")
    assert started(player) == ["a fox"] * 2


async def test_the_prompts_can_be_shown_first(player: Player):
    question = await asked(player, "a {red, blue} fox")
    await player.press(question, "Show Prompts")
    shown = await player.event("MESSAGE_UPDATE", has_buttons)

    assert "1. a red fox" in shown["embeds"][0]["description"]
    assert "2. a blue fox" in shown["embeds"][0]["description"]
    assert labels(shown) == ["Yes", "No"]


async def test_the_question_may_be_a_text(player: Player):
    """Whether it is an embed is not known; both can be chosen."""
    player.simulator.world.options.several_question = "content"
    question = await asked(player, "a fox --repeat 2")

    assert "2 prompts" in question["content"]
    assert question["embeds"] == []


@pytest.mark.parametrize("prompt", ["a {red} fox", "a {red, fox", r"a \{red, blue\} fox", r"a {red\, blue} fox"])
async def test_nothing_is_asked_where_there_is_no_choice(player: Player, prompt: str):
    start = await player.imagine(prompt)

    assert start["content"].startswith(f"**{prompt} --v 7.0**")


LIMITS = {"Basic": 4, "Standard": 10, "Pro": 40, "Mega": 40}


@pytest.mark.parametrize(("plan", "most"), LIMITS.items())
async def test_a_plan_allows_so_many_jobs_at_once(player: Player, plan: str, most: int):
    player.simulator.world.accounts[0].plan = plan
    for prompt in (f"a fox --repeat {most + 1}", "a {" + "x," * most + "y} fox", f"{{a, b}} --repeat {most // 2 + 1}"):
        await player.command("imagine", prompt=prompt)
        assert (await player.refused())["title"].startswith("Invalid")

    question = await asked(player, f"a fox --repeat {most}")
    assert f"{most} prompts" in question["embeds"][0]["description"]


@pytest.mark.parametrize("value", ["0", "1", "x", ""])
async def test_a_repeat_begins_with_two(player: Player, value: str):
    await player.command("imagine", prompt=f"a fox --repeat {value}")

    assert (await player.refused())["title"] == "Invalid parameter"


async def test_relax_mode_starts_no_several_jobs(player: Player):
    await player.command("imagine", prompt="a fox --repeat 2 --relax")
    refused = await player.refused()
    player.simulator.world.options.several_in_relax = True

    assert refused["title"] == "Invalid request"
    assert labels(await asked(player, "a fox --repeat 2 --relax"))


async def test_a_window_for_an_imagine_asks_too(player: Player):
    """One of the shortened prompts, changed in its window."""
    await player.command("shorten", prompt="a very big and quite beautiful red fox in the snow")
    panel = await player.event("MESSAGE_UPDATE", has_buttons)
    await player.press(panel, "1️⃣")
    modal = await player.event("INTERACTION_MODAL_CREATE")
    await player.submit(modal, "a {red, blue} fox")
    question = await player.event("MESSAGE_CREATE", has_buttons)

    assert labels(question) == ["Yes", "No", "Show Prompts"]


async def test_other_windows_take_no_repeat(player: Player):
    grid = await player.imagine()
    player.simulator.world.accounts[0].settings[player.bot].remix = True
    await player.press(grid, "V1")
    modal = await player.event("INTERACTION_MODAL_CREATE")
    await player.submit(modal, "a fox --repeat 2")

    assert (await player.refused())["title"] == "Invalid parameter"
