"""Events get lost, doubled, late or out of order: Discord promises none of them. A Task still ends once, and well."""

from pathlib import Path
from typing import Any

import pytest
from discord_simulator.app import Simulator
from midway.domain.action import Action
from midway.domain.task import State, Task

from tests.faults.stage import stage
from tests.support.rig import Rig
from tests.support.upstream import assert_own_picture, eventually, faults, jobs, later, posts

FINAL = r"\((fast|relaxed|turbo)\)(?!.*%)"  # the text of a result
START = r"Waiting to start"
EVERY = {"times": None}
BLUE = 1  # Discord's button style

INCIDENTS: dict[str, dict[str, Any]] = {
    "the interaction's creation is lost": {"fault": "EventLost", "event": "INTERACTION_CREATE"},
    "the interaction's success is lost": {"fault": "EventLost", "event": "INTERACTION_SUCCESS"},
    "the start message is lost": {"fault": "EventLost", "event": "MESSAGE_CREATE", "content": START},
    "every progress message is lost": {"fault": "EventLost", "event": "MESSAGE_UPDATE"} | EVERY,
    "the progress message's deletion is lost": {"fault": "EventLost", "event": "MESSAGE_DELETE"},
    "the final message is lost": {"fault": "EventLost", "event": "MESSAGE_CREATE", "content": FINAL},
    "the start message has no nonce": {"fault": "FieldsMissing", "event": "MESSAGE_CREATE", "content": START},
    "the start message says nothing of its interaction": {
        "fault": "FieldsMissing",
        "event": "MESSAGE_CREATE",
        "content": START,
        "fields": ["nonce", "interaction", "interaction_metadata"],
    },
    "the start message is empty": {
        "fault": "FieldsChanged",
        "event": "MESSAGE_CREATE",
        "content": START,
        "values": {"content": ""},
    },
    "the final message is of a type nobody knows": {
        "fault": "FieldsChanged",
        "event": "MESSAGE_CREATE",
        "content": FINAL,
        "values": {"type": 63},
    },
    "the start message comes twice": {"fault": "EventDuplicated", "event": "MESSAGE_CREATE", "content": START},
    "the final message comes twice": {"fault": "EventDuplicated", "event": "MESSAGE_CREATE", "content": FINAL},
    "the final message comes twice under one number": {
        "fault": "EventDuplicated",
        "event": "MESSAGE_CREATE",
        "content": FINAL,
        "same_sequence": True,
    },
    "every progress message comes twice": {"fault": "EventDuplicated", "event": "MESSAGE_UPDATE"} | EVERY,
    "the success comes after the start message": {"fault": "EventReordered", "event": "INTERACTION_SUCCESS"},
    "the start message comes after the first percent": {
        "fault": "EventReordered",
        "event": "MESSAGE_CREATE",
        "content": START,
        "until": "MESSAGE_UPDATE",
    },
    "a percent comes after the final message": {
        "fault": "EventReordered",
        "event": "MESSAGE_UPDATE",
        "content": r"\(93%\)",
        "until": "MESSAGE_CREATE",
    },
    "the percents come in the wrong order": {
        "fault": "EventReordered",
        "event": "MESSAGE_UPDATE",
        "content": r"%\)",
        "until": "MESSAGE_UPDATE",
    },
    "the progress message is deleted five seconds before the end": {
        "fault": "EventDelayed",
        "event": "MESSAGE_CREATE",
        "content": FINAL,
        "bot_seconds": 5,
    },
    "the final message comes before the last percent": {
        "fault": "EventDelayed",
        "event": "MESSAGE_UPDATE",
        "content": r"\(93%\)",
        "bot_seconds": 60,
    },
    "an event that nobody knows comes in between": {"fault": "UnknownEvent", "event": "MESSAGE_UPDATE"},
    "an opcode that nobody knows comes in between": {"fault": "UnknownOpcode", "event": "MESSAGE_UPDATE"},
}


@pytest.mark.parametrize("fault", INCIDENTS.values(), ids=INCIDENTS.keys())
async def test_an_imagine_still_ends_once_with_its_own_picture(rig: Rig, fault: dict[str, Any]) -> None:
    """Each incident is named by the test's id; progress never goes back and nothing is sent a second time."""
    await rig.control("faults", **fault)
    task = await rig.imagine("a red fox")
    seen = [each async for each in rig.engine.watch.watch(task.id)]

    assert seen[-1].state is State.SUCCEEDED, seen[-1].failure
    assert [each.progress for each in seen] == sorted(each.progress for each in seen)
    assert [each.state.is_terminal for each in seen].count(True) == 1
    assert len(posts(rig)) == len(jobs(rig)) == 1
    await eventually(lambda: faults(rig, fault["fault"]) >= 1, "the fault happened, be it after the end")
    await assert_own_picture(rig, seen[-1])


FINAL_EDIT = {"event": "MESSAGE_UPDATE", "content": FINAL}
EDIT_INCIDENTS: dict[str, dict[str, Any]] = {
    "the final edit is lost": {"fault": "EventLost", **FINAL_EDIT},
    "every edit is lost": {"fault": "EventLost", "event": "MESSAGE_UPDATE"} | EVERY,
    "the final edit comes twice": {"fault": "EventDuplicated", **FINAL_EDIT},
    "the final edit comes before the last percent": {
        "fault": "EventDelayed",
        "event": "MESSAGE_UPDATE",
        "content": r"\(93%\)",
        "bot_seconds": 60,
    },
    "the final edit comes before the start": {
        "fault": "EventDelayed",
        "event": "MESSAGE_CREATE",
        "content": START,
        "bot_seconds": 80,
    },
    "the start is lost": {"fault": "EventLost", "event": "MESSAGE_CREATE", "content": START},
    "the final edit names no interaction": {
        "fault": "FieldsMissing",
        **FINAL_EDIT,
        "fields": ["nonce", "interaction", "interaction_metadata"],
    },
}


@pytest.mark.parametrize("fault", EDIT_INCIDENTS.values(), ids=EDIT_INCIDENTS.keys())
@pytest.mark.parametrize("has_nonce", [False, True])
async def test_a_progress_message_still_becomes_the_picture(
    simulator: Simulator, tmp_path: Path, fault: dict[str, Any], has_nonce: bool
) -> None:
    """The result comes by an edit of the progress message, whose id stays; its buttons lead on."""
    async with stage(simulator, tmp_path, idle_timeout=4) as rig:
        await rig.control("options", final_message="edit", final_has_nonce=has_nonce)
        await rig.control("faults", **fault)
        grid = await rig.succeeded(await rig.imagine("a red fox"))
        varied = await rig.succeeded(await rig.change(grid, Action.VARIATION, 2))

        await eventually(lambda: faults(rig, fault["fault"]) >= 1, "the fault happened, be it after the end")
        assert len(posts(rig)) == len(jobs(rig)) == 2
        assert not [line for line in rig.journal("event") if line["event"] == "MESSAGE_DELETE"]
        for task in (grid, varied):
            await assert_own_picture(rig, task)


PICK_INCIDENTS: dict[str, dict[str, Any]] = {
    "the pick itself is lost": {"fault": "EventLost", "event": "MESSAGE_CREATE", "content": "Image #3"},
    "the pick comes twice": {"fault": "EventDuplicated", "event": "MESSAGE_CREATE", "content": "Image #3"},
    "the interaction's creation is lost": {"fault": "EventLost", "event": "INTERACTION_CREATE"},
    "the interaction's success is lost": {"fault": "EventLost", "event": "INTERACTION_SUCCESS"},
    "the pick refers to nothing": {
        "fault": "FieldsMissing",
        "event": "MESSAGE_CREATE",
        "content": "Image #3",
        "fields": ["message_reference", "referenced_message", "nonce"],
    },
}


@pytest.mark.parametrize("fault", PICK_INCIDENTS.values(), ids=PICK_INCIDENTS.keys())
async def test_a_pick_still_ends_with_its_own_picture(quick: Rig, fault: dict[str, Any]) -> None:
    """A pick has one message only: no percent announces it, and its nonce is rarely there."""
    grid = await quick.succeeded(await quick.imagine("a red fox"))
    await quick.control("faults", **fault)
    picked = await quick.succeeded(await quick.change(grid, Action.UPSCALE, 3))

    assert faults(quick, fault["fault"]) == 1
    await assert_own_picture(quick, picked)


WAYS: dict[str, dict[str, Any]] = {
    "previews are single steps": {"preview_style": "step_jpeg"},
    "the final message names its interaction": {"final_has_metadata": True},
    "the result carries its nonce": {"final_has_nonce": True},
    "the progress message becomes the result": {"final_message": "edit"},
    "the progress message becomes the result, with its nonce": {"final_message": "edit", "final_has_nonce": True},
    "results come either way": {"final_message": "random", "final_has_nonce": None},
    "a start announces what is made": {"start_announces": True},
    "nothing of the progress is kept to be cancelled": {"cancel_button": False},
    "the picture comes before the parent is marked": {"restyle_first": False},
    "the parent is marked before or after": {"restyle_first": None},
    "the start message is empty": {"start_content_empty": True},
    "the success comes before the start message": {"success_before_start": True},
    "the success comes after the start message": {"success_before_start": False},
    "the progress message goes before the final comes": {"delete_before_final": True},
    "the progress message goes after the final came": {"delete_before_final": False},
    "every message advertises": {"website_token_probability": 1.0, "promo_line_probability": 1.0},
    "no message advertises": {"website_token_probability": 0.0, "promo_line_probability": 0.0},
    "a pressed button is not marked": {"parent_restyle": False},
}


@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS.keys())
async def test_either_way_of_the_bot_leads_to_the_own_picture(rig: Rig, options: dict[str, Any]) -> None:
    """What the real bot does either way, or did at another time; each is named by the test's id."""
    await rig.control("options", **options)
    grid = await rig.succeeded(await rig.imagine("a red fox"))
    picked, varied = await rig.change(grid, Action.UPSCALE, 2), await rig.change(grid, Action.VARIATION, 2)

    for task in (grid, await rig.succeeded(picked), await rig.succeeded(varied)):
        await assert_own_picture(rig, task)
    assert len(posts(rig)) == 3


async def test_an_edit_of_the_parent_is_not_progress(rig: Rig) -> None:
    """After a press the bot edits the grid to show the used button; old proxies read that as the new Task's end."""
    grid = await rig.succeeded(await rig.imagine("a red fox"))
    varied = await rig.change(grid, Action.VARIATION, 1)
    ended = await rig.succeeded(varied)

    assert ended.message_id != grid.message_id
    await assert_own_picture(rig, ended)


async def test_a_used_button_shows_on_the_parent(rig: Rig) -> None:
    """The grid's own Task learns that U1 was used, as the people in the channel see it."""
    grid = await rig.succeeded(await rig.imagine("a red fox"))
    await rig.succeeded(await rig.change(grid, Action.UPSCALE, 1))

    def marked(task: Task) -> set[str]:
        return {button.label for button in task.buttons if button.style == BLUE}

    assert marked(await later(rig, grid, lambda task: bool(marked(task)))) == {"U1"}
