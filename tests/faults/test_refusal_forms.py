"""Refusals in each form and place in which the bot was seen to say them: the Task ends at once, with the words."""

from pathlib import Path

import pytest
from discord_simulator.app import Simulator
from midway.domain.account import AccountState
from midway.domain.action import Action
from midway.domain.errors import Reason
from midway.domain.task import State

from tests.faults.stage import stage
from tests.support.rig import Rig
from tests.support.upstream import assert_own_picture, in_state

ACTIVE, PAUSED = AccountState.ACTIVE, AccountState.PAUSED

FORMS: dict[str, tuple[Reason, AccountState]] = {
    "__banned_image": (Reason.MODERATED, ACTIVE),
    "__empty": (Reason.INVALID_PROMPT, ACTIVE),
    "__restricted": (Reason.UPSTREAM_REJECTED, ACTIVE),
    "__restricted __as_reply": (Reason.UPSTREAM_REJECTED, ACTIVE),
    "__appeal": (Reason.MODERATED, ACTIVE),
    "__appeal __uncoloured": (Reason.MODERATED, ACTIVE),
    "__task_needed": (Reason.VERIFICATION_REQUIRED, PAUSED),
    "__task_needed __as_reply": (Reason.VERIFICATION_REQUIRED, PAUSED),
    "__declined": (Reason.MODERATED, ACTIVE),
    "__declined __as_answer": (Reason.MODERATED, ACTIVE),
    "__declined __as_edit": (Reason.MODERATED, ACTIVE),
    "__slow_down": (Reason.UPSTREAM_REJECTED, ACTIVE),
    "__slow_down __as_answer": (Reason.UPSTREAM_REJECTED, ACTIVE),
    "__incomplete": (Reason.UPSTREAM_REJECTED, ACTIVE),
    "__bad_response": (Reason.UPSTREAM_REJECTED, ACTIVE),
    "__filtered_image": (Reason.MODERATED, ACTIVE),
    "__stopped": (Reason.UPSTREAM_REJECTED, ACTIVE),
    "__banned __uncoloured": (Reason.MODERATED, ACTIVE),
    "__banned __as_reply": (Reason.MODERATED, ACTIVE),
    "__banned __as_edit __uncoloured": (Reason.MODERATED, ACTIVE),
    "__blocked __uncoloured": (Reason.ACCOUNT_PAUSED, PAUSED),
    "__invalid_param __as_text": (Reason.INVALID_PROMPT, ACTIVE),
    "__invalid_param __as_text __as_reply": (Reason.INVALID_PROMPT, ACTIVE),
    "__invalid_param __as_text __as_edit": (Reason.INVALID_PROMPT, ACTIVE),
}


@pytest.mark.parametrize(("words", "expected"), FORMS.items(), ids=FORMS.keys())
async def test_a_refusal_is_known_in_every_form(rig: Rig, words: str, expected: tuple[Reason, AccountState]) -> None:
    """Each is named by the test's id; nothing waits for a deadline."""
    reason, state = expected
    ended = await rig.ended(await rig.imagine(f"a red fox {words}"))
    await in_state(rig, state)

    assert ended.failure is not None
    assert (ended.state, ended.failure.reason) == (State.FAILED, reason)


@pytest.mark.parametrize("red", [16711680, 15548997])
async def test_both_reds_are_errors(rig: Rig, red: int) -> None:
    """Midjourney's own and Discord's."""
    await rig.control("options", error_red=red)
    ended = await rig.ended(await rig.imagine("a red fox __unknown_red"))

    assert ended.failure is not None
    assert ended.failure.reason is Reason.UPSTREAM_REJECTED


@pytest.mark.parametrize("place", ["", "__as_reply", "__as_edit", "__as_text"])
async def test_unknown_words_end_the_task_soon_wherever_they_stand(
    simulator: Simulator, tmp_path: Path, place: str
) -> None:
    """In no alarming colour; the failure says them."""
    async with stage(simulator, tmp_path, unknown_remark_timeout=1) as rig:
        ended = await rig.ended(await rig.imagine(f"a red fox __unknown_red __uncoloured {place}"))

        assert ended.failure is not None
        assert "The moon is too full for this." in ended.failure.message


async def test_a_press_is_refused_and_its_parent_stays(rig: Rig) -> None:
    """`Slow Down!` replies to the picture pressed, without nonce or interaction."""
    grid = await rig.succeeded(await rig.imagine("a red fox __slow_down __on_press"))
    for action in (Action.UPSCALE, Action.VARIATION):
        ended = await rig.ended(await rig.change(grid, action, 1))
        assert ended.failure is not None
        assert ended.failure.reason is Reason.UPSTREAM_REJECTED

    assert await rig.store.get(grid.id) is not None
    await assert_own_picture(rig, grid)


async def test_a_paused_job_is_followed_to_its_picture(rig: Rig) -> None:
    """Neither (paused) nor a Cancel button makes a half-drawn picture the result."""
    await assert_own_picture(rig, await rig.succeeded(await rig.imagine("a red fox __paused")))


@pytest.mark.parametrize("kind", ["link", "article", "image", "video"])
@pytest.mark.parametrize("title", ["Banned prompt detected", "Blocked", "Internal error"])
async def test_the_title_of_a_linked_page_is_nobodys_word(rig: Rig, kind: str, title: str) -> None:
    """Whoever owns the page chooses it: it neither fails a Task nor pauses an account."""
    await rig.control("options", link_previews=kind, link_preview_title=title)
    await rig.succeeded(await rig.imagine("https://pages.example/ a red fox"))

    assert rig.engine.accounts()[0].state is ACTIVE
